// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The exporter of the random machine.
 *
 * Invariants: the guard behind the slots never changes; a slot does not change after its
 * buffer was withdrawn; no buffer is LIVE while the device's memory is off.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "stress.h"

struct exporter {
	struct random random;
	struct peerbuf_container *container;
	struct peerbuf_device *device;
	volatile unsigned char *window;
	int buffer[SLOTS];		/* or -1 */
	uint64_t length[SLOTS];
	uint32_t serial;
	unsigned int number;
	int listener;
};

/*
 * Does every block of the window's part hold one byte? A reset behind our back makes
 * reads return ones and writes vanish for a moment, so a difference counts when it stays.
 */
static bool holds(struct exporter *e, uint64_t offset, uint64_t length, unsigned char byte)
{
	uint64_t i;
	int tries;

	for (tries = 0; tries < 20; tries++) {
		for (i = 0; i < length; i += 512)
			if (e->window[offset + i] != byte)
				break;
		if (i >= length)
			return true;
		usleep(20000);
	}
	return false;
}

static bool paint(struct exporter *e, uint64_t offset, uint64_t length, unsigned char byte)
{
	int tries;

	for (tries = 0; tries < 20; tries++) {
		memset((void *)(e->window + offset), byte, length);
		if (holds(e, offset, length, byte))
			return true;
	}
	return false;
}

/* A reset behind our back may swallow the write. */
static void memory_on(struct exporter *e)
{
	int tries, command = 0;

	for (tries = 0; tries < 100 && !(command & PCI_COMMAND_MEMORY); tries++) {
		command = peerbuf_device_command(e->device, PCI_COMMAND_MEMORY, 0);
		if (command < 0)
			command = 0;
	}
	if (!(command & PCI_COMMAND_MEMORY))
		violated("memory cannot be switched on again");
}

static bool open_device(struct exporter *e, const char *bdf)
{
	void *p;

	if (peerbuf_container_open(PEERBUF_IOMMU, &e->container) ||
	    peerbuf_device_open(e->container, bdf, &e->device) ||
	    peerbuf_device_mmap(e->device, VFIO_PCI_BAR2_REGION_INDEX, 0, WINDOW,
				PROT_READ | PROT_WRITE, &p))
		return false;
	e->window = p;
	/* A device that was opened in the middle of a reset starts with its memory off. */
	memory_on(e);
	if (!paint(e, GUARD, GUARD, GUARD_BYTE))
		return false;
	COUNT(opens);
	return true;
}

static bool serve(struct exporter *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), SOCKET_PATH, e->number);
	unlink(addr.sun_path);
	e->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return e->listener >= 0 && !bind(e->listener, (struct sockaddr *)&addr, sizeof(addr)) &&
	       !listen(e->listener, 8);
}

static uint32_t state_of(struct exporter *e, int slot)
{
	struct peerbuf_device_query_buffer q = {
		.argsz = sizeof(q), .dmabuf_fd = e->buffer[slot],
	};

	if (peerbuf_device_query_buffer(e->device, &q))
		violated("the state of slot %d cannot be asked for", slot);
	return q.state;
}

/* One to three ranges of the slot, in any order. */
static void do_export(struct exporter *e, int slot)
{
	struct vfio_region_dma_range range[3];
	uint32_t i, nr = 1 + pick(&e->random, 3);
	uint64_t part = SLOT / 4;

	e->length[slot] = 0;
	for (i = 0; i < nr; i++) {
		range[i].offset = slot * SLOT + pick(&e->random, 3) * part +
				  pick(&e->random, 2) * PAGE;
		range[i].length = (1 + pick(&e->random, part / PAGE)) * PAGE;
		e->length[slot] += range[i].length;
	}
	e->buffer[slot] = peerbuf_device_export(e->device, VFIO_PCI_BAR2_REGION_INDEX, O_RDWR,
						range, nr);
	if (e->buffer[slot] < 0) {
		violated("an export failed with %d", -e->buffer[slot]);
		return;
	}
	COUNT(exports);
	if (pick(&e->random, 2) &&
	    peerbuf_device_set_caching(e->device, e->buffer[slot],
				       PEERBUF_CACHING_WRITE_COMBINING))
		violated("slot %d cannot combine writes", slot);
}

