// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scatterlists of device memory, as the stock kernel's importers get them. Which routes
 * there are depends on the topology and the processor; the script says so in ROUTE:
 *
 *   switch	a switch without redirection: bus addresses
 *   host	a processor known to route: translated by the client's IOMMU
 *   none	neither: refused
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "abi.h"
#include "../kmod/peerbuf_test.h"

static struct peerbuf_container *container;
static struct peerbuf_device *bar;
static const char *bar_role;
static uint32_t client, provider;
static uint64_t bar_start;	/* physical address of BAR 2 */
static bool host, through_switch, one_run;

static int setup(void **state)
{
	const char *route = getenv("ROUTE");

	host = !strcmp(route, "host");
	through_switch = !strcmp(route, "switch");
	bar_role = through_switch ? "SWITCH_BAR" : "BAR";
	client = bdf_of(through_switch ? "SWITCH_SSD" : "SSD");
	provider = bdf_of(bar_role);
	bar_start = bar_start_of(bar_role);
	bar = open_role(bar_role, PEERBUF_IOMMU, &container);
	return 0;
}

static int teardown(void **state)
{
	peerbuf_device_close(bar);
	peerbuf_container_close(container);
	return 0;
}

static long import(int fd, int dmabuf, uint32_t flags, uint32_t slow_ms, uint32_t fence_ms)
{
	struct pbt_import arg = {
		.dmabuf_fd = dmabuf, .bdf = client, .flags = flags,
		.slow_ms = slow_ms, .fence_ms = fence_ms,
	};

	return call(fd, PBT_IMPORT, &arg);
}

static int two_ranges(void)
{
	struct vfio_region_dma_range range[] = {
		{ 32 * MIB, 2 * MIB }, { 8 * MIB, MIB },
	};

	return peerbuf_device_export(bar, BAR2, O_RDWR, range, 2);
}

static struct pbt_status status(int fd)
{
	struct pbt_status s;

	assert_int_equal(call(fd, PBT_STATUS, &s), 0);
	return s;
}

/* How many there are of so many ranges. */
static uint32_t entries(uint32_t ranges)
{
	return one_run ? 1 : ranges;
}

static void memory(bool on)
{
	assert_true(peerbuf_device_command(bar, on ? 2 : 0, on ? 0 : 2) >= 0);
}

/* ---------------------------------------------------------------- without a route */

static void without_a_route_every_importer_is_refused(void **state)
{
	int buf = two_ranges(), fd = test_open();

	assert_int_equal(import(fd, buf, 0, 0, 0), -EOPNOTSUPP);
	assert_int_equal(import(fd, buf, PBT_NO_P2P, 0, 0), -EOPNOTSUPP);
	assert_int_equal(import(fd, buf, PBT_STATIC, 0, 0), -EOPNOTSUPP);
	/* A typed importer gets the rule's own errno. */
	assert_int_equal(import(fd, buf, PBT_TYPED, 0, 0), -EINVAL);
	close(fd);
	close(buf);
}

/* The pair is said to reach each other through the host bridge, or no longer. */
static void override(bool on)
{
	FILE *f = fopen("/sys/module/peerbuf_core/parameters/route_override", "w");

	assert_non_null(f);
	if (on)
		fprintf(f, "%s-%s\n", getenv("BAR_BDF"), getenv("SSD_BDF"));
	else
		fprintf(f, "\n");
	assert_int_equal(fclose(f), 0);
}

/* No IOMMU is in the device's way: one that addresses little reaches neither of them. */
static void cannot_be_addressed(int buf, uint32_t flags, uint64_t start)
{
	int fd = test_open();
	struct pbt_map map;

	assert_int_equal(import(fd, buf, flags | PBT_MASK_24, 0, 0), 0);
	assert_int_equal(call(fd, PBT_MAP, &map), -EOPNOTSUPP);
	assert_int_equal(call(fd, PBT_DETACH, NULL), 0);
	assert_int_equal(import(fd, buf, flags, 0, 0), 0);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	assert_true(map.entry[0].addr >> 24);
	assert_true(!start || map.entry[0].phys == start);
	close(fd);
}

static void memory_that_a_device_cannot_address_is_refused(void **state)
{
	int buf = two_ranges();

	override(true);
	cannot_be_addressed(buf, 0, bar_start + 32 * MIB);
	override(false);
	close(buf);
}

