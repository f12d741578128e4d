// SPDX-License-Identifier: GPL-2.0-or-later
/* Physical lists and foreign tables as scatterlists: by route, of RAM, raw; what a map costs. */
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <trace/events/kmem.h>

#include "fixture.h"
#include "suites.h"

#define P PAGE_SIZE
#define MAX_SG ALIGN_DOWN(UINT_MAX, PAGE_SIZE)

static struct dma_buf_mapping_match of_neighbour(void)
{
	return DMA_BUF_IMAPPING_SGT(&neighbour->dev, true);
}

static struct dma_buf_mapping_match of_stranger(void)
{
	return DMA_BUF_IMAPPING_SGT(&stranger->dev, true);
}

/* Addresses and nothing else. */
static void expect_no_pages(struct kunit *test, struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i, wrong = 0;

	KUNIT_EXPECT_EQ(test, sgt->orig_nents, 0);
	/* Kernels with DMABUF_DEBUG scramble the page of what importers hold. */
	for_each_sgtable_dma_sg(sgt, sg, i)
		wrong += sg->length || (!IS_ENABLED(CONFIG_DMABUF_DEBUG) && sg_page(sg));
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

static void below_a_switch_addresses_are_those_of_the_bus(struct kunit *test)
{
	const struct phys_vec vec[] = {
		{ bar_start() + 8 * P, 2 * P }, { bar_start(), P }, { bar_start() + P, P },
	};
	struct peerbuf_attachment_info info;
	struct heard h = {};
	struct made m = {};

	KUNIT_ASSERT_EQ(test, made_pal(&m, NULL, vec, ARRAY_SIZE(vec)), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, of_neighbour()), 0);
	KUNIT_ASSERT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
	expect_no_pages(test, h.sgt);
	/* The last two are one. */
	KUNIT_ASSERT_EQ(test, h.sgt->nents, 2);
	KUNIT_EXPECT_EQ(test, sg_dma_address(h.sgt->sgl), vec[0].paddr);
	KUNIT_EXPECT_EQ(test, sg_dma_len(h.sgt->sgl), 2 * P);
	KUNIT_EXPECT_EQ(test, sg_dma_address(sg_next(h.sgt->sgl)), vec[1].paddr);
	KUNIT_EXPECT_EQ(test, sg_dma_len(sg_next(h.sgt->sgl)), 2 * P);
	dma_resv_lock(m.dmabuf->resv, NULL);
	peerbuf_attachment_get_info(h.attach, &info);
	dma_resv_unlock(m.dmabuf->resv);
	KUNIT_EXPECT_EQ(test, info.route, PEERBUF_ROUTE_BUS_ADDRESS);
	KUNIT_EXPECT_FALSE(test, info.enforced);
	heard_detach(&h);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	made_put(&m);
}

/* What the device reaches through its IOMMU is the list, page by page. */
static void through_the_root_complex(struct kunit *test, size_t nr)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&stranger->dev);
	struct phys_vec *vec = kcalloc(nr, sizeof(*vec), GFP_KERNEL);
	struct heard h = {};
	struct made m = {};
	struct scatterlist *sg;
	dma_addr_t first;
	unsigned int i;
	u64 wrong = 0, in = 0, at;
	size_t range = 0;

	KUNIT_ASSERT_NOT_NULL(test, vec);
	KUNIT_ASSERT_TRUE(test, domain && (domain->type & __IOMMU_DOMAIN_PAGING));
	/* Neither up nor down, and nothing that could be merged. */
	for (i = 0; i < nr; i++)
		vec[i] = (struct phys_vec) { bar_start() + i * 7 % nr * 4 * P, (1 + i % 3) * P };
	KUNIT_ASSERT_EQ(test, made_pal(&m, NULL, vec, nr), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, of_stranger()), 0);
	KUNIT_ASSERT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
	expect_no_pages(test, h.sgt);
	first = sg_dma_address(h.sgt->sgl);
	KUNIT_ASSERT_EQ(test, h.sgt->nents, PEERBUF_IOVA_RUNS ? 1 : nr);
	for_each_sgtable_dma_sg(h.sgt, sg, i)
		for (at = 0; at < sg_dma_len(sg); at += P, in += P) {
			if (in == vec[range].len) {
				range++;
				in = 0;
			}
			wrong += iommu_iova_to_phys(domain, sg_dma_address(sg) + at) !=
				 vec[range].paddr + in;
		}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, range, nr - 1);
	KUNIT_EXPECT_EQ(test, in, vec[nr - 1].len);
	heard_unmap(&h);
	expect_nothing(test, domain, first, vec[0].len);
	heard_detach(&h);
	made_put(&m);
	kfree(vec);
}

