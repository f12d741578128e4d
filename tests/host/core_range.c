// SPDX-License-Identifier: GPL-2.0-or-later
/* Ranges: checks, merging, cursors and page sizes, against slow models. */
#include "unit.h"

#include <linux/peerbuf/range.h>

#define PAGE 4096ULL
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t seed = 1;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

static void an_empty_list_is_einval(void **state)
{
	assert_int_equal(peerbuf_range_check(NULL, 0, PAGE, 0), -EINVAL);
}

static void zero_length_and_misalignment_are_einval(void **state)
{
	struct phys_vec zero[] = { { 0x1000, 0 } };
	struct phys_vec addr[] = { { 0x1001, 0x1000 } };
	struct phys_vec len[] = { { 0x1000, 0x1001 } };

	assert_int_equal(peerbuf_range_check(zero, 1, PAGE, 0), -EINVAL);
	assert_int_equal(peerbuf_range_check(addr, 1, PAGE, 0x1000), -EINVAL);
	assert_int_equal(peerbuf_range_check(len, 1, PAGE, 0x1001), -EINVAL);
}

static void a_wrong_sum_is_einval(void **state)
{
	struct phys_vec v[] = { { 0x1000, 0x1000 }, { 0x9000, 0x2000 } };

	assert_int_equal(peerbuf_range_check(v, 2, PAGE, 0x3000), 0);
	assert_int_equal(peerbuf_range_check(v, 2, PAGE, 0x2000), -EINVAL);
	assert_int_equal(peerbuf_range_check(v, 2, PAGE, 0x4000), -EINVAL);
}

static void overflow_of_address_or_sum_is_eoverflow(void **state)
{
	struct phys_vec top[] = { { ~0ULL - 0xfff, 0x1000 } };
	struct phys_vec over[] = { { ~0ULL - 0xfff, 0x2000 } };
	struct phys_vec sum[] = { { 0, 1ULL << 63 }, { 0, 1ULL << 63 } };

	assert_int_equal(peerbuf_range_check(top, 1, PAGE, 0x1000), 0);
	assert_int_equal(peerbuf_range_check(over, 1, PAGE, 0x2000), -EOVERFLOW);
	assert_int_equal(peerbuf_range_check(sum, 2, PAGE, 0), -EOVERFLOW);
}

static void neighbours_that_continue_are_merged_in_order_only(void **state)
{
	struct phys_vec v[] = {
		{ 0x5000, 0x1000 }, { 0x6000, 0x2000 },	/* joins */
		{ 0x4000, 0x1000 },			/* before it, but after it in order */
		{ 0x4000, 0x1000 },			/* the same again: no */
		{ 0x5000, 0x1000 },			/* joins */
	};

	assert_int_equal(peerbuf_range_merge(v, COUNT(v), NULL), 3);
	assert_int_equal(peerbuf_range_merge(v, COUNT(v), v), 3);
	assert_int_equal(v[0].paddr, 0x5000);
	assert_int_equal(v[0].len, 0x3000);
	assert_int_equal(v[1].len, 0x1000);
	assert_int_equal(v[2].paddr, 0x4000);
	assert_int_equal(v[2].len, 0x2000);
}

static void a_range_at_the_end_of_memory_joins_nothing(void **state)
{
	struct phys_vec v[] = { { ~0ULL - 0xfff, 0x1000 }, { 0, 0x1000 } };

	assert_int_equal(peerbuf_range_merge(v, 2, v), 2);
}

static void a_cursor_outside_the_list_is_einval(void **state)
{
	struct phys_vec v[] = { { 0x1000, 0x1000 }, { 0x9000, 0x2000 } };
	struct peerbuf_range_cursor c;

	assert_int_equal(peerbuf_range_start(&c, v, 2, 0, 0), -EINVAL);
	assert_int_equal(peerbuf_range_start(&c, v, 2, 0, 0x4000), -EINVAL);
	assert_int_equal(peerbuf_range_start(&c, v, 2, 0x3000, 0x1000), -EINVAL);
	assert_int_equal(peerbuf_range_start(&c, v, 2, ~0ULL - 0xfff, 0x2000), -EINVAL);
	assert_int_equal(peerbuf_range_start(&c, v, 2, 0x2000, ~0ULL), -EINVAL);
	assert_int_equal(peerbuf_range_start(&c, v, 2, 0x2000, 0x1000), 0);
}

/* The physical address of one page of the buffer, by walking. */
static uint64_t model_page(const struct phys_vec *v, size_t nr, uint64_t offset)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (offset < v[i].len)
			return v[i].paddr + offset;
		offset -= v[i].len;
	}
	return 0;
}

