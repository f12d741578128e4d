/* SPDX-License-Identifier: GPL-2.0-only */
#define PEERBUF_VFIO_REGION_INFO .get_region_info_caps = vfio_pci_ioctl_get_region_info,
