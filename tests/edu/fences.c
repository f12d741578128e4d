// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who waits for whom: fences that the user names, fences in the buffers, the order of a queue,
 * several queues, several processes.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

static struct engine engine;
static struct memory a, b, c;

static int setup(void **state)
{
	engine_open(&engine);
	a = user_memory(&engine, 4 * KIB);
	b = user_memory(&engine, 4 * KIB);
	c = user_memory(&engine, 4 * KIB);
	return 0;
}

static int teardown(void **state)
{
	memory_free(&engine, &a);
	memory_free(&engine, &b);
	memory_free(&engine, &c);
	engine_close(&engine);
	return 0;
}

/* The length of a whole buffer. */
static int start_all(uint32_t queue, const struct memory *to, const struct memory *from,
		     uint32_t flags, const int *fences, unsigned int nr)
{
	return start(&engine, queue, to, 0, from, 0, 4 * KIB, flags, fences, nr);
}

static void paint_all(unsigned int seed)
{
	paint(&a, seed);
	paint(&b, seed + 1);
	paint(&c, seed + 2);
}

static uint32_t another_queue(void)
{
	int queue = edu_new_queue(engine.fd);

	assert_true(queue >= 0);
	return queue;
}

static void destroy(uint32_t queue)
{
	assert_int_equal(call(engine.fd, EDU_COPY_DESTROY_QUEUE, &queue), 0);
}

/* Has not ended, and would have if nothing held it. */
static void still_waits(int job)
{
	assert_int_equal(edu_fence_wait(job, 1500), 0);
}

static void a_job_waits_for_its_in_fences(void **state)
{
	int holder = holder_open(), other = holder_open(), job, held[2];

	paint_all(10);
	held[0] = holder_fence(holder);
	held[1] = holder_fence(other);
	job = start_all(engine.queue, &b, &a, 0, held, 2);
	still_waits(job);
	holder_signal(holder, 1, 0);
	still_waits(job);
	assert_true(painted(&b, 11));
	/* What is in the source when the job begins is what counts. */
	paint(&a, 99);
	holder_signal(other, 1, 0);
	assert_int_equal(end_of(job), 0);
	assert_true(painted(&b, 99));
	close(held[0]);
	close(held[1]);
	close(holder);
	close(other);
}

static void a_signalled_fence_holds_nothing(void **state)
{
	int holder = holder_open(), held = holder_fence(holder);

	paint_all(20);
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(start_all(engine.queue, &b, &a, 0, &held, 1)), 0);
	assert_true(painted(&b, 20));
	close(held);
	close(holder);
}

static void a_failed_fence_is_handed_on(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), job, next, after;

	paint_all(30);
	job = start_all(engine.queue, &b, &a, 0, &held, 1);
	next = start_all(engine.queue, &c, &b, EDU_COPY_EXPLICIT, &job, 1);
	after = start_all(engine.queue, &c, &a, 0, NULL, 0);
	holder_signal(holder, 1, -EBADMSG);
	assert_int_equal(end_of(job), -EBADMSG);
	assert_true(painted(&b, 31));
	assert_int_equal(end_of(next), -EBADMSG);
	/* One that merely comes after them in the queue is not concerned. */
	assert_int_equal(end_of(after), 0);
	assert_true(painted(&c, 30));
	close(held);
	close(holder);
}

/* The same with a fence that has failed before: also behind others. */
static void an_old_failure_is_one_too(void **state)
{
	int holder = holder_open(), held[2];

	paint_all(40);
	held[0] = holder_fence(holder);
	held[1] = holder_fence(holder);
	holder_signal(holder, 1, 0);
	holder_signal(holder, 1, -EIO);
	assert_int_equal(end_of(start_all(engine.queue, &b, &a, 0, held, 2)), -EIO);
	assert_true(painted(&b, 41));
	close(held[0]);
	close(held[1]);
	close(holder);
}

