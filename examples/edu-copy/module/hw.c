// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine: QEMU's "edu" device, which moves bytes between memory and 4 KiB of its own.
 *
 * A copy is a chain of transfers, two for each piece: memory to engine, engine to memory.
 * The interrupt handler starts the next one. A transfer cannot be stopped once it has begun,
 * but takes a bounded time (100 ms), so a job is aborted between two transfers.
 */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "driver.h"

#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define EDU_CMD_RUN		BIT(0)
#define EDU_CMD_STORE		BIT(1)	/* from the engine to memory */
#define EDU_CMD_IRQ		BIT(2)

#define EDU_IRQ_DMA		0x100

/* Where the engine sees its own memory, and how much of it one transfer may use. */
#define EDU_MEMORY		0x40000
#define EDU_CHUNK		2048

/* Longer than any transfer. */
#define EDU_STOP_US		(2 * USEC_PER_SEC)

/* ------------------------------------------------------------------- cursors */

static void edu_cursor_skip(struct edu_cursor *c, u64 bytes)
{
	c->skip += bytes;
	while (c->left && c->skip >= sg_dma_len(c->sg)) {
		c->skip -= sg_dma_len(c->sg);
		c->sg = --c->left ? sg_next(c->sg) : NULL;
	}
}

/* The table has DMA addresses; that of device memory has nothing else. */
void edu_cursor_init(struct edu_cursor *c, struct sg_table *sgt, u64 offset)
{
	*c = (struct edu_cursor) { .sg = sgt->sgl, .left = sgt->nents };
	edu_cursor_skip(c, offset);
}

static u64 edu_cursor_room(const struct edu_cursor *c)
{
	return c->left ? sg_dma_len(c->sg) - c->skip : 0;
}

static u64 edu_cursor_addr(const struct edu_cursor *c)
{
	return sg_dma_address(c->sg) + c->skip;
}

/* ----------------------------------------------------------------- transfers */

static void edu_transfer(struct edu_device *edev, u64 src, u64 dst, u32 count, u64 cmd)
{
	writeq(src, edev->regs + EDU_DMA_SRC);
	writeq(dst, edev->regs + EDU_DMA_DST);
	writeq(count, edev->regs + EDU_DMA_COUNT);
	writeq(cmd | EDU_CMD_RUN | EDU_CMD_IRQ, edev->regs + EDU_DMA_CMD);
}

/* Start the next transfer. 0; 1 when there is none; an errno when it has nowhere to go. */
static int edu_engine_step(struct edu_device *edev)
{
	struct edu_engine *e = &edev->engine;

	lockdep_assert_held(&edev->lock);

	if (e->chunk && !e->storing) {
		e->storing = true;
		edu_transfer(edev, EDU_MEMORY, edu_cursor_addr(&e->dst), e->chunk, EDU_CMD_STORE);
		return 0;
	}

	edu_cursor_skip(&e->src, e->chunk);
	edu_cursor_skip(&e->dst, e->chunk);
	e->left -= e->chunk;
	if (!e->left)
		return 1;

	e->chunk = min3(edu_cursor_room(&e->src), edu_cursor_room(&e->dst),
			min_t(u64, e->left, EDU_CHUNK));
	/* The exporter's table is shorter than its buffer. */
	if (!e->chunk)
		return -EIO;
	e->storing = false;
	edu_transfer(edev, edu_cursor_addr(&e->src), EDU_MEMORY, e->chunk, 0);
	return 0;
}

/* Take the job from the engine, to end it. The fence lives on when the job does not. */
static struct edu_fence *edu_engine_take(struct edu_device *edev)
{
	struct edu_job *job = edev->engine.job;

	lockdep_assert_held(&edev->lock);

	if (!job)
		return NULL;
	edev->engine.job = NULL;
	dma_fence_get(&job->done->base);
	return job->done;
}

static void edu_end_taken(struct edu_fence *done, int error)
{
	if (!done)
		return;
	/* Callbacks of others run in here: not under edev->lock. */
	edu_fence_end(done, error);
	dma_fence_put(&done->base);
}

static bool edu_part_current(const struct edu_part *part)
{
	return part->generation == part->import->generation;
}

