/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the measurements share. Each prints what it is and its raw samples, for bench/run:
 *
 *	# bench NAME|UNIT|less or more is better|GOAL|PEER
 *	# sample NAME ours|peer VALUE
 *
 * GOAL is the largest good ratio of ours to the peer's (the smallest, where more is
 * better), or empty. Whatever fails ends the program.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peerbuf.h>

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define PAGE (4 * KIB)
#define BAR2 2

enum side { OURS, PEER };

extern unsigned int rounds;

/* Whose turn it is in step 0 or 1 of a round: who is first changes. */
#define FOR_BOTH(round, side)							\
	for (unsigned int step_ = 0, side = (round) & 1; step_ < 2; step_++, side ^= 1)

void declare(const char *unit, const char *better, const char *goal, const char *peer,
	     const char *name, ...) __attribute__((format(printf, 5, 6)));
void sample(enum side side, double value, const char *name, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends the program if @result is negative; a system call's -1 is told with errno. */
long must(long result, const char *what);

/* Microseconds of a clock that only goes forward. */
double now(void);

/* The value of an environment variable that the topology sets. */
const char *bdf_of(const char *role);
uint32_t bdf_number(const char *role);

/* An IOVA space with the SSD's group in it, and nothing of the device opened. */
struct peerbuf_container *container_of_ssd(enum side side);
void map_dma(struct peerbuf_container *c, void *addr, uint64_t length, uint64_t iova);
void unmap_dma(struct peerbuf_container *c, uint64_t iova, uint64_t length);

/* The device of a role in a container of its own, which stays. */
struct peerbuf_device *device_of(const char *role, uint32_t type);

/* The bare loops, for ranges of BIG's memory in a domain of the SSD's group. */
int bare_open(const struct vfio_region_dma_range *ranges, uint32_t nr, uint64_t iova,
	      uint64_t stride, uint32_t copies);
void bare_map(int bare);
void bare_unmap(int bare);

void measure_ram(void);
void measure_bar(struct peerbuf_device *big);
void measure_ranges(struct peerbuf_device *big);
void measure_revoke(struct peerbuf_device *big);
void measure_driver(struct peerbuf_device *big);
void measure_job(struct peerbuf_device *big);

#endif
