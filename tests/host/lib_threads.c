// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Different objects in different threads, as peerbuf.h allows, with the thread sanitizer; and one
 * object in two, which it forbids, to see that the sanitizer would notice.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib_tap.h"
#include "lib_fake.h"

#define THREADS		4
#define ROUNDS		200
#define RACED		66	/* the sanitizer's exit status */

static int use_container(struct peerbuf_container *c)
{
	uint64_t iova;
	int err;

	err = peerbuf_container_pick_iova(c, 4096, 4096, 0, &iova);
	if (!err)
		err = peerbuf_container_map_ram(c, &iova, 4096, iova, PEERBUF_MAP_READ);
	if (!err)
		err = peerbuf_container_unmap(c, iova, 4096, NULL);
	return err;
}

static int one_round(const char *bdf)
{
	struct peerbuf_container *c;
	struct peerbuf_device *d = NULL;
	struct peerbuf_region region;
	uint64_t count;
	int event, got = -1, socks[2], err;
	char msg[4];

	err = peerbuf_container_open(PEERBUF_IOMMU, &c);
	if (err)
		return err;
	err = peerbuf_device_open(c, bdf, &d);
	if (!err)
		err = peerbuf_device_region(d, 2, &region);
	if (!err)
		err = use_container(c);
	event = peerbuf_event_open();
	if (!err && peerbuf_event_wait(event, 0, &count) != -ETIMEDOUT)
		err = -EPROTO;
	if (!err && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks) == 0) {
		err = peerbuf_send_fd(socks[0], event, "abc", 4);
		if (!err && peerbuf_recv_fd(socks[1], &got, msg, sizeof(msg)) != 4)
			err = -EPROTO;
		close(got);
		close(socks[0]);
		close(socks[1]);
	}
	close(event);
	if (!err && strcmp(peerbuf_buffer_state_name(1), "revoking"))
		err = -EPROTO;
	peerbuf_device_close(d);
	peerbuf_container_close(c);
	return err;
}

static void *run_rounds(void *arg)
{
	int i, err = 0;

	for (i = 0; i < ROUNDS && !err; i++)
		err = one_round(arg);
	return (void *)(intptr_t)err;
}

static void test_own_objects(void)
{
	static char names[THREADS][8];
	pthread_t threads[THREADS];
	int i, failed = 0;
	void *err;

	for (i = 0; i < THREADS; i++) {
		snprintf(names[i], sizeof(names[i]), "%02x:00.0", (unsigned int)i + 1);
		pthread_create(&threads[i], NULL, run_rounds, names[i]);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &err);
		failed += err != NULL;
	}
	is(failed, 0, "threads with objects of their own");
}

static void *use_shared(void *arg)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		use_container(arg);
	return NULL;
}

/* In a process of its own: it may not survive. */
static void test_shared_object(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		struct peerbuf_container *c;
		pthread_t threads[2];

		/* What it reports is wanted; nobody needs to read it. */
		if (!freopen("/dev/null", "w", stderr) ||
		    peerbuf_container_open(PEERBUF_IOMMU, &c) ||
		    peerbuf_container_add_group(c, 1))
			_exit(1);
		pthread_create(&threads[0], NULL, use_shared, c);
		pthread_create(&threads[1], NULL, use_shared, c);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
		exit(0);
	}
	waitpid(child, &status, 0);
	ok(WIFSIGNALED(status) || WEXITSTATUS(status) == RACED,
	   "the sanitizer notices one object in two threads");
}

int main(void)
{
	fake_reset();
	test_shared_object();
	test_own_objects();
	return tap_end();
}
