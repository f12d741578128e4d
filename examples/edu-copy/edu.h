/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls of a program that lets the engine copy. Functions return a number that is not
 * negative, or a negative errno.
 */
#ifndef EDU_COPY_EDU_H
#define EDU_COPY_EDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edu_copy.h"

/* One end of a copy. */
struct edu_place {
	uint32_t handle;
	uint64_t offset;
};

/* Open the engine; a file descriptor. */
int edu_open_device(const char *path);

/* A handle for a dma-buf. */
int edu_import_buffer(int engine, int dmabuf, uint32_t *handle);

/* A queue's number. */
int edu_new_queue(int engine);

/* A dma-buf in memory of the driver. */
int edu_new_buffer(int engine, uint64_t size);

/*
 * Queue a copy that begins when the @nr fences have signalled. Returns a sync file that
 * signals at its end; the caller closes it.
 */
int edu_copy(int engine, uint32_t queue, struct edu_place dst, struct edu_place src,
	     uint64_t length, uint32_t flags, const int *fences, unsigned int nr);

/* 1 when the fence has signalled, 0 when it has not, a negative errno when it failed. */
int edu_fence_status(int fence);

/* The same, after it has signalled or @ms milliseconds have passed. */
int edu_fence_wait(int fence, int ms);

/* Memory of this process as a dma-buf; @map receives where it is. Both are the caller's. */
int edu_shared_memory(uint64_t size, void **map);

#endif
