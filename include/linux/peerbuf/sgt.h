/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SGT: DMA addresses for one struct device, in a scatterlist.
 *
 * Tables of device memory carry DMA addresses only: no pages, CPU lengths of 0,
 * orig_nents 0, and entries of at most ALIGN_DOWN(UINT_MAX, PAGE_SIZE) bytes.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_SGT_H
#define _LINUX_PEERBUF_SGT_H

#include <linux/dma-direction.h>
#include <linux/peerbuf/match.h>

struct sg_table;

/**
 * struct dma_buf_mapping_sgt_exp_ops - an exporter that fills scatterlists itself
 * @ops: tag
 * @map_dma_buf: as dma_buf_ops.map_dma_buf: the table, for attach->dev, or an
 *	ERR_PTR. The reservation lock is held; the core has checked that the buffer is
 *	LIVE.
 * @unmap_dma_buf: as dma_buf_ops.unmap_dma_buf. The reservation lock is held.
 */
struct dma_buf_mapping_sgt_exp_ops {
	struct dma_buf_mapping_exp_ops ops;
	struct sg_table *(*map_dma_buf)(struct dma_buf_attachment *attach,
					enum dma_data_direction dir);
	void (*unmap_dma_buf)(struct dma_buf_attachment *attach,
			      struct sg_table *sgt,
			      enum dma_data_direction dir);
};

extern const struct dma_buf_mapping_type dma_buf_mapping_sgt_type;

/* Importer entry. @p2p_: can the importer cope with tables without pages? */
#define DMA_BUF_IMAPPING_SGT(dev_, p2p_)				\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_sgt_type,			\
		.sgt_data = {						\
			.importing_dma_device = (dev_),			\
			.requires_p2p = (p2p_) ?			\
				DMA_SGT_IMPORTER_ACCEPTS_P2P :		\
				DMA_SGT_NO_P2P,				\
		},							\
	})

/* Exporter entry for memory that any device may be given. */
#define DMA_BUF_EMAPPING_SGT(ops_)					\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_sgt_type,			\
		.exp_ops = &(ops_)->ops,				\
		.sgt_data = { .requires_p2p = DMA_SGT_NO_P2P },		\
	})

/* Exporter entry for memory of @pdev_: needs an importer and a route that fit. */
#define DMA_BUF_EMAPPING_SGT_P2P(ops_, pdev_)				\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_sgt_type,			\
		.exp_ops = &(ops_)->ops,				\
		.sgt_data = {						\
			.exporting_p2p_device = (pdev_),		\
			.requires_p2p =					\
				DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE,	\
		},							\
	})

/**
 * dma_buf_sgt_dma_device - who does the DMA
 * @attach: any attachment
 *
 * Return: the device of an attachment of the SGT type, NULL for any other type.
 */
struct device *dma_buf_sgt_dma_device(struct dma_buf_attachment *attach);

/**
 * dma_buf_sgt_p2p_allowed - may tables of this attachment hold device memory?
 * @attach: an attachment of the SGT type
 */
bool dma_buf_sgt_p2p_allowed(struct dma_buf_attachment *attach);

/**
 * dma_buf_sgt_map_attachment - the scatterlist of an attachment
 * @attach: negotiated to SGT
 * @dir: direction of the DMA
 *
 * Context: reservation lock held.
 * Return: the table, which stays valid until dma_buf_sgt_unmap_attachment();
 * ERR_PTR(-ENODEV) while the buffer is not LIVE, ERR_PTR(-EINVAL) for an
 * attachment of another type, ERR_PTR(-EACCES) when @dir is not DMA_TO_DEVICE and a native
 * buffer was made read-only, ERR_PTR(-EOPNOTSUPP) when the device cannot reach all of the
 * memory by itself, or the exporter's error.
 */
struct sg_table *dma_buf_sgt_map_attachment(struct dma_buf_attachment *attach,
					    enum dma_data_direction dir);

/**
 * dma_buf_sgt_unmap_attachment - give a table back
 * @attach: as in dma_buf_sgt_map_attachment()
 * @sgt: what it returned
 * @dir: as in dma_buf_sgt_map_attachment()
 *
 * Context: reservation lock held.
 */
void dma_buf_sgt_unmap_attachment(struct dma_buf_attachment *attach,
				  struct sg_table *sgt,
				  enum dma_data_direction dir);

/* The same two, taking the reservation lock themselves. */
struct sg_table *
dma_buf_sgt_map_attachment_unlocked(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir);
void dma_buf_sgt_unmap_attachment_unlocked(struct dma_buf_attachment *attach,
					   struct sg_table *sgt,
					   enum dma_data_direction dir);

#endif /* _LINUX_PEERBUF_SGT_H */
