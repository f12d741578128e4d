/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/types.h>

struct phys_vec {
	phys_addr_t paddr;
	size_t len;
};
