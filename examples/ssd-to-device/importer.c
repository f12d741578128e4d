// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ssd-importer: has an SSD read blocks straight into another device's memory.
 *
 * It drives an NVMe controller from user space, gets a dma-buf from ssd-exporter over a
 * Unix socket, maps it at one run of I/O virtual addresses, and does what it is told to
 * on standard input.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <peerbuf.h>

#include "nvme.h"
#include "program.h"

struct importer {
	const char *bdf;
	const char *socket_path;
	bool iova_given;
	uint64_t iova;			/* of the buffer */
	uint32_t map_flags;		/* PEERBUF_MAP_* */
	uint64_t timeout_ms;		/* of one NVMe command */
	uint64_t wait_seconds;		/* for the exporter's socket */
	struct hello hello;
	struct peerbuf_container *container;
	struct nvme *nvme;
	int buffer;			/* dma-buf fd, or -1 */
	int event;			/* eventfd, or -1 */
	bool mapped;			/* by us; the kernel may have taken it away */
};

static const char usage[] =
"Usage: ssd-importer --device BDF --socket PATH [OPTION...]\n"
"Have an NVMe SSD read into the memory of another device.\n"
"\n"
"  --device BDF     the SSD, bound to vfio-pci\n"
"  --socket PATH    where ssd-exporter hands out the buffer\n"
"  --iova ADDRESS   where to map the buffer (default: chosen for large pages)\n"
"  --strict         refuse a route between the devices that is not known to work\n"
"  --timeout MS     time limit of one NVMe command (default 10000)\n"
"  --wait SECONDS   how long to wait for the socket (default 10)\n"
"  --help           this text\n"
"\n"
"Commands on standard input, one line of answer each:\n"
"  read LBA BYTES OFFSET | query | event SECONDS | unmap | map | info | quit\n";

#define ULL(x)	((unsigned long long)(x))

/* ------------------------------------------------------------------- commands */

/* Read blocks to the buffer's addresses, mapped or not: the IOMMU is the judge. */
static bool do_read(void *program, char **args)
{
	struct importer *im = program;
	const struct nvme_info *info = nvme_info(im->nvme);
	uint64_t lba, bytes, offset;
	struct nvme_stats stats;
	int err;

	if (!parse_number(args[0], &lba) || !parse_number(args[1], &bytes) ||
	    !parse_number(args[2], &offset)) {
		answer_error("LBA, BYTES and OFFSET are numbers: read LBA BYTES OFFSET");
		return true;
	}
	if (offset > im->hello.length || bytes > im->hello.length - offset) {
		answer_error("offset %llu and %llu bytes go beyond the buffer's %llu bytes",
			     ULL(offset), ULL(bytes), ULL(im->hello.length));
		return true;
	}
	err = nvme_read(im->nvme, lba, bytes, im->iova + offset, &stats);
	if (err == -EINVAL)
		answer_error("BYTES is a multiple of %u and not 0, OFFSET of 4",
			     info->block_size);
	else if (err == -ERANGE)
		answer_error("the SSD ends at block %llu", ULL(info->blocks));
	else if (err == -ETIMEDOUT)
		answer_error("a command did not complete in %llu ms; %llu completed before",
			     ULL(im->timeout_ms), ULL(stats.commands));
	else if (err)
		answer_error("the SSD cannot be used: %s", open_reason(err));
	else
		answer("read bytes=%llu seconds=%.3f mb_per_s=%.1f commands=%llu failed=%llu status=0x%04x meaning=\"%s\"",
		       ULL(stats.bytes), stats.seconds,
		       stats.seconds > 0 ? (double)stats.bytes / 1e6 / stats.seconds : 0.0,
		       ULL(stats.commands), ULL(stats.failed), stats.status,
		       nvme_status_text(stats.status));
	return true;
}

static bool do_query(void *program, char **args)
{
	struct importer *im = program;
	struct peerbuf_iommu_query_buffer query = { .argsz = sizeof(query), .iova = im->iova };
	int err;

	(void)args;
	err = peerbuf_container_query_buffer(im->container, &query);
	if (err) {
		answer_error("the mapping at 0x%llx cannot be queried: %s", ULL(im->iova),
			     err == -ENOENT ? "there is none" : strerror(-err));
		return true;
	}
	answer("query state=%s mapped=%s enforced=%s revokes=%llu restores=%llu route=%s reason=%s page_sizes=0x%llx ranges=%u iova=0x%llx length=%llu error=%d",
	       peerbuf_buffer_state_name(query.state),
	       query.flags & PEERBUF_QUERY_MAPPED ? "yes" : "no",
	       query.flags & PEERBUF_QUERY_ENFORCED ? "yes" : "no",
	       ULL(query.revokes), ULL(query.restores), peerbuf_route_name(query.route),
	       peerbuf_route_reason_name(query.reason), ULL(query.page_sizes), query.nr_ranges,
	       ULL(query.iova), ULL(query.length), query.error);
	return true;
}

