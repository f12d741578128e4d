// SPDX-License-Identifier: GPL-2.0-only
/* From 7.0 on struct phys_vec is in linux/types.h. */
#include <linux/types.h>

struct phys_vec probe_vec = { .paddr = 0, .len = 0 };
