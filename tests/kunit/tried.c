// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the pure files expect of the core: somebody to tell of each pair that was compared, who
 * remembers it for the tests, and, in user space, the types.
 */
#include "../../kernel/core/pure.h"
#include "tried.h"

#ifndef __KERNEL__
#include <linux/peerbuf/match.h>

const struct dma_buf_mapping_type dma_buf_mapping_sgt_type = { .name = "sgt" };
const struct dma_buf_mapping_type dma_buf_mapping_iommu_type = { .name = "iommu" };
const struct dma_buf_mapping_type dma_buf_mapping_pal_type = { .name = "pal" };
const struct dma_buf_mapping_type dma_buf_mapping_iov_type = { .name = "iov" };
#endif

struct tried tried[MAX_TRIED];
size_t nr_tried;

void peerbuf_match_tried(const struct dma_buf_match_args *args,
			 const struct dma_buf_mapping_match *exp,
			 const struct dma_buf_mapping_match *imp, int verdict)
{
	(void)args;
	if (nr_tried < MAX_TRIED)
		tried[nr_tried++] = (struct tried) { exp, imp, verdict };
}
