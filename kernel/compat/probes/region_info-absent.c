// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.19 VFIO_DEVICE_GET_REGION_INFO reaches the driver as any other ioctl. */
#include <linux/vfio_pci_core.h>

const struct vfio_device_ops probe_ops = { .ioctl = vfio_pci_core_ioctl };

/* Another meaning of the name is refused where the kernel has it. */
extern const char *vfio_pci_ioctl_get_region_info;
