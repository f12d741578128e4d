// SPDX-License-Identifier: GPL-2.0-only
/* /dev/peerbuf_bench */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/iommu.h>
#include <linux/peerbuf/pal.h>
#include <linux/peerbuf/range.h>
#include <linux/peerbuf/sgt.h>
#include <peerbuf_compat.h>

#include "peerbuf_bench.h"

/**
 * struct bench - one open file
 * @lock: protects everything below
 * @arg: what the domain is for
 * @vec: the ranges, as physical addresses
 * @size: bytes of one copy
 * @pdev: the device whose group is in the domain
 * @group: it; claimed
 * @domain: or NULL
 * @mapped: ranges of all copies that are mapped
 */
struct bench {
	struct mutex lock;
	struct pbb_domain arg;
	struct phys_vec *vec;
	u64 size;
	struct pci_dev *pdev;
	struct iommu_group *group;
	struct iommu_domain *domain;
	bool mapped;
};

static struct pci_dev *find(u32 bdf)
{
	return pci_get_domain_bus_and_slot(bdf >> 16, bdf >> 8 & 0xff, bdf & 0xff);
}

static long bare_unmap(struct bench *b)
{
	u32 i;

	if (!b->mapped)
		return -ENOENT;
	for (i = 0; i < b->arg.copies; i++)
		iommu_unmap(b->domain, b->arg.iova + i * b->arg.stride, b->size);
	b->mapped = false;
	return 0;
}

static long bare_map(struct bench *b)
{
	u64 iova;
	u32 i, c;
	int ret;

	if (!b->domain || b->mapped)
		return -EINVAL;
	b->mapped = true;
	for (c = 0; c < b->arg.copies; c++) {
		iova = b->arg.iova + c * b->arg.stride;
		for (i = 0; i < b->arg.nr; i++) {
			ret = iommu_map(b->domain, iova, b->vec[i].paddr,
					b->vec[i].len,
					IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO,
					GFP_KERNEL);
			if (ret)
				return ret;
			iova += b->vec[i].len;
		}
	}
	return 0;
}

static void drop_domain(struct bench *b)
{
	if (!b->domain)
		return;
	bare_unmap(b);
	iommu_detach_group(b->domain, b->group);
	iommu_domain_free(b->domain);
	iommu_group_release_dma_owner(b->group);
	iommu_group_put(b->group);
	pci_dev_put(b->pdev);
	kvfree(b->vec);
	b->domain = NULL;
	b->vec = NULL;
}

static int read_ranges(struct bench *b)
{
	struct pci_dev *memory;
	u64 base, length;
	int ret = 0;
	u32 i;

	memory = find(b->arg.memory_bdf);
	if (!memory)
		return -ENXIO;
	base = pci_resource_start(memory, 2);
	length = pci_resource_len(memory, 2);
	pci_dev_put(memory);

	b->vec = vmemdup_array_user(u64_to_user_ptr(b->arg.ranges), b->arg.nr,
				    sizeof(*b->vec));
	if (IS_ERR(b->vec)) {
		ret = PTR_ERR(b->vec);
		b->vec = NULL;
		return ret;
	}
	b->size = 0;
	for (i = 0; i < b->arg.nr; i++) {
		if (!PAGE_ALIGNED(b->vec[i].paddr | b->vec[i].len) ||
		    b->vec[i].paddr > length ||
		    b->vec[i].len > length - b->vec[i].paddr)
			ret = -EINVAL;
		b->vec[i].paddr += base;
		b->size += b->vec[i].len;
	}
	return ret;
}

static int make_domain(struct bench *b)
{
	int ret;

	b->pdev = find(b->arg.bdf);
	if (!b->pdev)
		return -ENXIO;
	b->group = iommu_group_get(&b->pdev->dev);
	if (!b->group) {
		ret = -ENXIO;
		goto err_pdev;
	}
	ret = iommu_group_claim_dma_owner(b->group, b);
	if (ret)
		goto err_group;
	b->domain = iommu_paging_domain_alloc(&b->pdev->dev);
	if (IS_ERR(b->domain)) {
		ret = PTR_ERR(b->domain);
		goto err_owner;
	}
	ret = iommu_attach_group(b->domain, b->group);
	if (!ret)
		return 0;
	iommu_domain_free(b->domain);
err_owner:
	iommu_group_release_dma_owner(b->group);
err_group:
	iommu_group_put(b->group);
err_pdev:
	pci_dev_put(b->pdev);
	b->domain = NULL;
	return ret;
}