static void one_range_through_the_root_complex(struct kunit *test)
{
	through_the_root_complex(test, 1);
}

static void two_ranges_through_the_root_complex(struct kunit *test)
{
	through_the_root_complex(test, 2);
}

static void a_thousand_ranges_through_the_root_complex(struct kunit *test)
{
	through_the_root_complex(test, 1000);
}

/* Addresses only: no device uses them. */
static void what_an_entry_cannot_hold_is_split(struct kunit *test)
{
	static const struct { u64 len; unsigned int nents; } want[] = {
		{ MAX_SG - P, 1 }, { MAX_SG, 1 }, { MAX_SG + P, 2 }, { 1ULL << 32, 2 },
		{ 2 * MAX_SG, 2 }, { 2 * MAX_SG + P, 3 }, { 9ULL << 30, 3 },
	};
	struct scatterlist *sg;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		struct phys_vec vec = { 1ULL << 40, want[i].len };
		struct heard h = {};
		struct made m = {};
		u64 done = 0;

		KUNIT_ASSERT_EQ(test, made_pal(&m, NULL, &vec, 1), 0);
		KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, of_neighbour()), 0);
		KUNIT_ASSERT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
		KUNIT_EXPECT_EQ(test, h.sgt->nents, want[i].nents);
		for_each_sgtable_dma_sg(h.sgt, sg, j) {
			KUNIT_EXPECT_EQ(test, sg_dma_address(sg), vec.paddr + done);
			KUNIT_EXPECT_EQ(test, sg_dma_len(sg),
					min_t(u64, want[i].len - done, MAX_SG));
			done += sg_dma_len(sg);
		}
		KUNIT_EXPECT_EQ(test, done, want[i].len);
		heard_detach(&h);
		made_put(&m);
	}
}

static void ram_has_pages_and_is_translated(struct kunit *test)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&stranger->dev);
	struct page *pages = alloc_pages(GFP_KERNEL, 3);
	struct heard h = {};
	struct made m = {};
	struct scatterlist *sg;
	struct phys_vec vec[3];
	u64 at, got = 0;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	vec[0] = (struct phys_vec) { page_to_phys(pages + 4), 2 * P };
	vec[1] = (struct phys_vec) { page_to_phys(pages), P };
	vec[2] = (struct phys_vec) { page_to_phys(pages + 7), P };
	m.list = list_of(vec, 3);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m.list);
	m.single = DMA_BUF_EMAPPING_PAL_RAM(&made_pal_ops);
	KUNIT_ASSERT_EQ(test, made_export(&m, NULL, 4 * P, O_RDWR), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m,
					   DMA_BUF_IMAPPING_SGT(&stranger->dev, false)), 0);
	KUNIT_ASSERT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
	KUNIT_EXPECT_EQ(test, h.sgt->orig_nents, 3);
	/* The DMA API may join what it maps side by side. */
	for_each_sgtable_dma_sg(h.sgt, sg, i)
		for (at = 0; at < sg_dma_len(sg); at += P, got += P)
			KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(domain, sg_dma_address(sg) + at),
					got < 2 * P ? vec[0].paddr + got :
					got < 3 * P ? vec[1].paddr : vec[2].paddr);
	KUNIT_EXPECT_EQ(test, got, 4 * P);
	heard_detach(&h);

	/* A device that says nothing of what it can address is refused. */
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, DMA_BUF_IMAPPING_SGT(elsewhere, true)), 0);
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), -EOPNOTSUPP);
	heard_detach(&h);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	made_put(&m);
	__free_pages(pages, 3);
}

