// SPDX-License-Identifier: GPL-2.0-or-later
/* Mappings in IOMMU domains: of physical lists, and of other exporters' tables. */
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "fixture.h"
#include "suites.h"

#define P PAGE_SIZE
#define IOVA (1ULL << 32)
#define RW (IOMMU_READ | IOMMU_WRITE)

static struct iommu_domain *domain;

/* RAM that buffers are made of: 2 MiB in one piece. */
#define POOL_ORDER 9
static struct page *pool;

static void domain_suite_exit(struct kunit_suite *suite)
{
	if (pool)
		__free_pages(pool, POOL_ORDER);
	if (domain)
		iommu_domain_free(domain);
	devices_put(suite);
}

static int domain_suite_init(struct kunit_suite *suite)
{
	int ret = devices_get(suite);

	if (ret)
		return ret;
	domain = iommu_paging_domain_alloc(&stranger->dev);
	if (IS_ERR(domain))
		domain = NULL;
	pool = alloc_pages(GFP_KERNEL, POOL_ORDER);
	if (domain && pool)
		return 0;
	domain_suite_exit(suite);
	return -ENOMEM;
}

static struct dma_buf_mapping_match in_domain(void)
{
	return DMA_BUF_IMAPPING_IOMMU(&stranger->dev, false);
}

static struct dma_buf_iommu_mapping mapping(u64 offset, u64 length)
{
	return (struct dma_buf_iommu_mapping) {
		.domain = domain, .iova = IOVA, .offset = offset, .length = length, .prot = RW,
	};
}

static int map_part(struct heard *h, u64 offset, u64 length)
{
	struct dma_buf_iommu_mapping map = mapping(offset, length);

	return heard_iommu_map(h, &map);
}

/* ------------------------------------------------------------------ physical lists */

static void ranges_become_one_run_of_iovas(struct kunit *test, size_t nr)
{
	struct phys_vec *vec = kcalloc(nr, sizeof(*vec), GFP_KERNEL);
	struct heard h = { .domain = domain, .iova = IOVA };
	struct made m = {};
	u64 size = 0;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, vec);
	for (i = 0; i < nr; i++) {
		vec[i] = (struct phys_vec) { bar_start() + i * 7 % nr * 4 * P, (1 + i % 3) * P };
		size += vec[i].len;
	}
	KUNIT_ASSERT_EQ(test, made_pal(&m, NULL, vec, nr), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, map_part(&h, 0, size), 0);
	expect_translated(test, domain, IOVA, vec, nr, 0, size);
	KUNIT_EXPECT_TRUE(test, heard_status(&h).mapped);
	KUNIT_EXPECT_EQ(test, heard_status(&h).nr_ranges, nr);
	heard_iommu_unmap(&h);
	expect_nothing(test, domain, IOVA, size);

	/* A part: from the middle of one range to the middle of another. */
	if (nr > 2) {
		KUNIT_ASSERT_EQ(test, map_part(&h, 2 * P, size - 5 * P), 0);
		expect_translated(test, domain, IOVA, vec, nr, 2 * P, size - 5 * P);
	}
	/* The detach ends it. */
	heard_detach(&h);
	expect_nothing(test, domain, IOVA, size);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	made_put(&m);
	kfree(vec);
}

static void one_range_is_mapped(struct kunit *test)
{
	ranges_become_one_run_of_iovas(test, 1);
}

static void two_ranges_are_contiguous(struct kunit *test)
{
	ranges_become_one_run_of_iovas(test, 2);
}

static void a_thousand_ranges_are_contiguous(struct kunit *test)
{
	ranges_become_one_run_of_iovas(test, 1000);
}

static void malformed_mappings_are_refused(struct kunit *test)
{
	const struct phys_vec vec = { bar_start(), 4 * P };
	const struct dma_buf_iommu_mapping good = mapping(0, 4 * P);
	struct dma_buf_iommu_mapping bad[11] = {
		good, good, good, good, good, good, good, good, good, good, good,
	};
	struct heard h = {};
	struct made m = {};
	size_t i;

	bad[0].domain = NULL;
	bad[1].length = 0;
	bad[2].iova++;
	bad[3].length--;
	bad[4].offset = 1;
	bad[5].prot = 0;
	bad[6].prot = RW | IOMMU_NOEXEC;
	bad[7].length = 5 * P;
	bad[8].offset = P;
	bad[9].iova = -P;
	bad[10].offset = -P;
	KUNIT_ASSERT_EQ(test, made_pal(&m, NULL, &vec, 1), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, heard_iommu_map(&h, &bad[i]), -EINVAL);
	KUNIT_EXPECT_EQ(test, heard_iommu_map(&h, &good), 0);
	KUNIT_EXPECT_EQ(test, heard_iommu_map(&h, &good), -EBUSY);
	expect_translated(test, domain, IOVA, &vec, 1, 0, 4 * P);
	heard_detach(&h);

	/* An attachment of another type. */
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, DMA_BUF_IMAPPING_SGT(&neighbour->dev, true)),
			0);
	KUNIT_EXPECT_EQ(test, heard_iommu_map(&h, &good), -EINVAL);
	heard_detach(&h);
	made_put(&m);
}

