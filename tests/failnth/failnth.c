// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * failnth PART...: takes the paths of a part, and lets each place fail; see failnth.h. The
 * part "all" is to take all paths, to let nothing fail, and to see whether one is missing.
 * PEERBUF_FAILNTH, a regular expression, chooses paths by their names.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/peerbuf.h>

#include "failnth.h"
#include "list.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define TRACING "/sys/kernel/tracing"

/* No path has as many places. */
#define ENDLESS 3000
#define NEVER 1000000

/* Functions that no path can reach, and why. */
static const struct {
	const char *name, *why;
} unreached[] = {
	{ "dma_buf_iov_map", "no device here has virtual functions; tests/vm/52-iov.sh" },
	{ "dma_buf_iov_range", "the same" },
	{ "dma_buf_iov_unmap", "the same" },
	{ "iov_debugfs_dump", "the same" },
	{ "iov_finish_match", "the same" },
	{ "no_release", "the device must be closed while it exports" },
	{ "pci_error_detected", "the kernel's recovery thread calls it; tests/vm/24-aer.sh" },
	{ "pci_resume", "the same" },
	{ "peerbuf_pci_sriov_configure", "no device here has virtual functions; tests/vm/29-sriov.sh" },
	{ "peerbuf_provider_is_blocked", "the same" },
};

static int nth_fd, kmsg_fd, trace_fd;
static int points, failed;

void diag(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
}

void must_be(bool good, const char *what, int line)
{
	if (good)
		return;
	printf("Bail out! line %d: %s (errno %d)\n", line, what, errno);
	fflush(stdout);
	_exit(1);
}

static void point(bool good, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, name);
	fflush(stdout);
	failed += !good;
}

/* ------------------------------------------------------------- what was called */

static bool armed;
static bool commanded[N(commands)];
static bool reached[N(functions)];

int __real_ioctl(int fd, unsigned long request, unsigned long arg);
int __wrap_ioctl(int fd, unsigned long request, unsigned long arg);

/* All ioctls of the paths and of the library come through here. */
int __wrap_ioctl(int fd, unsigned long request, unsigned long arg)
{
	unsigned long nr = request;
	size_t i;

	if (request == VFIO_DEVICE_FEATURE)
		nr = FEATURE(((struct vfio_device_feature *)arg)->flags &
			     VFIO_DEVICE_FEATURE_MASK);
	for (i = 0; armed && i < N(commands); i++)
		commanded[i] |= commands[i].nr == nr;
	return __real_ioctl(fd, request, arg);
}

static bool write_to(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | flags);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Every function of the list leaves a line in the trace. */
static void watch_functions(void)
{
	char line[256];
	size_t i;

	for (i = 0; i < N(functions); i++) {
		snprintf(line, sizeof(line), "p:failnth/%s__%s %s:%s\n", functions[i].module,
			 functions[i].name, functions[i].module, functions[i].name);
		if (!write_to(TRACING "/kprobe_events", O_APPEND, line)) {
			diag("no probe on %s:%s", functions[i].module, functions[i].name);
			failed++;
		}
	}
	must(write_to(TRACING "/events/failnth/enable", 0, "1"));
}

static void unwatch_functions(void)
{
	write_to(TRACING "/events/failnth/enable", 0, "0");
	write_to(TRACING "/kprobe_events", O_TRUNC, "\n");
}

static void note_functions(void)
{
	FILE *f = fopen(TRACING "/trace", "r");
	char line[512], *at, *end;
	size_t i;

	must(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		for (i = 0; i < N(functions); i++) {
			at = strstr(line, functions[i].module);
			end = at ? at + strlen(functions[i].module) : NULL;
			if (end && end[0] == '_' && end[1] == '_' &&
			    !strncmp(end + 2, functions[i].name, strlen(functions[i].name)) &&
			    end[2 + strlen(functions[i].name)] == ':')
				reached[i] = true;
		}
	}
	fclose(f);
	must(write_to(TRACING "/trace", O_TRUNC, ""));
}

/* ---------------------------------------------------------------------- leaks */

/**
 * struct balance - what a path must leave as it found it
 * @fds: open files of this process
 * @buffers: in the kernel
 * @pinned: pages that somebody has pinned
 * @references: on the modules
 * @locked: kilobytes that count against RLIMIT_MEMLOCK
 */
struct balance {
	long fds, buffers, pinned, references, locked;
};

