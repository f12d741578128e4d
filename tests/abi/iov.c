// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory of virtual functions, for the driver of their physical function; and types of a
 * driver's own. The test's kernel module plays the importers. VF0 and VF1 are bound to
 * vfio_pci_peerbuf, PF is their physical function.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "trace.h"
#include "../kmod/peerbuf_test.h"

#define BAR0 VFIO_PCI_BAR0_REGION_INDEX
#define IOVA (1ULL << 32)

static struct peerbuf_container *containers[2], *importer;
static struct peerbuf_device *vf[2], *ssd;

static int setup(void **state)
{
	vf[0] = open_role("VF0", PEERBUF_IOMMU, &containers[0]);
	vf[1] = open_role("VF1", PEERBUF_IOMMU, &containers[1]);
	ssd = open_role("SSD", PEERBUF_IOMMU, &importer);
	return 0;
}

static int teardown(void **state)
{
	peerbuf_device_close(ssd);
	peerbuf_device_close(vf[0]);
	peerbuf_device_close(vf[1]);
	peerbuf_container_close(importer);
	peerbuf_container_close(containers[0]);
	peerbuf_container_close(containers[1]);
	return 0;
}

static int two_pages(int i)
{
	struct vfio_region_dma_range range[] = { { 2 * PAGE, PAGE }, { 0, PAGE } };
	int fd = peerbuf_device_export(vf[i], BAR0, O_RDWR, range, 2);

	assert_true(fd >= 0);
	return fd;
}

static int import(int fd, const char *role, uint32_t flags, uint32_t slow_ms, long *err)
{
	struct pbt_import im = {
		.dmabuf_fd = fd, .bdf = bdf_of(role), .flags = PBT_TYPED | flags,
		.slow_ms = slow_ms,
	};
	int test = test_open();

	*err = call(test, PBT_IMPORT, &im);
	return test;
}

static long imports(int fd, const char *role, uint32_t flags)
{
	long err;

	close(import(fd, role, flags, 0, &err));
	return err;
}

static int exported(const char *role, uint32_t flags)
{
	struct { uint64_t addr, len; } range[] = { { 4 * PAGE, PAGE }, { PAGE, PAGE } };
	struct pbt_export ex = {
		.bdf = bdf_of(role), .nr = 2, .size = 2 * PAGE, .ranges = (uintptr_t)range,
		.flags = flags,
	};
	int test = test_open();

	assert_int_equal(call(test, PBT_EXPORT, &ex), 0);
	close(test);
	return ex.fd;
}

static struct pbt_status status(int test)
{
	struct pbt_status s;

	assert_int_equal(call(test, PBT_STATUS, &s), 0);
	return s;
}

/* ------------------------------------------------------------------------ IOV */

static void the_physical_functions_driver_gets_offsets(void **state)
{
	struct pbt_map map;
	long err;
	int i;

	for (i = 0; i < 2; i++) {
		int fd = two_pages(i), test = import(fd, "PF", PBT_IOV, 0, &err);

		assert_int_equal(err, 0);
		assert_int_equal(call(test, PBT_MAP, &map), 0);
		assert_int_equal(map.nr, 2);
		assert_int_equal(map.total, 2 * PAGE);
		assert_int_equal(map.where, i << 8 | 0);
		FOLLOWS(slurp("/sys/kernel/debug/peerbuf/buffers"),
			"type=iov importer=%s function=%s bar=0 held=1", getenv("PF_BDF"),
			getenv(i ? "VF1_BDF" : "VF0_BDF"));
		assert_int_equal(map.entry[0].addr, 2 * PAGE);
		assert_int_equal(map.entry[1].addr, 0);
		assert_int_equal(map.entry[1].len, PAGE);
		/* There is one mapping at a time, and another one after it. */
		assert_int_equal(call(test, PBT_UNMAP, NULL), 0);
		assert_int_equal(call(test, PBT_MAP, &map), 0);
		close(test);
		close(fd);
	}
}

static void nobody_else_does(void **state)
{
	int fd = two_pages(0), other;

	assert_int_equal(imports(fd, "SSD", PBT_IOV), -EINVAL);
	assert_int_equal(imports(fd, "VF0", PBT_IOV), -EINVAL);
	assert_int_equal(imports(fd, "VF1", PBT_IOV), -EINVAL);
	close(fd);
	/* What is no virtual function has no physical one, not even itself. */
	other = exported("SSD", PBT_OFFER_IOV);
	assert_int_equal(imports(other, "SSD", PBT_IOV), -EINVAL);
	assert_int_equal(imports(other, "PF", PBT_IOV), -EINVAL);
	close(other);
}

/* VF0 has no BAR 2. */
static void an_exporter_that_is_wrong_about_its_bar_is_not_believed(void **state)
{
	int fd = exported("VF0", PBT_OFFER_IOV), test;
	struct pbt_map map;
	long err;

	test = import(fd, "PF", PBT_IOV, 0, &err);
	assert_int_equal(err, 0);
	assert_int_equal(call(test, PBT_MAP, &map), -EOPNOTSUPP);
	assert_int_equal(status(test).mapped, 0);
	close(test);
	close(fd);
}

