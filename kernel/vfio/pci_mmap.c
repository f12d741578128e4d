// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs in processes. vfio-pci-core maps them; here the mappings are marked, so that a
 * container backend that is given such an address can have a buffer made of it.
 */
#include <linux/dma-buf.h>
#include <linux/mutex.h>

#include <linux/peerbuf/vma.h>

#include "pci.h"

static struct dma_buf *bar_export(void *private, u64 offset, u64 length)
{
	struct vfio_pci_core_device *core = private;
	struct vfio_region_dma_range range = {
		.offset = offset & VFIO_PCI_OFFSET_MASK,
		.length = length,
	};
	struct dma_buf *dmabuf;

	dmabuf = peerbuf_pci_export_range(to_peerbuf_vdev(&core->vdev),
					  VFIO_PCI_OFFSET_TO_INDEX(offset),
					  &range);
	/* A BAR that is smaller than the page in which it was mapped. */
	return dmabuf == ERR_PTR(-EINVAL) ? ERR_PTR(-EOPNOTSUPP) : dmabuf;
}

/* vfio-pci-core's operations, which it keeps to itself, and our mark; made once. */
static DEFINE_MUTEX(bar_vm_lock);
static const struct vm_operations_struct *core_vm_ops;
static struct peerbuf_vm_ops bar_vm_ops = { .export = bar_export };

static bool marked_ops_ready(const struct vm_operations_struct *ops)
{
	bool ready;

	mutex_lock(&bar_vm_lock);
	/* Operations that want to know of a close cannot be marked. */
	if (!core_vm_ops && ops && !ops->close) {
		bar_vm_ops.vm = *ops;
		bar_vm_ops.vm.close = peerbuf_vma_close;
		core_vm_ops = ops;
	}
	ready = ops && ops == core_vm_ops;
	mutex_unlock(&bar_vm_lock);
	return ready;
}

/* What only the driver knows how to find is shown as a buffer is. */
static int mmap_translated(struct peerbuf_vdev *pv, struct vm_area_struct *vma, u64 offset)
{
	struct vfio_region_dma_range range = {
		.offset = offset & VFIO_PCI_OFFSET_MASK,
		.length = vma->vm_end - vma->vm_start,
	};
	struct dma_buf *dmabuf;
	int ret;

	dmabuf = peerbuf_pci_export_range(pv, VFIO_PCI_OFFSET_TO_INDEX(offset), &range);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	/* The mapping takes a reference, and drops that on the device's file. */
	ret = dma_buf_mmap(dmabuf, vma, 0);
	dma_buf_put(dmabuf);
	return ret;
}

int peerbuf_vdev_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	int ret;

	if (pv->ops) {
		ret = mmap_translated(pv, vma, offset);
		/* Registers, which are where they are, and nobody's buffer. */
		if (ret != -ENODEV)
			return ret;
	}
	ret = vfio_pci_core_mmap(vdev, vma);
	if (!ret && VFIO_PCI_OFFSET_TO_INDEX(offset) <= VFIO_PCI_BAR5_REGION_INDEX &&
	    marked_ops_ready(vma->vm_ops))
		vma->vm_ops = &bar_vm_ops.vm;
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_mmap);

PEERBUF_IMPORT_NS_DMA_BUF;