static long number_in(const char *path, const char *key)
{
	FILE *f = fopen(path, "r");
	char line[512];
	long value = 0;

	must(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		if (!*key && *line != '\n')
			value++;
		else if (*key && !strncmp(line, key, strlen(key)))
			value = atol(line + strlen(key));
	}
	fclose(f);
	return value;
}

static struct balance balance(void)
{
	static const char *const modules[] = {
		"peerbuf_core", "peerbuf_ram", "vfio_pci_peerbuf", "vfio_iommu_peerbuf",
	};
	struct balance b = {};
	char path[128];
	DIR *dir = opendir("/proc/self/fd");
	size_t i;

	must(dir != NULL);
	while (readdir(dir))
		b.fds++;
	closedir(dir);
	b.buffers = number_in("/sys/kernel/debug/peerbuf/buffers", "");
	/* Counters of each processor are added up when asked to be. */
	write_to("/proc/sys/vm/stat_refresh", 0, "1");
	b.pinned = number_in("/proc/vmstat", "nr_foll_pin_acquired ") -
		   number_in("/proc/vmstat", "nr_foll_pin_released ");
	b.locked = number_in("/proc/self/status", "VmLck:");
	for (i = 0; i < N(modules); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/sys/module/%s/refcnt", modules[i]);
		f = fopen(path, "r");
		must(f != NULL);
		if (fgets(path, sizeof(path), f))
			b.references += atol(path);
		fclose(f);
	}
	return b;
}

static bool balanced(const struct balance *before)
{
	struct balance now;
	int tries;

	/* What is freed later than it is given up takes a moment. */
	for (tries = 0; tries < 50; tries++) {
		now = balance();
		if (!memcmp(&now, before, sizeof(now)))
			return true;
		usleep(20000);
	}
	diag("left: %ld files, %ld buffers, %ld pinned pages, %ld references, %ld kB locked",
	     now.fds - before->fds, now.buffers - before->buffers,
	     now.pinned - before->pinned, now.references - before->references,
	     now.locked - before->locked);
	return false;
}

/* --------------------------------------------------------------------- failing */

static void set_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	/* To disarm copies a number from user space, which is a place, too. */
	while (pwrite(nth_fd, text, len, 0) != len)
		;
}

/* How much was left when the path was done; 0 when something has failed. */
static unsigned int left(void)
{
	char text[16] = "";

	/* The last place may have been the copy of this answer: none of the path's. */
	if (pread(nth_fd, text, sizeof(text) - 1, 0) <= 0)
		return 1;
	return strtoul(text, NULL, 10);
}

enum kind { NOTHING, MEMORY, COPY };

/* The kernel's log says what it let fail; of an allocation that may, it does not. */
static enum kind what_failed(void)
{
	enum kind kind = MEMORY;
	char text[8192];
	ssize_t len;

