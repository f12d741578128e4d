// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Buffers that are taken away while jobs of theirs run or wait, and come back; the device's own
 * reset; an engine that does not answer.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"

static struct engine engine;
static struct memory a, b;
static struct peerbuf_container *container;
static struct peerbuf_device *bar;
static unsigned char *bar_map;
static char edu_reset[128], edu_config[128];

static int setup(void **state)
{
	void *p;

	snprintf(edu_reset, sizeof(edu_reset), "/sys/bus/pci/devices/%s/reset", getenv("EDU_BDF"));
	snprintf(edu_config, sizeof(edu_config), "/sys/bus/pci/devices/%s/config", getenv("EDU_BDF"));
	engine_open(&engine);
	a = user_memory(&engine, 64 * KIB);
	b = user_memory(&engine, 64 * KIB);
	bar = open_role("BAR", PEERBUF_IOMMU, &container);
	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 0, MIB, PROT_READ | PROT_WRITE, &p), 0);
	bar_map = p;
	return 0;
}

static int teardown(void **state)
{
	munmap(bar_map, MIB);
	peerbuf_device_close(bar);
	peerbuf_container_close(container);
	memory_free(&engine, &a);
	memory_free(&engine, &b);
	engine_close(&engine);
	return 0;
}

static struct memory bar_memory(uint64_t size)
{
	return import(&engine, export_range(bar, O_RDWR | O_CLOEXEC, 0, size), size);
}

static void memory_decode(bool on)
{
	assert_true(peerbuf_device_command(bar, on ? PCI_COMMAND_MEMORY : 0,
					   on ? 0 : PCI_COMMAND_MEMORY) >= 0);
}

static int start_part(const struct memory *to, const struct memory *from, uint64_t length,
		      const int *fences, unsigned int nr)
{
	return start(&engine, engine.queue, to, 0, from, 0, length, EDU_COPY_EXPLICIT, fences, nr);
}

static int writers_of(const struct memory *m)
{
	struct dma_buf_export_sync_file arg = { .flags = DMA_BUF_SYNC_WRITE };
	int status;

	assert_int_equal(call(m->fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg), 0);
	status = edu_fence_status(arg.fd);
	close(arg.fd);
	return status;
}

/* Jobs wait for a fence that does not signal; the revoke does not wait for them. */
static void jobs_that_wait_do_not_hold_up_a_revoke(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), to, from, unrelated;
	struct memory there = bar_memory(8 * KIB);
	size_t i;

	/* Mapped, and used. */
	assert_int_equal(end_of(start_part(&there, &a, 2 * KIB, NULL, 0)), 0);
	memset(bar_map, 0xee, 8 * KIB);
	paint(&a, 1);
	paint(&b, 2);
	to = start_part(&there, &a, 8 * KIB, &held, 1);
	from = start_part(&b, &there, 8 * KIB, &held, 1);
	unrelated = start_part(&b, &a, 2 * KIB, &held, 1);
	assert_int_equal(writers_of(&there), 0);

	/* Returns, although they wait. */
	memory_decode(false);
	assert_int_equal(writers_of(&there), 1);
	/* The other buffer of those jobs is as it was. */
	assert_int_equal(writers_of(&b), 0);
	assert_int_equal(start_part(&there, &a, 16, NULL, 0), -ENODEV);
	assert_int_equal(start_part(&b, &there, 16, NULL, 0), -ENODEV);
	assert_int_equal(edu_fence_status(to), 0);

	memory_decode(true);
	/* Of before the revoke: their fences are no longer in the buffer, so they must not run. */
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(to), -ENODEV);
	assert_int_equal(end_of(from), -ENODEV);
	assert_int_equal(end_of(unrelated), 0);
	assert_memory_equal(b.map, a.map, 2 * KIB);
	for (i = 0; i < 8 * KIB; i++)
		assert_int_equal(bar_map[i], 0xee);

	/* New ones do. */
	assert_int_equal(end_of(start_part(&there, &a, 8 * KIB, NULL, 0)), 0);
	assert_memory_equal(bar_map, a.map, 8 * KIB);
	close(held);
	close(holder);
	memory_free(&engine, &there);
}

/* The job under way stops; what comes after the revoke is not written. */
static void a_job_that_runs_is_stopped(void **state)
{
	struct memory there = bar_memory(64 * KIB);
	unsigned char *seen = malloc(64 * KIB);
	int job, next;

	assert_non_null(seen);
	memset(bar_map, 0xee, 64 * KIB);
	memset(a.map, 0x55, a.size);
	job = start_part(&there, &a, 64 * KIB, NULL, 0);
	next = start_part(&b, &a, 2 * KIB, NULL, 0);
	while (bar_map[2 * KIB - 1] == 0xee)
		sleep_ms(1);

	/* Does not wait for the whole job, which would fill all: see below. */
	memory_decode(false);
	memory_decode(true);
	memcpy(seen, bar_map, 64 * KIB);
	assert_int_equal(seen[0], 0x55);
	assert_int_equal(seen[64 * KIB - 1], 0xee);
	assert_int_equal(end_of(job), -ENODEV);
	/* The engine goes on with the next. */
	assert_int_equal(end_of(next), 0);
	sleep_ms(300);
	assert_memory_equal(seen, bar_map, 64 * KIB);
	free(seen);
	memory_free(&engine, &there);
}

