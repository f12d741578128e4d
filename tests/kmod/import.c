// SPDX-License-Identifier: GPL-2.0-only
/* An importer as drivers are: dynamic or static, prompt or slow, typed or not. */
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/iov.h>
#include <linux/peerbuf/pal.h>
#include <linux/peerbuf/sgt.h>
#include <peerbuf_compat.h>

#include "peerbuf_test.h"

struct import {
	struct mutex lock;
	struct pbt_import arg;
	struct pci_dev *pdev;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	/* Reservation lock: */
	struct sg_table *sgt;
	struct dma_buf_phys_list *list;
	struct dma_buf_iov_mapping iov;	/* its list is NULL when there is none */
	bool private;
	struct dma_fence *fence;
	u32 notified;
	u32 restored;
	struct delayed_work unmap;
	struct delayed_work signal;
};

static const char *fence_name(struct dma_fence *fence)
{
	return "peerbuf_test";
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = fence_name,
	.get_timeline_name = fence_name,
};

struct test_fence {
	struct dma_fence base;
	spinlock_t lock;
};

/* Pretend that a DMA has begun, which the exporter has to wait for. */
static int start_dma(struct import *im)
{
	struct test_fence *f;
	int ret;

	ret = dma_resv_reserve_fences(im->dmabuf->resv, 1);
	if (ret)
		return ret;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	spin_lock_init(&f->lock);
	dma_fence_init(&f->base, &fence_ops, &f->lock,
		       dma_fence_context_alloc(1), 1);
	im->fence = &f->base;
	dma_resv_add_fence(im->dmabuf->resv, im->fence, DMA_RESV_USAGE_BOOKKEEP);
	return 0;
}

static void unmap_locked(struct import *im)
{
	if (im->sgt && im->arg.flags & PBT_TYPED)
		dma_buf_sgt_unmap_attachment(im->attach, im->sgt, DMA_BIDIRECTIONAL);
	else if (im->sgt)
		dma_buf_unmap_attachment(im->attach, im->sgt, DMA_BIDIRECTIONAL);
	if (im->list)
		dma_buf_pal_unmap_phys(im->attach, im->list);
	if (im->iov.list)
		dma_buf_iov_unmap(im->attach, &im->iov);
	if (im->private)
		peerbuf_attachment_unhold(im->attach);
	im->sgt = NULL;
	im->list = NULL;
	im->private = false;
}

static bool mapped(const struct import *im)
{
	return im->sgt || im->list || im->iov.list || im->private;
}

static void unmap_work(struct work_struct *work)
{
	struct import *im = container_of(work, struct import, unmap.work);

	dma_resv_lock(im->dmabuf->resv, NULL);
	if (im->arg.flags & PBT_LAST_JOB && !im->fence && !start_dma(im))
		schedule_delayed_work(&im->signal,
				      msecs_to_jiffies(im->arg.fence_ms));
	unmap_locked(im);
	dma_resv_unlock(im->dmabuf->resv);
}

static void signal_work(struct work_struct *work)
{
	struct import *im = container_of(work, struct import, signal.work);

	dma_fence_signal(im->fence);
}

static void invalidate(struct dma_buf_attachment *attach)
{
	struct import *im = attach->importer_priv;

	im->notified++;
	if (im->fence)
		schedule_delayed_work(&im->signal,
				      msecs_to_jiffies(im->arg.fence_ms));
	if (!mapped(im))
		return;
	if (im->arg.slow_ms)
		schedule_delayed_work(&im->unmap,
				      msecs_to_jiffies(im->arg.slow_ms));
	else
		unmap_locked(im);
}

static void restored(struct dma_buf_attachment *attach, int error)
{
	struct import *im = attach->importer_priv;

	im->restored++;
}

static const struct dma_buf_attach_ops dynamic_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings_member = invalidate,
};

static const struct dma_buf_attach_ops no_p2p_ops = {
	.invalidate_mappings_member = invalidate,
};

static const struct dma_buf_mapping_importer_ops typed_ops = {
	.invalidate_mappings = invalidate,
	.restored = restored,
};

/* Speaks for what imports without a type, but wants physical addresses. */
static bool speaks_for(struct dma_buf_attachment *attach)
{
	struct import *im = attach->importer_priv;

	return attach->importer_ops == &dynamic_ops && im->arg.flags & PBT_RAW_PAL;
}

static struct peerbuf_agent agent = {
	.owner = KBUILD_MODNAME,
	.speaks_for = speaks_for,
};

