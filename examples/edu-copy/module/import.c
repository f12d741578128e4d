// SPDX-License-Identifier: GPL-2.0-only
/*
 * Imports: buffers of anybody that the engine reads or writes.
 *
 * The mapping is made by the first job that needs it and kept until access is taken away. From
 * that moment jobs of the old mapping cannot begin, and the one that runs stops after the
 * transfer under way. So the exporter need not wait for all those that are queued, which may
 * depend on who knows what: their fences leave the buffer.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <linux/peerbuf/sgt.h>

#include "driver.h"

/* Reservation lock held; nobody uses the mapping, or busy says who. */
static void edu_import_unmap_locked(struct edu_import *import)
{
	dma_resv_assert_held(import->dmabuf->resv);

	/* Bounded by one transfer. The engine needs no reservation lock. */
	if (import->busy)
		dma_fence_wait(import->busy, false);
	dma_fence_put(import->busy);
	import->busy = NULL;
	if (import->sgt)
		dma_buf_sgt_unmap_attachment(import->attach, import->sgt, DMA_BIDIRECTIONAL);
	import->sgt = NULL;
}

/* Reservation lock held. -ENODEV while the buffer is revoked. */
int edu_import_map_locked(struct edu_import *import)
{
	struct sg_table *sgt;

	dma_resv_assert_held(import->dmabuf->resv);

	if (import->busy)
		edu_import_unmap_locked(import);
	if (import->sgt)
		return 0;
	/* For either end of a copy: an attachment has one direction. */
	sgt = dma_buf_sgt_map_attachment(import->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	import->sgt = sgt;
	return 0;
}

static void edu_import_unmap_work(struct work_struct *work)
{
	struct edu_import *import = container_of(work, struct edu_import, unmap);
	struct dma_fence *busy;

	dma_resv_lock(import->dmabuf->resv, NULL);
	busy = dma_fence_get(import->busy);
	dma_resv_unlock(import->dmabuf->resv);
	if (!busy)
		return;

	/* Not under the lock: others need it meanwhile. */
	dma_fence_wait(busy, false);
	dma_resv_lock(import->dmabuf->resv, NULL);
	/* It may have been mapped anew. */
	if (import->busy == busy)
		edu_import_unmap_locked(import);
	dma_resv_unlock(import->dmabuf->resv);
	dma_fence_put(busy);
}

/* In place of all jobs that this import was submitted with: the one under way, or none (NULL). */
static void edu_import_replace_fences(struct edu_import *import, struct dma_fence *fence)
{
	struct dma_resv *resv = import->dmabuf->resv;
	struct dma_fence *stub = NULL;
	struct dma_resv_iter cursor;
	struct dma_fence *old;

	if (!fence) {
		stub = dma_fence_get_stub();
		fence = stub;
	}
	/* Replaced where it is: the iteration goes on behind it. */
	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, old)
		if (old != fence && edu_fence_is_of(old, import->owner))
			dma_resv_replace_fences(resv, old->context, fence,
						DMA_RESV_USAGE_BOOKKEEP);
	dma_fence_put(stub);
}

static bool edu_job_uses(struct edu_job *job, const void *import)
{
	return job->src.import == import || job->dst.import == import;
}

/* Reservation lock held: the engine's lock is a leaf, waiting is left to others. */
static void edu_import_invalidate(struct dma_buf_attachment *attach)
{
	struct edu_import *import = attach->importer_priv;
	struct edu_device *edev = import->edev;
	struct dma_fence *busy = NULL;
	unsigned long flags;

	spin_lock_irqsave(&edev->lock, flags);
	import->generation++;
	if (edev->engine.job && edu_job_uses(edev->engine.job, import)) {
		busy = dma_fence_get(&edev->engine.job->done->base);
		edu_hw_abort(edev, edu_job_uses, import, -ENODEV);
	}
	spin_unlock_irqrestore(&edev->lock, flags);

	edu_import_replace_fences(import, busy);
	if (!import->sgt) {
		dma_fence_put(busy);
	} else if (busy) {
		/* Called once more before that one has ended, it is the same one. */
		dma_fence_put(import->busy);
		import->busy = busy;
		queue_work(edu_free_wq, &import->unmap);
	} else {
		edu_import_unmap_locked(import);
	}
}

/*
 * Access is back. Jobs could map the buffer themselves; done here, the first of them need not
 * wait for it. What goes wrong goes wrong for that one again, which can tell its user.
 */
static void edu_import_restored(struct dma_buf_attachment *attach, int error)
{
	struct edu_import *import = attach->importer_priv;

	/* While dma_buf_mapping_attach() has not returned there is nothing to map with. */
	if (import->attach)
		edu_import_map_locked(import);
}

static const struct dma_buf_mapping_importer_ops edu_importer_ops = {
	.invalidate_mappings = edu_import_invalidate,
	.restored = edu_import_restored,
};

struct edu_import *edu_import_create(struct edu_file *file, int fd)
{
	struct edu_device *edev = file->edev;
	struct dma_buf_mapping_match match = DMA_BUF_IMAPPING_SGT(&edev->pdev->dev, true);
	struct dma_buf_attachment *attach;
	struct edu_import *import;
	int ret;

	import = kzalloc(sizeof(*import), GFP_KERNEL);
	if (!import)
		return ERR_PTR(-ENOMEM);
	kref_init(&import->ref);
	INIT_WORK(&import->unmap, edu_import_unmap_work);
	import->edev = edev;
	import->owner = file->owner;
	import->dmabuf = dma_buf_get(fd);
	if (IS_ERR(import->dmabuf)) {
		ret = PTR_ERR(import->dmabuf);
		goto err_free;
	}
	/* Callbacks may come before this returns. */
	attach = dma_buf_mapping_attach(import->dmabuf, &match, 1, &edu_importer_ops, import);
	if (IS_ERR(attach)) {
		ret = PTR_ERR(attach);
		goto err_put;
	}
	dma_resv_lock(import->dmabuf->resv, NULL);
	import->attach = attach;
	dma_resv_unlock(import->dmabuf->resv);

	kref_get(&edev->ref);
	edu_device_use(edev);
	return import;

err_put:
	dma_buf_put(import->dmabuf);
err_free:
	kfree(import);
	return ERR_PTR(ret);
}

struct edu_import *edu_import_get(struct edu_import *import)
{
	kref_get(&import->ref);
	return import;
}

/*
 * No job that could run has it any more. Jobs of killed queues may be left, whose fences signal
 * who knows when, but they will not touch the buffer: nobody need wait for them here.
 */
static void edu_import_free(struct kref *ref)
{
	struct edu_import *import = container_of(ref, struct edu_import, ref);
	struct edu_device *edev = import->edev;

	dma_resv_lock(import->dmabuf->resv, NULL);
	edu_import_replace_fences(import, NULL);
	edu_import_unmap_locked(import);
	dma_resv_unlock(import->dmabuf->resv);
	dma_buf_mapping_detach(import->attach);
	/* Nothing queues it any more. */
	cancel_work_sync(&import->unmap);
	dma_buf_put(import->dmabuf);
	kfree(import);
	edu_device_unuse(edev);
	edu_device_put(edev);
}

/* May take the reservation lock. */
void edu_import_put(struct edu_import *import)
{
	kref_put(&import->ref, edu_import_free);
}
