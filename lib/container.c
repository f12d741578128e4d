// SPDX-License-Identifier: LGPL-2.1-or-later
/* The container: VFIO groups that share one IOVA space, and the RAM in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "private.h"

/* A GET_INFO answer that is larger than this is not believed. */
#define MAX_INFO_SIZE	(1U << 20)

int peerbuf_container_open(uint32_t iommu_type, struct peerbuf_container **container)
{
	struct peerbuf_container *c;
	int err;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->type = iommu_type;
	c->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (c->fd < 0) {
		err = -errno;
		goto free_container;
	}
	if (ioctl(c->fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(c->fd, VFIO_CHECK_EXTENSION, (unsigned long)iommu_type) <= 0) {
		err = -EOPNOTSUPP;
		goto close_fd;
	}
	*container = c;
	return 0;

close_fd:
	close(c->fd);
free_container:
	free(c);
	return err;
}

void peerbuf_container_close(struct peerbuf_container *container)
{
	size_t i;

	if (!container)
		return;
	/* Groups first: the last one to leave takes the mappings with it. */
	for (i = 0; i < container->nr_groups; i++)
		close(container->groups[i].fd);
	close(container->fd);
	free(container->groups);
	peerbuf_iova_destroy(&container->space);
	free(container);
}

int peerbuf_container_fd(const struct peerbuf_container *container)
{
	return container->fd;
}

uint32_t peerbuf_container_type(const struct peerbuf_container *container)
{
	return container->type;
}

/* Read the whole VFIO_IOMMU_GET_INFO answer, chain included, into *info. */
static int read_info(int fd, struct vfio_iommu_type1_info **info)
{
	struct vfio_iommu_type1_info *new, *buf = NULL;
	uint32_t size = sizeof(*buf);
	int err;

	for (;;) {
		new = realloc(buf, size);
		if (!new) {
			err = -ENOMEM;
			break;
		}
		buf = new;
		memset(buf, 0, size);
		buf->argsz = size;
		if (ioctl(fd, VFIO_IOMMU_GET_INFO, buf)) {
			err = -errno;
			break;
		}
		if (buf->argsz <= size) {
			buf->argsz = size;
			*info = buf;
			return 0;
		}
		/* It grew, as it may again before the next try; so size only goes up. */
		if (buf->argsz > MAX_INFO_SIZE) {
			err = -EPROTO;
			break;
		}
		size = buf->argsz;
	}
	free(buf);
	return err;
}

/* A kernel that names no ranges lets the IOMMU's answer to each map decide. */
static int everything(struct peerbuf_iova_range **ranges, size_t *nr)
{
	*ranges = calloc(1, sizeof(**ranges));
	if (!*ranges)
		return -ENOMEM;
	(*ranges)[0].last = UINT64_MAX;
	*nr = 1;
	return 0;
}

/* Learn what the IOMMU can do; each group that joins may make it less. */
static int refresh(struct peerbuf_container *container)
{
	struct vfio_iommu_type1_info *info = NULL;
	struct peerbuf_iova_range *ranges;
	size_t nr;
	int err;

	err = read_info(container->fd, &info);
	if (err)
		return err;
	err = peerbuf_caps_iova_ranges(info, info->argsz, &ranges, &nr);
	if (err == -ENOENT)
		err = everything(&ranges, &nr);
	if (!err) {
		peerbuf_iova_set_usable(&container->space, ranges, nr);
		container->page_sizes = info->flags & VFIO_IOMMU_INFO_PGSIZES ?
					info->iova_pgsizes : (uint64_t)getpagesize();
	}
	free(info);
	return err;
}

int peerbuf_container_group_fd(const struct peerbuf_container *container,
			       unsigned int group)
{
	size_t i;

	for (i = 0; i < container->nr_groups; i++)
		if (container->groups[i].number == group)
			return container->groups[i].fd;
	return -ENOENT;
}

/* Open a group that is complete, so that it can join a container. */
static int open_group(unsigned int group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[sizeof("/dev/vfio/") + 3 * sizeof(group)];
	int fd, err;

	snprintf(path, sizeof(path), "/dev/vfio/%u", group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status))
		err = -errno;
	else if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		err = -EPERM;
	else if (status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET)
		err = -EBUSY;
	else
		return fd;
	close(fd);
	return err;
}

int peerbuf_container_add_group(struct peerbuf_container *container, unsigned int group)
{
	struct peerbuf_group *groups;
	int fd, err;

	if (peerbuf_container_group_fd(container, group) >= 0)
		return 0;
	groups = reallocarray(container->groups, container->nr_groups + 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	container->groups = groups;

	fd = open_group(group);
	if (fd < 0)
		return fd;
	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container->fd)) {
		err = -errno;
		goto close_group;
	}
	/* The type can be chosen once there is a group, and then only once. */
	if (container->nr_groups == 0 &&
	    ioctl(container->fd, VFIO_SET_IOMMU, (unsigned long)container->type)) {
		err = -errno;
		goto leave_container;
	}
	err = refresh(container);
	if (err)
		goto leave_container;
	groups[container->nr_groups].number = group;
	groups[container->nr_groups].fd = fd;
	container->nr_groups++;
	return 0;

leave_container:
	ioctl(fd, VFIO_GROUP_UNSET_CONTAINER);
close_group:
	close(fd);
	return err;
}

uint64_t peerbuf_container_page_sizes(const struct peerbuf_container *container)
{
	return container->page_sizes;
}

size_t peerbuf_container_iova_ranges(const struct peerbuf_container *container,
				     const struct peerbuf_iova_range **ranges)
{
	*ranges = container->space.usable;
	return container->space.nr_usable;
}

int peerbuf_container_pick_iova(const struct peerbuf_container *container, uint64_t length,
				uint64_t align, uint64_t residue, uint64_t *iova)
{
	/* The lowest bit set is the smallest page. */
	uint64_t page = container->page_sizes & -container->page_sizes;

	if (page == 0)
		return -ENODEV;
	if (align < page || residue & (page - 1) || length & (page - 1))
		return -EINVAL;
	return peerbuf_iova_find(&container->space, length, align, residue, iova);
}

int peerbuf_container_map_ram(struct peerbuf_container *container, void *addr,
			      uint64_t length, uint64_t iova, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)addr,
		.iova = iova,
		.size = length,
	};
	int err;

	_Static_assert(PEERBUF_MAP_READ == VFIO_DMA_MAP_FLAG_READ &&
		       PEERBUF_MAP_WRITE == VFIO_DMA_MAP_FLAG_WRITE, "same bits");
	if (flags & ~(PEERBUF_MAP_READ | PEERBUF_MAP_WRITE))
		return -EINVAL;
	err = peerbuf_iova_reserve(&container->space);
	if (err)
		return err;
	if (ioctl(container->fd, VFIO_IOMMU_MAP_DMA, &map))
		return -errno;
	peerbuf_iova_take(&container->space, iova, length);
	return 0;
}

int peerbuf_container_unmap(struct peerbuf_container *container, uint64_t iova,
			    uint64_t length, uint64_t *unmapped)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = length,
	};

	if (ioctl(container->fd, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -errno;
	peerbuf_iova_release(&container->space, iova, length);
	if (unmapped)
		*unmapped = unmap.size;
	return 0;
}
