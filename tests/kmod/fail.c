// SPDX-License-Identifier: GPL-2.0-only
/*
 * peerbuf_fail: a function of the kernel does its work and says that it failed.
 *
 * Stock kernels have no fault injection. What a device does that stays silent after a
 * reset can be had by changing what the reset returned.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static char *func;
module_param(func, charp, 0444);
MODULE_PARM_DESC(func, "The function");

static int ret;
module_param(ret, int, 0644);
MODULE_PARM_DESC(ret, "What it returns, such as -25; 0 leaves it alone");

static int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	int value = READ_ONCE(ret);

	if (value)
		regs_set_return_value(regs, (long)value);
	return 0;
}

static struct kretprobe probe = {
	.handler = returned,
};

static int __init peerbuf_fail_init(void)
{
	if (!func)
		return -EINVAL;
	probe.kp.symbol_name = func;
	return register_kretprobe(&probe);
}
module_init(peerbuf_fail_init);

static void __exit peerbuf_fail_exit(void)
{
	unregister_kretprobe(&probe);
}
module_exit(peerbuf_fail_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Lets a kernel function fail, for tests");