/* The DMA API would be given the struct page of an address that has none. */
static void ram_that_has_no_pages_is_refused(struct kunit *test)
{
	const u64 nowhere = 1ULL << 40;
	struct page *page = alloc_page(GFP_KERNEL);
	u64 ram, beyond;
	struct phys_vec vec[3][2] = {};
	static const size_t nr[] = { 1, 2, 1 };
	struct told_provider t;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_FALSE(test, pfn_valid(PHYS_PFN(nowhere)));
	ram = page_to_phys(page);
	for (beyond = ram; pfn_valid(PHYS_PFN(beyond)); beyond += SZ_128M)
		;
	/* All of it, behind some that has, and the end of a range that begins well. */
	vec[0][0] = (struct phys_vec) { nowhere, P };
	vec[1][0] = (struct phys_vec) { ram, P };
	vec[1][1] = (struct phys_vec) { nowhere, P };
	vec[2][0] = (struct phys_vec) { ram, beyond - ram + P };
	told_provider_init(&t);
	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		struct heard h = {};
		struct made m = { .list = list_of(vec[i], nr[i]) };

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m.list);
		m.single = DMA_BUF_EMAPPING_PAL_RAM(&made_pal_ops);
		KUNIT_ASSERT_EQ(test, made_export(&m, &t.p, m.list->size, O_RDWR), 0);
		/* To this device the IOMMU would translate any address. */
		KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, of_stranger()), 0);
		KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, m.maps, 0);
		KUNIT_EXPECT_EQ(test, kref_read(&m.list->ref), 1);
		/* A revoke has nobody to wait for. */
		peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
		peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
		heard_detach(&h);
		made_put(&m);
	}
	peerbuf_provider_close(&t.p);
	peerbuf_provider_fini(&t.p);
	__free_page(page);
}

static void a_read_only_buffer_is_only_read(struct kunit *test)
{
	const struct phys_vec vec = { bar_start(), P };
	struct made m = { .list = list_of(&vec, 1) };
	struct heard h = {};

	m.single = DMA_BUF_EMAPPING_PAL(&made_pal_ops, provider_pdev);
	KUNIT_ASSERT_EQ(test, made_export(&m, NULL, P, O_RDONLY), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, of_neighbour()), 0);
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), -EACCES);
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_FROM_DEVICE), -EACCES);
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_TO_DEVICE), 0);
	heard_detach(&h);
	made_put(&m);
}

static void each_type_has_its_own_map(struct kunit *test)
{
	const struct phys_vec vec = { bar_start(), P };
	struct dma_buf_iov_mapping iov;
	struct dma_buf_phys_list *raw;
	struct sg_table *sgt;
	struct heard h = {};
	struct made m = {};

	KUNIT_ASSERT_EQ(test, made_pal(&m, NULL, &vec, 1), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, DMA_BUF_IMAPPING_PAL()), 0);
	KUNIT_EXPECT_NULL(test, dma_buf_sgt_dma_device(h.attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(h.attach));
	dma_resv_lock(m.dmabuf->resv, NULL);
	sgt = dma_buf_sgt_map_attachment(h.attach, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(sgt), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_buf_iov_map(h.attach, &iov), -EINVAL);
	KUNIT_EXPECT_EQ(test, peerbuf_attachment_hold(h.attach), -EINVAL);
	dma_resv_unlock(m.dmabuf->resv);
	heard_detach(&h);

	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, of_neighbour()), 0);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(h.attach), &neighbour->dev);
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(h.attach));
	dma_resv_lock(m.dmabuf->resv, NULL);
	raw = dma_buf_pal_map_phys(h.attach);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(raw), -EINVAL);
	dma_resv_unlock(m.dmabuf->resv);
	heard_detach(&h);
	made_put(&m);
}

/* -------------------------------------------- each way to ask for the exporter's list */

/**
 * struct ways - an exporter's list, and what it can be asked for
 * @domain: for the IOMMU type
 * @iov: what the IOV type has filled in
 * @page: RAM
 * @vf: a virtual function, as much of one as the type looks at: no device here has any
 * @pf: its physical function
 * @vf_bus: the VF's number among its siblings follows from both numbers on the bus
 * @pf_bus: likewise
 * @sriov: in place of the PCI core's own, which is private to it: each field is 0x0101
 */
struct ways {
	struct iommu_domain *domain;
	struct dma_buf_iov_mapping iov;
	struct page *page;
	struct pci_dev vf, pf;
	struct pci_bus vf_bus, pf_bus;
	u8 sriov[SZ_1K];
};

#define WAYS_IOVA	(1ULL << 32)
#define NR_WAYS		6

