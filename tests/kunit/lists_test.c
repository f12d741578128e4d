// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists of physical ranges and exports: what is good, and what is malformed. */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "fixture.h"
#include "suites.h"

#define P PAGE_SIZE

static void a_list_is_merged_and_indexed_once(struct kunit *test)
{
	static const struct phys_vec vec[] = {
		{ 4 * P, P }, { 5 * P, 2 * P }, { 9 * P, P }, { 3 * P, P }, { 4 * P, P },
	};
	struct dma_buf_phys_list *list = dma_buf_phys_list_create(vec, ARRAY_SIZE(vec), 6 * P);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, list);
	KUNIT_EXPECT_EQ(test, list->length, 3);
	KUNIT_EXPECT_EQ(test, list->size, 6 * P);
	KUNIT_EXPECT_EQ(test, list->phys[0].paddr, 4 * P);
	KUNIT_EXPECT_EQ(test, list->phys[0].len, 3 * P);
	KUNIT_EXPECT_EQ(test, list->phys[1].paddr, 9 * P);
	/* Memory that was there already, and neighbours in the wrong order, are fine. */
	KUNIT_EXPECT_EQ(test, list->phys[2].paddr, 3 * P);
	KUNIT_EXPECT_EQ(test, list->phys[2].len, 2 * P);
	KUNIT_EXPECT_EQ(test, list->first[0], 0);
	KUNIT_EXPECT_EQ(test, list->first[1], 3 * P);
	KUNIT_EXPECT_EQ(test, list->first[2], 4 * P);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_phys_list_get(list), list);
	KUNIT_EXPECT_EQ(test, kref_read(&list->ref), 2);
	dma_buf_phys_list_put(list);
	dma_buf_phys_list_put(list);
	dma_buf_phys_list_put(NULL);
}

static void malformed_lists_are_refused(struct kunit *test)
{
	static const struct { struct phys_vec vec[2]; size_t nr; u64 size; int err; } bad[] = {
		{ { }, 0, 0, -EINVAL },
		{ { }, 0, P, -EINVAL },
		{ { { P, 0 } }, 1, 0, -EINVAL },
		{ { { P, P }, { 4 * P, 0 } }, 2, P, -EINVAL },
		{ { { P + 1, P } }, 1, P, -EINVAL },
		{ { { P + 512, P } }, 1, P, -EINVAL },
		{ { { P, P - 1 } }, 1, P - 1, -EINVAL },
		{ { { P, P + 1 } }, 1, P + 1, -EINVAL },
		{ { { P, P }, { 4 * P, P + 8 } }, 2, 2 * P + 8, -EINVAL },
		/* shorter and longer than is said */
		{ { { P, P } }, 1, 2 * P, -EINVAL },
		{ { { P, 2 * P } }, 1, P, -EINVAL },
		/* over the end of addresses, and of lengths */
		{ { { -P, 2 * P } }, 1, 2 * P, -EOVERFLOW },
		{ { { 0, 1UL << 63 }, { 0, 1UL << 63 } }, 2, 0, -EOVERFLOW },
	};
	static const struct phys_vec last = { -P, P };
	struct dma_buf_phys_list *list;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		list = dma_buf_phys_list_create(bad[i].vec, bad[i].nr, bad[i].size);
		KUNIT_ASSERT_TRUE(test, IS_ERR(list));
		KUNIT_EXPECT_EQ(test, PTR_ERR(list), bad[i].err);
	}
	list = dma_buf_phys_list_create(&last, 1, P);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, list);
	dma_buf_phys_list_put(list);
}

static void no_release(void *priv)
{
	*(bool *)priv = true;
}

static int no_match(struct dma_buf_match_args *args, void *priv)
{
	return -EINVAL;
}

static const struct peerbuf_exporter_ops ops = { .release = no_release };

static const struct peerbuf_exporter_ops ops_with_match = {
	.match_mapping = no_match, .release = no_release,
};

static const struct peerbuf_exporter_ops ops_without_release;

