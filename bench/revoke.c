// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * revoke, restore: from the write that takes the memory of the device away, or gives it
 * back, until it is done, with many mappings of one buffer. And what others notice.
 */
#include "measure.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#define IOVA (64 * GIB)
#define LENGTH (2 * MIB)
#define MOST 10000
#define CYCLES 5	/* in a round, as it takes long to make so many mappings */

static const struct vfio_region_dma_range range = { .length = LENGTH };

static double command(struct peerbuf_device *device, bool on)
{
	double begin = now();

	must(peerbuf_device_command(device, on ? PCI_COMMAND_MEMORY : 0,
				    on ? 0 : PCI_COMMAND_MEMORY), "COMMAND");
	return now() - begin;
}

static struct peerbuf_container *map_many(int buffer, unsigned int nr)
{
	struct peerbuf_container *c = container_of_ssd(OURS);

	for (unsigned int i = 0; i < nr; i++)
		must(peerbuf_container_map_buffer(c, buffer, -1, 0, LENGTH, IOVA + i * LENGTH,
						  PEERBUF_MAP_READ | PEERBUF_MAP_WRITE),
		     "MAP_BUFFER");
	return c;
}

static void all_mapped(struct peerbuf_container *c, unsigned int nr, bool wanted)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct peerbuf_iommu_query_buffer q = {
			.argsz = sizeof(q), .iova = IOVA + i * LENGTH,
		};

		must(peerbuf_container_query_buffer(c, &q), "QUERY_BUFFER");
		must(!!(q.flags & PEERBUF_QUERY_MAPPED) == wanted ? 0 : -5, "all are mapped");
	}
}

static void bare_cycles(struct peerbuf_device *small, unsigned int nr)
{
	int loop = bare_open(&range, 1, IOVA, LENGTH, nr);

	for (unsigned int i = 0; i < CYCLES; i++) {
		double begin, off = command(small, false), on = command(small, true);

		begin = now();
		bare_map(loop);
		sample(PEER, now() - begin + on, "restore_%u", nr);
		begin = now();
		bare_unmap(loop);
		sample(PEER, now() - begin + off, "revoke_%u", nr);
	}
	close(loop);
}

static void mappings(struct peerbuf_device *big, struct peerbuf_device *small, int buffer,
		     unsigned int nr)
{
	static const char revoke_peer[] =
		"bare iommu_unmap() and the same write with nothing mapped";
	static const char restore_peer[] =
		"bare iommu_map() and the same write with nothing mapped";

	declare("us", "less", "1.5", revoke_peer, "revoke_%u", nr);
	declare("us", "less", "1.5", restore_peer, "restore_%u", nr);
	for (unsigned int r = 0; r < (nr < MOST ? many_rounds() : rounds); r++)
		FOR_BOTH(r, side) {
			if (side == OURS) {
				struct peerbuf_container *c = map_many(buffer, nr);

				for (unsigned int i = 0; i < CYCLES; i++) {
					sample(OURS, command(big, false), "revoke_%u", nr);
					if (!i)
						all_mapped(c, nr, false);
					sample(OURS, command(big, true), "restore_%u", nr);
					if (!i)
						all_mapped(c, nr, true);
				}
				peerbuf_container_close(c);
			} else {
				bare_cycles(small, nr);
			}
		}
}

/* One of very many against one of many; the write alone is taken off both. */
static void linear(struct peerbuf_device *big, struct peerbuf_device *small, int buffer)
{
	static const unsigned int numbers[] = { [OURS] = MOST, [PEER] = MOST / 10 };
	static const char peer[] = "one of 1000 mappings; ours: one of 10000";

	declare("us", "less", "1.5", peer, "revoke_linear");
	declare("us", "less", "1.5", peer, "restore_linear");
	for (unsigned int r = 0; r < rounds; r++)
		FOR_BOTH(r, side) {
			struct peerbuf_container *c = map_many(buffer, numbers[side]);

			for (unsigned int i = 0; i < CYCLES; i++) {
				double off = command(big, false), on = command(big, true);

				off -= command(small, false);
				on -= command(small, true);
				sample(side, off / numbers[side], "revoke_linear");
				sample(side, on / numbers[side], "restore_linear");
			}
			peerbuf_container_close(c);
		}
}

/* ---------------------------------------------------------------- bystanders */

static volatile bool stop;
static struct peerbuf_device *busy;	/* NULL: only the processor is */

static void *storm(void *arg)
{
	(void)arg;
	while (!stop)
		if (busy) {
			command(busy, false);
			command(busy, true);
		}
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The 99th percentile of reads of another device's configuration. */
static double reads(struct peerbuf_device *other)
{
	enum { NR = 2000 };
	static double took[NR];
	pthread_t thread;
	uint16_t id;

	stop = false;
	must(-pthread_create(&thread, NULL, storm, NULL), "thread");
	for (unsigned int i = 0; i < NR; i++) {
		double begin = now();

		must(peerbuf_device_read(other, VFIO_PCI_CONFIG_REGION_INDEX, 0, &id,
					 sizeof(id)), "config read");
		took[i] = now() - begin;
	}
	stop = true;
	pthread_join(thread, NULL);
	qsort(took, NR, sizeof(took[0]), ascending);
	return took[NR * 99 / 100];
}

static void bystanders(struct peerbuf_device *big, struct peerbuf_device *small, int buffer)
{
	struct peerbuf_container *c = map_many(buffer, MOST);

	declare("us", "less", "2.0", "the same while a processor is busy",
		"revoke_bystander_p99");
	for (unsigned int r = 0; r < rounds; r++)
		FOR_BOTH(r, side) {
			busy = side == OURS ? big : NULL;
			sample(side, reads(small), "revoke_bystander_p99");
		}
	peerbuf_container_close(c);
}

void measure_revoke(struct peerbuf_device *big)
{
	static const unsigned int numbers[] = { 1, 100, MOST };
	struct peerbuf_device *small = device_of("SMALL", PEERBUF_IOMMU);
	int buffer = (int)must(peerbuf_device_export(big, BAR2, O_RDWR, &range, 1), "export");
	/* It has a buffer, too, so that the write has as much to look at. */
	int other = (int)must(peerbuf_device_export(small, BAR2, O_RDWR, &range, 1), "export");

	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		mappings(big, small, buffer, numbers[i]);
	linear(big, small, buffer);
	/* What others notice is a matter of time. */
	if (!counting)
		bystanders(big, small, buffer);
	close(other);
	close(buffer);
	peerbuf_device_close(small);
}
