// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A revoke in the middle of everything that an importer can do: attaching, mapping, unmapping,
 * detaching, closing. One thread takes access away and gives it back all the time; another one
 * does its work a fixed number of times, and may at each step succeed or hear that the buffer is
 * revoked, nothing else. While access is away nothing may be mapped.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "abi.h"
#include "../kmod/peerbuf_test.h"

#define IOVA (1ULL << 32)
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)
#define ROUNDS 400

static struct peerbuf_container *container;
static struct peerbuf_device *ssd;
static uint32_t bar_bdf, edu_bdf;

/* Odd while access is away for sure. */
static unsigned int away;
static bool stop;
static unsigned int done_something, were_refused;

static int setup(void **state)
{
	ssd = open_role("SSD", PEERBUF_IOMMU, &container);
	bar_bdf = bdf_of("BAR");
	edu_bdf = bdf_of("EDU");
	return 0;
}

static int teardown(void **state)
{
	peerbuf_device_close(ssd);
	peerbuf_container_close(container);
	return 0;
}

static int buffer(void)
{
	struct { uint64_t addr, len; } range[] = { { 4 * MIB, MIB }, { MIB, MIB } };
	struct pbt_export ex = {
		.bdf = bar_bdf, .nr = 2, .size = 2 * MIB, .ranges = (uintptr_t)range,
		.flags = PBT_REVOCABLE | PBT_OFFER_PRIVATE,
	};
	int test = test_open();
	long err;

	/* Between its close and its open the provider exports nothing. */
	do
		err = call(test, PBT_EXPORT, &ex);
	while (err == -ENODEV);
	assert_int_equal(err, 0);
	close(test);
	return ex.fd;
}

static void *revoker(void *arg)
{
	bool reopen = arg;
	int test = test_open();
	unsigned int i;

	for (i = 0; !__atomic_load_n(&stop, __ATOMIC_SEQ_CST); i++) {
		/* For good; buffers that are made later are not concerned. */
		if (reopen && i % 4 == 0)
			ioctl(test, PBT_REOPEN, 0);
		ioctl(test, PBT_BLOCK, i % 2);
		__atomic_add_fetch(&away, 1, __ATOMIC_SEQ_CST);
		if (i % 3 == 0)
			usleep(200);
		__atomic_add_fetch(&away, 1, __ATOMIC_SEQ_CST);
		ioctl(test, PBT_UNBLOCK, i % 2);
		if (i % 3 == 1)
			usleep(200);
	}
	close(test);
	return NULL;
}

static void race(void (*step)(void), bool reopen)
{
	pthread_t thread;
	unsigned int i;

	stop = false;
	done_something = were_refused = 0;
	assert_int_equal(pthread_create(&thread, NULL, revoker, (void *)(uintptr_t)reopen), 0);
	/* Until both outcomes were seen, however fast the machine is. */
	for (i = 0; i < ROUNDS || !done_something || !were_refused; i++)
		step();
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* The outcome of a step that needs access; @before is what away was before it. */
static bool allowed(long err, unsigned int before)
{
	unsigned int after = __atomic_load_n(&away, __ATOMIC_SEQ_CST);

	if (err == -ENODEV) {
		were_refused++;
		return false;
	}
	assert_int_equal(err, 0);
	/* It was away all the time, and must not have succeeded. */
	assert_false(before % 2 && before == after);
	done_something++;
	return true;
}

static unsigned int now(void)
{
	return __atomic_load_n(&away, __ATOMIC_SEQ_CST);
}

static int shared;	/* the buffer of those who do not make their own */

static long import(int test, int fd, uint32_t flags)
{
	struct pbt_import im = { .dmabuf_fd = fd, .bdf = edu_bdf, .flags = flags };

	return call(test, PBT_IMPORT, &im);
}

/* ------------------------------------------------------------------ the steps */

/* Kinds of importers, in turn. */
static uint32_t kind(void)
{
	static const uint32_t kinds[] = { 0, PBT_TYPED, PBT_TYPED | PBT_PRIVATE };
	static unsigned int turn;

	return kinds[turn++ % 3];
}

static void attach_and_detach(void)
{
	uint32_t flags = kind();
	int test = test_open();
	unsigned int before = now();
	long err = import(test, shared, flags);

	/* A typed importer may attach to what is revoked. */
	if (flags & PBT_TYPED)
		assert_int_equal(err, 0);
	else
		allowed(err, before);
	close(test);
}

static int mapper = -1;

static void map_and_unmap(void)
{
	struct pbt_map map;
	unsigned int before = now();

	if (allowed(call(mapper, PBT_MAP, &map), before))
		assert_int_equal(map.total, 2 * MIB);
	call(mapper, PBT_UNMAP, NULL);
}

static void detach_while_mapped(void)
{
	uint32_t flags = kind();
	int test = test_open();
	struct pbt_map map;
	unsigned int before = now();

	if (!import(test, shared, flags)) {
		before = now();
		allowed(call(test, PBT_MAP, &map), before);
	}
	close(test);
}

static void map_in_a_domain(void)
{
	unsigned int before = now();

	if (allowed(peerbuf_container_map_buffer(container, shared, -1, 0, 2 * MIB, IOVA, RW),
		    before))
		assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
}

/* The exporter's file goes while importers are there, and the importers afterwards. */
static void close_in_every_order(void)
{
	int fd = buffer(), test = test_open();
	unsigned int before = now();
	struct pbt_map map;
	bool in_domain;

	in_domain = allowed(peerbuf_container_map_buffer(container, fd, -1, 0, 2 * MIB, IOVA, RW),
			    before);
	if (!import(test, fd, kind()))
		call(test, PBT_MAP, &map);
	close(fd);
	if (in_domain)
		assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	close(test);
}

/* ------------------------------------------------------------------------ tests */

static void with_shared(void (*step)(void))
{
	shared = buffer();
	race(step, false);
	close(shared);
}

static void a_revoke_races_with_attach_and_detach(void **state)
{
	with_shared(attach_and_detach);
}

static void a_revoke_races_with_map_and_unmap(void **state)
{
	int i;

	shared = buffer();
	for (i = 0; i < 3; i++) {
		mapper = test_open();
		assert_int_equal(import(mapper, shared, kind()), 0);
		race(map_and_unmap, false);
		close(mapper);
	}
	close(shared);
}

static void a_revoke_races_with_detach_of_what_is_mapped(void **state)
{
	with_shared(detach_while_mapped);
}

static void a_revoke_races_with_mapping_in_a_domain(void **state)
{
	with_shared(map_in_a_domain);
}

static void a_revoke_for_good_races_with_close(void **state)
{
	race(close_in_every_order, true);
}

static void nothing_is_left(void **state)
{
	FILE *f = fopen("/sys/kernel/debug/peerbuf/buffers", "r");
	char line[512];

	assert_non_null(f);
	assert_null(fgets(line, sizeof(line), f));
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_revoke_races_with_attach_and_detach),
		cmocka_unit_test(a_revoke_races_with_map_and_unmap),
		cmocka_unit_test(a_revoke_races_with_detach_of_what_is_mapped),
		cmocka_unit_test(a_revoke_races_with_mapping_in_a_domain),
		cmocka_unit_test(a_revoke_for_good_races_with_close),
		cmocka_unit_test(nothing_is_left),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("race", tests, setup, teardown);
}
