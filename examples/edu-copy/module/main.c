// SPDX-License-Identifier: GPL-2.0-only
/*
 * A copy engine that takes part in peerbuf as importer and as exporter: the driver of QEMU's
 * "edu" device, written to be copied from. README.md leads through it.
 *
 * This file: the device's life.
 */
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <peerbuf_compat.h>

#include "driver.h"

/* How much of the bus the device reaches. */
#define EDU_DMA_BITS	28

static unsigned int timeout_ms = 60000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "longest time for one job; 64 KiB take 7 seconds");

struct workqueue_struct *edu_fence_wq;
struct workqueue_struct *edu_free_wq;
static DEFINE_IDA(edu_ids);

/* ------------------------------------------------------ references and users */

static void edu_device_free(struct kref *ref)
{
	struct edu_device *edev = container_of(ref, struct edu_device, ref);

	mutex_destroy(&edev->files_lock);
	mutex_destroy(&edev->reset_lock);
	mutex_destroy(&edev->sched_lock);
	kfree(edev);
}

void edu_device_put(struct edu_device *edev)
{
	kref_put(&edev->ref, edu_device_free);
}

/* Before edu_remove() has disconnected the files; the caller has a reference, too. */
void edu_device_use(struct edu_device *edev)
{
	atomic_inc(&edev->users);
}

void edu_device_unuse(struct edu_device *edev)
{
	if (atomic_dec_and_test(&edev->users))
		wake_up_all(&edev->idle);
}

static struct edu_device *edu_device_create(struct pci_dev *pdev)
{
	struct edu_device *edev = kzalloc(sizeof(*edev), GFP_KERNEL);

	if (!edev)
		return NULL;
	kref_init(&edev->ref);
	edev->pdev = pdev;
	mutex_init(&edev->sched_lock);
	mutex_init(&edev->reset_lock);
	spin_lock_init(&edev->lock);
	mutex_init(&edev->files_lock);
	INIT_LIST_HEAD(&edev->files);
	init_waitqueue_head(&edev->idle);
	return edev;
}

/* --------------------------------------------------------- coming and going */

static int edu_start_scheduler(struct edu_device *edev)
{
	/* One engine, one job at a time: that is what a credit of 1 says. */
	struct drm_sched_init_args args = {
		.ops = &edu_sched_ops,
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
		.credit_limit = 1,
		.timeout = msecs_to_jiffies(timeout_ms),
		.name = edev->name,
		.dev = &edev->pdev->dev,
	};

	return drm_sched_init(&edev->sched, &args);
}

static int edu_register(struct edu_device *edev)
{
	edev->misc = (struct miscdevice) {
		.minor = MISC_DYNAMIC_MINOR,
		.name = edev->name,
		.fops = &edu_fops,
		.parent = &edev->pdev->dev,
	};
	return misc_register(&edev->misc);
}

static int edu_enable(struct edu_device *edev)
{
	struct pci_dev *pdev = edev->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(0), "edu_copy");
	if (ret)
		return ret;
	edev->regs = pcim_iomap_table(pdev)[0];
	/* The engine goes by DMA addresses: as many entries as there are, as long as they are. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	return dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(EDU_DMA_BITS));
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu_device *edev;
	int ret;

	edev = edu_device_create(pdev);
	if (!edev)
		return -ENOMEM;
	ret = edu_enable(edev);
	if (ret)
		goto err_put;
	ret = ida_alloc(&edu_ids, GFP_KERNEL);
	if (ret < 0)
		goto err_put;
	edev->id = ret;
	snprintf(edev->name, sizeof(edev->name), "edu_copy%d", edev->id);

	ret = edu_hw_init(edev);
	if (ret)
		goto err_id;
	ret = edu_start_scheduler(edev);
	if (ret)
		goto err_hw;
	peerbuf_provider_init(&edev->provider, &edu_provider_ops, pci_name(pdev));
	peerbuf_provider_open(&edev->provider);
	pci_set_drvdata(pdev, edev);
	/* Last: from here on there are users. */
	ret = edu_register(edev);
	if (ret)
		goto err_provider;
	return 0;

err_provider:
	peerbuf_provider_close(&edev->provider);
	peerbuf_provider_fini(&edev->provider);
	drm_sched_fini(&edev->sched);
err_hw:
	edu_hw_fini(edev);
err_id:
	ida_free(&edu_ids, edev->id);
err_put:
	edu_device_put(edev);
	return ret;
}

