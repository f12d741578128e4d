// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * owner: ssd-exporter for tests. It does to its device all that an owner can do to take
 * the memory away, also what a well-behaved program would not. ssd-importer gets its
 * buffer; commands come on standard input.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <peerbuf.h>

#include "crc32.h"
#include "program.h"

#define BAR		VFIO_PCI_BAR2_REGION_INDEX
#define MAX_GROUPS	16

struct owner {
	struct vfio_region_dma_range range;
	struct peerbuf_container *container;
	struct peerbuf_device *device;		/* NULL once closed */
	struct peerbuf_device *sibling;		/* or NULL */
	int buffer;				/* dma-buf of the device */
	int sibling_buffer;			/* or -1: it cannot export, or is not there */
	int events[3];				/* wakeup, request and error eventfds */
	int listener;
	const char *socket_path;
};

enum { WAKEUP, REQUEST, ERROR };

static const char *const event_names[] = { "wakeup", "request", "error" };

static void answer_result(const char *name, int err, double begin)
{
	if (err < 0)
		answer_error("%s: %s", name, strerror(-err));
	else
		answer("%s elapsed_ms=%.3f", name, 1e3 * (seconds_now() - begin));
}

static int call(struct peerbuf_device *device, unsigned long request, void *arg)
{
	int ret = ioctl(peerbuf_device_fd(device), request, arg);

	return ret < 0 ? -errno : ret;
}

/* -------------------------------------------------------------- config space */

static int config_read(struct owner *o, uint32_t at, void *data, size_t length)
{
	return peerbuf_device_read(o->device, VFIO_PCI_CONFIG_REGION_INDEX, at, data, length);
}

static int config_write(struct owner *o, uint32_t at, const void *data, size_t length)
{
	return peerbuf_device_write(o->device, VFIO_PCI_CONFIG_REGION_INDEX, at, data, length);
}

/* Where a capability is, or a negative errno. */
static int capability(struct owner *o, uint8_t id)
{
	uint8_t at = 0, header[2] = { 0, 0 };
	int err, n;

	err = config_read(o, PCI_CAPABILITY_LIST, &at, 1);
	for (n = 0; !err && at && n < 48; n++) {
		err = config_read(o, at, header, 2);
		if (!err && header[0] == id)
			return at;
		at = header[1];
	}
	return err ? err : -ENOENT;
}

static bool do_flr(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;
	int at = capability(o, PCI_CAP_ID_EXP);
	uint16_t control;
	int err = at;

	(void)args;
	if (at > 0)
		err = config_read(o, (uint32_t)at + PCI_EXP_DEVCTL, &control, 2);
	if (err >= 0) {
		control |= PCI_EXP_DEVCTL_BCR_FLR;
		err = config_write(o, (uint32_t)at + PCI_EXP_DEVCTL, &control, 2);
	}
	answer_result("flr", err, begin);
	return true;
}

/* The same, as conventional PCI has it. */
static bool do_af_flr(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;
	int at = capability(o, PCI_CAP_ID_AF);
	uint8_t control = PCI_AF_CTRL_FLR;
	int err = at;

	(void)args;
	if (at > 0)
		err = config_write(o, (uint32_t)at + PCI_AF_CTRL, &control, 1);
	answer_result("af-flr", err, begin);
	return true;
}

/* power 0 .. power 3 */
static bool do_power(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;
	int at = capability(o, PCI_CAP_ID_PM);
	uint16_t control;
	int err = at;

	if (at > 0)
		err = config_read(o, (uint32_t)at + PCI_PM_CTRL, &control, 2);
	if (err >= 0) {
		control &= (uint16_t)~PCI_PM_CTRL_STATE_MASK;
		control |= (uint16_t)strtoul(args[0], NULL, 0) & PCI_PM_CTRL_STATE_MASK;
		err = config_write(o, (uint32_t)at + PCI_PM_CTRL, &control, 2);
	}
	answer_result("power", err, begin);
	return true;
}

static bool do_memory(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;
	bool on = !strcmp(args[0], "on");
	int command = peerbuf_device_command(o->device, on ? PCI_COMMAND_MEMORY : 0,
					     on ? 0 : PCI_COMMAND_MEMORY);

	if (command >= 0 && !(command & PCI_COMMAND_MEMORY) == on)
		command = -EIO;
	answer_result("memory", command, begin);
	return true;
}

