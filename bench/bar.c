// SPDX-License-Identifier: GPL-2.0-or-later
/* map_bar, map_ranges: device memory, against bare loops and against stock type1. */
#include "measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vfio.h>

#define IOVA (64 * GIB)
#define STOCK_SECONDS 15	/* to spend on the stock way for each size, about */

void by_container(const struct mapped *what, double *map, double *unmap)
{
	struct peerbuf_iommu_map_buffer arg = {
		.argsz = sizeof(arg),
		.flags = PEERBUF_MAP_READ | PEERBUF_MAP_WRITE,
		.dmabuf_fd = what->buffer,
		.event_fd = -1,
		.length = what->length,
		.iova = IOVA,
	};
	struct peerbuf_iommu_unmap_buffer undo = { .argsz = sizeof(undo), .iova = IOVA };
	struct peerbuf_container *c = container_of_ssd(OURS);
	int fd = peerbuf_container_fd(c);
	double begin = now(), middle;

	must(ioctl(fd, PEERBUF_IOMMU_MAP_BUFFER, &arg), "MAP_BUFFER");
	middle = now();
	must(ioctl(fd, PEERBUF_IOMMU_UNMAP_BUFFER, &undo), "UNMAP_BUFFER");
	*unmap = now() - middle;
	*map = middle - begin;
	peerbuf_container_close(c);
}

static void bare(const struct mapped *what, double *map, double *unmap)
{
	int loop = bare_open(what->ranges, what->nr, IOVA, 0, 1);
	double begin = now(), middle;

	bare_map(loop);
	middle = now();
	bare_unmap(loop);
	*unmap = now() - middle;
	*map = middle - begin;
	close(loop);
}

void map_in_turns(unsigned int r, const struct mapped what[2], const char *name)
{
	FOR_BOTH(r, side) {
		uint32_t per = what[side].per ?: 1;
		double map, unmap;

		what[side].by(&what[side], &map, &unmap);
		sample(side, map / per, "map_%s", name);
		sample(side, unmap / per, "unmap_%s", name);
	}
}

static void against_bare(int buffer, const struct vfio_region_dma_range *ranges, uint32_t nr,
			 uint64_t length, const char *name, const char *goal)
{
	const struct mapped what[] = {
		[OURS] = { .by = by_container, .buffer = buffer, .length = length },
		[PEER] = { .by = bare, .ranges = ranges, .nr = nr },
	};

	declare("us", "less", goal, "bare iommu_map() loop", "map_%s", name);
	declare("us", "less", goal, "bare iommu_unmap()", "unmap_%s", name);
	for (unsigned int r = 0; r < many_rounds(); r++)
		map_in_turns(r, what, name);
}

static void by_address(const struct mapped *what, double *map, double *unmap)
{
	struct peerbuf_container *c = container_of_ssd(what->side);
	double begin = now(), middle;

	map_dma(c, what->addr, what->length, IOVA);
	middle = now();
	unmap_dma(c, IOVA, what->length);
	*unmap = now() - middle;
	*map = middle - begin;
	peerbuf_container_close(c);
}

/* What VMMs do: the same call, on both. */
static void against_type1(struct peerbuf_device *big, struct peerbuf_device *plain,
			  uint64_t length, const char *size)
{
	struct mapped what[] = {
		[OURS] = { .by = by_address, .side = OURS, .length = length },
		[PEER] = { .by = by_address, .side = PEER, .length = length },
	};
	double begin = now();
	char name[48];

	must(peerbuf_device_mmap(big, BAR2, 0, length, PROT_READ | PROT_WRITE, &what[OURS].addr),
	     "mmap");
	must(peerbuf_device_mmap(plain, BAR2, 0, length, PROT_READ | PROT_WRITE, &what[PEER].addr),
	     "mmap");
	snprintf(name, sizeof(name), "%s_mmap", size);
	declare("us", "less", "0.001", "stock type1, mmapped BAR", "map_%s", name);
	declare("us", "less", "1.0", "stock type1, mmapped BAR", "unmap_%s", name);
	for (unsigned int r = 0; r < rounds && now() - begin < STOCK_SECONDS * 1e6; r++)
		map_in_turns(r, what, name);
	munmap(what[OURS].addr, length);
	munmap(what[PEER].addr, length);
}

