// SPDX-License-Identifier: GPL-2.0-only
/* VFIO_DEVICE_FEATURE_DMA_BUF: ranges of a BAR as a dma-buf. */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <linux/peerbuf/iov.h>
#include <linux/peerbuf/pal.h>

#include "pci.h"

/* More ranges than any BAR needs; bounds what one call makes the kernel allocate. */
#define MAX_RANGES	(1U << 18)

/**
 * struct exported - the private part of an exported buffer
 * @list: its ranges
 * @pdev: the device; referenced, as importers compare routes with it
 * @bar: the BAR that the ranges are in
 */
struct exported {
	struct dma_buf_phys_list *list;
	struct pci_dev *pdev;
	unsigned int bar;
};

static struct dma_buf_phys_list *exported_map(struct dma_buf_attachment *attach)
{
	struct exported *ex = peerbuf_exporter_priv(attach->dmabuf);

	return dma_buf_phys_list_get(ex->list);
}

static void exported_unmap(struct dma_buf_attachment *attach,
			   struct dma_buf_phys_list *list)
{
	dma_buf_phys_list_put(list);
}

static const struct dma_buf_mapping_pal_exp_ops pal_ops = {
	.map_phys = exported_map,
	.unmap_phys = exported_unmap,
};

static void exported_release(void *priv)
{
	struct exported *ex = priv;

	dma_buf_phys_list_put(ex->list);
	pci_dev_put(ex->pdev);
	kfree(ex);
}

/* The driver of a virtual function's physical function needs no addresses. */
static int exported_match(struct dma_buf_match_args *args, void *priv)
{
	struct exported *ex = priv;
	struct dma_buf_mapping_match offer[] = {
		DMA_BUF_EMAPPING_PAL(&pal_ops, ex->pdev),
		DMA_BUF_EMAPPING_IOV(&pal_ops, ex->pdev, ex->bar),
	};

	if (!ex->pdev->is_virtfn)
		return dma_buf_match_mapping(args, offer, 1);
	swap(offer[0], offer[1]);
	return dma_buf_match_mapping(args, offer, ARRAY_SIZE(offer));
}

static const struct peerbuf_exporter_ops exporter_ops = {
	.match_mapping = exported_match,
	.release = exported_release,
};

/* Ranges of the region, checked against it and turned into physical addresses. */
static int translate(struct pci_dev *pdev, unsigned int bar,
		     const struct vfio_region_dma_range *ranges, u32 nr,
		     struct phys_vec *vec, u64 *size)
{
	u64 start = pci_resource_start(pdev, bar);
	u64 bar_len = pci_resource_len(pdev, bar);
	u64 end, total = 0;
	u32 i;

	for (i = 0; i < nr; i++) {
		u64 offset = ranges[i].offset, len = ranges[i].length;

		if (!len || !PAGE_ALIGNED(offset | len) ||
		    check_add_overflow(offset, len, &end) || end > bar_len ||
		    check_add_overflow(total, len, &total))
			return -EINVAL;
		if (check_add_overflow(start, end - 1, &end))
			return -EOVERFLOW;
		vec[i].paddr = start + offset;
		vec[i].len = len;
	}
	/* The size of a dma-buf is a size_t, and lseek() must be able to tell it. */
	if (total > SSIZE_MAX)
		return -EINVAL;
	*size = total;
	return 0;
}

static struct exported *
exported_create(struct pci_dev *pdev, unsigned int bar,
		const struct vfio_region_dma_range *ranges, u32 nr)
{
	struct phys_vec *vec;
	struct exported *ex;
	u64 size = 0;
	int ret;

	ex = kzalloc(sizeof(*ex), GFP_KERNEL_ACCOUNT);
	vec = kvcalloc(nr, sizeof(*vec), GFP_KERNEL | __GFP_NOWARN);
	if (!ex || !vec) {
		ret = -ENOMEM;
		goto err;
	}
	ret = translate(pdev, bar, ranges, nr, vec, &size);
	if (ret)
		goto err;
	ex->list = dma_buf_phys_list_create(vec, nr, size);
	if (IS_ERR(ex->list)) {
		ret = PTR_ERR(ex->list);
		goto err;
	}
	ex->pdev = pci_dev_get(pdev);
	ex->bar = bar;
	kvfree(vec);
	return ex;

err:
	kvfree(vec);
	kfree(ex);
	return ERR_PTR(ret);
}

