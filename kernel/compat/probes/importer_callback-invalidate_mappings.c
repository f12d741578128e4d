// SPDX-License-Identifier: GPL-2.0-only
/* From 7.1 on the importer's callback is invalidate_mappings. */
#include <linux/dma-buf.h>

static void probe_cb(struct dma_buf_attachment *attach)
{
	dma_buf_invalidate_mappings(attach->dmabuf);
}

const struct dma_buf_attach_ops probe_ops = { .invalidate_mappings = probe_cb };