/*
 * QEMU translates the addresses of a command when it begins, and writes when the disk has
 * answered; its emulated IOMMU does not wait for that, as a real one does when its caches
 * are flushed. A command that was under way at the time of a revoke may therefore still
 * write, here and not on hardware. Let it end; those that begin later have no excuse.
 */
static void let_command_end(void)
{
	uint64_t reads = __atomic_load_n(&tally->reads, __ATOMIC_SEQ_CST);

	while (__atomic_load_n(&tally->dma, __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&tally->reads, __ATOMIC_SEQ_CST) == reads)
		usleep(100);
}

/* After this nobody may write into the slot: not while it is looked at, either. */
static void withdraw(struct exporter *e, int slot)
{
	int err = peerbuf_device_revoke_buffer(e->device, e->buffer[slot]);
	unsigned char byte = 0x30 + slot;

	if (err)
		violated("slot %d could not be withdrawn: %d", slot, -err);
	let_command_end();
	/* Other data than the SSD would write, so that a late write is seen. */
	if (!paint(e, slot * SLOT, SLOT, byte))
		violated("slot %d does not keep what is written to it", slot);
	usleep(1000 + pick(&e->random, 5000));
	if (!holds(e, slot * SLOT, SLOT, byte))
		violated("slot %d changed after it was withdrawn", slot);
	if (state_of(e, slot) != PEERBUF_STATE_DEAD)
		violated("slot %d is not dead after it was withdrawn", slot);
	close(e->buffer[slot]);
	e->buffer[slot] = -1;
	COUNT(withdrawals);
}

static void toggle(struct exporter *e)
{
	int slot, command = peerbuf_device_command(e->device, 0, PCI_COMMAND_MEMORY);

	if (command >= 0 && !(command & PCI_COMMAND_MEMORY)) {
		for (slot = 0; slot < SLOTS; slot++)
			if (e->buffer[slot] >= 0 &&
			    state_of(e, slot) == PEERBUF_STATE_LIVE)
				violated("slot %d is live while memory is off", slot);
	}
	usleep(pick(&e->random, 3000));
	memory_on(e);
	COUNT(toggles);
}

static void give(struct exporter *e, int slot)
{
	struct gift gift = {
		.length = e->length[slot], .slot = slot, .serial = ++e->serial,
	};
	int peer = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);

	if (peer < 0)
		return;
	if (e->buffer[slot] >= 0)
		peerbuf_send_fd(peer, e->buffer[slot], &gift, sizeof(gift));
	close(peer);
}

static void check_guard(struct exporter *e)
{
	if (holds(e, GUARD, GUARD, GUARD_BYTE))
		return;
	violated("the guard changed");
	paint(e, GUARD, GUARD, GUARD_BYTE);
}

static void step(struct exporter *e)
{
	int slot = pick(&e->random, SLOTS);

	give(e, slot);
	switch (pick(&e->random, 16)) {
	case 0:
		toggle(e);
		break;
	case 1:
		if (!peerbuf_device_reset(e->device))
			COUNT(resets);
		break;
	case 2:
		check_guard(e);
		break;
	case 3:
	case 4:
		if (e->buffer[slot] >= 0)
			withdraw(e, slot);
		break;
	case 5 ... 9:
		if (e->buffer[slot] < 0)
			do_export(e, slot);
		break;
	default:
		usleep(pick(&e->random, 2000));
	}
}

void run_exporter(const char *bdf, unsigned int number, uint64_t seed)
{
	struct exporter e = {
		.random.state = seed, .buffer = { -1, -1, -1, -1 }, .number = number,
	};
	int steps;

	/* The one before us may still be closing. */
	for (steps = 0; !open_device(&e, bdf); steps++) {
		peerbuf_device_close(e.device);
		peerbuf_container_close(e.container);
		e.device = NULL;
		e.container = NULL;
		if (steps == 1000) {
			violated("the exporter cannot open its device");
			exit(1);
		}
		usleep(10000);
	}
	if (!serve(&e))
		exit(1);
	for (steps = 200 + pick(&e.random, 2000); steps; steps--) {
		step(&e);
		COUNT(exporter_steps[number]);
	}
	/* Its buffers end with it, without a word. */
	exit(0);
}
