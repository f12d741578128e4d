// SPDX-License-Identifier: GPL-2.0-only
/* From 6.13 on a scheduler that starts again is told with what error jobs end that it drops. */
#include <drm/gpu_scheduler.h>

void probe_start(struct drm_gpu_scheduler *sched);

void probe_start(struct drm_gpu_scheduler *sched)
{
	drm_sched_start(sched, 0);
}
