// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: from the user's request to the scheduler, and what the scheduler does with them.
 *
 * All that can fail comes before a job's fence is seen by anybody: memory is allocated, both
 * buffers are mapped, file descriptors are reserved. After that the fence must signal, so
 * nothing on the way there allocates, or takes a lock under which somebody allocates or waits
 * for fences; in particular no reservation lock, neither in run_job nor in free_job.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>

#include "driver.h"

/* -------------------------------------------------------------- life of a job */

static void edu_job_release(struct kref *ref)
{
	struct edu_job *job = container_of(ref, struct edu_job, ref);
	unsigned int i;

	for (i = 0; i < job->nr_deps; i++)
		dma_fence_put(job->deps[i].fence);
	kvfree(job->deps);
	if (job->done)
		dma_fence_put(&job->done->base);
	if (job->ready)
		dma_fence_put(&job->ready->base);
	edu_queue_put(job->queue);
	kfree(job);
}

void edu_job_put(struct edu_job *job)
{
	kref_put(&job->ref, edu_job_release);
}

static void edu_job_drop_imports(struct edu_job *job)
{
	if (job->src.import)
		edu_import_put(job->src.import);
	if (job->dst.import)
		edu_import_put(job->dst.import);
}

/* The last reference on an import takes the reservation lock: not the scheduler's to wait for. */
static void edu_job_free_work(struct work_struct *work)
{
	struct edu_job *job = container_of(work, struct edu_job, free);
	struct edu_device *edev = job->queue->edev;

	kref_get(&edev->ref);
	edu_job_drop_imports(job);
	edu_job_put(job);		/* edu_job_create() */
	edu_device_unuse(edev);		/* edu_queue_push() */
	edu_device_put(edev);
}

static struct edu_job *edu_job_create(struct edu_queue *queue)
{
	struct edu_timeline *tl = queue->timeline;
	struct edu_job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return NULL;
	kref_init(&job->ref);
	kref_get(&queue->ref);
	job->queue = queue;
	INIT_LIST_HEAD(&job->node);
	INIT_WORK(&job->free, edu_job_free_work);
	/* A job that is given up leaves a gap in the numbers, which harms nobody. */
	tl->seqno++;
	job->ready = edu_fence_create(tl, tl->ready_context, tl->seqno);
	job->done = edu_fence_create(tl, tl->context, tl->seqno);
	if (!job->ready || !job->done) {
		edu_job_put(job);
		return NULL;
	}
	return job;
}

/* -------------------------------------------------------------- dependencies */

/* Room for more dependencies. */
static int edu_job_reserve(struct edu_job *job, unsigned int more)
{
	struct edu_dependency *deps;

	if (!more)
		return 0;
	deps = kvmalloc_array(job->nr_deps + more, sizeof(*deps), GFP_KERNEL);
	if (!deps)
		return -ENOMEM;
	if (job->nr_deps)
		memcpy(deps, job->deps, job->nr_deps * sizeof(*deps));
	kvfree(job->deps);
	job->deps = deps;
	return 0;
}

/* Takes over the reference. */
static void edu_job_add(struct edu_job *job, struct dma_fence *fence, bool named)
{
	job->deps[job->nr_deps++] = (struct edu_dependency) { .fence = fence, .named = named };
}

static int edu_job_add_named(struct edu_job *job, const struct edu_copy_submit *arg)
{
	const s32 __user *fds = u64_to_user_ptr(arg->in_fences);
	unsigned int i;
	int ret;

	if (arg->nr_in_fences > EDU_COPY_MAX_IN_FENCES)
		return -EINVAL;
	ret = edu_job_reserve(job, arg->nr_in_fences);
	if (ret)
		return ret;
	for (i = 0; i < arg->nr_in_fences; i++) {
		struct dma_fence *fence;
		s32 fd;

		if (get_user(fd, fds + i))
			return -EFAULT;
		fence = sync_file_get_fence(fd);
		if (!fence)
			return -EBADF;
		edu_job_add(job, fence, true);
	}
	return 0;
}

/*
 * What the buffer's other users have announced, as far as it is in this job's way. Older jobs
 * of the same queue have ended anyway when this one begins.
 */
