/* SPDX-License-Identifier: GPL-2.0-only */
#define PEERBUF_IOVA_RUNS		true
#define peerbuf_iova_run		dma_iova_state
#define peerbuf_iova_alloc(dev, run, size) \
	dma_iova_try_alloc(dev, run, 0, size)
#define peerbuf_iova_used(run)		dma_use_iova(run)
#define peerbuf_iova_start(run)		((run)->addr)
#define peerbuf_iova_link(dev, run, phys, offset, size, dir) \
	dma_iova_link(dev, run, phys, offset, size, dir, DMA_ATTR_MMIO)
#define peerbuf_iova_sync(dev, run, size) \
	dma_iova_sync(dev, run, 0, size)
#define peerbuf_iova_free(dev, run, linked, dir) \
	dma_iova_destroy(dev, run, linked, dir, DMA_ATTR_MMIO)
#define peerbuf_map_mmio(dev, phys, size, dir) \
	dma_map_phys(dev, phys, size, dir, DMA_ATTR_MMIO)
#define peerbuf_unmap_mmio(dev, addr, size, dir) \
	dma_unmap_phys(dev, addr, size, dir, DMA_ATTR_MMIO)
