// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversions between what an exporter has and what an importer asked for. The
 * only file that calls the DMA API and the IOMMU API.
 */
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include "internal.h"
#include "pure.h"
#include "trace.h"

/* An sg entry has 32 bits for its length. */
#define MAX_SG_LEN	ALIGN_DOWN(UINT_MAX, PAGE_SIZE)

/* Entries of an exporter for which a match needs no memory: most have one. */
#define FEW_ENTRIES	2

void peerbuf_match_tried(const struct dma_buf_match_args *args,
			 const struct dma_buf_mapping_match *exp,
			 const struct dma_buf_mapping_match *imp, int verdict)
{
	trace_peerbuf_match(args->dmabuf, exp, imp, verdict);
}

int dma_buf_match_mapping(struct dma_buf_match_args *args,
			  const struct dma_buf_mapping_match *exp,
			  size_t exp_len)
{
	struct dma_buf_mapping_match few[FEW_ENTRIES * PEERBUF_MAX_OFFERS];
	struct dma_buf_mapping_match *offer = few;
	size_t i, n = 0;
	int ret;

	if (!exp_len || !args->imp_len)
		return -EINVAL;
	if (exp_len > FEW_ENTRIES)
		offer = kcalloc(array_size(exp_len, PEERBUF_MAX_OFFERS),
				sizeof(*offer), GFP_KERNEL);
	if (!offer)
		return -ENOMEM;
	for (i = 0; i < exp_len; i++)
		n += peerbuf_offer_expand(&exp[i], &offer[n]);
	ret = peerbuf_match_lists(args, offer, n);
	if (offer != few)
		kfree(offer);
	return ret;
}
EXPORT_SYMBOL_GPL(dma_buf_match_mapping);

static const struct dma_buf_mapping_pal_exp_ops *
origin_pal(const struct peerbuf_attachment *pa)
{
	return container_of(pa->result.exp_ops,
			    struct dma_buf_mapping_pal_exp_ops, ops);
}

/* ------------------------------------------------------ PAL or SGT -> IOMMU */

/*
 * When iommu_map() fails it undoes what the driver says was mapped. intel-iommu does not
 * tell what it had mapped when memory for its page tables ran out in the middle of a
 * call; the device would keep access to memory that is about to be somebody else's.
 */
static void undo_partial(struct iommu_domain *domain, u64 iova, u64 length)
{
	size_t done, page = max(PAGE_SIZE, 1UL << __ffs(domain->pgsize_bitmap));
	u64 at;

	for (at = 0; at < length; at += done) {
		done = 0;
		/* Some drivers warn about an unmap of what is not mapped. */
		if (iommu_iova_to_phys(domain, iova + at))
			done = iommu_unmap(domain, iova + at, page);
		/* A large page goes as a whole. */
		done = max(done, page);
		cond_resched();
	}
}

int peerbuf_iommu_map(struct iommu_domain *domain, u64 iova, phys_addr_t paddr,
		      u64 length, int prot)
{
	int ret;

	ret = iommu_map(domain, iova, paddr, length, prot, GFP_KERNEL_ACCOUNT);
	if (ret)
		undo_partial(domain, iova, length);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_iommu_map);

static int map_pieces(struct peerbuf_attachment *pa,
		      struct peerbuf_range_cursor *cursor, int prot)
{
	const struct dma_buf_iommu_mapping *m = &pa->iommu;
	struct phys_vec piece;
	u64 done = 0;
	int ret = 0;

	pa->iommu_pieces = 0;
	pa->iommu_page_sizes = 0;
	while (peerbuf_range_next(cursor, U64_MAX, &piece)) {
		/* The reservation lock ranks above reclaim: GFP_KERNEL is fine. */
		ret = peerbuf_iommu_map(m->domain, m->iova + done,
					piece.paddr, piece.len, prot);
		if (ret)
			break;
		pa->iommu_page_sizes |=
			peerbuf_range_page_sizes(m->iova + done, piece.paddr,
						 piece.len,
						 m->domain->pgsize_bitmap);
		pa->iommu_pieces++;
		done += piece.len;
		cond_resched();
	}
	/* Nothing is left of the piece that failed; undo those before it. */
	if (ret && done)
		iommu_unmap(m->domain, m->iova, done);
	return ret;
}

static int map_list(struct peerbuf_attachment *pa,
		    const struct dma_buf_phys_list *list,
		    enum peerbuf_memory kind)
{
	int cache = kind == PEERBUF_MEMORY_DEVICE ? IOMMU_MMIO : IOMMU_CACHE;
	struct peerbuf_range_cursor cursor;
	int ret;

