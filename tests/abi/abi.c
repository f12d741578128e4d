// SPDX-License-Identifier: GPL-2.0-or-later
/* What the ABI tests share. */
#include "abi.h"

#include <stdio.h>
#include <sys/mman.h>

long call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

struct peerbuf_device *open_role(const char *role, uint32_t iommu_type,
				 struct peerbuf_container **container)
{
	struct peerbuf_device *device;
	char name[32];
	int err;

	snprintf(name, sizeof(name), "%s_BDF", role);
	assert_non_null(getenv(name));
	err = peerbuf_container_open(iommu_type, container);
	assert_int_equal(err, 0);
	err = peerbuf_device_open(*container, getenv(name), &device);
	assert_int_equal(err, 0);
	return device;
}

int export_range(struct peerbuf_device *device, int flags, uint64_t offset,
		 uint64_t length)
{
	struct vfio_region_dma_range range = { .offset = offset, .length = length };

	return peerbuf_device_export(device, BAR2, flags, &range, 1);
}

void *pages(size_t length)
{
	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}
