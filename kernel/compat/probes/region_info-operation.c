// SPDX-License-Identifier: GPL-2.0-only
/*
 * From 6.19 on VFIO_DEVICE_GET_REGION_INFO is an operation of its own, and no ioctl that
 * reaches the driver.
 */
#include <linux/vfio_pci_core.h>

const struct vfio_device_ops probe_ops = {
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
};
