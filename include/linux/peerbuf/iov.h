/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOV: for the driver of a physical function that is handed memory of one of its own
 * virtual functions. It gets offsets into the virtual function's BAR, which its hardware
 * knows without any route through the PCI tree, and no addresses.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_IOV_H
#define _LINUX_PEERBUF_IOV_H

#include <linux/peerbuf/match.h>
#include <linux/peerbuf/pal.h>

/**
 * DMA_BUF_EMAPPING_IOV - exporter entry of the IOV type
 * @pal_ops_: the operations of its PAL entry, struct dma_buf_mapping_pal_exp_ops
 * @vf_: the virtual function; stays until the buffer's release
 * @bar_: number of the BAR in which all ranges of the list lie
 */
#define DMA_BUF_EMAPPING_IOV(pal_ops_, vf_, bar_)			\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_iov_type,			\
		.exp_ops = &(pal_ops_)->ops,				\
		.iov_data = {						\
			.exporting_function = (vf_),			\
			.bar = (bar_),					\
		},							\
	})

/**
 * DMA_BUF_IMAPPING_IOV - importer entry of the IOV type
 * @pf_: the physical function whose driver asks; stays until the detach
 */
#define DMA_BUF_IMAPPING_IOV(pf_)					\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_iov_type,			\
		.iov_data = { .importing_function = (pf_) },		\
	})

/**
 * struct dma_buf_iov_mapping - where in its function a buffer is
 * @function: the virtual function; stays until the unmap
 * @vf: its number among those of the physical function, from 0
 * @bar: the BAR
 * @nr_ranges: ranges, in buffer order; see dma_buf_iov_range()
 * @list: the core's
 */
struct dma_buf_iov_mapping {
	struct pci_dev *function;
	int vf;
	unsigned int bar;
	size_t nr_ranges;
	struct dma_buf_phys_list *list;
};

/**
 * dma_buf_iov_map - map an attachment of the IOV type
 * @attach: negotiated to IOV
 * @map: filled in; left alone by an error
 *
 * Nothing is copied. What it says is valid until dma_buf_iov_unmap(), which the importer's
 * invalidate callback must bring about: the core counts it, and a revoke waits for it.
 *
 * Context: reservation lock held.
 * Return: 0; -ENODEV while the buffer is not LIVE; -EINVAL for an attachment of another
 * type; -EOPNOTSUPP when a range is not in the BAR; or the exporter's error.
 */
int dma_buf_iov_map(struct dma_buf_attachment *attach,
		    struct dma_buf_iov_mapping *map);

/**
 * dma_buf_iov_range - one range of a mapping
 * @map: from dma_buf_iov_map()
 * @i: less than @map->nr_ranges
 * @offset: receives the first byte, from the beginning of the BAR
 * @length: receives the bytes
 */
void dma_buf_iov_range(const struct dma_buf_iov_mapping *map, size_t i,
		       u64 *offset, u64 *length);

/**
 * dma_buf_iov_unmap - give a mapping back
 * @attach: as in dma_buf_iov_map()
 * @map: what it filled in
 *
 * Context: reservation lock held.
 */
void dma_buf_iov_unmap(struct dma_buf_attachment *attach,
		       struct dma_buf_iov_mapping *map);

#endif /* _LINUX_PEERBUF_IOV_H */
