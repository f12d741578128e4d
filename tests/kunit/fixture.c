// SPDX-License-Identifier: GPL-2.0-or-later
/* See fixture.h. */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "fixture.h"

/* ------------------------------------------------------------------- devices */

static char *provider, *neighbour_name, *stranger_name;
module_param(provider, charp, 0444);
MODULE_PARM_DESC(provider, "PCI function whose BAR 2 is exported");
module_param_named(neighbour, neighbour_name, charp, 0444);
MODULE_PARM_DESC(neighbour, "PCI function below the same switch");
module_param_named(stranger, stranger_name, charp, 0444);
MODULE_PARM_DESC(stranger, "PCI function that only the root complex leads to");

struct pci_dev *provider_pdev, *neighbour, *stranger;
struct device *elsewhere;

static struct pci_dev *function(const char *name)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev)
		if (name && !strcmp(pci_name(pdev), name)) {
			dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
			return pdev;
		}
	return NULL;
}

void devices_put(struct kunit_suite *suite)
{
	pci_dev_put(provider_pdev);
	pci_dev_put(neighbour);
	pci_dev_put(stranger);
	if (elsewhere)
		root_device_unregister(elsewhere);
	elsewhere = NULL;
}

int devices_get(struct kunit_suite *suite)
{
	provider_pdev = function(provider);
	neighbour = function(neighbour_name);
	stranger = function(stranger_name);
	elsewhere = root_device_register("peerbuf_kunit");
	if (IS_ERR(elsewhere))
		elsewhere = NULL;
	if (provider_pdev && neighbour && stranger && elsewhere)
		return 0;
	devices_put(suite);
	return -ENODEV;
}

u64 bar_start(void)
{
	return pci_resource_start(provider_pdev, 2);
}

/* ------------------------------------------------------------------- exporters */

static struct dma_buf_phys_list *made_map_phys(struct dma_buf_attachment *attach)
{
	struct made *m = peerbuf_exporter_priv(attach->dmabuf);

	if (m->map_error)
		return ERR_PTR(m->map_error);
	m->maps++;
	return dma_buf_phys_list_get(m->list);
}

static void made_unmap_phys(struct dma_buf_attachment *attach, struct dma_buf_phys_list *list)
{
	struct made *m = peerbuf_exporter_priv(attach->dmabuf);

	m->maps--;
	dma_buf_phys_list_put(list);
}

const struct dma_buf_mapping_pal_exp_ops made_pal_ops = {
	.map_phys = made_map_phys,
	.unmap_phys = made_unmap_phys,
};

static struct sg_table *fill(struct made *m)
{
	struct scatterlist *sg;
	struct sg_table *sgt;
	unsigned int i;

	m->asked++;
	if (m->map_error)
		return ERR_PTR(m->map_error);
	if (m->late) {
		m->late--;
		return ERR_PTR(-ENODEV);
	}
	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt || sg_alloc_table(sgt, m->nr_vec, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	for_each_sg(sgt->sgl, sg, m->nr_vec, i) {
		sg_dma_address(sg) = m->vec[i].paddr;
		sg_dma_len(sg) = m->vec[i].len;
	}
	m->maps++;
	return sgt;
}

static void unfill(struct made *m, struct sg_table *sgt)
{
	m->maps--;
	sg_free_table(sgt);
	kfree(sgt);
}

static struct sg_table *made_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	return fill(peerbuf_exporter_priv(attach->dmabuf));
}

static void made_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		       enum dma_data_direction dir)
{
	unfill(peerbuf_exporter_priv(attach->dmabuf), sgt);
}

const struct dma_buf_mapping_sgt_exp_ops made_sgt_ops = {
	.map_dma_buf = made_map,
	.unmap_dma_buf = made_unmap,
};

static int made_match(struct dma_buf_match_args *args, void *priv)
{
	struct made *m = priv;

	return m->match_error ?: dma_buf_match_mapping(args, m->offer, m->nr);
}

static void made_release(void *priv)
{
	struct made *m = priv;

	m->released = true;
}

static const struct peerbuf_exporter_ops single_ops = {
	.release = made_release,
};

static const struct peerbuf_exporter_ops match_ops = {
	.match_mapping = made_match,
	.release = made_release,
};