static bool do_event(void *program, char **args)
{
	struct importer *im = program;
	double begin = seconds_now();
	uint64_t seconds, count = 0;
	int err;

	if (!parse_number(args[0], &seconds) || seconds > 86400) {
		answer_error("\"%s\" is not a number of seconds up to 86400", args[0]);
		return true;
	}
	err = peerbuf_event_wait(im->event, (int)seconds * 1000, &count);
	/* That nothing happened is an answer, too. */
	if (err && err != -ETIMEDOUT)
		answer_error("the event cannot be waited for: %s", strerror(-err));
	else
		answer("event count=%llu waited_ms=%.3f", ULL(count),
		       1e3 * (seconds_now() - begin));
	return true;
}

static int map_buffer(struct importer *im)
{
	int err;

	err = peerbuf_container_map_buffer(im->container, im->buffer, im->event, 0,
					   im->hello.length, im->iova, im->map_flags);
	if (err)
		answer_error("the buffer cannot be mapped at 0x%llx: %s", ULL(im->iova),
			     map_reason(err));
	im->mapped = !err;
	return err;
}

static bool do_map(void *program, char **args)
{
	struct importer *im = program;

	(void)args;
	if (im->mapped)
		answer_error("the buffer is mapped already");
	else if (!map_buffer(im))
		answer("map iova=0x%llx length=%llu", ULL(im->iova), ULL(im->hello.length));
	return true;
}

static bool do_unmap(void *program, char **args)
{
	struct importer *im = program;
	int err;

	(void)args;
	if (!im->mapped) {
		answer_error("the buffer is not mapped");
		return true;
	}
	err = peerbuf_container_unmap_buffer(im->container, im->iova);
	if (err) {
		answer_error("the buffer cannot be unmapped: %s", strerror(-err));
		return true;
	}
	im->mapped = false;
	answer("unmap iova=0x%llx", ULL(im->iova));
	return true;
}

/* The first line of output and the answer to "info" say the same. */
static void describe(const struct importer *im, const char *word)
{
	const struct nvme_info *info = nvme_info(im->nvme);

	answer("%s device=%s model=\"%s\" serial=\"%s\" block_size=%u blocks=%llu max_transfer=%u depth=%u iova=0x%llx length=%llu ranges=%u",
	       word, im->bdf, info->model, info->serial, info->block_size, ULL(info->blocks),
	       info->max_transfer, info->depth, ULL(im->iova), ULL(im->hello.length),
	       im->hello.nr_ranges);
}

static bool do_info(void *program, char **args)
{
	(void)args;
	describe(program, "info");
	return true;
}

static const struct command commands[] = {
	{ "read",	3, "LBA BYTES OFFSET",	do_read },
	{ "query",	0, "",			do_query },
	{ "event",	1, "SECONDS",		do_event },
	{ "map",	0, "",			do_map },
	{ "unmap",	0, "",			do_unmap },
	{ "info",	0, "",			do_info },
	{ "quit",	0, "",			do_quit },
	{ NULL, 0, NULL, NULL },
};

/* ---------------------------------------------------------------------- start */

static int open_ssd(struct importer *im)
{
	int err;

	err = peerbuf_container_open(PEERBUF_IOMMU, &im->container);
	if (err) {
		answer_error("%s", err == -EOPNOTSUPP ?
			     "the VFIO backend is not there; load vfio_iommu_peerbuf" :
			     "VFIO is not available; load vfio-pci");
		return err;
	}
	err = nvme_open(im->container, im->bdf, (unsigned int)im->timeout_ms, &im->nvme);
	if (err)
		answer_error("SSD %s cannot be opened: %s", im->bdf, open_reason(err));
	return err;
}

