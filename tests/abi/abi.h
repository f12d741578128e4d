/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the ABI tests share. Devices come from the environment that vm/run sets; both
 * are bound to their drivers by the script that starts the program.
 */
#ifndef PEERBUF_TESTS_ABI_H
#define PEERBUF_TESTS_ABI_H

#include "unit.h"

#include <sys/ioctl.h>
#include <linux/vfio.h>

#include <peerbuf.h>

#define MIB (1ULL << 20)
#define PAGE 4096ULL
#define BAR2 VFIO_PCI_BAR2_REGION_INDEX

/* 0 or the result of an ioctl; its negative errno when it fails. */
long call(int fd, unsigned long request, void *arg);

/* Open the device of a role, such as "BAR", in a container of its own. */
struct peerbuf_device *open_role(const char *role, uint32_t iommu_type,
				 struct peerbuf_container **container);

/* A dma-buf of one range of BAR 2. */
int export_range(struct peerbuf_device *device, int flags, uint64_t offset,
		 uint64_t length);

/* Memory of this process. */
void *pages(size_t length);

#endif
