// SPDX-License-Identifier: GPL-2.0-or-later
/* Physical lists as scatterlists: by route, of RAM, raw; and what a map costs. */
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
	KUNIT_CASE(a_read_only_buffer_is_only_read),
	KUNIT_CASE(each_type_has_its_own_map),
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
