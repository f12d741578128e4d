// SPDX-License-Identifier: GPL-2.0-only
/*
 * A live patch of the function that peerbuf_iommufd redirects: nobody may map. It is unloaded
 * after 0 was written to /sys/kernel/livepatch/peerbuf_livepatch/enabled.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/vfio_pci_core.h>

static int map(struct dma_buf_attachment *attachment, struct phys_vec *phys)
{
	return -EPERM;
}

static struct klp_func funcs[] = {
	{ .old_name = "vfio_pci_dma_buf_iommufd_map", .new_func = map },
	{ }
};

static struct klp_object objects[] = {
	{ .name = "vfio_pci_core", .funcs = funcs },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init livepatch_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit livepatch_exit(void)
{
}

module_init(livepatch_init);
module_exit(livepatch_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Live patch that only tests load");
MODULE_INFO(livepatch, "Y");
