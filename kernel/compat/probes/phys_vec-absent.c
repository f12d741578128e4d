// SPDX-License-Identifier: GPL-2.0-only
/* Before 7.0 the kernel has no struct phys_vec. */
#include <linux/dma-buf.h>
#include <linux/types.h>

struct phys_vec {
	phys_addr_t paddr;
	size_t len;
};

struct phys_vec probe_vec;
