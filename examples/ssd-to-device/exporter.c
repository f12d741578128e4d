// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ssd-exporter: lets other processes' devices use parts of a PCI device's BAR.
 *
 * It exports ranges of one BAR as one dma-buf, hands the buffer to whoever connects to a
 * Unix socket, and does to its device what it is told to on standard input.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <peerbuf.h>

#include "crc32.h"
#include "program.h"

#define MAX_RANGES	64

struct exporter {
	const char *bdf;
	const char *socket_path;
	uint32_t bar;
	bool keep;				/* serve on after the end of input */
	struct vfio_region_dma_range ranges[MAX_RANGES];
	uint32_t nr_ranges;
	uint64_t length;			/* of all ranges */
	struct peerbuf_container *container;
	struct peerbuf_device *device;		/* NULL once closed */
	int buffer;				/* dma-buf fd, or -1 */
	int listener;				/* or -1 */
	unsigned int clients;			/* served so far */
};

static const char usage[] =
"Usage: ssd-exporter --device BDF --range OFFSET:LENGTH... --socket PATH [OPTION...]\n"
"Export ranges of a PCI device's BAR as one dma-buf.\n"
"\n"
"  --device BDF            the device, bound to vfio_pci_peerbuf\n"
"  --bar N                 the BAR, 0 to 5 (default 2)\n"
"  --range OFFSET:LENGTH   a part of the BAR; repeat for more; K, M, G are understood\n"
"  --socket PATH           where importers get the buffer\n"
"  --keep                  go on after the end of standard input, until a signal\n"
"  --help                  this text\n"
"\n"
"Commands on standard input, one line of answer each:\n"
"  reset | memory off | memory on | revoke | fill BYTE | sum | status | close | quit\n";

/* ------------------------------------------------------------------- commands */

/* Commands that need the device ask this first. */
static bool have_device(const struct exporter *e)
{
	if (!e->device)
		answer_error("the device is closed");
	return e->device != NULL;
}

static bool do_reset(void *program, char **args)
{
	struct exporter *e = program;
	double begin = seconds_now();
	int err;

	(void)args;
	if (!have_device(e))
		return true;
	err = peerbuf_device_reset(e->device);
	if (err)
		answer_error("device %s could not be reset: %s", e->bdf, strerror(-err));
	else
		answer("reset elapsed_ms=%.3f", 1e3 * (seconds_now() - begin));
	return true;
}

/* This buffer only, for good; the device goes on. */
static bool do_revoke(void *program, char **args)
{
	struct exporter *e = program;
	double begin = seconds_now();
	int err;

	(void)args;
	if (!have_device(e))
		return true;
	err = peerbuf_device_revoke_buffer(e->device, e->buffer);
	if (err)
		answer_error("the buffer could not be revoked: %s", strerror(-err));
	else
		answer("revoke elapsed_ms=%.3f", 1e3 * (seconds_now() - begin));
	return true;
}

static bool do_memory(void *program, char **args)
{
	struct exporter *e = program;
	double begin = seconds_now();
	bool on = !strcmp(args[0], "on");
	int command;

	if (!on && strcmp(args[0], "off")) {
		answer_error("memory is switched \"on\" or \"off\", not \"%s\"", args[0]);
		return true;
	}
	if (!have_device(e))
		return true;
	command = peerbuf_device_command(e->device, on ? PCI_COMMAND_MEMORY : 0,
					 on ? 0 : PCI_COMMAND_MEMORY);
	if (command < 0)
		answer_error("the COMMAND register of device %s cannot be changed: %s",
			     e->bdf, strerror(-command));
	else if (!(command & PCI_COMMAND_MEMORY) == on)
		answer_error("device %s does not switch its memory %s", e->bdf, args[0]);
	else
		answer("memory state=%s elapsed_ms=%.3f", args[0],
		       1e3 * (seconds_now() - begin));
	return true;
}

/*
 * Device memory takes whole aligned words: the wide and unaligned accesses of memset()
 * and memcpy() are for RAM.
 */
static void fill_words(void *addr, uint64_t length, uint8_t byte)
{
	volatile uint64_t *word = addr;
	uint64_t value = byte * 0x0101010101010101ULL;
	uint64_t i;

	for (i = 0; i < length / sizeof(*word); i++)
		word[i] = value;
}

static uint32_t sum_words(const void *addr, uint64_t length, uint32_t crc)
{
	const volatile uint64_t *word = addr;
	uint64_t copy[512];
	uint64_t i, done;

	/* Ranges are whole pages, so whole multiples of the copy. */
	for (done = 0; done < length / sizeof(*word); done += 512) {
		for (i = 0; i < 512; i++)
			copy[i] = word[done + i];
		crc = crc32_update(crc, copy, sizeof(copy));
	}
	return crc;
}

