/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small NVMe driver in user space: one namespace, one I/O queue, reads only. What it
 * reads goes to an I/O virtual address of the container that it was opened in, and it
 * does not care what is there: RAM, or memory of another device.
 *
 * Functions return 0 or a negative errno and print nothing. One thread at a time.
 */
#ifndef NVME_H
#define NVME_H

#include <stddef.h>
#include <stdint.h>

#include <peerbuf.h>

struct nvme;

struct nvme_info {
	char model[41];
	char serial[21];
	uint64_t blocks;		/* of namespace 1 */
	uint32_t block_size;		/* bytes */
	uint32_t max_transfer;		/* bytes of one command */
	unsigned int depth;		/* commands in flight at once */
};

/* What one nvme_read() did. */
struct nvme_stats {
	uint64_t bytes;			/* of the commands that succeeded */
	uint64_t commands;		/* completed, with or without success */
	uint64_t failed;
	uint16_t status;		/* of the first command that failed, or 0 */
	double seconds;
};

/**
 * nvme_open - take over the NVMe controller at a PCI address
 * @container: outlives the driver
 * @timeout_ms: time limit of one command
 * @nvme: freed by nvme_close()
 *
 * Beside the errors of peerbuf_device_open(): EOPNOTSUPP, the device is no NVMe
 * controller, or one that needs what this driver does not have (pages other than 4 KiB,
 * metadata). ETIMEDOUT: the controller does not answer. EIO: it reports an error.
 */
int nvme_open(struct peerbuf_container *container, const char *bdf,
	      unsigned int timeout_ms, struct nvme **nvme);

/* Shut the controller down; no DMA of it is under way afterwards. */
void nvme_close(struct nvme *nvme);

const struct nvme_info *nvme_info(const struct nvme *nvme);

/**
 * nvme_read - read blocks to an I/O virtual address
 * @lba: first block
 * @bytes: a multiple of the block size
 * @iova: a multiple of 4 bytes
 * @stats: what was done; filled in on errors of the device too
 *
 * Returns 0 once every command has completed; look at @stats->failed, as a command that
 * the controller refuses does not end the job. EINVAL: alignment. ERANGE: beyond the
 * last block. ETIMEDOUT: a command did not complete in time; the controller has been
 * stopped, so that nothing arrives late, and the next call starts it again.
 */
int nvme_read(struct nvme *nvme, uint64_t lba, uint64_t bytes, uint64_t iova,
	      struct nvme_stats *stats);

/* What a completion status means, in a few words. Static. */
const char *nvme_status_text(uint16_t status);

#endif /* NVME_H */
