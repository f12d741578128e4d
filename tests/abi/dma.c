// SPDX-License-Identifier: GPL-2.0-or-later
/* What the ABI tests that have an SSD do DMA share. */
#include "dma.h"

void dma(struct nvme *ssd, uint64_t iova, uint64_t bytes)
{
	struct nvme_stats stats;

	assert_int_equal(nvme_read(ssd, 0, bytes, iova, &stats), 0);
	assert_int_equal(stats.failed, 0);
}

bool lands(struct nvme *ssd, uint64_t iova, unsigned char *p, size_t length)
{
	struct nvme_stats stats;

	memset(p, 0x5a, length);
	assert_int_equal(nvme_read(ssd, 0, length, iova, &stats), 0);
	return all(p, length, 0);
}
