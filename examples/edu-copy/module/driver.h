/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the driver, one file for each:
 *
 *	device 1--n file 1--n queue 1--n job n--2 import
 *	   |                    |         |
 *	engine (hw.c)       timeline 1--n fence
 *
 * Locks, outermost first; "leaf" means that nothing is taken inside:
 *
 *	edev->files_lock		which files are open
 *	edu_file.lock			imports and queues of one file; submission
 *	edev->sched_lock		the scheduler stands still
 *	reservation locks		of the buffers of a job, by one ww ticket
 *	edu_queue.lock			jobs of a queue; "ready" fences signal inside
 *	edev->lock			leaf: the engine; taken in the interrupt handler
 *	edu_timeline.lock		leaf: fences
 *
 * The callback of a fence takes none of these: it queues work.
 */
#ifndef EDU_COPY_DRIVER_H
#define EDU_COPY_DRIVER_H

#include <drm/gpu_scheduler.h>
#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <linux/peerbuf/buffer.h>
#include <peerbuf_compat.h>

#include "../edu_copy.h"

struct dma_buf;
struct dma_buf_attachment;
struct edu_job;
struct pci_dev;
struct scatterlist;
struct sg_table;

/*
 * Work of two kinds, which must not wait for each other. What fences depend on takes no
 * reservation lock: who holds one may be waiting for the fence. What gives buffers back does.
 */
extern struct workqueue_struct *edu_fence_wq;
extern struct workqueue_struct *edu_free_wq;

/* -------------------------------------------------------------------- device */

/**
 * struct edu_cursor - a place in a mapped buffer
 * @sg: entry, NULL behind the last one
 * @left: entries from @sg on
 * @skip: bytes of @sg that are behind the cursor
 */
struct edu_cursor {
	struct scatterlist *sg;
	unsigned int left;
	u64 skip;
};

/**
 * struct edu_engine - what the engine does now; edev->lock
 * @job: the job that it works on; NULL when it is idle. Whoever sets it to NULL ends the job
 * @abort: errno that ends @job when the transfer under way is over, or 0
 * @src: next byte to be read
 * @dst: next byte to be written
 * @left: bytes that @dst has not received
 * @chunk: bytes of the transfer under way
 * @storing: it goes from the engine's memory to @dst, not from @src to the engine
 */
struct edu_engine {
	struct edu_job *job;
	int abort;
	struct edu_cursor src;
	struct edu_cursor dst;
	u64 left;
	u32 chunk;
	bool storing;
};

/**
 * struct edu_device - one PCI function
 * @ref: its files, queues and imports; the memory only, not the hardware
 * @pdev: valid until edu_remove() returns
 * @regs: BAR 0; likewise
 * @id: number in the name of the file
 * @misc: /dev/edu_copyID
 * @provider: decides about the buffers that the driver exports
 * @sched: one for the one engine
 * @sched_lock: who makes @sched stand still: who kills a queue, or the handler of a timeout
 * @reset_lock: who stops the engine: a reset, or the handler of a timeout
 * @lock: see the top of this file
 * @engine: @lock
 * @files_lock: see the top of this file
 * @files: open files; @files_lock
 * @users: jobs that the scheduler knows, and imports: what needs @sched or @pdev
 * @idle: @users fell to 0
 */
struct edu_device {
	struct kref ref;
	struct pci_dev *pdev;
	void __iomem *regs;
	int id;
	char name[16];
	struct miscdevice misc;
	struct peerbuf_provider provider;
	struct drm_gpu_scheduler sched;
	struct mutex sched_lock;
	struct mutex reset_lock;
	spinlock_t lock;
	struct edu_engine engine;
	struct mutex files_lock;
	struct list_head files;
	atomic_t users;
	wait_queue_head_t idle;
};

void edu_device_put(struct edu_device *edev);
void edu_device_use(struct edu_device *edev);
void edu_device_unuse(struct edu_device *edev);

void edu_cursor_init(struct edu_cursor *c, struct sg_table *sgt, u64 offset);
int edu_hw_init(struct edu_device *edev);
void edu_hw_fini(struct edu_device *edev);
int edu_hw_run(struct edu_device *edev, struct edu_job *job);
void edu_hw_abort(struct edu_device *edev, bool (*match)(struct edu_job *, const void *),
		  const void *what, int error);
void edu_hw_stop(struct edu_device *edev, int error);
void edu_hw_start(struct edu_device *edev);

/* --------------------------------------------------------------------- files */

/**
 * struct edu_file - one open file
 * @lock: everything here; held over a submission
 * @edev: has a reference
 * @node: in edev->files
 * @error: -ENODEV once the device is gone; @lock
 * @imports: by handle; @lock
 * @queues: by number; @lock
 * @owner: no other file has this number, nor has had it
 */
struct edu_file {
	struct mutex lock;
	struct edu_device *edev;
	struct list_head node;
	int error;
	struct xarray imports;
	struct xarray queues;
	u64 owner;
};

extern const struct file_operations edu_fops;
void edu_file_disconnect(struct edu_file *file);

/* -------------------------------------------------------------------- fences */

/**
 * struct edu_timeline - the fences of one queue
 * @ref: one for each fence, one for the queue: the lock must outlive the fences
 * @lock: the fences' lock, shared by all of them
 * @owner: of the file
 * @context: of the jobs' fences. Not used again for another queue: of a killed one there may be
 *	fences that signal later than all that come after
 * @ready_context: of the fences that hold jobs back
 * @seqno: the latest; the file's lock
 */
