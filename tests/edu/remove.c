// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The device goes away under a process that has it open: jobs end with ENODEV, the driver's
 * buffers are dead, nothing is waited for; and it comes back for who opens it anew.
 */
#include <fcntl.h>
#include <linux/sync_file.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

#define DRIVER "/sys/bus/pci/drivers/edu_copy/"

static int driver(const char *verb)
{
	char path[128];

	snprintf(path, sizeof(path), DRIVER "%s", verb);
	return write_file(path, getenv("EDU_BDF"));
}

/* For a file that is opened now; a buffer of the driver's earlier life is refused. */
static void works_anew(int dead, int alive)
{
	struct edu_copy_import arg = { .fd = dead };
	struct engine e;
	struct memory from, own;

	engine_open(&e);
	assert_int_equal(call(e.fd, EDU_COPY_IMPORT, &arg), -ENODEV);
	from = import(&e, dup(alive), 64 * KIB);
	own = engine_memory(&e, 4 * KIB);
	assert_int_equal(end_of(start(&e, e.queue, &own, 0, &from, 0, 4 * KIB, 0, NULL, 0)), 0);
	memory_free(&e, &from);
	memory_free(&e, &own);
	engine_close(&e);
}

static void unbind_while_jobs_run_and_wait(void **state)
{
	int holder = holder_open(), held = holder_fence(holder), round;

	for (round = 0; round < 3; round++) {
		struct memory a, b, own;
		int running, queued, waiting;
		struct engine e;

		engine_open(&e);
		a = user_memory(&e, 64 * KIB);
		b = user_memory(&e, 64 * KIB);
		own = engine_memory(&e, 64 * KIB);
		running = start(&e, e.queue, &own, 0, &a, 0, 64 * KIB, 0, NULL, 0);
		queued = start(&e, e.queue, &b, 0, &own, 0, 64 * KIB, 0, NULL, 0);
		waiting = start(&e, edu_new_queue(e.fd), &b, 0, &a, 0, 16, EDU_COPY_EXPLICIT,
				&held, 1);
		sleep_ms(150 * round);

		/* Returns, although what one of them waits for has not signalled. */
		assert_int_equal(driver("unbind"), 0);
		assert_int_equal(end_of(running), -ENODEV);
		assert_int_equal(end_of(queued), -ENODEV);
		/* It still stands for what it depends on, without a device. */
		assert_int_equal(edu_fence_wait(waiting, 100), 0);
		assert_int_equal(access("/dev/edu_copy0", F_OK), -1);

		/* The open file has nothing left. */
		assert_int_equal(edu_new_queue(e.fd), -ENODEV);
		assert_int_equal(edu_new_buffer(e.fd, PAGE), -ENODEV);
		assert_int_equal(start(&e, e.queue, &b, 0, &a, 0, 16, 0, NULL, 0), -ENODEV);

		/* It comes back as another one; the old buffer stays dead. */
		assert_int_equal(driver("bind"), 0);
		assert_int_equal(start(&e, e.queue, &b, 0, &a, 0, 16, 0, NULL, 0), -ENODEV);
		works_anew(own.fd, b.fd);

		holder_signal(holder, 1, 0);
		assert_int_equal(end_of(waiting), -ENODEV);
		close(held);
		held = holder_fence(holder);
		engine_close(&e);
		memory_free(&e, &a);
		memory_free(&e, &b);
		memory_free(&e, &own);
	}
	close(held);
	close(holder);
}

/* A process submits as fast as it can. */
static void unbind_under_fire(void **state)
{
	int round;

	for (round = 0; round < 4; round++) {
		int status;
		pid_t child = fork();

		assert_true(child >= 0);
		if (!child) {
			struct memory a, b;
			struct engine e;
			int job = -1, ret = 0;

			engine_open(&e);
			a = user_memory(&e, 4 * KIB);
			b = user_memory(&e, 4 * KIB);
			for (;;) {
				ret = start(&e, e.queue, &b, 0, &a, 0, 4 * KIB, 0, NULL, 0);
				if (ret < 0)
					break;
				if (job >= 0)
					close(job);
				job = ret;
			}
			_exit(ret == -ENODEV && end_of(job) == -ENODEV ? 0 : 1);
		}
		sleep_ms(200 + 50 * round);
		assert_int_equal(driver("unbind"), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_int_equal(driver("bind"), 0);
	}
}

/* Whoever has a fence can ask for its name: the module must stay until the fence has gone. */
static void a_fence_keeps_the_module(void **state)
{
	struct sync_fence_info fence = { 0 };
	struct sync_file_info info = {
		.num_fences = 1, .sync_fence_info = (uintptr_t)&fence,
	};
	struct memory a, b;
	struct engine e;
	int job, i, ret;

	engine_open(&e);
	a = user_memory(&e, 4 * KIB);
	b = user_memory(&e, 4 * KIB);
	job = start(&e, e.queue, &b, 0, &a, 0, 16, 0, NULL, 0);
	assert_int_equal(edu_fence_wait(job, LONG_MS), 1);
	memory_free(&e, &a);
	memory_free(&e, &b);
	engine_close(&e);
	assert_int_equal(driver("unbind"), 0);

	assert_int_equal(syscall(SYS_delete_module, "edu_copy", O_NONBLOCK), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(call(job, SYNC_IOC_FILE_INFO, &info), 0);
	/* From 6.17 on the kernel does not ask the driver of a fence that has signaled. */
	if (strcmp(fence.driver_name, "detached-driver")) {
		assert_string_equal(fence.driver_name, "edu_copy");
		assert_string_equal(fence.obj_name, "copy");
	}
	close(job);
	for (i = 0; i < 100; i++) {
		ret = syscall(SYS_delete_module, "edu_copy", O_NONBLOCK);
		if (!ret)
			break;
		sleep_ms(100);
	}
	assert_int_equal(ret, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unbind_while_jobs_run_and_wait),
		cmocka_unit_test(unbind_under_fire),
		cmocka_unit_test(a_fence_keeps_the_module),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("edu-remove", tests, NULL, NULL);
}
