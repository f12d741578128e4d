/* SPDX-License-Identifier: GPL-2.0-only */
#define peerbuf_insert_pfn_pmd(vmf, pfn)	vmf_insert_pfn_pmd(vmf, pfn, false)
#define peerbuf_insert_pfn_pud(vmf, pfn)	vmf_insert_pfn_pud(vmf, pfn, false)
