// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stress EXPORTER-BDF EXPORTER-BDF IMPORTER-BDF SECONDS [SEED]
 *
 * See stress.h. Prints test points; the last one is whether all invariants held.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

struct tally *tally;

uint64_t pick(struct random *r, uint64_t below)
{
	r->state = r->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (r->state >> 33) % below;
}

void violated(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# violated: ");
	vprintf(format, args);
	printf("\n");
	fflush(stdout);
	va_end(args);
	COUNT(violations);
}

int receive(struct random *r, struct gift *gift)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd = -1;
	struct timeval limit = { .tv_usec = 200000 };

	snprintf(addr.sun_path, sizeof(addr.sun_path), SOCKET_PATH,
		 (unsigned int)pick(r, EXPORTERS));
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) ||
	    peerbuf_recv_fd(sock, &fd, gift, sizeof(*gift)) != sizeof(*gift)) {
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	close(sock);
	return fd;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/*
 * When a process dies, or its device is reset, is counted in steps that it made. Counted in
 * seconds, a kernel slow enough would never get further than to open the device.
 */
struct child {
	const char *bdf;
	unsigned int number;
	void (*run)(const char *bdf, unsigned int number, uint64_t seed);
	const uint64_t *steps;
	pid_t pid;
	uint64_t die_at;	/* of its steps */
	double die_by;		/* whatever it did: it may wait for what never comes */
};

static uint64_t steps_of(const struct child *c)
{
	return __atomic_load_n(c->steps, __ATOMIC_SEQ_CST);
}

static void keep_alive(struct child *c, struct random *r)
{
	uint64_t seed = pick(r, 1ULL << 31);
	int status;

	if (c->pid && waitpid(c->pid, &status, WNOHANG) == c->pid) {
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			violated("a process died of signal %d", WTERMSIG(status));
		c->pid = 0;
	}
	if (c->pid)
		return;
	/* Some die while they start. */
	c->die_at = steps_of(c) + (pick(r, 6) ? pick(r, 600) : 0);
	c->die_by = now() + 30;
	fflush(stdout);
	c->pid = fork();
	if (!c->pid)
		c->run(c->bdf, c->number, seed);
}

/*
 * QEMU 7.2 dies if its NVMe controller is reset, as VFIO does when its owner is gone, while
 * a command is under way (nvme_rw_complete_cb() uses what the reset has freed). So the
 * importer is stopped first, and killed when it is caught between two commands.
 */
static void kill_child(struct child *c)
{
	int tries;

	if (!c->pid)
		return;
	for (tries = 0; tries < 1000; tries++) {
		kill(c->pid, SIGSTOP);
		usleep(1000);
		if (c->run != run_importer || !__atomic_load_n(&tally->dma, __ATOMIC_SEQ_CST))
			break;
		kill(c->pid, SIGCONT);
		usleep(1000);
	}
	kill(c->pid, SIGKILL);
	/* Once is enough; it may take a while to let go of its devices. */
	c->die_at = UINT64_MAX;
	c->die_by = HUGE_VAL;
	COUNT(kills);
}

/* By root, behind the owner's back; in a process of its own, as it may have to wait. */
static void reset_by_sysfs(const struct child *c)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", c->bdf);
	__atomic_store_n(&tally->resetting[c->number], true, __ATOMIC_SEQ_CST);
	if (fork())
		return;
	fd = open(path, O_WRONLY);
	if (fd >= 0 && write(fd, "1", 1) == 1)
		COUNT(sysfs_resets);
	__atomic_store_n(&tally->resetting[c->number], false, __ATOMIC_SEQ_CST);
	_exit(0);
}

/* What the machine is for and what there was none of, or NULL. */
static const char *missing(void)
{
	return !tally->opens ? "opens" :
	       !tally->exports ? "exports" :
	       !tally->withdrawals ? "withdrawals" :
	       !tally->maps ? "maps" :
	       !tally->reads ? "reads" :
	       !tally->revoked_seen ? "revoked mappings seen" :
	       !tally->views ? "views" :
	       !tally->looks ? "accesses through a view" :
	       !tally->sigbuses ? "accesses to a buffer that was away" :
	       !tally->sysfs_resets ? "resets through sysfs" :
	       !tally->kills ? "kills" : NULL;
}

enum { IMPORTER = EXPORTERS, VIEWER, CHILDREN };

/* A slow kernel gets up to five times as long, until there was something of everything. */
static void chaos(struct child *child, struct random *r, double seconds)
{
	double end = now() + seconds, reset_by[EXPORTERS] = { 0 };
	uint64_t reset_at[EXPORTERS] = { 0 };
	int i;

	for (i = 0; i < EXPORTERS; i++)
		reset_by[i] = now() + 2;
	while (now() < end || (missing() && now() < end + 4 * seconds)) {
		for (i = 0; i < CHILDREN; i++) {
			keep_alive(&child[i], r);
			if (steps_of(&child[i]) >= child[i].die_at ||
			    now() >= child[i].die_by)
				kill_child(&child[i]);
		}
		usleep(pick(r, 50000));
		for (i = 0; i < EXPORTERS; i++) {
			if (__atomic_load_n(&tally->resetting[i], __ATOMIC_SEQ_CST))
				continue;
			if (steps_of(&child[i]) < reset_at[i] && now() < reset_by[i])
				continue;
			reset_by_sysfs(&child[i]);
			reset_at[i] = steps_of(&child[i]) + pick(r, 100);
			reset_by[i] = now() + 2 + pick(r, 8);
		}
	}
	for (i = 0; i < CHILDREN; i++)
		kill_child(&child[i]);
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

static void point(bool good, int *count, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++*count, name);
}

int main(int argc, char **argv)
{
	struct child child[CHILDREN] = {
		{ .run = run_exporter },
		{ .run = run_exporter, .number = 1 },
		[IMPORTER] = { .run = run_importer },
		[VIEWER] = { .run = run_viewer },
	};
	struct random r;
	int count = 0, i;

	if (argc < 5) {
		fprintf(stderr, "usage: stress EXPORTER-BDF EXPORTER-BDF IMPORTER-BDF SECONDS [SEED]\n");
		return 2;
	}
	r.state = argc > 5 ? strtoull(argv[5], NULL, 0) : (uint64_t)time(NULL);
	printf("# seed %llu\n", (unsigned long long)r.state);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	for (i = 0; i < EXPORTERS; i++) {
		child[i].bdf = argv[1 + i];
		child[i].steps = &tally->exporter_steps[i];
	}
	child[IMPORTER].bdf = argv[1 + EXPORTERS];
	child[IMPORTER].steps = &tally->importer_steps;
	child[VIEWER].steps = &tally->viewer_steps;

	chaos(child, &r, atof(argv[4]));

#define SHOW(what) printf("# " #what " %llu\n", (unsigned long long)tally->what)
	SHOW(opens);
	SHOW(exports);
	SHOW(withdrawals);
	SHOW(toggles);
	SHOW(resets);
	SHOW(sysfs_resets);
	SHOW(maps);
	SHOW(refused);
	SHOW(unmaps);
	SHOW(queries);
	SHOW(revoked_seen);
	SHOW(reads);
	SHOW(views);
	SHOW(looks);
	SHOW(sigbuses);
	SHOW(kills);
	SHOW(exporter_steps[0]);
	SHOW(exporter_steps[1]);
	SHOW(importer_steps);
	SHOW(viewer_steps);
	if (missing())
		fprintf(stderr, "stress: there were no %s\n", missing());
	point(!missing(), &count, "the machine did something of everything");
	point(!tally->violations, &count, "every invariant held");
	return tally->violations ? 1 : 0;
}
