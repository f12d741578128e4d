// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF: every errno of its description, and what a buffer is.
 * The device has 1 GiB in BAR 2, 256 bytes of registers in BAR 0 and no BAR 4.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "abi.h"

#define BAR_SIZE (1ULL << 30)

static struct peerbuf_container *container;
static struct peerbuf_device *device;

/* One call with everything in the caller's hands. */
struct request {
	struct vfio_device_feature head;
	struct vfio_device_feature_dma_buf dma_buf;
	struct vfio_region_dma_range range[4];
} __attribute__((packed));

static struct request request(uint32_t nr_ranges, uint64_t offset, uint64_t length)
{
	return (struct request) {
		.head = {
			.argsz = sizeof(struct request),
			.flags = VFIO_DEVICE_FEATURE_DMA_BUF | VFIO_DEVICE_FEATURE_GET,
		},
		.dma_buf = {
			.region_index = BAR2,
			.open_flags = O_RDWR | O_CLOEXEC,
			.nr_ranges = nr_ranges,
		},
		.range = { { offset, length } },
	};
}

static long export(struct request *r)
{
	return call(peerbuf_device_fd(device), VFIO_DEVICE_FEATURE, r);
}

static int open_device(void **state)
{
	device = open_role("BAR", PEERBUF_IOMMU, &container);
	return 0;
}

static int close_device(void **state)
{
	peerbuf_device_close(device);
	peerbuf_container_close(container);
	return 0;
}

static void the_feature_can_be_probed(void **state)
{
	struct vfio_device_feature f = {
		.argsz = sizeof(f),
		.flags = VFIO_DEVICE_FEATURE_DMA_BUF | VFIO_DEVICE_FEATURE_PROBE |
			 VFIO_DEVICE_FEATURE_GET,
	};

	assert_int_equal(call(peerbuf_device_fd(device), VFIO_DEVICE_FEATURE, &f), 0);
	f.flags = VFIO_DEVICE_FEATURE_DMA_BUF | VFIO_DEVICE_FEATURE_PROBE |
		  VFIO_DEVICE_FEATURE_SET;
	assert_int_equal(call(peerbuf_device_fd(device), VFIO_DEVICE_FEATURE, &f), -EINVAL);
}

static void one_range_becomes_a_buffer_of_its_size(void **state)
{
	struct request r = request(1, 16 * MIB, 3 * MIB);
	long fd = export(&r);

	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 3 * MIB);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	close(fd);
}

static void the_fd_has_the_access_mode_that_was_asked_for(void **state)
{
	static const uint32_t modes[] = { O_RDONLY, O_RDONLY | O_CLOEXEC, O_WRONLY, O_RDWR };
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct request r = request(1, 0, PAGE);
		long fd;

		r.dma_buf.open_flags = modes[i];
		fd = export(&r);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, modes[i] & O_ACCMODE);
		assert_int_equal(fcntl(fd, F_GETFD), modes[i] & O_CLOEXEC ? FD_CLOEXEC : 0);
		close(fd);
	}
}

static void ranges_add_up_in_any_order_and_may_repeat(void **state)
{
	struct request r = request(4, 512 * MIB, MIB);
	long fd;

	r.range[1] = (struct vfio_region_dma_range) { 0, PAGE };
	r.range[2] = (struct vfio_region_dma_range) { 512 * MIB, MIB };
	r.range[3] = (struct vfio_region_dma_range) { BAR_SIZE - PAGE, PAGE };
	fd = export(&r);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 2 * MIB + 2 * PAGE);
	close(fd);
}

static void the_whole_bar_can_be_exported_and_nothing_beyond(void **state)
{
	struct request r = request(1, 0, BAR_SIZE);
	long fd = export(&r);

	assert_true(fd >= 0);
	close(fd);
	r = request(1, 0, BAR_SIZE + PAGE);
	assert_int_equal(export(&r), -EINVAL);
	r = request(1, BAR_SIZE, PAGE);
	assert_int_equal(export(&r), -EINVAL);
	r = request(1, PAGE, BAR_SIZE);
	assert_int_equal(export(&r), -EINVAL);
}

