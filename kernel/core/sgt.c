// SPDX-License-Identifier: GPL-2.0-only
/* SGT: the type, and the calls of importers that negotiated it. */
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>

#include "internal.h"
#include "trace.h"

static int sgt_match(struct dma_buf *dmabuf,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp)
{
	struct device *dev = imp->sgt_data.importing_dma_device;
	struct peerbuf_verdict verdict;

	/* Addresses of a DMA domain that the device does not use would be wrong. */
	if (!dev || peerbuf_dma_api_unused(dev))
		return -EOPNOTSUPP;
	if (exp->sgt_data.requires_p2p !=
	    DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE)
		return 0;
	if (imp->sgt_data.requires_p2p != DMA_SGT_IMPORTER_ACCEPTS_P2P)
		return -EOPNOTSUPP;

	peerbuf_route(exp->sgt_data.exporting_p2p_device, dev, &verdict);
	if (verdict.route != PEERBUF_ROUTE_BUS_ADDRESS &&
	    verdict.route != PEERBUF_ROUTE_HOST_BRIDGE)
		return -EOPNOTSUPP;
	return 0;
}

static void sgt_finish_match(struct dma_buf_match_args *args,
			     const struct dma_buf_mapping_match *exp,
			     const struct dma_buf_mapping_match *imp)
{
	*args->result = *exp;
	args->result->sgt_data.importing_dma_device =
		imp->sgt_data.importing_dma_device;
	/* From here on it says whether the importer copes with device memory. */
	args->result->sgt_data.requires_p2p = imp->sgt_data.requires_p2p;
}

static void sgt_debugfs_dump(struct seq_file *s,
			     struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	seq_printf(s, "device=%s held=%u",
		   dev_name(pa->result.sgt_data.importing_dma_device),
		   pa->held);
}

const struct dma_buf_mapping_type dma_buf_mapping_sgt_type = {
	.name = "sgt",
	.match = sgt_match,
	.finish_match = sgt_finish_match,
	.debugfs_dump = sgt_debugfs_dump,
};
EXPORT_SYMBOL_GPL(dma_buf_mapping_sgt_type);

static struct peerbuf_attachment *sgt_attachment(struct dma_buf_attachment *a)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(a);

	return pa && pa->result.type == &dma_buf_mapping_sgt_type ? pa : NULL;
}

/* Of an importer that knows no types, to a foreign buffer: nothing of it is ours. */
static bool stock_attachment(struct dma_buf_attachment *attach)
{
	return !peerbuf_attachment_of(attach);
}

struct device *dma_buf_sgt_dma_device(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	return pa ? peerbuf_dma_device(pa) : attach->dev;
}
EXPORT_SYMBOL_GPL(dma_buf_sgt_dma_device);

bool dma_buf_sgt_p2p_allowed(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = sgt_attachment(attach);

	if (stock_attachment(attach))
		return attach->peer2peer;
	return pa && pa->result.sgt_data.requires_p2p ==
		     DMA_SGT_IMPORTER_ACCEPTS_P2P;
}
EXPORT_SYMBOL_GPL(dma_buf_sgt_p2p_allowed);

/*
 * Tables that importers get. One that the core itself maps in a domain is told of by what
 * appears in the domain.
 */
void peerbuf_trace_map_table(struct peerbuf_attachment *pa, struct sg_table *sgt)
{
	if (!trace_peerbuf_map_enabled() ||
	    pa->result.type != &dma_buf_mapping_sgt_type)
		return;
	if (IS_ERR(sgt))
		trace_peerbuf_map(pa, 0, pa->base->dmabuf->size, 0,
				  PTR_ERR(sgt));
	else
		trace_peerbuf_map(pa, sg_dma_address(sgt->sgl),
				  pa->base->dmabuf->size, sgt->nents, 0);
}

void peerbuf_trace_unmap_table(struct peerbuf_attachment *pa,
			       struct sg_table *sgt)
{
	if (pa->result.type == &dma_buf_mapping_sgt_type)
		trace_peerbuf_unmap(pa, sg_dma_address(sgt->sgl),
				    pa->base->dmabuf->size);
}

struct sg_table *dma_buf_sgt_map_attachment(struct dma_buf_attachment *attach,
					    enum dma_data_direction dir)
{
	struct peerbuf_attachment *pa = sgt_attachment(attach);
	struct sg_table *sgt;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (stock_attachment(attach))
		return dma_buf_map_attachment(attach, dir);
	if (!pa)
		return ERR_PTR(-EINVAL);
	sgt = dma_buf_map_attachment(attach, dir);
	/* Those of native buffers are told of where stock importers get theirs, too. */
	if (!peerbuf_is_native(attach->dmabuf))
		peerbuf_trace_map_table(pa, sgt);
	return sgt;
}
EXPORT_SYMBOL_GPL(dma_buf_sgt_map_attachment);

void dma_buf_sgt_unmap_attachment(struct dma_buf_attachment *attach,
				  struct sg_table *sgt,
				  enum dma_data_direction dir)
{
	struct peerbuf_attachment *pa = sgt_attachment(attach);

	if (stock_attachment(attach)) {
		dma_buf_unmap_attachment(attach, sgt, dir);
		return;
	}
	if (WARN_ON(!pa))
		return;
	if (!peerbuf_is_native(attach->dmabuf))
		peerbuf_trace_unmap_table(pa, sgt);
	dma_buf_unmap_attachment(attach, sgt, dir);
}
EXPORT_SYMBOL_GPL(dma_buf_sgt_unmap_attachment);

struct sg_table *
dma_buf_sgt_map_attachment_unlocked(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	struct sg_table *sgt;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	sgt = dma_buf_sgt_map_attachment(attach, dir);
	dma_resv_unlock(attach->dmabuf->resv);
	return sgt;
}
EXPORT_SYMBOL_GPL(dma_buf_sgt_map_attachment_unlocked);

void dma_buf_sgt_unmap_attachment_unlocked(struct dma_buf_attachment *attach,
					   struct sg_table *sgt,
					   enum dma_data_direction dir)
{
	dma_resv_lock(attach->dmabuf->resv, NULL);
	dma_buf_sgt_unmap_attachment(attach, sgt, dir);
	dma_resv_unlock(attach->dmabuf->resv);
}
EXPORT_SYMBOL_GPL(dma_buf_sgt_unmap_attachment_unlocked);
