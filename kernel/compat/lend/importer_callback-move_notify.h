/* SPDX-License-Identifier: GPL-2.0-only */
#define invalidate_mappings_member	move_notify
#define dma_buf_invalidate_mappings	dma_buf_move_notify