/* Memory decode off by one write that begins AT and covers LENGTH bytes. */
static bool do_wide(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;
	uint32_t at = (uint32_t)strtoul(args[0], NULL, 0);
	uint32_t length = (uint32_t)strtoul(args[1], NULL, 0);
	uint8_t bytes[PCI_STD_HEADER_SIZEOF] = { 0 };
	int err = -EINVAL;

	if (at <= PCI_COMMAND && at + length > PCI_COMMAND && at + length <= sizeof(bytes)) {
		err = config_read(o, at, bytes, length);
		bytes[PCI_COMMAND - at] &= (uint8_t)~PCI_COMMAND_MEMORY;
	}
	if (!err)
		err = config_write(o, at, bytes, length);
	answer_result("wide", err, begin);
	return true;
}

/* unreadable command|power: two bytes to the register, from a page that is not there. */
static bool do_unreadable(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;
	bool power = !strcmp(args[0], "power");
	int at = power ? capability(o, PCI_CAP_ID_PM) : PCI_COMMAND;
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = page == MAP_FAILED ? -errno : at;

	if (err >= 0)
		err = config_write(o, (uint32_t)at + (power ? PCI_PM_CTRL : 0), page, 2);
	if (page != MAP_FAILED)
		munmap(page, 4096);
	answer_result("unreadable", err, begin);
	return true;
}

/* ------------------------------------------------------------- buffer's state */

static const char *const state_names[] = {
	[PEERBUF_STATE_LIVE] = "live",
	[PEERBUF_STATE_REVOKING] = "revoking",
	[PEERBUF_STATE_REVOKED] = "revoked",
	[PEERBUF_STATE_DEAD] = "dead",
};

static int get_info(struct peerbuf_device *device, int buffer,
		    struct peerbuf_device_query_buffer *query)
{
	*query = (struct peerbuf_device_query_buffer) {
		.argsz = sizeof(*query),
		.dmabuf_fd = buffer,
	};
	return peerbuf_device_query_buffer(device, query);
}

static bool query(struct peerbuf_device *device, int buffer)
{
	struct peerbuf_device_query_buffer info;
	int err = get_info(device, buffer, &info);

	if (err)
		answer_error("query: %s", strerror(-err));
	else
		answer("query state=%s attachments=%u revokes=%llu restores=%llu",
		       state_names[info.state & 3], info.attachments,
		       (unsigned long long)info.revokes, (unsigned long long)info.restores);
	return true;
}

static bool do_query(void *program, char **args)
{
	struct owner *o = program;

	(void)args;
	return query(o->device, o->buffer);
}

static bool do_query_sibling(void *program, char **args)
{
	struct owner *o = program;

	(void)args;
	return query(o->sibling, o->sibling_buffer);
}

/* ------------------------------------- writes that change while they are read */

struct changer {
	pthread_t thread;
	bool stop;			/* atomic */
	volatile uint8_t *byte;		/* flips between two values, or */
	void *page;			/* comes and goes */
	uint8_t values[2];
};

static void *change(void *arg)
{
	struct changer *c = arg;
	unsigned int n, seed = 1;
	volatile int pause;

	for (n = 0; !__atomic_load_n(&c->stop, __ATOMIC_RELAXED); n++) {
		if (c->byte) {
			*c->byte = c->values[n & 1];
			continue;
		}
		mprotect(c->page, 4096, n & 1 ? PROT_NONE : PROT_READ | PROT_WRITE);
		/* Or the writer would meet the page in the same state each time. */
		for (pause = rand_r(&seed) % 20000; pause; pause--)
			;
	}
	return NULL;
}

/* One write; a page that is not there is no failure. Counts what was seen. */
struct race {
	unsigned int done, faults;
	unsigned int off;		/* the write has switched memory off */
	unsigned int raced;		/* the value changed between two looks at it */
	unsigned int wrong;		/* the buffer's state is not what the device's is */
};

static int race_once(struct owner *o, const void *from, off_t at, struct race *race)
{
	struct peerbuf_device_query_buffer before, after;
	int command, err;

	/* Each write finds memory on. */
	command = peerbuf_device_command(o->device, PCI_COMMAND_MEMORY, 0);
	err = get_info(o->device, o->buffer, &before);
	if (command < 0 || err)
		return command < 0 ? command : err;
	if (pwrite(peerbuf_device_fd(o->device), from, 2, at) != 2) {
		race->faults++;
		return errno == EFAULT ? 0 : -errno;
	}
	race->done++;
	command = peerbuf_device_command(o->device, 0, 0);
	err = get_info(o->device, o->buffer, &after);
	if (command < 0 || err)
		return command < 0 ? command : err;
	if (command & PCI_COMMAND_MEMORY) {
		/* Taken away for a value that was not the one written. */
		race->raced += after.revokes != before.revokes;
		race->wrong += after.state != PEERBUF_STATE_LIVE;
	} else {
		race->off++;
		race->wrong += after.state != PEERBUF_STATE_REVOKED ||
			       after.revokes != before.revokes + 1;
	}
	return 0;
}

