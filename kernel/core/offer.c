// SPDX-License-Identifier: GPL-2.0-only
/* What the core can convert an exporter's entry to. Pure logic. */
#include "pure.h"

#include <linux/peerbuf/match.h>

/* An entry of the IOMMU type that the core makes of one of another type. */
static struct dma_buf_mapping_match in_domain(const struct dma_buf_mapping_match *exp,
					      struct pci_dev *exporting_p2p_device)
{
	return (struct dma_buf_mapping_match) {
		.type = &dma_buf_mapping_iommu_type,
		.exp_ops = exp->exp_ops,
		.origin = exp->type,
		.iommu_data = { .exporting_p2p_device = exporting_p2p_device },
	};
}

static struct dma_buf_mapping_match pal_as_sgt(const struct dma_buf_mapping_match *exp)
{
	struct pci_dev *pdev = exp->pal_data.exporting_p2p_device;

	return (struct dma_buf_mapping_match) {
		.type = &dma_buf_mapping_sgt_type,
		.exp_ops = exp->exp_ops,
		.origin = exp->type,
		.sgt_data = {
			.exporting_p2p_device = pdev,
			/* Without a device it is RAM, which needs no route. */
			.requires_p2p = pdev ? DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE :
					       DMA_SGT_NO_P2P,
		},
	};
}

size_t peerbuf_offer_expand(const struct dma_buf_mapping_match *exp,
			    struct dma_buf_mapping_match *out)
{
	size_t n = 0;

	out[n++] = *exp;
	if (exp->type == &dma_buf_mapping_sgt_type)
		out[n++] = in_domain(exp, exp->sgt_data.exporting_p2p_device);
	if (exp->type == &dma_buf_mapping_pal_type) {
		out[n++] = in_domain(exp, exp->pal_data.exporting_p2p_device);
		out[n++] = pal_as_sgt(exp);
	}
	return n;
}
