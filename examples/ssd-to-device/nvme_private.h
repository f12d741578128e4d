/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the NVMe driver share. */
#ifndef NVME_PRIVATE_H
#define NVME_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme.h"
#include "nvme_spec.h"

/* One page of memory holds a submission queue of this many entries. */
#define NVME_QUEUE_ENTRIES	(NVME_PAGE / sizeof(struct nvme_command))
#define NVME_DEPTH		16U
/* Pages of PRP list for each command in flight; the last entry of one links to the next. */
#define NVME_LIST_PAGES		2U
#define NVME_PRPS_PER_PAGE	(NVME_PAGE / sizeof(uint64_t))
#define NVME_LIST_ENTRIES	(NVME_LIST_PAGES * (NVME_PRPS_PER_PAGE - 1) + 1)

/* The driver's own memory, page by page; mapped for the device as one run. */
enum nvme_page {
	NVME_PAGE_ADMIN_SQ,
	NVME_PAGE_ADMIN_CQ,
	NVME_PAGE_IO_SQ,
	NVME_PAGE_IO_CQ,
	NVME_PAGE_IDENTIFY,
	NVME_PAGE_LISTS,
	NVME_PAGES = NVME_PAGE_LISTS + NVME_DEPTH * NVME_LIST_PAGES,
};

/* A submission queue with the completion queue of the same number. */
struct nvme_queue {
	struct nvme_command *sq;
	volatile struct nvme_completion *cq;
	volatile uint32_t *sq_doorbell;
	volatile uint32_t *cq_doorbell;
	unsigned int entries;		/* of both */
	unsigned int tail;		/* next submission */
	unsigned int head;		/* next completion */
	unsigned int phase;		/* of completions that are new: 1 in the first round */
};

/* A command in flight; its index is the command id. */
struct nvme_slot {
	bool busy;
	uint32_t bytes;
	uint64_t deadline;		/* see nvme_now() */
};

struct nvme {
	struct peerbuf_container *container;
	struct peerbuf_device *device;
	volatile uint8_t *bar;
	size_t bar_size;		/* bytes */
	uint64_t cap;
	uint8_t *memory;		/* NVME_PAGES pages */
	uint64_t memory_iova;
	bool memory_mapped;		/* at memory_iova */
	bool running;			/* enabled, with an I/O queue */
	unsigned int timeout_ms;
	struct nvme_queue admin;
	struct nvme_queue io;
	struct nvme_slot slots[NVME_DEPTH];
	struct nvme_info info;
};

/* Milliseconds of the monotonic clock. */
uint64_t nvme_now(void);

/* Wait a moment between two looks; the more there have been, the longer. */
void nvme_relax(unsigned int looks);

/* Start using a pair of queues anew; the memory of both is zeroed. */
void nvme_queue_init(struct nvme *nvme, struct nvme_queue *queue, unsigned int number,
		     enum nvme_page sq, enum nvme_page cq, unsigned int entries);

void nvme_queue_submit(struct nvme_queue *queue, const struct nvme_command *command);

/* Take the next completion, if there is one. */
bool nvme_queue_poll(struct nvme_queue *queue, struct nvme_completion *completion);

/* Enable the controller and make its queues. */
int nvme_start(struct nvme *nvme);

/* Disable the controller: all its DMA has ended when this returns 0. */
int nvme_stop(struct nvme *nvme);

/**
 * nvme_prp_build - describe a destination to the controller, page by page
 * @iova: a multiple of 4
 * @length: bytes, at least 1
 * @list: memory for a list, of @list_pages pages; used only when two entries are not
 *	enough
 * @list_iova: where the device sees it; page aligned
 *
 * Returns the number of list entries written, links between pages included. EINVAL:
 * alignment, or a range that wraps. ENOSPC: the list is too short.
 */
int nvme_prp_build(uint64_t iova, uint64_t length, uint64_t *list, uint64_t list_iova,
		   size_t list_pages, uint64_t *prp1, uint64_t *prp2);

#endif /* NVME_PRIVATE_H */
