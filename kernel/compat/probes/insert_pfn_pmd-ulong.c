// SPDX-License-Identifier: GPL-2.0-only
/* From 6.17 on a page frame number for a large page is a number like any other. */
#include <linux/mm.h>

vm_fault_t probe_insert(struct vm_fault *vmf, unsigned long pfn);
vm_fault_t probe_insert(struct vm_fault *vmf, unsigned long pfn)
{
	return vmf_insert_pfn_pmd(vmf, pfn, false);
}
