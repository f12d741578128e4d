// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes that die with jobs queued. Nothing hangs, every fence ends, and not before what
 * its job depended on.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

#define JOBS	1000
#define ROUNDS	2

/* The buffers belong to the parent, which looks at them afterwards. */
static struct engine engine;
static struct memory a, b;

static int setup(void **state)
{
	struct rlimit many = { 8192, 8192 };

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
	engine_open(&engine);
	a = user_memory(&engine, 4 * KIB);
	b = user_memory(&engine, 4 * KIB);
	return 0;
}

static int teardown(void **state)
{
	memory_free(&engine, &a);
	memory_free(&engine, &b);
	engine_close(&engine);
	return 0;
}

/* Depend on the holder's fences, which share a lock, and on the two jobs before. */
static int submit_many(struct engine *e, const struct memory *to, const struct memory *from,
		       const int *held, unsigned int nr_held, unsigned int jobs, int *fences)
{
	uint32_t queues[2] = { e->queue, edu_new_queue(e->fd) };
	unsigned int i;

	for (i = 0; i < jobs; i++) {
		int in[8];
		unsigned int nr = 0;

		while (nr < nr_held && nr < 4) {
			in[nr] = held[(i + nr) % nr_held];
			nr++;
		}
		if (i > 1)
			in[nr++] = fences[i - 2];
		if (i)
			in[nr++] = fences[i - 1];
		fences[i] = start(e, queues[i % 2], to, 0, from, 0, 4 * KIB, EDU_COPY_EXPLICIT,
				  in, nr);
		if (fences[i] < 0)
			return fences[i];
	}
	return 0;
}

/* In the child: never returns, and waits to be killed once it has told the last fence. */
static void victim(int sock, const int *held, unsigned int nr_held, unsigned int jobs)
{
	static int fences[JOBS];
	struct engine mine;
	struct memory from, to;
	char ready = 1;
	int ret;

	engine_open(&mine);
	from = import(&mine, a.fd, a.size);
	to = import(&mine, b.fd, b.size);
	ret = submit_many(&mine, &to, &from, held, nr_held, jobs, fences);
	if (ret)
		_exit(-ret);
	if (peerbuf_send_fd(sock, fences[0], &ready, 1) < 0 ||
	    peerbuf_send_fd(sock, fences[jobs / 2], &ready, 1) < 0 ||
	    peerbuf_send_fd(sock, fences[jobs - 1], &ready, 1) < 0)
		_exit(99);
	for (;;)
		pause();
}

struct killed {
	pid_t pid;
	int sock;
	int first, middle, last;
};

static void start_victim(struct killed *k, const int *held, unsigned int nr_held,
			 unsigned int jobs)
{
	int sock[2];
	char ready;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
	k->pid = fork();
	assert_true(k->pid >= 0);
	if (!k->pid) {
		close(sock[0]);
		victim(sock[1], held, nr_held, jobs);
	}
	close(sock[1]);
	k->sock = sock[0];
	assert_true(peerbuf_recv_fd(k->sock, &k->first, &ready, 1) >= 0);
	assert_true(peerbuf_recv_fd(k->sock, &k->middle, &ready, 1) >= 0);
	assert_true(peerbuf_recv_fd(k->sock, &k->last, &ready, 1) >= 0);
}

static void kill_victim(struct killed *k)
{
	int status;

	assert_int_equal(kill(k->pid, SIGKILL), 0);
	assert_int_equal(waitpid(k->pid, &status, 0), k->pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(k->sock);
}

/* The engine works, for another file. */
static void still_copies(void)
{
	paint(&a, 3);
	paint(&b, 4);
	assert_int_equal(end_of(start(&engine, engine.queue, &b, 0, &a, 0, 4 * KIB,
				      EDU_COPY_EXPLICIT, NULL, 0)), 0);
	assert_true(painted(&b, 3));
}

static void a_thousand_jobs_that_wait(void **state)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		int holder = holder_open(), held[4], i;
		struct killed k;

		for (i = 0; i < 4; i++)
			held[i] = holder_fence(holder);
		start_victim(&k, held, 4, JOBS);
		/* Returns, although no fence has signalled. */
		kill_victim(&k);
		/* Whoever waits for a job counts on what it depends on. */
		assert_int_equal(edu_fence_wait(k.first, 200), 0);
		assert_int_equal(edu_fence_status(k.last), 0);
		still_copies();

		/* One after the other, so that each callback finds the next one pending. */
		paint(&b, 7);
		for (i = 0; i < 4; i++) {
			assert_int_equal(edu_fence_status(k.first), 0);
			holder_signal(holder, 1, 0);
		}
		assert_int_equal(end_of(k.first), -ECANCELED);
		assert_int_equal(end_of(k.middle), -ECANCELED);
		assert_int_equal(end_of(k.last), -ECANCELED);
		assert_true(painted(&b, 7));
		still_copies();
		for (i = 0; i < 4; i++)
			close(held[i]);
		close(holder);
	}
}

/* The fences signal while the process dies. */
static void a_thousand_jobs_while_they_become_ready(void **state)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		int holder = holder_open(), held[4], i;
		struct killed k;
		pid_t signaller;

		for (i = 0; i < 4; i++)
			held[i] = holder_fence(holder);
		start_victim(&k, held, 4, JOBS);
		signaller = fork();
		assert_true(signaller >= 0);
		if (!signaller) {
			usleep(round * 2000);
			for (i = 0; i < 4; i++)
				holder_signal(holder, 1, 0);
			_exit(0);
		}
		kill_victim(&k);
		assert_int_equal(waitpid(signaller, NULL, 0), signaller);
		/* It had no time for more than the first. */
		i = end_of(k.first);
		assert_true(i == 0 || i == -ECANCELED);
		assert_int_equal(end_of(k.middle), -ECANCELED);
		assert_int_equal(end_of(k.last), -ECANCELED);
		still_copies();
		for (i = 0; i < 4; i++)
			close(held[i]);
		close(holder);
	}
}