static void a_read_only_buffer_is_not_mapped_for_writing(struct kunit *test)
{
	const struct phys_vec vec = { bar_start(), P };
	struct dma_buf_iommu_mapping map = mapping(0, P);
	struct made m = { .list = list_of(&vec, 1) };
	struct heard h = {};

	m.single = DMA_BUF_EMAPPING_PAL(&made_pal_ops, provider_pdev);
	KUNIT_ASSERT_EQ(test, made_export(&m, NULL, P, O_RDONLY), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_EXPECT_EQ(test, heard_iommu_map(&h, &map), -EACCES);
	map.prot = IOMMU_WRITE;
	KUNIT_EXPECT_EQ(test, heard_iommu_map(&h, &map), -EACCES);
	map.prot = IOMMU_READ;
	KUNIT_EXPECT_EQ(test, heard_iommu_map(&h, &map), 0);
	heard_detach(&h);
	made_put(&m);
}

static void an_exporters_error_is_the_maps(struct kunit *test)
{
	const struct phys_vec vec = { bar_start(), P };
	struct heard h = {};
	struct made m = {};

	KUNIT_ASSERT_EQ(test, made_pal(&m, NULL, &vec, 1), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	m.map_error = -EIO;
	KUNIT_EXPECT_EQ(test, map_part(&h, 0, P), -EIO);
	KUNIT_EXPECT_FALSE(test, heard_status(&h).mapped);
	m.map_error = 0;
	KUNIT_EXPECT_EQ(test, map_part(&h, 0, P), 0);
	heard_detach(&h);
	made_put(&m);
}

static void a_revoke_unmaps_before_it_tells_and_a_restore_maps(struct kunit *test)
{
	const struct phys_vec vec[] = { { bar_start() + 8 * P, P }, { bar_start(), 2 * P } };
	struct heard h = { .domain = domain, .iova = IOVA };
	struct told_provider t;
	struct made m = {};

	told_provider_init(&t);
	KUNIT_ASSERT_EQ(test, made_pal(&m, &t.p, vec, 2), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, map_part(&h, 0, 3 * P), 0);
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, h.invalidated, 1);
	KUNIT_EXPECT_FALSE(test, h.still_mapped);
	expect_nothing(test, domain, IOVA, 3 * P);
	KUNIT_EXPECT_FALSE(test, heard_status(&h).mapped);
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, h.restored, 1);
	KUNIT_EXPECT_EQ(test, h.error, 0);
	expect_translated(test, domain, IOVA, vec, 2, 0, 3 * P);

	/* A restore that cannot be: told, and nothing is mapped; the next one can. */
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	m.map_error = -EOPNOTSUPP;
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, h.error, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, heard_status(&h).error, -EOPNOTSUPP);
	expect_nothing(test, domain, IOVA, 3 * P);
	m.map_error = 0;
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, h.error, 0);
	expect_translated(test, domain, IOVA, vec, 2, 0, 3 * P);

	peerbuf_provider_close(&t.p);
	KUNIT_EXPECT_EQ(test, h.dead, 1);
	KUNIT_EXPECT_FALSE(test, h.still_mapped);
	expect_nothing(test, domain, IOVA, 3 * P);
	heard_detach(&h);
	made_put(&m);
	peerbuf_provider_fini(&t.p);
}