struct dma_buf_phys_list *list_of(const struct phys_vec *vec, size_t nr)
{
	u64 size = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		size += vec[i].len;
	return dma_buf_phys_list_create(vec, nr, size);
}

int made_export(struct made *m, struct peerbuf_provider *p, u64 size, int flags)
{
	struct dma_buf *dmabuf;

	dmabuf = peerbuf_export(&(struct peerbuf_export_info) {
		.owner = THIS_MODULE,
		.exp_name = "peerbuf_kunit",
		.ops = m->nr || m->match_error ? &match_ops : &single_ops,
		.single_exporter_match = m->nr || m->match_error ? NULL : &m->single,
		.provider = p,
		.size = size,
		.flags = flags,
		.priv = m,
	});
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	m->dmabuf = dmabuf;
	return 0;
}

static struct sg_table *foreign_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	struct made *m = attach->dmabuf->priv;

	m->dir = dir;
	m->dev = attach->dev;
	return fill(m);
}

static void foreign_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			  enum dma_data_direction dir)
{
	unfill(attach->dmabuf->priv, sgt);
}

static void foreign_release(struct dma_buf *dmabuf)
{
	made_release(dmabuf->priv);
}

static int foreign_pin(struct dma_buf_attachment *attach)
{
	return 0;
}

static void foreign_unpin(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_ops foreign_static_ops = {
	.map_dma_buf = foreign_map,
	.unmap_dma_buf = foreign_unmap,
	.release = foreign_release,
};

static const struct dma_buf_ops foreign_dynamic_ops = {
	.map_dma_buf = foreign_map,
	.unmap_dma_buf = foreign_unmap,
	.release = foreign_release,
	.pin = foreign_pin,
	.unpin = foreign_unpin,
};

int made_export_foreign(struct made *m, u64 size, bool dynamic)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.ops = dynamic ? &foreign_dynamic_ops : &foreign_static_ops;
	info.size = size;
	info.flags = O_RDWR;
	info.priv = m;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	m->dmabuf = dmabuf;
	return 0;
}

void made_put(struct made *m)
{
	if (m->dmabuf)
		dma_buf_put(m->dmabuf);
	m->dmabuf = NULL;
	/* Threads of the kernel leave the end of a file to a worker. */
	flush_delayed_fput();
	dma_buf_phys_list_put(m->list);
	m->list = NULL;
}

int made_pal(struct made *m, struct peerbuf_provider *p, const struct phys_vec *vec, size_t nr)
{
	int ret;

	m->list = list_of(vec, nr);
	if (IS_ERR(m->list)) {
		ret = PTR_ERR(m->list);
		m->list = NULL;
		return ret;
	}
	m->single = DMA_BUF_EMAPPING_PAL(&made_pal_ops, provider_pdev);
	return made_export(m, p, m->list->size, O_RDWR);
}

/* ------------------------------------------------------------------- importers */

static void give_back(struct heard *h)
{
	if (h->count && (h->sgt || h->raw))
		atomic_dec(h->count);
	if (h->sgt)
		dma_buf_unmap_attachment(h->attach, h->sgt, DMA_BIDIRECTIONAL);
	if (h->raw)
		dma_buf_pal_unmap_phys(h->attach, h->raw);
	h->sgt = NULL;
	h->raw = NULL;
}

static void heard_invalidate(struct dma_buf_attachment *attach)
{
	struct heard *h = attach->importer_priv;

	h->invalidated++;
	h->state = peerbuf_buffer_get_state(attach->dmabuf);
	h->still_mapped |= h->domain && iommu_iova_to_phys(h->domain, h->iova);
	if (!h->slow)
		give_back(h);
}

static void heard_restored(struct dma_buf_attachment *attach, int error)
{
	struct heard *h = attach->importer_priv;

	h->restored++;
	h->state = peerbuf_buffer_get_state(attach->dmabuf);
	h->error = error;
}

static void heard_dead(struct dma_buf_attachment *attach)
{
	struct heard *h = attach->importer_priv;

	h->dead++;
	h->state = peerbuf_buffer_get_state(attach->dmabuf);
}

const struct dma_buf_mapping_importer_ops heard_ops = {
	.invalidate_mappings = heard_invalidate,
	.restored = heard_restored,
	.dead = heard_dead,
};

const struct dma_buf_attach_ops heard_stock_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings_member = heard_invalidate,
};

