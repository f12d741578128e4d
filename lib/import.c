// SPDX-License-Identifier: LGPL-2.1-or-later
/* Importing: dma-bufs in the IOVA space of a container of type PEERBUF_IOMMU. */
#include <errno.h>
#include <sys/ioctl.h>

#include "private.h"

/*
 * A container without an IOMMU type does not know any of these ioctls, and says EINVAL
 * or ENOTTY depending on the kernel: say ENODEV, as the backend does.
 */
static int check_ready(const struct peerbuf_container *container)
{
	if (container->type != PEERBUF_IOMMU)
		return -ENOTTY;
	return container->nr_groups ? 0 : -ENODEV;
}

int peerbuf_container_get_info(struct peerbuf_container *container,
			       struct peerbuf_iommu_info *info)
{
	int err = check_ready(container);

	if (err)
		return err;
	return ioctl(container->fd, PEERBUF_IOMMU_GET_INFO, info) ? -errno : 0;
}

int peerbuf_container_supports(struct peerbuf_container *container, uint64_t features)
{
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };
	int err = peerbuf_container_get_info(container, &info);

	if (err == -ENOTTY)
		return 0;
	return err ? err : (info.features & features) == features;
}

int peerbuf_container_map_buffer(struct peerbuf_container *container, int dmabuf_fd,
				 int event_fd, uint64_t offset, uint64_t length,
				 uint64_t iova, uint32_t flags)
{
	struct peerbuf_iommu_map_buffer map = {
		.argsz = sizeof(map),
		.flags = flags,
		.dmabuf_fd = dmabuf_fd,
		.event_fd = event_fd,
		.offset = offset,
		.length = length,
		.iova = iova,
	};
	int err;

	err = check_ready(container);
	if (!err)
		err = peerbuf_iova_reserve(&container->space);
	if (err)
		return err;
	if (ioctl(container->fd, PEERBUF_IOMMU_MAP_BUFFER, &map))
		return -errno;
	peerbuf_iova_take(&container->space, iova, length);
	return 0;
}

int peerbuf_container_unmap_buffer(struct peerbuf_container *container, uint64_t iova)
{
	struct peerbuf_iommu_unmap_buffer unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
	};
	int err = check_ready(container);

	if (err)
		return err;
	if (ioctl(container->fd, PEERBUF_IOMMU_UNMAP_BUFFER, &unmap))
		return -errno;
	peerbuf_iova_release_at(&container->space, iova);
	return 0;
}

int peerbuf_container_query_buffer(struct peerbuf_container *container,
				   struct peerbuf_iommu_query_buffer *query)
{
	int err = check_ready(container);

	if (err)
		return err;
	return ioctl(container->fd, PEERBUF_IOMMU_QUERY_BUFFER, query) ? -errno : 0;
}
