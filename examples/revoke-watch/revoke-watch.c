// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * revoke-watch: what an importer sees when access to a buffer is taken away and comes back.
 *
 *	revoke-watch BDF SOCKET
 *
 * Gets a buffer from SOCKET, where "peerbuf buffer export --socket" hands one out, maps it for the
 * device BDF, which is bound to vfio-pci, and prints a line for each change, until the buffer is
 * dead. A driver does in the same places what the line says.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <peerbuf.h>

static int fail(const char *what, int err)
{
	fprintf(stderr, "revoke-watch: %s: %s\n", what, strerror(-err));
	return EXIT_FAILURE;
}

/* The buffer; what comes with it says what it is, which is not needed here. */
static int receive(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char message[512];
	int fd = -1, got;

	if (sock < 0)
		return -errno;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)))
		got = -errno;
	else
		got = peerbuf_recv_fd(sock, &fd, message, sizeof(message));
	close(sock);
	return got < 0 ? got : fd;
}

/* What a driver does now. Returns false when there is nothing left to wait for. */
static bool react(const struct peerbuf_iommu_query_buffer *query, uint64_t *restores)
{
	const char *what;

	if (query->state == PEERBUF_STATE_DEAD)
		what = "unmap, close, ask for another buffer";
	else if (query->state != PEERBUF_STATE_LIVE)
		what = "stop submitting: the device's accesses fault";
	else if (query->error)
		what = "unmap, and map anew: the kernel could not put the mapping back";
	else if (query->restores != *restores)
		what = "start over: what the memory held may be lost";
	else
		what = "go on";
	*restores = query->restores;
	printf("%s %s, revoked %llu times, restored %llu times: %s\n",
	       peerbuf_buffer_state_name(query->state),
	       query->flags & PEERBUF_QUERY_MAPPED ? "mapped" : "not mapped",
	       (unsigned long long)query->revokes, (unsigned long long)query->restores, what);
	fflush(stdout);
	return query->state != PEERBUF_STATE_DEAD;
}

static int follow(struct peerbuf_container *container, uint64_t iova, int event)
{
	struct peerbuf_iommu_query_buffer query;
	uint64_t restores = 0, count;
	int err;

	do {
		memset(&query, 0, sizeof(query));
		query.argsz = sizeof(query);
		query.iova = iova;
		err = peerbuf_container_query_buffer(container, &query);
		if (err || !react(&query, &restores))
			return err;
		/* Signals are counted: however many there were, the state is looked at once. */
		err = peerbuf_event_wait(event, -1, &count);
	} while (!err);
	return err;
}

int main(int argc, char **argv)
{
	struct peerbuf_container *container;
	struct peerbuf_device *device;
	uint64_t iova, length;
	int buffer, event, err;

	if (argc != 3) {
		fputs("Usage: revoke-watch BDF SOCKET\n", stderr);
		return 2;
	}
	buffer = receive(argv[2]);
	if (buffer < 0)
		return fail(argv[2], buffer);
	length = (uint64_t)lseek(buffer, 0, SEEK_END);
	err = peerbuf_container_open(PEERBUF_IOMMU, &container);
	if (err)
		return fail("VFIO", err);
	err = peerbuf_device_open(container, argv[1], &device);
	if (err)
		return fail(argv[1], err);
	event = peerbuf_event_open();
	err = peerbuf_container_pick_iova(container, length, 1 << 21, 0, &iova);
	if (!err)
		err = peerbuf_container_map_buffer(container, buffer, event, 0, length, iova,
						   PEERBUF_MAP_READ | PEERBUF_MAP_WRITE);
	if (err)
		return fail("the buffer cannot be mapped", err);
	close(buffer);		/* the mapping has its own reference */
	err = follow(container, iova, event);
	peerbuf_container_unmap_buffer(container, iova);
	peerbuf_device_close(device);
	peerbuf_container_close(container);
	close(event);
	return err ? fail("the buffer", err) : EXIT_SUCCESS;
}
