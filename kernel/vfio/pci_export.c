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
/* What they may become where a region is scattered over the device's memory. */
#define MAX_PIECES	(1U << 20)

/**
 * struct exported - the private part of an exported buffer
 * @list: its ranges
 * @pdev: the device; referenced, as importers compare routes with it
 * @bar: the BAR that the ranges are in
 * @linear: and where they are in it, too: its driver translates nothing
 */
struct exported {
	struct dma_buf_phys_list *list;
	struct pci_dev *pdev;
	unsigned int bar;
	bool linear;
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

	if (!ex->pdev->is_virtfn || !ex->linear)
		return dma_buf_match_mapping(args, offer, 1);
	swap(offer[0], offer[1]);
	return dma_buf_match_mapping(args, offer, ARRAY_SIZE(offer));
}

static const struct peerbuf_exporter_ops exporter_ops = {
	.match_mapping = exported_match,
	.release = exported_release,
};

/* A region that is its BAR. */
static int translate_bar(struct peerbuf_vdev *pv, unsigned int bar, u64 offset, u64 length,
			 struct phys_vec *piece)
{
	u64 start = pci_resource_start(pv->core.pdev, bar);
	u64 end;

	if (check_add_overflow(offset, length, &end) || end > pci_resource_len(pv->core.pdev, bar))
		return -EINVAL;
	if (check_add_overflow(start, end - 1, &end))
		return -EOVERFLOW;
	*piece = (struct phys_vec) { .paddr = start + offset, .len = length };
	return 0;
}

/**
 * struct pieces - where the ranges of a region are
 * @vec: in the order of the buffer
 * @nr: how many
 * @room: as many fit
 * @size: bytes
 */
struct pieces {
	struct phys_vec *vec;
	size_t nr;
	size_t room;
	u64 size;
};

static int pieces_add(struct pieces *p, const struct phys_vec *piece)
{
	struct phys_vec *vec;
	size_t room;

	if (p->nr == p->room) {
		room = p->room * 2;
		if (room > MAX_PIECES)
			return -EINVAL;
		vec = kvcalloc(room, sizeof(*vec), GFP_KERNEL | __GFP_NOWARN);
		if (!vec)
			return -ENOMEM;
		memcpy(vec, p->vec, p->nr * sizeof(*vec));
		kvfree(p->vec);
		p->vec = vec;
		p->room = room;
	}
	p->vec[p->nr++] = *piece;
	return 0;
}

/* A range of the region, checked and turned into physical addresses. */
static int pieces_add_range(struct pieces *p, struct peerbuf_vdev *pv, unsigned int region,
			    const struct vfio_region_dma_range *range)
{
	int (*translate)(struct peerbuf_vdev *pv, unsigned int region, u64 offset, u64 length,
			 struct phys_vec *piece) = pv->ops ? pv->ops->translate : translate_bar;
	u64 offset = range->offset, left = range->length, end;
	struct phys_vec piece;
	int ret;

	if (!left || !PAGE_ALIGNED(offset | left) || check_add_overflow(offset, left, &end) ||
	    check_add_overflow(p->size, left, &p->size))
		return -EINVAL;
	while (left) {
		ret = translate(pv, region, offset, left, &piece);
		if (ret)
			return ret;
		/* The word of a driver that nobody here knows. */
		if (WARN_ON_ONCE(!piece.len || piece.len > left ||
				 !PAGE_ALIGNED(piece.paddr | piece.len)))
			return -EIO;
		ret = pieces_add(p, &piece);
		if (ret)
			return ret;
		offset += piece.len;
		left -= piece.len;
	}
	return 0;
}

static struct exported *
exported_create(struct peerbuf_vdev *pv, unsigned int region,
		const struct vfio_region_dma_range *ranges, u32 nr)
{
	struct pieces pieces = { .room = nr };
	struct exported *ex;
	int ret = -ENOMEM;
	u32 i;

	ex = kzalloc(sizeof(*ex), GFP_KERNEL_ACCOUNT);
	pieces.vec = kvcalloc(nr, sizeof(*pieces.vec), GFP_KERNEL | __GFP_NOWARN);
	if (!ex || !pieces.vec)
		goto err;
	for (i = 0; i < nr; i++) {
		ret = pieces_add_range(&pieces, pv, region, &ranges[i]);
		if (ret)
			goto err;
	}
	ex->list = dma_buf_phys_list_create(pieces.vec, pieces.nr, pieces.size);
	if (IS_ERR(ex->list)) {
		ret = PTR_ERR(ex->list);
		goto err;
	}
	ex->pdev = pci_dev_get(pv->core.pdev);
	ex->bar = region;
	ex->linear = !pv->ops;
	kvfree(pieces.vec);
	return ex;

err:
	kvfree(pieces.vec);
	kfree(ex);
	return ERR_PTR(ret);
}

/* Without the claim the BAR's memory may be somebody else's. */
static int claim_region(struct peerbuf_vdev *pv, unsigned int region)
{
	struct vfio_pci_core_device *core = &pv->core;
	int ret;

	if (region > VFIO_PCI_BAR5_REGION_INDEX ||
	    !(pci_resource_flags(core->pdev, region) & IORESOURCE_MEM) ||
	    !pci_resource_len(core->pdev, region))
		/* Only the driver can know what else is memory. */
		return pv->ops ? 0 : -ENODEV;
	ret = peerbuf_vfio_claim_bar(core, region);
	if (!ret)
		return 0;
	/* Its memory may be had later; a BAR that is another's will not be. */
	return ret == -ENOMEM ? -ENOMEM : -ENODEV;
}

static bool combines(struct pci_dev *pdev, unsigned int region)
{
	return region <= VFIO_PCI_BAR5_REGION_INDEX &&
	       (pci_resource_flags(pdev, region) & IORESOURCE_PREFETCH);
}

static struct dma_buf *export_ranges(struct peerbuf_vdev *pv,
				     const struct vfio_device_feature_dma_buf *get,
				     const struct vfio_region_dma_range *ranges)
{
	struct dma_buf *dmabuf;
	struct exported *ex;
	int ret;

	ret = claim_region(pv, get->region_index);
	if (ret)
		return ERR_PTR(ret);

	ex = exported_create(pv, get->region_index, ranges, get->nr_ranges);
	if (IS_ERR(ex))
		return ERR_CAST(ex);

	dmabuf = peerbuf_export(&(struct peerbuf_export_info) {
		.owner = THIS_MODULE,
		.exp_name = "vfio_pci_peerbuf",
		.ops = &exporter_ops,
		.provider = &pv->provider,
		.cpu_list = ex->list,
		.cpu_combine = combines(pv->core.pdev, get->region_index),
		.size = ex->list->size,
		.flags = get->open_flags,
		.priv = ex,
	});
	if (IS_ERR(dmabuf))
		exported_release(ex);
	return dmabuf;
}

struct dma_buf *
peerbuf_pci_export_range(struct peerbuf_vdev *pv, unsigned int region,
			 const struct vfio_region_dma_range *range)
{
	struct vfio_device_feature_dma_buf get = {
		.region_index = region,
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
