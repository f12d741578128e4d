// SPDX-License-Identifier: GPL-2.0-only
/* peerbuf_core: module parameters, lock order, start and end. */
#define pr_fmt(fmt) "peerbuf: " fmt

#include <linux/device.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct device *peerbuf_root_device;

unsigned int peerbuf_report_ms = 1000;
module_param_named(report_ms, peerbuf_report_ms, uint, 0644);
MODULE_PARM_DESC(report_ms,
		 "How long a revoke waits for an importer before it names it, and between reports, in ms (1000)");

/* A module of ours that is loaded by whoever wants it, and not otherwise. */
static char raw_pal_allow[256] = "peerbuf_iommufd";
module_param_string(raw_pal_allow, raw_pal_allow, sizeof(raw_pal_allow), 0444);
MODULE_PARM_DESC(raw_pal_allow,
		 "Modules, separated by commas, that may see physical addresses (peerbuf_iommufd)");

bool peerbuf_raw_pal_allowed(const char *owner)
{
	size_t len = owner ? strlen(owner) : 0;
	const char *p = raw_pal_allow;

	while (len && *p) {
		size_t word = strcspn(p, ",");

		if (word == len && !strncmp(p, owner, len))
			return true;
		p += word;
		p += *p == ',';
	}
	return false;
}

/*
 * Teach lockdep the order before anything else can get it wrong: provider lock,
 * reservation lock, reclaim. The list lock is a leaf below the provider lock and is
 * never held together with a reservation lock.
 */
static int __init lockdep_learn(void)
{
	static const struct peerbuf_provider_ops no_ops;
	struct peerbuf_provider p;
	struct ww_acquire_ctx ctx;
	struct dma_resv resv;
	int ret;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return 0;

	peerbuf_provider_init(&p, &no_ops, "lockdep");
	dma_resv_init(&resv);

	mutex_lock(&p.lock);
	ww_acquire_init(&ctx, &reservation_ww_class);
	ret = dma_resv_lock(&resv, &ctx);
	if (!ret) {
		fs_reclaim_acquire(GFP_KERNEL);
		fs_reclaim_release(GFP_KERNEL);
		dma_resv_unlock(&resv);
	}
	ww_acquire_fini(&ctx);
	mutex_lock(&peerbuf_lists_lock);
	mutex_unlock(&peerbuf_lists_lock);
	mutex_unlock(&p.lock);

	dma_resv_fini(&resv);
	peerbuf_provider_fini(&p);
	return ret;
}

static int __init peerbuf_core_init(void)
{
	int ret;

	ret = lockdep_learn();
	if (ret)
		return ret;
	peerbuf_root_device = root_device_register("peerbuf");
	if (IS_ERR(peerbuf_root_device))
		return PTR_ERR(peerbuf_root_device);
	peerbuf_debugfs_init();
	return 0;
}

static void __exit peerbuf_core_exit(void)
{
	peerbuf_debugfs_exit();
	root_device_unregister(peerbuf_root_device);
}

module_init(peerbuf_core_init);
module_exit(peerbuf_core_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("dma-buf mapping types, conversions and revocation");
MODULE_AUTHOR("The peerbuf developers");
PEERBUF_IMPORT_NS_DMA_BUF;