	ret = peerbuf_range_start(&cursor, list->phys, list->length,
				  pa->iommu.offset, pa->iommu.length);
	return ret ?: map_pieces(pa, &cursor, pa->iommu.prot | cache);
}

static int map_from_pal(struct peerbuf_attachment *pa)
{
	const struct dma_buf_mapping_pal_exp_ops *ops = origin_pal(pa);
	struct dma_buf_phys_list *list;
	int ret;

	list = ops->map_phys(pa->base);
	if (IS_ERR(list))
		return PTR_ERR(list);
	ret = map_list(pa, list, pa->result.iommu_data.exporting_p2p_device ?
				 PEERBUF_MEMORY_DEVICE : PEERBUF_MEMORY_RAM);
	/* The IOMMU has the addresses now; the list is not needed to unmap. */
	ops->unmap_phys(pa->base, list);
	return ret;
}

/* What the table is filled for: no more than the mapping in the domain will allow. */
static enum dma_data_direction table_direction(const struct peerbuf_attachment *pa)
{
	return pa->iommu.prot & IOMMU_WRITE ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE;
}

static void unmap_table(struct peerbuf_attachment *pa)
{
	if (pa->sgt)
		dma_buf_unmap_attachment(pa->base, pa->sgt,
					 table_direction(pa));
	pa->sgt = NULL;
}

/*
 * Can a foreign exporter take its memory back? One that moves it can, and says that it does
 * by having pin(). The kernel's own VFIO never moves what it exports, but revokes it, which
 * nothing in its buffers says; all drivers that are made of its PCI part share its exporter.
 */
static bool takes_back(const struct dma_buf *dmabuf)
{
	return dmabuf->ops->pin || !strcmp(dmabuf->exp_name, "vfio_pci_core");
}

/*
 * Device memory that its exporter cannot take back must not be handed out; and whose it
 * is must be known where only known routes are wanted.
 */
static bool acceptable(struct peerbuf_attachment *pa, enum peerbuf_memory kind)
{
	struct dma_buf *dmabuf = pa->base->dmabuf;

	if (kind == PEERBUF_MEMORY_RAM)
		return true;
	if (pa->result.iommu_data.strict &&
	    !pa->result.iommu_data.exporting_p2p_device)
		return false;
	return peerbuf_is_native(dmabuf) || takes_back(dmabuf);
}

/* The table stays: while it is held the exporter keeps the memory in its place. */
static int map_from_sgt(struct peerbuf_attachment *pa)
{
	struct dma_buf_phys_list *list;
	enum peerbuf_memory kind;
	struct sg_table *sgt;
	int ret;

	sgt = dma_buf_map_attachment(pa->base, table_direction(pa));
	/* What the kernel's exporters say where peer-to-peer has no route. */
	if (sgt == ERR_PTR(-EINVAL))
		return -EOPNOTSUPP;
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	pa->sgt = sgt;
	list = peerbuf_direct_list(pa->direct, sgt, pa->base->dmabuf->size,
				   &kind);
	if (IS_ERR(list))
		ret = PTR_ERR(list);
	else
		ret = acceptable(pa, kind) ? map_list(pa, list, kind) :
					     -EOPNOTSUPP;
	if (!IS_ERR(list))
		dma_buf_phys_list_put(list);
	if (ret)
		unmap_table(pa);
	return ret;
}

int peerbuf_convert_iommu_map(struct peerbuf_attachment *pa)
{
	int ret;

	ret = pa->direct ? map_from_sgt(pa) : map_from_pal(pa);
	if (!ret)
		pa->iommu_mapped = true;
	trace_peerbuf_map(pa, pa->iommu.iova, pa->iommu.length,
			  ret ? 0 : pa->iommu_pieces, ret);
	return ret;
}

void peerbuf_convert_iommu_unmap(struct peerbuf_attachment *pa)
{
	size_t done;

	if (!pa->iommu_mapped)
		return;
	/* Also flushes the IOTLB: after this the device is shut out. */
	done = iommu_unmap(pa->iommu.domain, pa->iommu.iova, pa->iommu.length);
	WARN_ON(done != pa->iommu.length);
	pa->iommu_mapped = false;
	unmap_table(pa);
	trace_peerbuf_unmap(pa, pa->iommu.iova, pa->iommu.length);
}

/* --------------------------------------------------------------- PAL -> SGT */

/**
 * struct p2p_table - a scatterlist of device memory
 * @sgt: what the importer sees: orig_nents is 0, as it has no pages
 * @allocated: entries to free
 * @mapped: leading entries that were mapped each by itself
 * @run: of IOVAs, at which all pieces are, if there is one
 * @linked: bytes of the run that lead to memory
 */