static struct ways *ways_get(struct kunit *test)
{
	struct ways *w = kzalloc(sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->domain = iommu_paging_domain_alloc(&stranger->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->domain);
	w->page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->page);
	w->pf.dev.init_name = "pf";
	w->pf.bus = &w->pf_bus;
	w->pf.is_physfn = 1;
	memset(w->sriov, 1, sizeof(w->sriov));
	w->pf.sriov = (struct pci_sriov *)w->sriov;
	/* The first is one stride behind the physical function. */
	w->vf_bus.number = 2;
	w->vf.dev.init_name = "vf";
	w->vf.bus = &w->vf_bus;
	w->vf.devfn = 2;
	w->vf.is_virtfn = 1;
	w->vf.physfn = &w->pf;
	w->vf.resource[2] = (struct resource) {
		.start = bar_start(), .end = bar_start() + 16 * P - 1, .flags = IORESOURCE_MEM,
	};
	return w;
}

static void ways_put(struct ways *w)
{
	iommu_domain_free(w->domain);
	__free_page(w->page);
	kfree(w);
}

/* Export what the way number @i needs, and attach to it. */
static void ways_attach(struct kunit *test, struct ways *w, unsigned int i,
			struct peerbuf_provider *p, struct made *m, struct heard *h)
{
	const struct dma_buf_mapping_match of_device =
		DMA_BUF_EMAPPING_PAL(&made_pal_ops, provider_pdev);
	const struct dma_buf_mapping_match of_ram = DMA_BUF_EMAPPING_PAL_RAM(&made_pal_ops);
	const struct dma_buf_mapping_match of_vf = DMA_BUF_EMAPPING_IOV(&made_pal_ops, &w->vf, 2);
	const struct { struct dma_buf_mapping_match exp, imp; bool ram; } ways[NR_WAYS] = {
		{ of_device, DMA_BUF_IMAPPING_PAL() },
		{ of_device, of_neighbour() },
		{ of_device, of_stranger() },
		{ of_ram, of_stranger(), true },
		{ of_device, DMA_BUF_IMAPPING_IOMMU(&stranger->dev, false) },
		{ of_vf, DMA_BUF_IMAPPING_IOV(&w->pf) },
	};
	const struct phys_vec vec = {
		ways[i].ram ? page_to_phys(w->page) : bar_start() + P, P,
	};

	*h = (struct heard) {};
	*m = (struct made) { .list = list_of(&vec, 1), .single = ways[i].exp };
	w->iov = (struct dma_buf_iov_mapping) {};
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m->list);
	KUNIT_ASSERT_EQ(test, made_export(m, p, P, O_RDWR), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(h, m, ways[i].imp), 0);
	KUNIT_ASSERT_PTR_EQ(test, dma_buf_attachment_mapping(h->attach)->type, ways[i].imp.type);
}

static int ways_map(struct ways *w, struct heard *h)
{
	const struct dma_buf_mapping_type *type = dma_buf_attachment_mapping(h->attach)->type;
	const struct dma_buf_iommu_mapping map = {
		.domain = w->domain, .iova = WAYS_IOVA, .length = P, .prot = IOMMU_READ,
	};
	int ret;

	if (type == &dma_buf_mapping_iommu_type)
		return heard_iommu_map(h, &map);
	if (type != &dma_buf_mapping_iov_type)
		return heard_map(h, DMA_BIDIRECTIONAL);
	dma_resv_lock(h->attach->dmabuf->resv, NULL);
	ret = dma_buf_iov_map(h->attach, &w->iov);
	dma_resv_unlock(h->attach->dmabuf->resv);
	return ret;
}

static void ways_unmap(struct ways *w, struct heard *h)
{
	if (dma_buf_attachment_mapping(h->attach)->type == &dma_buf_mapping_iommu_type)
		heard_iommu_unmap(h);
	dma_resv_lock(h->attach->dmabuf->resv, NULL);
	if (w->iov.list)
		dma_buf_iov_unmap(h->attach, &w->iov);
	dma_resv_unlock(h->attach->dmabuf->resv);
	heard_unmap(h);
}

/* A revoke returns at once when nothing is held; it would wait for what somebody has forgotten. */
static void revoke_and_restore(struct told_provider *t)
{
	peerbuf_provider_block(&t->p, PEERBUF_CAUSE_RESET);
	peerbuf_provider_unblock(&t->p, PEERBUF_CAUSE_RESET);
}

