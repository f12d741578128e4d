// SPDX-License-Identifier: GPL-2.0-or-later
/* The controller: finding out about it, starting and stopping it. */
#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "nvme_private.h"

/* Base class, sub-class and interface of an NVMe I/O controller */
#define PCI_CLASS_NVME		0x010802

static uint32_t read_reg(const struct nvme *nvme, size_t offset)
{
	return le32toh(*(volatile uint32_t *)(nvme->bar + offset));
}

static void write_reg(struct nvme *nvme, size_t offset, uint32_t value)
{
	*(volatile uint32_t *)(nvme->bar + offset) = htole32(value);
}

/* Two halves, low one first: not every controller takes 64 bits at once. */
static void write_reg64(struct nvme *nvme, size_t offset, uint64_t value)
{
	write_reg(nvme, offset, (uint32_t)value);
	write_reg(nvme, offset + 4, (uint32_t)(value >> 32));
}

static uint64_t page_iova(const struct nvme *nvme, enum nvme_page page)
{
	return nvme->memory_iova + (uint64_t)page * NVME_PAGE;
}

/* Wait until the masked status has a value; the controller names its own time limit. */
static int wait_status(struct nvme *nvme, uint32_t mask, uint32_t value)
{
	uint64_t deadline = nvme_now() + 500 * ((uint64_t)NVME_CAP_TO(nvme->cap) + 1);
	unsigned int looks = 0;

	for (;;) {
		uint32_t status = read_reg(nvme, NVME_REG_CSTS);

		/* All ones: the device, or its memory, is switched off. */
		if (status == UINT32_MAX)
			return -ENODEV;
		if ((status & mask) == value)
			return 0;
		if (nvme_now() > deadline)
			return status & NVME_CSTS_CFS ? -EIO : -ETIMEDOUT;
		nvme_relax(looks++);
	}
}

int nvme_stop(struct nvme *nvme)
{
	uint32_t cc = read_reg(nvme, NVME_REG_CC);

	nvme->running = false;
	/* Turning EN off before an earlier "on" is through is undefined. */
	if (cc & NVME_CC_EN && !(read_reg(nvme, NVME_REG_CSTS) & NVME_CSTS_CFS))
		wait_status(nvme, NVME_CSTS_RDY, NVME_CSTS_RDY);
	write_reg(nvme, NVME_REG_CC, cc & ~(NVME_CC_EN | NVME_CC_SHN_MASK));
	return wait_status(nvme, NVME_CSTS_RDY, 0);
}

/* Run one admin command; there is never more than one. */
static int admin_command(struct nvme *nvme, const struct nvme_command *command)
{
	uint64_t deadline = nvme_now() + nvme->timeout_ms;
	struct nvme_completion completion;
	unsigned int looks = 0;

	nvme_queue_submit(&nvme->admin, command);
	while (!nvme_queue_poll(&nvme->admin, &completion)) {
		if (nvme_now() > deadline)
			return -ETIMEDOUT;
		nvme_relax(looks++);
	}
	return completion.status ? -EIO : 0;
}

static int identify(struct nvme *nvme, uint32_t nsid, uint32_t cns)
{
	struct nvme_command command = {
		.opcode = NVME_ADMIN_IDENTIFY,
		.nsid = htole32(nsid),
		.prp1 = htole64(page_iova(nvme, NVME_PAGE_IDENTIFY)),
		.cdw10 = htole32(cns),
	};

	return admin_command(nvme, &command);
}

/* Ask for one pair of I/O queues, and make it. */
static int create_queues(struct nvme *nvme)
{
	uint32_t number_and_size = 1 | (nvme->io.entries - 1) << 16;
	struct nvme_command ask = {
		.opcode = NVME_ADMIN_SET_FEATURES,
		.cdw10 = htole32(NVME_FEATURE_NR_QUEUES),
		.cdw11 = 0,	/* counts from 0: one of each */
	};
	struct nvme_command cq = {
		.opcode = NVME_ADMIN_CREATE_CQ,
		.prp1 = htole64(page_iova(nvme, NVME_PAGE_IO_CQ)),
		.cdw10 = htole32(number_and_size),
		.cdw11 = htole32(NVME_QUEUE_CONTIGUOUS),
	};
	struct nvme_command sq = {
		.opcode = NVME_ADMIN_CREATE_SQ,
		.prp1 = htole64(page_iova(nvme, NVME_PAGE_IO_SQ)),
		.cdw10 = htole32(number_and_size),
		.cdw11 = htole32(NVME_QUEUE_CONTIGUOUS | 1U << 16),	/* to CQ 1 */
	};
	int err;

	err = admin_command(nvme, &ask);
	if (!err)
		err = admin_command(nvme, &cq);
	if (!err)
		err = admin_command(nvme, &sq);
	return err;
}