static void cursors_agree_with_a_page_by_page_model(void **state)
{
	struct phys_vec v[16], piece;
	struct peerbuf_range_cursor c;
	int round;

	for (round = 0; round < 2000; round++) {
		size_t nr = 1 + rnd(16), i, pieces;
		uint64_t size = 0, offset, length, max, done = 0;

		for (i = 0; i < nr; i++) {
			v[i].paddr = rnd(1 << 20) * PAGE;
			v[i].len = (1 + rnd(40)) * PAGE;
			size += v[i].len;
		}
		offset = rnd(size / PAGE) * PAGE;
		length = (1 + rnd((size - offset) / PAGE)) * PAGE;
		max = (1 + rnd(50)) * PAGE;

		assert_int_equal(peerbuf_range_start(&c, v, nr, offset, length), 0);
		pieces = peerbuf_range_pieces(&c, max);
		while (peerbuf_range_next(&c, max, &piece)) {
			uint64_t at;

			assert_true(piece.len && piece.len <= max);
			for (at = 0; at < piece.len; at += PAGE)
				assert_int_equal(piece.paddr + at,
						 model_page(v, nr, offset + done + at));
			done += piece.len;
			pieces--;
		}
		assert_int_equal(done, length);
		assert_int_equal(pieces, 0);
	}
}

static void an_offset_is_found_in_the_range_that_holds_it(void **state)
{
	int round;

	for (round = 0; round < 300; round++) {
		size_t nr = 1 + rnd(40), i, at = 0;
		struct phys_vec v[40];
		uint64_t first[40], offset = 0;

		for (i = 0; i < nr; i++)
			v[i] = (struct phys_vec) { rnd(1 << 20) * PAGE, (1 + rnd(5)) * PAGE };
		peerbuf_range_index(v, nr, first);
		for (i = 0; i < nr; i++) {
			assert_int_equal(first[i], offset);
			for (at = 0; at < v[i].len; at += PAGE) {
				assert_int_equal(peerbuf_range_find(first, nr, offset + at), i);
				assert_int_equal(peerbuf_range_find(first, nr,
								    offset + at + PAGE - 1), i);
			}
			offset += v[i].len;
		}
	}
}

/* What iommu_map() does, one page at a time: the largest that fits. */
static uint64_t model_pages(uint64_t iova, uint64_t paddr, uint64_t len)
{
	static const uint64_t sizes[] = { 1ULL << 30, 1ULL << 21, PAGE };
	uint64_t used = 0;
	size_t i;

	while (len) {
		for (i = 0; i < 3; i++)
			if (sizes[i] <= len && !((iova | paddr) & (sizes[i] - 1)))
				break;
		used |= sizes[i];
		iova += sizes[i];
		paddr += sizes[i];
		len -= sizes[i];
	}
	return used;
}

static void page_sizes_agree_with_a_greedy_model(void **state)
{
	const uint64_t supported = PAGE | 1ULL << 21 | 1ULL << 30;
	int round;

	assert_int_equal(peerbuf_range_page_sizes(0, 0, 1ULL << 30, supported),
			 1ULL << 30);
	assert_int_equal(peerbuf_range_page_sizes(PAGE, 0, 1ULL << 30, supported),
			 PAGE);
	for (round = 0; round < 3000; round++) {
		uint64_t align = (uint64_t[]) { PAGE, 1ULL << 21, 1ULL << 30 }[rnd(3)];
		uint64_t paddr = rnd(1 << 12) * align + rnd(3) * PAGE;
		uint64_t iova = paddr + rnd(4) * align;
		uint64_t len = (1 + rnd(1 << 10)) * PAGE + rnd(3) * (1ULL << 21) +
			       rnd(3) * (1ULL << 30);

		if (rnd(4) == 0)
			iova += PAGE;
		assert_int_equal(peerbuf_range_page_sizes(iova, paddr, len, supported),
				 model_pages(iova, paddr, len));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_list_is_einval),
		cmocka_unit_test(zero_length_and_misalignment_are_einval),
		cmocka_unit_test(a_wrong_sum_is_einval),
		cmocka_unit_test(overflow_of_address_or_sum_is_eoverflow),
		cmocka_unit_test(neighbours_that_continue_are_merged_in_order_only),
		cmocka_unit_test(a_range_at_the_end_of_memory_joins_nothing),
		cmocka_unit_test(a_cursor_outside_the_list_is_einval),
		cmocka_unit_test(cursors_agree_with_a_page_by_page_model),
		cmocka_unit_test(an_offset_is_found_in_the_range_that_holds_it),
		cmocka_unit_test(page_sizes_agree_with_a_greedy_model),
	};

	return RUN(tests);
}
