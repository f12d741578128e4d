// SPDX-License-Identifier: GPL-2.0-only
/* From 6.17 on hardware that was reset is told from hardware that is well. */
#include <drm/gpu_scheduler.h>

const enum drm_gpu_sched_stat probe_stat = DRM_GPU_SCHED_STAT_RESET;