static int edu_job_add_resv(struct edu_job *job, struct edu_import *import, bool write)
{
	struct dma_resv *resv = import->dmabuf->resv;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int nr = 0;
	int ret;

	dma_resv_for_each_fence(&cursor, resv, dma_resv_usage_rw(write), fence)
		nr++;
	ret = edu_job_reserve(job, nr);
	if (ret)
		return ret;
	dma_resv_for_each_fence(&cursor, resv, dma_resv_usage_rw(write), fence)
		if (fence->context != job->done->base.context && !dma_fence_is_signaled(fence))
			edu_job_add(job, dma_fence_get(fence), false);
	return 0;
}

/* ----------------------------------------------------------------- submission */

static int edu_job_set_part(struct edu_part *part, struct edu_file *file, u32 handle, u64 offset,
			    u64 length)
{
	struct edu_import *import = xa_load(&file->imports, handle);

	if (!import)
		return -ENOENT;
	/* In this order nothing overflows. */
	if (length > import->dmabuf->size || offset > import->dmabuf->size - length)
		return -EINVAL;
	part->import = edu_import_get(import);
	part->offset = offset;
	return 0;
}

static int edu_job_set_parts(struct edu_job *job, struct edu_file *file,
			     const struct edu_copy_submit *arg)
{
	int ret;

	if (!arg->length || arg->length > EDU_COPY_MAX_LENGTH)
		return -EINVAL;
	ret = edu_job_set_part(&job->src, file, arg->src, arg->src_offset, arg->length);
	if (!ret)
		ret = edu_job_set_part(&job->dst, file, arg->dst, arg->dst_offset, arg->length);
	if (ret)
		return ret;
	job->length = arg->length;
	if (!(job->dst.import->dmabuf->file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (job->src.import->dmabuf == job->dst.import->dmabuf &&
	    arg->src_offset < arg->dst_offset + arg->length &&
	    arg->dst_offset < arg->src_offset + arg->length)
		return -EINVAL;
	return 0;
}

/*
 * Two reservation locks, in whatever order: who locks the same two the other way round is
 * recognised by the ticket, and one of both starts again.
 */
static void edu_job_lock(struct edu_job *job, struct ww_acquire_ctx *ticket)
{
	struct dma_resv *first = job->src.import->dmabuf->resv;
	struct dma_resv *second = job->dst.import->dmabuf->resv;

	ww_acquire_init(ticket, &reservation_ww_class);
	/* Nothing is held yet: cannot be told to back off. */
	dma_resv_lock(first, ticket);
	while (second != first && dma_resv_lock(second, ticket) == -EDEADLK) {
		dma_resv_unlock(first);
		dma_resv_lock_slow(second, ticket);
		swap(first, second);
	}
	ww_acquire_done(ticket);
}

static void edu_job_unlock(struct edu_job *job, struct ww_acquire_ctx *ticket)
{
	struct dma_resv *src = job->src.import->dmabuf->resv;
	struct dma_resv *dst = job->dst.import->dmabuf->resv;

	dma_resv_unlock(src);
	if (dst != src)
		dma_resv_unlock(dst);
	ww_acquire_fini(ticket);
}

static int edu_job_prepare_part(struct edu_job *job, struct edu_part *part, bool write, u32 flags)
{
	int ret;

	ret = edu_import_map_locked(part->import);
	if (ret)
		return ret;
	/* It is written with the reservation lock held, too. */
	part->generation = part->import->generation;
	edu_cursor_init(&part->start, part->import->sgt, part->offset);

	if (!(flags & EDU_COPY_EXPLICIT)) {
		ret = edu_job_add_resv(job, part->import, write);
		if (ret)
			return ret;
	}
	/* Room for both of the job's fences, should both parts be of the same buffer. */
	return dma_resv_reserve_fences(part->import->dmabuf->resv, 2);
}

/* Nothing fails in here, and nothing in here may be undone. */
static void edu_job_publish(struct edu_job *job)
{
	struct dma_fence *done = &job->done->base;

	drm_sched_job_arm(&job->base);
	dma_resv_add_fence(job->src.import->dmabuf->resv, done, DMA_RESV_USAGE_READ);
	dma_resv_add_fence(job->dst.import->dmabuf->resv, done, DMA_RESV_USAGE_WRITE);
	edu_queue_push(job->queue, job);
}

static int edu_job_commit(struct edu_job *job, u32 flags)
{
	struct ww_acquire_ctx ticket;
	int ret;

	edu_job_lock(job, &ticket);
	ret = edu_job_prepare_part(job, &job->src, false, flags);
	if (!ret)
		ret = edu_job_prepare_part(job, &job->dst, true, flags);
	if (!ret)
		edu_job_publish(job);
	edu_job_unlock(job, &ticket);
	return ret;
}

/* The file's lock is held. */
int edu_job_submit(struct edu_file *file, const struct edu_copy_submit *arg, s32 __user *out_fence)
{
	struct edu_queue *queue;
	struct sync_file *sync;
	struct edu_job *job;
	int fd, ret;

	if (arg->flags & ~EDU_COPY_EXPLICIT)
		return -EINVAL;
	queue = xa_load(&file->queues, arg->queue);
	if (!queue)
		return -ENOENT;
	job = edu_job_create(queue);
	if (!job)
		return -ENOMEM;

	ret = edu_job_set_parts(job, file, arg);
	if (!ret)
		ret = edu_job_add_named(job, arg);
	if (ret)
		goto err_job;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto err_job;
	}
	/* Told before it is one: afterwards it would be too late to fail. */
	if (put_user(fd, out_fence)) {
		ret = -EFAULT;
		goto err_fd;
	}
	sync = sync_file_create(&job->done->base);
	if (!sync) {
		ret = -ENOMEM;
		goto err_fd;
	}
	ret = drm_sched_job_init(&job->base, &queue->entity, 1, file, 0);
	if (ret)
		goto err_sync;

	kref_get(&job->ref);	/* below: the scheduler may be done with it before we are */
	ret = edu_job_commit(job, arg->flags);
	edu_job_put(job);
	if (ret)
		goto err_base;
	fd_install(fd, sync->file);
	return 0;

err_base:
	drm_sched_job_cleanup(&job->base);
err_sync:
	fput(sync->file);
err_fd:
	put_unused_fd(fd);
err_job:
	edu_job_drop_imports(job);
	edu_job_put(job);
	return ret;
}

/* -------------------------------------------------------- for the scheduler */

static struct edu_job *to_edu_job(struct drm_sched_job *base)
{
	return container_of(base, struct edu_job, base);
}

/* What the job waits for, until nothing is left. */
static struct dma_fence *edu_prepare_job(struct drm_sched_job *base,
					 struct drm_sched_entity *entity)
{
	struct edu_job *job = to_edu_job(base);

	if (dma_fence_is_signaled(&job->ready->base))
		return NULL;
	return dma_fence_get(&job->ready->base);
}

static struct dma_fence *edu_run_job(struct drm_sched_job *base)
{
	struct edu_job *job = to_edu_job(base);
	struct edu_device *edev = container_of(base->sched, struct edu_device, sched);
	int ret = job->error;

	if (!ret)
		ret = edu_hw_run(edev, job);
	if (ret)
		edu_fence_end(job->done, ret);
	return dma_fence_get(&job->done->base);
}

static enum drm_gpu_sched_stat edu_timedout_job(struct drm_sched_job *base)
{
	struct edu_device *edev = container_of(base->sched, struct edu_device, sched);

	/* A reset may be on its way to the same end. */
	mutex_lock(&edev->reset_lock);
	mutex_lock(&edev->sched_lock);
	drm_sched_stop(base->sched, base);
	dev_warn(&edev->pdev->dev, "the engine does not answer: stopped\n");
	edu_hw_stop(edev, -ETIME);
	edu_hw_start(edev);
	peerbuf_sched_start(base->sched);
	mutex_unlock(&edev->sched_lock);
	mutex_unlock(&edev->reset_lock);
	return DRM_GPU_SCHED_STAT_RESET;
}

/*
 * The scheduler has done with the job: it has ended, or was in a queue that was killed. In the
 * second case its fence signals later, by edu_queue_work().
 */
static void edu_free_job(struct drm_sched_job *base)
{
	struct edu_job *job = to_edu_job(base);

	drm_sched_job_cleanup(base);
	if (dma_fence_is_signaled(&job->done->base))
		edu_queue_forget(job->queue, job);
	queue_work(edu_free_wq, &job->free);
}

const struct drm_sched_backend_ops edu_sched_ops = {
	.prepare_job = edu_prepare_job,
	.run_job = edu_run_job,
	.timedout_job = edu_timedout_job,
	.free_job = edu_free_job,
};