/* Later jobs of a queue do not overtake; another queue's do. */
static void a_queue_keeps_its_order_and_two_do_not_wait(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), first, second, free_one;
	uint32_t other = another_queue();

	paint_all(50);
	first = start_all(engine.queue, &b, &a, EDU_COPY_EXPLICIT, &held, 1);
	second = start_all(engine.queue, &c, &a, EDU_COPY_EXPLICIT, NULL, 0);
	still_waits(second);
	free_one = start_all(other, &c, &a, EDU_COPY_EXPLICIT, NULL, 0);
	assert_int_equal(end_of(free_one), 0);
	assert_true(painted(&c, 50));
	assert_int_equal(edu_fence_status(second), 0);
	holder_signal(holder, 1, 0);
	assert_int_equal(edu_fence_wait(second, LONG_MS), 1);
	assert_int_equal(edu_fence_status(first), 1);
	assert_int_equal(end_of(first), 0);
	assert_int_equal(end_of(second), 0);
	destroy(other);
	close(held);
	close(holder);
}

/* a to b, b to c, c to a: each in another queue than the one before. */
static void a_chain_through_two_queues(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), job = dup(held), i;
	struct memory *ring[] = { &a, &b, &c };
	uint32_t queues[2] = { engine.queue, another_queue() };

	paint_all(60);
	for (i = 0; i < 6; i++) {
		int next = start_all(queues[i % 2], ring[(i + 1) % 3], ring[i % 3],
				     EDU_COPY_EXPLICIT, &job, 1);

		close(job);
		job = next;
	}
	/* Each would have copied its own paint had it run before the chain. */
	assert_true(painted(&b, 61) && painted(&c, 62));
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(job), 0);
	assert_true(painted(&a, 60) && painted(&b, 60) && painted(&c, 60));
	destroy(queues[1]);
	close(held);
	close(holder);
}

/* ------------------------------------------------- fences in the buffers */

static int fences_of(const struct memory *m, uint32_t flags)
{
	struct dma_buf_export_sync_file arg = { .flags = flags };

	assert_int_equal(call(m->fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg), 0);
	return arg.fd;
}

static int status_of(const struct memory *m, uint32_t flags)
{
	int fd = fences_of(m, flags), status = edu_fence_status(fd);

	close(fd);
	return status;
}

static void put_fence(const struct memory *m, uint32_t flags, int fence)
{
	struct dma_buf_import_sync_file arg = { .flags = flags, .fd = fence };

	assert_int_equal(call(m->fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg), 0);
}

/* Who wants to read must wait for writers, who wants to write for all. */
static void a_job_is_seen_in_both_buffers(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), job;

	job = start_all(engine.queue, &b, &a, EDU_COPY_EXPLICIT, &held, 1);
	assert_int_equal(status_of(&a, DMA_BUF_SYNC_READ), 1);
	assert_int_equal(status_of(&a, DMA_BUF_SYNC_WRITE), 0);
	assert_int_equal(status_of(&b, DMA_BUF_SYNC_READ), 0);
	assert_int_equal(status_of(&b, DMA_BUF_SYNC_WRITE), 0);
	assert_int_equal(status_of(&c, DMA_BUF_SYNC_WRITE), 1);
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(job), 0);
	assert_int_equal(status_of(&a, DMA_BUF_SYNC_WRITE), 1);
	assert_int_equal(status_of(&b, DMA_BUF_SYNC_WRITE), 1);
	close(held);
	close(holder);
}

static void a_job_waits_for_what_is_in_its_buffers(void **state)
{
	static const struct {
		bool in_source;
		uint32_t flags;
		bool waits;
	} cases[] = {
		{ true, DMA_BUF_SYNC_READ, false },
		{ true, DMA_BUF_SYNC_WRITE, true },
		{ false, DMA_BUF_SYNC_READ, true },
		{ false, DMA_BUF_SYNC_WRITE, true },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int holder = holder_open(), held = holder_fence(holder), job;
		struct memory x = user_memory(&engine, 4 * KIB), y = user_memory(&engine, 4 * KIB);

		paint(&x, 70);
		put_fence(cases[i].in_source ? &x : &y, cases[i].flags, held);
		job = start_all(engine.queue, &y, &x, 0, NULL, 0);
		if (cases[i].waits)
			still_waits(job);
		else
			assert_int_equal(edu_fence_wait(job, LONG_MS), 1);
		holder_signal(holder, 1, 0);
		assert_int_equal(end_of(job), 0);
		assert_true(painted(&y, 70));
		memory_free(&engine, &x);
		memory_free(&engine, &y);
		close(held);
		close(holder);
	}
}

