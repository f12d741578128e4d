// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf test: QEMU's edu device, and NVMe controllers, which are only made to read. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "../../examples/ssd-to-device/nvme.h"
#include "tool.h"
#include "test.h"

#define TIMEOUT_MS	10000

/* --------------------------------------------------------------------------- edu */

#define EDU_REGS	0x1000u
#define EDU_SRC		0x80
#define EDU_DST		0x88
#define EDU_COUNT	0x90
#define EDU_CMD		0x98
#define EDU_RUN		1u
#define EDU_STORE	2u	/* from the device's memory */
#define EDU_MEMORY	0x40000u
#define EDU_CHUNK	2048u

struct edu {
	struct peerbuf_device *device;
	volatile uint64_t *regs;
};

static int edu_open(struct engine *e, const char *bdf)
{
	struct edu *edu = calloc(1, sizeof(*edu));
	void *regs;
	int err;

	if (!edu)
		return -ENOMEM;
	err = peerbuf_device_open(e->container, bdf, &edu->device);
	if (err)
		goto err_free;
	err = peerbuf_device_mmap(edu->device, VFIO_PCI_BAR0_REGION_INDEX, 0, EDU_REGS,
				  PROT_READ | PROT_WRITE, &regs);
	if (err)
		goto err_device;
	err = peerbuf_device_command(edu->device, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	if (err < 0)
		goto err_unmap;
	edu->regs = regs;
	e->state = edu;
	return 0;

err_unmap:
	munmap(regs, EDU_REGS);
err_device:
	peerbuf_device_close(edu->device);
err_free:
	free(edu);
	return err;
}

static void edu_close(struct engine *e)
{
	struct edu *edu = e->state;

	peerbuf_device_command(edu->device, 0, PCI_COMMAND_MASTER);
	munmap((void *)edu->regs, EDU_REGS);
	peerbuf_device_close(edu->device);
	free(edu);
}

static int edu_transfer(struct edu *edu, uint64_t from, uint64_t to, uint64_t count, uint64_t cmd)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int ms;

	edu->regs[EDU_SRC / 8] = from;
	edu->regs[EDU_DST / 8] = to;
	edu->regs[EDU_COUNT / 8] = count;
	edu->regs[EDU_CMD / 8] = cmd | EDU_RUN;
	for (ms = 0; ms < TIMEOUT_MS; ms++) {
		if (!(edu->regs[EDU_CMD / 8] & EDU_RUN))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

static int edu_move(struct engine *e, uint64_t to, uint64_t from, uint64_t length)
{
	int err = 0;

	while (length && !err) {
		uint64_t count = length < EDU_CHUNK ? length : EDU_CHUNK;

		err = edu_transfer(e->state, from, EDU_MEMORY, count, 0);
		if (!err)
			err = edu_transfer(e->state, EDU_MEMORY, to, count, EDU_STORE);
		from += count;
		to += count;
		length -= count;
	}
	return err;
}

/* -------------------------------------------------------------------------- NVMe */

static int ssd_open(struct engine *e, const char *bdf)
{
	struct nvme *nvme;
	int err = nvme_open(e->container, bdf, TIMEOUT_MS, &nvme);

	if (!err)
		e->state = nvme;
	return err;
}

static void ssd_close(struct engine *e)
{
	nvme_close(e->state);
}

/* The first blocks. */
static int ssd_move(struct engine *e, uint64_t to, uint64_t from, uint64_t length)
{
	struct nvme_stats stats;
	int err;

	(void)from;
	err = nvme_read(e->state, 0, length, to, &stats);
	return err ? err : stats.failed ? -EIO : 0;
}

/* ------------------------------------------------------------------------- kinds */

const struct engine_kind *find_engine(unsigned int vendor, unsigned int device,
				      unsigned int class)
{
	static const struct engine_kind edu = {
		.name = "edu",
		.copies = true,
		.length = 8192,
		.unit = 4096,
		.limit = 1ULL << 28,
		.open = edu_open,
		.close = edu_close,
		.move = edu_move,
	};
	static const struct engine_kind nvme = {
		.name = "NVMe",
		.length = 1 << 20,
		.unit = 4096,
		.limit = UINT64_MAX,
		.open = ssd_open,
		.close = ssd_close,
		.move = ssd_move,
	};

	if (vendor == 0x1234 && device == 0x11e8)
		return &edu;
	return class == 0x010802 ? &nvme : NULL;
}
