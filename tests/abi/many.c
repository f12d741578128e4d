// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One buffer in many places: several mappings of it in one container and in several,
 * the exporter's own among them, and everything closed in every order.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "dma.h"

#define IOVA (1ULL << 32)
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)
#define PART (64 * 1024)
#define SIZE (8 * MIB)

static struct peerbuf_container *importer, *exporter;
static struct peerbuf_device *bar;
static struct nvme *ssd;
static unsigned char *memory;
static int buffer;

static int setup(void **state)
{
	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	if (peerbuf_container_open(PEERBUF_IOMMU, &importer) ||
	    nvme_open(importer, getenv("SSD_BDF"), 10000, &ssd))
		return 1;
	buffer = export_range(bar, O_RDWR, 0, SIZE);
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	return buffer < 0 || memory == MAP_FAILED;
}

static int teardown(void **state)
{
	munmap(memory, SIZE);
	close(buffer);
	nvme_close(ssd);
	peerbuf_container_close(importer);
	peerbuf_device_close(bar);
	peerbuf_container_close(exporter);
	return 0;
}

static int map(struct peerbuf_container *c, int event, uint64_t offset, uint64_t length,
	       uint64_t iova, uint32_t flags)
{
	return peerbuf_container_map_buffer(c, buffer, event, offset, length, iova, flags);
}

static bool mapped(struct peerbuf_container *c, uint64_t iova)
{
	return query_buffer(c, iova).flags & PEERBUF_QUERY_MAPPED;
}

static void off(void)
{
	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
}

static void on(void)
{
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
}

