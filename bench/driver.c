// SPDX-License-Identifier: GPL-2.0-or-later
/* attach_cycle, pal_memory: what drivers in the kernel notice. */
#include "measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/dma-heap.h>
#include <linux/vfio.h>

#include "peerbuf_bench.h"
#include "peerbuf_test.h"

#define IOVA (64 * GIB)
#define LENGTH (2 * MIB)
#define COUNT 100

static const struct vfio_region_dma_range range = { .length = LENGTH };

/* One of the kernel's own exporters, which map for the DMA API. */
static int heap(void)
{
	struct dma_heap_allocation_data arg = { .len = LENGTH, .fd_flags = O_RDWR | O_CLOEXEC };
	int fd = (int)must(open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), "the system heap");

	must(ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &arg), "a buffer of the system heap");
	close(fd);
	return (int)arg.fd;
}

/* A buffer of an exporter that knows nothing of peerbuf, and does as good as nothing. */
static int foreign(void)
{
	struct pbt_export export = {
		.bdf = bdf_number("BIG"),
		.nr = 1,
		.size = LENGTH,
		.ranges = (uintptr_t)&range,
		.flags = PBT_FOREIGN,
	};
	int test = (int)must(open("/dev/peerbuf_test", O_RDWR | O_CLOEXEC), "/dev/peerbuf_test");

	must(ioctl(test, PBT_EXPORT, &export), "a foreign buffer");
	close(test);
	return export.fd;
}

static void cycles(int bench, int buffer, uint32_t how, const char *name, const char *goal,
		   const char *peer)
{
	declare("us", "less", goal, peer, "attach_cycle_%s", name);
	for (unsigned int r = 0; r < many_rounds(); r++)
		FOR_BOTH(r, side) {
			struct pbb_cycle cycle = {
				.dmabuf_fd = buffer,
				.bdf = bdf_number("EDU"),
				.how = side == OURS ? how : PBB_STOCK,
				.count = COUNT,
			};

			must(ioctl(bench, PBB_CYCLE, &cycle), name);
			sample(side, (double)cycle.ns / 1000 / COUNT, "attach_cycle_%s", name);
		}
}

static void memory(int bench, uint64_t piece, const char *name)
{
	struct pbb_memory memory = { .piece = piece };

	if (counting)
		return;
	declare("bytes", "less", "", "scatterlist", "pal_memory_%s", name);
	must(ioctl(bench, PBB_MEMORY, &memory), name);
	sample(OURS, (double)memory.list, "pal_memory_%s", name);
	sample(PEER, (double)memory.table, "pal_memory_%s", name);
}

void measure_driver(struct peerbuf_device *big)
{
	static const char same[] = "attach, map, unmap, detach of a scatterlist, same buffer";
	int native = (int)must(peerbuf_device_export(big, BAR2, O_RDWR, &range, 1), "export");
	int bench = bare_open(&range, 1, IOVA, 0, 1), alien = foreign(), other;

	cycles(bench, alien, PBB_SGT, "sgt", "1.1", same);
	if (access("/dev/dma_heap/system", F_OK)) {
		absent("attach_cycle_sgt_heap", "this kernel has no system heap");
	} else {
		other = heap();
		cycles(bench, other, PBB_SGT, "sgt_heap", "1.1", same);
		close(other);
	}
	cycles(bench, native, PBB_SGT, "sgt_native", "1.1", same);
	cycles(bench, native, PBB_PAL, "pal", "1.0", same);
	cycles(bench, native, PBB_IOMMU, "iommu", "1.0", same);
	memory(bench, PAGE, "scattered");
	memory(bench, 2 * MIB, "2m");
	memory(bench, GIB, "contiguous");
	close(alien);
	close(bench);
	close(native);
}