/* Connect to the exporter, which may not have started yet. */
static int connect_exporter(struct importer *im)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	double deadline = seconds_now() + (double)im->wait_seconds;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock, err;

	if (strlen(im->socket_path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, im->socket_path);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	while (connect(sock, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		if ((err != -ENOENT && err != -ECONNREFUSED) || seconds_now() > deadline) {
			close(sock);
			return err;
		}
		nanosleep(&pause, NULL);
	}
	return sock;
}

static int get_buffer(struct importer *im)
{
	int sock = connect_exporter(im);
	int got;

	if (sock < 0) {
		answer_error("the exporter does not listen at %s: %s", im->socket_path,
			     strerror(-sock));
		return sock;
	}
	got = peerbuf_recv_fd(sock, &im->buffer, &im->hello, sizeof(im->hello));
	close(sock);
	if (got < 0) {
		answer_error("the exporter did not hand over a buffer: %s", strerror(-got));
		return got;
	}
	if (got != sizeof(im->hello) ||
	    memcmp(im->hello.magic, HELLO_MAGIC, sizeof(im->hello.magic)) ||
	    im->hello.length == 0) {
		answer_error("the process at %s does not speak the exporter's protocol",
			     im->socket_path);
		return -EPROTO;
	}
	return 0;
}

/* Choose addresses that let the IOMMU use the largest pages that fit into the buffer. */
static int choose_iova(struct importer *im)
{
	uint64_t pages = peerbuf_container_page_sizes(im->container);
	int bit, err = -ENOSPC;

	for (bit = 63; bit >= 0 && err; bit--) {
		uint64_t page = 1ULL << bit;

		/* The smallest one has to do for every buffer. */
		if (!(pages & page) || (page > im->hello.length && pages & (page - 1)))
			continue;
		err = peerbuf_container_pick_iova(im->container, im->hello.length, page,
						  im->hello.residue & (page - 1), &im->iova);
	}
	if (err)
		answer_error("there is no room for %llu bytes of I/O virtual addresses",
			     ULL(im->hello.length));
	return err;
}

static int start(struct importer *im)
{
	int err;

	err = open_ssd(im);
	if (!err)
		err = get_buffer(im);
	if (err)
		return err;
	im->event = peerbuf_event_open();
	if (im->event < 0) {
		answer_error("no eventfd can be made: %s", strerror(-im->event));
		return im->event;
	}
	if (!im->iova_given)
		err = choose_iova(im);
	if (!err)
		err = map_buffer(im);
	if (!err)
		describe(im, "ready");
	return err;
}

static void serve(struct importer *im)
{
	struct lines lines = { .fd = STDIN_FILENO };
	char line[sizeof(lines.data)];

	while (!lines.ended) {
		lines_fill(&lines);
		while (lines_next(&lines, line, sizeof(line)))
			if (!run_line(commands, im, line))
				return;
	}
}

/* Take one option; returns what is wrong with it, or NULL. */
static const char *take_option(struct importer *im, int option)
{
	switch (option) {
	case 'd':
		im->bdf = optarg;
		return NULL;
	case 's':
		im->socket_path = optarg;
		return NULL;
	case 'i':
		im->iova_given = true;
		return parse_number(optarg, &im->iova) ? NULL : "--iova takes an address";
	case 'S':
		im->map_flags |= PEERBUF_MAP_STRICT;
		return NULL;
	case 't':
		return parse_number(optarg, &im->timeout_ms) && im->timeout_ms > 0 &&
		       im->timeout_ms <= 3600000 ?
		       NULL : "--timeout takes milliseconds, up to 3600000";
	case 'w':
		return parse_number(optarg, &im->wait_seconds) && im->wait_seconds <= 86400 ?
		       NULL : "--wait takes seconds, up to 86400";
	default:
		return "see --help";
	}
}

/* Returns 0, or the exit status + 1. */
static int parse_options(struct importer *im, int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "socket", required_argument, NULL, 's' },
		{ "iova", required_argument, NULL, 'i' },
		{ "strict", no_argument, NULL, 'S' },
		{ "timeout", required_argument, NULL, 't' },
		{ "wait", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *bad = NULL;
	int option;

	while (!bad && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_SUCCESS + 1;
		}
		bad = take_option(im, option);
	}
	if (!bad && (!im->bdf || !im->socket_path || optind != argc))
		bad = "--device and --socket are needed, and nothing else; see --help";
	if (!bad)
		return 0;
	fprintf(stderr, "ssd-importer: %s\n", bad);
	return 2 + 1;
}

int main(int argc, char **argv)
{
	struct importer im = {
		.map_flags = PEERBUF_MAP_READ | PEERBUF_MAP_WRITE,
		.timeout_ms = 10000,
		.wait_seconds = 10,
		.buffer = -1,
		.event = -1,
	};
	int status = parse_options(&im, argc, argv);

	if (status)
		return status - 1;
	if (start(&im) == 0)
		serve(&im);
	/* The SSD first: it must not write any more when its addresses go away. */
	nvme_close(im.nvme);
	if (im.mapped)
		peerbuf_container_unmap_buffer(im.container, im.iova);
	if (im.event >= 0)
		close(im.event);
	if (im.buffer >= 0)
		close(im.buffer);
	peerbuf_container_close(im.container);
	return exit_status();
}