/* Each thing that a race is for was seen so often that it did not happen by chance. */
static bool enough(const struct race *race, bool flip)
{
	return race->off >= 50 && (flip ? race->raced : race->faults) >= 50;
}

/* race flip|page ROUNDS: at most */
static bool do_race(void *program, char **args)
{
	bool flip = !strcmp(args[0], "flip");
	unsigned long rounds = strtoul(args[1], NULL, 0);
	struct owner *o = program;
	struct changer changer = { .stop = false };
	struct peerbuf_region region;
	struct race race = { 0 };
	unsigned long n;
	uint8_t *page;
	int command, err;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	command = peerbuf_device_command(o->device, PCI_COMMAND_MEMORY, 0);
	err = peerbuf_device_region(o->device, VFIO_PCI_CONFIG_REGION_INDEX, &region);
	if (page == MAP_FAILED || command < 0 || err) {
		answer_error("race: the device does not answer");
		return true;
	}
	page[0] = (uint8_t)(command & ~PCI_COMMAND_MEMORY);
	page[1] = (uint8_t)(command >> 8);
	changer.values[0] = (uint8_t)command;
	changer.values[1] = page[0];
	if (flip)
		changer.byte = page;
	changer.page = page;
	err = -pthread_create(&changer.thread, NULL, change, &changer);
	for (n = 0; !err && n < rounds && !enough(&race, flip); n++)
		err = race_once(o, page, (off_t)(region.offset + PCI_COMMAND), &race);
	__atomic_store_n(&changer.stop, true, __ATOMIC_RELAXED);
	pthread_join(changer.thread, NULL);
	munmap(page, 4096);
	peerbuf_device_command(o->device, PCI_COMMAND_MEMORY, 0);
	if (err)
		answer_error("race: %s", strerror(-err));
	else
		answer("race done=%u faults=%u off=%u raced=%u wrong=%u", race.done,
		       race.faults, race.off, race.raced, race.wrong);
	return true;
}

/* --------------------------------------------------------------------- resets */

static bool do_reset(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;

	(void)args;
	answer_result("reset", peerbuf_device_reset(o->device), begin);
	return true;
}

/* resets SECONDS: as many as there is time for; busy ones are tried again */
static bool do_resets(void *program, char **args)
{
	double end = seconds_now() + strtod(args[0], NULL);
	struct owner *o = program;
	unsigned int done = 0, busy = 0;
	int err = 0;

	while (seconds_now() < end && (!err || err == -EAGAIN)) {
		err = peerbuf_device_reset(o->device);
		done += !err;
		busy += err == -EAGAIN;
	}
	if (err && err != -EAGAIN)
		answer_error("resets: %s", strerror(-err));
	else
		answer("resets done=%u busy=%u", done, busy);
	return true;
}

/*
 * pings SECONDS: takes memory away and gives it back all the time, for as long as that
 * takes; the longest is told.
 */
static bool do_pings(void *program, char **args)
{
	double end = seconds_now() + strtod(args[0], NULL), longest = 0, begin;
	struct owner *o = program;
	unsigned int done = 0;
	int err = 0;

	for (begin = seconds_now(); begin < end && err >= 0; done++) {
		double took;

		err = peerbuf_device_command(o->device, 0, PCI_COMMAND_MEMORY);
		if (err >= 0)
			err = peerbuf_device_command(o->device, PCI_COMMAND_MEMORY, 0);
		took = seconds_now() - begin;
		begin += took;
		if (took > longest)
			longest = took;
	}
	if (err < 0)
		answer_error("pings: %s", strerror(-err));
	else
		answer("pings done=%u longest_ms=%.0f", done, 1e3 * longest);
	return true;
}

/* The group descriptors that this process has: of the container, which keeps them. */
static uint32_t find_groups(int32_t *fds)
{
	uint32_t n = 0;
	int fd;

	for (fd = 0; fd < 256 && n < MAX_GROUPS; fd++) {
		char link[32], target[64] = "";

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof(target) - 1) > 0 &&
		    !strncmp(target, "/dev/vfio/", 10) && target[10] >= '0' &&
		    target[10] <= '9')
			fds[n++] = fd;
	}
	return n;
}

