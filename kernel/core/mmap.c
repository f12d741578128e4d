// SPDX-License-Identifier: GPL-2.0-only
/*
 * A native buffer in a process's address space, and, if it is RAM, in the kernel's.
 *
 * Nothing is mapped at mmap() time: each access faults its page in under the
 * reservation lock, if the buffer is LIVE, and raises SIGBUS if it is not. A revoke
 * takes the pages out again under the same lock, so that no fault can bring one back.
 */
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <linux/peerbuf/range.h>

#include "internal.h"

/*
 * The physical page behind a page of the buffer, if the whole block of 2^order pages
 * around it is one piece of memory and as aligned as the CPU's large pages want it.
 */
static bool block_pfn(struct peerbuf_buffer *buf, u64 offset, unsigned int order,
		      unsigned long *pfn)
{
	const struct dma_buf_phys_list *list = buf->cpu_list;
	u64 size = PAGE_SIZE << order;
	phys_addr_t paddr;
	u64 skip;
	size_t i;

	if (offset >= list->size)
		return false;
	i = peerbuf_range_find(list->first, list->length, offset);
	skip = offset - list->first[i];
	paddr = list->phys[i].paddr + skip;
	if (list->phys[i].len - skip < size || !IS_ALIGNED(paddr, size))
		return false;
	*pfn = PHYS_PFN(paddr);
	return true;
}

static vm_fault_t insert(struct vm_fault *vmf, unsigned long pfn,
			 unsigned int order)
{
	if (!order)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	if (order == PMD_ORDER)
		return peerbuf_insert_pfn_pmd(vmf, pfn);
#endif
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	if (order == PUD_ORDER)
		return peerbuf_insert_pfn_pud(vmf, pfn);
#endif
	return VM_FAULT_FALLBACK;
}

static vm_fault_t buffer_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct peerbuf_buffer *buf = vma->vm_private_data;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	vm_fault_t ret = VM_FAULT_SIGBUS;
	unsigned long pfn;
	u64 offset;

	if (addr < vma->vm_start || addr + (PAGE_SIZE << order) > vma->vm_end)
		return VM_FAULT_FALLBACK;
	offset = addr - vma->vm_start + ((u64)vma->vm_pgoff << PAGE_SHIFT);
	if (!block_pfn(buf, offset, order, &pfn))
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	if (buf->state == PEERBUF_STATE_LIVE)
		ret = insert(vmf, pfn, order);
	dma_resv_unlock(buf->dmabuf->resv);
	return ret;
}

static vm_fault_t buffer_fault(struct vm_fault *vmf)
{
	return buffer_huge_fault(vmf, 0);
}

static const struct vm_operations_struct buffer_vm_ops = {
	.fault = buffer_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = buffer_huge_fault,
#endif
};

int peerbuf_native_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct peerbuf_buffer *buf = peerbuf_buffer_of(dmabuf);

	/*
	 * A private mapping would copy device memory page by page on write. A shared
	 * one of a read-only file looks private, but can never be written.
	 */
	if (!buf->cpu_list || is_cow_mapping(vma->vm_flags))
		return -EINVAL;

	vma->vm_private_data = buf;
	if (!buf->cpu_ram)
		vma->vm_page_prot =
			pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &buffer_vm_ops;
	return 0;
}

/* The native buffer that a mapping shows; NULL for any other mapping. */
struct peerbuf_buffer *peerbuf_vma_native(struct vm_area_struct *vma)
{
	return vma->vm_ops == &buffer_vm_ops ? vma->vm_private_data : NULL;
}

/* Only for buffers that nobody can revoke: see native_vmap_ops. */
int peerbuf_native_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	const struct dma_buf_phys_list *list = peerbuf_buffer_of(dmabuf)->cpu_list;
	size_t nr = list->size >> PAGE_SHIFT;
	struct peerbuf_range_cursor cursor;
	struct phys_vec piece;
	struct page **pages;
	size_t i = 0;
	void *addr;

	dma_resv_assert_held(dmabuf->resv);

	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL | __GFP_NOWARN);
	if (!pages)
		return -ENOMEM;
	peerbuf_range_start(&cursor, list->phys, list->length, 0, list->size);
	while (peerbuf_range_next(&cursor, PAGE_SIZE, &piece))
		pages[i++] = pfn_to_page(PHYS_PFN(piece.paddr));
	addr = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	if (!addr)
		return -ENOMEM;
	iosys_map_set_vaddr(map, addr);
	return 0;
}

void peerbuf_native_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

/* Reservation lock held, and the state not LIVE: nothing can be faulted back. */
void peerbuf_buffer_zap(struct peerbuf_buffer *buf)
{
	dma_resv_assert_held(buf->dmabuf->resv);

	if (buf->cpu_list)
		unmap_mapping_range(buf->dmabuf->file->f_mapping, 0, 0, 1);
}