/*
 * Begin with a job. All that can forbid it changes under edev->lock: what happens after this
 * function has looked finds the job in the engine and aborts it.
 */
int edu_hw_run(struct edu_device *edev, struct edu_job *job)
{
	struct edu_engine *e = &edev->engine;
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&edev->lock, flags);
	if (WARN_ON(e->job))
		ret = -EBUSY;
	else if (job->queue->error)
		ret = job->queue->error;
	else if (!edu_part_current(&job->src) || !edu_part_current(&job->dst))
		ret = -ENODEV;
	if (ret)
		goto unlock;

	*e = (struct edu_engine) {
		.src = job->src.start,
		.dst = job->dst.start,
		.left = job->length,
	};
	ret = edu_engine_step(edev);
	if (ret)
		goto unlock;
	e->job = job;
	job->started = true;
unlock:
	spin_unlock_irqrestore(&edev->lock, flags);
	return ret;
}

static irqreturn_t edu_interrupt(int irq, void *data)
{
	struct edu_device *edev = data;
	struct edu_engine *e = &edev->engine;
	struct edu_fence *done = NULL;
	unsigned long flags;
	u32 status;
	int ret = 0;

	status = readl(edev->regs + EDU_IRQ_STATUS);
	if (PCI_POSSIBLE_ERROR(status) || !(status & EDU_IRQ_DMA))
		return IRQ_NONE;
	writel(EDU_IRQ_DMA, edev->regs + EDU_IRQ_ACK);

	spin_lock_irqsave(&edev->lock, flags);
	/* Without a job it is the last word of a transfer that was given up. */
	if (e->job && !(readq(edev->regs + EDU_DMA_CMD) & EDU_CMD_RUN)) {
		ret = e->abort ?: edu_engine_step(edev);
		if (ret)
			done = edu_engine_take(edev);
	}
	spin_unlock_irqrestore(&edev->lock, flags);

	edu_end_taken(done, min(ret, 0));
	return IRQ_HANDLED;
}

/* The job that runs, if it is one of those meant, ends with the transfer under way. */
void edu_hw_abort(struct edu_device *edev, bool (*match)(struct edu_job *, const void *),
		  const void *what, int error)
{
	struct edu_engine *e = &edev->engine;

	lockdep_assert_held(&edev->lock);

	if (e->job && !e->abort && match(e->job, what))
		e->abort = error;
}

/*
 * Return with the engine idle and unable to reach memory, whatever it did before. Its job, if
 * it had one, has ended with the error. The scheduler is stopped, or about to be.
 */
void edu_hw_stop(struct edu_device *edev, int error)
{
	struct edu_fence *done;
	unsigned long flags;
	u64 cmd;

	/* From here on nothing that the engine sends arrives. */
	pci_clear_master(edev->pdev);
	if (readq_poll_timeout(edev->regs + EDU_DMA_CMD, cmd, !(cmd & EDU_CMD_RUN),
			       10 * USEC_PER_MSEC, EDU_STOP_US))
		dev_err(&edev->pdev->dev, "the engine does not stop\n");

	spin_lock_irqsave(&edev->lock, flags);
	done = edu_engine_take(edev);
	spin_unlock_irqrestore(&edev->lock, flags);
	edu_end_taken(done, error);
}

void edu_hw_start(struct edu_device *edev)
{
	writel(~0, edev->regs + EDU_IRQ_ACK);
	pci_set_master(edev->pdev);
}

int edu_hw_init(struct edu_device *edev)
{
	struct pci_dev *pdev = edev->pdev;
	int ret;

	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_ALL_TYPES);
	if (ret < 0)
		return ret;
	ret = request_irq(pci_irq_vector(pdev, 0), edu_interrupt, IRQF_SHARED, edev->name, edev);
	if (ret) {
		pci_free_irq_vectors(pdev);
		return ret;
	}
	edu_hw_start(edev);
	return 0;
}

/* The scheduler is gone, and with it whoever could start the engine. */
void edu_hw_fini(struct edu_device *edev)
{
	edu_hw_stop(edev, -ENODEV);
	free_irq(pci_irq_vector(edev->pdev, 0), edev);
	pci_free_irq_vectors(edev->pdev);
}
