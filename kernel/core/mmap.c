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

/* Where an address of a mapping is in the buffer. */
static u64 buffer_offset(struct vm_area_struct *vma, unsigned long addr)
{
	return addr - vma->vm_start + ((u64)vma->vm_pgoff << PAGE_SHIFT);
}

/* The piece of memory that a page of the buffer is in, and how far into it. */
static const struct phys_vec *piece_at(struct peerbuf_buffer *buf, u64 offset, u64 *skip)
{
	const struct dma_buf_phys_list *list = buf->cpu_list;
	size_t i;

	if (offset >= list->size)
		return NULL;
	i = peerbuf_range_find(list->first, list->length, offset);
	*skip = offset - list->first[i];
	return &list->phys[i];
}

/*
 * The physical page behind a page of the buffer, if the whole block of 2^order pages
 * around it is one piece of memory and as aligned as the CPU's large pages want it.
 */
static bool block_pfn(struct peerbuf_buffer *buf, u64 offset, unsigned int order,
		      unsigned long *pfn)
{
	u64 skip, size = PAGE_SIZE << order;
	const struct phys_vec *piece = piece_at(buf, offset, &skip);

	if (!piece || piece->len - skip < size || !IS_ALIGNED(piece->paddr + skip, size))
		return false;
	*pfn = PHYS_PFN(piece->paddr + skip);
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

	if (addr < vma->vm_start || addr + (PAGE_SIZE << order) > vma->vm_end)
		return VM_FAULT_FALLBACK;
	if (!block_pfn(buf, buffer_offset(vma, addr), order, &pfn))
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

/* ----------------------------------------------------------- write combining */

/**
 * struct combined - page table entries to be made
 * @pfn: of the first of them
 * @start: its address
 * @prot: how
 * @mm: whose
 */
struct combined {
	unsigned long pfn;
	unsigned long start;
	pgprot_t prot;
	struct mm_struct *mm;
};

static int combined_entry(pte_t *pte, unsigned long addr, void *data)
{
	const struct combined *c = data;
	unsigned long pfn = c->pfn + ((addr - c->start) >> PAGE_SHIFT);

	/* Another thread may have been here. */
	if (pte_none(ptep_get(pte)))
		set_pte_at(c->mm, addr, pte, pte_mkspecial(pfn_pte(pfn, c->prot)));
	return 0;
}

/*
 * On x86 vmf_insert_pfn() looks up how the kernel itself has mapped the memory and maps it
 * in the same way, whatever it is asked for; and vfio-pci-core has mapped its BARs uncached.
 * So the entries are written here, as graphics drivers do it. They are small ones: all of an
 * entry of the next level at once, so that there is one fault for each 2 MiB.
 */
static vm_fault_t combining_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct peerbuf_buffer *buf = vma->vm_private_data;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE);
	vm_fault_t ret = VM_FAULT_SIGBUS;
	const struct phys_vec *piece;
	unsigned long start, end;
	struct combined c;
	u64 skip;

	piece = piece_at(buf, buffer_offset(vma, addr), &skip);
	if (!piece)
		return VM_FAULT_SIGBUS;
	start = max(ALIGN_DOWN(addr, PMD_SIZE), vma->vm_start);
	if (addr - start > skip)
		start = addr - skip;
	end = min(ALIGN_DOWN(addr, PMD_SIZE) + PMD_SIZE, vma->vm_end);
	if (end - addr > piece->len - skip)
		end = addr + (piece->len - skip);
	c = (struct combined) {
		.pfn = PHYS_PFN(piece->paddr + skip - (addr - start)),
		.start = start,
		.prot = vma->vm_page_prot,
		.mm = vma->vm_mm,
	};

	dma_resv_lock(buf->dmabuf->resv, NULL);
	if (buf->state == PEERBUF_STATE_LIVE)
		ret = apply_to_page_range(vma->vm_mm, start, end - start, combined_entry, &c) ?
		      VM_FAULT_OOM : VM_FAULT_NOPAGE;
	dma_resv_unlock(buf->dmabuf->resv);
	return ret;
}

static const struct vm_operations_struct combining_vm_ops = {
	.fault = combining_fault,
};

int peerbuf_native_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct peerbuf_buffer *buf = peerbuf_buffer_of(dmabuf);

	/*
	 * A private mapping would copy device memory page by page on write. A shared
	 * one of a read-only file looks private, but can never be written.
	 */
	if (!buf->cpu_list || vma_is_cow_mapping(vma))
		return -EINVAL;

	vma->vm_private_data = buf;
	vma->vm_ops = &buffer_vm_ops;
	if (READ_ONCE(buf->combining)) {
		vma->vm_page_prot = pgprot_decrypted(pgprot_writecombine(vma->vm_page_prot));
		vma->vm_ops = &combining_vm_ops;
	} else if (!buf->cpu_ram) {
		vma->vm_page_prot = pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	}
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

/* The native buffer that a mapping shows; NULL for any other mapping. */
struct peerbuf_buffer *peerbuf_vma_native(struct vm_area_struct *vma)
{
	return vma->vm_ops == &buffer_vm_ops || vma->vm_ops == &combining_vm_ops ?
	       vma->vm_private_data : NULL;
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
