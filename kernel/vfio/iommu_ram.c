// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory in the IOVA space: VFIO_IOMMU_MAP_DMA.
 *
 * Pages are pinned when they are mapped and remembered as runs of contiguous
 * pages, which is what domains that join later are given, too.
 */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/peerbuf/iommu.h>
#include <linux/peerbuf/vma.h>

#include "iommu.h"

/**
 * struct run - physically contiguous pages
 * @page: the first
 * @nr: how many
 */
struct run {
	struct page *page;
	unsigned long nr;
};

#define RUNS_PER_BLOCK	((PAGE_SIZE - 2 * sizeof(void *)) / sizeof(struct run))

/**
 * struct run_block - a page full of runs
 * @next: the block after it
 * @nr: runs in use
 * @run: the runs
 */
struct run_block {
	struct run_block *next;
	size_t nr;
	struct run run[RUNS_PER_BLOCK];
};

/**
 * struct ram - a range of user memory that is mapped
 * @m: the mapping
 * @mm: whose locked memory it counts as; referenced by mmgrab()
 * @task: for the message when the limit is hit; referenced
 * @accounted: pages counted in mm->locked_vm
 * @first: runs in the order of IOVAs
 * @last: where the next run goes
 */
struct ram {
	struct mapping m;
	struct mm_struct *mm;
	struct task_struct *task;
	unsigned long accounted;
	struct run_block *first;
	struct run_block *last;
};

static struct ram *to_ram(struct mapping *m)
{
	return container_of(m, struct ram, m);
}

/* -------------------------------------------------------------- accounting */

static int account(struct ram *ram, unsigned long pages)
{
	int ret;

	ret = mmap_write_lock_killable(ram->mm);
	if (ret)
		return ret;
	ret = __account_locked_vm(ram->mm, pages, true, ram->task,
				  capable(CAP_IPC_LOCK));
	mmap_write_unlock(ram->mm);
	if (!ret)
		ram->accounted = pages;
	return ret;
}

static void unaccount(struct ram *ram)
{
	/* An address space that is gone has taken its count with it. */
	if (!ram->accounted || !mmget_not_zero(ram->mm))
		return;
	mmap_write_lock(ram->mm);
	__account_locked_vm(ram->mm, ram->accounted, false, ram->task, true);
	mmap_write_unlock(ram->mm);
	mmput(ram->mm);
	ram->accounted = 0;
}

/* -------------------------------------------------------------------- runs */

static int add_run(struct ram *ram, struct page *page, unsigned long nr)
{
	struct run_block *block = ram->last;
	struct run *run;

	if (block) {
		run = &block->run[block->nr - 1];
		if (page_to_pfn(run->page) + run->nr == page_to_pfn(page)) {
			run->nr += nr;
			return 0;
		}
	}
	if (!block || block->nr == RUNS_PER_BLOCK) {
		block = kzalloc(sizeof(*block), GFP_KERNEL_ACCOUNT);
		if (!block)
			return -ENOMEM;
		if (ram->last)
			ram->last->next = block;
		else
			ram->first = block;
		ram->last = block;
	}
	block->run[block->nr++] = (struct run) { page, nr };
	return 0;
}

static void unpin_runs(struct ram *ram)
{
	bool dirty = ram->m.prot & IOMMU_WRITE;
	struct run_block *block = ram->first, *next;
	size_t i;

	for (; block; block = next) {
		for (i = 0; i < block->nr; i++) {
			unpin_user_page_range_dirty_lock(block->run[i].page,
							 block->run[i].nr,
							 dirty);
			cond_resched();
		}
		next = block->next;
		kfree(block);
	}
	ram->first = NULL;
	ram->last = NULL;
}

/* Remember a batch of pinned pages; on failure those not remembered are unpinned. */
static int add_batch(struct ram *ram, struct page **pages, long nr)
{
	long i, start;
	int ret;

	for (i = 0; i < nr;) {
		start = i++;
		while (i < nr &&
		       page_to_pfn(pages[i]) == page_to_pfn(pages[i - 1]) + 1)
			i++;
		ret = add_run(ram, pages[start], i - start);
		if (ret) {
			unpin_user_pages(&pages[start], nr - start);
			return ret;
		}
	}
	return 0;
}

#define BATCH	(PAGE_SIZE / sizeof(struct page *))

