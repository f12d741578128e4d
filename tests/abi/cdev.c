// SPDX-License-Identifier: GPL-2.0-or-later
/* See iommufd.h. */
#include "iommufd.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "iommufd_abi.h"
#include "private.h"

struct ioas ioas_alloc(int fd)
{
	long id = iommufd_new_ioas(fd);

	assert_true(id >= 0);
	return (struct ioas){ .fd = fd, .id = (uint32_t)id };
}

struct ioas ioas_open(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return ioas_alloc(fd);
}

long ioas_map_file(struct ioas at, int fd, uint64_t start, uint64_t length, uint64_t iova)
{
	return call(at.fd, IOAS_MAP_FILE, &(struct ioas_map_file) {
		.size = sizeof(struct ioas_map_file), .flags = FIXED_RW, .ioas = at.id,
		.fd = fd, .start = start, .length = length, .iova = iova,
	});
}

long ioas_copy(struct ioas from, struct ioas to, uint64_t iova, uint64_t length)
{
	return call(from.fd, IOAS_COPY, &(struct ioas_copy) {
		.size = sizeof(struct ioas_copy), .flags = FIXED_RW, .to = to.id, .from = from.id,
		.length = length, .to_iova = iova, .from_iova = iova,
	});
}

long ioas_unmap(struct ioas at, uint64_t iova, uint64_t length)
{
	struct ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas = at.id, .iova = iova, .length = length,
	};
	long ret = call(at.fd, IOAS_UNMAP, &unmap);

	return ret ?: (long)unmap.length;
}

struct peerbuf_device *cdev_open(const char *role, struct ioas at)
{
	struct peerbuf_device *device = malloc(sizeof(*device));
	char name[32];

	assert_non_null(device);
	snprintf(name, sizeof(name), "%s_BDF", role);
	device->fd = iommufd_open_device(getenv(name), at.fd, at.id);
	assert_true(device->fd >= 0);
	return device;
}

/*
 * What the driver of the SSD calls to open its device and to map its memory, in a program
 * that is linked with --wrap: there is no container, but the IOAS that is being opened.
 */
#define RINGS (1ULL << 20)

static struct ioas ssd_at;

int __wrap_peerbuf_device_open(struct peerbuf_container *container, const char *bdf,
			       struct peerbuf_device **device);
int __wrap_peerbuf_container_pick_iova(const struct peerbuf_container *container,
				       uint64_t length, uint64_t align, uint64_t residue,
				       uint64_t *iova);
int __wrap_peerbuf_container_map_ram(struct peerbuf_container *container, void *addr,
				     uint64_t length, uint64_t iova, uint32_t flags);
int __wrap_peerbuf_container_unmap(struct peerbuf_container *container, uint64_t iova,
				   uint64_t length, uint64_t *unmapped);

int __wrap_peerbuf_device_open(struct peerbuf_container *container, const char *bdf,
			       struct peerbuf_device **device)
{
	*device = cdev_open("SSD", ssd_at);
	return 0;
}

int __wrap_peerbuf_container_pick_iova(const struct peerbuf_container *container,
				       uint64_t length, uint64_t align, uint64_t residue,
				       uint64_t *iova)
{
	*iova = RINGS;
	return 0;
}

int __wrap_peerbuf_container_map_ram(struct peerbuf_container *container, void *addr,
				     uint64_t length, uint64_t iova, uint32_t flags)
{
	return (int)call(ssd_at.fd, IOAS_MAP, &(struct ioas_map) {
		.size = sizeof(struct ioas_map), .flags = FIXED_RW, .ioas = ssd_at.id,
		.address = (uintptr_t)addr, .length = length, .iova = iova,
	});
}

int __wrap_peerbuf_container_unmap(struct peerbuf_container *container, uint64_t iova,
				   uint64_t length, uint64_t *unmapped)
{
	return ioas_unmap(ssd_at, iova, length) < 0 ? -EINVAL : 0;
}

struct nvme *cdev_ssd(struct ioas at)
{
	struct nvme *ssd;

	ssd_at = at;
	assert_int_equal(nvme_open(NULL, getenv("SSD_BDF"), 10000, &ssd), 0);
	return ssd;
}
