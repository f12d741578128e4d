/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/peerbuf_fence: fences that signal when a test says so. All of one open file share a
 * lock, as those of most drivers do; closing the file ends them with -ENOENT.
 */
#ifndef PEERBUF_FENCE_H
#define PEERBUF_FENCE_H

#include <linux/ioctl.h>
#include <linux/types.h>

struct pbf_signal {
	__u32 count;		/* so many, the oldest first */
	__s32 error;		/* 0 or a negative errno */
};

#define PBF_CREATE	_IO(0xBD, 0)			/* returns a sync file */
#define PBF_SIGNAL	_IOW(0xBD, 1, struct pbf_signal)

#endif