static void a_deferred_mapping_appears_with_the_restore(struct kunit *test)
{
	const struct phys_vec vec = { bar_start(), P };
	struct dma_buf_iommu_mapping map = mapping(0, P);
	struct told_provider t;
	struct heard h = {};
	struct made m = {};

	told_provider_init(&t);
	KUNIT_ASSERT_EQ(test, made_pal(&m, &t.p, &vec, 1), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, map_part(&h, 0, P), -ENODEV);
	dma_resv_lock(m.dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_iommu_map_deferred(h.attach, &map), 0);
	dma_resv_unlock(m.dmabuf->resv);
	expect_nothing(test, domain, IOVA, P);
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
	expect_translated(test, domain, IOVA, &vec, 1, 0, P);
	heard_iommu_unmap(&h);
	peerbuf_provider_close(&t.p);
	dma_resv_lock(m.dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_iommu_map_deferred(h.attach, &map), -ENODEV);
	dma_resv_unlock(m.dmabuf->resv);
	heard_detach(&h);
	made_put(&m);
	peerbuf_provider_fini(&t.p);
}

/* There is no other way to tell who has one callback only; by then the mapping is back. */
static void who_has_no_restored_hears_when_it_is_mapped_again(struct kunit *test)
{
	const struct dma_buf_mapping_importer_ops ops = {
		.invalidate_mappings = heard_ops.invalidate_mappings,
	};
	const struct phys_vec vec = { bar_start(), P };
	struct heard h = { .domain = domain, .iova = IOVA };
	struct dma_buf_mapping_match match = in_domain();
	struct told_provider t;
	struct made m = {};

	told_provider_init(&t);
	KUNIT_ASSERT_EQ(test, made_pal(&m, &t.p, &vec, 1), 0);
	h.attach = dma_buf_mapping_attach(m.dmabuf, &match, 1, &ops, &h);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, h.attach);
	KUNIT_ASSERT_EQ(test, map_part(&h, 0, P), 0);
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, h.invalidated, 1);
	KUNIT_EXPECT_FALSE(test, h.still_mapped);
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, h.invalidated, 2);
	KUNIT_EXPECT_EQ(test, h.state, PEERBUF_STATE_LIVE);
	KUNIT_EXPECT_TRUE(test, h.still_mapped);
	expect_translated(test, domain, IOVA, &vec, 1, 0, P);

	/* It is called as well when nothing could be put back, which the status says. */
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	m.map_error = -ENOSPC;
	h.still_mapped = false;
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, h.invalidated, 4);
	KUNIT_EXPECT_FALSE(test, h.still_mapped);
	KUNIT_EXPECT_EQ(test, heard_status(&h).error, -ENOSPC);
	expect_nothing(test, domain, IOVA, P);
	peerbuf_provider_close(&t.p);
	heard_detach(&h);
	made_put(&m);
	peerbuf_provider_fini(&t.p);
}

/* Whoever is given its IOVAs next must not find what was there. */
static void who_leaves_without_unmapping_leaves_nothing(struct kunit *test)
{
	const struct phys_vec vec[] = { { bar_start() + 8 * P, 2 * P }, { bar_start(), P } };
	struct dma_buf_iommu_mapping map = mapping(0, 3 * P);
	struct heard h = {}, other = {};
	struct told_provider t;
	struct made m = {};

	told_provider_init(&t);
	KUNIT_ASSERT_EQ(test, made_pal(&m, &t.p, vec, 2), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&other, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, heard_iommu_map(&h, &map), 0);
	map.iova += SZ_1M;
	KUNIT_ASSERT_EQ(test, heard_iommu_map(&other, &map), 0);
	dma_buf_mapping_detach(h.attach);
	expect_nothing(test, domain, IOVA, 3 * P);
	/* The other one keeps its own. */
	expect_translated(test, domain, IOVA + SZ_1M, vec, 2, 0, 3 * P);
	KUNIT_EXPECT_EQ(test, m.maps, 0);

	/* One that was waiting for the restore does not get what it has left. */
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	dma_buf_mapping_detach(other.attach);
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, other.restored, 0);
	expect_nothing(test, domain, IOVA, 2 * SZ_1M);

	/* The addresses are free. */
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_EXPECT_EQ(test, map_part(&h, 0, 3 * P), 0);
	heard_detach(&h);
	KUNIT_EXPECT_EQ(test, kref_read(&m.list->ref), 1);
	made_put(&m);
	peerbuf_provider_close(&t.p);
	peerbuf_provider_fini(&t.p);
}

/* ------------------------------------ tables of exporters, through the direct device */

