// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine copies between buffers of all kinds: of the process, of the driver, of another
 * device; and refuses what it must.
 */
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"

static struct engine engine;

static int setup(void **state)
{
	engine_open(&engine);
	return 0;
}

static int teardown(void **state)
{
	engine_close(&engine);
	return 0;
}

static void bytes_arrive(void **state)
{
	struct memory a = user_memory(&engine, 8 * KIB), b = user_memory(&engine, 8 * KIB);

	paint(&a, 1);
	assert_int_equal(copy(&engine, &b, &a), 0);
	assert_true(painted(&b, 1));
	assert_true(painted(&a, 1));
	memory_free(&engine, &a);
	memory_free(&engine, &b);
}

/* From and to odd places, over the ends of pages: nothing else changes. */
static void the_part_asked_for_and_no_more(void **state)
{
	struct memory a = user_memory(&engine, 12 * KIB), b = user_memory(&engine, 12 * KIB);
	unsigned char *expected = malloc(b.size);
	static const struct { unsigned int to, from, length; } parts[] = {
		{ 0, 0, 1 }, { 4095, 1, 2 }, { 8191, 4090, 4000 }, { 12287, 12287, 1 },
	};
	size_t i;

	assert_non_null(expected);
	paint(&a, 2);
	paint(&b, 3);
	memcpy(expected, b.map, b.size);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		memcpy(expected + parts[i].to, a.map + parts[i].from, parts[i].length);
		assert_int_equal(end_of(start(&engine, engine.queue, &b, parts[i].to, &a,
					      parts[i].from, parts[i].length, 0, NULL, 0)), 0);
		assert_memory_equal(b.map, expected, b.size);
	}
	free(expected);
	memory_free(&engine, &a);
	memory_free(&engine, &b);
}

static void within_one_buffer(void **state)
{
	struct memory a = user_memory(&engine, 8 * KIB);

	paint(&a, 4);
	assert_int_equal(end_of(start(&engine, engine.queue, &a, 4096, &a, 0, 4096, 0, NULL, 0)), 0);
	assert_memory_equal(a.map, a.map + 4096, 4096);
	assert_int_equal(start(&engine, engine.queue, &a, 4095, &a, 0, 4096, 0, NULL, 0), -EINVAL);
	assert_int_equal(start(&engine, engine.queue, &a, 0, &a, 0, 1, 0, NULL, 0), -EINVAL);
	memory_free(&engine, &a);
}

/* Into the driver's memory and out of it again; a new buffer is empty. */
static void through_a_buffer_of_the_driver(void **state)
{
	struct memory a = user_memory(&engine, 4 * KIB), b = user_memory(&engine, 4 * KIB);
	struct memory own = engine_memory(&engine, 4 * KIB);
	struct memory zeros = user_memory(&engine, 4 * KIB);

	paint(&a, 5);
	paint(&b, 6);
	assert_int_equal(copy(&engine, &b, &own), 0);
	assert_memory_equal(b.map, zeros.map, b.size);
	assert_int_equal(copy(&engine, &own, &a), 0);
	assert_int_equal(copy(&engine, &b, &own), 0);
	assert_true(painted(&b, 5));
	memory_free(&engine, &a);
	memory_free(&engine, &b);
	memory_free(&engine, &own);
	memory_free(&engine, &zeros);
}

static void a_buffer_of_the_driver_through_another_file(void **state)
{
	struct memory a = user_memory(&engine, 4 * KIB), own = engine_memory(&engine, 4 * KIB);
	struct memory same, b;
	struct engine other;

	paint(&a, 7);
	assert_int_equal(copy(&engine, &own, &a), 0);
	engine_open(&other);
	same = import(&other, dup(own.fd), own.size);
	b = user_memory(&other, 4 * KIB);
	assert_int_equal(copy(&other, &b, &same), 0);
	assert_true(painted(&b, 7));
	memory_free(&other, &same);
	memory_free(&other, &b);
	engine_close(&other);
	memory_free(&engine, &a);
	memory_free(&engine, &own);
}

static void from_the_system_heap(void **state)
{
	struct dma_heap_allocation_data heap = { .len = 4 * KIB, .fd_flags = O_RDWR | O_CLOEXEC };
	struct memory b = user_memory(&engine, 4 * KIB), a;
	int fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(call(fd, DMA_HEAP_IOCTL_ALLOC, &heap), 0);
	close(fd);
	a = import(&engine, heap.fd, heap.len);
	a.map = mmap(NULL, a.size, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd, 0);
	assert_ptr_not_equal(a.map, MAP_FAILED);
	paint(&a, 8);
	assert_int_equal(copy(&engine, &b, &a), 0);
	assert_true(painted(&b, 8));
	memory_free(&engine, &a);
	memory_free(&engine, &b);
}