static void refuse_and_try_again(struct kunit *test, struct ways *w, unsigned int i, int error)
{
	struct told_provider t;
	struct heard h;
	struct made m;

	told_provider_init(&t);
	ways_attach(test, w, i, &t.p, &m, &h);
	m.map_error = error;
	KUNIT_EXPECT_EQ(test, ways_map(w, &h), error);
	/* Nothing is held, and a restore puts nothing back that had never been there. */
	m.map_error = 0;
	KUNIT_EXPECT_NULL(test, w->iov.list);
	revoke_and_restore(&t);
	KUNIT_EXPECT_EQ(test, h.restored, 1);
	KUNIT_EXPECT_EQ(test, h.error, 0);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&m.list->ref), 1);
	expect_nothing(test, w->domain, WAYS_IOVA, P);

	KUNIT_EXPECT_EQ(test, ways_map(w, &h), 0);
	if (dma_buf_attachment_mapping(h.attach)->type == &dma_buf_mapping_iommu_type)
		KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(w->domain, WAYS_IOVA), bar_start() + P);
	ways_unmap(w, &h);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&m.list->ref), 1);
	heard_detach(&h);
	made_put(&m);
	KUNIT_EXPECT_TRUE(test, m.released);
	peerbuf_provider_close(&t.p);
	peerbuf_provider_fini(&t.p);
}

static void an_exporter_without_a_list_is_asked_again(struct kunit *test)
{
	struct ways *w = ways_get(test);
	unsigned int i;

	for (i = 0; i < NR_WAYS; i++) {
		refuse_and_try_again(test, w, i, -ENOSPC);
		refuse_and_try_again(test, w, i, -ENOMEM);
	}
	ways_put(w);
}

static void offsets_are_those_in_the_virtual_function(struct kunit *test)
{
	struct ways *w = ways_get(test);
	u64 offset, length;
	struct heard h;
	struct made m;

	ways_attach(test, w, NR_WAYS - 1, NULL, &m, &h);
	KUNIT_ASSERT_EQ(test, ways_map(w, &h), 0);
	KUNIT_EXPECT_PTR_EQ(test, w->iov.function, &w->vf);
	KUNIT_EXPECT_EQ(test, w->iov.vf, 1);
	KUNIT_EXPECT_EQ(test, w->iov.bar, 2);
	KUNIT_ASSERT_EQ(test, w->iov.nr_ranges, 1);
	dma_buf_iov_range(&w->iov, 0, &offset, &length);
	KUNIT_EXPECT_EQ(test, offset, P);
	KUNIT_EXPECT_EQ(test, length, P);
	KUNIT_EXPECT_EQ(test, m.maps, 1);
	ways_unmap(w, &h);

	/* A list that is not in the BAR is given back. */
	w->vf.resource[2].start += 2 * P;
	KUNIT_EXPECT_EQ(test, ways_map(w, &h), -EOPNOTSUPP);
	KUNIT_EXPECT_NULL(test, w->iov.list);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	heard_detach(&h);
	made_put(&m);
	ways_put(w);
}

static int hold(struct heard *h)
{
	int ret;

	dma_resv_lock(h->attach->dmabuf->resv, NULL);
	ret = peerbuf_attachment_hold(h->attach);
	dma_resv_unlock(h->attach->dmabuf->resv);
	return ret;
}

/* The core counts for itself: by whatever was counted twice a revoke would be kept for good. */
static void only_a_drivers_own_types_are_counted_by_hand(struct kunit *test)
{
	static const struct dma_buf_mapping_type own = { .name = "own" };
	struct ways *w = ways_get(test);
	struct told_provider t;
	struct heard h;
	struct made m;
	unsigned int i;

	told_provider_init(&t);
	for (i = 0; i < NR_WAYS; i++) {
		ways_attach(test, w, i, &t.p, &m, &h);
		/* What should not be held nobody gives back: no use in going on. */
		KUNIT_ASSERT_EQ(test, hold(&h), -EINVAL);
		/* Nor while there is something. */
		KUNIT_EXPECT_EQ(test, ways_map(w, &h), 0);
		KUNIT_ASSERT_EQ(test, hold(&h), -EINVAL);
		ways_unmap(w, &h);
		revoke_and_restore(&t);
		peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
		KUNIT_EXPECT_EQ(test, hold(&h), -EINVAL);
		peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
		heard_detach(&h);
		made_put(&m);
	}

	h = (struct heard) {};
	m = (struct made) { .single = { .type = &own } };
	KUNIT_ASSERT_EQ(test, made_export(&m, &t.p, P, O_RDWR), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, m.single), 0);
	KUNIT_ASSERT_EQ(test, hold(&h), 0);
	dma_resv_lock(m.dmabuf->resv, NULL);
	peerbuf_attachment_unhold(h.attach);
	dma_resv_unlock(m.dmabuf->resv);
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, hold(&h), -ENODEV);
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
	heard_detach(&h);
	made_put(&m);
	peerbuf_provider_close(&t.p);
	peerbuf_provider_fini(&t.p);
	ways_put(w);
}

