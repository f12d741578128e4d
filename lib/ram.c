// SPDX-License-Identifier: LGPL-2.1-or-later
/* RAM: memfds as dma-bufs, and what their owner can do with them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "private.h"

int peerbuf_ram_open(struct peerbuf_ram **ram)
{
	struct peerbuf_ram *r = malloc(sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->fd = open("/dev/peerbuf_ram", O_RDWR | O_CLOEXEC);
	if (r->fd < 0) {
		err = -errno;
		free(r);
		return err;
	}
	*ram = r;
	return 0;
}

void peerbuf_ram_close(struct peerbuf_ram *ram)
{
	if (!ram)
		return;
	close(ram->fd);
	free(ram);
}

int peerbuf_ram_fd(const struct peerbuf_ram *ram)
{
	return ram->fd;
}

int peerbuf_ram_export(struct peerbuf_ram *ram, int memfd, int open_flags, uint64_t offset,
		       uint64_t length, uint32_t flags)
{
	struct peerbuf_ram_create create = {
		.argsz = sizeof(create),
		.flags = flags,
		.memfd = memfd,
		.open_flags = (uint32_t)open_flags | O_CLOEXEC,
		.offset = offset,
		.size = length,
	};
	int fd = ioctl(ram->fd, PEERBUF_RAM_CREATE, &create);

	return fd < 0 ? -errno : fd;
}

int peerbuf_ram_revoke_buffer(struct peerbuf_ram *ram, int dmabuf_fd)
{
	struct peerbuf_device_revoke_buffer revoke = {
		.argsz = sizeof(revoke),
		.dmabuf_fd = dmabuf_fd,
	};

	return ioctl(ram->fd, PEERBUF_DEVICE_REVOKE_BUFFER, &revoke) ? -errno : 0;
}

int peerbuf_ram_query_buffer(struct peerbuf_ram *ram,
			     struct peerbuf_device_query_buffer *query)
{
	return ioctl(ram->fd, PEERBUF_DEVICE_QUERY_BUFFER, query) ? -errno : 0;
}
