// SPDX-License-Identifier: GPL-2.0-or-later
/* map_ram, unmap_ram: memory of this process, here and by stock type1. */
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define IOVA (4 * GIB)
#define HUGE (2 * MIB)

static void measure(const char *kind, void *memory, uint64_t size)
{
	declare("us", "less", "1.0", "stock type1", "map_ram_%s", kind);
	declare("us", "less", "1.0", "stock type1", "unmap_ram_%s", kind);
	for (unsigned int r = 0; r < rounds; r++)
		FOR_BOTH(r, side) {
			struct peerbuf_container *c = container_of_ssd(side);
			double begin = now(), middle, end;

			map_dma(c, memory, size, IOVA);
			middle = now();
			unmap_dma(c, IOVA, size);
			end = now();
			sample(side, middle - begin, "map_ram_%s", kind);
			sample(side, end - middle, "unmap_ram_%s", kind);
			peerbuf_container_close(c);
		}
}

/* Aligned to large pages. @advice is MADV_HUGEPAGE or MADV_NOHUGEPAGE. */
static unsigned char *reserve(uint64_t size, int advice)
{
	unsigned char *p = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned char *aligned = (void *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));

	must(p == MAP_FAILED ? -1 : 0, "memory");
	must(madvise(aligned, size, advice), "madvise");
	return aligned;
}

/* In order, the kernel hands out neighbours; in disorder, it does not. */
static void touch(unsigned char *p, uint64_t size, bool in_order)
{
	uint64_t nr = size / PAGE, i, other;
	uint32_t *order = malloc(nr * sizeof(*order)), swap;

	must(order ? 0 : -ENOMEM, "memory");
	srandom(1);
	for (i = 0; i < nr; i++)
		order[i] = (uint32_t)i;
	for (i = nr - 1; i && !in_order; i--) {
		other = (uint64_t)random() % (i + 1);
		swap = order[i];
		order[i] = order[other];
		order[other] = swap;
	}
	for (i = 0; i < nr; i++)
		p[order[i] * PAGE] = 1;
	free(order);
}

static void set_hugepages(uint64_t nr)
{
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");

	must(f ? 0 : -1, "nr_hugepages");
	fprintf(f, "%llu\n", (unsigned long long)nr);
	fclose(f);
}

void measure_ram(void)
{
	const char *mib = getenv("BENCH_RAM_MIB");
	uint64_t size = (mib ? strtoull(mib, NULL, 0) : 1024) * MIB;
	unsigned char *p;

	set_hugepages(size / HUGE);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	must(p == MAP_FAILED ? -1 : 0, "huge pages");
	measure("hugetlb", p, size);
	munmap(p, size);
	set_hugepages(0);

	p = reserve(size, MADV_HUGEPAGE);
	touch(p, size, true);
	measure("thp", p, size);
	munmap(p, size);

	p = reserve(size, MADV_NOHUGEPAGE);
	touch(p, size, true);
	measure("4k", p, size);
	munmap(p, size);

	p = reserve(size, MADV_NOHUGEPAGE);
	touch(p, size, false);
	measure("4k_scattered", p, size);
	munmap(p, size);
}
