// SPDX-License-Identifier: LGPL-2.1-or-later
/* Exporting: parts of a device's BAR as one dma-buf, and what its owner can do with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "private.h"

int peerbuf_device_can_export(struct peerbuf_device *device)
{
	struct vfio_device_feature probe = {
		.argsz = sizeof(probe),
		.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_DMA_BUF,
	};

	if (ioctl(device->fd, VFIO_DEVICE_FEATURE, &probe) == 0)
		return 1;
	return errno == ENOTTY || errno == EINVAL ? 0 : -errno;
}

int peerbuf_device_export(struct peerbuf_device *device, uint32_t index, int open_flags,
			  const struct vfio_region_dma_range *ranges, uint32_t nr_ranges)
{
	struct vfio_device_feature_dma_buf *export;
	struct vfio_device_feature *feature;
	size_t size;
	int fd;

	/* On every 64-bit machine this cannot overflow, but argsz has 32 bits. */
	if (nr_ranges > (1U << 20))
		return -EINVAL;
	size = sizeof(*feature) + sizeof(*export) + nr_ranges * sizeof(*ranges);
	feature = calloc(1, size);
	if (!feature)
		return -ENOMEM;
	feature->argsz = (uint32_t)size;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	export = (void *)feature->data;
	export->region_index = index;
	export->open_flags = (uint32_t)open_flags | O_CLOEXEC;
	export->nr_ranges = nr_ranges;
	if (nr_ranges)
		memcpy(export->dma_ranges, ranges, nr_ranges * sizeof(*ranges));
	fd = ioctl(device->fd, VFIO_DEVICE_FEATURE, feature);
	if (fd < 0)
		fd = -errno;
	free(feature);
	return fd;
}

int peerbuf_device_revoke_buffer(struct peerbuf_device *device, int dmabuf_fd)
{
	struct peerbuf_device_revoke_buffer revoke = {
		.argsz = sizeof(revoke),
		.dmabuf_fd = dmabuf_fd,
	};

	return ioctl(device->fd, PEERBUF_DEVICE_REVOKE_BUFFER, &revoke) ? -errno : 0;
}

int peerbuf_device_set_caching(struct peerbuf_device *device, int dmabuf_fd, uint32_t caching)
{
	struct peerbuf_device_set_caching set = {
		.argsz = sizeof(set),
		.dmabuf_fd = dmabuf_fd,
		.caching = caching,
	};

	return ioctl(device->fd, PEERBUF_DEVICE_SET_CACHING, &set) ? -errno : 0;
}

int peerbuf_device_query_buffer(struct peerbuf_device *device,
				struct peerbuf_device_query_buffer *query)
{
	return ioctl(device->fd, PEERBUF_DEVICE_QUERY_BUFFER, query) ? -errno : 0;
}
