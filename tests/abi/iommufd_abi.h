/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers and arguments of iommufd and of VFIO's devices of its kind, by the kernel's ABI: what
 * the headers of this machine lack; and what all who use them begin with.
 */
#ifndef PEERBUF_TESTS_IOMMUFD_ABI_H
#define PEERBUF_TESTS_IOMMUFD_ABI_H

#include <linux/vfio.h>
#include <stdint.h>

#define IOMMUFD(number) _IO(VFIO_TYPE, 0x80 + (number))

struct ioas_alloc {
	uint32_t size, flags, id;
};

struct ioas_copy {
	uint32_t size, flags, to, from;
	uint64_t length, to_iova, from_iova;
};

struct ioas_map {
	uint32_t size, flags, ioas, reserved;
	uint64_t address, length, iova;
};

struct ioas_map_file {
	uint32_t size, flags, ioas;
	int32_t fd;
	uint64_t start, length, iova;
};

struct ioas_unmap {
	uint32_t size, ioas;
	uint64_t iova, length;
};

#define IOAS_ALLOC	IOMMUFD(1)
#define IOAS_COPY	IOMMUFD(3)
#define IOAS_MAP	IOMMUFD(5)
#define IOAS_UNMAP	IOMMUFD(6)
#define IOAS_MAP_FILE	IOMMUFD(0xf)

/* At this IOVA, writeable, readable. */
#define FIXED_RW	7

struct bind {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t id;
};

struct attach {
	uint32_t argsz, flags, id;
};

#define DEVICE_BIND	_IO(VFIO_TYPE, VFIO_BASE + 18)
#define DEVICE_ATTACH	_IO(VFIO_TYPE, VFIO_BASE + 19)

/* Of an open /dev/iommu: the number of a new address space; or a negative errno. */
long iommufd_new_ioas(int iommufd);

/*
 * Opens a device by its own file and no group, in an iommufd, and attaches it unless there is no
 * number of an address space; the descriptor, or a negative errno.
 */
int iommufd_open_device(const char *bdf, int iommufd, uint32_t ioas);

#endif