/* Export @m's ranges as a foreign buffer of @size bytes, and map @length of it; keeps nothing. */
static int try_foreign(struct kunit *test, const struct phys_vec *vec, size_t nr, u64 size,
		       bool dynamic, u64 length, bool check)
{
	struct made m = { .vec = vec, .nr_vec = nr };
	struct heard h = { .domain = domain, .iova = IOVA };
	int err, held;

	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, size, dynamic), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	/*
	 * The table of an exporter which cannot take it back kernels before 6.15 hold from the
	 * attach to the detach.
	 */
	held = m.maps;
	KUNIT_EXPECT_LE(test, held, !dynamic);
	err = map_part(&h, 0, length);
	if (!err && check)
		expect_translated(test, domain, IOVA, vec, nr, 0, length);
	/* It is held as long as the mapping, and not after a refusal. */
	KUNIT_EXPECT_EQ(test, m.maps, !err || held);
	heard_detach(&h);
	expect_nothing(test, domain, IOVA, min_t(u64, length, SZ_2M));
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	made_put(&m);
	return err;
}

static void foreign_ram_and_device_memory_are_mapped(struct kunit *test)
{
	u64 ram = page_to_phys(pool);
	const struct phys_vec in_ram[] = { { ram + 8 * P, 2 * P }, { ram, P }, { ram + P, P } };
	const struct phys_vec in_bar[] = { { bar_start() + 8 * P, P }, { bar_start(), P } };

	KUNIT_EXPECT_EQ(test, try_foreign(test, in_ram, 3, 4 * P, true, 4 * P, true), 0);
	KUNIT_EXPECT_EQ(test, try_foreign(test, in_ram, 3, 4 * P, false, 4 * P, true), 0);
	KUNIT_EXPECT_EQ(test, try_foreign(test, in_bar, 2, 2 * P, true, 2 * P, true), 0);
	/* Device memory that cannot be revoked. */
	KUNIT_EXPECT_EQ(test, try_foreign(test, in_bar, 2, 2 * P, false, 2 * P, true),
			-EOPNOTSUPP);
}

/* An exporter may keep caches in order by it, or refuse to have its memory written. */
static void a_table_is_filled_for_what_the_domain_allows(struct kunit *test)
{
	static const struct { int prot; enum dma_data_direction dir; } want[] = {
		{ IOMMU_READ, DMA_TO_DEVICE }, { RW, DMA_BIDIRECTIONAL },
		{ IOMMU_WRITE, DMA_BIDIRECTIONAL },
	};
	const struct phys_vec vec = { page_to_phys(pool), P };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		struct dma_buf_iommu_mapping map = mapping(0, P);
		struct made m = { .vec = &vec, .nr_vec = 1 };
		struct heard h = {};

		map.prot = want[i].prot;
		KUNIT_ASSERT_EQ(test, made_export_foreign(&m, P, true), 0);
		KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
		KUNIT_EXPECT_EQ(test, heard_iommu_map(&h, &map), 0);
		KUNIT_EXPECT_EQ(test, m.dir, want[i].dir);
		heard_detach(&h);
		made_put(&m);
	}
}

/* The rest of the last page belongs to somebody else. */
static void what_ends_within_a_page_is_refused(struct kunit *test)
{
	u64 ram = page_to_phys(pool);
	static const int deltas[] = { -1, 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(deltas); i++) {
		u64 size = 3 * P + deltas[i];
		struct phys_vec exact[] = { { ram + 4 * P, 2 * P }, { ram, P + deltas[i] } };
		struct phys_vec rounded[] = {
			{ ram + 4 * P, 2 * P }, { ram, PAGE_ALIGN(size) - 2 * P },
		};
		struct heard h = {};
		struct made m = { .vec = exact, .nr_vec = 2 };

		/* The pages that are whole, all of them, or as many bytes as there are. */
		KUNIT_EXPECT_EQ(test, try_foreign(test, exact, 2, size, true, 2 * P, true),
				-EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, try_foreign(test, rounded, 2, size, true, 2 * P, true),
				-EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, try_foreign(test, rounded, 2, size, true,
						  PAGE_ALIGN(size), true), -EINVAL);
		KUNIT_EXPECT_EQ(test, try_foreign(test, exact, 2, size, true, size, true),
				-EINVAL);

		/* As a table it is the exporter's own, byte for byte. */
		KUNIT_ASSERT_EQ(test, made_export_foreign(&m, size, true), 0);
		KUNIT_ASSERT_EQ(test, heard_attach(&h, &m,
					DMA_BUF_IMAPPING_SGT(&stranger->dev, true)), 0);
		KUNIT_ASSERT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
		KUNIT_EXPECT_EQ(test, h.sgt->nents, 2);
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg_next(h.sgt->sgl)), P + deltas[i]);
		heard_detach(&h);
		made_put(&m);
	}
}

