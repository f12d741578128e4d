// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues: which job may run, and how the rest ends when a queue is killed.
 *
 * A job is with the scheduler from its submission on, which holds it back until its "ready"
 * fence signals. That is the only fence the scheduler ever waits for: those of others, on
 * which the job depends, are waited for here. It has three reasons.
 *
 * A callback runs with its fence's lock held and interrupts off. If it went on to the next
 * dependency it would take that fence's lock, too, which may be the same one: fences of a
 * queue share theirs. So the callback queues work, and the work goes through the
 * dependencies. The scheduler of older 6.12 kernels got this wrong when it killed jobs.
 *
 * Who kills a queue has to know that the scheduler's callback is not running at that moment,
 * which is only possible for a fence of one's own: see edu_queue_kill().
 *
 * A job that is killed still waits for what it depends on before its fence signals, because
 * whoever waits for the job's fence counts on that. But the scheduler and the device need not
 * wait along: they are rid of the job at once.
 */
#include <linux/slab.h>

#include "driver.h"

static void edu_queue_free(struct kref *ref)
{
	struct edu_queue *queue = container_of(ref, struct edu_queue, ref);

	edu_timeline_put(queue->timeline);
	edu_device_put(queue->edev);
	kfree(queue);
}

void edu_queue_put(struct edu_queue *queue)
{
	kref_put(&queue->ref, edu_queue_free);
}

static void edu_queue_wake(struct edu_queue *queue)
{
	kref_get(&queue->ref);		/* edu_queue_work() */
	if (!queue_work(edu_fence_wq, &queue->work))
		/* Queued already; not the last reference, its own is there. */
		edu_queue_put(queue);
}

/*
 * A dependency has signalled. Its lock is held, interrupts are off, and which other locks are
 * held is anybody's guess: nothing but queueing work is allowed here.
 */
static void edu_dependency_signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct edu_job *job = container_of(cb, struct edu_job, cb);
	struct edu_queue *queue = job->queue;

	kref_get(&queue->ref);
	/* From here on the job can go. Pairs with edu_queue_work(). */
	smp_store_release(&job->armed, false);
	edu_queue_wake(queue);
	edu_queue_put(queue);	/* not the last one: see edu_queue_wake() */
}

/* True if the fence has not signalled and the work will run again when it has. */
static bool edu_job_waits_for(struct edu_job *job, struct dma_fence *fence)
{
	job->armed = true;
	if (!dma_fence_add_callback(fence, &job->cb, edu_dependency_signaled))
		return true;
	job->armed = false;
	return false;
}

/* Only queue->work looks at dependencies, and only at those of the oldest job. */
static bool edu_job_waits(struct edu_job *job)
{
	while (job->next_dep < job->nr_deps) {
		struct edu_dependency *dep = &job->deps[job->next_dep];

		if (!dma_fence_is_signaled(dep->fence) && edu_job_waits_for(job, dep->fence))
			return true;
		if (dep->named && dep->fence->error && !job->error)
			job->error = dep->fence->error;
		job->next_dep++;
	}
	return false;
}

/* The oldest job that waits, with a reference. */
static struct edu_job *edu_queue_head(struct edu_queue *queue)
{
	struct edu_job *job;

	spin_lock(&queue->lock);
	job = list_first_entry_or_null(&queue->waiting, struct edu_job, node);
	if (job)
		kref_get(&job->ref);
	spin_unlock(&queue->lock);
	return job;
}

/* False if the queue is being killed: edu_queue_kill() will queue the work again. */
static bool edu_queue_let_run(struct edu_queue *queue, struct edu_job *job)
{
	bool closing;

	spin_lock(&queue->lock);
	closing = queue->closing;
	if (!closing) {
		list_move_tail(&job->node, &queue->ready);
		edu_fence_end(job->ready, 0);
	}
	spin_unlock(&queue->lock);
	return !closing;
}

/* The job has ended as it should. When the queue is being killed the work sees to that. */
void edu_queue_forget(struct edu_queue *queue, struct edu_job *job)
{
	bool listed;

	spin_lock(&queue->lock);
	listed = !queue->closing;
	if (listed)
		list_del_init(&job->node);
	spin_unlock(&queue->lock);
	if (listed)
		edu_job_put(job);	/* edu_queue_push() */
}

