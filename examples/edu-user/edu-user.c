// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * edu-user: a driver in user space, whole, in 150 lines.
 *
 *	edu-user EDU OTHER
 *
 * EDU is QEMU's edu device, bound to vfio-pci: it copies between memory and a buffer of its own.
 * Here it copies from RAM into BAR 2 of OTHER, bound to vfio_pci_peerbuf, and back.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <peerbuf.h>

#define LENGTH		4096
#define CHUNK		2048		/* QEMU takes all of the 4096 for one too many */
#define RAM_IOVA	0x1000000u	/* edu has 28 address lines */
#define BAR_IOVA	0x2000000u
#define BOTH		(PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)

/* Registers, in words of 8 bytes, and where its own 4 KiB are in its address space */
enum { SOURCE = 0x80 / 8, DESTINATION = 0x88 / 8, COUNT = 0x90 / 8, COMMAND = 0x98 / 8 };
#define RUN		1u
#define FROM_EDU	2u
#define EDU_MEMORY	0x40000u

struct driver {
	struct peerbuf_container *container;
	struct peerbuf_device *edu, *other;
	volatile uint64_t *registers;
	char *ram;			/* the device's view: RAM_IOVA */
	int buffer;			/* of the other device: BAR_IOVA */
};

/* --------------------------------------------------------------------- the device */

static int transfer(struct driver *d, uint64_t from, uint64_t to, uint64_t flags)
{
	int ms;

	d->registers[SOURCE] = from;
	d->registers[DESTINATION] = to;
	d->registers[COUNT] = CHUNK;
	d->registers[COMMAND] = flags | RUN;
	for (ms = 0; d->registers[COMMAND] & RUN; ms++) {
		if (ms == 10000)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

/* Into the device's own memory, and out of it. */
static int copy(struct driver *d, uint64_t from, uint64_t to)
{
	int done, err = 0;

	for (done = 0; done < LENGTH && !err; done += CHUNK) {
		err = transfer(d, from + done, EDU_MEMORY, 0);
		err = err ? err : transfer(d, EDU_MEMORY, to + done, FROM_EDU);
	}
	return err;
}

/* ------------------------------------------------------------- opening and closing */

static int open_edu(struct driver *d, const char *bdf)
{
	void *map;
	int err;

	err = peerbuf_device_open(d->container, bdf, &d->edu);
	if (!err)
		err = peerbuf_device_mmap(d->edu, VFIO_PCI_BAR0_REGION_INDEX, 0, 4096,
					  PROT_READ | PROT_WRITE, &map);
	if (err)
		return err;
	d->registers = map;
	err = peerbuf_device_command(d->edu, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	return err < 0 ? err : 0;
}

/* The device's memory at RAM_IOVA is this process's RAM. */
static int map_ram(struct driver *d)
{
	d->ram = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (d->ram == MAP_FAILED)
		return -errno;
	return peerbuf_container_map_ram(d->container, d->ram, LENGTH, RAM_IOVA, BOTH);
}

/* At BAR_IOVA it is the other device's: any process could have exported it. */
static int map_bar(struct driver *d, const char *bdf)
{
	struct vfio_region_dma_range part = { .offset = 0, .length = LENGTH };
	int err = peerbuf_device_open(d->container, bdf, &d->other);

	if (!err)
		err = peerbuf_device_command(d->other, PCI_COMMAND_MEMORY, 0);
	if (err < 0)
		return err;
	d->buffer = peerbuf_device_export(d->other, VFIO_PCI_BAR2_REGION_INDEX, O_RDWR, &part, 1);
	if (d->buffer < 0)
		return d->buffer;
	return peerbuf_container_map_buffer(d->container, d->buffer, -1, 0, LENGTH, BAR_IOVA, BOTH);
}

static void close_all(struct driver *d)
{
	/* First of all the device that does the DMA is stopped. */
	if (d->edu)
		peerbuf_device_command(d->edu, 0, PCI_COMMAND_MASTER);
	if (d->registers)
		munmap((void *)d->registers, 4096);
	peerbuf_device_close(d->edu);
	if (d->buffer >= 0)
		close(d->buffer);
	peerbuf_device_close(d->other);
	peerbuf_container_close(d->container);
}

int main(int argc, char **argv)
{
	struct driver d = { .buffer = -1 };
	int err;

	if (argc != 3) {
		fputs("Usage: edu-user EDU OTHER\n", stderr);
		return 2;
	}
	err = peerbuf_container_open(PEERBUF_IOMMU, &d.container);
	err = err ? err : open_edu(&d, argv[1]);
	err = err ? err : map_ram(&d);
	err = err ? err : map_bar(&d, argv[2]);
	if (!err) {
		strcpy(d.ram, "through the other device's memory");
		err = copy(&d, RAM_IOVA, BAR_IOVA);
		memset(d.ram, 0, LENGTH);
		err = err ? err : copy(&d, BAR_IOVA, RAM_IOVA);
	}
	puts(err ? strerror(-err) : d.ram);
	close_all(&d);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
