/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the probes found, as the names that the rest of the code uses. The code is
 * written for the newest kernel; this file lends its names to older ones.
 */
#ifndef _PEERBUF_COMPAT_IMPL_H
#define _PEERBUF_COMPAT_IMPL_H

#ifndef CONFIG_64BIT
#error "peerbuf supports 64-bit kernels only"
#endif

/* importer_callback: the callback and the function that calls it were renamed. */
#ifdef PEERBUF_HAVE_IMPORTER_CALLBACK_MOVE_NOTIFY
#define invalidate_mappings_member	move_notify
#define dma_buf_invalidate_mappings	dma_buf_move_notify
#else
#define invalidate_mappings_member	invalidate_mappings
#endif

/* import_ns: identifier or string. */
#ifdef PEERBUF_HAVE_IMPORT_NS_IDENTIFIER
#define PEERBUF_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#else
#define PEERBUF_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#endif

/* phys_vec: defined by peerbuf/range.h where the kernel does not. */
#ifdef PEERBUF_HAVE_PHYS_VEC_TYPES
#define PEERBUF_HAVE_PHYS_VEC		1
#endif

/* insert_pfn_pmd: a page frame number is a pfn_t or a number. */
#ifdef PEERBUF_HAVE_INSERT_PFN_PMD_PFN_T
#include <linux/pfn_t.h>
#define peerbuf_insert_pfn_pmd(vmf, pfn) \
	vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), false)
#define peerbuf_insert_pfn_pud(vmf, pfn) \
	vmf_insert_pfn_pud(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), false)
#else
#define peerbuf_insert_pfn_pmd(vmf, pfn)	vmf_insert_pfn_pmd(vmf, pfn, false)
#define peerbuf_insert_pfn_pud(vmf, pfn)	vmf_insert_pfn_pud(vmf, pfn, false)
#endif

#endif /* _PEERBUF_COMPAT_IMPL_H */
