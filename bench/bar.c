// SPDX-License-Identifier: GPL-2.0-or-later
/* map_bar, map_ranges: device memory, against bare loops and against stock type1. */
#include "measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vfio.h>

#define IOVA (64 * GIB)
#define STOCK_SECONDS 15	/* to spend on the stock way for each size, about */

/* The whole ioctl, and the one that takes it back. */
static void ours(int buffer, uint64_t length, double *map, double *unmap)
{
	struct peerbuf_container *c = container_of_ssd(OURS);
	double begin = now(), middle;

	must(peerbuf_container_map_buffer(c, buffer, -1, 0, length, IOVA,
					  PEERBUF_MAP_READ | PEERBUF_MAP_WRITE),
	     "MAP_BUFFER");
	middle = now();
	must(peerbuf_container_unmap_buffer(c, IOVA), "UNMAP_BUFFER");
	*unmap = now() - middle;
	*map = middle - begin;
	peerbuf_container_close(c);
}

static void bare(const struct vfio_region_dma_range *ranges, uint32_t nr, double *map,
		 double *unmap)
{
	int loop = bare_open(ranges, nr, IOVA, 0, 1);
	double begin = now(), middle;

	bare_map(loop);
	middle = now();
	bare_unmap(loop);
	*unmap = now() - middle;
	*map = middle - begin;
	close(loop);
}

static void against_bare(int buffer, const struct vfio_region_dma_range *ranges, uint32_t nr,
			 uint64_t length, const char *name, const char *goal)
{
	declare("us", "less", goal, "bare iommu_map() loop", "map_%s", name);
	declare("us", "less", goal, "bare iommu_unmap()", "unmap_%s", name);
	for (unsigned int r = 0; r < rounds; r++)
		FOR_BOTH(r, side) {
			double map, unmap;

			if (side == OURS)
				ours(buffer, length, &map, &unmap);
			else
				bare(ranges, nr, &map, &unmap);
			sample(side, map, "map_%s", name);
			sample(side, unmap, "unmap_%s", name);
		}
}

static void by_address(enum side side, void *addr, uint64_t length, double *map,
		       double *unmap)
{
	struct peerbuf_container *c = container_of_ssd(side);
	double begin = now(), middle;

	map_dma(c, addr, length, IOVA);
	middle = now();
	unmap_dma(c, IOVA, length);
	*unmap = now() - middle;
	*map = middle - begin;
	peerbuf_container_close(c);
}

/* What VMMs do: the same call, on both. */
static void against_type1(struct peerbuf_device *big, struct peerbuf_device *plain,
			  uint64_t length, const char *name)
{
	double begin = now();
	void *addr[2];

	must(peerbuf_device_mmap(big, BAR2, 0, length, PROT_READ | PROT_WRITE, &addr[OURS]),
	     "mmap");
	must(peerbuf_device_mmap(plain, BAR2, 0, length, PROT_READ | PROT_WRITE, &addr[PEER]),
	     "mmap");
	declare("us", "less", "0.001", "stock type1, mmapped BAR", "map_%s_mmap", name);
	declare("us", "less", "1.0", "stock type1, mmapped BAR", "unmap_%s_mmap", name);
	for (unsigned int r = 0; r < rounds && now() - begin < STOCK_SECONDS * 1e6; r++)
		FOR_BOTH(r, side) {
			double map, unmap;

			by_address(side, addr[side], length, &map, &unmap);
			sample(side, map, "map_%s_mmap", name);
			sample(side, unmap, "unmap_%s_mmap", name);
		}
	munmap(addr[OURS], length);
	munmap(addr[PEER], length);
}

void measure_bar(struct peerbuf_device *big)
{
	const char *sizes = getenv("BENCH_BAR_GIB");
	struct peerbuf_device *plain = device_of("PLAIN", VFIO_TYPE1v2_IOMMU);
	char *list = strdup(sizes ? sizes : "1 4 16 32"), *word, *rest = list;

	while ((word = strtok_r(rest, " ", &rest))) {
		struct vfio_region_dma_range range = { .length = strtoull(word, NULL, 0) * GIB };
		char name[32];
		int buffer = (int)must(peerbuf_device_export(big, BAR2, O_RDWR, &range, 1),
				       "export");

		snprintf(name, sizeof(name), "bar_%sg", word);
		against_bare(buffer, &range, 1, range.length, name, "1.25");
		close(buffer);
		against_type1(big, plain, range.length, name);
	}
	free(list);
}

void measure_ranges(struct peerbuf_device *big)
{
	static const uint32_t numbers[] = { 1, 10, 100, 1000, 10000 };
	struct vfio_region_dma_range *ranges = calloc(10000, sizeof(*ranges));

	/* No two are adjacent, so that no two become one. */
	for (unsigned int i = 0; i < 10000; i++)
		ranges[i] = (struct vfio_region_dma_range) { i * 2 * PAGE, PAGE };
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int buffer = (int)must(peerbuf_device_export(big, BAR2, O_RDWR, ranges,
							     numbers[i]), "export");
		char name[32];

		snprintf(name, sizeof(name), "ranges_%u", numbers[i]);
		against_bare(buffer, ranges, numbers[i], numbers[i] * PAGE, name, "1.5");
		close(buffer);
	}
	free(ranges);
}