/* Nothing is waited for: one job runs, the others are with the scheduler. */
static void a_thousand_jobs_that_run(void **state)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		struct killed k;

		start_victim(&k, NULL, 0, JOBS);
		sleep_ms(100 * round);
		kill_victim(&k);
		close(k.first);		/* may have come to its end */
		assert_int_equal(end_of(k.middle), -ECANCELED);
		assert_int_equal(end_of(k.last), -ECANCELED);
		still_copies();
	}
}

/* The survivor's jobs depend on the dead one's, which are cancelled. */
static void two_processes_and_one_dies(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), mine, independent;
	struct killed k;

	start_victim(&k, &held, 1, 50);
	paint(&a, 20);
	paint(&b, 21);
	mine = start(&engine, engine.queue, &b, 0, &a, 0, 4 * KIB, EDU_COPY_EXPLICIT, &k.last, 1);
	independent = start(&engine, engine.queue, &b, 0, &a, 0, 4 * KIB, EDU_COPY_EXPLICIT,
			    NULL, 0);
	kill_victim(&k);
	assert_int_equal(edu_fence_wait(mine, 500), 0);
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(mine), -ECANCELED);
	assert_int_equal(end_of(independent), 0);
	assert_true(painted(&b, 20));
	close(k.first);
	close(k.middle);
	close(k.last);
	close(held);
	close(holder);
}

/* Each one's jobs depend on the other's; both die, in either order. */
static void both_die(void **state)
{
	int round;

	for (round = 0; round < 4; round++) {
		int holder = holder_open(), held = holder_fence(holder);
		struct killed k[2];

		start_victim(&k[0], &held, 1, 200);
		start_victim(&k[1], &k[0].last, 1, 200);
		kill_victim(&k[round & 1]);
		if (round & 2)
			holder_signal(holder, 1, 0);
		kill_victim(&k[!(round & 1)]);
		if (!(round & 2)) {
			assert_int_equal(edu_fence_wait(k[1].first, 100), 0);
			holder_signal(holder, 1, 0);
		}
		end_of(k[0].first);
		close(k[0].middle);
		assert_int_equal(end_of(k[0].last), -ECANCELED);
		end_of(k[1].first);
		close(k[1].middle);
		assert_int_equal(end_of(k[1].last), -ECANCELED);
		still_copies();
		close(held);
		close(holder);
	}
}

/* A killed process leaves nothing in the buffers that others would wait for. */
static void buffers_are_free_at_once(void **state)
{
	struct dma_buf_export_sync_file arg = { .flags = DMA_BUF_SYNC_WRITE };
	int holder = holder_open(), held = holder_fence(holder);
	struct killed k;
	double since;

	start_victim(&k, &held, 1, 20);
	assert_int_equal(call(b.fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg), 0);
	assert_int_equal(edu_fence_status(arg.fd), 0);
	close(arg.fd);
	kill_victim(&k);
	/* The imports go with the jobs, which the scheduler frees when it likes. */
	for (since = now();;) {
		int status;

		arg.flags = DMA_BUF_SYNC_WRITE;
		assert_int_equal(call(b.fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg), 0);
		status = edu_fence_status(arg.fd);
		close(arg.fd);
		if (status == 1)
			break;
		assert_true(now() - since < LONG_MS / 1000.0);
		sleep_ms(10);
	}
	assert_int_equal(edu_fence_status(k.last), 0);
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(k.last), -ECANCELED);
	close(k.first);
	close(k.middle);
	close(held);
	close(holder);
}

/* The same by request, and the file goes on. */
static void a_queue_that_is_destroyed(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), waiting, running, queued;
	uint32_t one = edu_new_queue(engine.fd), two = edu_new_queue(engine.fd);

	waiting = start(&engine, one, &b, 0, &a, 0, 4 * KIB, EDU_COPY_EXPLICIT, &held, 1);
	running = start(&engine, two, &b, 0, &a, 0, 4 * KIB, EDU_COPY_EXPLICIT, NULL, 0);
	queued = start(&engine, two, &b, 0, &a, 0, 4 * KIB, EDU_COPY_EXPLICIT, NULL, 0);
	sleep_ms(50);
	assert_int_equal(call(engine.fd, EDU_COPY_DESTROY_QUEUE, &two), 0);
	assert_int_equal(end_of(running), -ECANCELED);
	assert_int_equal(end_of(queued), -ECANCELED);
	assert_int_equal(call(engine.fd, EDU_COPY_DESTROY_QUEUE, &one), 0);
	assert_int_equal(edu_fence_wait(waiting, 100), 0);
	assert_int_equal(start(&engine, one, &b, 0, &a, 0, 16, 0, NULL, 0), -ENOENT);
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(waiting), -ECANCELED);
	still_copies();
	close(held);
	close(holder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_that_is_destroyed),
		cmocka_unit_test(buffers_are_free_at_once),
		cmocka_unit_test(two_processes_and_one_dies),
		cmocka_unit_test(both_die),
		cmocka_unit_test(a_thousand_jobs_that_wait),
		cmocka_unit_test(a_thousand_jobs_while_they_become_ready),
		cmocka_unit_test(a_thousand_jobs_that_run),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("edu-kill", tests, setup, teardown);
}