struct p2p_table {
	struct sg_table sgt;
	unsigned int allocated;
	unsigned int mapped;
	struct peerbuf_iova_run run;
	size_t linked;
};

static bool dma_domain_translates(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && (domain->type & __IOMMU_DOMAIN_PAGING);
}

static void set_entry(struct scatterlist *sg, dma_addr_t addr, unsigned int len)
{
	sg_set_page(sg, NULL, 0, 0);
	sg_dma_address(sg) = addr;
	sg_dma_len(sg) = len;
}

static int p2p_table_alloc(struct p2p_table *table, size_t entries)
{
	int ret;

	if (entries > UINT_MAX)
		return -EINVAL;
	ret = sg_alloc_table(&table->sgt, entries, GFP_KERNEL);
	if (!ret)
		table->allocated = table->sgt.orig_nents;
	return ret;
}

static void p2p_table_free(struct device *dev, struct p2p_table *table,
			   enum dma_data_direction dir)
{
	struct scatterlist *sg;
	unsigned int i;

	if (peerbuf_iova_used(&table->run))
		peerbuf_iova_free(dev, &table->run, table->linked, dir);
	for_each_sg(table->sgt.sgl, sg, table->mapped, i)
		peerbuf_unmap_mmio(dev, sg_dma_address(sg), sg_dma_len(sg), dir);
	table->sgt.orig_nents = table->allocated;
	sg_free_table(&table->sgt);
	kfree(table);
}

/* Some IOMMUs' smallest page is larger than ours: pieces cannot be put side by side. */
static bool get_run(struct device *dev, struct p2p_table *table, u64 size)
{
	return dma_get_merge_boundary(dev) < PAGE_SIZE &&
	       peerbuf_iova_alloc(dev, &table->run, size);
}

/* All of it at one run of IOVAs: as many entries as one needs to hold its length. */
static int fill_run(struct device *dev, struct p2p_table *table,
		    struct peerbuf_range_cursor *cursor, u64 size,
		    enum dma_data_direction dir)
{
	dma_addr_t addr = peerbuf_iova_start(&table->run);
	struct scatterlist *sg;
	struct phys_vec piece;
	unsigned int i;
	int ret;

	while (peerbuf_range_next(cursor, U64_MAX, &piece)) {
		ret = peerbuf_iova_link(dev, &table->run, piece.paddr, table->linked, piece.len,
					dir);
		if (ret)
			return ret;
		table->linked += piece.len;
		cond_resched();
	}
	ret = peerbuf_iova_sync(dev, &table->run, table->linked);
	if (!ret)
		ret = p2p_table_alloc(table, DIV_ROUND_UP_ULL(size, MAX_SG_LEN));
	if (ret)
		return ret;
	for_each_sg(table->sgt.sgl, sg, table->allocated, i)
		set_entry(sg, addr + (u64)i * MAX_SG_LEN,
			  min_t(u64, size - (u64)i * MAX_SG_LEN, MAX_SG_LEN));
	return 0;
}

static int map_piece(struct device *dev, const struct phys_vec *piece,
		     enum dma_data_direction dir, dma_addr_t *addr)
{
	/* Beyond the mask the DMA API warns as well as fails. */
	if (!dma_domain_translates(dev) &&
	    piece->paddr + piece->len - 1 > dma_get_mask(dev))
		return -EOPNOTSUPP;
	*addr = peerbuf_map_mmio(dev, piece->paddr, piece->len, dir);
	return dma_mapping_error(dev, *addr) ? -ENOMEM : 0;
}

static int fill_pieces(struct device *dev, struct p2p_table *table,
		       struct peerbuf_range_cursor *cursor,
		       const struct peerbuf_verdict *verdict,
		       enum dma_data_direction dir)
{
	struct scatterlist *sg;
	struct phys_vec piece;
	dma_addr_t addr;
	int ret;

	ret = p2p_table_alloc(table, peerbuf_range_pieces(cursor, MAX_SG_LEN));
	if (ret)
		return ret;
	for (sg = table->sgt.sgl;
	     peerbuf_range_next(cursor, MAX_SG_LEN, &piece); sg = sg_next(sg)) {
		if (verdict->route == PEERBUF_ROUTE_BUS_ADDRESS) {
			set_entry(sg, piece.paddr + verdict->bus_offset, piece.len);
			continue;
		}
		ret = map_piece(dev, &piece, dir, &addr);
		if (ret)
			return ret;
		set_entry(sg, addr, piece.len);
		table->mapped++;
	}
	return 0;
}

