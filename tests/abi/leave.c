// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Importers of scatterlists that leave, or that need their device once more in order to
 * unmap. Where translations are flushed is seen in the kernel's trace: the script has put a
 * probe, "flush", on it, and gives the path of its instance in TRACE.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "abi.h"
#include "../kmod/peerbuf_test.h"

static struct peerbuf_container *container;
static struct peerbuf_device *bar;

static int setup(void **state)
{
	bar = open_role("BAR", PEERBUF_IOMMU, &container);
	return 0;
}

static int teardown(void **state)
{
	peerbuf_device_close(bar);
	peerbuf_container_close(container);
	return 0;
}

static int trace_open(const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", getenv("TRACE"), name);
	fd = open(path, flags);
	assert_true(fd >= 0);
	return fd;
}

static void trace_clear(void)
{
	close(trace_open("trace", O_WRONLY | O_TRUNC));
}

/* Flushes by this process since the last call of trace_clear(). */
static unsigned int flushes(void)
{
	FILE *f = fdopen(trace_open("trace", O_RDONLY), "r");
	char line[512], me[32];
	unsigned int n = 0;

	snprintf(me, sizeof(me), "-%d ", getpid());
	while (fgets(line, sizeof(line), f))
		n += strstr(line, me) && strstr(line, " flush: ");
	fclose(f);
	return n;
}

static int import(int dmabuf, uint32_t flags, uint32_t slow_ms, uint32_t fence_ms)
{
	struct pbt_import arg = {
		.dmabuf_fd = dmabuf, .flags = flags, .slow_ms = slow_ms,
		.fence_ms = fence_ms,
	};
	unsigned int domain, bus, dev, fn;
	int fd = test_open();

	assert_int_equal(sscanf(getenv("SSD_BDF"), "%x:%x:%x.%x", &domain, &bus, &dev, &fn), 4);
	arg.bdf = domain << 16 | bus << 8 | dev << 3 | fn;
	assert_int_equal(call(fd, PBT_IMPORT, &arg), 0);
	return fd;
}

static void what_a_leaving_importer_had_is_flushed(uint32_t flags)
{
	int buf = export_range(bar, O_RDWR, 0, MIB), fd = import(buf, flags, 0, 0);
	struct pbt_map map;

	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	assert_int_equal(call(fd, PBT_UNMAP, NULL), 0);
	trace_clear();
	assert_int_equal(call(fd, PBT_DETACH, NULL), 0);
	assert_int_equal(flushes(), 1);

	/* Nobody is attached any more: nothing is left for the revoke to flush. */
	trace_clear();
	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	assert_int_equal(flushes(), 0);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	close(fd);
	close(buf);
}

static void what_a_leaving_driver_had_is_flushed(void **state)
{
	what_a_leaving_importer_had_is_flushed(0);
}

static void what_a_leaving_typed_importer_had_is_flushed(void **state)
{
	what_a_leaving_importer_had_is_flushed(PBT_TYPED);
}

static void a_revoke_flushes_each_importer_once(void **state)
{
	int buf = export_range(bar, O_RDWR, 0, MIB);
	int one = import(buf, 0, 0, 0), two = import(buf, PBT_TYPED, 0, 0);

	trace_clear();
	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	assert_int_equal(flushes(), 2);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	close(one);
	close(two);
	close(buf);
}

static void a_job_that_unmaps_is_waited_for(void **state)
{
	int buf = export_range(bar, O_RDWR, 0, MIB);
	int fd = import(buf, PBT_LAST_JOB, 100, 500);
	struct pbt_map map;
	uint64_t begin;

	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	begin = now_ms();
	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	/* Unmapped after 100 ms; the job ends 500 ms after that. */
	assert_true(now_ms() - begin >= 500);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	close(fd);
	close(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_leaving_driver_had_is_flushed),
		cmocka_unit_test(what_a_leaving_typed_importer_had_is_flushed),
		cmocka_unit_test(a_revoke_flushes_each_importer_once),
		cmocka_unit_test(a_job_that_unmaps_is_waited_for),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("leave", tests, setup, teardown);
}