static void tables_that_lie_are_refused(struct kunit *test)
{
	u64 ram = page_to_phys(pool), bar = bar_start();
	const struct { struct phys_vec vec[2]; size_t nr; u64 size; } bad[] = {
		/* interrupts, the IOMMU's registers, the I/O APIC, nothing, and beyond */
		{ { { 0xfee00000, P } }, 1, P },
		{ { { 0xfed90000, P } }, 1, P },
		{ { { 0xfec00000, P } }, 1, P },
		{ { { 1ULL << 45, P } }, 1, P },
		{ { { -P, P } }, 1, P },
		{ { { -P, 2 * P } }, 1, 2 * P },
		/* a bad one behind a good one, and kinds that do not go together */
		{ { { ram, P }, { 0xfee00000, P } }, 2, 2 * P },
		{ { { ram, P }, { bar, P } }, 2, 2 * P },
		{ { { bar, P }, { ram, P } }, 2, 2 * P },
		/* over the end of the BAR */
		{ { { bar + pci_resource_len(provider_pdev, 2) - P, 2 * P } }, 1, 2 * P },
		/* not whole pages, nothing, too short, too long */
		{ { { ram + 512, P } }, 1, P },
		{ { { ram, P - 1 } }, 1, P },
		{ { { ram, P + 1 } }, 1, P },
		{ { { ram, 0 } }, 1, P },
		{ { { ram, P }, { ram + 4 * P, 0 } }, 2, P },
		{ { { ram, P } }, 1, 2 * P },
		{ { { ram, 4 * P } }, 1, 2 * P },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, try_foreign(test, bad[i].vec, bad[i].nr, bad[i].size, true,
						  bad[i].size, false), -EOPNOTSUPP);
}

static void a_hundred_thousand_scattered_pages_are_one_run(struct kunit *test)
{
	const size_t nr = 100000;
	struct phys_vec *vec = kvcalloc(nr, sizeof(*vec), GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, vec);
	/* No page follows the one before it. */
	for (i = 0; i < nr; i++)
		vec[i] = (struct phys_vec) { page_to_phys(pool) + (i * 7 % 512) * P, P };
	KUNIT_EXPECT_EQ(test, try_foreign(test, vec, nr, nr * P, true, nr * P, true), 0);
	kvfree(vec);
}

static void five_gibibytes_are_mapped(struct kunit *test)
{
	struct phys_vec *vec = kvcalloc(5ULL * SZ_1G / SZ_2M, sizeof(*vec), GFP_KERNEL);
	struct made m = {};
	struct heard h = {};
	u64 size = 5ULL * SZ_1G, at, wrong = 0;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, vec);
	/* The same memory again and again. */
	for (i = 0; i < size / SZ_2M; i++)
		vec[i] = (struct phys_vec) { page_to_phys(pool), SZ_2M };
	m.vec = vec;
	m.nr_vec = size / SZ_2M;
	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, size, true), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, map_part(&h, 0, size), 0);
	KUNIT_EXPECT_EQ(test, heard_status(&h).nr_ranges, size / SZ_2M);
	for (at = 0; at < size; at += 31 * P)
		wrong += iommu_iova_to_phys(domain, IOVA + at) !=
			 page_to_phys(pool) + at % SZ_2M;
	wrong += iommu_iova_to_phys(domain, IOVA + size - P) != page_to_phys(pool) + SZ_2M - P;
	KUNIT_EXPECT_EQ(test, wrong, 0);
	expect_nothing(test, domain, IOVA + size, P);
	heard_iommu_unmap(&h);

	/* Beyond what 32 bits can count. */
	KUNIT_ASSERT_EQ(test, map_part(&h, size - 2 * P, 2 * P), 0);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(domain, IOVA),
			page_to_phys(pool) + SZ_2M - 2 * P);
	expect_nothing(test, domain, IOVA + 2 * P, P);
	heard_detach(&h);
	made_put(&m);
	kvfree(vec);
}

/* ------------------------------------------------ foreign memory that goes and comes back */

static const char *fence_name(struct dma_fence *fence)
{
	return "peerbuf_kunit";
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = fence_name,
	.get_timeline_name = fence_name,
};

