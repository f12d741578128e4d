// SPDX-License-Identifier: GPL-2.0-only
/*
 * Platforms that a virtual machine does not have, as far as the container backend sees
 * them: an IOMMU that does not take every device into one domain, and one that
 * translates the writes of interrupts.
 *
 *	refuse_attach	the next so many iommu_attach_group() are refused
 *	reserved	the next groups' window of interrupts is here, if this is not 0
 *	sw_msi		the interrupts' window is a software one, and is reserved as such
 *	cookies		how often a domain was told where that window is
 *	cookie_base	where it was told to be
 */
#include <linux/iommu.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static int refuse_attach;
module_param(refuse_attach, int, 0644);
static ulong reserved;
module_param(reserved, ulong, 0644);
static bool sw_msi;
module_param(sw_msi, bool, 0644);
static int cookies;
module_param(cookies, int, 0644);
static ulong cookie_base;
module_param(cookie_base, ulong, 0644);

/* What is run instead of a function that is refused: it leaves the result as it is. */
static noinline notrace void just_return(void)
{
	asm volatile("");
}

static int attach_pre(struct kprobe *p, struct pt_regs *regs)
{
	if (!refuse_attach)
		return 0;
	refuse_attach--;
	regs_set_return_value(regs, -EINVAL);
	instruction_pointer_set(regs, (unsigned long)just_return);
	return 1;
}

/* A handler that moves the instruction pointer wants a probe that is not optimised. */
static void attach_post(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe attach_probe = {
	.symbol_name = "iommu_attach_group",
	.pre_handler = attach_pre,
	.post_handler = attach_post,
};

static int cookie_pre(struct kprobe *p, struct pt_regs *regs)
{
	cookies++;
	cookie_base = regs_get_kernel_argument(regs, 1);
	return 0;
}

static struct kprobe cookie_probe = {
	.symbol_name = "iommu_get_msi_cookie",
	.pre_handler = cookie_pre,
};

static int regions_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	*(struct list_head **)ri->data = (void *)regs_get_kernel_argument(regs, 1);
	return 0;
}

static int regions_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct list_head *regions = *(struct list_head **)ri->data;
	struct iommu_resv_region *r;

	if (regs_return_value(regs))
		return 0;
	list_for_each_entry(r, regions, list) {
		if (r->type != IOMMU_RESV_MSI)
			continue;
		if (reserved)
			r->start = reserved;
		if (sw_msi)
			r->type = IOMMU_RESV_SW_MSI;
	}
	return 0;
}

static struct kretprobe regions_probe = {
	.kp.symbol_name = "iommu_get_group_resv_regions",
	.entry_handler = regions_entry,
	.handler = regions_return,
	.data_size = sizeof(struct list_head *),
};

static int __init fault_init(void)
{
	int ret;

	ret = register_kprobe(&attach_probe);
	if (ret)
		return ret;
	ret = register_kprobe(&cookie_probe);
	if (ret)
		goto err_attach;
	ret = register_kretprobe(&regions_probe);
	if (ret)
		goto err_cookie;
	return 0;

err_cookie:
	unregister_kprobe(&cookie_probe);
err_attach:
	unregister_kprobe(&attach_probe);
	return ret;
}

static void __exit fault_exit(void)
{
	unregister_kretprobe(&regions_probe);
	unregister_kprobe(&cookie_probe);
	unregister_kprobe(&attach_probe);
}

module_init(fault_init);
module_exit(fault_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("IOMMUs that a virtual machine does not have, for the tests of peerbuf");
MODULE_AUTHOR("The peerbuf developers");
