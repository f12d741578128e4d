// SPDX-License-Identifier: GPL-2.0-or-later
/* Conversions as offers: what each exporter's entry stands for. */
#include "suites.h"

#include <linux/peerbuf/match.h>

#define SGT (&dma_buf_mapping_sgt_type)
#define IOMMU (&dma_buf_mapping_iommu_type)
#define PAL (&dma_buf_mapping_pal_type)
#define IOV (&dma_buf_mapping_iov_type)

static const struct dma_buf_mapping_exp_ops ops;
static const struct dma_buf_mapping_type own = { .name = "own" };
static char something[2];

/* Never looked at. */
#define DEVICE ((struct pci_dev *)&something[0])

static struct dma_buf_mapping_match out[PEERBUF_MAX_OFFERS + 1];

static size_t expand(struct dma_buf_mapping_match entry)
{
	memset(out, 0xee, sizeof(out));
	return peerbuf_offer_expand(&entry, out);
}

static struct dma_buf_mapping_match sgt(struct pci_dev *pdev)
{
	return (struct dma_buf_mapping_match) {
		.type = SGT,
		.exp_ops = &ops,
		.sgt_data = {
			.exporting_p2p_device = pdev,
			.requires_p2p = pdev ? DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE :
					       DMA_SGT_NO_P2P,
		},
	};
}

static struct dma_buf_mapping_match pal(struct pci_dev *pdev)
{
	return (struct dma_buf_mapping_match) {
		.type = PAL, .exp_ops = &ops, .pal_data = { .exporting_p2p_device = pdev },
	};
}

/* The entry itself comes first, unchanged. */
static void itself_first(struct kunit *test, const struct dma_buf_mapping_type *type)
{
	KUNIT_ASSERT_PTR_EQ(test, out[0].type, type);
	KUNIT_ASSERT_PTR_EQ(test, out[0].exp_ops, &ops);
	KUNIT_ASSERT_NULL(test, out[0].origin);
}

static void converted(struct kunit *test, size_t i, const struct dma_buf_mapping_type *type,
		      const struct dma_buf_mapping_type *origin)
{
	KUNIT_ASSERT_PTR_EQ(test, out[i].type, type);
	KUNIT_ASSERT_PTR_EQ(test, out[i].exp_ops, &ops);
	KUNIT_ASSERT_PTR_EQ(test, out[i].origin, origin);
}

static void device_memory_is_itself_then_a_domain_then_a_table(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, expand(pal(DEVICE)), 3);
	itself_first(test, PAL);
	KUNIT_ASSERT_PTR_EQ(test, out[0].pal_data.exporting_p2p_device, DEVICE);
	converted(test, 1, IOMMU, PAL);
	KUNIT_ASSERT_PTR_EQ(test, out[1].iommu_data.exporting_p2p_device, DEVICE);
	KUNIT_ASSERT_NULL(test, out[1].iommu_data.importing_device);
	KUNIT_ASSERT_FALSE(test, out[1].iommu_data.strict);
	converted(test, 2, SGT, PAL);
	KUNIT_ASSERT_PTR_EQ(test, out[2].sgt_data.exporting_p2p_device, DEVICE);
	KUNIT_ASSERT_NULL(test, out[2].sgt_data.importing_dma_device);
	KUNIT_ASSERT_EQ(test, out[2].sgt_data.requires_p2p,
			DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE);
}

static void ram_needs_no_route(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, expand(pal(NULL)), 3);
	itself_first(test, PAL);
	converted(test, 1, IOMMU, PAL);
	KUNIT_ASSERT_NULL(test, out[1].iommu_data.exporting_p2p_device);
	converted(test, 2, SGT, PAL);
	KUNIT_ASSERT_NULL(test, out[2].sgt_data.exporting_p2p_device);
	KUNIT_ASSERT_EQ(test, out[2].sgt_data.requires_p2p, DMA_SGT_NO_P2P);
}

static void a_table_is_itself_then_a_domain(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, expand(sgt(DEVICE)), 2);
	itself_first(test, SGT);
	KUNIT_ASSERT_EQ(test, out[0].sgt_data.requires_p2p,
			DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE);
	converted(test, 1, IOMMU, SGT);
	KUNIT_ASSERT_PTR_EQ(test, out[1].iommu_data.exporting_p2p_device, DEVICE);

	KUNIT_ASSERT_EQ(test, expand(sgt(NULL)), 2);
	itself_first(test, SGT);
	converted(test, 1, IOMMU, SGT);
	KUNIT_ASSERT_NULL(test, out[1].iommu_data.exporting_p2p_device);
}

static void other_types_are_nothing_but_themselves(struct kunit *test)
{
	static const struct dma_buf_mapping_type *const types[] = { IOV, IOMMU, &own };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		KUNIT_ASSERT_EQ(test, expand((struct dma_buf_mapping_match) {
					.type = types[i], .exp_ops = &ops }), 1);
		itself_first(test, types[i]);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(device_memory_is_itself_then_a_domain_then_a_table),
	KUNIT_CASE(ram_needs_no_route),
	KUNIT_CASE(a_table_is_itself_then_a_domain),
	KUNIT_CASE(other_types_are_nothing_but_themselves),
	{}
};

struct kunit_suite offer_suite = {
	.name = "peerbuf_offer",
	.test_cases = cases,
};