/*
 * Without the claim the BAR's memory may be somebody else's. vfio-pci-core claims it
 * once and notes so without a lock: who loses a race finds it claimed after all.
 */
static int claim_bar(struct vfio_pci_core_device *core, unsigned int bar)
{
	int ret;

	if (!(pci_resource_flags(core->pdev, bar) & IORESOURCE_MEM) ||
	    !pci_resource_len(core->pdev, bar))
		return -ENODEV;
	ret = vfio_pci_core_setup_barmap(core, bar);
	if (!ret || READ_ONCE(core->barmap[bar]))
		return 0;
	/* Its memory may be had later; a BAR that is another's will not be. */
	return ret == -ENOMEM ? -ENOMEM : -ENODEV;
}

static struct dma_buf *export_ranges(struct peerbuf_vdev *pv,
				     const struct vfio_device_feature_dma_buf *get,
				     const struct vfio_region_dma_range *ranges)
{
	struct pci_dev *pdev = pv->core.pdev;
	struct dma_buf *dmabuf;
	struct exported *ex;
	int ret;

	ret = claim_bar(&pv->core, get->region_index);
	if (ret)
		return ERR_PTR(ret);

	ex = exported_create(pdev, get->region_index, ranges, get->nr_ranges);
	if (IS_ERR(ex))
		return ERR_CAST(ex);

	dmabuf = peerbuf_export(&(struct peerbuf_export_info) {
		.owner = THIS_MODULE,
		.exp_name = "vfio_pci_peerbuf",
		.ops = &exporter_ops,
		.provider = &pv->provider,
		.cpu_list = ex->list,
		.cpu_combine = pci_resource_flags(pdev, get->region_index) &
			       IORESOURCE_PREFETCH,
		.size = ex->list->size,
		.flags = get->open_flags,
		.priv = ex,
	});
	if (IS_ERR(dmabuf))
		exported_release(ex);
	return dmabuf;
}

struct dma_buf *
peerbuf_pci_export_range(struct peerbuf_vdev *pv, unsigned int bar,
			 const struct vfio_region_dma_range *range)
{
	struct vfio_device_feature_dma_buf get = {
		.region_index = bar,
		.open_flags = O_RDWR,
		.nr_ranges = 1,
	};

	return export_ranges(pv, &get, range);
}

int peerbuf_pci_export(struct peerbuf_vdev *pv, u32 flags,
		       struct vfio_device_feature_dma_buf __user *arg,
		       size_t argsz)
{
	struct vfio_device_feature_dma_buf get;
	struct vfio_region_dma_range *ranges;
	struct dma_buf *dmabuf;
	int ret, fd;

	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET,
				 sizeof(get));
	if (ret != 1)
		return ret;
	if (copy_from_user(&get, arg, sizeof(get)))
		return -EFAULT;
	if (!get.nr_ranges || get.nr_ranges > MAX_RANGES || get.flags ||
	    (get.open_flags & ~(O_ACCMODE | O_CLOEXEC)))
		return -EINVAL;
	if (get.region_index > VFIO_PCI_BAR5_REGION_INDEX)
		return -ENODEV;

	ranges = vmemdup_array_user(arg->dma_ranges, get.nr_ranges,
				    sizeof(*ranges));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);

	/* The fd is installed last: nothing can fail once user space has it. */
	fd = get_unused_fd_flags(get.open_flags & O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto out;
	}
	dmabuf = export_ranges(pv, &get, ranges);
	if (IS_ERR(dmabuf)) {
		put_unused_fd(fd);
		ret = PTR_ERR(dmabuf);
		goto out;
	}
	fd_install(fd, dmabuf->file);
	ret = fd;
out:
	kvfree(ranges);
	return ret;
}
