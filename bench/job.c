// SPDX-License-Identifier: GPL-2.0-or-later
/* job: an SSD's blocks to another device's memory, straight or through RAM. */
#include "measure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "nvme.h"

#define BYTES (64 * MIB)
#define CHUNK (8 * MIB)
#define DIRECT (64 * GIB)
#define BOUNCE (32 * GIB)

static double processor(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void read_blocks(struct nvme *nvme, uint64_t at, uint64_t iova)
{
	struct nvme_stats stats;

	must(nvme_read(nvme, at / nvme_info(nvme)->block_size, CHUNK, iova, &stats), "read");
	must(stats.failed ? -5 : 0, "all of the read");
}

void measure_job(struct peerbuf_device *big)
{
	static const struct vfio_region_dma_range range = { .length = BYTES };
	int buffer = (int)must(peerbuf_device_export(big, BAR2, O_RDWR, &range, 1), "export");
	struct peerbuf_container *c;
	struct nvme *nvme;
	void *memory, *bounce;

	must(peerbuf_container_open(PEERBUF_IOMMU, &c), "container");
	must(nvme_open(c, bdf_of("SSD"), 10000, &nvme), "the SSD");
	must(peerbuf_device_mmap(big, BAR2, 0, BYTES, PROT_READ | PROT_WRITE, &memory), "mmap");
	bounce = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(bounce == MAP_FAILED ? -1 : 0, "memory");
	must(peerbuf_container_map_ram(c, bounce, CHUNK, BOUNCE,
				       PEERBUF_MAP_READ | PEERBUF_MAP_WRITE), "bounce buffer");
	must(peerbuf_container_map_buffer(c, buffer, -1, 0, BYTES, DIRECT,
					  PEERBUF_MAP_READ | PEERBUF_MAP_WRITE), "MAP_BUFFER");

	declare("MB/s", "more", "1.0", "through RAM, copied by the processor", "job_rate");
	declare("us/MiB", "less", "1.0", "through RAM, copied by the processor",
		"job_processor_time");
	/* The first pass brings the host's memory behind both into being. */
	for (uint64_t at = 0; at < BYTES; at += CHUNK)
		read_blocks(nvme, at, DIRECT + at);
	for (unsigned int r = 0; r < rounds; r++)
		FOR_BOTH(r, side) {
			double begin = now(), work = processor();

			for (uint64_t at = 0; at < BYTES; at += CHUNK) {
				read_blocks(nvme, at, side == OURS ? DIRECT + at : BOUNCE);
				if (side == PEER)
					memcpy((char *)memory + at, bounce, CHUNK);
			}
			if (!counting)
				sample(side, BYTES / (now() - begin), "job_rate");
			sample(side, (processor() - work) / (BYTES / MIB), "job_processor_time");
		}
	nvme_close(nvme);
	peerbuf_container_close(c);
	munmap(memory, BYTES);
	munmap(bounce, CHUNK);
	close(buffer);
}