/* Touch every range: fill it, or continue the checksum if there is no byte to fill in. */
static int touch_ranges(struct exporter *e, const uint8_t *byte, uint32_t *crc)
{
	uint32_t i;

	for (i = 0; i < e->nr_ranges; i++) {
		const struct vfio_region_dma_range *range = &e->ranges[i];
		void *addr;
		int err;

		err = peerbuf_device_mmap(e->device, e->bar, range->offset, range->length,
					  byte ? PROT_READ | PROT_WRITE : PROT_READ, &addr);
		if (err)
			return err;
		if (byte)
			fill_words(addr, range->length, *byte);
		else
			*crc = sum_words(addr, range->length, *crc);
		/* A mapping that stays would delay the close of the device. */
		munmap(addr, range->length);
	}
	return 0;
}

/* The memory is readable: device open, memory on. Access would be SIGBUS otherwise. */
static bool have_memory(struct exporter *e)
{
	int command;

	if (!have_device(e))
		return false;
	command = peerbuf_device_command(e->device, 0, 0);
	if (command < 0)
		answer_error("the COMMAND register of device %s cannot be read: %s", e->bdf,
			     strerror(-command));
	else if (!(command & PCI_COMMAND_MEMORY))
		answer_error("the memory of device %s is off", e->bdf);
	return command >= 0 && command & PCI_COMMAND_MEMORY;
}

static bool do_fill(void *program, char **args)
{
	struct exporter *e = program;
	double begin = seconds_now();
	uint64_t value;
	uint8_t byte;
	int err;

	if (!parse_number(args[0], &value) || value > UINT8_MAX) {
		answer_error("\"%s\" is not a byte from 0 to 255", args[0]);
		return true;
	}
	if (!have_memory(e))
		return true;
	byte = (uint8_t)value;
	err = touch_ranges(e, &byte, NULL);
	if (err)
		answer_error("BAR %u of device %s cannot be mapped: %s", e->bar, e->bdf,
			     strerror(-err));
	else
		answer("fill byte=0x%02x bytes=%llu seconds=%.3f", byte,
		       (unsigned long long)e->length, seconds_now() - begin);
	return true;
}

static bool do_sum(void *program, char **args)
{
	struct exporter *e = program;
	double begin = seconds_now();
	uint32_t crc = 0;
	int err;

	(void)args;
	if (!have_memory(e))
		return true;
	err = touch_ranges(e, NULL, &crc);
	if (err)
		answer_error("BAR %u of device %s cannot be mapped: %s", e->bar, e->bdf,
			     strerror(-err));
	else
		answer("sum crc32=%08x bytes=%llu seconds=%.3f", crc,
		       (unsigned long long)e->length, seconds_now() - begin);
	return true;
}

static bool do_status(void *program, char **args)
{
	struct exporter *e = program;
	int command = 0;

	(void)args;
	if (e->device)
		command = peerbuf_device_command(e->device, 0, 0);
	answer("status device=%s memory=%s clients=%u", e->device ? "open" : "closed",
	       command > 0 && command & PCI_COMMAND_MEMORY ? "on" : "off", e->clients);
	return true;
}

static bool do_close(void *program, char **args)
{
	struct exporter *e = program;
	double begin = seconds_now();

	(void)args;
	if (!have_device(e))
		return true;
	peerbuf_device_close(e->device);
	e->device = NULL;
	answer("close elapsed_ms=%.3f", 1e3 * (seconds_now() - begin));
	return true;
}

static const struct command commands[] = {
	{ "reset",	0, "",		do_reset },
	{ "memory",	1, "on|off",	do_memory },
	{ "revoke",	0, "",		do_revoke },
	{ "fill",	1, "BYTE",	do_fill },
	{ "sum",	0, "",		do_sum },
	{ "status",	0, "",		do_status },
	{ "close",	0, "",		do_close },
	{ "quit",	0, "",		do_quit },
	{ NULL, 0, NULL, NULL },
};

/* ---------------------------------------------------------------------- start */

/* Open the device in a container of its own; any backend serves, stock one first. */
static int open_device(struct exporter *e)
{
	int err;

	err = peerbuf_container_open(VFIO_TYPE1v2_IOMMU, &e->container);
	if (err == -EOPNOTSUPP)
		err = peerbuf_container_open(PEERBUF_IOMMU, &e->container);
	if (err) {
		answer_error("VFIO is not available: %s", strerror(-err));
		return err;
	}
	err = peerbuf_device_open(e->container, e->bdf, &e->device);
	if (err) {
		answer_error("device %s cannot be opened: %s", e->bdf, open_reason(err));
		return err;
	}
	err = peerbuf_device_can_export(e->device);
	if (err == 0) {
		answer_error("the driver of device %s cannot export; bind it to vfio_pci_peerbuf",
			     e->bdf);
		return -EOPNOTSUPP;
	}
	/* A device that was just reset may have its memory off. */
	if (err > 0)
		err = peerbuf_device_command(e->device, PCI_COMMAND_MEMORY, 0);
	if (err < 0) {
		answer_error("device %s does not answer: %s", e->bdf, strerror(-err));
		return err;
	}
	return 0;
}

