// SPDX-License-Identifier: GPL-2.0-only
/* Before 6.17 hardware that was reset, or is well, is "nominal". */
#include <drm/gpu_scheduler.h>

const enum drm_gpu_sched_stat probe_stat = DRM_GPU_SCHED_STAT_NOMINAL;