/* Nor is it copied to where the device would reach it. */
static void ram_that_a_device_cannot_address_is_refused(void **state)
{
	int mem = sealed_memfd(MIB, 0), buf;
	struct peerbuf_ram *ram;

	assert_int_equal(peerbuf_ram_open(&ram), 0);
	buf = peerbuf_ram_export(ram, mem, O_RDWR, 0, MIB, 0);
	assert_true(buf >= 0);
	cannot_be_addressed(buf, 0, 0);
	cannot_be_addressed(buf, PBT_TYPED, 0);
	close(buf);
	peerbuf_ram_close(ram);
	close(mem);
}

static void a_route_that_is_gone_is_not_mapped_by(void **state)
{
	int buf = two_ranges(), fd = test_open();
	struct pbt_map map;

	override(true);
	assert_int_equal(import(fd, buf, 0, 0, 0), 0);
	override(false);
	assert_int_equal(call(fd, PBT_MAP, &map), -EOPNOTSUPP);
	override(true);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	assert_int_equal(call(fd, PBT_UNMAP, NULL), 0);
	override(false);
	close(fd);
	close(buf);
}

/* ------------------------------------------------------------------ with a route */

static void who_cannot_let_go_or_cope_is_refused(void **state)
{
	int buf = two_ranges(), fd = test_open();

	assert_int_equal(import(fd, buf, PBT_STATIC, 0, 0), -EOPNOTSUPP);
	assert_int_equal(import(fd, buf, PBT_NO_P2P, 0, 0), -EOPNOTSUPP);
	close(fd);
	close(buf);
}

/* Its addresses are VFIO's to make, so those of the DMA API lead nowhere. */
static void a_device_of_vfio_gets_no_table(void **state)
{
	int buf = two_ranges(), fd = test_open();
	uint32_t other = client;

	client = provider;
	assert_int_equal(import(fd, buf, 0, 0, 0), -EOPNOTSUPP);
	client = other;
	close(fd);
	close(buf);
}

static void raw_addresses_are_for_nobody_by_default(void **state)
{
	int buf = two_ranges(), fd = test_open();

	assert_int_equal(import(fd, buf, PBT_TYPED | PBT_RAW_PAL, 0, 0), -EINVAL);
	/* Nor for who would speak for others. */
	assert_int_equal(import(fd, buf, PBT_RAW_PAL, 0, 0), -EPERM);
	close(fd);
	close(buf);
}

static void a_table_has_addresses_and_no_pages(void **state)
{
	int buf = two_ranges(), fd = test_open();
	struct pbt_map map;

	assert_int_equal(import(fd, buf, 0, 0, 0), 0);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	one_run = status(fd).one_run;
	assert_int_equal(map.nr, entries(2));
	assert_int_equal(map.orig_nents, 0);
	assert_int_equal(map.pages, 0);
	assert_int_equal(map.total, 3 * MIB);
	assert_true(map.digest == pbt_digest(pbt_digest(0, bar_start + 32 * MIB, 2 * MIB),
					     bar_start + 8 * MIB, MIB));
	if (one_run) {
		assert_int_equal(map.entry[0].len, 3 * MIB);
	} else {
		assert_int_equal(map.entry[0].len, 2 * MIB);
		assert_int_equal(map.entry[1].len, MIB);
	}
	if (through_switch) {
		assert_int_equal(map.entry[0].addr, bar_start + 32 * MIB);
		assert_int_equal(map.entry[1].addr, bar_start + 8 * MIB);
	} else if (!one_run) {
		/* IOVAs, both at their own place. */
		assert_int_not_equal(map.entry[0].addr, bar_start + 32 * MIB);
		assert_true(map.entry[0].addr + 2 * MIB <= map.entry[1].addr ||
			    map.entry[1].addr + MIB <= map.entry[0].addr);
	}
	assert_int_equal(status(fd).route, through_switch ? PEERBUF_ROUTE_BUS_ADDRESS :
							    PEERBUF_ROUTE_HOST_BRIDGE);
	assert_int_equal(status(fd).enforced, !through_switch);
	assert_int_equal(call(fd, PBT_UNMAP, NULL), 0);
	/* Again, and again. */
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	assert_int_equal(call(fd, PBT_UNMAP, NULL), 0);
	close(fd);
	close(buf);
}

static void a_typed_importer_gets_the_same(void **state)
{
	int buf = two_ranges(), fd = test_open();
	struct pbt_map map;

	assert_int_equal(import(fd, buf, PBT_TYPED, 0, 0), 0);
	assert_true(status(fd).typed_sgt);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	assert_int_equal(map.nr, entries(2));
	assert_int_equal(map.total, 3 * MIB);
	close(fd);
	close(buf);
}

