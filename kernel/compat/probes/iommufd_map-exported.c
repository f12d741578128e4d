// SPDX-License-Identifier: GPL-2.0-only
/* From 6.19 on iommufd asks vfio-pci-core where the memory is that its dma-bufs show. */
#include <linux/types.h>
#include <linux/vfio_pci_core.h>

typedef int probe_map_fn(struct dma_buf_attachment *attach, struct phys_vec *phys);

probe_map_fn *const probe_map = vfio_pci_dma_buf_iommufd_map;
_Static_assert(__builtin_types_compatible_p(typeof(vfio_pci_dma_buf_iommufd_map), probe_map_fn),
	       "another prototype");
