/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/pfn_t.h>

#define peerbuf_insert_pfn_pmd(vmf, pfn) \
	vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), false)
#define peerbuf_insert_pfn_pud(vmf, pfn) \
	vmf_insert_pfn_pud(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), false)
