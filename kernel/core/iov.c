// SPDX-License-Identifier: GPL-2.0-only
/* IOV: the type, and the calls of importers that negotiated it. */
#include <linux/pci.h>
#include <linux/seq_file.h>

#include <linux/peerbuf/iov.h>

#include "internal.h"
#include "trace.h"

static int iov_match(struct dma_buf *dmabuf,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp)
{
	struct pci_dev *vf = exp->iov_data.exporting_function;

	return vf && vf->is_virtfn && imp->iov_data.importing_function &&
	       pci_physfn(vf) == imp->iov_data.importing_function ?
	       0 : -EOPNOTSUPP;
}

static void iov_finish_match(struct dma_buf_match_args *args,
			     const struct dma_buf_mapping_match *exp,
			     const struct dma_buf_mapping_match *imp)
{
	*args->result = *exp;
	args->result->iov_data.importing_function =
		imp->iov_data.importing_function;
}

static void iov_debugfs_dump(struct seq_file *s, struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	seq_printf(s, "function=%s bar=%u held=%u",
		   pci_name(pa->result.iov_data.exporting_function),
		   pa->result.iov_data.bar, pa->held);
}

const struct dma_buf_mapping_type dma_buf_mapping_iov_type = {
	.name = "iov",
	.match = iov_match,
	.finish_match = iov_finish_match,
	.debugfs_dump = iov_debugfs_dump,
};
EXPORT_SYMBOL_GPL(dma_buf_mapping_iov_type);

static const struct dma_buf_mapping_pal_exp_ops *
iov_ops(const struct peerbuf_attachment *pa)
{
	return container_of(pa->result.exp_ops,
			    struct dma_buf_mapping_pal_exp_ops, ops);
}

static bool in_bar(struct pci_dev *function, unsigned int bar,
		   const struct dma_buf_phys_list *list)
{
	u64 start = pci_resource_start(function, bar);
	u64 bar_length = pci_resource_len(function, bar);
	size_t i;

	for (i = 0; i < list->length; i++) {
		const struct phys_vec *v = &list->phys[i];

		if (v->paddr < start || v->paddr - start > bar_length ||
		    v->len > bar_length - (v->paddr - start))
			return false;
	}
	return true;
}

static int iov_map(struct peerbuf_attachment *pa, struct dma_buf_iov_mapping *map)
{
	struct pci_dev *function = pa->result.iov_data.exporting_function;
	unsigned int bar = pa->result.iov_data.bar;
	struct dma_buf_phys_list *list;

	if (bar >= PCI_STD_NUM_BARS)
		return -EOPNOTSUPP;
	list = iov_ops(pa)->map_phys(pa->base);
	if (IS_ERR(list))
		return PTR_ERR(list);
	if (!in_bar(function, bar, list)) {
		iov_ops(pa)->unmap_phys(pa->base, list);
		return -EOPNOTSUPP;
	}
	*map = (struct dma_buf_iov_mapping) {
		.function = function,
		.vf = pci_iov_vf_id(function),
		.bar = bar,
		.nr_ranges = list->length,
		.list = list,
	};
	return 0;
}

int dma_buf_iov_map(struct dma_buf_attachment *attach,
		    struct dma_buf_iov_mapping *map)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	u64 offset = 0, length;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!pa || pa->result.type != &dma_buf_mapping_iov_type)
		return -EINVAL;
	ret = peerbuf_buffer_of(attach->dmabuf)->state == PEERBUF_STATE_LIVE ?
	      iov_map(pa, map) : -ENODEV;
	if (!ret) {
		peerbuf_buffer_hold(pa);
		dma_buf_iov_range(map, 0, &offset, &length);
	}
	trace_peerbuf_map(pa, offset, attach->dmabuf->size,
			  ret ? 0 : map->nr_ranges, ret);
	return ret;
}
EXPORT_SYMBOL_GPL(dma_buf_iov_map);

void dma_buf_iov_range(const struct dma_buf_iov_mapping *map, size_t i,
		       u64 *offset, u64 *length)
{
	*offset = map->list->phys[i].paddr -
		  pci_resource_start(map->function, map->bar);
	*length = map->list->phys[i].len;
}
EXPORT_SYMBOL_GPL(dma_buf_iov_range);

void dma_buf_iov_unmap(struct dma_buf_attachment *attach,
		       struct dma_buf_iov_mapping *map)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	u64 offset, length;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (WARN_ON(!pa || pa->result.type != &dma_buf_mapping_iov_type))
		return;
	dma_buf_iov_range(map, 0, &offset, &length);
	trace_peerbuf_unmap(pa, offset, attach->dmabuf->size);
	iov_ops(pa)->unmap_phys(attach, map->list);
	map->list = NULL;
	peerbuf_buffer_unhold(pa);
}
EXPORT_SYMBOL_GPL(dma_buf_iov_unmap);