static void again_and_again(void **state)
{
	struct memory there = bar_memory(64 * KIB);
	int jobs[8], i, round;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 8; i++)
			jobs[i] = i & 1 ? start_part(&b, &there, 64 * KIB, NULL, 0) :
					  start_part(&there, &a, 64 * KIB, NULL, 0);
		sleep_ms(20 * round);
		memory_decode(false);
		memory_decode(true);
		for (i = 0; i < 8; i++)
			assert_int_equal(end_of(jobs[i]), -ENODEV);
	}
	paint(&a, 5);
	assert_int_equal(end_of(start_part(&there, &a, 4 * KIB, NULL, 0)), 0);
	assert_memory_equal(bar_map, a.map, 4 * KIB);
	memory_free(&engine, &there);
}

static void a_buffer_that_is_withdrawn(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), job;
	struct memory there = bar_memory(4 * KIB);
	struct edu_copy_import again = { .fd = there.fd };

	job = start_part(&there, &a, 4 * KIB, &held, 1);
	assert_int_equal(peerbuf_device_revoke_buffer(bar, there.fd), 0);
	assert_int_equal(start_part(&there, &a, 16, NULL, 0), -ENODEV);
	assert_int_equal(call(engine.fd, EDU_COPY_IMPORT, &again), -ENODEV);
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(job), -ENODEV);
	close(held);
	close(holder);
	memory_free(&engine, &there);
}

/* ---------------------------------------------------- a reset of the engine */

static void a_reset_takes_the_drivers_buffers_and_gives_them_back(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), waiting, running;
	struct memory own = engine_memory(&engine, 64 * KIB);

	memset(a.map, 0x66, a.size);
	assert_int_equal(end_of(start_part(&own, &a, 4 * KIB, NULL, 0)), 0);
	running = start_part(&own, &a, 64 * KIB, NULL, 0);
	waiting = start_part(&b, &own, 4 * KIB, &held, 1);
	sleep_ms(100);
	assert_int_equal(write_file(edu_reset, "1"), 0);
	assert_int_equal(end_of(running), -ENODEV);
	holder_signal(holder, 1, 0);
	assert_int_equal(end_of(waiting), -ENODEV);
	/* RAM keeps what it had. */
	memset(b.map, 0, b.size);
	assert_int_equal(end_of(start_part(&b, &own, 4 * KIB, NULL, 0)), 0);
	assert_memory_equal(b.map, a.map, 4 * KIB);
	close(held);
	close(holder);
	memory_free(&engine, &own);
}

static void a_reset_ends_the_job_that_runs_and_no_other(void **state)
{
	int running, next;

	paint(&a, 8);
	running = start_part(&b, &a, 64 * KIB, NULL, 0);
	next = start_part(&b, &a, 4 * KIB, NULL, 0);
	sleep_ms(300);
	assert_int_equal(write_file(edu_reset, "1"), 0);
	assert_int_equal(end_of(running), -EIO);
	assert_int_equal(end_of(next), 0);
	assert_memory_equal(b.map, a.map, 4 * KIB);
}

/* Without the right to be bus master the engine's interrupts get lost, and its data. */
static void an_engine_that_does_not_answer(void **state)
{
	int fd = open(edu_config, O_RDWR | O_CLOEXEC), lost, next;
	uint16_t command;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &command, 2, PCI_COMMAND), 2);
	assert_int_equal(command & PCI_COMMAND_MASTER, PCI_COMMAND_MASTER);
	command &= ~PCI_COMMAND_MASTER;
	lost = start_part(&b, &a, 64 * KIB, NULL, 0);
	next = start_part(&b, &a, 4 * KIB, NULL, 0);
	sleep_ms(300);
	assert_int_equal(pwrite(fd, &command, 2, PCI_COMMAND), 2);
	close(fd);
	assert_int_equal(end_of(lost), -ETIME);
	assert_int_equal(end_of(next), 0);
	assert_memory_equal(b.map, a.map, 4 * KIB);
}

/* Resets from one side, jobs from the other; whatever each job ends with, all end. */
static void *reset_often(void *arg)
{
	int i;

	for (i = 0; i < 8; i++)
		if (write_file(edu_reset, "1"))
			return "a reset failed";
	return NULL;
}

static void resets_while_jobs_come(void **state)
{
	struct memory own = engine_memory(&engine, 4 * KIB);
	pthread_t thread;
	void *result;
	int i, done = 0;

	assert_int_equal(pthread_create(&thread, NULL, reset_often, NULL), 0);
	for (i = 0; i < 40; i++) {
		int job = start_part(i & 1 ? &b : &own, i & 1 ? &own : &a, KIB, NULL, 0);
		int status;

		if (job < 0) {
			assert_int_equal(job, -ENODEV);
			sleep_ms(50);
			continue;
		}
		status = end_of(job);
		assert_true(status == 0 || status == -ENODEV || status == -EIO);
		done += !status;
	}
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_null(result);
	assert_true(done);
	assert_int_equal(end_of(start_part(&own, &a, 4 * KIB, NULL, 0)), 0);
	memory_free(&engine, &own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_that_wait_do_not_hold_up_a_revoke),
		cmocka_unit_test(a_job_that_runs_is_stopped),
		cmocka_unit_test(again_and_again),
		cmocka_unit_test(a_buffer_that_is_withdrawn),
		cmocka_unit_test(a_reset_takes_the_drivers_buffers_and_gives_them_back),
		cmocka_unit_test(a_reset_ends_the_job_that_runs_and_no_other),
		cmocka_unit_test(an_engine_that_does_not_answer),
		cmocka_unit_test(resets_while_jobs_come),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("edu-revoke", tests, setup, teardown);
}
