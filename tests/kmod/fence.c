// SPDX-License-Identifier: GPL-2.0-only
/* Fences for tests, and nothing behind them. */
#include <linux/dma-fence.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>

#include "fence.h"

/**
 * struct timeline - the fences of one file
 * @ref: one for the file, one for each fence
 * @lock: of all of the fences, and of @pending
 * @context: fence context
 * @seqno: the latest
 * @pending: those that have not signalled, oldest first, each with a reference
 */
struct timeline {
	struct kref ref;
	spinlock_t lock;
	u64 context;
	u64 seqno;
	struct list_head pending;
};

struct held_fence {
	struct dma_fence base;
	struct timeline *tl;
	struct list_head node;
};

static void timeline_free(struct kref *ref)
{
	kfree(container_of(ref, struct timeline, ref));
}

static const char *fence_name(struct dma_fence *fence)
{
	return "peerbuf_fence";
}

static void fence_free(struct rcu_head *rcu)
{
	struct held_fence *f = container_of(rcu, struct held_fence, base.rcu);

	kref_put(&f->tl->ref, timeline_free);
	kfree(f);
	module_put(THIS_MODULE);
}

static void fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, fence_free);
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = fence_name,
	.get_timeline_name = fence_name,
	.release = fence_release,
};

static int fence_open(struct inode *inode, struct file *filp)
{
	struct timeline *tl = kzalloc(sizeof(*tl), GFP_KERNEL);

	if (!tl)
		return -ENOMEM;
	kref_init(&tl->ref);
	spin_lock_init(&tl->lock);
	INIT_LIST_HEAD(&tl->pending);
	tl->context = dma_fence_context_alloc(1);
	filp->private_data = tl;
	return 0;
}

static int fence_create(struct timeline *tl)
{
	struct held_fence *f = kzalloc(sizeof(*f), GFP_KERNEL);
	struct sync_file *sync;
	int fd;

	if (!f)
		return -ENOMEM;
	__module_get(THIS_MODULE);
	kref_get(&tl->ref);
	f->tl = tl;
	INIT_LIST_HEAD(&f->node);
	spin_lock_irq(&tl->lock);
	dma_fence_init(&f->base, &fence_ops, &tl->lock, tl->context, ++tl->seqno);
	list_add_tail(&f->node, &tl->pending);
	spin_unlock_irq(&tl->lock);

	/* The reference of @pending keeps it; a fence without a file signals like any other. */
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	sync = sync_file_create(&f->base);
	if (!sync) {
		put_unused_fd(fd);
		return -ENOMEM;
	}
	fd_install(fd, sync->file);
	return fd;
}

static void signal_some(struct timeline *tl, u32 count, int error)
{
	struct held_fence *f;

	while (count--) {
		spin_lock_irq(&tl->lock);
		f = list_first_entry_or_null(&tl->pending, struct held_fence, node);
		if (f) {
			list_del_init(&f->node);
			if (error)
				dma_fence_set_error(&f->base, error);
			dma_fence_signal_locked(&f->base);
		}
		spin_unlock_irq(&tl->lock);
		if (!f)
			return;
		dma_fence_put(&f->base);
	}
}

static int fence_close(struct inode *inode, struct file *filp)
{
	struct timeline *tl = filp->private_data;

	signal_some(tl, U32_MAX, -ENOENT);
	kref_put(&tl->ref, timeline_free);
	return 0;
}

static long fence_ioctl(struct file *filp, unsigned int cmd, unsigned long user)
{
	struct timeline *tl = filp->private_data;
	struct pbf_signal arg;

	switch (cmd) {
	case PBF_CREATE:
		return fence_create(tl);
	case PBF_SIGNAL:
		if (copy_from_user(&arg, (void __user *)user, sizeof(arg)))
			return -EFAULT;
		if (arg.error > 0 || arg.error < -MAX_ERRNO)
			return -EINVAL;
		signal_some(tl, arg.count, arg.error);
		return 0;
	}
	return -ENOTTY;
}

static const struct file_operations fence_fops = {
	.owner = THIS_MODULE,
	.open = fence_open,
	.release = fence_close,
	.unlocked_ioctl = fence_ioctl,
};

static struct miscdevice fence_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "peerbuf_fence",
	.fops = &fence_fops,
};

static int __init fence_init(void)
{
	return misc_register(&fence_device);
}

static void __exit fence_exit(void)
{
	misc_deregister(&fence_device);
	/* Whoever put the last fence may not have returned from fence_free() yet. */
	rcu_barrier();
}

module_init(fence_init);
module_exit(fence_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Fences for the tests of peerbuf");
MODULE_AUTHOR("The peerbuf developers");
