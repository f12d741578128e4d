// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.15 only a whole VFIO device has an IOAS. */
#include <linux/vfio_pci_core.h>

const struct vfio_device_ops probe_ops = {
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
};

/* Another meaning of the name is refused where the kernel has it. */
#ifdef vfio_iommufd_physical_pasid_attach_ioas
#error "a macro where the kernel has no iommufd"
#endif
extern const char *vfio_iommufd_physical_pasid_attach_ioas;
