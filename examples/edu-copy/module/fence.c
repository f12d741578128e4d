// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fences.
 *
 * A fence may be alive long after its queue, its file and its device: user space has it as a
 * sync file, other drivers as a dependency. So it has a reference on all that the kernel
 * reaches through it: the lock, which all fences of a queue share, and this module, whose
 * code its operations are.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "driver.h"

static struct edu_fence *to_edu_fence(struct dma_fence *fence)
{
	return container_of(fence, struct edu_fence, base);
}

static const char *edu_fence_driver_name(struct dma_fence *fence)
{
	return "edu_copy";
}

static const char *edu_fence_timeline_name(struct dma_fence *fence)
{
	return fence->context == to_edu_fence(fence)->timeline->context ? "copy" : "ready";
}

/* Readers under RCU may still look at the fence when its last reference goes. */
static void edu_fence_free(struct rcu_head *rcu)
{
	struct edu_fence *fence = container_of(rcu, struct edu_fence, base.rcu);

	edu_timeline_put(fence->timeline);
	kfree(fence);
	/* edu_exit() waits for this function to return: rcu_barrier(). */
	module_put(THIS_MODULE);
}

static void edu_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, edu_fence_free);
}

static const struct dma_fence_ops edu_fence_ops = {
	.get_driver_name = edu_fence_driver_name,
	.get_timeline_name = edu_fence_timeline_name,
	.release = edu_fence_release,
};

struct edu_timeline *edu_timeline_create(u64 owner)
{
	struct edu_timeline *tl = kzalloc(sizeof(*tl), GFP_KERNEL);

	if (!tl)
		return NULL;
	kref_init(&tl->ref);
	spin_lock_init(&tl->lock);
	tl->owner = owner;
	tl->context = dma_fence_context_alloc(1);
	tl->ready_context = dma_fence_context_alloc(1);
	return tl;
}

static void edu_timeline_free(struct kref *ref)
{
	kfree(container_of(ref, struct edu_timeline, ref));
}

void edu_timeline_put(struct edu_timeline *tl)
{
	kref_put(&tl->ref, edu_timeline_free);
}

/* The caller is in a system call on this module's file, which keeps the module. */
struct edu_fence *edu_fence_create(struct edu_timeline *tl, u64 context, u64 seqno)
{
	struct edu_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return NULL;
	__module_get(THIS_MODULE);
	kref_get(&tl->ref);
	fence->timeline = tl;
	dma_fence_init(&fence->base, &edu_fence_ops, &tl->lock, context, seqno);
	return fence;
}

/* Signal with an error, or with 0; whoever comes first decides which. */
void edu_fence_end(struct edu_fence *fence, int error)
{
	unsigned long flags;

	spin_lock_irqsave(&fence->timeline->lock, flags);
	if (!test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->base.flags)) {
		if (error)
			dma_fence_set_error(&fence->base, error);
		dma_fence_signal_locked(&fence->base);
	}
	spin_unlock_irqrestore(&fence->timeline->lock, flags);
}

/* Is it one of this file's? */
bool edu_fence_is_of(struct dma_fence *fence, u64 owner)
{
	return fence->ops == &edu_fence_ops && to_edu_fence(fence)->timeline->owner == owner;
}
