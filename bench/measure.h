/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the measurements share. Each prints what it is and its raw samples, for bench/run:
 *
 *	# bench NAME|UNIT|less or more is better|GOAL|PEER
 *	# sample NAME ours|peer VALUE
 *	# absent NAMES|what this kernel lacks
 *
 * GOAL is the largest good ratio of ours to the peer's (the smallest, where more is
 * better), or empty. Whatever fails ends the program.
 *
 * With BENCH_COUNT in the environment the machine's clock counts instructions, one a
 * nanosecond; what is a time otherwise is then told as instructions, under a name of its
 * own, and what is none is left out.
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
extern bool counting;

/* For what takes microseconds only, which a machine that is loaded makes differ much. */
unsigned int many_rounds(void);

/* Sizes of BARs to measure with, in GiB; ascending. */
#define MAX_BARS 16
extern unsigned int bars[MAX_BARS];
extern unsigned int nr_bars;

/* Whose turn it is in step 0 or 1 of a round: who is first changes. */
#define FOR_BOTH(round, side)							\
	for (unsigned int step_ = 0, side = (round) & 1; step_ < 2; step_++, side ^= 1)

void declare(const char *unit, const char *better, const char *goal, const char *peer,
	     const char *name, ...) __attribute__((format(printf, 5, 6)));
void sample(enum side side, double value, const char *name, ...)
	__attribute__((format(printf, 3, 4)));

/* Some measurements, as in "map_*", are not made; why, in a few words. */
void absent(const char *names, const char *why);

/* Ends the program if @result is negative; a system call's -1 is told with errno. */
long must(long result, const char *what);

/* Microseconds, or thousands of instructions, of a clock that only goes forward. */
double now(void);

/* The value of an environment variable that the topology sets. */
const char *bdf_of(const char *role);
uint32_t bdf_number(const char *role);

/* An IOVA space with the SSD's group in it, and nothing of the device opened. */
struct peerbuf_container *container_of_ssd(enum side side);
void map_dma(struct peerbuf_container *c, void *addr, uint64_t length, uint64_t iova);
void unmap_dma(struct peerbuf_container *c, uint64_t iova, uint64_t length);

/* What is mapped and unmapped again, and how long either takes. */
struct mapped {
	void (*by)(const struct mapped *what, double *map, double *unmap);
	uint64_t length;
	int buffer;		/* of by_container() and the like */
	enum side side;		/* of whose container it is, where that is not told by @by */
	void *addr;
	const struct vfio_region_dma_range *ranges;
	uint32_t nr;
	uint32_t per;		/* a sample is of so many; 0: of one */
};

/* MAP_BUFFER, the whole ioctl, and the one that takes it back, in a new container. */
void by_container(const struct mapped *what, double *map, double *unmap);

/* Round @r of map_NAME and unmap_NAME: both sides, in turns. */
void map_in_turns(unsigned int r, const struct mapped what[2], const char *name);

/* The device of a role in a container of its own, which stays. */
struct peerbuf_device *device_of(const char *role, uint32_t type);

/* PLAIN, in one of stock type1's; opened once. */
struct peerbuf_device *plain_device(void);

/* The bare loops, for ranges of BIG's memory in a domain of the SSD's group. */
int bare_open(const struct vfio_region_dma_range *ranges, uint32_t nr, uint64_t iova,
	      uint64_t stride, uint32_t copies);
void bare_map(int bare);
void bare_unmap(int bare);

void measure_ram(void);
void measure_bar(struct peerbuf_device *big);
void measure_ranges(struct peerbuf_device *big);
void measure_revoke(struct peerbuf_device *big);
void measure_iommufd(struct peerbuf_device *big);
void measure_driver(struct peerbuf_device *big);
void measure_job(struct peerbuf_device *big);

#endif
