/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A random machine of exporters, importers, resets and deaths, with invariants.
 *
 * Three kinds of processes: the exporter owns a device with memory, the importer an SSD,
 * and the parent kills either, resets the device behind its owner's back, and starts anew
 * whoever has died. All decisions come from one seed, which is printed; what the processes
 * do to each other still depends on their timing.
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

#define SOCKET_PATH "/tmp/stress.socket"

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
	uint64_t kills, sysfs_resets;
	uint64_t violations;
	/* Of the processes' loops: the machine's clock, as slow as the kernel it runs on. */
	uint64_t exporter_steps, importer_steps;
	/* A reset behind the owner's back is under way. */
	bool resetting;
	/* A command of the SSD is under way. */
	bool dma;
};

extern struct tally *tally;

#define COUNT(what) __atomic_add_fetch(&tally->what, 1, __ATOMIC_RELAXED)

/* An invariant does not hold: say which, and go on, so that all are seen. */
void violated(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* They do not return; exit status 0 unless something that must work did not. */
void run_exporter(const char *bdf, uint64_t seed);
void run_importer(const char *bdf, uint64_t seed);

#endif