static uint64_t events(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void several_mappings_in_one_container(void **state)
{
	const uint64_t at[3] = { IOVA, 2 * IOVA + PAGE, 3 * IOVA };
	int event[3], i;

	for (i = 0; i < 3; i++)
		event[i] = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(map(importer, event[0], 0, SIZE, at[0], RW), 0);
	assert_int_equal(map(importer, event[1], 2 * MIB, 4 * MIB, at[1], RW), 0);
	assert_int_equal(map(importer, event[2], 2 * MIB, 4 * MIB, at[2], PEERBUF_MAP_READ), 0);
	/* The same memory, by two ways; the third may only be read. */
	assert_true(lands(ssd, at[0] + 2 * MIB, memory + 2 * MIB, PART));
	assert_true(lands(ssd, at[1], memory + 2 * MIB, PART));
	assert_true(lands(ssd, at[1] + 4 * MIB - PART, memory + 6 * MIB - PART, PART));
	assert_false(lands(ssd, at[2], memory + 2 * MIB, PART));

	off();
	for (i = 0; i < 3; i++) {
		assert_false(mapped(importer, at[i]));
		assert_int_equal(events(event[i]), 1);
	}
	/* One goes while it is revoked; the others come back without it. */
	assert_int_equal(peerbuf_container_unmap_buffer(importer, at[1]), 0);
	on();
	assert_int_equal(events(event[1]), 0);
	assert_int_equal(events(event[0]), 1);
	assert_true(mapped(importer, at[0]) && mapped(importer, at[2]));
	assert_true(lands(ssd, at[0], memory, PART));
	assert_false(lands(ssd, at[1], memory + 2 * MIB, PART));
	/* Its place is free again, for another part. */
	assert_int_equal(map(importer, -1, 0, MIB, at[1], RW), 0);
	assert_true(lands(ssd, at[1], memory, PART));
	for (i = 0; i < 3; i++) {
		assert_int_equal(peerbuf_container_unmap_buffer(importer, at[i]), 0);
		close(event[i]);
	}
	assert_false(lands(ssd, at[0], memory, PART));
}

static void one_buffer_in_several_containers(void **state)
{
	static const char *const roles[] = { "EDU", "BAR2" };
	struct peerbuf_container *c[4] = { importer, exporter };
	struct peerbuf_device *d[2];
	int i;

	for (i = 0; i < 2; i++)
		d[i] = open_role(roles[i], PEERBUF_IOMMU, &c[2 + i]);
	/* The same IOVA in each: they have nothing to do with each other. */
	for (i = 0; i < 4; i++)
		assert_int_equal(map(c[i], -1, 0, SIZE, IOVA, RW), 0);
	assert_int_equal(query_buffer(exporter, IOVA).reason, PEERBUF_REASON_SAME_DEVICE);
	off();
	for (i = 0; i < 4; i++)
		assert_false(mapped(c[i], IOVA));
	/* One container ends while the buffer is revoked. */
	peerbuf_device_close(d[0]);
	peerbuf_container_close(c[2]);
	on();
	for (i = 0; i < 4; i++) {
		if (i == 2)
			continue;
		assert_true(mapped(c[i], IOVA));
		assert_int_equal(query_buffer(c[i], IOVA).restores, 1);
	}
	/* And one while it is not. */
	peerbuf_device_close(d[1]);
	peerbuf_container_close(c[3]);
	assert_int_equal(peerbuf_container_unmap_buffer(exporter, IOVA), 0);
	assert_true(lands(ssd, IOVA, memory, PART));
	assert_int_equal(peerbuf_container_unmap_buffer(importer, IOVA), 0);
}

static void a_mapping_is_the_same_after_every_reset(void **state)
{
	struct peerbuf_iommu_query_buffer first, q;
	int i;

	assert_int_equal(map(importer, -1, 0, SIZE, IOVA, RW), 0);
	first = query_buffer(importer, IOVA);
	for (i = 1; i <= 20; i++) {
		if (i % 5)
			off(), on();
		else
			assert_int_equal(peerbuf_device_reset(bar), 0);
		q = query_buffer(importer, IOVA);
		assert_int_equal(q.revokes, i);
		assert_int_equal(q.restores, i);
		q.revokes = q.restores = 0;
		assert_memory_equal(&q, &first, sizeof(q));
		assert_true(lands(ssd, IOVA + SIZE - PART, memory + SIZE - PART, PART));
	}
	assert_int_equal(peerbuf_container_unmap_buffer(importer, IOVA), 0);
}

/* ------------------------------------------------------------- in every order */

enum { MAPPING, BUFFER, EXPORTER, IMPORTER, NR };

static void close_in_order(const int *order)
{
	struct peerbuf_container *ci, *ce;
	struct peerbuf_device *di = open_role("EDU", PEERBUF_IOMMU, &ci);
	struct peerbuf_device *de = open_role("BAR2", PEERBUF_IOMMU, &ce);
	int b = export_range(de, O_RDWR, 0, MIB), i;
	bool there[NR] = { true, true, true, true };

	assert_true(b >= 0);
	assert_int_equal(peerbuf_container_map_buffer(ci, b, -1, 0, MIB, IOVA, RW), 0);
	for (i = 0; i < NR; i++) {
		switch (order[i]) {
		case MAPPING:
			if (there[IMPORTER])
				assert_int_equal(peerbuf_container_unmap_buffer(ci, IOVA), 0);
			break;
		case BUFFER:
			close(b);
			break;
		case EXPORTER:
			peerbuf_device_close(de);
			peerbuf_container_close(ce);
			break;
		case IMPORTER:
			peerbuf_device_close(di);
			peerbuf_container_close(ci);
			break;
		}
		there[order[i]] = false;
		if (!there[MAPPING] || !there[IMPORTER])
			continue;
		assert_int_equal(mapped(ci, IOVA), there[EXPORTER]);
		assert_int_equal(query_buffer(ci, IOVA).state, there[EXPORTER] ? PEERBUF_STATE_LIVE :
									  PEERBUF_STATE_DEAD);
	}
}

static void permute(int *order, int n, unsigned int *count)
{
	int i, t;

	if (n == NR) {
		close_in_order(order);
		++*count;
		return;
	}
	for (i = n; i < NR; i++) {
		t = order[n], order[n] = order[i], order[i] = t;
		permute(order, n + 1, count);
		t = order[n], order[n] = order[i], order[i] = t;
	}
}

static void everything_is_closed_in_every_order(void **state)
{
	int order[NR] = { MAPPING, BUFFER, EXPORTER, IMPORTER };
	unsigned int count = 0;

	permute(order, 0, &count);
	assert_int_equal(count, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_mappings_in_one_container),
		cmocka_unit_test(one_buffer_in_several_containers),
		cmocka_unit_test(a_mapping_is_the_same_after_every_reset),
		cmocka_unit_test(everything_is_closed_in_every_order),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("many", tests, setup, teardown);
}
