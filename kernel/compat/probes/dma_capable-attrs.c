// SPDX-License-Identifier: GPL-2.0-only
/* From 7.3 on dma_capable() takes attributes: encrypted memory is another address. */
#include <linux/dma-direct.h>

bool probe_capable(struct device *dev, dma_addr_t addr, size_t size);
bool probe_capable(struct device *dev, dma_addr_t addr, size_t size)
{
	return dma_capable(dev, addr, size, true, 0);
}
