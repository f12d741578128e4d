// SPDX-License-Identifier: GPL-2.0-only
/* IOMMU: the type, and the calls of importers that negotiated it. */
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/seq_file.h>

#include "internal.h"

/* A buffer that does not say whose memory it is has no route to be judged. */
static bool route_known(const struct dma_buf_mapping_match *exp,
			struct device *importer)
{
	struct peerbuf_verdict verdict;

	if (!exp->iommu_data.exporting_p2p_device)
		return true;
	peerbuf_route(exp->iommu_data.exporting_p2p_device, importer, &verdict);
	return verdict.route == PEERBUF_ROUTE_BUS_ADDRESS ||
	       verdict.route == PEERBUF_ROUTE_HOST_BRIDGE;
}

static int iommu_match(struct dma_buf *dmabuf,
		       const struct dma_buf_mapping_match *exp,
		       const struct dma_buf_mapping_match *imp)
{
	if (!imp->iommu_data.importing_device)
		return -EOPNOTSUPP;
	if (!imp->iommu_data.strict)
		return 0;
	return route_known(exp, imp->iommu_data.importing_device) ? 0 :
								   -EOPNOTSUPP;
}

static void iommu_finish_match(struct dma_buf_match_args *args,
			       const struct dma_buf_mapping_match *exp,
			       const struct dma_buf_mapping_match *imp)
{
	*args->result = *exp;
	args->result->iommu_data.importing_device =
		imp->iommu_data.importing_device;
	args->result->iommu_data.strict = imp->iommu_data.strict;
}

static void iommu_debugfs_dump(struct seq_file *s,
			       struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	seq_printf(s, "device=%s iova=%#llx length=%#llx mapped=%d pieces=%u",
		   dev_name(pa->result.iommu_data.importing_device),
		   pa->iommu.iova, pa->iommu.length, pa->iommu_mapped,
		   pa->iommu_pieces);
}

const struct dma_buf_mapping_type dma_buf_mapping_iommu_type = {
	.name = "iommu",
	.match = iommu_match,
	.finish_match = iommu_finish_match,
	.debugfs_dump = iommu_debugfs_dump,
};
EXPORT_SYMBOL_GPL(dma_buf_mapping_iommu_type);

static struct peerbuf_attachment *
iommu_attachment(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	dma_resv_assert_held(attach->dmabuf->resv);
	return pa && pa->result.type == &dma_buf_mapping_iommu_type ? pa : NULL;
}

static int iommu_check(struct peerbuf_attachment *pa,
		       const struct dma_buf_iommu_mapping *map)
{
	u64 end;

	if (!pa || !map->domain || !map->length ||
	    !PAGE_ALIGNED(map->iova | map->offset | map->length) ||
	    !(map->prot & (IOMMU_READ | IOMMU_WRITE)) ||
	    (map->prot & ~(IOMMU_READ | IOMMU_WRITE)) ||
	    check_add_overflow(map->iova, map->length - 1, &end) ||
	    check_add_overflow(map->offset, map->length, &end) ||
	    end > pa->base->dmabuf->size)
		return -EINVAL;
	if ((map->prot & IOMMU_WRITE) &&
	    !(pa->base->dmabuf->file->f_mode & FMODE_WRITE))
		return -EACCES;
	return pa->iommu.domain ? -EBUSY : 0;
}

static int iommu_map_if(struct dma_buf_attachment *attach,
			const struct dma_buf_iommu_mapping *map, bool deferred)
{
	struct peerbuf_attachment *pa = iommu_attachment(attach);
	enum peerbuf_buffer_state state;
	int ret;

	ret = iommu_check(pa, map);
	if (ret)
		return ret;

	state = peerbuf_buffer_get_state(attach->dmabuf);
	if (state == PEERBUF_STATE_DEAD ||
	    (state != PEERBUF_STATE_LIVE && !deferred))
		return -ENODEV;

	pa->iommu = *map;
	pa->iommu_error = 0;
	if (state == PEERBUF_STATE_LIVE) {
		ret = peerbuf_convert_iommu_map(pa);
		if (ret)
			pa->iommu.domain = NULL;
	}
	return ret;
}

int dma_buf_iommu_map(struct dma_buf_attachment *attach,
		      const struct dma_buf_iommu_mapping *map)
{
	return iommu_map_if(attach, map, false);
}
EXPORT_SYMBOL_GPL(dma_buf_iommu_map);

int dma_buf_iommu_map_deferred(struct dma_buf_attachment *attach,
			       const struct dma_buf_iommu_mapping *map)
{
	return iommu_map_if(attach, map, true);
}
EXPORT_SYMBOL_GPL(dma_buf_iommu_map_deferred);

void dma_buf_iommu_unmap(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = iommu_attachment(attach);

	if (WARN_ON(!pa))
		return;
	peerbuf_convert_iommu_unmap(pa);
	pa->iommu.domain = NULL;
}
EXPORT_SYMBOL_GPL(dma_buf_iommu_unmap);

void dma_buf_iommu_get_status(struct dma_buf_attachment *attach,
			      struct dma_buf_iommu_status *status)
{
	struct peerbuf_attachment *pa = iommu_attachment(attach);

	*status = (struct dma_buf_iommu_status) {};
	if (WARN_ON(!pa))
		return;
	status->mapped = pa->iommu_mapped;
	status->nr_ranges = pa->iommu_pieces;
	status->page_sizes = pa->iommu_page_sizes;
	status->error = pa->iommu_error;
}
EXPORT_SYMBOL_GPL(dma_buf_iommu_get_status);

bool dma_buf_iommu_route_known(struct dma_buf_attachment *attach,
			       struct device *dev)
{
	return route_known(dma_buf_attachment_mapping(attach), dev);
}
EXPORT_SYMBOL_GPL(dma_buf_iommu_route_known);

void dma_buf_iommu_set_device(struct dma_buf_attachment *attach,
			      struct device *dev)
{
	struct peerbuf_attachment *pa = iommu_attachment(attach);

	if (WARN_ON(!pa))
		return;
	pa->result.iommu_data.importing_device = dev;
	if (pa->direct)
		peerbuf_direct_move(pa->direct, dev);
	else
		attach->dev = dev;
}
EXPORT_SYMBOL_GPL(dma_buf_iommu_set_device);
