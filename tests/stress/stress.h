/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A random machine of exporters, importers, resets and deaths, with invariants.
 *
 * Four kinds of processes: two exporters own a device with memory each, the importer an SSD,
 * the viewer maps buffers into its address space, and the parent kills any of them, resets the
 * devices behind their owners' backs, and starts anew whoever has died. All decisions come from
 * one seed, which is printed; what the processes do to each other still depends on their timing.
 */
#ifndef PEERBUF_STRESS_H
#define PEERBUF_STRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <peerbuf.h>

#define MIB (1ULL << 20)
#define PAGE 4096ULL

/* The device's first SLOTS * SLOT bytes are exported, one buffer a slot; behind lies GUARD. */
#define SLOTS 4
#define SLOT (4 * MIB)
#define GUARD (SLOTS * SLOT)
#define WINDOW (2 * GUARD)
#define GUARD_BYTE 0x5a

#define EXPORTERS 2
#define SOCKET_PATH "/tmp/stress.socket.%u"	/* number of the exporter */

/* Goes with a buffer. */
struct gift {
	uint64_t length;
	uint32_t slot;
	uint32_t serial;
};

struct random {
	uint64_t state;
};

/* Below @below, which is not 0. */
uint64_t pick(struct random *r, uint64_t below);

/* What was done and seen; shared by all processes. */
struct tally {
	uint64_t exports, withdrawals, toggles, resets, opens;
	uint64_t maps, refused, unmaps, reads, faulted, queries, revoked_seen;
	uint64_t views, looks, sigbuses;
	uint64_t kills, sysfs_resets;
	uint64_t violations;
	/* Of the processes' loops: the machine's clock, as slow as the kernel it runs on. */
	uint64_t exporter_steps[EXPORTERS], importer_steps, viewer_steps;
	/* A reset behind the owner's back is under way. */
	bool resetting[EXPORTERS];
	/* A command of the SSD is under way. */
	bool dma;
};

extern struct tally *tally;

#define COUNT(what) __atomic_add_fetch(&tally->what, 1, __ATOMIC_RELAXED)

/* An invariant does not hold: say which, and go on, so that all are seen. */
void violated(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A buffer of either exporter, or -1 if it has none to give. */
int receive(struct random *r, struct gift *gift);

/* They do not return; exit status 0 unless something that must work did not. */
void run_exporter(const char *bdf, unsigned int number, uint64_t seed);
void run_importer(const char *bdf, unsigned int number, uint64_t seed);
void run_viewer(const char *bdf, unsigned int number, uint64_t seed);

#endif
