// SPDX-License-Identifier: GPL-2.0-only
/* Before 7.1 the importer's callback is move_notify. */
#include <linux/dma-buf.h>

static void probe_cb(struct dma_buf_attachment *attach)
{
	dma_buf_move_notify(attach->dmabuf);
}

const struct dma_buf_attach_ops probe_ops = { .move_notify = probe_cb };
