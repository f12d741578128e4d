// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.13 a symbol namespace is named by an identifier. */
#include <linux/module.h>

MODULE_IMPORT_NS(DMA_BUF);