/* Two ranges of a BAR, not adjacent: the job crosses from one to the other. */
static void to_and_from_another_device(void **state)
{
	struct vfio_region_dma_range ranges[] = {
		{ .offset = 16 * MIB, .length = 4 * KIB }, { .offset = MIB, .length = 4 * KIB },
	};
	struct memory a = user_memory(&engine, 8 * KIB), b = user_memory(&engine, 8 * KIB), there;
	struct peerbuf_container *container;
	struct peerbuf_device *bar;
	unsigned char *map;
	void *p;

	bar = open_role("BAR", PEERBUF_IOMMU, &container);
	there = import(&engine, peerbuf_device_export(bar, BAR2, O_RDWR | O_CLOEXEC, ranges, 2),
		       8 * KIB);
	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 0, 32 * MIB,
					     PROT_READ | PROT_WRITE, &p), 0);
	map = p;
	paint(&a, 9);
	memset(map + 16 * MIB, 0xee, 8 * KIB);
	memset(map + MIB, 0xee, 8 * KIB);

	assert_int_equal(copy(&engine, &there, &a), 0);
	assert_memory_equal(map + 16 * MIB, a.map, 4 * KIB);
	assert_memory_equal(map + MIB, a.map + 4 * KIB, 4 * KIB);
	assert_int_equal(map[16 * MIB + 4 * KIB], 0xee);
	assert_int_equal(map[MIB + 4 * KIB], 0xee);
	assert_int_equal(copy(&engine, &b, &there), 0);
	assert_true(painted(&b, 9));

	munmap(p, 32 * MIB);
	memory_free(&engine, &there);
	memory_free(&engine, &a);
	memory_free(&engine, &b);
	peerbuf_device_close(bar);
	peerbuf_container_close(container);
}

static int submit(struct edu_copy_submit arg)
{
	int ret = call(engine.fd, EDU_COPY_SUBMIT, &arg);

	return ret ?: arg.out_fence;
}

static void wrong_jobs_are_refused(void **state)
{
	struct memory a = user_memory(&engine, 128 * KIB), b = user_memory(&engine, 128 * KIB);
	const struct edu_copy_submit good = {
		.queue = engine.queue, .src = a.handle, .dst = b.handle, .length = 16,
	};
	struct edu_copy_submit arg;
	int32_t bad_fd = -1;

#define REFUSED(errno_, ...) do {					\
		arg = good;						\
		__VA_ARGS__;						\
		assert_int_equal(submit(arg), -(errno_));		\
	} while (0)

	REFUSED(ENOENT, arg.queue = 99);
	REFUSED(ENOENT, arg.src = 0);
	REFUSED(ENOENT, arg.dst = 12345);
	REFUSED(EINVAL, arg.flags = 2);
	REFUSED(EINVAL, arg.length = 0);
	REFUSED(EINVAL, arg.length = EDU_COPY_MAX_LENGTH + 1);
	REFUSED(EINVAL, arg.src_offset = a.size - 15);
	REFUSED(EINVAL, arg.dst_offset = a.size - 15);
	REFUSED(EINVAL, arg.src_offset = UINT64_MAX);
	REFUSED(EINVAL, arg.src_offset = UINT64_MAX - 15);
	REFUSED(EINVAL, arg.nr_in_fences = EDU_COPY_MAX_IN_FENCES + 1);
	REFUSED(EFAULT, arg.nr_in_fences = 1);
	REFUSED(EBADF, arg.nr_in_fences = 1, arg.in_fences = (uintptr_t)&bad_fd);
	bad_fd = a.fd;
	REFUSED(EBADF, arg.nr_in_fences = 1, arg.in_fences = (uintptr_t)&bad_fd);
#undef REFUSED
	assert_int_equal(call(engine.fd, EDU_COPY_SUBMIT, NULL), -EFAULT);
	/* The last bytes of a buffer, to show that the limits are where they should be. */
	arg = good;
	arg.src_offset = a.size - 16;
	arg.dst_offset = b.size - 16;
	assert_int_equal(end_of(submit(arg)), 0);
	memory_free(&engine, &a);
	memory_free(&engine, &b);
}

/* The request can be read but not written: the job is not queued, no descriptor is left. */
static void a_fence_that_cannot_be_told_is_none(void **state)
{
	struct memory a = user_memory(&engine, 4 * KIB), b = user_memory(&engine, 4 * KIB);
	struct edu_copy_submit *arg = pages(PAGE);
	int before = dup(0), after;

	close(before);
	paint(&a, 10);
	paint(&b, 11);
	*arg = (struct edu_copy_submit) {
		.queue = engine.queue, .src = a.handle, .dst = b.handle, .length = 16,
	};
	assert_int_equal(mprotect(arg, PAGE, PROT_READ), 0);
	assert_int_equal(call(engine.fd, EDU_COPY_SUBMIT, arg), -EFAULT);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
	sleep_ms(500);
	assert_true(painted(&b, 11));
	munmap(arg, PAGE);
	memory_free(&engine, &a);
	memory_free(&engine, &b);
}

