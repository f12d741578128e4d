/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the copy engine share. */
#ifndef PEERBUF_TESTS_ENGINE_H
#define PEERBUF_TESTS_ENGINE_H

#include "../abi/abi.h"
#include "../kmod/fence.h"
#include "../../examples/edu-copy/edu.h"

#define KIB 1024ULL

/* Longer than any copy in these tests takes, on any kernel and machine. */
#define LONG_MS 120000

/* The engine, and a queue of it. */
struct engine {
	int fd;
	uint32_t queue;
};

/* A dma-buf that an engine has imported. @map is NULL if this process cannot see it. */
struct memory {
	int fd;
	uint32_t handle;
	unsigned char *map;
	uint64_t size;
};

void engine_open(struct engine *e);
void engine_close(struct engine *e);

/* Memory of this process (udmabuf); memory of the driver. */
struct memory user_memory(const struct engine *e, uint64_t size);
struct memory engine_memory(const struct engine *e, uint64_t size);
/* A dma-buf of anybody; its descriptor goes over. */
struct memory import(const struct engine *e, int dmabuf, uint64_t size);
void memory_free(const struct engine *e, struct memory *m);

/* Bytes that differ from place to place, and from seed to seed. */
void paint(struct memory *m, unsigned int seed);
bool painted(const struct memory *m, unsigned int seed);

/* Queue a copy; the fence. */
int start(const struct engine *e, uint32_t queue, const struct memory *dst, uint64_t dst_offset,
	  const struct memory *src, uint64_t src_offset, uint64_t length, uint32_t flags,
	  const int *fences, unsigned int nr);

/* Wait; what it ended with: 0, or a negative errno. Closes the fence. */
int end_of(int fence);

/* Copy all of @src to @dst, and wait. */
int copy(const struct engine *e, const struct memory *dst, const struct memory *src);

/* Fences that signal when told to: /dev/peerbuf_fence. */
int holder_open(void);
int holder_fence(int holder);
void holder_signal(int holder, uint32_t count, int error);

/* Write a word into a file of sysfs; 0 or a negative errno. */
int write_file(const char *path, const char *word);

double now(void);
void sleep_ms(unsigned int ms);

#endif