static DEFINE_MUTEX(agent_lock);

/* The agent need not stay for what was attached through it. */
static struct dma_buf_attachment *attach_by_agent(struct import *im)
{
	struct dma_buf_attachment *attach;
	int ret;

	mutex_lock(&agent_lock);
	ret = peerbuf_agent_register(&agent);
	attach = ret ? ERR_PTR(ret) :
		 dma_buf_dynamic_attach(im->dmabuf, &im->pdev->dev, &dynamic_ops, im);
	if (!ret)
		peerbuf_agent_unregister(&agent);
	mutex_unlock(&agent_lock);
	return attach;
}

static struct dma_buf_attachment *attach(struct import *im)
{
	bool p2p = !(im->arg.flags & PBT_NO_P2P);
	struct dma_buf_mapping_match match;

	if (im->arg.flags & PBT_STATIC)
		return dma_buf_sgt_attach(im->dmabuf, &im->pdev->dev);
	if (!(im->arg.flags & PBT_TYPED) && im->arg.flags & PBT_RAW_PAL)
		return attach_by_agent(im);
	if (!(im->arg.flags & PBT_TYPED))
		return dma_buf_sgt_dynamic_attach(im->dmabuf, &im->pdev->dev,
						  p2p ? &dynamic_ops :
							&no_p2p_ops, im);
	match = im->arg.flags & PBT_RAW_PAL ? DMA_BUF_IMAPPING_PAL() :
		im->arg.flags & PBT_IOV ? DMA_BUF_IMAPPING_IOV(im->pdev) :
		DMA_BUF_IMAPPING_SGT(&im->pdev->dev, p2p);
	if (im->arg.flags & PBT_PRIVATE)
		match = (struct dma_buf_mapping_match) { .type = &test_private_type };
	return dma_buf_mapping_attach(im->dmabuf, &match, 1, &typed_ops, im);
}

static long do_import(struct import *im, struct pbt_import __user *arg)
{
	long ret;

	if (im->attach)
		return -EBUSY;
	if (copy_from_user(&im->arg, arg, sizeof(im->arg)))
		return -EFAULT;
	/* What is attached without a type is not detached with one. */
	if (im->arg.flags & PBT_STATIC && im->arg.flags & PBT_TYPED)
		return -EINVAL;
	im->pdev = pci_get_domain_bus_and_slot(im->arg.bdf >> 16,
					       im->arg.bdf >> 8 & 0xff,
					       im->arg.bdf & 0xff);
	if (!im->pdev)
		return -ENXIO;
	/* As large as anybody's: exporters do not cut what they map. */
	dma_set_mask_and_coherent(&im->pdev->dev, DMA_BIT_MASK(64));
	/* Not by that function: kernels without memory for such devices refuse them. */
	if (im->arg.flags & PBT_MASK_24)
		*im->pdev->dev.dma_mask = DMA_BIT_MASK(24);
	dma_set_max_seg_size(&im->pdev->dev, UINT_MAX);
	im->dmabuf = dma_buf_get(im->arg.dmabuf_fd);
	if (IS_ERR(im->dmabuf)) {
		ret = PTR_ERR(im->dmabuf);
		goto err_pdev;
	}
	im->notified = 0;
	im->restored = 0;
	im->attach = attach(im);
	if (IS_ERR(im->attach)) {
		ret = PTR_ERR(im->attach);
		goto err_buf;
	}
	return 0;

err_buf:
	dma_buf_put(im->dmabuf);
	im->attach = NULL;
err_pdev:
	pci_dev_put(im->pdev);
	return ret;
}

