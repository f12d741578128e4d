/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iommufd and VFIO's devices of its kind, as programs of today use them. What the headers of
 * this machine lack is declared here, by the kernel's ABI.
 */
#ifndef PEERBUF_TESTS_IOMMUFD_H
#define PEERBUF_TESTS_IOMMUFD_H

#include "dma.h"

/* An address space: the open /dev/iommu that it is in, and its number there. */
struct ioas {
	int fd;
	uint32_t id;
};

/* A new one, in an iommufd that is open, or in one of its own. */
struct ioas ioas_alloc(int fd);
struct ioas ioas_open(void);

/* Map part of a file there, for reading and writing; 0 or a negative errno. */
long ioas_map_file(struct ioas at, int fd, uint64_t start, uint64_t length, uint64_t iova);

/* Map in one what another one of the same iommufd has mapped there. */
long ioas_copy(struct ioas from, struct ioas to, uint64_t iova, uint64_t length);

/* Unmap; the number of bytes, or a negative errno. */
long ioas_unmap(struct ioas at, uint64_t iova, uint64_t length);

/* A role's device, by its own file and no group; attached, unless there is no number. */
struct peerbuf_device *cdev_open(const char *role, struct ioas at);

/* The same of the SSD, with its driver. */
struct nvme *cdev_ssd(struct ioas at);

#endif
