// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.19 iommufd takes no dma-bufs, and vfio-pci-core has nothing to tell it of them. */
#include <linux/vfio_pci_core.h>

/* Another meaning of the name is refused where the kernel has it. */
extern const char *vfio_pci_dma_buf_iommufd_map;