static void malformed_ranges_are_einval(void **state)
{
	static const struct { uint64_t offset, length; } bad[] = {
		{ 0, 0 }, { 0, 1 }, { 0, PAGE + 1 }, { 1, PAGE }, { 2048, PAGE },
		{ ~0ULL - PAGE + 1, PAGE }, { ~0ULL - PAGE + 1, 2 * PAGE },
		{ PAGE, ~0ULL - PAGE + 1 }, { 1ULL << 63, 1ULL << 63 },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct request r = request(1, bad[i].offset, bad[i].length);

		assert_int_equal(export(&r), -EINVAL);
		/* Also when it is not the first. */
		r = request(2, 0, PAGE);
		r.range[1].offset = bad[i].offset;
		r.range[1].length = bad[i].length;
		assert_int_equal(export(&r), -EINVAL);
	}
}

static void no_range_flags_and_unknown_open_flags_are_einval(void **state)
{
	struct request r = request(0, 0, PAGE);

	assert_int_equal(export(&r), -EINVAL);
	r = request(1, 0, PAGE);
	r.dma_buf.flags = 1;
	assert_int_equal(export(&r), -EINVAL);
	r = request(1, 0, PAGE);
	r.dma_buf.open_flags = O_RDWR | O_TRUNC;
	assert_int_equal(export(&r), -EINVAL);
}

static void more_ranges_than_anyone_needs_are_einval(void **state)
{
	struct request r = request(1U << 31, 0, PAGE);

	assert_int_equal(export(&r), -EINVAL);
	r = request(~0U, 0, PAGE);
	assert_int_equal(export(&r), -EINVAL);
}

static void as_many_ranges_as_the_limit_are_taken(void **state)
{
	uint32_t limit = 262144, i;
	struct request *r = malloc(sizeof(*r) + (limit + 1) * sizeof(r->range[0]));
	long fd;

	assert_non_null(r);
	*r = request(limit, 0, PAGE);
	r->head.argsz += (limit + 1) * sizeof(r->range[0]);
	for (i = 0; i <= limit; i++) {
		struct vfio_region_dma_range range = { i % 1024 * 2 * PAGE, PAGE };

		memcpy((char *)r + offsetof(struct request, range) + i * sizeof(range), &range,
		       sizeof(range));
	}
	fd = export(r);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), limit * PAGE);
	close(fd);
	r->dma_buf.nr_ranges++;
	assert_int_equal(export(r), -EINVAL);
	free(r);
}

static void a_process_without_an_fd_left_gets_emfile(void **state)
{
	struct request r = request(1, 0, PAGE);
	struct rlimit old, none;
	int next = dup(0);
	long fd;

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit) { .rlim_cur = next, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	fd = export(&r);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(fd, -EMFILE);
}

/* The script has had another driver claim it. */
static void a_bar_that_somebody_else_has_claimed_is_enodev(void **state)
{
	struct peerbuf_container *c;
	struct peerbuf_device *taken = open_role("BAR2", PEERBUF_IOMMU, &c);
	struct request r = request(1, 0, PAGE);

	assert_int_equal(call(peerbuf_device_fd(taken), VFIO_DEVICE_FEATURE, &r), -ENODEV);
	peerbuf_device_close(taken);
	peerbuf_container_close(c);
}

static void a_driver_that_cannot_export_answers_enotty(void **state)
{
	struct peerbuf_container *c;
	struct peerbuf_device *stock = open_role("EDU", PEERBUF_IOMMU, &c);
	struct request r = request(1, 0, PAGE), probe = r;
	long fd;

	probe.head.flags |= VFIO_DEVICE_FEATURE_PROBE;
	/* From 6.19 on the kernel's own can: here of the device's only BAR. */
	if (!call(peerbuf_device_fd(stock), VFIO_DEVICE_FEATURE, &probe)) {
		r.dma_buf.region_index = VFIO_PCI_BAR0_REGION_INDEX;
		fd = call(peerbuf_device_fd(stock), VFIO_DEVICE_FEATURE, &r);
		assert_true(fd >= 0);
		close(fd);
	} else {
		assert_int_equal(call(peerbuf_device_fd(stock), VFIO_DEVICE_FEATURE, &r), -ENOTTY);
	}
	peerbuf_device_close(stock);
	peerbuf_container_close(c);
}