static int listen_at(struct exporter *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int err;

	if (strlen(e->socket_path) >= sizeof(addr.sun_path)) {
		answer_error("the socket path is longer than %zu bytes",
			     sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(addr.sun_path, e->socket_path);
	/* Left behind by one that was killed; anything but a socket is not ours. */
	if (!lstat(e->socket_path, &st) && S_ISSOCK(st.st_mode))
		unlink(e->socket_path);
	e->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (e->listener < 0 ||
	    bind(e->listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(e->listener, 8)) {
		err = -errno;
		answer_error("socket %s cannot be made: %s", e->socket_path, strerror(-err));
		return err;
	}
	return 0;
}

static int start(struct exporter *e)
{
	int err;

	err = open_device(e);
	if (err)
		return err;
	e->buffer = peerbuf_device_export(e->device, e->bar, O_RDWR, e->ranges, e->nr_ranges);
	if (e->buffer < 0) {
		answer_error("BAR %u of device %s cannot be exported: %s", e->bar, e->bdf,
			     e->buffer == -EINVAL ?
			     "a range is not page aligned or lies beyond the BAR's end" :
			     strerror(-e->buffer));
		return e->buffer;
	}
	err = listen_at(e);
	if (!err)
		answer("ready device=%s bar=%u length=%llu ranges=%u socket=%s", e->bdf,
		       e->bar, (unsigned long long)e->length, e->nr_ranges, e->socket_path);
	return err;
}

static void serve_client(struct exporter *e)
{
	struct hello hello = {
		.magic = HELLO_MAGIC,
		.length = e->length,
		.residue = e->ranges[0].offset,
		.nr_ranges = e->nr_ranges,
	};
	int client = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		return;
	/* One that has left already is its own problem. */
	if (!peerbuf_send_fd(client, e->buffer, &hello, sizeof(hello)))
		e->clients++;
	close(client);
}

static void serve(struct exporter *e)
{
	struct lines lines = { .fd = STDIN_FILENO };
	struct pollfd fds[2] = {
		{ .fd = e->listener, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	char line[sizeof(lines.data)];

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents & POLLIN)
			serve_client(e);
		if (fds[1].revents)
			lines_fill(&lines);
		while (lines_next(&lines, line, sizeof(line)))
			if (!run_line(commands, e, line))
				return;
		if (lines.ended && !e->keep)
			return;
		if (lines.ended)
			fds[1].fd = -1;		/* poll() skips it */
	}
}

static bool add_range(struct exporter *e, char *text)
{
	struct vfio_region_dma_range *range = &e->ranges[e->nr_ranges];
	char *colon = strchr(text, ':');
	uint64_t offset, length;

	if (!colon || e->nr_ranges == MAX_RANGES)
		return false;
	*colon = '\0';
	if (!parse_number(text, &offset) || !parse_number(colon + 1, &length) ||
	    __builtin_add_overflow(e->length, length, &e->length))
		return false;
	range->offset = offset;
	range->length = length;
	e->nr_ranges++;
	return true;
}

/* Returns 0, or the exit status + 1. */
static int parse_options(struct exporter *e, int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "bar", required_argument, NULL, 'b' },
		{ "range", required_argument, NULL, 'r' },
		{ "socket", required_argument, NULL, 's' },
		{ "keep", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *bad = NULL;
	int option;

	while (!bad && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t bar;

		switch (option) {
		case 'd':
			e->bdf = optarg;
			break;
		case 'b':
			if (!parse_number(optarg, &bar) || bar > 5)
				bad = "--bar takes a number from 0 to 5";
			e->bar = (uint32_t)bar;
			break;
		case 'r':
			if (!add_range(e, optarg))
				bad = "--range takes OFFSET:LENGTH, at most 64 times";
			break;
		case 's':
			e->socket_path = optarg;
			break;
		case 'k':
			e->keep = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS + 1;
		default:
			return 2 + 1;	/* getopt has said what is wrong */
		}
	}
	if (!bad && (!e->bdf || !e->socket_path || !e->nr_ranges || optind != argc))
		bad = "--device, --range and --socket are needed, and nothing else; see --help";
	if (!bad)
		return 0;
	fprintf(stderr, "ssd-exporter: %s\n", bad);
	return 2 + 1;
}

int main(int argc, char **argv)
{
	struct exporter e = { .bar = 2, .buffer = -1, .listener = -1 };
	int status = parse_options(&e, argc, argv);

	if (status)
		return status - 1;
	if (start(&e) == 0)
		serve(&e);
	if (e.listener >= 0) {
		unlink(e.socket_path);
		close(e.listener);
	}
	if (e.buffer >= 0)
		close(e.buffer);
	peerbuf_device_close(e.device);
	peerbuf_container_close(e.container);
	return exit_status();
}
