/* SPDX-License-Identifier: GPL-2.0-only */
#define PEERBUF_VFIO_PASID \
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas, \
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