	while ((len = read(kmsg_fd, text, sizeof(text) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		text[len > 0 ? len : 0] = '\0';
		if (strstr(text, "name fail_usercopy"))
			kind = COPY;
	}
	return kind;
}

/**
 * struct outcome - one try of a path
 * @result: what it returned
 * @kind: what failed
 */
struct outcome {
	int result;
	enum kind kind;
};

static struct outcome try(const struct path *p, unsigned int n, unsigned int *rest)
{
	struct outcome o = {};

	if (p->before)
		p->before();
	what_failed();
	armed = true;
	set_nth(n);
	o.result = p->act();
	*rest = left();
	set_nth(0);
	armed = false;
	if (!*rest)
		o.kind = what_failed();
	return o;
}

static bool right(const struct path *p, struct outcome o)
{
	/* There may be another way, or what failed was not that important. */
	if (o.result >= 0)
		return true;
	return !p->silent && (o.result == (o.kind == COPY ? -EFAULT : -ENOMEM) ||
			      (p->also && o.result == p->also));
}

/* Everything on the path works. How many places there are. */
static unsigned int count_places(const struct path *p, bool *good)
{
	unsigned int rest;
	struct outcome o;

	if (write(trace_fd, "1", 1) != 1)
		must(false);
	o = try(p, NEVER, &rest);
	*good = o.result >= 0 && rest && (!p->holds || p->holds(o.result));
	if (!*good)
		diag("without a failure it returned %d", o.result);
	p->undo();
	if (write(trace_fd, "0", 1) != 1)
		must(false);
	note_functions();
	return NEVER - rest;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void walk(const struct path *p)
{
	bool good;

	count_places(p, &good);
	if (!good)
		point(false, p->name);
}

static void sweep(const struct path *p)
{
	double begin = now();
	unsigned int n, rest, places, failures = 0, copies = 0;
	struct balance before;
	char name[256];
	bool good;

	/* The first time leaves behind what is kept for the next: caches, page tables. */
	count_places(p, &good);
	before = balance();
	places = count_places(p, &good);
	for (n = 1; good && n < ENDLESS; n++) {
		struct outcome o = try(p, n, &rest), again;
		bool held = !p->holds || p->holds(o.result);

		p->undo();
		if (rest) {
			good = o.result >= 0;
			break;
		}
		failures += o.result < 0;
		copies += o.kind == COPY;
		again = (struct outcome) {};
		if (!p->slow) {
			again = try(p, 0, &rest);
			held &= !p->holds || p->holds(again.result);
			p->undo();
		}
		if (!right(p, o) || !held || again.result < 0) {
			diag("place %u, %s: returned %d%s, then %d", n,
			     o.kind == COPY ? "a copy" : "memory", o.result,
			     held ? "" : ", and something does not hold", again.result);
			good = false;
		}
	}
	good &= balanced(&before) && n < ENDLESS;
	snprintf(name, sizeof(name), "%s: %u places, %u failures seen, %u of copies", p->name,
		 n - 1, failures, copies);
	if (now() - begin > 5)
		diag("%.1f seconds", now() - begin);
	if (n - 1 < places / 2)
		diag("%u places were counted at first", places);
	point(good, name);
}

/* --------------------------------------------------------------- and all of it */

static bool is_unreached(const char *name)
{
	size_t i;

	for (i = 0; i < N(unreached); i++)
		if (!strcmp(unreached[i].name, name))
			return true;
	return false;
}

static void check_complete(void)
{
	bool all = true;
	size_t i;

	for (i = 0; i < N(commands); i++) {
		if (!commanded[i])
			diag("no path has %s", commands[i].name);
		all &= commanded[i];
	}
	point(all, "every ioctl is on a path");
	all = true;
	for (i = 0; i < N(functions); i++) {
		if (reached[i] == !is_unreached(functions[i].name))
			continue;
		diag("%s path reaches %s of %s", reached[i] ? "a" : "no", functions[i].name,
		     functions[i].module);
		all = false;
	}
	point(all, "every function that the kernel or another module can call is on a path");
}

static void set_faults(void)
{
	static const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "failslab/verbose", "1" },
		{ "fail_page_alloc/verbose", "1" },
		{ "fail_usercopy/verbose", "1" },
	};
	char path[128];
	size_t i;

	for (i = 0; i < N(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		must(write_to(path, 0, settings[i][1]));
	}
}

static bool is_wanted(const struct path *p, const char *part, const regex_t *wanted)
{
	return p->part && !strcmp(p->part, part) && !regexec(wanted, p->name, 0, NULL, 0);
}

/* No path is missing. */
static void take_all(void)
{
	size_t i;

	watch_functions();
	for (i = 0; i < nr_paths; i++)
		walk(&paths[i]);
	unwatch_functions();
	check_complete();
}

int main(int argc, char **argv)
{
	const char *only = getenv("PEERBUF_FAILNTH");
	regex_t wanted;
	size_t i;
	int part;

	must(!regcomp(&wanted, only ?: ".", REG_EXTENDED | REG_NOSUB));
	nth_fd = open("/proc/self/fail-nth", O_RDWR);
	kmsg_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	trace_fd = open(TRACING "/tracing_on", O_WRONLY);
	must(nth_fd >= 0 && kmsg_fd >= 0 && trace_fd >= 0 && write(trace_fd, "0", 1) == 1);
	lseek(kmsg_fd, 0, SEEK_END);
	set_faults();
	paths_setup();
	/* Page faults of ours are no places of the path. */
	must(!mlockall(MCL_CURRENT));
	for (part = 1; part < argc; part++) {
		if (!strcmp(argv[part], "all")) {
			if (!only)
				take_all();
			continue;
		}
		for (i = 0; i < nr_paths; i++)
			if (is_wanted(&paths[i], argv[part], &wanted))
				sweep(&paths[i]);
	}
	paths_teardown();
	if (!points)
		fprintf(stderr, "failnth: there is no such path\n");
	return failed || !points ? 1 : 0;
}
