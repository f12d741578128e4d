/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel in a few lines, for tests of the library without one: linked in place of the calls
 * that reach it (ld's --wrap). It keeps no state, so that nothing of it orders threads, and can
 * be older or newer than the library.
 */
#ifndef LIB_FAKE_H
#define LIB_FAKE_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "peerbuf.h"

/* What there is; the defaults are the modules that the library was written for. */
struct fake_kernel {
	bool no_vfio;			/* no /dev/vfio/vfio */
	bool no_backend;		/* stock type1 only */
	bool no_ram;			/* no /dev/peerbuf_ram */
	bool no_info;			/* a backend before GET_INFO */
	bool no_owner;			/* a driver before REVOKE_BUFFER and QUERY_BUFFER */
	bool no_export;			/* plain vfio-pci */
	uint32_t abi_version;
	uint64_t features;
	uint32_t more;			/* bytes by which its structures are longer */
	uint32_t state;			/* that a query tells */
};

static struct fake_kernel fake;

static void fake_reset(void)
{
	fake = (struct fake_kernel) {
		.abi_version = PEERBUF_ABI_VERSION,
		.features = PEERBUF_FEATURE_BUFFERS | PEERBUF_FEATURE_EVENTS |
			    PEERBUF_FEATURE_STRICT,
	};
}

int __wrap_open(const char *path, int flags, ...);
int __wrap_access(const char *path, int mode);
ssize_t __wrap_readlink(const char *path, char *target, size_t size);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_open(const char *path, int flags, ...)
{
	(void)flags;
	if ((!strncmp(path, "/dev/vfio/", 10) && fake.no_vfio) ||
	    (!strcmp(path, "/dev/peerbuf_ram") && fake.no_ram)) {
		errno = ENOENT;
		return -1;
	}
	return eventfd(0, EFD_CLOEXEC);
}

int __wrap_access(const char *path, int mode)
{
	(void)path;
	(void)mode;
	return 0;
}

/* Each device is in the group of its bus number. */
ssize_t __wrap_readlink(const char *path, char *target, size_t size)
{
	unsigned int bus = 0;

	sscanf(path, "/sys/bus/pci/devices/%*x:%x", &bus);
	return snprintf(target, size, "../../kernel/iommu_groups/%u", bus);
}

static int refuse(int err)
{
	errno = err;
	return -1;
}

static int fake_info(struct vfio_iommu_type1_info *info)
{
	info->argsz = sizeof(*info);
	info->flags = VFIO_IOMMU_INFO_PGSIZES;
	info->iova_pgsizes = 0x40201000;
	return 0;
}

/* As copy_struct_from_user(): what lies beyond must be zero, if the caller knows more. */
static int fake_get_info(struct peerbuf_iommu_info *info)
{
	if (fake.no_info)
		return refuse(ENOTTY);
	if (info->argsz < 16)
		return refuse(EINVAL);
	info->abi_version = fake.abi_version;
	info->features = fake.features;
	info->argsz = (uint32_t)sizeof(*info) + fake.more;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct peerbuf_device_query_buffer *query;
	struct vfio_region_info *region;
	va_list args;
	void *arg;

	(void)fd;
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return (uintptr_t)arg != PEERBUF_IOMMU || !fake.no_backend;
	case VFIO_GROUP_GET_STATUS:
		((struct vfio_group_status *)arg)->flags = VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_IOMMU_GET_INFO:
		return fake_info(arg);
	case VFIO_GROUP_GET_DEVICE_FD:
		return eventfd(0, EFD_CLOEXEC);
	case VFIO_DEVICE_GET_REGION_INFO:
		region = arg;
		region->size = 1 << 20;
		return 0;
	case VFIO_DEVICE_FEATURE:
		if (((struct vfio_device_feature *)arg)->flags & VFIO_DEVICE_FEATURE_PROBE)
			return fake.no_export ? refuse(ENOTTY) : 0;
		return fake.no_export ? refuse(ENOTTY) : eventfd(0, EFD_CLOEXEC);
	case PEERBUF_IOMMU_GET_INFO:
		return fake_get_info(arg);
	case PEERBUF_DEVICE_REVOKE_BUFFER:
		return fake.no_owner ? refuse(ENOTTY) : 0;
	case PEERBUF_DEVICE_QUERY_BUFFER:
		query = arg;
		query->state = fake.state;
		query->argsz = (uint32_t)sizeof(*query) + fake.more;
		return fake.no_owner ? refuse(ENOTTY) : 0;
	}
	return 0;
}

#endif /* LIB_FAKE_H */
