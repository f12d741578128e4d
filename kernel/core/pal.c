// SPDX-License-Identifier: GPL-2.0-only
/* PAL: the exporter-side type, and the list that it hands to the core. */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

struct dma_buf_phys_list *
dma_buf_phys_list_create(const struct phys_vec *vec, size_t nr, u64 size)
{
	struct dma_buf_phys_list *list;
	size_t merged;
	int ret;

	ret = peerbuf_range_check(vec, nr, PAGE_SIZE, size);
	if (ret)
		return ERR_PTR(ret);

	merged = peerbuf_range_merge(vec, nr, NULL);
	list = kvzalloc(size_add(struct_size(list, phys, merged),
				 array_size(merged, sizeof(*list->first))),
			GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!list)
		return ERR_PTR(-ENOMEM);

	kref_init(&list->ref);
	list->size = size;
	list->length = merged;
	peerbuf_range_merge(vec, nr, list->phys);
	list->first = (u64 *)&list->phys[merged];
	peerbuf_range_index(list->phys, merged, list->first);
	return list;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_list_create);

static void phys_list_free(struct kref *ref)
{
	kvfree(container_of(ref, struct dma_buf_phys_list, ref));
}

struct dma_buf_phys_list *
dma_buf_phys_list_get(struct dma_buf_phys_list *list)
{
	kref_get(&list->ref);
	return list;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_list_get);

void dma_buf_phys_list_put(struct dma_buf_phys_list *list)
{
	if (list)
		kref_put(&list->ref, phys_list_free);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_list_put);

static int pal_match(struct dma_buf *dmabuf,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp)
{
	return peerbuf_raw_pal_allowed(imp->pal_data.owner) ? 0 : -EOPNOTSUPP;
}

const struct dma_buf_mapping_type dma_buf_mapping_pal_type = {
	.name = "pal",
	.match = pal_match,
};
EXPORT_SYMBOL_GPL(dma_buf_mapping_pal_type);

static const struct dma_buf_mapping_pal_exp_ops *
pal_ops(const struct dma_buf_mapping_match *match)
{
	return container_of(match->exp_ops, struct dma_buf_mapping_pal_exp_ops,
			    ops);
}

struct dma_buf_phys_list *
dma_buf_pal_map_phys(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!pa || pa->result.type != &dma_buf_mapping_pal_type)
		return ERR_PTR(-EINVAL);
	if (peerbuf_buffer_get_state(attach->dmabuf) != PEERBUF_STATE_LIVE)
		return ERR_PTR(-ENODEV);

	list = pal_ops(&pa->result)->map_phys(attach);
	if (IS_ERR(list)) {
		trace_peerbuf_map(pa, 0, attach->dmabuf->size, 0, PTR_ERR(list));
		return list;
	}
	peerbuf_buffer_hold(pa);
	trace_peerbuf_map(pa, list->phys[0].paddr, list->size, list->length, 0);
	return list;
}
EXPORT_SYMBOL_GPL(dma_buf_pal_map_phys);

void dma_buf_pal_unmap_phys(struct dma_buf_attachment *attach,
			    struct dma_buf_phys_list *list)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	dma_resv_assert_held(attach->dmabuf->resv);

	if (WARN_ON(!pa || pa->result.type != &dma_buf_mapping_pal_type))
		return;
	trace_peerbuf_unmap(pa, list->phys[0].paddr, list->size);
	pal_ops(&pa->result)->unmap_phys(attach, list);
	peerbuf_buffer_unhold(pa);
}
EXPORT_SYMBOL_GPL(dma_buf_pal_unmap_phys);
