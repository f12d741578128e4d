/* SPDX-License-Identifier: GPL-2.0-only */
#define peerbuf_dma_capable(dev, addr, size)	dma_capable(dev, addr, size, true, 0)