struct edu_timeline {
	struct kref ref;
	spinlock_t lock;
	u64 owner;
	u64 context;
	u64 ready_context;
	u64 seqno;
};

/**
 * struct edu_fence - end of a job, or its readiness
 * @base: the fence
 * @timeline: has a reference
 */
struct edu_fence {
	struct dma_fence base;
	struct edu_timeline *timeline;
};

struct edu_timeline *edu_timeline_create(u64 owner);
void edu_timeline_put(struct edu_timeline *tl);
struct edu_fence *edu_fence_create(struct edu_timeline *tl, u64 context, u64 seqno);
void edu_fence_end(struct edu_fence *fence, int error);
bool edu_fence_is_of(struct dma_fence *fence, u64 owner);

/* -------------------------------------------------------------------- queues */

/**
 * struct edu_queue - jobs that run one after the other
 * @ref: its file, and its jobs
 * @edev: has a reference
 * @timeline: has a reference
 * @entity: the scheduler's view; gone with the file, or the device
 * @error: what jobs that have not begun end with; 0 while the queue lives. Written under
 *	edev->lock and the file's lock, either is enough to read
 * @lock: the rest
 * @closing: no job becomes ready any more
 * @dead: the scheduler has forgotten the queue; what is left ends in order
 * @waiting: jobs that wait for fences, oldest first; of a dead queue: all that have not ended
 * @ready: jobs that the scheduler may run or runs
 * @work: makes @waiting shorter; one at a time
 */
struct edu_queue {
	struct kref ref;
	struct edu_device *edev;
	struct edu_timeline *timeline;
	struct drm_sched_entity entity;
	int error;
	spinlock_t lock;
	bool closing;
	bool dead;
	struct list_head waiting;
	struct list_head ready;
	struct work_struct work;
};

struct edu_queue *edu_queue_create(struct edu_file *file);
void edu_queue_put(struct edu_queue *queue);
void edu_queue_push(struct edu_queue *queue, struct edu_job *job);
void edu_queue_forget(struct edu_queue *queue, struct edu_job *job);
void edu_queue_kill(struct edu_queue *queue, int error);

/* ---------------------------------------------------------------------- jobs */

/**
 * struct edu_dependency - what a job waits for
 * @fence: has a reference
 * @named: the user named it, so its error is the job's
 */
struct edu_dependency {
	struct dma_fence *fence;
	bool named;
};

/**
 * struct edu_part - one end of a copy
 * @import: has a reference, until the scheduler frees the job
 * @offset: bytes
 * @generation: that of the import's mapping when the job was submitted
 * @start: where in that mapping @offset is; good as long as the generation is the same
 */
struct edu_part {
	struct edu_import *import;
	u64 offset;
	u32 generation;
	struct edu_cursor start;
};

/**
 * struct edu_job - one copy
 * @base: the scheduler's part
 * @ref: the scheduler, and the queue's list
 * @queue: has a reference
 * @node: in queue->waiting or queue->ready; queue->lock
 * @ready: signals when nothing is waited for; what the scheduler waits for
 * @done: the job's end; what everybody else sees
 * @src: source
 * @dst: destination
 * @length: bytes
 * @error: what the job ends with instead of running; queue->work writes it before @ready
 *	signals
 * @started: the engine has it, or had it; edev->lock
 * @deps: array of @nr_deps; queue->work alone once the job is pushed
 * @nr_deps: entries of @deps
 * @next_dep: those before it have signalled
 * @cb: in @deps[@next_dep], or in @done, while @armed
 * @armed: @cb is still to come; the job stays where it is in the list
 * @free: drops the imports
 */
struct edu_job {
	struct drm_sched_job base;
	struct kref ref;
	struct edu_queue *queue;
	struct list_head node;
	struct edu_fence *ready;
	struct edu_fence *done;
	struct edu_part src;
	struct edu_part dst;
	u64 length;
	int error;
	bool started;
	struct edu_dependency *deps;
	unsigned int nr_deps;
	unsigned int next_dep;
	struct dma_fence_cb cb;
	bool armed;
	struct work_struct free;
};

extern const struct drm_sched_backend_ops edu_sched_ops;
int edu_job_submit(struct edu_file *file, const struct edu_copy_submit *arg, s32 __user *out_fence);
void edu_job_put(struct edu_job *job);

/* ------------------------------------------------------------------- imports */

/**
 * struct edu_import - a buffer that the engine may use
 * @ref: its file, and jobs that the scheduler knows
 * @edev: has a reference, and is one of its users
 * @dmabuf: has a reference
 * @attach: NULL until it is attached; reservation lock
 * @owner: that of the fences which may stand for this import
 * @generation: number of revokes so far: a job is good for one generation only; edev->lock
 * @sgt: the mapping, or NULL; reservation lock
 * @busy: the job that used @sgt when access was taken away; reservation lock
 * @unmap: gives @sgt back when @busy has signalled
 */
struct edu_import {
	struct kref ref;
	struct edu_device *edev;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	u64 owner;
	u32 generation;
	struct sg_table *sgt;
	struct dma_fence *busy;
	struct work_struct unmap;
};

struct edu_import *edu_import_create(struct edu_file *file, int fd);
struct edu_import *edu_import_get(struct edu_import *import);
void edu_import_put(struct edu_import *import);
int edu_import_map_locked(struct edu_import *import);

/* ------------------------------------------------------------------- exports */

extern const struct peerbuf_provider_ops edu_provider_ops;
struct dma_buf *edu_export(struct edu_device *edev, u64 size);

#endif