/* Its exporter calls; @fence, unless it is NULL, is when the memory will be there. */
static int foreign_moves(struct made *m, struct dma_fence *fence)
{
	int ret = 0;

	dma_resv_lock(m->dmabuf->resv, NULL);
	if (fence)
		ret = dma_resv_reserve_fences(m->dmabuf->resv, 1);
	if (fence && !ret)
		dma_resv_add_fence(m->dmabuf->resv, fence, DMA_RESV_USAGE_KERNEL);
	if (!ret)
		dma_buf_invalidate_mappings(m->dmabuf);
	dma_resv_unlock(m->dmabuf->resv);
	return ret;
}

/* The core finds out by itself, in a second at most. */
static void wait_mapped(struct heard *h)
{
	unsigned int n;

	for (n = 0; n < 1000 && !heard_status(h).mapped; n++)
		usleep_range(1000, 2000);
}

static DEFINE_SPINLOCK(fence_lock);

static void what_moves_is_mapped_when_it_has_arrived(struct kunit *test)
{
	const struct phys_vec vec = { page_to_phys(pool), P };
	struct heard h = { .domain = domain, .iova = IOVA };
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);
	struct made m = { .vec = &vec, .nr_vec = 1 };

	KUNIT_ASSERT_NOT_NULL(test, fence);
	dma_fence_init(fence, &fence_ops, &fence_lock, dma_fence_context_alloc(1), 1);
	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, P, true), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, map_part(&h, 0, P), 0);
	KUNIT_ASSERT_EQ(test, foreign_moves(&m, fence), 0);
	msleep(50);
	KUNIT_EXPECT_EQ(test, h.invalidated, 1);
	KUNIT_EXPECT_EQ(test, h.restored, 0);
	expect_nothing(test, domain, IOVA, P);
	dma_fence_signal(fence);
	wait_mapped(&h);
	expect_translated(test, domain, IOVA, &vec, 1, 0, P);
	heard_detach(&h);
	KUNIT_EXPECT_EQ(test, h.restored, 1);
	made_put(&m);
	dma_fence_put(fence);
}

static void what_is_late_is_looked_for_again(struct kunit *test)
{
	const struct phys_vec vec = { page_to_phys(pool), P };
	struct heard h = { .domain = domain, .iova = IOVA };
	struct made m = { .vec = &vec, .nr_vec = 1 };

	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, P, true), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, map_part(&h, 0, P), 0);
	m.map_error = -ENODEV;
	KUNIT_ASSERT_EQ(test, foreign_moves(&m, NULL), 0);
	msleep(20);
	expect_nothing(test, domain, IOVA, P);
	m.map_error = 0;
	wait_mapped(&h);
	expect_translated(test, domain, IOVA, &vec, 1, 0, P);
	/* Nobody looks for it any more once the importer has gone. */
	m.map_error = -ENODEV;
	KUNIT_ASSERT_EQ(test, foreign_moves(&m, NULL), 0);
	heard_detach(&h);
	m.map_error = 0;
	msleep(50);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	expect_nothing(test, domain, IOVA, P);
	KUNIT_EXPECT_EQ(test, h.restored, 1);
	made_put(&m);
}

/* As the exporter's own thread, as to when its memory is there. */
static void set_late(struct made *m, unsigned int late)
{
	dma_resv_lock(m->dmabuf->resv, NULL);
	m->late = late;
	m->asked = 0;
	dma_resv_unlock(m->dmabuf->resv);
}

static unsigned int times_asked(struct made *m)
{
	unsigned int asked;

	dma_resv_lock(m->dmabuf->resv, NULL);
	asked = m->asked;
	dma_resv_unlock(m->dmabuf->resv);
	return asked;
}

/* The exporter has called once, and calls no more. */
static void what_comes_after_some_tries_is_told_of_once(struct kunit *test)
{
	const struct phys_vec vec[] = {
		{ page_to_phys(pool) + 4 * P, P }, { page_to_phys(pool), P },
	};
	struct heard h = { .domain = domain, .iova = IOVA };
	struct made m = { .vec = vec, .nr_vec = 2 };

	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, 2 * P, true), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, map_part(&h, 0, 2 * P), 0);
	set_late(&m, 4);
	KUNIT_ASSERT_EQ(test, foreign_moves(&m, NULL), 0);
	KUNIT_EXPECT_FALSE(test, h.still_mapped);
	wait_mapped(&h);
	expect_translated(test, domain, IOVA, vec, 2, 0, 2 * P);
	KUNIT_EXPECT_EQ(test, times_asked(&m), 5);
	KUNIT_EXPECT_EQ(test, heard_status(&h).error, 0);
	/* Who looked for it has stopped. */
	msleep(100);
	KUNIT_EXPECT_EQ(test, times_asked(&m), 5);
	KUNIT_EXPECT_EQ(test, m.maps, 1);

	/* Any other error is final: it is told, and nobody looks again. */
	m.map_error = -EIO;
	set_late(&m, 0);
	KUNIT_ASSERT_EQ(test, foreign_moves(&m, NULL), 0);
	msleep(100);
	KUNIT_EXPECT_EQ(test, times_asked(&m), 1);
	KUNIT_EXPECT_EQ(test, heard_status(&h).error, -EIO);
	expect_nothing(test, domain, IOVA, 2 * P);
	m.map_error = 0;
	heard_detach(&h);
	KUNIT_EXPECT_EQ(test, h.invalidated, 2);
	KUNIT_EXPECT_EQ(test, h.restored, 2);
	KUNIT_EXPECT_EQ(test, h.error, -EIO);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	made_put(&m);
	KUNIT_EXPECT_TRUE(test, m.released);
}