/* ------------------------------------------------------------- of foreign buffers */

/* Who attaches to a foreign buffer, knowing of types or not. */
static struct dma_buf_attachment *stock_p2p(struct made *m, struct heard *h)
{
	return dma_buf_sgt_dynamic_attach(m->dmabuf, &neighbour->dev, &heard_stock_ops, h);
}

static struct dma_buf_attachment *stock_no_p2p(struct made *m, struct heard *h)
{
	return dma_buf_sgt_dynamic_attach(m->dmabuf, &neighbour->dev, &heard_stock_no_p2p_ops, h);
}

static struct dma_buf_attachment *stock_without_callbacks(struct made *m, struct heard *h)
{
	return dma_buf_sgt_attach(m->dmabuf, &neighbour->dev);
}

static struct dma_buf_attachment *typed_p2p(struct made *m, struct heard *h)
{
	const struct dma_buf_mapping_match match = of_neighbour();

	return dma_buf_mapping_attach(m->dmabuf, &match, 1, &heard_ops, h);
}

static struct dma_buf_attachment *typed_no_p2p(struct made *m, struct heard *h)
{
	const struct dma_buf_mapping_match match = DMA_BUF_IMAPPING_SGT(&neighbour->dev, false);

	return dma_buf_mapping_attach(m->dmabuf, &match, 1, &heard_ops, h);
}

static const struct {
	struct dma_buf_attachment *(*attach)(struct made *m, struct heard *h);
	bool typed, p2p;
} foreigners[] = {
	{ stock_p2p, false, true },
	{ stock_no_p2p, false, false },
	{ stock_without_callbacks, false, false },
	{ typed_p2p, true, true },
	{ typed_no_p2p, true, false },
};

/* The table of an exporter that does not know us goes through as it is. */
static void map_foreign(struct kunit *test, struct made *m, struct dma_buf_attachment *attach)
{
	/* Kernels before 6.15 hold some from the attach to the detach, for both directions. */
	int held = m->maps;
	struct scatterlist *sg;
	struct sg_table *sgt;
	unsigned int i;

	m->map_error = held ? 0 : -EIO;
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	if (!held)
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(sgt), -EIO);
	else
		dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, m->maps, held);
	m->map_error = 0;

	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, m->maps, 1);
	KUNIT_EXPECT_EQ(test, m->dir, held ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE);
	KUNIT_EXPECT_PTR_EQ(test, m->dev, &neighbour->dev);
	KUNIT_EXPECT_EQ(test, sgt->nents, m->nr_vec);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg), m->vec[i].paddr);
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg), m->vec[i].len);
	}
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, m->maps, held);
}

static void attach_foreign(struct kunit *test, size_t i, bool dynamic)
{
	const struct phys_vec vec[] = { { bar_start() + 8 * P, 2 * P }, { bar_start(), P } };
	const struct dma_buf_mapping_match *got;
	struct made m = { .vec = vec, .nr_vec = 2 };
	struct heard h = {};

	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, 3 * P, dynamic), 0);
	h.attach = foreigners[i].attach(&m, &h);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, h.attach);
	got = dma_buf_attachment_mapping(h.attach);
	KUNIT_EXPECT_PTR_EQ(test, got ? got->type : NULL,
			    foreigners[i].typed ? &dma_buf_mapping_sgt_type : NULL);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(h.attach), &neighbour->dev);
	KUNIT_EXPECT_EQ(test, dma_buf_sgt_p2p_allowed(h.attach), foreigners[i].p2p);
	/* It has a state that the core does not know, and no count. */
	KUNIT_EXPECT_EQ(test, hold(&h), -EINVAL);
	map_foreign(test, &m, h.attach);
	if (foreigners[i].typed)
		dma_buf_mapping_detach(h.attach);
	else
		dma_buf_detach(m.dmabuf, h.attach);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	made_put(&m);
	KUNIT_EXPECT_TRUE(test, m.released);
}

static void tables_of_foreign_buffers_are_their_exporters(struct kunit *test)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(foreigners); i++) {
		attach_foreign(test, i, false);
		attach_foreign(test, i, true);
	}
}

