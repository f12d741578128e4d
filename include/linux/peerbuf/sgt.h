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

#include <linux/dma-buf.h>
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

/**
 * DMA_BUF_IMAPPING_SGT - importer entry of the SGT type
 * @dev_: the device that does the DMA; stays until the detach
 * @p2p_: can the importer cope with tables without pages?
 */
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

/**
 * DMA_BUF_EMAPPING_SGT - exporter entry of the SGT type, for memory that any device may be given
 * @ops_: struct dma_buf_mapping_sgt_exp_ops
 */
#define DMA_BUF_EMAPPING_SGT(ops_)					\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_sgt_type,			\
		.exp_ops = &(ops_)->ops,				\
		.sgt_data = { .requires_p2p = DMA_SGT_NO_P2P },		\
	})

/**
 * DMA_BUF_EMAPPING_SGT_P2P - exporter entry of the SGT type, for a PCI device's memory
 * @ops_: struct dma_buf_mapping_sgt_exp_ops
 * @pdev_: the device; stays until the buffer's release
 *
 * Matches importers that cope with tables without pages, and only by a route that is
 * known to work.
 */
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
 * DMA_BUF_SIMPLE_SGT_EXP_MATCH - the one entry of an exporter that fills scatterlists
 * @map_: its map_dma_buf
 * @unmap_: its unmap_dma_buf
 *
 * Initialises a static struct dma_buf_mapping_match at file scope, for
 * peerbuf_export_info.single_exporter_match.
 */
#define DMA_BUF_SIMPLE_SGT_EXP_MATCH(map_, unmap_)			\
	DMA_BUF_EMAPPING_SGT((&(const struct dma_buf_mapping_sgt_exp_ops){ \
		.map_dma_buf = (map_),					\
		.unmap_dma_buf = (unmap_),				\
	}))

/**
 * dma_buf_sgt_attach - attach as a driver that cannot be told to let go
 * @dmabuf: native or foreign
 * @dev: the device that does the DMA
 *
 * What the kernel's dma_buf_attach() does, under the name of the series. The attachment is
 * untyped: it is ended by the kernel's dma_buf_detach().
 *
 * Context: process, may sleep; no reservation lock held.
 * Return: the attachment, or an ERR_PTR: -EOPNOTSUPP for a buffer that can be revoked, and
 * what dma_buf_attach() returned.
 */
static inline struct dma_buf_attachment *
dma_buf_sgt_attach(struct dma_buf *dmabuf, struct device *dev)
{
	return dma_buf_attach(dmabuf, dev);
}

/**
 * dma_buf_sgt_dynamic_attach - attach as a driver that can be told to let go
 * @dmabuf: native or foreign
 * @dev: the device that does the DMA
 * @ops: the kernel's callbacks of an importer
 * @importer_priv: available as attach->importer_priv
 *
 * As dma_buf_sgt_attach(), for the kernel's dma_buf_dynamic_attach().
 *
 * Context: process, may sleep; no reservation lock held.
 * Return: the attachment, or an ERR_PTR: -EOPNOTSUPP when no route is known or @ops does not
 * accept device memory, -ENODEV for a native buffer that is not LIVE, and others.
 */
static inline struct dma_buf_attachment *
dma_buf_sgt_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
			   const struct dma_buf_attach_ops *ops,
			   void *importer_priv)
{
	return dma_buf_dynamic_attach(dmabuf, dev, ops, importer_priv);
}

/**
 * dma_buf_sgt_dma_device - who does the DMA
 * @attach: any attachment
 *
 * Return: the device of an attachment of the SGT type, NULL for any other type.
 */
struct device *dma_buf_sgt_dma_device(struct dma_buf_attachment *attach);

/**
 * dma_buf_sgt_p2p_allowed - may tables of this attachment hold device memory?
 * @attach: any attachment
 *
 * Return: whether they may; false for an attachment of another type.
 */
bool dma_buf_sgt_p2p_allowed(struct dma_buf_attachment *attach);

/**
 * dma_buf_sgt_map_attachment - the scatterlist of an attachment
 * @attach: negotiated to SGT, or untyped
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

/**
 * dma_buf_sgt_map_attachment_unlocked - as dma_buf_sgt_map_attachment(), and takes the lock
 * @attach: as there
 * @dir: as there
 *
 * Context: process, may sleep; no reservation lock held.
 * Return: as there.
 */
struct sg_table *
dma_buf_sgt_map_attachment_unlocked(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir);

/**
 * dma_buf_sgt_unmap_attachment_unlocked - as dma_buf_sgt_unmap_attachment(), and takes the lock
 * @attach: as there
 * @sgt: as there
 * @dir: as there
 *
 * Context: process, may sleep; no reservation lock held.
 */
void dma_buf_sgt_unmap_attachment_unlocked(struct dma_buf_attachment *attach,
					   struct sg_table *sgt,
					   enum dma_data_direction dir);

#endif /* _LINUX_PEERBUF_SGT_H */