static void an_explicit_job_does_not(void **state)
{
	int holder = holder_open(), held = holder_fence(holder);
	struct memory x = user_memory(&engine, 4 * KIB), y = user_memory(&engine, 4 * KIB);

	paint(&x, 80);
	put_fence(&x, DMA_BUF_SYNC_WRITE, held);
	put_fence(&y, DMA_BUF_SYNC_WRITE, held);
	assert_int_equal(end_of(start_all(engine.queue, &y, &x, EDU_COPY_EXPLICIT, NULL, 0)), 0);
	assert_true(painted(&y, 80));
	holder_signal(holder, 1, 0);
	memory_free(&engine, &x);
	memory_free(&engine, &y);
	close(held);
	close(holder);
}

/* The error of a fence that nobody named says nothing about this job. */
static void a_failure_in_a_buffer_is_not_the_jobs(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), job;
	struct memory x = user_memory(&engine, 4 * KIB), y = user_memory(&engine, 4 * KIB);

	paint(&x, 85);
	put_fence(&y, DMA_BUF_SYNC_WRITE, held);
	job = start_all(engine.queue, &y, &x, 0, NULL, 0);
	holder_signal(holder, 1, -EIO);
	assert_int_equal(end_of(job), 0);
	assert_true(painted(&y, 85));
	memory_free(&engine, &x);
	memory_free(&engine, &y);
	close(held);
	close(holder);
}

/* Without a fence being named anywhere: through the buffers alone. */
static void queues_are_ordered_by_the_buffers(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), job, last;
	uint32_t other = another_queue();

	paint_all(90);
	job = start_all(engine.queue, &b, &a, 0, &held, 1);
	last = start_all(other, &c, &b, 0, NULL, 0);
	still_waits(last);
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(last), 0);
	assert_true(painted(&c, 90));
	assert_int_equal(end_of(job), 0);
	destroy(other);
	close(held);
	close(holder);
}

/* ---------------------------------------------------------- two processes */

#define ROUNDS 6

/* Copy when the other one has: each job's fence goes to the other process. */
static int take_turns(int sock, bool first, int from, int to)
{
	struct engine mine;
	struct memory src, dst;
	char word = 'x';
	int i, fence = -1, job = -1;

	engine_open(&mine);
	src = import(&mine, from, 4 * KIB);
	dst = import(&mine, to, 4 * KIB);
	for (i = 0; i < ROUNDS; i++) {
		if (!(first && !i)) {
			size_t length = sizeof(word);

			if (peerbuf_recv_fd(sock, &fence, &word, length) < 0)
				return 1;
		}
		job = start(&mine, mine.queue, &dst, 0, &src, 0, 4 * KIB, EDU_COPY_EXPLICIT,
			    &fence, fence >= 0);
		if (job < 0)
			return 2;
		if (fence >= 0)
			close(fence);
		if (peerbuf_send_fd(sock, job, &word, sizeof(word)) < 0)
			return 3;
		if (i < ROUNDS - 1)
			close(job);
	}
	return edu_fence_wait(job, LONG_MS) == 1 ? 0 : 4;
}

static void two_processes_wait_for_each_other(void **state)
{
	int sock[2], status;
	pid_t child;

	paint_all(100);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(take_turns(sock[1], false, b.fd, c.fd));
	assert_int_equal(take_turns(sock[0], true, dup(a.fd), dup(b.fd)), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(painted(&b, 100) && painted(&c, 100));
	close(sock[0]);
	close(sock[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_waits_for_its_in_fences),
		cmocka_unit_test(a_signalled_fence_holds_nothing),
		cmocka_unit_test(a_failed_fence_is_handed_on),
		cmocka_unit_test(an_old_failure_is_one_too),
		cmocka_unit_test(a_queue_keeps_its_order_and_two_do_not_wait),
		cmocka_unit_test(a_chain_through_two_queues),
		cmocka_unit_test(a_job_is_seen_in_both_buffers),
		cmocka_unit_test(a_job_waits_for_what_is_in_its_buffers),
		cmocka_unit_test(an_explicit_job_does_not),
		cmocka_unit_test(a_failure_in_a_buffer_is_not_the_jobs),
		cmocka_unit_test(queues_are_ordered_by_the_buffers),
		cmocka_unit_test(two_processes_wait_for_each_other),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("edu-fences", tests, setup, teardown);
}
