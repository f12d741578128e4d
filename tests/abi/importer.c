// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * importer: maps one buffer many times, at different IOVAs, for one device;
 * and as a driver's slow scatterlist, too. It does no DMA. It gets the buffer as
 * ssd-importer does, and commands come on standard input.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <peerbuf.h>

#include "program.h"
#include "../kmod/peerbuf_test.h"

#define BASE	(1ULL << 32)

#define FOR_EVER_MS	3600000

struct many {
	struct peerbuf_container *container;
	struct peerbuf_device *device;
	struct hello hello;
	uint64_t stride;	/* from one mapping to the next */
	uint64_t skew;		/* IOVA and physical address differ by this, modulo 2 MiB */
	unsigned int nr;	/* mapped */
	int buffer;
	int test;		/* /dev/peerbuf_test, or -1 */
};

static uint64_t iova_of(const struct many *m, unsigned int n)
{
	return BASE + n * m->stride + m->skew;
}

/* unmap: all */
static bool do_unmap(void *program, char **args)
{
	struct many *m = program;
	int err = 0;

	(void)args;
	while (m->nr && !err)
		err = peerbuf_container_unmap_buffer(m->container, iova_of(m, --m->nr));
	if (err)
		answer_error("unmap: %s", strerror(-err));
	else
		answer("unmap");
	return true;
}

/* map NUMBER SKEW: so many times; with a skew that is not 0, in small pages */
static bool do_map(void *program, char **args)
{
	unsigned int nr = (unsigned int)strtoul(args[0], NULL, 0);
	struct many *m = program;
	int err = 0;

	m->skew = strtoull(args[1], NULL, 0);
	m->stride = (m->hello.length + m->skew + (2 << 20)) & ~((2ULL << 20) - 1);
	for (m->nr = 0; m->nr < nr && !err; m->nr++)
		err = peerbuf_container_map_buffer(m->container, m->buffer, -1, 0,
						   m->hello.length, iova_of(m, m->nr),
						   PEERBUF_MAP_READ | PEERBUF_MAP_WRITE);
	if (err)
		answer_error("map %u: %s", m->nr, map_reason(err));
	else
		answer("map mapped=%u", m->nr);
	return true;
}

/* query: how many of the mappings are there */
static bool do_query(void *program, char **args)
{
	struct many *m = program;
	unsigned int n, mapped = 0;
	uint64_t pages = 0;
	int err = 0;

	(void)args;
	for (n = 0; n < m->nr && !err; n++) {
		struct peerbuf_iommu_query_buffer query = {
			.argsz = sizeof(query),
			.iova = iova_of(m, n),
		};

		err = peerbuf_container_query_buffer(m->container, &query);
		mapped += !err && query.flags & PEERBUF_QUERY_MAPPED;
		pages |= query.page_sizes;
	}
	if (err)
		answer_error("query: %s", strerror(-err));
	else
		answer("query mapped=%u page_sizes=0x%llx", mapped, (unsigned long long)pages);
	return true;
}

/* hold BDF: a driver maps the buffer, and does not let go when it is told to */
static bool do_hold(void *program, char **args)
{
	struct pbt_import import = { .slow_ms = FOR_EVER_MS };
	unsigned int domain = 0, bus = 0, dev = 0, fn = 0;
	struct many *m = program;
	struct pbt_map map;

	sscanf(args[0], "%x:%x:%x.%x", &domain, &bus, &dev, &fn);
	import.dmabuf_fd = m->buffer;
	import.bdf = domain << 16 | bus << 8 | dev << 3 | fn;
	m->test = open("/dev/peerbuf_test", O_RDWR | O_CLOEXEC);
	if (m->test < 0 || ioctl(m->test, PBT_IMPORT, &import) ||
	    ioctl(m->test, PBT_MAP, &map))
		answer_error("hold: %s", strerror(errno));
	else
		answer("hold entries=%u", map.nr);
	return true;
}

static bool do_release(void *program, char **args)
{
	struct many *m = program;

	(void)args;
	if (ioctl(m->test, PBT_UNMAP))
		answer_error("release: %s", strerror(errno));
	else
		answer("release");
	return true;
}

static const struct command commands[] = {
	{ "map",	2, "NUMBER SKEW",	do_map },
	{ "unmap",	0, "",			do_unmap },
	{ "query",	0, "",			do_query },
	{ "hold",	1, "BDF",		do_hold },
	{ "release",	0, "",			do_release },
	{ "quit",	0, "",			do_quit },
	{ NULL, 0, NULL, NULL },
};

static int start(struct many *m, const char *path, const char *bdf)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int err;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)) ||
	    peerbuf_recv_fd(sock, &m->buffer, &m->hello, sizeof(m->hello)) !=
	    sizeof(m->hello)) {
		answer_error("no buffer from %s", path);
		return -EIO;
	}
	close(sock);
	err = peerbuf_container_open(PEERBUF_IOMMU, &m->container);
	if (!err)
		err = peerbuf_device_open(m->container, bdf, &m->device);
	if (err)
		answer_error("device %s cannot be opened: %s", bdf, open_reason(err));
	else
		answer("ready length=%llu", (unsigned long long)m->hello.length);
	return err;
}

int main(int argc, char **argv)
{
	struct lines lines = { .fd = STDIN_FILENO };
	struct many m = { .buffer = -1, .test = -1 };
	char line[sizeof(lines.data)];
	bool going;

	if (argc != 3) {
		fputs("Usage: importer SOCKET BDF\n", stderr);
		return 2;
	}
	going = !start(&m, argv[1], argv[2]);
	while (going && !lines.ended) {
		lines_fill(&lines);
		while (going && lines_next(&lines, line, sizeof(line)))
			going = run_line(commands, &m, line);
	}
	peerbuf_device_close(m.device);
	peerbuf_container_close(m.container);
	return exit_status();
}