static void a_thousand_ranges_map_each_to_its_own_place(void **state)
{
	static struct vfio_region_dma_range range[1000];
	int buf, fd = test_open();
	uint64_t digest = 0;
	struct pbt_map map;
	size_t i, j;

	/* Every other page, so that nothing can be merged, and neither up nor down. */
	for (i = 0; i < 1000; i++) {
		range[i] = (struct vfio_region_dma_range) { 2 * (i * 7 % 1000) * PAGE, PAGE };
		digest = pbt_digest(digest, bar_start + range[i].offset, PAGE);
	}
	buf = peerbuf_device_export(bar, BAR2, O_RDWR, range, 1000);
	assert_true(buf >= 0);
	assert_int_equal(import(fd, buf, 0, 0, 0), 0);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	assert_int_equal(map.nr, entries(1000));
	assert_int_equal(map.total, 1000 * PAGE);
	/* What the device reaches is what was exported, range by range. */
	assert_true(map.digest == digest);
	for (i = 0; i < PBT_MAX_ENTRIES && i < map.nr; i++)
		for (j = 0; j < i; j++)
			assert_int_not_equal(map.entry[i].addr, map.entry[j].addr);
	close(fd);
	close(buf);
}

static void adjacent_ranges_are_merged(void **state)
{
	struct vfio_region_dma_range range[] = {
		{ 0, MIB }, { MIB, MIB }, { 3 * MIB, MIB },
	};
	int buf = peerbuf_device_export(bar, BAR2, O_RDWR, range, 3), fd = test_open();
	struct pbt_map map;

	assert_int_equal(import(fd, buf, 0, 0, 0), 0);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	assert_int_equal(map.nr, entries(2));
	assert_int_equal(map.entry[0].len, one_run ? 3 * MIB : 2 * MIB);
	close(fd);
	close(buf);
}

static void more_than_an_entry_can_hold_is_split(void **state)
{
	struct pbt_export ex = { .bdf = provider, .nr = 1, .size = 9ULL << 30 };
	struct { uint64_t addr, len; } range = { 0, 9ULL << 30 };
	int fd = test_open();
	struct pbt_map map;

	/* Addresses only: nobody will use them. */
	ex.ranges = (uintptr_t)&range;
	if (call(fd, PBT_EXPORT, &ex))
		fail();
	assert_int_equal(import(fd, ex.fd, 0, 0, 0), 0);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	assert_int_equal(map.nr, 3);
	assert_int_equal(map.total, 9ULL << 30);
	assert_int_equal(map.entry[0].len, (1ULL << 32) - PAGE);
	close(fd);
	close(ex.fd);
}

static void malformed_lists_are_refused_when_they_are_made(void **state)
{
	static const struct { uint64_t addr, len, size; int err; } bad[] = {
		{ 0, 0, 0, EINVAL }, { 1, PAGE, PAGE, EINVAL },
		{ 0, PAGE + 1, PAGE + 1, EINVAL }, { 0, PAGE, 2 * PAGE, EINVAL },
		{ 0, 2 * PAGE, PAGE, EINVAL },
		{ ~0ULL - PAGE + 1, 2 * PAGE, 2 * PAGE, EOVERFLOW },
	};
	int fd = test_open();
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct { uint64_t addr, len; } range = { bad[i].addr, bad[i].len };
		struct pbt_export ex = {
			.bdf = provider, .nr = 1, .size = bad[i].size,
			.ranges = (uintptr_t)&range, .flags = PBT_RAW_ADDRESSES,
		};

		assert_int_equal(call(fd, PBT_EXPORT, &ex), -bad[i].err);
	}
	close(fd);
}

static void nothing_is_attached_or_mapped_while_revoked(void **state)
{
	int buf = two_ranges(), fd = test_open(), late = test_open();
	struct pbt_map map;

	assert_int_equal(import(fd, buf, 0, 0, 0), 0);
	memory(false);
	assert_int_equal(call(fd, PBT_MAP, &map), -ENODEV);
	assert_int_equal(import(late, buf, 0, 0, 0), -ENODEV);
	assert_int_equal(status(fd).notified, 1);
	memory(true);
	/* The restore is told the way a stock importer understands. */
	assert_int_equal(status(fd).notified, 2);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	close(fd);
	close(late);
	close(buf);
}

/*
 * Take memory away that an importer has mapped, and give it back: how many ms the first takes.
 * Who had it has let go by then, and nobody is waited for any more.
 */