/*
 * The order matters, and each step waits for nothing but what is bounded: the engine, and
 * importers that the exported buffers' revoke waits for.
 */
static void edu_remove(struct pci_dev *pdev)
{
	struct edu_device *edev = pci_get_drvdata(pdev);
	struct edu_file *file;

	/* 1. No new files. */
	misc_deregister(&edev->misc);

	/*
	 * 2. No requests, no queues. Jobs end with -ENODEV, those that wait for fences of
	 * others when these have signalled, long after this.
	 */
	mutex_lock(&edev->files_lock);
	list_for_each_entry(file, &edev->files, node)
		edu_file_disconnect(file);
	mutex_unlock(&edev->files_lock);

	/*
	 * 3. The job under way ends, also if the device has been pulled out and will not say so.
	 * Then wait until the scheduler has freed all jobs and nothing is attached: the DMA API
	 * must not be used for a device without a driver.
	 */
	mutex_lock(&edev->reset_lock);
	edu_hw_stop(edev, -ENODEV);
	mutex_unlock(&edev->reset_lock);
	wait_event(edev->idle, !atomic_read(&edev->users));

	/* 4. Our buffers are dead: nobody uses what we do not tend any more. */
	peerbuf_provider_close(&edev->provider);
	peerbuf_provider_fini(&edev->provider);

	/* 5. Nothing is left that could start the engine. */
	drm_sched_fini(&edev->sched);
	edu_hw_fini(edev);
	ida_free(&edu_ids, edev->id);
	edu_device_put(edev);
}

/* -------------------------------------------------------------------- resets */

/*
 * First the buffers, while jobs still run: a fence that an importer of ours has to wait for
 * may be one of our jobs'. Then the engine. Removal and resets exclude each other by the PCI
 * device's lock, which is held here.
 */
static void edu_reset_prepare(struct pci_dev *pdev)
{
	struct edu_device *edev = pci_get_drvdata(pdev);

	peerbuf_provider_block(&edev->provider, PEERBUF_CAUSE_RESET);
	mutex_lock(&edev->reset_lock);	/* edu_reset_done() */
	drm_sched_wqueue_stop(&edev->sched);
	edu_hw_stop(edev, -EIO);
}

static void edu_reset_done(struct pci_dev *pdev)
{
	struct edu_device *edev = pci_get_drvdata(pdev);

	edu_hw_start(edev);
	drm_sched_wqueue_start(&edev->sched);
	mutex_unlock(&edev->reset_lock);
	peerbuf_provider_unblock(&edev->provider, PEERBUF_CAUSE_RESET);
}

static const struct pci_error_handlers edu_error_handlers = {
	.reset_prepare = edu_reset_prepare,
	.reset_done = edu_reset_done,
};

/* -------------------------------------------------------------------- module */

static const struct pci_device_id edu_table[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};
MODULE_DEVICE_TABLE(pci, edu_table);

static struct pci_driver edu_driver = {
	.name = "edu_copy",
	.id_table = edu_table,
	.probe = edu_probe,
	.remove = edu_remove,
	.err_handler = &edu_error_handlers,
};

static int __init edu_init(void)
{
	int ret;

	/* Reclaim may wait for fences. */
	edu_fence_wq = alloc_workqueue("edu_copy_fence", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!edu_fence_wq)
		return -ENOMEM;
	edu_free_wq = alloc_workqueue("edu_copy_free", WQ_UNBOUND, 0);
	if (!edu_free_wq) {
		ret = -ENOMEM;
		goto err_fence_wq;
	}
	ret = pci_register_driver(&edu_driver);
	if (ret)
		goto err_free_wq;
	return 0;

err_free_wq:
	destroy_workqueue(edu_free_wq);
err_fence_wq:
	destroy_workqueue(edu_fence_wq);
	return ret;
}

/*
 * Each fence that is left has a reference on the module, so there is none; but what dropped the
 * last one may be about to return: work, then what work has given to RCU.
 */
static void __exit edu_exit(void)
{
	pci_unregister_driver(&edu_driver);
	destroy_workqueue(edu_free_wq);
	destroy_workqueue(edu_fence_wq);
	rcu_barrier();
	ida_destroy(&edu_ids);
}

module_init(edu_init);
module_exit(edu_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Copies between dma-bufs with QEMU's edu device; an example for peerbuf");
MODULE_AUTHOR("The peerbuf developers");
PEERBUF_IMPORT_NS_DMA_BUF;