/*
 * What should not depend on the size, or on the number, of what is mapped: the larger against
 * the smaller, in turns, each divided by how many there are.
 */
static void against_smaller(const int buffer[2], const uint64_t length[2], const uint32_t per[2],
			    const char *goal, const char *peer, const char *name)
{
	struct mapped what[2];

	for (unsigned int side = OURS; side <= PEER; side++)
		what[side] = (struct mapped) {
			.by = by_container, .buffer = buffer[side], .length = length[side],
			.per = per[side],
		};
	declare("us", "less", goal, peer, "map_%s", name);
	declare("us", "less", goal, peer, "unmap_%s", name);
	for (unsigned int r = 0; r < many_rounds(); r++)
		map_in_turns(r, what, name);
}

static int export(struct peerbuf_device *big, const struct vfio_region_dma_range *ranges,
		  uint32_t nr)
{
	return (int)must(peerbuf_device_export(big, BAR2, O_RDWR, ranges, nr), "export");
}

/* All are congruent: the IOVA is a multiple of the largest page, as the BAR's address is. */
static void flat_in_size(struct peerbuf_device *big)
{
	static const uint32_t whole[] = { 1, 1 };
	unsigned int large = bars[nr_bars - 1], small = bars[0];
	const struct vfio_region_dma_range range[] = {
		[OURS] = { .length = large * GIB }, [PEER] = { .length = small * GIB },
	};
	const int buffer[] = { export(big, &range[OURS], 1), export(big, &range[PEER], 1) };
	const uint64_t length[] = { large * GIB, small * GIB };
	char peer[48];

	snprintf(peer, sizeof(peer), "a BAR of %u GiB; ours: of %u GiB", small, large);
	against_smaller(buffer, length, whole, "1.5", peer, "bar_flat");
	close(buffer[OURS]);
	close(buffer[PEER]);
}

void measure_bar(struct peerbuf_device *big)
{
	for (unsigned int i = 0; i < nr_bars; i++) {
		struct vfio_region_dma_range range = { .length = bars[i] * GIB };
		int buffer = export(big, &range, 1);
		char name[32];

		snprintf(name, sizeof(name), "bar_%ug", bars[i]);
		against_bare(buffer, &range, 1, range.length, name, "1.25");
		close(buffer);
		/* A machine that counts would be at it for minutes. */
		if (!counting)
			against_type1(big, plain_device(), range.length, name);
	}
	if (nr_bars > 1)
		flat_in_size(big);
}

#define MOST 10000

void measure_ranges(struct peerbuf_device *big)
{
	static const uint32_t numbers[] = { 1, 10, 100, 1000, MOST };
	static const uint32_t compared[] = { [OURS] = MOST, [PEER] = MOST / 10 };
	const uint64_t length[] = { MOST * PAGE, MOST / 10 * PAGE };
	struct vfio_region_dma_range *ranges = calloc(MOST, sizeof(*ranges));
	int buffer[2];

	/* No two are adjacent, so that no two become one. */
	for (unsigned int i = 0; i < MOST; i++)
		ranges[i] = (struct vfio_region_dma_range) { i * 2 * PAGE, PAGE };
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int one = export(big, ranges, numbers[i]);
		char name[32];

		snprintf(name, sizeof(name), "ranges_%u", numbers[i]);
		against_bare(one, ranges, numbers[i], numbers[i] * PAGE, name, "1.5");
		close(one);
	}
	for (unsigned int side = OURS; side <= PEER; side++)
		buffer[side] = export(big, ranges, compared[side]);
	against_smaller(buffer, length, compared, "1.25",
			"one of 1000 ranges; ours: one of 10000", "ranges_linear");
	close(buffer[OURS]);
	close(buffer[PEER]);
	free(ranges);
}
