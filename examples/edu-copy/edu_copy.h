/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/edu_copy0, edu_copy1, ...: what user space asks of a copy engine.
 *
 * Everything belongs to the open file: imports and queues end with it. Numbers are bytes.
 *
 *   EBADF       not a dma-buf's or a fence's file descriptor
 *   ENOENT      no such handle or queue
 *   EINVAL      an unknown flag, a part that is not inside its buffer or longer than
 *               EDU_COPY_MAX_LENGTH, source and destination that overlap; or, importing,
 *               there is no way from the device to the buffer's memory
 *   EACCES      the destination's file descriptor was read only
 *   ENOSPC      EDU_COPY_MAX_QUEUES queues exist
 *   ENODEV      the device is gone, or a buffer of the job is revoked or dead
 *   EFAULT      a pointer is wrong
 *   ENOMEM
 *   ENOTTY      no such request
 *
 * A job's fence, in turn, ends with
 *
 *   0           copied
 *   -ENODEV     the device went away, or a buffer was revoked before the end
 *   -ECANCELED  the queue was destroyed, or its file closed
 *   -EIO        the device was reset, or a buffer has fewer addresses than bytes
 *   -ETIME      the engine did not answer
 *   others      what the first failed fence of in_fences ended with
 */
#ifndef EDU_COPY_H
#define EDU_COPY_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define EDU_COPY_MAX_LENGTH	65536	/* of one job */
#define EDU_COPY_MAX_EXPORT	1048576	/* of one buffer of the driver's own */
#define EDU_COPY_MAX_QUEUES	16
#define EDU_COPY_MAX_IN_FENCES	64

/**
 * struct edu_copy_import - EDU_COPY_IMPORT: make a dma-buf known to the engine
 * @fd: the dma-buf; may be closed afterwards
 * @handle: out: its name in jobs; never 0
 */
struct edu_copy_import {
	__s32 fd;
	__u32 handle;
};

/**
 * struct edu_copy_submit - EDU_COPY_SUBMIT: queue a copy
 * @queue: from EDU_COPY_CREATE_QUEUE; the jobs of a queue run in the order of submission
 * @flags: EDU_COPY_EXPLICIT: wait for @in_fences only, not for the fences that the two
 *	buffers have (writers of the source; readers and writers of the destination)
 * @src: handle
 * @dst: handle; may be @src
 * @src_offset: bytes
 * @dst_offset: bytes
 * @length: bytes, not 0
 * @in_fences: pointer to @nr_in_fences file descriptors, __s32, of sync files. The job
 *	starts when they have signalled, and ends with their error if one has any
 * @nr_in_fences: at most EDU_COPY_MAX_IN_FENCES
 * @out_fence: out: a sync file that signals when the job has ended
 */
struct edu_copy_submit {
	__u32 queue;
	__u32 flags;
#define EDU_COPY_EXPLICIT	1
	__u32 src;
	__u32 dst;
	__u64 src_offset;
	__u64 dst_offset;
	__u64 length;
	__u64 in_fences;
	__u32 nr_in_fences;
	__s32 out_fence;
};

/**
 * struct edu_copy_export - EDU_COPY_EXPORT: a buffer in memory of the driver
 * @size: a multiple of the page size, at most EDU_COPY_MAX_EXPORT
 * @flags: must be 0
 * @fd: out: the dma-buf, close-on-exec
 *
 * It is revoked while the device is reset, and dead when the device is gone.
 */
struct edu_copy_export {
	__u64 size;
	__u32 flags;
	__s32 fd;
};

#define EDU_COPY_IMPORT		_IOWR(0xED, 0, struct edu_copy_import)
#define EDU_COPY_RELEASE	_IOW(0xED, 1, __u32)	/* a handle; its jobs go on */
#define EDU_COPY_CREATE_QUEUE	_IOR(0xED, 2, __u32)
#define EDU_COPY_DESTROY_QUEUE	_IOW(0xED, 3, __u32)	/* its jobs are cancelled */
#define EDU_COPY_SUBMIT		_IOWR(0xED, 4, struct edu_copy_submit)
#define EDU_COPY_EXPORT		_IOWR(0xED, 5, struct edu_copy_export)

#endif