/* One that is mapped in a domain has no table for its importer. */
static void in_a_domain_there_is_no_table(struct kunit *test)
{
	const struct phys_vec vec = { bar_start(), P };
	struct made m = { .vec = &vec, .nr_vec = 1 };
	struct heard h = {};

	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, P, true), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m,
					   DMA_BUF_IMAPPING_IOMMU(&stranger->dev, false)), 0);
	KUNIT_EXPECT_NULL(test, dma_buf_sgt_dma_device(h.attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(h.attach));
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), -EINVAL);
	KUNIT_EXPECT_EQ(test, m.asked, 0);
	KUNIT_EXPECT_EQ(test, hold(&h), -EINVAL);
	heard_detach(&h);
	made_put(&m);
}

/* -------------------------------------------------------------- nothing is copied */

static unsigned int allocations;
static struct task_struct *watched;

static void note_allocation(void)
{
	if (in_task() && current == watched)
		allocations++;
}

static void on_kmalloc(void *data, unsigned long call_site, const void *ptr, size_t req,
		       size_t alloc, gfp_t gfp, int node)
{
	note_allocation();
}

static void on_cache_alloc(void *data, unsigned long call_site, const void *ptr,
			   struct kmem_cache *cache, gfp_t gfp, int node)
{
	note_allocation();
}

static void watch_allocations(struct kunit *test)
{
	void *p;

	watched = current;
	KUNIT_ASSERT_EQ(test, register_trace_kmalloc(on_kmalloc, NULL), 0);
	KUNIT_ASSERT_EQ(test, register_trace_kmem_cache_alloc(on_cache_alloc, NULL), 0);
	/* They are noticed. */
	allocations = 0;
	p = kmalloc(allocations + 100, GFP_KERNEL);
	kfree(p);
	KUNIT_EXPECT_GE(test, allocations, 1);
	allocations = 0;
}

static void stop_watching(void)
{
	unregister_trace_kmalloc(on_kmalloc, NULL);
	unregister_trace_kmem_cache_alloc(on_cache_alloc, NULL);
	tracepoint_synchronize_unregister();
}

static void a_raw_list_is_shared_and_mapping_it_allocates_nothing(struct kunit *test)
{
	struct phys_vec *vec = kcalloc(1000, sizeof(*vec), GFP_KERNEL);
	struct heard h = {}, other = {};
	unsigned int i, counted;
	struct made m = {};

	KUNIT_ASSERT_NOT_NULL(test, vec);
	for (i = 0; i < 1000; i++)
		vec[i] = (struct phys_vec) { bar_start() + 2 * i * P, P };
	KUNIT_ASSERT_EQ(test, made_pal(&m, NULL, vec, 1000), 0);
	kfree(vec);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, DMA_BUF_IMAPPING_PAL()), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&other, &m, DMA_BUF_IMAPPING_PAL()), 0);

	watch_allocations(test);
	for (i = 0; i < 10; i++) {
		heard_map(&h, DMA_BIDIRECTIONAL);
		heard_map(&other, DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_PTR_EQ(test, h.raw, m.list);
		KUNIT_EXPECT_PTR_EQ(test, other.raw, m.list);
		KUNIT_EXPECT_EQ(test, kref_read(&m.list->ref), 3);
		heard_unmap(&h);
		heard_unmap(&other);
	}
	counted = allocations;
	stop_watching();
	KUNIT_EXPECT_EQ(test, counted, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&m.list->ref), 1);
	heard_detach(&other);
	heard_detach(&h);
	made_put(&m);
}

/* The domain has page tables, and the list is not copied into anything. */
static void mapping_in_a_domain_copies_no_list(struct kunit *test)
{
	struct dma_buf_iommu_mapping map = { .iova = 1ULL << 32, .prot = IOMMU_READ | IOMMU_WRITE };
	unsigned int counted[2] = {}, n, i;

	map.domain = iommu_paging_domain_alloc(&stranger->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, map.domain);
	for (n = 0; n < 2; n++) {
		size_t nr = n ? 1000 : 2;
		struct phys_vec *vec = kcalloc(nr, sizeof(*vec), GFP_KERNEL);
		struct heard h = {};
		struct made m = {};

		KUNIT_ASSERT_NOT_NULL(test, vec);
		for (i = 0; i < nr; i++)
			vec[i] = (struct phys_vec) { bar_start() + 2 * i * P, P };
		KUNIT_ASSERT_EQ(test, made_pal(&m, NULL, vec, nr), 0);
		kfree(vec);
		map.length = nr * P;
		KUNIT_ASSERT_EQ(test, heard_attach(&h, &m,
					DMA_BUF_IMAPPING_IOMMU(&stranger->dev, false)), 0);
		watch_allocations(test);
		KUNIT_EXPECT_EQ(test, heard_iommu_map(&h, &map), 0);
		counted[n] = allocations;
		stop_watching();
		KUNIT_EXPECT_EQ(test, m.maps, 0);
		KUNIT_EXPECT_EQ(test, kref_read(&m.list->ref), 1);
		heard_detach(&h);
		made_put(&m);
	}
	KUNIT_EXPECT_EQ(test, counted[0], counted[1]);
	iommu_domain_free(map.domain);
}

