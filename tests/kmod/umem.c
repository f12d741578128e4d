// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/peerbuf_umem: registers a dma-buf as RDMA drivers do, through the RDMA core's umem, for
 * an RDMA device that is nothing but the PCI device that does its DMA.
 */
#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <rdma/ib_umem.h>
#include <rdma/ib_verbs.h>

#include <peerbuf_compat.h>

#include "peerbuf_test.h"

struct region {
	struct ib_device ib;
	struct pci_dev *pdev;
	struct ib_umem_dmabuf *umem;
};

static void invalidate(struct dma_buf_attachment *attach)
{
	ib_umem_dmabuf_unmap_pages(attach->importer_priv);
}

static const struct dma_buf_attach_ops ops = {
	.allow_peer2peer = true,
	.invalidate_mappings_member = invalidate,
};

static u64 physical(struct device *dev, dma_addr_t addr)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && (domain->type & __IOMMU_DOMAIN_PAGING) ?
	       iommu_iova_to_phys(domain, addr) : dma_to_phys(dev, addr);
}

static int map_pages(struct region *r)
{
	struct dma_resv *resv = r->umem->attach->dmabuf->resv;
	int ret;

	dma_resv_lock(resv, NULL);
	ret = ib_umem_dmabuf_map_pages(r->umem);
	dma_resv_unlock(resv);
	return ret;
}

static long do_register(struct region *r, struct pbt_umem *arg)
{
	int access = IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE;
	int ret;

	if (r->umem)
		return -EBUSY;
	r->pdev = pci_get_domain_bus_and_slot(arg->bdf >> 16,
					      arg->bdf >> 8 & 0xff,
					      arg->bdf & 0xff);
	if (!r->pdev)
		return -ENXIO;
	dma_set_mask_and_coherent(&r->pdev->dev, DMA_BIT_MASK(64));
	r->ib.dma_device = &r->pdev->dev;
	r->umem = arg->pinned ?
		  ib_umem_dmabuf_get_pinned(&r->ib, 0, arg->size, arg->fd, access) :
		  ib_umem_dmabuf_get(&r->ib, 0, arg->size, arg->fd, access, &ops);
	ret = PTR_ERR_OR_ZERO(r->umem);
	if (ret) {
		r->umem = NULL;
		goto err_pdev;
	}
	/* A pinned one is mapped already. */
	ret = arg->pinned ? 0 : map_pages(r);
	if (ret) {
		ib_umem_release(&r->umem->umem);
		r->umem = NULL;
		goto err_pdev;
	}
	arg->phys = physical(&r->pdev->dev, sg_dma_address(r->umem->first_sg));
	arg->first = pbt_peek(arg->phys);
	return 0;

err_pdev:
	pci_dev_put(r->pdev);
	return ret;
}

static int umem_open(struct inode *inode, struct file *file)
{
	file->private_data = ib_alloc_device(region, ib);
	return file->private_data ? 0 : -ENOMEM;
}

static int umem_release(struct inode *inode, struct file *file)
{
	struct region *r = file->private_data;

	if (r->umem) {
		ib_umem_release(&r->umem->umem);
		pci_dev_put(r->pdev);
	}
	ib_dealloc_device(&r->ib);
	return 0;
}

static long umem_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct pbt_umem arg;
	long ret;

	if (cmd != PBT_UMEM)
		return -ENOTTY;
	if (copy_from_user(&arg, (void __user *)user, sizeof(arg)))
		return -EFAULT;
	ret = do_register(file->private_data, &arg);
	if (!ret && copy_to_user((void __user *)user, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static const struct file_operations umem_fops = {
	.owner = THIS_MODULE,
	.open = umem_open,
	.release = umem_release,
	.unlocked_ioctl = umem_ioctl,
};

static struct miscdevice umem_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "peerbuf_umem",
	.fops = &umem_fops,
};
module_misc_device(umem_device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Registers dma-bufs with the RDMA core, for the tests of peerbuf");
MODULE_AUTHOR("The peerbuf developers");
PEERBUF_IMPORT_NS_DMA_BUF;