const struct dma_buf_attach_ops heard_stock_no_p2p_ops = {
	.invalidate_mappings_member = heard_invalidate,
};

int heard_attach(struct heard *h, struct made *m, struct dma_buf_mapping_match match)
{
	h->attach = dma_buf_mapping_attach(m->dmabuf, &match, 1, &heard_ops, h);
	if (!IS_ERR(h->attach))
		return 0;
	return PTR_ERR(h->attach);
}

void heard_detach(struct heard *h)
{
	heard_unmap(h);
	dma_buf_mapping_detach(h->attach);
	h->attach = NULL;
}

int heard_map(struct heard *h, enum dma_data_direction dir)
{
	const struct dma_buf_mapping_match *m = dma_buf_attachment_mapping(h->attach);
	struct dma_buf_phys_list *raw;
	struct sg_table *sgt;
	int ret = 0;

	dma_resv_lock(h->attach->dmabuf->resv, NULL);
	if (m && m->type == &dma_buf_mapping_pal_type) {
		raw = dma_buf_pal_map_phys(h->attach);
		ret = PTR_ERR_OR_ZERO(raw);
		h->raw = ret ? NULL : raw;
	} else {
		sgt = dma_buf_sgt_map_attachment(h->attach, dir);
		ret = PTR_ERR_OR_ZERO(sgt);
		h->sgt = ret ? NULL : sgt;
	}
	if (!ret && h->count)
		atomic_inc(h->count);
	dma_resv_unlock(h->attach->dmabuf->resv);
	return ret;
}

void heard_unmap(struct heard *h)
{
	dma_resv_lock(h->attach->dmabuf->resv, NULL);
	give_back(h);
	dma_resv_unlock(h->attach->dmabuf->resv);
}

int heard_iommu_map(struct heard *h, const struct dma_buf_iommu_mapping *map)
{
	int ret;

	dma_resv_lock(h->attach->dmabuf->resv, NULL);
	ret = dma_buf_iommu_map(h->attach, map);
	dma_resv_unlock(h->attach->dmabuf->resv);
	return ret;
}

void heard_iommu_unmap(struct heard *h)
{
	dma_resv_lock(h->attach->dmabuf->resv, NULL);
	dma_buf_iommu_unmap(h->attach);
	dma_resv_unlock(h->attach->dmabuf->resv);
}

struct dma_buf_iommu_status heard_status(struct heard *h)
{
	struct dma_buf_iommu_status status;

	dma_resv_lock(h->attach->dmabuf->resv, NULL);
	dma_buf_iommu_get_status(h->attach, &status);
	dma_resv_unlock(h->attach->dmabuf->resv);
	return status;
}

/* ------------------------------------------------------------------- provider */

static bool told_decoding(struct peerbuf_provider *p)
{
	return container_of(p, struct told_provider, p)->decoding;
}

static const struct peerbuf_provider_ops told_ops = {
	.decoding = told_decoding,
};

void told_provider_init(struct told_provider *t)
{
	t->decoding = true;
	peerbuf_provider_init(&t->p, &told_ops, "peerbuf_kunit");
	peerbuf_provider_open(&t->p);
}

/* ------------------------------------------------------------------- domains */

void expect_nothing(struct kunit *test, struct iommu_domain *domain, u64 iova, u64 length)
{
	u64 at, wrong = 0;

	for (at = 0; at < length; at += PAGE_SIZE)
		wrong += !!iommu_iova_to_phys(domain, iova + at);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

void expect_translated(struct kunit *test, struct iommu_domain *domain, u64 iova,
		       const struct phys_vec *vec, size_t nr, u64 offset, u64 length)
{
	u64 end = iova + length, wrong = 0, at;
	size_t i;

	expect_nothing(test, domain, iova - PAGE_SIZE, PAGE_SIZE);
	for (i = 0; i < nr && iova < end; i++) {
		for (at = 0; at < vec[i].len && iova < end; at += PAGE_SIZE) {
			if (offset) {
				offset -= PAGE_SIZE;
				continue;
			}
			wrong += iommu_iova_to_phys(domain, iova) != vec[i].paddr + at;
			iova += PAGE_SIZE;
		}
	}
	KUNIT_EXPECT_EQ(test, iova, end);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	expect_nothing(test, domain, iova, PAGE_SIZE);
}
