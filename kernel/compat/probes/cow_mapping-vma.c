// SPDX-License-Identifier: GPL-2.0-only
/* From 7.3 on whether a mapping copies on write is told from the mapping. */
#include <linux/mm.h>

bool probe_cow(struct vm_area_struct *vma);
bool probe_cow(struct vm_area_struct *vma)
{
	return vma_is_cow_mapping(vma);
}
