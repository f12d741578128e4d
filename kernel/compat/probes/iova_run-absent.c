// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.18 the DMA API cannot give memory without pages a run of IOVAs, piece by piece. */
#include <linux/dma-mapping.h>

#ifdef DMA_ATTR_MMIO
#error "there is such an attribute"
#endif
