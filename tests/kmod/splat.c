// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does one thing wrong when it is loaded, so that it shows whether the kernel notices and
 * whether the harness hears of it. For kernels with checkers only: any other takes damage.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *what = "nothing";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "The mistake to make");

static int amount = 40;
module_param(amount, int, 0);
MODULE_PARM_DESC(amount, "How far to shift; no compiler is to know");

static int nothing(void)
{
	return 0;
}

static noinline int use_after_free(void)
{
	char *p = kzalloc(64, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	return READ_ONCE(*p) & 0;
}

static DEFINE_MUTEX(lock_a);
static DEFINE_MUTEX(lock_b);

/* No thread ever waits: that the order was seen both ways is enough for a report. */
static noinline int lock_order(void)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_b);
	mutex_unlock(&lock_a);
	mutex_lock(&lock_b);
	mutex_lock(&lock_a);
	mutex_unlock(&lock_a);
	mutex_unlock(&lock_b);
	return 0;
}

static DEFINE_SPINLOCK(spin);

static noinline int sleep_in_atomic(void)
{
	spin_lock(&spin);
	might_sleep();
	spin_unlock(&spin);
	return 0;
}

static int __rcu *guarded;

static noinline int rcu_without_lock(void)
{
	return rcu_dereference(guarded) ? 1 : 0;
}

static noinline int shift(void)
{
	return (1 << amount) & 0;
}

static void tick(struct timer_list *t)
{
}

static noinline int free_active_timer(void)
{
	struct timer_list *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	timer_setup(t, tick, 0);
	mod_timer(t, jiffies + 60 * HZ);
	kfree(t);	/* the checker stops the timer after its report */
	return 0;
}

static noinline int delete_twice(void)
{
	struct list_head head, entry;

	INIT_LIST_HEAD(&head);
	list_add(&entry, &head);
	list_del(&entry);
	list_del(&entry);	/* refused, after the report */
	return 0;
}

static noinline int dma_unmap_unmapped(void)
{
	struct platform_device *pdev;

	pdev = platform_device_register_simple("peerbuf_splat", -1, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	if (!dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64)))
		dma_unmap_page(&pdev->dev, 0x10000, PAGE_SIZE, DMA_TO_DEVICE);
	platform_device_unregister(pdev);
	return 0;
}

static int unlocked;

static noinline void unlocked_write(void)
{
	unlocked++;
}

/* Long enough for the checker, which looks at one access of many. */
static int unlocked_writes(void *data)
{
	unsigned long end = jiffies + 20 * HZ;

	while (!time_after(jiffies, end)) {
		unlocked_write();
		cond_resched();
	}
	return 0;
}

static noinline int data_race_of_two(void)
{
	struct task_struct *other = kthread_run(unlocked_writes, NULL, "peerbuf_splat");

	if (IS_ERR(other))
		return PTR_ERR(other);
	get_task_struct(other);
	unlocked_writes(NULL);
	kthread_stop_put(other);
	return 0;
}

static noinline int leak(void)
{
	void *p = kzalloc(64, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	return p ? 0 : -ENOMEM;
}

static const struct {
	const char *name;
	int (*make)(void);
} mistakes[] = {
	{ "nothing", nothing },
	{ "use-after-free", use_after_free },
	{ "lock-order", lock_order },
	{ "sleep-in-atomic", sleep_in_atomic },
	{ "rcu-without-lock", rcu_without_lock },
	{ "shift", shift },
	{ "free-active-timer", free_active_timer },
	{ "delete-twice", delete_twice },
	{ "dma-unmap-unmapped", dma_unmap_unmapped },
	{ "data-race", data_race_of_two },
	{ "leak", leak },
};

static int __init splat_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++)
		if (!strcmp(what, mistakes[i].name))
			return mistakes[i].make();
	return -EINVAL;
}

static void __exit splat_exit(void)
{
}

module_init(splat_init);
module_exit(splat_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Deliberate mistakes, for the tests of peerbuf's tests");
MODULE_AUTHOR("The peerbuf developers");