static long map_locked(struct import *im)
{
	struct sg_table *sgt;
	long ret;

	if (mapped(im))
		return -EBUSY;
	if (im->arg.flags & PBT_IOV)
		return dma_buf_iov_map(im->attach, &im->iov);
	if (im->arg.flags & PBT_PRIVATE) {
		ret = peerbuf_attachment_hold(im->attach);
		im->private = !ret;
		return ret;
	}
	if (im->arg.flags & PBT_RAW_PAL) {
		struct dma_buf_phys_list *list = dma_buf_pal_map_phys(im->attach);

		if (IS_ERR(list))
			return PTR_ERR(list);
		im->list = list;
		return 0;
	}
	/* Of a static importer, too: it is told by its device. */
	if (dma_buf_sgt_dma_device(im->attach) != &im->pdev->dev)
		return -EINVAL;
	sgt = dma_buf_sgt_map_attachment(im->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	im->sgt = sgt;
	if (!im->arg.fence_ms || im->fence || im->arg.flags & PBT_LAST_JOB)
		return 0;
	ret = start_dma(im);
	if (ret)
		unmap_locked(im);
	return ret;
}

/* An importer that leaves the lock to the calls. */
static long map_unlocked(struct import *im)
{
	struct sg_table *sgt;

	if (im->sgt)
		return -EBUSY;
	sgt = dma_buf_sgt_map_attachment_unlocked(im->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	dma_resv_lock(im->dmabuf->resv, NULL);
	im->sgt = sgt;
	dma_resv_unlock(im->dmabuf->resv);
	return 0;
}

static void unmap_unlocked(struct import *im)
{
	struct sg_table *sgt;

	dma_resv_lock(im->dmabuf->resv, NULL);
	sgt = im->sgt;
	im->sgt = NULL;
	dma_resv_unlock(im->dmabuf->resv);
	if (sgt)
		dma_buf_sgt_unmap_attachment_unlocked(im->attach, sgt,
						      DMA_BIDIRECTIONAL);
}

static void do_unmap(struct import *im)
{
	if (im->arg.flags & PBT_UNLOCKED) {
		unmap_unlocked(im);
		return;
	}
	dma_resv_lock(im->dmabuf->resv, NULL);
	unmap_locked(im);
	dma_resv_unlock(im->dmabuf->resv);
}

static u64 physical(struct import *im, dma_addr_t addr)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&im->pdev->dev);
	struct peerbuf_attachment_info info = {};

	/* Of its neighbours below a switch no IOMMU sees what it does. On x86 both are the same. */
	if (dma_buf_attachment_mapping(im->attach))
		peerbuf_attachment_get_info(im->attach, &info);
	if (info.route == PEERBUF_ROUTE_BUS_ADDRESS)
		return addr;
	return domain && (domain->type & __IOMMU_DOMAIN_PAGING) ?
	       iommu_iova_to_phys(domain, addr) :
	       dma_to_phys(&im->pdev->dev, addr);
}

/* Pages of an entry of which it is looked up, one by one, where they are. */
#define FEW_PAGES	(1UL << 14)

/* What is physically in one piece counts as one; of a large entry its beginning counts. */
static u64 digest_entry(struct import *im, u64 digest, dma_addr_t addr, unsigned int len)
{
	u64 start = physical(im, addr);
	unsigned int at, first = 0;

	if (len >> PAGE_SHIFT > FEW_PAGES)
		return pbt_digest(digest, start, len);
	for (at = PAGE_SIZE; at < len; at += PAGE_SIZE) {
		u64 phys = physical(im, addr + at);

		if (phys == start + at - first)
			continue;
		digest = pbt_digest(digest, start, at - first);
		start = phys;
		first = at;
	}
	return pbt_digest(digest, start, len - first);
}

static void describe(struct import *im, struct pbt_map *map)
{
	struct scatterlist *sg;
	unsigned int i;

	if (im->list) {
		map->nr = im->list->length;
		map->total = im->list->size;
		return;
	}
	if (im->iov.list) {
		map->nr = im->iov.nr_ranges;
		map->where = im->iov.vf << 8 | im->iov.bar;
		for (i = 0; i < map->nr && i < PBT_MAX_ENTRIES; i++) {
			dma_buf_iov_range(&im->iov, i, &map->entry[i].addr,
					  &map->entry[i].len);
			map->total += map->entry[i].len;
		}
		return;
	}
	if (im->private) {
		const struct dma_buf_phys_list *list =
			dma_buf_attachment_mapping(im->attach)->private_data;

		map->nr = list->length;
		map->total = list->size;
		return;
	}
	map->first = pbt_peek(physical(im, sg_dma_address(im->sgt->sgl)));
	map->nr = im->sgt->nents;
	map->orig_nents = im->sgt->orig_nents;
	for_each_sgtable_dma_sg(im->sgt, sg, i) {
		if (i < PBT_MAX_ENTRIES) {
			map->entry[i].addr = sg_dma_address(sg);
			map->entry[i].len = sg_dma_len(sg);
			map->entry[i].phys = physical(im, sg_dma_address(sg));
		}
		map->total += sg_dma_len(sg);
		map->digest = digest_entry(im, map->digest, sg_dma_address(sg), sg_dma_len(sg));
		map->pages += sg_page(sg) || sg->length;
	}
}

