/* SPDX-License-Identifier: GPL-2.0-only */
#define PEERBUF_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