static int pin(struct ram *ram, unsigned long vaddr, unsigned long nr)
{
	unsigned int flags = FOLL_LONGTERM;
	struct page **pages;
	long got;
	int ret = 0;

	/* Whatever the pinning makes of a range that wraps: there is nothing. */
	if (!access_ok((void __user *)vaddr, nr << PAGE_SHIFT))
		return -EFAULT;
	if (ram->m.prot & IOMMU_WRITE)
		flags |= FOLL_WRITE;
	pages = kmalloc_array(BATCH, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;

	while (nr) {
		got = pin_user_pages_fast(vaddr, min_t(unsigned long, nr, BATCH),
					  flags, pages);
		if (got <= 0) {
			ret = got ?: -EFAULT;
			break;
		}
		ret = add_batch(ram, pages, got);
		if (ret)
			break;
		vaddr += got << PAGE_SHIFT;
		nr -= got;
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();
	}
	kfree(pages);
	return ret;
}

/* ----------------------------------------------------------- mapping_ops */

static void ram_unmap_upto(struct mapping *m, struct domain *d, u64 bytes)
{
	if (bytes)
		WARN_ON(iommu_unmap(d->iommu, mapping_iova(m), bytes) != bytes);
}

static int ram_map_domain(struct mapping *m, struct domain *d)
{
	struct run_block *block;
	u64 done = 0;
	size_t i;
	int ret;

	for (block = to_ram(m)->first; block; block = block->next) {
		for (i = 0; i < block->nr; i++) {
			struct run *run = &block->run[i];
			u64 len = (u64)run->nr << PAGE_SHIFT;

			ret = peerbuf_iommu_map(d->iommu,
						mapping_iova(m) + done,
						page_to_phys(run->page), len,
						m->prot | IOMMU_CACHE);
			if (ret) {
				ram_unmap_upto(m, d, done);
				return ret;
			}
			done += len;
			cond_resched();
		}
	}
	return 0;
}

static void ram_unmap_domain(struct mapping *m, struct domain *d)
{
	ram_unmap_upto(m, d, mapping_length(m));
}

static void ram_free(struct mapping *m)
{
	struct ram *ram = to_ram(m);

	unpin_runs(ram);
	unaccount(ram);
	mmdrop(ram->mm);
	put_task_struct(ram->task);
	kfree(ram);
}

static const struct mapping_ops ram_ops = {
	.map = ram_map_domain,
	.unmap = ram_unmap_domain,
	.free = ram_free,
};

static int prot_of(const struct vfio_iommu_type1_dma_map *arg)
{
	return (arg->flags & VFIO_DMA_MAP_FLAG_READ ? IOMMU_READ : 0) |
	       (arg->flags & VFIO_DMA_MAP_FLAG_WRITE ? IOMMU_WRITE : 0);
}

static struct ram *ram_create(const struct vfio_iommu_type1_dma_map *arg)
{
	struct ram *ram = kzalloc(sizeof(*ram), GFP_KERNEL_ACCOUNT);

	if (!ram)
		return NULL;
	ram->m.ops = &ram_ops;
	ram->m.node.start = arg->iova;
	ram->m.node.last = arg->iova + arg->size - 1;
	ram->m.prot = prot_of(arg);
	ram->mm = current->mm;
	mmgrab(ram->mm);
	ram->task = current->group_leader;
	get_task_struct(ram->task);
	return ram;
}

static int map_locked(struct space *s, const struct vfio_iommu_type1_dma_map *arg)
{
	unsigned long pages = arg->size >> PAGE_SHIFT;
	struct dma_buf *dmabuf;
	struct ram *ram;
	u64 offset;
	int ret;

	if (!space_aligned(s, arg->vaddr))
		return -EINVAL;
	ret = space_check(s, arg->iova, arg->size);
	if (ret)
		return ret;
	/* A device's memory is no RAM, and must be revocable to be mapped. */
	dmabuf = peerbuf_vma_buffer(arg->vaddr, arg->size, prot_of(arg),
				    &offset);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (dmabuf)
		return buffer_map_at(s, dmabuf, offset, arg);

	ram = ram_create(arg);
	if (!ram)
		return -ENOMEM;
	ret = account(ram, pages);
	if (!ret)
		ret = pin(ram, arg->vaddr, pages);
	if (!ret)
		ret = space_insert(s, &ram->m);
	if (ret)
		ram_free(&ram->m);
	return ret;
}

int ram_map(struct space *s, const struct vfio_iommu_type1_dma_map *arg)
{
	u64 end;
	int ret;

	if (!(arg->flags & (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)) ||
	    (arg->flags & ~(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)) ||
	    !arg->size || !PAGE_ALIGNED(arg->vaddr | arg->size) ||
	    check_add_overflow(arg->vaddr, arg->size - 1, &end))
		return -EINVAL;

	/* A kernel thread or an exiting process has no memory to map. */
	if (!current->mm)
		return -ESRCH;

	mutex_lock(&s->lock);
	ret = map_locked(s, arg);
	mutex_unlock(&s->lock);
	return ret;
}
