// SPDX-License-Identifier: GPL-2.0-only
/* From addresses of a process to the buffer behind them. */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/iommu.h>
#include <linux/mm.h>

#include <linux/peerbuf/vma.h>

#include "internal.h"

void peerbuf_vma_close(struct vm_area_struct *vma)
{
}
EXPORT_SYMBOL_GPL(peerbuf_vma_close);

/**
 * struct origin - what is behind some addresses; filled in under the mmap_lock
 * @file: the mapping's file, referenced
 * @offset: place in the file
 * @buf: the buffer that the file is; or NULL
 * @ops: the exporter that can make a buffer of it; or NULL
 * @private: the exporter's
 */
struct origin {
	struct file *file;
	u64 offset;
	struct peerbuf_buffer *buf;
	const struct peerbuf_vm_ops *ops;
	void *private;
};

static bool allowed(struct vm_area_struct *vma, int prot)
{
	return (!(prot & IOMMU_READ) || (vma->vm_flags & VM_READ)) &&
	       (!(prot & IOMMU_WRITE) || (vma->vm_flags & VM_WRITE));
}

/* Returns 1 when there is an origin, 0 for memory that is not a device's. */
static int find_origin(struct vm_area_struct *vma, unsigned long addr, u64 length,
		       int prot, struct origin *o)
{
	if (!vma || !(vma->vm_flags & (VM_IO | VM_PFNMAP)))
		return 0;

	*o = (struct origin) {
		.buf = peerbuf_vma_native(vma),
		.private = vma->vm_private_data,
		.offset = addr - vma->vm_start +
			  ((u64)vma->vm_pgoff << PAGE_SHIFT),
	};
	if (vma->vm_ops && vma->vm_ops->close == peerbuf_vma_close)
		o->ops = container_of(vma->vm_ops, struct peerbuf_vm_ops, vm);
	if ((!o->buf && !o->ops) || length > vma->vm_end - addr)
		return -EOPNOTSUPP;
	if (!allowed(vma, prot))
		return -EFAULT;
	o->file = get_file(vma->vm_file);
	return 1;
}

struct dma_buf *peerbuf_vma_buffer(unsigned long addr, u64 length, int prot,
				   u64 *offset)
{
	struct mm_struct *mm = current->mm;
	struct dma_buf *dmabuf;
	struct origin o;
	int ret;

	ret = mmap_read_lock_killable(mm);
	if (ret)
		return ERR_PTR(ret);
	ret = find_origin(vma_lookup(mm, addr), addr, length, prot, &o);
	mmap_read_unlock(mm);
	if (ret <= 0)
		return ERR_PTR(ret);

	if (o.buf) {
		/* The file is the dma-buf's: its reference is the one to return. */
		*offset = o.offset;
		return o.buf->dmabuf;
	}
	dmabuf = o.ops->export(o.private, o.offset, length);
	fput(o.file);
	*offset = 0;
	return dmabuf;
}
EXPORT_SYMBOL_GPL(peerbuf_vma_buffer);
