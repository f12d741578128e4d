// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * edu-copy: standard input to standard output, by way of the engine.
 *
 * Input is read into memory of this process. One queue copies it into a buffer that the
 * driver exports, another one from there into other memory of this process: each
 * second copy waits for the fence of the first, none waits for this program. At the end
 * everything is written. 10 KiB a second is what to expect of QEMU's device.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"

#define CHUNK	EDU_COPY_MAX_LENGTH
#define CHUNKS	(EDU_COPY_MAX_EXPORT / CHUNK)
#define SIZE	EDU_COPY_MAX_EXPORT

/* Longer than all jobs take together. */
#define WAIT_MS	(CHUNKS * 60000)

static int failed(const char *what, int error)
{
	fprintf(stderr, "edu-copy: %s: %s\n", what, strerror(-error));
	return 1;
}

/* Read until the buffer is full or the input has ended. */
static long fill(char *to, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(STDIN_FILENO, to + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += n;
	}
	return got;
}

static int drain(const char *from, size_t size)
{
	while (size) {
		ssize_t n = write(STDOUT_FILENO, from, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		size -= n;
	}
	return 0;
}

struct copier {
	int engine;
	int in_queue;
	int out_queue;
	uint32_t in;
	uint32_t through;
	uint32_t out;
};

/* Queue all; @last receives the fence of the last copy: a queue's jobs end in order. */
static int copy_all(const struct copier *c, size_t size, int *last)
{
	size_t offset;

	for (offset = 0; offset < size; offset += CHUNK) {
		size_t length = size - offset < CHUNK ? size - offset : CHUNK;
		struct edu_place in = { c->in, offset }, through = { c->through, offset };
		struct edu_place out = { c->out, offset };
		int stored, loaded;

		stored = edu_copy(c->engine, c->in_queue, through, in, length,
				  EDU_COPY_EXPLICIT, NULL, 0);
		if (stored < 0)
			return stored;
		loaded = edu_copy(c->engine, c->out_queue, out, through, length,
				  EDU_COPY_EXPLICIT, &stored, 1);
		close(stored);
		if (loaded < 0)
			return loaded;
		if (*last >= 0)
			close(*last);
		*last = loaded;
	}
	return 0;
}

/* The buffers' descriptors may be closed: the engine has its own references. */
static int import_and_close(int engine, int dmabuf, uint32_t *handle)
{
	int ret;

	if (dmabuf < 0)
		return dmabuf;
	ret = edu_import_buffer(engine, dmabuf, handle);
	close(dmabuf);
	return ret;
}

static int prepare(struct copier *c, void **in, void **out)
{
	int ret;

	ret = import_and_close(c->engine, edu_shared_memory(SIZE, in), &c->in);
	if (ret < 0)
		return failed("the input's memory", ret);
	ret = import_and_close(c->engine, edu_shared_memory(SIZE, out), &c->out);
	if (ret < 0)
		return failed("the output's memory", ret);
	ret = import_and_close(c->engine, edu_new_buffer(c->engine, SIZE), &c->through);
	if (ret < 0)
		return failed("the driver's buffer", ret);
	c->in_queue = edu_new_queue(c->engine);
	c->out_queue = edu_new_queue(c->engine);
	if (c->in_queue < 0 || c->out_queue < 0)
		return failed("a queue", c->in_queue < 0 ? c->in_queue : c->out_queue);
	return 0;
}

static int run(struct copier *c)
{
	int last = -1, ret;
	void *in, *out;
	long size;

	if (prepare(c, &in, &out))
		return 1;
	for (;;) {
		size = fill(in, SIZE);
		if (size < 0)
			return failed("input", size);
		if (!size)
			return 0;
		ret = copy_all(c, size, &last);
		if (ret < 0)
			return failed("a copy could not be queued", ret);
		ret = edu_fence_wait(last, WAIT_MS);
		if (ret != 1)
			return failed("a copy failed", ret ?: -ETIMEDOUT);
		ret = drain(out, size);
		if (ret)
			return failed("output", ret);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = "/dev/edu_copy0";
	struct copier c;
	int option;

	while ((option = getopt_long(argc, argv, "d:h", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			path = optarg;
			break;
		default:
			fprintf(option == 'h' ? stdout : stderr,
				"usage: edu-copy [--device /dev/edu_copyN] <INPUT >OUTPUT\n");
			return option == 'h' ? 0 : 2;
		}
	}
	c.engine = edu_open_device(path);
	if (c.engine < 0)
		return failed(path, c.engine);
	return run(&c);
}
