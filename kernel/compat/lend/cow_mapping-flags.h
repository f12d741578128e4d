/* SPDX-License-Identifier: GPL-2.0-only */
#define vma_is_cow_mapping(vma)	is_cow_mapping((vma)->vm_flags)
