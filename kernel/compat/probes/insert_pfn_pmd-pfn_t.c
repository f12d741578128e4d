// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.17 a page frame number for a large page is a pfn_t. */
#include <linux/mm.h>
#include <linux/pfn_t.h>

vm_fault_t probe_insert(struct vm_fault *vmf, unsigned long pfn);
vm_fault_t probe_insert(struct vm_fault *vmf, unsigned long pfn)
{
	return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), false);
}