static long set_domain(struct bench *b, const void __user *user)
{
	long ret;

	drop_domain(b);
	if (copy_from_user(&b->arg, user, sizeof(b->arg)))
		return -EFAULT;
	ret = read_ranges(b);
	if (!ret)
		ret = make_domain(b);
	if (ret) {
		kvfree(b->vec);
		b->vec = NULL;
	}
	return ret;
}

/* ----------------------------------------------------------------------- cycles */

static void let_go(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_attach_ops stock_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings_member = let_go,
};

static const struct dma_buf_mapping_importer_ops typed_ops = {
	.invalidate_mappings = let_go,
};

static int map_table(struct dma_buf_attachment *attach, bool typed)
{
	struct sg_table *sgt;
	int ret = 0;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	sgt = typed ? dma_buf_sgt_map_attachment(attach, DMA_BIDIRECTIONAL) :
		      dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		ret = PTR_ERR(sgt);
	else if (typed)
		dma_buf_sgt_unmap_attachment(attach, sgt, DMA_BIDIRECTIONAL);
	else
		dma_buf_unmap_attachment(attach, sgt, DMA_BIDIRECTIONAL);
	dma_resv_unlock(attach->dmabuf->resv);
	return ret;
}

static int cycle_stock(struct dma_buf *dmabuf, struct device *dev)
{
	struct dma_buf_attachment *attach;
	int ret;

	attach = dma_buf_dynamic_attach(dmabuf, dev, &stock_ops, NULL);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	ret = map_table(attach, false);
	dma_buf_detach(dmabuf, attach);
	return ret;
}

static int cycle_sgt(struct dma_buf *dmabuf, struct device *dev)
{
	struct dma_buf_mapping_match match = DMA_BUF_IMAPPING_SGT(dev, true);
	struct dma_buf_attachment *attach;
	int ret;

	attach = dma_buf_mapping_attach(dmabuf, &match, 1, &typed_ops, NULL);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	ret = map_table(attach, true);
	dma_buf_mapping_detach(attach);
	return ret;
}

static int cycle_pal(struct dma_buf *dmabuf)
{
	struct dma_buf_mapping_match match = DMA_BUF_IMAPPING_PAL();
	struct dma_buf_attachment *attach;
	struct dma_buf_phys_list *list;
	int ret = 0;

	attach = dma_buf_mapping_attach(dmabuf, &match, 1, &typed_ops, NULL);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_resv_lock(dmabuf->resv, NULL);
	list = dma_buf_pal_map_phys(attach);
	if (IS_ERR(list))
		ret = PTR_ERR(list);
	else
		dma_buf_pal_unmap_phys(attach, list);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_mapping_detach(attach);
	return ret;
}

static int cycle_iommu(struct bench *b, struct dma_buf *dmabuf)
{
	struct dma_buf_mapping_match match =
		DMA_BUF_IMAPPING_IOMMU(&b->pdev->dev, false);
	struct dma_buf_iommu_mapping where = {
		.domain = b->domain,
		.iova = b->arg.iova,
		.length = dmabuf->size,
		.prot = IOMMU_READ | IOMMU_WRITE,
	};
	struct dma_buf_attachment *attach;
	int ret;

	attach = dma_buf_mapping_attach(dmabuf, &match, 1, &typed_ops, NULL);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_resv_lock(dmabuf->resv, NULL);
	ret = dma_buf_iommu_map(attach, &where);
	if (!ret)
		dma_buf_iommu_unmap(attach);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_mapping_detach(attach);
	return ret;
}

static int run_cycles(struct bench *b, struct pbb_cycle *arg,
		      struct dma_buf *dmabuf, struct device *dev)
{
	ktime_t start = ktime_get();
	int ret = 0;
	u32 i;

	for (i = 0; i < arg->count && !ret; i++) {
		if (arg->how == PBB_STOCK)
			ret = cycle_stock(dmabuf, dev);
		else if (arg->how == PBB_SGT)
			ret = cycle_sgt(dmabuf, dev);
		else if (arg->how == PBB_PAL)
			ret = cycle_pal(dmabuf);
		else if (arg->how == PBB_IOMMU && b->domain)
			ret = cycle_iommu(b, dmabuf);
		else
			ret = -EINVAL;
		cond_resched();
	}
	arg->ns = ktime_to_ns(ktime_sub(ktime_get(), start));
	return ret;
}

