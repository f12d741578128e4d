// SPDX-License-Identifier: GPL-2.0-only
/* Before 7.3 dma_capable() takes no attributes. */
#include <linux/dma-direct.h>

bool probe_capable(struct device *dev, dma_addr_t addr, size_t size);
bool probe_capable(struct device *dev, dma_addr_t addr, size_t size)
{
	return dma_capable(dev, addr, size, true);
}
