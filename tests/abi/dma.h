/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the ABI tests that have an SSD do DMA share. Its first blocks are zeros. */
#ifndef PEERBUF_TESTS_DMA_H
#define PEERBUF_TESTS_DMA_H

#include "abi.h"
#include "../../examples/ssd-to-device/nvme.h"

/* The SSD writes zeros, and says that it could. */
void dma(struct nvme *ssd, uint64_t iova, uint64_t bytes);

/* Does what the SSD writes to an address arrive in memory, which is painted before? */
bool lands(struct nvme *ssd, uint64_t iova, unsigned char *p, size_t length);

#endif