int nvme_start(struct nvme *nvme)
{
	unsigned int entries = NVME_QUEUE_ENTRIES;
	int err;

	if (entries > NVME_CAP_MQES(nvme->cap) + 1)
		entries = NVME_CAP_MQES(nvme->cap) + 1;
	err = nvme_stop(nvme);
	if (err)
		return err;
	memset(nvme->slots, 0, sizeof(nvme->slots));
	nvme_queue_init(nvme, &nvme->admin, 0, NVME_PAGE_ADMIN_SQ, NVME_PAGE_ADMIN_CQ,
			entries);
	nvme_queue_init(nvme, &nvme->io, 1, NVME_PAGE_IO_SQ, NVME_PAGE_IO_CQ, entries);
	write_reg(nvme, NVME_REG_AQA, (entries - 1) | (entries - 1) << 16);
	write_reg64(nvme, NVME_REG_ASQ, page_iova(nvme, NVME_PAGE_ADMIN_SQ));
	write_reg64(nvme, NVME_REG_ACQ, page_iova(nvme, NVME_PAGE_ADMIN_CQ));
	write_reg(nvme, NVME_REG_CC, NVME_CC_EN | NVME_CC_IOSQES(NVME_SQ_ENTRY_LOG) |
				     NVME_CC_IOCQES(NVME_CQ_ENTRY_LOG));
	err = wait_status(nvme, NVME_CSTS_RDY, NVME_CSTS_RDY);
	if (!err)
		err = create_queues(nvme);
	nvme->running = !err;
	return err;
}

/* Copy a text field of identify data, without the blanks that fill it up. */
static void copy_text(char *to, const uint8_t *from, size_t length)
{
	memcpy(to, from, length);
	while (length > 0 && (to[length - 1] == ' ' || to[length - 1] == '\0'))
		length--;
	to[length] = '\0';
}

static int learn_controller(struct nvme *nvme)
{
	const uint8_t *data = nvme->memory + NVME_PAGE_IDENTIFY * NVME_PAGE;
	uint64_t limit = (uint64_t)NVME_LIST_ENTRIES * NVME_PAGE;
	uint8_t mdts;
	int err;

	err = identify(nvme, 0, NVME_CNS_CONTROLLER);
	if (err)
		return err;
	copy_text(nvme->info.serial, data + NVME_IDCTRL_SERIAL, 20);
	copy_text(nvme->info.model, data + NVME_IDCTRL_MODEL, 40);
	/* A power of two of pages; 0 is no limit, and ours is below 2^20 pages. */
	mdts = data[NVME_IDCTRL_MDTS];
	if (mdts && mdts < 20 && (uint64_t)NVME_PAGE << mdts < limit)
		limit = (uint64_t)NVME_PAGE << mdts;
	nvme->info.max_transfer = (uint32_t)limit;
	nvme->info.depth = NVME_DEPTH;
	/* A queue is full with one entry left. */
	if (nvme->info.depth > nvme->io.entries - 1)
		nvme->info.depth = nvme->io.entries - 1;
	return 0;
}

static int learn_namespace(struct nvme *nvme)
{
	const uint8_t *data = nvme->memory + NVME_PAGE_IDENTIFY * NVME_PAGE;
	uint32_t format, log;
	int err;

	err = identify(nvme, 1, NVME_CNS_NAMESPACE);
	if (err)
		return err;
	memcpy(&nvme->info.blocks, data + NVME_IDNS_NSZE, sizeof(nvme->info.blocks));
	nvme->info.blocks = le64toh(nvme->info.blocks);
	memcpy(&format, data + NVME_IDNS_LBAF + 4 * (data[NVME_IDNS_FLBAS] & 0xfU),
	       sizeof(format));
	format = le32toh(format);
	log = format >> 16 & 0xff;
	/* No metadata; and a block must fit into one command. */
	if (format & 0xffff || log < 9 || log > 20 ||
	    nvme->info.max_transfer < 1U << log)
		return -EOPNOTSUPP;
	nvme->info.block_size = 1U << log;
	nvme->info.max_transfer -= nvme->info.max_transfer % nvme->info.block_size;
	/* A command counts its blocks with 16 bits. */
	if (nvme->info.max_transfer / nvme->info.block_size > 0x10000)
		nvme->info.max_transfer = nvme->info.block_size * 0x10000;
	return 0;
}