/* Of a dead queue. True if it must wait: in order means that the engine's job comes first. */
static bool edu_queue_bury(struct edu_queue *queue, struct edu_job *job)
{
	/* Nothing sets it any more, and who did is ordered before by queue->lock. */
	if (job->started && !dma_fence_is_signaled(&job->done->base) &&
	    edu_job_waits_for(job, &job->done->base))
		return true;
	edu_fence_end(job->done, job->error ?: queue->error);
	spin_lock(&queue->lock);
	list_del_init(&job->node);
	spin_unlock(&queue->lock);
	edu_job_put(job);	/* edu_queue_push() */
	return false;
}

static bool edu_queue_is_dead(struct edu_queue *queue)
{
	bool dead;

	spin_lock(&queue->lock);
	dead = queue->dead;
	spin_unlock(&queue->lock);
	return dead;
}

static void edu_queue_work(struct work_struct *work)
{
	struct edu_queue *queue = container_of(work, struct edu_queue, work);
	struct edu_job *job;
	bool more = true;

	while (more && (job = edu_queue_head(queue))) {
		/* Woken for another reason: the callback comes yet. */
		if (smp_load_acquire(&job->armed) || edu_job_waits(job))
			more = false;
		else if (edu_queue_is_dead(queue))
			more = !edu_queue_bury(queue, job);
		else
			more = edu_queue_let_run(queue, job);
		edu_job_put(job);
	}
	edu_queue_put(queue);	/* edu_queue_wake() */
}

struct edu_queue *edu_queue_create(struct edu_file *file)
{
	struct edu_device *edev = file->edev;
	struct drm_gpu_scheduler *sched = &edev->sched;
	struct edu_queue *queue;
	int ret;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	kref_init(&queue->ref);
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->waiting);
	INIT_LIST_HEAD(&queue->ready);
	INIT_WORK(&queue->work, edu_queue_work);

	queue->timeline = edu_timeline_create(file->owner);
	if (!queue->timeline) {
		ret = -ENOMEM;
		goto err_free;
	}
	ret = drm_sched_entity_init(&queue->entity, DRM_SCHED_PRIORITY_NORMAL, &sched, 1, NULL);
	if (ret)
		goto err_timeline;
	kref_get(&edev->ref);
	queue->edev = edev;
	return queue;

err_timeline:
	edu_timeline_put(queue->timeline);
err_free:
	kfree(queue);
	return ERR_PTR(ret);
}

/* The file's lock is held: jobs come in the order of their fences' numbers. */
void edu_queue_push(struct edu_queue *queue, struct edu_job *job)
{
	kref_get(&job->ref);		/* edu_queue_forget() */
	spin_lock(&queue->lock);
	list_add_tail(&job->node, &queue->waiting);
	spin_unlock(&queue->lock);

	edu_device_use(queue->edev);	/* edu_job_free_work() */
	drm_sched_entity_push_job(&job->base);
	edu_queue_wake(queue);
}

static bool edu_job_is_of(struct edu_job *job, const void *queue)
{
	return job->queue == queue;
}

/*
 * End all that the queue has, with an error, except for the job that is done already. Waits for
 * no fence. The file's lock is held: nothing is submitted meanwhile. Called once.
 */
void edu_queue_kill(struct edu_queue *queue, int error)
{
	struct edu_device *edev = queue->edev;
	unsigned long flags;

	/* 1. No job begins, and the one that runs stops soon. */
	spin_lock_irqsave(&edev->lock, flags);
	queue->error = error;
	edu_hw_abort(edev, edu_job_is_of, queue, error);
	spin_unlock_irqrestore(&edev->lock, flags);

	/*
	 * 2. No job becomes ready. "Ready" fences signal under this lock only, so that none is
	 * signalling now: the scheduler's callback is not running while the next step takes
	 * it away. Older kernels do not cope with that.
	 */
	spin_lock(&queue->lock);
	queue->closing = true;
	spin_unlock(&queue->lock);

	/*
	 * 3. The scheduler forgets the queue. It frees its jobs one after the other, later. It
	 * must stand still for that: one that has just picked a job of the queue puts the queue
	 * back among those that have more, also if it is to be forgotten
	 * (drivers/gpu/drm/scheduler/sched_entity.c, drm_sched_entity_pop_job()).
	 */
	mutex_lock(&edev->sched_lock);
	drm_sched_wqueue_stop(&edev->sched);
	drm_sched_entity_fini(&queue->entity);
	drm_sched_wqueue_start(&edev->sched);
	mutex_unlock(&edev->sched_lock);

	/* 4. What has not ended does so here, in order, when what it waits for has. */
	spin_lock(&queue->lock);
	list_splice_init(&queue->ready, &queue->waiting);
	queue->dead = true;
	spin_unlock(&queue->lock);
	edu_queue_wake(queue);
}
