// SPDX-License-Identifier: GPL-2.0-only
/* From 6.17 on the names of a fence are asked for under RCU, from 7.2 on by no other way. */
#include <linux/dma-fence.h>

const char __rcu *probe_name(struct dma_fence *fence, bool driver);
const char __rcu *probe_name(struct dma_fence *fence, bool driver)
{
	return driver ? dma_fence_driver_name(fence) : dma_fence_timeline_name(fence);
}