static long cycle(struct bench *b, struct pbb_cycle __user *user)
{
	struct dma_buf *dmabuf;
	struct pbb_cycle arg;
	struct pci_dev *pdev;
	long ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	pdev = find(arg.bdf);
	if (!pdev)
		return -ENXIO;
	dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	dmabuf = dma_buf_get(arg.dmabuf_fd);
	if (IS_ERR(dmabuf)) {
		ret = PTR_ERR(dmabuf);
		goto out;
	}
	ret = run_cycles(b, &arg, dmabuf, &pdev->dev);
	dma_buf_put(dmabuf);
	if (!ret && copy_to_user(user, &arg, sizeof(arg)))
		ret = -EFAULT;
out:
	pci_dev_put(pdev);
	return ret;
}

/* ----------------------------------------------------------------------- memory */

static u64 list_bytes(const struct dma_buf_phys_list *list)
{
	u64 bytes = struct_size(list, phys, list->length) +
		    list->length * sizeof(*list->first);

	return is_vmalloc_addr(list) ? PAGE_ALIGN(bytes) : ksize(list);
}

static u64 table_bytes(struct sg_table *sgt)
{
	u64 pages = DIV_ROUND_UP((u64)sgt->orig_nents, SG_MAX_SINGLE_ALLOC);

	/* All chunks are whole pages, but for the last, if it is short. */
	if (sgt->orig_nents <= SG_MAX_SINGLE_ALLOC)
		return sizeof(*sgt) + sgt->orig_nents * sizeof(struct scatterlist);
	return sizeof(*sgt) + pages * PAGE_SIZE;
}

static long memory(struct pbb_memory __user *user)
{
	struct dma_buf_phys_list *list;
	struct pbb_memory arg;
	struct phys_vec *vec;
	struct sg_table sgt;
	u64 nr, i;
	long ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (!is_power_of_2(arg.piece) || arg.piece < PAGE_SIZE || arg.piece > SZ_1G)
		return -EINVAL;
	nr = SZ_1G / arg.piece;
	vec = kvcalloc(nr, sizeof(*vec), GFP_KERNEL);
	if (!vec)
		return -ENOMEM;
	/* No piece continues the one before it. */
	for (i = 0; i < nr; i++)
		vec[i] = (struct phys_vec) { 2 * i * arg.piece, arg.piece };
	list = dma_buf_phys_list_create(vec, nr, SZ_1G);
	kvfree(vec);
	if (IS_ERR(list))
		return PTR_ERR(list);
	arg.list = list_bytes(list);
	dma_buf_phys_list_put(list);
	ret = sg_alloc_table(&sgt, nr, GFP_KERNEL);
	if (ret)
		return ret;
	arg.table = table_bytes(&sgt);
	sg_free_table(&sgt);
	return copy_to_user(user, &arg, sizeof(arg)) ? -EFAULT : 0;
}

/* ------------------------------------------------------------------------- file */

static int bench_open(struct inode *inode, struct file *file)
{
	struct bench *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return -ENOMEM;
	mutex_init(&b->lock);
	file->private_data = b;
	return 0;
}

static int bench_release(struct inode *inode, struct file *file)
{
	drop_domain(file->private_data);
	kfree(file->private_data);
	return 0;
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct bench *b = file->private_data;
	long ret = -ENOTTY;

	mutex_lock(&b->lock);
	switch (cmd) {
	case PBB_DOMAIN:
		ret = set_domain(b, user);
		break;
	case PBB_MAP:
		ret = bare_map(b);
		break;
	case PBB_UNMAP:
		ret = bare_unmap(b);
		break;
	case PBB_CYCLE:
		ret = cycle(b, user);
		break;
	case PBB_MEMORY:
		ret = memory(user);
		break;
	}
	mutex_unlock(&b->lock);
	return ret;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.open = bench_open,
	.release = bench_release,
	.unlocked_ioctl = bench_ioctl,
};

static struct miscdevice bench_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "peerbuf_bench",
	.fops = &bench_fops,
};
module_misc_device(bench_device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("What peerbuf is compared with");
MODULE_AUTHOR("The peerbuf developers");
PEERBUF_IMPORT_NS_DMA_BUF;
