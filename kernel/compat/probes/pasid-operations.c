// SPDX-License-Identifier: GPL-2.0-only
/* From 6.15 on a process address space of a VFIO device can have an IOAS of its own. */
#include <linux/vfio_pci_core.h>

const struct vfio_device_ops probe_ops = {
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
};