static void short_or_unreadable_arguments_are_refused(void **state)
{
	struct request r = request(1, 0, PAGE);
	char *edge = pages(2 * PAGE);
	size_t fixed = offsetof(struct request, range);

	r.head.argsz = sizeof(r.head) + sizeof(r.dma_buf) - 1;
	assert_int_equal(export(&r), -EINVAL);

	/* The ranges would lie on a page that cannot be read. */
	r = request(1, 0, PAGE);
	assert_int_equal(mprotect(edge + PAGE, PAGE, PROT_NONE), 0);
	memcpy(edge + PAGE - fixed, &r, fixed);
	assert_int_equal(call(peerbuf_device_fd(device), VFIO_DEVICE_FEATURE,
			      edge + PAGE - fixed), -EFAULT);
	/* And what precedes them. */
	memcpy(edge + PAGE - sizeof(r.head), &r.head, sizeof(r.head));
	assert_int_equal(call(peerbuf_device_fd(device), VFIO_DEVICE_FEATURE,
			      edge + PAGE - sizeof(r.head)), -EFAULT);
	munmap(edge, 2 * PAGE);
}

static void what_is_no_memory_bar_is_enodev(void **state)
{
	static const uint32_t regions[] = {
		VFIO_PCI_BAR4_REGION_INDEX, VFIO_PCI_BAR5_REGION_INDEX,
		VFIO_PCI_ROM_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, 9, ~0U,
	};
	size_t i;

	for (i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		struct request r = request(1, 0, PAGE);

		r.dma_buf.region_index = regions[i];
		assert_int_equal(export(&r), -ENODEV);
	}
}

static void a_bar_smaller_than_a_page_has_nothing_to_export(void **state)
{
	struct request r = request(1, 0, PAGE);

	r.dma_buf.region_index = VFIO_PCI_BAR0_REGION_INDEX;
	assert_int_equal(export(&r), -EINVAL);
}

static void set_is_not_supported(void **state)
{
	struct request r = request(1, 0, PAGE);

	r.head.flags = VFIO_DEVICE_FEATURE_DMA_BUF | VFIO_DEVICE_FEATURE_SET;
	assert_int_equal(export(&r), -EINVAL);
}

static void a_failed_export_leaves_no_fd_and_no_buffer(void **state)
{
	struct request r = request(1, 1, PAGE);
	int next = dup(0), again;

	close(next);
	assert_int_equal(export(&r), -EINVAL);
	again = dup(0);
	close(again);
	assert_int_equal(again, next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_feature_can_be_probed),
		cmocka_unit_test(the_fd_has_the_access_mode_that_was_asked_for),
		cmocka_unit_test(one_range_becomes_a_buffer_of_its_size),
		cmocka_unit_test(ranges_add_up_in_any_order_and_may_repeat),
		cmocka_unit_test(the_whole_bar_can_be_exported_and_nothing_beyond),
		cmocka_unit_test(malformed_ranges_are_einval),
		cmocka_unit_test(no_range_flags_and_unknown_open_flags_are_einval),
		cmocka_unit_test(more_ranges_than_anyone_needs_are_einval),
		cmocka_unit_test(as_many_ranges_as_the_limit_are_taken),
		cmocka_unit_test(a_process_without_an_fd_left_gets_emfile),
		cmocka_unit_test(a_bar_that_somebody_else_has_claimed_is_enodev),
		cmocka_unit_test(a_driver_that_cannot_export_answers_enotty),
		cmocka_unit_test(short_or_unreadable_arguments_are_refused),
		cmocka_unit_test(what_is_no_memory_bar_is_enodev),
		cmocka_unit_test(a_bar_smaller_than_a_page_has_nothing_to_export),
		cmocka_unit_test(set_is_not_supported),
		cmocka_unit_test(a_failed_export_leaves_no_fd_and_no_buffer),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("export", tests, open_device, close_device);
}