static struct p2p_table *
p2p_table_make(struct device *dev, struct peerbuf_range_cursor *cursor, u64 size,
	       const struct peerbuf_verdict *verdict,
	       enum dma_data_direction dir)
{
	struct p2p_table *table = kzalloc(sizeof(*table), GFP_KERNEL);
	int ret;

	if (!table)
		return ERR_PTR(-ENOMEM);
	if (verdict->route == PEERBUF_ROUTE_HOST_BRIDGE && get_run(dev, table, size))
		ret = fill_run(dev, table, cursor, size, dir);
	else
		ret = fill_pieces(dev, table, cursor, verdict, dir);
	if (ret) {
		p2p_table_free(dev, table, dir);
		return ERR_PTR(ret);
	}
	table->sgt.orig_nents = 0;
	return table;
}

static struct sg_table *pal_to_sgt_map(struct dma_buf_attachment *attach,
				       enum dma_data_direction dir)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	const struct dma_buf_mapping_pal_exp_ops *ops = origin_pal(pa);
	struct device *dev = pa->result.sgt_data.importing_dma_device;
	struct peerbuf_range_cursor cursor;
	struct peerbuf_verdict verdict;
	struct dma_buf_phys_list *list;
	struct p2p_table *table;
	int ret;

	/* ACS may have changed since the attach; what counts is how it is now. */
	peerbuf_route(pa->result.sgt_data.exporting_p2p_device, dev, &verdict);
	if (verdict.route != pa->info.route)
		return ERR_PTR(-EOPNOTSUPP);

	list = ops->map_phys(attach);
	if (IS_ERR(list))
		return ERR_CAST(list);
	ret = peerbuf_range_start(&cursor, list->phys, list->length, 0,
				  list->size);
	table = ret ? ERR_PTR(ret) :
		      p2p_table_make(dev, &cursor, list->size, &verdict, dir);
	ops->unmap_phys(attach, list);
	return IS_ERR(table) ? ERR_CAST(table) : &table->sgt;
}

static void pal_to_sgt_unmap(struct dma_buf_attachment *attach,
			     struct sg_table *sgt, enum dma_data_direction dir)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	p2p_table_free(pa->result.sgt_data.importing_dma_device,
		       container_of(sgt, struct p2p_table, sgt), dir);
}

const struct dma_buf_mapping_sgt_exp_ops peerbuf_pal_to_sgt_ops = {
	.map_dma_buf = pal_to_sgt_map,
	.unmap_dma_buf = pal_to_sgt_unmap,
};

/* ------------------------------------------------------------ PAL of RAM -> SGT */

/**
 * struct ram_table - a scatterlist of RAM
 * @sgt: what the importer sees, with pages
 * @node: in the attachment's tables; reservation lock
 * @dir: direction that it was mapped for
 */
struct ram_table {
	struct sg_table sgt;
	struct list_head node;
	enum dma_data_direction dir;
};

/* As dma_capable(), which not every kernel lets a module use. */
static bool addresses(struct device *dev, dma_addr_t addr, size_t len)
{
	u64 last = addr + len - 1;

	return last >= addr &&
	       last <= min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}

/*
 * Can the device reach it without a copy? A copy is not the buffer: what one importer
 * writes to its own others would not see. Such a device is refused.
 */
static bool reaches_ram(struct device *dev, const struct phys_vec *run)
{
	u64 last = run->paddr + run->len - 1;

	/* Where the DMA API would be told of a page that there is not. */
	if (!pfn_valid(PHYS_PFN(run->paddr)) || !pfn_valid(PHYS_PFN(last)))
		return false;
	return dma_domain_translates(dev) ||
	       (!is_swiotlb_force_bounce(dev) &&
		addresses(dev, phys_to_dma(dev, run->paddr), run->len));
}

static int ram_table_fill(struct device *dev, struct sg_table *sgt,
			  const struct dma_buf_phys_list *list)
{
	size_t max = ALIGN_DOWN(min_t(size_t, dma_get_max_seg_size(dev),
				      MAX_SG_LEN), PAGE_SIZE) ?: PAGE_SIZE;
	struct peerbuf_range_cursor cursor;
	struct scatterlist *sg;
	struct phys_vec piece;
	size_t i, pieces;
	int ret;

	/* The DMA API warns of it; who only uses the CPU may have none. */
	if (!dev->dma_mask)
		return -EOPNOTSUPP;
	for (i = 0; i < list->length; i++)
		if (!reaches_ram(dev, &list->phys[i]))
			return -EOPNOTSUPP;
	ret = peerbuf_range_start(&cursor, list->phys, list->length, 0,
				  list->size);
	if (ret)
		return ret;
	pieces = peerbuf_range_pieces(&cursor, max);
	if (pieces > UINT_MAX)
		return -EINVAL;
	ret = sg_alloc_table(sgt, pieces, GFP_KERNEL);
	if (ret)
		return ret;
	for (sg = sgt->sgl; peerbuf_range_next(&cursor, max, &piece);
	     sg = sg_next(sg))
		sg_set_page(sg, pfn_to_page(PHYS_PFN(piece.paddr)), piece.len, 0);
	return 0;
}