static void what_does_not_come_is_given_up(struct kunit *test)
{
	const struct phys_vec vec = { page_to_phys(pool), P };
	struct heard h = { .domain = domain, .iova = IOVA };
	struct made m = { .vec = &vec, .nr_vec = 1 };

	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, P, true), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, map_part(&h, 0, P), 0);
	set_late(&m, UINT_MAX);
	KUNIT_ASSERT_EQ(test, foreign_moves(&m, NULL), 0);
	/* A second in all, and each wait is twice the one before: the next would take one, too. */
	msleep(1200);
	KUNIT_EXPECT_GE(test, times_asked(&m), 5);
	KUNIT_EXPECT_LE(test, times_asked(&m), 20);
	KUNIT_EXPECT_FALSE(test, heard_status(&h).mapped);
	expect_nothing(test, domain, IOVA, P);
	set_late(&m, 0);
	msleep(1100);
	KUNIT_EXPECT_EQ(test, times_asked(&m), 0);
	KUNIT_EXPECT_FALSE(test, heard_status(&h).mapped);
	expect_nothing(test, domain, IOVA, P);

	/* The importer knows that it is away, and of nothing else; the exporter calls again. */
	dma_resv_lock(m.dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, h.invalidated, 1);
	KUNIT_EXPECT_EQ(test, h.restored, 0);
	dma_resv_unlock(m.dmabuf->resv);
	set_late(&m, 2);
	KUNIT_ASSERT_EQ(test, foreign_moves(&m, NULL), 0);
	wait_mapped(&h);
	expect_translated(test, domain, IOVA, &vec, 1, 0, P);
	heard_detach(&h);
	KUNIT_EXPECT_EQ(test, h.restored, 1);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	made_put(&m);
	KUNIT_EXPECT_TRUE(test, m.released);
}

/* ------------------------------------- another device stands for the domain from now on */

/* What an exporter that looks at the PCI tree finds of the importer. */
static void expect_seen_below(struct kunit *test, const struct made *m, struct device *parent)
{
	const struct pci_dev *seen = to_pci_dev(m->dev), *place = to_pci_dev(parent);
	bool is_pci, should_be = dev_is_pci(parent);
	char name[64];

	KUNIT_ASSERT_NOT_NULL(test, m->dev);
	is_pci = dev_is_pci(m->dev);
	scnprintf(name, sizeof(name), "%s:direct", dev_name(parent));
	KUNIT_EXPECT_PTR_EQ(test, m->dev->parent, parent);
	KUNIT_EXPECT_STREQ(test, dev_name(m->dev), name);
	KUNIT_EXPECT_EQ(test, is_pci, should_be);
	if (!is_pci || !should_be)
		return;
	KUNIT_EXPECT_PTR_EQ(test, seen->bus, place->bus);
	KUNIT_EXPECT_EQ(test, seen->devfn, place->devfn);
	KUNIT_EXPECT_EQ(test, seen->vendor, place->vendor);
	KUNIT_EXPECT_EQ(test, seen->device, place->device);
}

static unsigned int references(struct device *dev)
{
	return kref_read(&dev->kobj.kref);
}