static void a_reset_of_the_virtual_function_waits_for_its_physical_functions_driver(void **state)
{
	int fd = two_pages(0), test, prompt;
	struct pbt_map map;
	uint64_t begin;
	long err;

	test = import(fd, "PF", PBT_IOV, 400, &err);
	assert_int_equal(err, 0);
	prompt = import(fd, "PF", PBT_IOV, 0, &err);
	assert_int_equal(err, 0);
	assert_int_equal(call(test, PBT_MAP, &map), 0);
	assert_int_equal(call(prompt, PBT_MAP, &map), 0);
	begin = now_ms();
	assert_int_equal(peerbuf_device_reset(vf[0]), 0);
	assert_true(now_ms() - begin >= 400);
	assert_int_equal(status(test).notified, 1);
	assert_int_equal(status(test).mapped, 0);
	assert_int_equal(status(test).restored, 1);
	assert_int_equal(status(prompt).mapped, 0);
	assert_int_equal(call(test, PBT_MAP, &map), 0);
	assert_int_equal(map.entry[0].addr, 2 * PAGE);

	close(prompt);
	assert_int_equal(peerbuf_device_revoke_buffer(vf[0], fd), 0);
	assert_int_equal(call(test, PBT_MAP, &map), -ENODEV);
	close(test);
	assert_int_equal(imports(fd, "PF", PBT_IOV), -ENODEV);
	close(fd);
}

static void a_virtual_functions_memory_is_device_memory_as_any_other(void **state)
{
	int fd = two_pages(0);

	assert_int_equal(peerbuf_container_map_buffer(importer, fd, -1, 0, 2 * PAGE, IOVA,
						      PEERBUF_MAP_READ | PEERBUF_MAP_WRITE), 0);
	assert_int_equal(peerbuf_container_unmap_buffer(importer, IOVA), 0);
	close(fd);
}

/* ------------------------------------------------------------------ private types */

static void two_drivers_meet_in_a_type_of_their_own(void **state)
{
	int fd = exported("SSD", PBT_OFFER_PRIVATE), test;
	struct pbt_map map;
	long err;

	test = import(fd, "SSD", PBT_PRIVATE, 0, &err);
	assert_int_equal(err, 0);
	assert_int_equal(call(test, PBT_MAP, &map), 0);
	assert_int_equal(map.nr, 2);
	assert_int_equal(map.total, 2 * PAGE);
	close(test);
	close(fd);
	/* An exporter without it has nothing in common with who wants it. */
	fd = exported("SSD", 0);
	assert_int_equal(imports(fd, "SSD", PBT_PRIVATE), -EINVAL);
	close(fd);
}

struct blocking {
	int test;
	bool done;
};

static void *block(void *data)
{
	struct blocking *b = data;

	ioctl(b->test, PBT_BLOCK, 0);
	__atomic_store_n(&b->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void a_revoke_waits_for_what_a_private_type_has_handed_out(void **state)
{
	int fd = exported("SSD", PBT_OFFER_PRIVATE | PBT_REVOCABLE), test;
	struct blocking b = { .test = test_open() };
	struct pbt_map map;
	pthread_t thread;
	long err;

	/* One that does not give it back by itself for a minute. */
	test = import(fd, "SSD", PBT_PRIVATE, 60000, &err);
	assert_int_equal(err, 0);
	assert_int_equal(call(test, PBT_MAP, &map), 0);
	assert_int_equal(pthread_create(&thread, NULL, block, &b), 0);
	while (!status(test).notified)
		usleep(1000);
	usleep(300000);
	assert_false(__atomic_load_n(&b.done, __ATOMIC_SEQ_CST));
	assert_int_equal(call(test, PBT_UNMAP, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);

	assert_int_equal(call(test, PBT_MAP, &map), -ENODEV);
	assert_int_equal(ioctl(b.test, PBT_UNBLOCK, 0), 0);
	assert_int_equal(status(test).restored, 1);
	assert_int_equal(call(test, PBT_MAP, &map), 0);
	close(test);
	close(b.test);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_physical_functions_driver_gets_offsets),
		cmocka_unit_test(nobody_else_does),
		cmocka_unit_test(an_exporter_that_is_wrong_about_its_bar_is_not_believed),
		cmocka_unit_test(a_reset_of_the_virtual_function_waits_for_its_physical_functions_driver),
		cmocka_unit_test(a_virtual_functions_memory_is_device_memory_as_any_other),
		cmocka_unit_test(two_drivers_meet_in_a_type_of_their_own),
		cmocka_unit_test(a_revoke_waits_for_what_a_private_type_has_handed_out),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("iov", tests, setup, teardown);
}