static struct sg_table *ram_to_sgt_map(struct dma_buf_attachment *attach,
				       enum dma_data_direction dir)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	const struct dma_buf_mapping_pal_exp_ops *ops = origin_pal(pa);
	struct device *dev = pa->result.sgt_data.importing_dma_device;
	struct dma_buf_phys_list *list;
	struct ram_table *table;
	int ret;

	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	list = ops->map_phys(attach);
	if (IS_ERR(list)) {
		ret = PTR_ERR(list);
		goto err_table;
	}
	ret = ram_table_fill(dev, &table->sgt, list);
	/* The table has the pages now, and they stay until the release. */
	ops->unmap_phys(attach, list);
	if (ret)
		goto err_table;
	ret = dma_map_sgtable(dev, &table->sgt, dir, 0);
	if (ret)
		goto err_sg;
	table->dir = dir;
	list_add(&table->node, &pa->tables);
	return &table->sgt;

err_sg:
	sg_free_table(&table->sgt);
err_table:
	kfree(table);
	return ERR_PTR(ret);
}

static void ram_to_sgt_unmap(struct dma_buf_attachment *attach,
			     struct sg_table *sgt, enum dma_data_direction dir)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	struct ram_table *table = container_of(sgt, struct ram_table, sgt);

	list_del(&table->node);
	dma_unmap_sgtable(pa->result.sgt_data.importing_dma_device, sgt,
			  table->dir, 0);
	sg_free_table(sgt);
	kfree(table);
}

const struct dma_buf_mapping_sgt_exp_ops peerbuf_ram_to_sgt_ops = {
	.map_dma_buf = ram_to_sgt_map,
	.unmap_dma_buf = ram_to_sgt_unmap,
};

/*
 * By DMA address and not by page: kernels with DMABUF_DEBUG scramble the pages of tables
 * that importers hold.
 */
void peerbuf_sync_for_cpu(struct peerbuf_attachment *pa)
{
	struct device *dev = pa->result.sgt_data.importing_dma_device;
	struct ram_table *table;
	struct scatterlist *sg;
	int i;

	dma_resv_assert_held(pa->base->dmabuf->resv);

	list_for_each_entry(table, &pa->tables, node)
		for_each_sgtable_dma_sg(&table->sgt, sg, i)
			dma_sync_single_for_cpu(dev, sg_dma_address(sg),
						sg_dma_len(sg), table->dir);
}

void peerbuf_sync_for_device(struct peerbuf_attachment *pa)
{
	struct device *dev = pa->result.sgt_data.importing_dma_device;
	struct ram_table *table;
	struct scatterlist *sg;
	int i;

	dma_resv_assert_held(pa->base->dmabuf->resv);

	list_for_each_entry(table, &pa->tables, node)
		for_each_sgtable_dma_sg(&table->sgt, sg, i)
			dma_sync_single_for_device(dev, sg_dma_address(sg),
						   sg_dma_len(sg), table->dir);
}

/* ------------------------------------------------- what the DMA API is worth */

/* After a revoke, does the IOMMU stop a device that goes on? */
bool peerbuf_sgt_enforced(const struct dma_buf_mapping_match *m, u32 route)
{
	/* The core maps it: device memory by a route that an IOMMU sees, or RAM. */
	bool ours = route == PEERBUF_ROUTE_HOST_BRIDGE ||
		    (m->origin && !m->sgt_data.exporting_p2p_device);

	return ours && dma_domain_translates(m->sgt_data.importing_dma_device);
}

/*
 * A lazy DMA domain keeps translations of unmapped addresses in the IOTLB until
 * its queue is flushed. A revoke cannot wait for that.
 */
void peerbuf_flush_dma_domain(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (dma_domain_translates(dev))
		iommu_flush_iotlb_all(domain);
}

/* VFIO drivers give their device a domain that the DMA API knows nothing of. */
bool peerbuf_dma_api_unused(struct device *dev)
{
	/* The importer is that driver, or keeps it bound: no lock is needed. */
	struct device_driver *drv = READ_ONCE(dev->driver);

	return dev_is_pci(dev) && drv && to_pci_driver(drv)->driver_managed_dma;
}
