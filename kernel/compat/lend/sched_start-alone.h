/* SPDX-License-Identifier: GPL-2.0-only */
#define peerbuf_sched_start(sched)	drm_sched_start(sched)
