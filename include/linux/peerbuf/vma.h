/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From device memory in a process's address space to the buffer that it is, or that can
 * be made of it.
 *
 * A program that knows nothing of dma-bufs asks an IOMMU for peer-to-peer access by the
 * address at which it has mapped the other device's memory. An exporter that can be
 * asked marks its mappings; the importer hands the address to the core.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_VMA_H
#define _LINUX_PEERBUF_VMA_H

#include <linux/mm.h>

struct dma_buf;

/**
 * struct peerbuf_vm_ops - an exporter's mappings, and how to make a buffer of one
 * @vm: what the kernel calls; @vm.close is peerbuf_vma_close(), by which the core
 *	knows that the rest is there
 * @export: a new buffer that shows @length bytes from @offset of the mapping's file,
 *	read and write. @private is the mapping's vm_private_data. The file is
 *	referenced meanwhile. May sleep; the importer's locks are held.
 *
 * Must live as long as a mapping can.
 */
struct peerbuf_vm_ops {
	struct vm_operations_struct vm;
	struct dma_buf *(*export)(void *private, u64 offset, u64 length);
};

/**
 * peerbuf_vma_close - the mark of an exporter's mappings
 * @vma: any
 *
 * Does nothing but being known: it is the close of struct peerbuf_vm_ops.
 */
void peerbuf_vma_close(struct vm_area_struct *vma);

/**
 * peerbuf_vma_buffer - the buffer behind addresses of the current process
 * @addr: first address, page aligned
 * @length: bytes; a multiple of the page size, not 0
 * @prot: IOMMU_READ and/or IOMMU_WRITE: what a device is to do with it
 * @offset: receives where in the buffer @addr is
 *
 * A mapping of a native dma-buf is that buffer. One that an exporter has marked gives
 * a new buffer of just this part.
 *
 * Context: process; takes its mmap_lock, then what peerbuf_export() takes.
 * Return: the buffer, whose reference is the caller's; NULL where ordinary memory, or
 * nothing, is mapped; -EFAULT when the process itself may not do to it what @prot says;
 * -EOPNOTSUPP for device memory that could not be taken back, and for a range that is
 * not in one mapping as a whole; -EINTR; or what the exporter returned.
 */
struct dma_buf *peerbuf_vma_buffer(unsigned long addr, u64 length, int prot,
				   u64 *offset);

#endif /* _LINUX_PEERBUF_VMA_H */
