// SPDX-License-Identifier: GPL-2.0-or-later
/* What negotiation tells the kernel's tracepoint, remembered for the tests. */
#include "../../kernel/core/pure.h"
#include "core_tried.h"

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
