/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/types.h>

#define PEERBUF_IOVA_RUNS		false

struct device;
struct peerbuf_iova_run {
};

static inline bool peerbuf_iova_alloc(struct device *dev, struct peerbuf_iova_run *run, size_t size)
{
	return false;
}

static inline bool peerbuf_iova_used(struct peerbuf_iova_run *run)
{
	return false;
}

static inline dma_addr_t peerbuf_iova_start(struct peerbuf_iova_run *run)
{
	return 0;
}

static inline int peerbuf_iova_link(struct device *dev, struct peerbuf_iova_run *run,
				    phys_addr_t phys, size_t offset, size_t size,
				    enum dma_data_direction dir)
{
	return -EOPNOTSUPP;
}

static inline int peerbuf_iova_sync(struct device *dev, struct peerbuf_iova_run *run, size_t size)
{
	return -EOPNOTSUPP;
}

static inline void peerbuf_iova_free(struct device *dev, struct peerbuf_iova_run *run,
				     size_t linked, enum dma_data_direction dir)
{
}

#define peerbuf_map_mmio(dev, phys, size, dir) \
	dma_map_resource(dev, phys, size, dir, DMA_ATTR_SKIP_CPU_SYNC)
#define peerbuf_unmap_mmio(dev, addr, size, dir) \
	dma_unmap_resource(dev, addr, size, dir, DMA_ATTR_SKIP_CPU_SYNC)
