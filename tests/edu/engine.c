// SPDX-License-Identifier: GPL-2.0-or-later
/* What the tests of the copy engine share. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

void engine_open(struct engine *e)
{
	int queue;

	e->fd = edu_open_device("/dev/edu_copy0");
	assert_true(e->fd >= 0);
	queue = edu_new_queue(e->fd);
	assert_true(queue >= 0);
	e->queue = queue;
}

void engine_close(struct engine *e)
{
	close(e->fd);
	e->fd = -1;
}

struct memory import(const struct engine *e, int dmabuf, uint64_t size)
{
	struct memory m = { .fd = dmabuf, .size = size };

	assert_true(dmabuf >= 0);
	assert_int_equal(edu_import_buffer(e->fd, dmabuf, &m.handle), 0);
	return m;
}

struct memory user_memory(const struct engine *e, uint64_t size)
{
	struct memory m;
	void *map;

	m = import(e, edu_shared_memory(size, &map), size);
	m.map = map;
	return m;
}

struct memory engine_memory(const struct engine *e, uint64_t size)
{
	return import(e, edu_new_buffer(e->fd, size), size);
}

void memory_free(const struct engine *e, struct memory *m)
{
	if (e->fd >= 0)
		assert_int_equal(call(e->fd, EDU_COPY_RELEASE, &m->handle), 0);
	close(m->fd);
	if (m->map)
		munmap(m->map, m->size);
	memset(m, 0, sizeof(*m));
}

static unsigned char byte_at(size_t i, unsigned int seed)
{
	return (i * 2654435761u + (i >> 8) + seed * 97) >> 3;
}

void paint(struct memory *m, unsigned int seed)
{
	size_t i;

	for (i = 0; i < m->size; i++)
		m->map[i] = byte_at(i, seed);
}

bool painted(const struct memory *m, unsigned int seed)
{
	size_t i;

	for (i = 0; i < m->size; i++)
		if (m->map[i] != byte_at(i, seed))
			return false;
	return true;
}

int start(const struct engine *e, uint32_t queue, const struct memory *dst, uint64_t dst_offset,
	  const struct memory *src, uint64_t src_offset, uint64_t length, uint32_t flags,
	  const int *fences, unsigned int nr)
{
	struct edu_place to = { dst->handle, dst_offset }, from = { src->handle, src_offset };

	return edu_copy(e->fd, queue, to, from, length, flags, fences, nr);
}

int end_of(int fence)
{
	int status;

	assert_true(fence >= 0);
	status = edu_fence_wait(fence, LONG_MS);
	close(fence);
	assert_int_not_equal(status, 0);	/* has not signalled */
	return status == 1 ? 0 : status;
}

int copy(const struct engine *e, const struct memory *dst, const struct memory *src)
{
	return end_of(start(e, e->queue, dst, 0, src, 0, src->size, 0, NULL, 0));
}

int holder_open(void)
{
	int fd = open("/dev/peerbuf_fence", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

int holder_fence(int holder)
{
	int fd = call(holder, PBF_CREATE, NULL);

	assert_true(fd >= 0);
	return fd;
}

void holder_signal(int holder, uint32_t count, int error)
{
	struct pbf_signal arg = { .count = count, .error = error };

	assert_int_equal(call(holder, PBF_SIGNAL, &arg), 0);
}

int write_file(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, word, strlen(word)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void sleep_ms(unsigned int ms)
{
	usleep(ms * 1000);
}
