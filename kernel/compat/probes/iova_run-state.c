// SPDX-License-Identifier: GPL-2.0-only
/* From 6.18 on the DMA API gives device memory a run of IOVAs, piece by piece. */
#include <linux/dma-mapping.h>

int probe_run(struct device *dev, struct dma_iova_state *state);

int probe_run(struct device *dev, struct dma_iova_state *state)
{
	int ret;

	if (!dma_iova_try_alloc(dev, state, 0, PAGE_SIZE))
		return dma_mapping_error(dev, dma_map_phys(dev, 0, PAGE_SIZE, DMA_BIDIRECTIONAL,
							   DMA_ATTR_MMIO));
	ret = dma_iova_link(dev, state, 0, 0, PAGE_SIZE, DMA_BIDIRECTIONAL, DMA_ATTR_MMIO);
	if (!ret)
		ret = dma_iova_sync(dev, state, 0, PAGE_SIZE);
	dma_iova_destroy(dev, state, PAGE_SIZE, DMA_BIDIRECTIONAL, DMA_ATTR_MMIO);
	return ret;
}