static uint64_t revoke_mapped(uint32_t slow_ms, uint32_t fence_ms)
{
	int buf = two_ranges(), fd = test_open();
	struct peerbuf_device_query_buffer query = { .argsz = sizeof(query), .dmabuf_fd = buf };
	struct pbt_map map;
	uint64_t begin, took;

	assert_int_equal(import(fd, buf, 0, slow_ms, fence_ms), 0);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	begin = now_ms();
	memory(false);
	took = now_ms() - begin;
	assert_false(status(fd).mapped);
	assert_int_equal(peerbuf_device_query_buffer(bar, &query), 0);
	assert_int_equal(query.flags & PEERBUF_DEVICE_QUERY_WAITING, 0);
	memory(true);
	close(fd);
	close(buf);
	return took;
}

static void a_prompt_importer_is_not_waited_for(void **state)
{
	revoke_mapped(0, 0);
}

static void a_slow_importer_is_waited_for_and_named(void **state)
{
	assert_true(revoke_mapped(700, 0) >= 600);
}

static void a_running_dma_is_waited_for(void **state)
{
	assert_true(revoke_mapped(0, 500) >= 400);
}

/* The log has both lines: tests/vm/30-sgt-switch.sh */
static void one_that_is_slow_because_of_its_dma_is_named_with_it(void **state)
{
	revoke_mapped(700, 600);
}

/* Of what has signalled nobody may ask a name any more; the log ends without it. */
static void one_whose_dma_has_ended_is_named_without_it(void **state)
{
	revoke_mapped(1000, 300);
}

static void a_typed_importer_hears_of_the_restore(void **state)
{
	int buf = two_ranges(), fd = test_open();
	struct pbt_map map;

	assert_int_equal(import(fd, buf, PBT_TYPED, 0, 0), 0);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	memory(false);
	assert_int_equal(status(fd).notified, 1);
	assert_int_equal(status(fd).restored, 0);
	assert_int_equal(call(fd, PBT_MAP, &map), -ENODEV);
	memory(true);
	assert_int_equal(status(fd).notified, 1);
	assert_int_equal(status(fd).restored, 1);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	close(fd);
	close(buf);
}

static void a_buffer_outlives_its_fd_while_it_is_attached(void **state)
{
	int buf = two_ranges(), fd = test_open();
	struct pbt_map map;

	assert_int_equal(import(fd, buf, 0, 0, 0), 0);
	close(buf);
	assert_int_equal(call(fd, PBT_MAP, &map), 0);
	assert_int_equal(call(fd, PBT_DETACH, NULL), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest without[] = {
		cmocka_unit_test(without_a_route_every_importer_is_refused),
		cmocka_unit_test(a_route_that_is_gone_is_not_mapped_by),
		cmocka_unit_test(malformed_lists_are_refused_when_they_are_made),
	};
	const struct CMUnitTest identity[] = {
		cmocka_unit_test(memory_that_a_device_cannot_address_is_refused),
		cmocka_unit_test(ram_that_a_device_cannot_address_is_refused),
	};
	const struct CMUnitTest with[] = {
		cmocka_unit_test(who_cannot_let_go_or_cope_is_refused),
		cmocka_unit_test(a_device_of_vfio_gets_no_table),
		cmocka_unit_test(raw_addresses_are_for_nobody_by_default),
		cmocka_unit_test(a_table_has_addresses_and_no_pages),
		cmocka_unit_test(a_typed_importer_gets_the_same),
		cmocka_unit_test(a_thousand_ranges_map_each_to_its_own_place),
		cmocka_unit_test(adjacent_ranges_are_merged),
		cmocka_unit_test(more_than_an_entry_can_hold_is_split),
		cmocka_unit_test(malformed_lists_are_refused_when_they_are_made),
		cmocka_unit_test(nothing_is_attached_or_mapped_while_revoked),
		cmocka_unit_test(a_prompt_importer_is_not_waited_for),
		cmocka_unit_test(a_slow_importer_is_waited_for_and_named),
		cmocka_unit_test(a_running_dma_is_waited_for),
		cmocka_unit_test(one_that_is_slow_because_of_its_dma_is_named_with_it),
		cmocka_unit_test(one_whose_dma_has_ended_is_named_without_it),
		cmocka_unit_test(a_typed_importer_hears_of_the_restore),
		cmocka_unit_test(a_buffer_outlives_its_fd_while_it_is_attached),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	if (!strcmp(getenv("ROUTE"), "none"))
		return cmocka_run_group_tests_name("sgt", without, setup, teardown);
	if (!strcmp(getenv("ROUTE"), "identity"))
		return cmocka_run_group_tests_name("sgt", identity, setup, teardown);
	return cmocka_run_group_tests_name("sgt", with, setup, teardown);
}