static void malformed_exports_are_refused_and_not_released(struct kunit *test)
{
	static const struct phys_vec page = { P, P };
	struct dma_buf_mapping_match match = DMA_BUF_EMAPPING_PAL(&made_pal_ops, provider_pdev);
	struct dma_buf_phys_list *list = dma_buf_phys_list_create(&page, 1, P);
	bool released = false;
	const struct peerbuf_export_info good = {
		.owner = THIS_MODULE,
		.exp_name = "peerbuf_kunit",
		.ops = &ops,
		.single_exporter_match = &match,
		.size = P,
		.flags = O_RDWR,
		.priv = &released,
	};
	struct peerbuf_export_info bad[8] = { good, good, good, good, good, good, good, good };
	struct dma_buf *dmabuf;
	size_t i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, list);
	bad[0].size = 0;
	bad[1].size = P + 1;
	bad[2].size = P - 1;
	bad[3].size = (u64)SSIZE_MAX + 1;
	bad[4].single_exporter_match = NULL;
	bad[5].ops = &ops_with_match;
	bad[6].ops = &ops_without_release;
	bad[7].cpu_list = list;
	bad[7].size = 2 * P;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		dmabuf = peerbuf_export(&bad[i]);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), -EINVAL);
	}
	KUNIT_EXPECT_FALSE(test, released);
	KUNIT_EXPECT_EQ(test, kref_read(&list->ref), 1);
	dma_buf_phys_list_put(list);
}

static void a_closed_provider_exports_nothing(struct kunit *test)
{
	static const struct phys_vec page = { P, P };
	struct told_provider t;
	struct made m = {};

	told_provider_init(&t);
	peerbuf_provider_close(&t.p);
	KUNIT_EXPECT_EQ(test, made_pal(&m, &t.p, &page, 1), -ENODEV);
	made_put(&m);
	KUNIT_EXPECT_FALSE(test, m.released);
	peerbuf_provider_open(&t.p);
	KUNIT_EXPECT_EQ(test, made_pal(&m, &t.p, &page, 1), 0);
	made_put(&m);
	KUNIT_EXPECT_TRUE(test, m.released);
	peerbuf_provider_close(&t.p);
	peerbuf_provider_fini(&t.p);
}

/* An export that comes too late has made a dma-buf already: it has to go, and unnoticed. */
static void an_export_that_came_too_late_leaves_nothing(struct kunit *test)
{
	static const struct phys_vec page = { P, P };
	struct dma_buf_mapping_match match = DMA_BUF_EMAPPING_PAL(&made_pal_ops, provider_pdev);
	struct dma_buf_phys_list *list = dma_buf_phys_list_create(&page, 1, P);
	struct told_provider t;
	bool released = false;
	struct peerbuf_export_info info = {
		.owner = THIS_MODULE,
		.exp_name = "peerbuf_kunit",
		.ops = &ops,
		.single_exporter_match = &match,
		.provider = &t.p,
		.cpu_list = list,
		.size = P,
		.flags = O_RDWR,
		.priv = &released,
	};
	struct dma_buf *dmabuf;
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, list);
	told_provider_init(&t);
	for (i = 0; i < 2; i++) {
		dmabuf = peerbuf_export(&info);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
		KUNIT_EXPECT_EQ(test, kref_read(&list->ref), 2);
		dma_buf_put(dmabuf);
		flush_delayed_fput();
		KUNIT_EXPECT_TRUE(test, released);
		KUNIT_EXPECT_EQ(test, kref_read(&list->ref), 1);

		peerbuf_provider_close(&t.p);
		released = false;
		dmabuf = peerbuf_export(&info);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), -ENODEV);
		flush_delayed_fput();
		KUNIT_EXPECT_FALSE(test, released);
		/* What the dma-buf had is given back, so it is gone. */
		KUNIT_EXPECT_EQ(test, kref_read(&list->ref), 1);
		KUNIT_EXPECT_TRUE(test, list_empty(&t.p.buffers));
		peerbuf_provider_open(&t.p);
	}
	peerbuf_provider_close(&t.p);
	peerbuf_provider_fini(&t.p);
	dma_buf_phys_list_put(list);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_list_is_merged_and_indexed_once),
	KUNIT_CASE(malformed_lists_are_refused),
	KUNIT_CASE(malformed_exports_are_refused_and_not_released),
	KUNIT_CASE(a_closed_provider_exports_nothing),
	KUNIT_CASE(an_export_that_came_too_late_leaves_nothing),
	{}
};

struct kunit_suite lists_suite = {
	.name = "peerbuf_lists",
	.suite_init = devices_get,
	.suite_exit = devices_put,
	.test_cases = cases,
};