/* hot-reset self|sibling all|none: with all groups of this process, or with none */
static bool do_hot_reset(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;
	struct {
		struct vfio_pci_hot_reset head;
		int32_t groups[MAX_GROUPS];
	} reset = { .head = { .argsz = sizeof(reset) } };

	if (!strcmp(args[1], "all"))
		reset.head.count = find_groups(reset.groups);
	answer_result("hot-reset",
		      call(strcmp(args[0], "self") ? o->sibling : o->device,
			   VFIO_DEVICE_PCI_HOT_RESET, &reset), begin);
	return true;
}

/* ------------------------------------------------------------------ low power */

/* low-power entry|exit|wakeup, and probe-entry, probe-exit, which only ask */
static bool do_low_power(void *program, char **args)
{
	double begin = seconds_now();
	const char *what = args[0];
	struct owner *o = program;
	struct {
		struct vfio_device_feature head;
		struct vfio_device_low_power_entry_with_wakeup entry;
	} arg = {
		.head = { .argsz = sizeof(arg.head), .flags = VFIO_DEVICE_FEATURE_SET },
		.entry = { .wakeup_eventfd = o->events[WAKEUP] },
	};

	if (!strncmp(what, "probe-", 6)) {
		arg.head.flags |= VFIO_DEVICE_FEATURE_PROBE;
		what += 6;
	}
	if (!strcmp(what, "entry")) {
		arg.head.flags |= VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY;
	} else if (!strcmp(what, "exit")) {
		arg.head.flags |= VFIO_DEVICE_FEATURE_LOW_POWER_EXIT;
	} else {
		arg.head.flags |= VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP;
		arg.head.argsz = sizeof(arg);
		if (!strcmp(what, "bad-wakeup"))
			arg.entry.wakeup_eventfd = -1;
	}
	answer_result("low-power", call(o->device, VFIO_DEVICE_FEATURE, &arg), begin);
	return true;
}

/* --------------------------------------------------------------------- events */

static int event_index(const char *name)
{
	return !strcmp(name, "request") ? REQUEST : !strcmp(name, "error") ? ERROR : WAKEUP;
}

/* arm request|error: let VFIO signal it */
static bool do_arm(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;
	int which = event_index(args[0]);
	struct {
		struct vfio_irq_set head;
		int32_t fd;
	} set = {
		.head = {
			.argsz = sizeof(set),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = which == REQUEST ? VFIO_PCI_REQ_IRQ_INDEX :
						    VFIO_PCI_ERR_IRQ_INDEX,
			.count = 1,
		},
		.fd = o->events[which],
	};

	answer_result("arm", call(o->device, VFIO_DEVICE_SET_IRQS, &set), begin);
	return true;
}

/* wait wakeup|request|error SECONDS: how often it was signalled */
static bool do_wait(void *program, char **args)
{
	struct owner *o = program;
	int which = event_index(args[0]);
	uint64_t count = 0;
	int err = peerbuf_event_wait(o->events[which], 1000 * atoi(args[1]), &count);

	if (err && err != -ETIMEDOUT)
		answer_error("wait: %s", strerror(-err));
	else
		answer("wait event=%s count=%llu", event_names[which],
		       (unsigned long long)count);
	return true;
}

/* --------------------------------------------------------------------- memory */

/* Fill the range, or compute its checksum. Whole words: it is device memory. */
static int touch(struct owner *o, const uint8_t *byte, uint32_t *crc)
{
	uint64_t words = o->range.length / 8, copy, i;
	volatile uint64_t *word;
	void *addr;
	int err;

	err = peerbuf_device_command(o->device, 0, 0);
	if (err >= 0 && !(err & PCI_COMMAND_MEMORY))
		return -ENXIO;
	err = peerbuf_device_mmap(o->device, BAR, o->range.offset, o->range.length,
				  PROT_READ | PROT_WRITE, &addr);
	if (err)
		return err;
	word = addr;
	for (i = 0; i < words; i++) {
		if (byte) {
			word[i] = *byte * 0x0101010101010101ULL;
		} else {
			copy = word[i];
			*crc = crc32_update(*crc, &copy, sizeof(copy));
		}
	}
	/* A mapping that stays would delay the close of the device. */
	munmap(addr, o->range.length);
	return 0;
}

static bool do_fill(void *program, char **args)
{
	uint8_t byte = (uint8_t)strtoul(args[0], NULL, 0);
	double begin = seconds_now();

	answer_result("fill", touch(program, &byte, NULL), begin);
	return true;
}

static bool do_sum(void *program, char **args)
{
	uint32_t crc = 0;
	int err = touch(program, NULL, &crc);

	(void)args;
	if (err)
		answer_error("sum: %s", strerror(-err));
	else
		answer("sum crc32=%08x", crc);
	return true;
}

/* ------------------------------------------------------------------- the rest */