/* ------------------------------------------------------- what is left in the IOTLB */

static const struct iommu_domain_ops *real_ops;
static struct iommu_domain_ops watched_ops;
static unsigned int flushes;
static struct heard *flushed_importer;
static bool flushed_too_early;

static void count_flush(struct iommu_domain *domain)
{
	flushes++;
	/* What is flushed before it is unmapped is cached again. */
	if (flushed_importer && flushed_importer->sgt)
		flushed_too_early = true;
	real_ops->flush_iotlb_all(domain);
}

static void watch_flushes(struct iommu_domain *domain)
{
	real_ops = domain->ops;
	watched_ops = *real_ops;
	watched_ops.flush_iotlb_all = count_flush;
	domain->ops = &watched_ops;
	flushes = 0;
	flushed_too_early = false;
}

/*
 * A lazy DMA domain leaves translations of what was unmapped in the IOTLB. They are flushed
 * before a revoke returns and before an importer is gone; also those that it had unmapped
 * long before.
 */
static void translations_are_flushed_before_a_revoke_returns(struct kunit *test)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&stranger->dev);
	const struct phys_vec vec = { bar_start(), P };
	struct told_provider t;
	struct heard h = {};
	struct made m = {};

	KUNIT_ASSERT_TRUE(test, domain && domain->ops->flush_iotlb_all);
	told_provider_init(&t);
	KUNIT_ASSERT_EQ(test, made_pal(&m, &t.p, &vec, 1), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, of_stranger()), 0);
	flushed_importer = &h;

	/* Given back when it hears of the revoke. */
	KUNIT_ASSERT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
	watch_flushes(domain);
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_GE(test, flushes, 1);
	KUNIT_EXPECT_FALSE(test, flushed_too_early);
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);

	/* Given back before. */
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
	heard_unmap(&h);
	flushes = 0;
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_GE(test, flushes, 1);
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);

	/* It leaves, and the revoke that comes later does not know it any more. */
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
	heard_unmap(&h);
	flushes = 0;
	heard_detach(&h);
	KUNIT_EXPECT_GE(test, flushes, 1);
	flushes = 0;
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, flushes, 0);
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);

	domain->ops = real_ops;
	flushed_importer = NULL;
	made_put(&m);
	peerbuf_provider_close(&t.p);
	peerbuf_provider_fini(&t.p);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(below_a_switch_addresses_are_those_of_the_bus),
	KUNIT_CASE(one_range_through_the_root_complex),
	KUNIT_CASE(two_ranges_through_the_root_complex),
	KUNIT_CASE(a_thousand_ranges_through_the_root_complex),
	KUNIT_CASE(what_an_entry_cannot_hold_is_split),
	KUNIT_CASE(ram_has_pages_and_is_translated),
	KUNIT_CASE(ram_that_has_no_pages_is_refused),
	KUNIT_CASE(a_read_only_buffer_is_only_read),
	KUNIT_CASE(each_type_has_its_own_map),
	KUNIT_CASE(an_exporter_without_a_list_is_asked_again),
	KUNIT_CASE(offsets_are_those_in_the_virtual_function),
	KUNIT_CASE(only_a_drivers_own_types_are_counted_by_hand),
	KUNIT_CASE(tables_of_foreign_buffers_are_their_exporters),
	KUNIT_CASE(in_a_domain_there_is_no_table),
	KUNIT_CASE(a_raw_list_is_shared_and_mapping_it_allocates_nothing),
	KUNIT_CASE(mapping_in_a_domain_copies_no_list),
	KUNIT_CASE(translations_are_flushed_before_a_revoke_returns),
	{}
};

struct kunit_suite table_suite = {
	.name = "peerbuf_table",
	.suite_init = devices_get,
	.suite_exit = devices_put,
	.test_cases = cases,
};
