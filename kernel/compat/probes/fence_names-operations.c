// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.17 a fence's operations tell its names; this compiles on later kernels, too. */
#include <linux/dma-fence.h>

const char *probe_name(struct dma_fence *fence, bool driver);
const char *probe_name(struct dma_fence *fence, bool driver)
{
	return driver ? fence->ops->get_driver_name(fence) :
			fence->ops->get_timeline_name(fence);
}
