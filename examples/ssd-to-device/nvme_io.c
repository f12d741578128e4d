// SPDX-License-Identifier: GPL-2.0-or-later
/* Queues, and reads that keep several commands in flight. */
#include <endian.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "nvme_private.h"

uint64_t nvme_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void nvme_relax(unsigned int looks)
{
	const struct timespec pause = { .tv_nsec = 20000 };

	/* A fast device answers within the first looks; give a slow one the CPU. */
	if (looks > 200)
		nanosleep(&pause, NULL);
}

void nvme_queue_init(struct nvme *nvme, struct nvme_queue *queue, unsigned int number,
		     enum nvme_page sq, enum nvme_page cq, unsigned int entries)
{
	size_t stride = (size_t)4 << NVME_CAP_DSTRD(nvme->cap);
	volatile uint8_t *doorbells = nvme->bar + NVME_REG_DOORBELLS;

	queue->sq = (void *)(nvme->memory + sq * NVME_PAGE);
	queue->cq = (void *)(nvme->memory + cq * NVME_PAGE);
	queue->sq_doorbell = (volatile void *)(doorbells + (size_t)2 * number * stride);
	queue->cq_doorbell = (volatile void *)(doorbells + ((size_t)2 * number + 1) * stride);
	queue->entries = entries;
	queue->tail = 0;
	queue->head = 0;
	queue->phase = 1;
	memset(nvme->memory + sq * NVME_PAGE, 0, NVME_PAGE);
	memset(nvme->memory + cq * NVME_PAGE, 0, NVME_PAGE);
}

void nvme_queue_submit(struct nvme_queue *queue, const struct nvme_command *command)
{
	queue->sq[queue->tail] = *command;
	queue->tail = (queue->tail + 1) % queue->entries;
	/* The entry has to be in memory before the device hears of it. */
	atomic_thread_fence(memory_order_seq_cst);
	*queue->sq_doorbell = htole32(queue->tail);
}

bool nvme_queue_poll(struct nvme_queue *queue, struct nvme_completion *completion)
{
	volatile struct nvme_completion *entry = &queue->cq[queue->head];

	if ((le16toh(entry->status) & 1) != queue->phase)
		return false;
	/* The phase is written last, so what is read after it is complete. */
	atomic_thread_fence(memory_order_acquire);
	completion->result = le32toh(entry->result);
	completion->id = le16toh(entry->id);
	completion->status = le16toh(entry->status) >> 1;
	if (++queue->head == queue->entries) {
		queue->head = 0;
		queue->phase ^= 1;
	}
	*queue->cq_doorbell = htole32(queue->head);
	return true;
}

/* A read job under way. */
struct job {
	uint64_t lba;		/* next block to ask for */
	uint64_t iova;		/* where it goes */
	uint64_t left;		/* bytes not asked for yet */
	unsigned int in_flight;
};

/* Put the next command of a job into a slot that is free. */
static int submit_read(struct nvme *nvme, struct job *job, unsigned int slot)
{
	struct nvme_command command = { .opcode = NVME_IO_READ, .nsid = htole32(1) };
	size_t list_page = NVME_PAGE_LISTS + (size_t)slot * NVME_LIST_PAGES;
	uint32_t bytes = nvme->info.max_transfer;
	uint64_t prp1, prp2;
	int entries;

	if (bytes > job->left)
		bytes = (uint32_t)job->left;
	entries = nvme_prp_build(job->iova, bytes,
				 (void *)(nvme->memory + list_page * NVME_PAGE),
				 nvme->memory_iova + list_page * NVME_PAGE,
				 NVME_LIST_PAGES, &prp1, &prp2);
	if (entries < 0)
		return entries;
	command.id = htole16((uint16_t)slot);
	command.prp1 = htole64(prp1);
	command.prp2 = htole64(prp2);
	command.cdw10 = htole32((uint32_t)job->lba);
	command.cdw11 = htole32((uint32_t)(job->lba >> 32));
	command.cdw12 = htole32(bytes / nvme->info.block_size - 1);
	nvme->slots[slot].busy = true;
	nvme->slots[slot].bytes = bytes;
	nvme->slots[slot].deadline = nvme_now() + nvme->timeout_ms;
	nvme_queue_submit(&nvme->io, &command);
	job->lba += bytes / nvme->info.block_size;
	job->iova += bytes;
	job->left -= bytes;
	job->in_flight++;
	return 0;
}

/* Keep every slot busy while there is work. */
static int submit_all(struct nvme *nvme, struct job *job)
{
	unsigned int slot;
	int err = 0;

	for (slot = 0; slot < nvme->info.depth && job->left && !err; slot++)
		if (!nvme->slots[slot].busy)
			err = submit_read(nvme, job, slot);
	return err;
}

/* Take all completions there are; returns how many, or -EIO for one that makes no sense. */
static int reap(struct nvme *nvme, struct job *job, struct nvme_stats *stats)
{
	struct nvme_completion completion;
	int reaped = 0;

	while (nvme_queue_poll(&nvme->io, &completion)) {
		struct nvme_slot *slot;

		if (completion.id >= nvme->info.depth || !nvme->slots[completion.id].busy)
			return -EIO;
		slot = &nvme->slots[completion.id];
		slot->busy = false;
		job->in_flight--;
		stats->commands++;
		if (completion.status == 0) {
			stats->bytes += slot->bytes;
		} else if (stats->failed++ == 0) {
			stats->status = completion.status;
		}
		reaped++;
	}
	return reaped;
}

static bool any_expired(const struct nvme *nvme)
{
	uint64_t now = nvme_now();
	unsigned int slot;

	for (slot = 0; slot < nvme->info.depth; slot++)
		if (nvme->slots[slot].busy && now > nvme->slots[slot].deadline)
			return true;
	return false;
}

static int run_job(struct nvme *nvme, struct job *job, struct nvme_stats *stats)
{
	unsigned int looks = 0;
	int reaped, err;

	while (job->left || job->in_flight) {
		err = submit_all(nvme, job);
		if (err)
			return err;
		reaped = reap(nvme, job, stats);
		if (reaped < 0)
			return reaped;
		if (reaped > 0) {
			looks = 0;
			continue;
		}
		if (any_expired(nvme))
			return -ETIMEDOUT;
		nvme_relax(looks++);
	}
	return 0;
}

int nvme_read(struct nvme *nvme, uint64_t lba, uint64_t bytes, uint64_t iova,
	      struct nvme_stats *stats)
{
	struct job job = { .lba = lba, .iova = iova, .left = bytes };
	uint64_t blocks = bytes / nvme->info.block_size;
	struct timespec begin, end;
	uint64_t last;
	int err;

	memset(stats, 0, sizeof(*stats));
	if (bytes == 0 || bytes % nvme->info.block_size || iova % 4 ||
	    __builtin_add_overflow(iova, bytes - 1, &last))
		return -EINVAL;
	if (lba > nvme->info.blocks || blocks > nvme->info.blocks - lba)
		return -ERANGE;
	if (!nvme->running) {
		err = nvme_start(nvme);
		if (err)
			return err;
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	err = run_job(nvme, &job, stats);
	clock_gettime(CLOCK_MONOTONIC, &end);
	stats->seconds = (double)(end.tv_sec - begin.tv_sec) +
			 (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	/* Commands may still be in flight: nothing may arrive after the caller knows. */
	if (err)
		nvme_stop(nvme);
	return err;
}