static bool do_close(void *program, char **args)
{
	double begin = seconds_now();
	struct owner *o = program;

	(void)args;
	peerbuf_device_close(o->device);
	o->device = NULL;
	answer_result("close", 0, begin);
	return true;
}

static const struct command commands[] = {
	{ "flr",	0, "",				do_flr },
	{ "af-flr",	0, "",				do_af_flr },
	{ "power",	1, "STATE",			do_power },
	{ "memory",	1, "on|off",			do_memory },
	{ "wide",	2, "AT LENGTH",			do_wide },
	{ "unreadable",	1, "REGISTER",			do_unreadable },
	{ "race",	2, "flip|page ROUNDS",		do_race },
	{ "query",	0, "",				do_query },
	{ "query-sibling", 0, "",			do_query_sibling },
	{ "reset",	0, "",				do_reset },
	{ "resets",	1, "SECONDS",			do_resets },
	{ "pings",	1, "SECONDS",			do_pings },
	{ "hot-reset",	2, "self|sibling all|none",	do_hot_reset },
	{ "low-power",	1, "entry|exit|wakeup|bad-wakeup|probe-...", do_low_power },
	{ "arm",	1, "request|error",		do_arm },
	{ "wait",	2, "wakeup|request|error SECONDS", do_wait },
	{ "fill",	1, "BYTE",			do_fill },
	{ "sum",	0, "",				do_sum },
	{ "close",	0, "",				do_close },
	{ "quit",	0, "",				do_quit },
	{ NULL, 0, NULL, NULL },
};

/* Open a device and export the range of its BAR; -1 in @buffer if it cannot. */
static int open_exporter(struct owner *o, const char *bdf, struct peerbuf_device **device,
			 int *buffer)
{
	int err = peerbuf_device_open(o->container, bdf, device);

	if (err) {
		answer_error("device %s cannot be opened: %s", bdf, open_reason(err));
		return err;
	}
	*buffer = -1;
	if (peerbuf_device_can_export(*device) > 0)
		*buffer = peerbuf_device_export(*device, BAR, O_RDWR, &o->range, 1);
	return 0;
}

static int start(struct owner *o, const char *bdf, const char *sibling)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int err, n;

	for (n = 0; n < 3; n++)
		o->events[n] = peerbuf_event_open();
	err = peerbuf_container_open(VFIO_TYPE1v2_IOMMU, &o->container);
	if (err) {
		answer_error("VFIO is not available: %s", strerror(-err));
		return err;
	}
	err = open_exporter(o, bdf, &o->device, &o->buffer);
	if (!err && sibling)
		err = open_exporter(o, sibling, &o->sibling, &o->sibling_buffer);
	if (err)
		return err;
	if (o->buffer < 0) {
		answer_error("device %s cannot export", bdf);
		return -EOPNOTSUPP;
	}
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", o->socket_path);
	o->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (o->listener < 0 || bind(o->listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(o->listener, 8)) {
		answer_error("no socket: %s", strerror(errno));
		return -EIO;
	}
	answer("ready length=%llu", (unsigned long long)o->range.length);
	return 0;
}

static void serve_client(struct owner *o)
{
	struct hello hello = {
		.magic = HELLO_MAGIC,
		.length = o->range.length,
		.residue = o->range.offset,
		.nr_ranges = 1,
	};
	int client = accept4(o->listener, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		return;
	peerbuf_send_fd(client, o->buffer, &hello, sizeof(hello));
	close(client);
}

static void serve(struct owner *o)
{
	struct lines lines = { .fd = STDIN_FILENO };
	struct pollfd fds[2] = {
		{ .fd = o->listener, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	char line[sizeof(lines.data)];

	while (!lines.ended) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents & POLLIN)
			serve_client(o);
		if (fds[1].revents)
			lines_fill(&lines);
		while (lines_next(&lines, line, sizeof(line)))
			if (!run_line(commands, o, line))
				return;
	}
}

int main(int argc, char **argv)
{
	struct owner o = { .buffer = -1, .sibling_buffer = -1, .listener = -1 };
	uint64_t offset, length;

	if (argc < 5 || argc > 6 || !parse_number(argv[3], &offset) ||
	    !parse_number(argv[4], &length)) {
		fputs("Usage: owner SOCKET BDF OFFSET LENGTH [SIBLING-BDF]\n", stderr);
		return 2;
	}
	o.range = (struct vfio_region_dma_range) { .offset = offset, .length = length };
	o.socket_path = argv[1];
	if (!start(&o, argv[2], argv[5]))
		serve(&o);
	peerbuf_device_close(o.device);
	peerbuf_device_close(o.sibling);
	peerbuf_container_close(o.container);
	return exit_status();
}
