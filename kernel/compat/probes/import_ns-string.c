// SPDX-License-Identifier: GPL-2.0-only
/*
 * From 6.13 on a symbol namespace is named by a string. Older kernels compile this,
 * too, and quote the quotes; the identifier is preferred where both compile.
 */
#include <linux/module.h>

MODULE_IMPORT_NS("DMA_BUF");
