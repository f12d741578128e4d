// SPDX-License-Identifier: GPL-2.0-only
/* Before 7.3 whether a mapping copies on write is told from its flags. */
#include <linux/mm.h>

bool probe_cow(struct vm_area_struct *vma);
bool probe_cow(struct vm_area_struct *vma)
{
	return is_cow_mapping(vma->vm_flags);
}