static void wrong_buffers_are_refused(void **state)
{
	struct edu_copy_import imported = { .fd = -1 };
	struct edu_copy_export exported = { .size = PAGE };
	uint32_t handle = 77;

	assert_int_equal(call(engine.fd, EDU_COPY_IMPORT, &imported), -EBADF);
	imported.fd = engine.fd;
	assert_int_equal(call(engine.fd, EDU_COPY_IMPORT, &imported), -EINVAL);
	assert_int_equal(call(engine.fd, EDU_COPY_IMPORT, NULL), -EFAULT);
	assert_int_equal(call(engine.fd, EDU_COPY_RELEASE, &handle), -ENOENT);
	assert_int_equal(call(engine.fd, EDU_COPY_RELEASE, NULL), -EFAULT);

	exported.flags = 1;
	assert_int_equal(call(engine.fd, EDU_COPY_EXPORT, &exported), -EINVAL);
	assert_int_equal(edu_new_buffer(engine.fd, 0), -EINVAL);
	assert_int_equal(edu_new_buffer(engine.fd, PAGE - 1), -EINVAL);
	assert_int_equal(edu_new_buffer(engine.fd, EDU_COPY_MAX_EXPORT + PAGE), -EINVAL);
	assert_int_equal(call(engine.fd, EDU_COPY_EXPORT, NULL), -EFAULT);
	assert_int_equal(call(engine.fd, _IO(0xED, 99), NULL), -ENOTTY);
}

static void a_read_only_buffer_is_no_destination(void **state)
{
	struct memory a = user_memory(&engine, 4 * KIB), b = user_memory(&engine, 4 * KIB);
	struct dma_heap_allocation_data heap = { .len = 4 * KIB, .fd_flags = O_RDONLY | O_CLOEXEC };
	int fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	struct memory readonly;

	assert_true(fd >= 0);
	assert_int_equal(call(fd, DMA_HEAP_IOCTL_ALLOC, &heap), 0);
	close(fd);
	readonly = import(&engine, heap.fd, heap.len);
	assert_int_equal(start(&engine, engine.queue, &readonly, 0, &a, 0, 16, 0, NULL, 0), -EACCES);
	assert_int_equal(end_of(start(&engine, engine.queue, &b, 0, &readonly, 0, 16, 0, NULL, 0)), 0);
	memory_free(&engine, &readonly);
	memory_free(&engine, &a);
	memory_free(&engine, &b);
}

static void queues_are_numbered_and_limited(void **state)
{
	uint32_t id = EDU_COPY_MAX_QUEUES - 1;
	int i, last = 0;

	/* One is there. */
	for (i = 1; i < EDU_COPY_MAX_QUEUES; i++) {
		last = edu_new_queue(engine.fd);
		assert_in_range(last, 0, EDU_COPY_MAX_QUEUES - 1);
	}
	assert_int_equal(edu_new_queue(engine.fd), -ENOSPC);
	assert_int_equal(call(engine.fd, EDU_COPY_CREATE_QUEUE, NULL), -ENOSPC);
	assert_int_equal(call(engine.fd, EDU_COPY_DESTROY_QUEUE, &id), 0);
	assert_int_equal(call(engine.fd, EDU_COPY_DESTROY_QUEUE, &id), -ENOENT);
	assert_int_equal(call(engine.fd, EDU_COPY_CREATE_QUEUE, NULL), -EFAULT);
	/* That one has been taken back. */
	assert_int_equal(edu_new_queue(engine.fd), last);
	for (id = 0; id < EDU_COPY_MAX_QUEUES; id++)
		if (id != engine.queue)
			assert_int_equal(call(engine.fd, EDU_COPY_DESTROY_QUEUE, &id), 0);
	assert_int_equal(call(engine.fd, EDU_COPY_DESTROY_QUEUE, NULL), -EFAULT);
}

static void the_program_copies_its_input_to_its_output(void **state)
{
	assert_int_equal(system("head -c 9001 /dev/urandom >/tmp/in && "
				"edu-copy </tmp/in >/tmp/out && cmp /tmp/in /tmp/out"), 0);
	assert_int_not_equal(system("edu-copy --device /dev/null </tmp/in 2>/dev/null"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive),
		cmocka_unit_test(the_part_asked_for_and_no_more),
		cmocka_unit_test(within_one_buffer),
		cmocka_unit_test(through_a_buffer_of_the_driver),
		cmocka_unit_test(a_buffer_of_the_driver_through_another_file),
		cmocka_unit_test(from_the_system_heap),
		cmocka_unit_test(to_and_from_another_device),
		cmocka_unit_test(wrong_jobs_are_refused),
		cmocka_unit_test(a_fence_that_cannot_be_told_is_none),
		cmocka_unit_test(wrong_buffers_are_refused),
		cmocka_unit_test(a_read_only_buffer_is_no_destination),
		cmocka_unit_test(queues_are_numbered_and_limited),
		cmocka_unit_test(the_program_copies_its_input_to_its_output),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("edu-copy", tests, setup, teardown);
}
