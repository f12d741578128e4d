// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.17 the token of a virtual function's driver is a part of its name. */
#include <linux/vfio_pci_core.h>

const struct vfio_device_ops probe_ops = { .match = vfio_pci_core_match };

/* Another meaning of the name is refused where the kernel has it. */
extern const char *vfio_pci_core_match_token_uuid;
