// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.13 a scheduler that starts again is told nothing of the job that hung. */
#include <drm/gpu_scheduler.h>

void probe_start(struct drm_gpu_scheduler *sched);

void probe_start(struct drm_gpu_scheduler *sched)
{
	drm_sched_start(sched);
}