/* The domain lives on with others when its device leaves; nobody may notice that one is gone. */
static void exporters_see_the_device_that_stands_for_the_domain(struct kunit *test)
{
	struct device *to[] = { &neighbour->dev, elsewhere, &provider_pdev->dev, &stranger->dev };
	const struct phys_vec vec[] = {
		{ page_to_phys(pool) + 4 * P, P }, { page_to_phys(pool), P },
	};
	struct device *from = &stranger->dev, *direct;
	struct heard h = { .domain = domain, .iova = IOVA };
	struct made m = { .vec = vec, .nr_vec = 2 };
	unsigned int before[ARRAY_SIZE(to)] = {}, i;

	for (i = 0; i < ARRAY_SIZE(to); i++)
		before[i] = references(to[i]);
	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, 2 * P, true), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, in_domain()), 0);
	KUNIT_ASSERT_EQ(test, map_part(&h, 0, 2 * P), 0);
	expect_seen_below(test, &m, from);
	direct = m.dev;
	for (i = 0; i < ARRAY_SIZE(to); i++) {
		unsigned int had = references(from), has = references(to[i]);

		set_late(&m, 0);
		dma_resv_lock(m.dmabuf->resv, NULL);
		dma_buf_iommu_set_device(h.attach, to[i]);
		dma_resv_unlock(m.dmabuf->resv);
		KUNIT_EXPECT_EQ(test, references(from), had - 1);
		KUNIT_EXPECT_EQ(test, references(to[i]), has + 1);
		/* It is the same device in another place; what is mapped stays mapped. */
		KUNIT_EXPECT_PTR_EQ(test, h.attach->dev, direct);
		expect_seen_below(test, &m, to[i]);
		expect_translated(test, domain, IOVA, vec, 2, 0, 2 * P);
		KUNIT_EXPECT_EQ(test, times_asked(&m), 0);
		KUNIT_EXPECT_EQ(test, h.invalidated, i);

		/* The next table is for the new place, by whomever it is asked for. */
		m.dev = NULL;
		heard_iommu_unmap(&h);
		expect_nothing(test, domain, IOVA, 2 * P);
		KUNIT_EXPECT_EQ(test, m.maps, 0);
		KUNIT_ASSERT_EQ(test, map_part(&h, 0, 2 * P), 0);
		expect_seen_below(test, &m, to[i]);
		m.dev = NULL;
		KUNIT_ASSERT_EQ(test, foreign_moves(&m, NULL), 0);
		wait_mapped(&h);
		expect_seen_below(test, &m, to[i]);
		expect_translated(test, domain, IOVA, vec, 2, 0, 2 * P);
		from = to[i];
	}
	heard_detach(&h);
	expect_nothing(test, domain, IOVA, 2 * P);
	KUNIT_EXPECT_EQ(test, h.restored, ARRAY_SIZE(to));
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	for (i = 0; i < ARRAY_SIZE(to); i++)
		KUNIT_EXPECT_EQ(test, references(to[i]), before[i]);
	made_put(&m);
	KUNIT_EXPECT_TRUE(test, m.released);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_range_is_mapped),
	KUNIT_CASE(two_ranges_are_contiguous),
	KUNIT_CASE(a_thousand_ranges_are_contiguous),
	KUNIT_CASE(malformed_mappings_are_refused),
	KUNIT_CASE(a_read_only_buffer_is_not_mapped_for_writing),
	KUNIT_CASE(an_exporters_error_is_the_maps),
	KUNIT_CASE(a_revoke_unmaps_before_it_tells_and_a_restore_maps),
	KUNIT_CASE(a_deferred_mapping_appears_with_the_restore),
	KUNIT_CASE(who_has_no_restored_hears_when_it_is_mapped_again),
	KUNIT_CASE(who_leaves_without_unmapping_leaves_nothing),
	KUNIT_CASE(foreign_ram_and_device_memory_are_mapped),
	KUNIT_CASE(a_table_is_filled_for_what_the_domain_allows),
	KUNIT_CASE(what_moves_is_mapped_when_it_has_arrived),
	KUNIT_CASE(what_is_late_is_looked_for_again),
	KUNIT_CASE(what_comes_after_some_tries_is_told_of_once),
	KUNIT_CASE(what_does_not_come_is_given_up),
	KUNIT_CASE(exporters_see_the_device_that_stands_for_the_domain),
	KUNIT_CASE(what_ends_within_a_page_is_refused),
	KUNIT_CASE(tables_that_lie_are_refused),
	KUNIT_CASE(a_hundred_thousand_scattered_pages_are_one_run),
	KUNIT_CASE(five_gibibytes_are_mapped),
	{}
};

struct kunit_suite domain_suite = {
	.name = "peerbuf_domain",
	.suite_init = domain_suite_init,
	.suite_exit = domain_suite_exit,
	.test_cases = cases,
};