static long do_map(struct import *im, struct pbt_map __user *arg)
{
	struct pbt_map *map = kzalloc(sizeof(*map), GFP_KERNEL);
	long ret = 0;

	if (!map)
		return -ENOMEM;
	if (im->arg.flags & PBT_UNLOCKED)
		ret = map_unlocked(im);
	dma_resv_lock(im->dmabuf->resv, NULL);
	if (!(im->arg.flags & PBT_UNLOCKED))
		ret = map_locked(im);
	/* A revoke may have been faster than we. */
	if (!ret && mapped(im))
		describe(im, map);
	dma_resv_unlock(im->dmabuf->resv);
	if (!ret && copy_to_user(arg, map, sizeof(*map)))
		ret = -EFAULT;
	kfree(map);
	return ret;
}

static long do_status(struct import *im, struct pbt_status __user *arg)
{
	const struct dma_buf_mapping_match *m;
	struct peerbuf_attachment_info info = {};
	struct pbt_status status = {};

	dma_resv_lock(im->dmabuf->resv, NULL);
	status.notified = im->notified;
	status.restored = im->restored;
	status.mapped = mapped(im);
	m = dma_buf_attachment_mapping(im->attach);
	if (m)
		peerbuf_attachment_get_info(im->attach, &info);
	status.typed_sgt = m && m->type == &dma_buf_mapping_sgt_type;
	status.one_run = PEERBUF_IOVA_RUNS && info.route == PEERBUF_ROUTE_HOST_BRIDGE;
	dma_resv_unlock(im->dmabuf->resv);
	status.enforced = info.enforced;
	status.route = info.route;
	status.p2p = dma_buf_sgt_p2p_allowed(im->attach);
	return copy_to_user(arg, &status, sizeof(status)) ? -EFAULT : 0;
}

long vmap_ioctl(struct pbt_vmap __user *user)
{
	struct pbt_vmap arg;
	struct iosys_map map;
	struct dma_buf *dmabuf;
	const u8 *p;
	size_t i;
	long ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	dmabuf = dma_buf_get(arg.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = dma_buf_vmap_unlocked(dmabuf, &map);
	if (!ret) {
		p = map.vaddr;
		for (arg.sum = 0, i = 0; i < dmabuf->size; i++)
			arg.sum += p[i];
		dma_buf_vunmap_unlocked(dmabuf, &map);
		if (copy_to_user(user, &arg, sizeof(arg)))
			ret = -EFAULT;
	}
	dma_buf_put(dmabuf);
	return ret;
}

static void do_detach(struct import *im)
{
	if (!im->attach)
		return;
	cancel_delayed_work_sync(&im->unmap);
	do_unmap(im);
	if (im->fence) {
		cancel_delayed_work_sync(&im->signal);
		dma_fence_signal(im->fence);
		dma_fence_put(im->fence);
		im->fence = NULL;
	}
	if (im->arg.flags & PBT_TYPED)
		dma_buf_mapping_detach(im->attach);
	else
		dma_buf_detach(im->dmabuf, im->attach);
	im->attach = NULL;
	dma_buf_put(im->dmabuf);
	pci_dev_put(im->pdev);
}

struct import *import_create(void)
{
	struct import *im = kzalloc(sizeof(*im), GFP_KERNEL);

	if (im) {
		mutex_init(&im->lock);
		INIT_DELAYED_WORK(&im->unmap, unmap_work);
		INIT_DELAYED_WORK(&im->signal, signal_work);
	}
	return im;
}

void import_destroy(struct import *im)
{
	do_detach(im);
	kfree(im);
}

long import_ioctl(struct import *im, unsigned int cmd, void __user *arg)
{
	long ret = -ENOTCONN;

	mutex_lock(&im->lock);
	if (cmd == PBT_IMPORT) {
		ret = do_import(im, arg);
	} else if (im->attach) {
		switch (cmd) {
		case PBT_MAP:
			ret = do_map(im, arg);
			break;
		case PBT_UNMAP:
			do_unmap(im);
			ret = 0;
			break;
		case PBT_DETACH:
			do_detach(im);
			ret = 0;
			break;
		case PBT_STATUS:
			ret = do_status(im, arg);
			break;
		default:
			ret = -ENOTTY;
		}
	}
	mutex_unlock(&im->lock);
	return ret;
}