/* Make sure that this is an NVMe controller, then map its registers. */
static int map_registers(struct nvme *nvme)
{
	struct peerbuf_region region;
	uint8_t raw[4];
	void *bar;
	int err;

	err = peerbuf_device_read(nvme->device, VFIO_PCI_CONFIG_REGION_INDEX,
				  PCI_CLASS_REVISION, raw, sizeof(raw));
	if (err)
		return err;
	if ((raw[3] << 16 | raw[2] << 8 | raw[1]) != PCI_CLASS_NVME)
		return -EOPNOTSUPP;
	err = peerbuf_device_command(nvme->device, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
				     0);
	if (err < 0)
		return err;
	err = peerbuf_device_region(nvme->device, VFIO_PCI_BAR0_REGION_INDEX, &region);
	if (err)
		return err;
	if (region.size < 2 * NVME_REG_DOORBELLS)
		return -EOPNOTSUPP;
	err = peerbuf_device_mmap(nvme->device, VFIO_PCI_BAR0_REGION_INDEX, 0, region.size,
				  PROT_READ | PROT_WRITE, &bar);
	if (err)
		return err;
	nvme->bar = bar;
	nvme->bar_size = region.size;
	nvme->cap = read_reg(nvme, NVME_REG_CAP) |
		    (uint64_t)read_reg(nvme, NVME_REG_CAP + 4) << 32;
	if (nvme->cap == UINT64_MAX)
		return -ENODEV;
	/* Two pairs of doorbells, however far apart, have to lie in the BAR. */
	if (NVME_CAP_MPSMIN(nvme->cap) != 0 || !NVME_CAP_NVM(nvme->cap) ||
	    NVME_CAP_MQES(nvme->cap) < 1 ||
	    NVME_REG_DOORBELLS + (16ULL << NVME_CAP_DSTRD(nvme->cap)) > region.size)
		return -EOPNOTSUPP;
	return 0;
}

static int map_memory(struct nvme *nvme)
{
	const size_t size = (size_t)NVME_PAGES * NVME_PAGE;
	void *memory;
	int err;

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	nvme->memory = memory;
	err = peerbuf_container_pick_iova(nvme->container, size, NVME_PAGE, 0,
					  &nvme->memory_iova);
	if (!err)
		err = peerbuf_container_map_ram(nvme->container, memory, size,
						nvme->memory_iova,
						PEERBUF_MAP_READ | PEERBUF_MAP_WRITE);
	nvme->memory_mapped = !err;
	return err;
}

int nvme_open(struct peerbuf_container *container, const char *bdf,
	      unsigned int timeout_ms, struct nvme **nvme)
{
	struct nvme *n;
	int err;

	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->container = container;
	n->timeout_ms = timeout_ms;
	err = peerbuf_device_open(container, bdf, &n->device);
	if (!err)
		err = map_registers(n);
	if (!err)
		err = map_memory(n);
	if (!err)
		err = nvme_start(n);
	if (!err)
		err = learn_controller(n);
	if (!err)
		err = learn_namespace(n);
	if (err) {
		nvme_close(n);
		return err;
	}
	*nvme = n;
	return 0;
}

void nvme_close(struct nvme *nvme)
{
	if (!nvme)
		return;
	if (nvme->running) {
		write_reg(nvme, NVME_REG_CC,
			  read_reg(nvme, NVME_REG_CC) | NVME_CC_SHN_NORMAL);
		wait_status(nvme, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_DONE);
	}
	/* The memory below may go only once the device cannot reach it any more. */
	if (nvme->memory_mapped)
		nvme_stop(nvme);
	if (nvme->device)
		peerbuf_device_command(nvme->device, 0, PCI_COMMAND_MASTER);
	if (nvme->memory_mapped)
		peerbuf_container_unmap(nvme->container, nvme->memory_iova,
					(uint64_t)NVME_PAGES * NVME_PAGE, NULL);
	if (nvme->memory)
		munmap(nvme->memory, (size_t)NVME_PAGES * NVME_PAGE);
	if (nvme->bar)
		munmap((void *)nvme->bar, nvme->bar_size);
	peerbuf_device_close(nvme->device);
	free(nvme);
}

const struct nvme_info *nvme_info(const struct nvme *nvme)
{
	return &nvme->info;
}
