// SPDX-License-Identifier: GPL-2.0-or-later
/* Ranges: checks, merging, cursors and page sizes, against slow models. */
#include "suites.h"

#include <linux/peerbuf/range.h>

#define PAGE 4096ULL

static u64 seed = 1;

static u64 rnd(u64 below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

static void an_empty_list_is_einval(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, peerbuf_range_check(NULL, 0, PAGE, 0), -EINVAL);
}

static void zero_length_and_misalignment_are_einval(struct kunit *test)
{
	struct phys_vec zero[] = { { 0x1000, 0 } };
	struct phys_vec addr[] = { { 0x1001, 0x1000 } };
	struct phys_vec len[] = { { 0x1000, 0x1001 } };

	KUNIT_ASSERT_EQ(test, peerbuf_range_check(zero, 1, PAGE, 0), -EINVAL);
	KUNIT_ASSERT_EQ(test, peerbuf_range_check(addr, 1, PAGE, 0x1000), -EINVAL);
	KUNIT_ASSERT_EQ(test, peerbuf_range_check(len, 1, PAGE, 0x1001), -EINVAL);
}

static void a_wrong_sum_is_einval(struct kunit *test)
{
	struct phys_vec v[] = { { 0x1000, 0x1000 }, { 0x9000, 0x2000 } };

	KUNIT_ASSERT_EQ(test, peerbuf_range_check(v, 2, PAGE, 0x3000), 0);
	KUNIT_ASSERT_EQ(test, peerbuf_range_check(v, 2, PAGE, 0x2000), -EINVAL);
	KUNIT_ASSERT_EQ(test, peerbuf_range_check(v, 2, PAGE, 0x4000), -EINVAL);
}

static void overflow_of_address_or_sum_is_eoverflow(struct kunit *test)
{
	struct phys_vec top[] = { { ~0ULL - 0xfff, 0x1000 } };
	struct phys_vec over[] = { { ~0ULL - 0xfff, 0x2000 } };
	struct phys_vec sum[] = { { 0, 1ULL << 63 }, { 0, 1ULL << 63 } };

	KUNIT_ASSERT_EQ(test, peerbuf_range_check(top, 1, PAGE, 0x1000), 0);
	KUNIT_ASSERT_EQ(test, peerbuf_range_check(over, 1, PAGE, 0x2000), -EOVERFLOW);
	KUNIT_ASSERT_EQ(test, peerbuf_range_check(sum, 2, PAGE, 0), -EOVERFLOW);
}

static void neighbours_that_continue_are_merged_in_order_only(struct kunit *test)
{
	struct phys_vec v[] = {
		{ 0x5000, 0x1000 }, { 0x6000, 0x2000 },	/* joins */
		{ 0x4000, 0x1000 },			/* before it, but after it in order */
		{ 0x4000, 0x1000 },			/* the same again: no */
		{ 0x5000, 0x1000 },			/* joins */
	};

	KUNIT_ASSERT_EQ(test, peerbuf_range_merge(v, ARRAY_SIZE(v), NULL), 3);
	KUNIT_ASSERT_EQ(test, peerbuf_range_merge(v, ARRAY_SIZE(v), v), 3);
	KUNIT_ASSERT_EQ(test, v[0].paddr, 0x5000);
	KUNIT_ASSERT_EQ(test, v[0].len, 0x3000);
	KUNIT_ASSERT_EQ(test, v[1].len, 0x1000);
	KUNIT_ASSERT_EQ(test, v[2].paddr, 0x4000);
	KUNIT_ASSERT_EQ(test, v[2].len, 0x2000);
}

static void a_range_at_the_end_of_memory_joins_nothing(struct kunit *test)
{
	struct phys_vec v[] = { { ~0ULL - 0xfff, 0x1000 }, { 0, 0x1000 } };

	KUNIT_ASSERT_EQ(test, peerbuf_range_merge(v, 2, v), 2);
}

static void a_cursor_outside_the_list_is_einval(struct kunit *test)
{
	struct phys_vec v[] = { { 0x1000, 0x1000 }, { 0x9000, 0x2000 } };
	struct peerbuf_range_cursor c;

	KUNIT_ASSERT_EQ(test, peerbuf_range_start(&c, v, 2, 0, 0), -EINVAL);
	KUNIT_ASSERT_EQ(test, peerbuf_range_start(&c, v, 2, 0, 0x4000), -EINVAL);
	KUNIT_ASSERT_EQ(test, peerbuf_range_start(&c, v, 2, 0x3000, 0x1000), -EINVAL);
	KUNIT_ASSERT_EQ(test, peerbuf_range_start(&c, v, 2, ~0ULL - 0xfff, 0x2000), -EINVAL);
	KUNIT_ASSERT_EQ(test, peerbuf_range_start(&c, v, 2, 0x2000, ~0ULL), -EINVAL);
	KUNIT_ASSERT_EQ(test, peerbuf_range_start(&c, v, 2, 0x2000, 0x1000), 0);
}

/* The physical address of one page of the buffer, by walking. */
static u64 model_page(const struct phys_vec *v, size_t nr, u64 offset)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (offset < v[i].len)
			return v[i].paddr + offset;
		offset -= v[i].len;
	}
	return 0;
}

static void cursors_agree_with_a_page_by_page_model(struct kunit *test)
{
	struct phys_vec v[16], piece;
	struct peerbuf_range_cursor c;
	int round;

	for (round = 0; round < ROUNDS(2000); round++) {
		size_t nr = 1 + rnd(16), i, pieces;
		u64 size = 0, offset, length, max, done = 0;

		for (i = 0; i < nr; i++) {
			v[i].paddr = rnd(1 << 20) * PAGE;
			v[i].len = (1 + rnd(40)) * PAGE;
			size += v[i].len;
		}
		offset = rnd(size / PAGE) * PAGE;
		length = (1 + rnd((size - offset) / PAGE)) * PAGE;
		max = (1 + rnd(50)) * PAGE;

		KUNIT_ASSERT_EQ(test, peerbuf_range_start(&c, v, nr, offset, length), 0);
		pieces = peerbuf_range_pieces(&c, max);
		while (peerbuf_range_next(&c, max, &piece)) {
			u64 at;

			KUNIT_ASSERT_TRUE(test, piece.len && piece.len <= max);
			for (at = 0; at < piece.len; at += PAGE)
				KUNIT_ASSERT_EQ(test, piece.paddr + at,
						 model_page(v, nr, offset + done + at));
			done += piece.len;
			pieces--;
		}
		KUNIT_ASSERT_EQ(test, done, length);
		KUNIT_ASSERT_EQ(test, pieces, 0);
	}
}

static void an_offset_is_found_in_the_range_that_holds_it(struct kunit *test)
{
	int round;

	for (round = 0; round < ROUNDS(300); round++) {
		size_t nr = 1 + rnd(40), i, at = 0;
		struct phys_vec v[40];
		u64 first[41], offset = 0;

		for (i = 0; i < nr; i++)
			v[i] = (struct phys_vec) { rnd(1 << 20) * PAGE, (1 + rnd(5)) * PAGE };
		first[nr] = ~0ULL;
		peerbuf_range_index(v, nr, first);
		KUNIT_ASSERT_EQ(test, first[nr], ~0ULL);
		for (i = 0; i < nr; i++) {
			KUNIT_ASSERT_EQ(test, first[i], offset);
			for (at = 0; at < v[i].len; at += PAGE) {
				u64 last = offset + at + PAGE - 1;

				KUNIT_ASSERT_EQ(test, peerbuf_range_find(first, nr, last), i);
				KUNIT_ASSERT_EQ(test,
						peerbuf_range_find(first, nr, offset + at), i);
			}
			offset += v[i].len;
		}
	}
}

/* What iommu_map() does, one page at a time: the largest that fits. */
static u64 model_pages(u64 iova, u64 paddr, u64 len)
{
	static const u64 sizes[] = { 1ULL << 30, 1ULL << 21, PAGE };
	u64 used = 0;
	size_t i;

	while (len) {
		/* The smallest one always does. */
		for (i = 0; i < 2; i++)
			if (sizes[i] <= len && !((iova | paddr) & (sizes[i] - 1)))
				break;
		used |= sizes[i];
		iova += sizes[i];
		paddr += sizes[i];
		len -= sizes[i];
	}
	return used;
}

static void page_sizes_agree_with_a_greedy_model(struct kunit *test)
{
	static const u64 aligns[] = { PAGE, 1ULL << 21, 1ULL << 30 };
	const u64 supported = PAGE | 1ULL << 21 | 1ULL << 30;
	int round;

	KUNIT_ASSERT_EQ(test, peerbuf_range_page_sizes(0, 0, 1ULL << 30, supported),
			 1ULL << 30);
	KUNIT_ASSERT_EQ(test, peerbuf_range_page_sizes(PAGE, 0, 1ULL << 30, supported),
			 PAGE);
	/* Less than the smallest page, at the end or from the beginning. */
	KUNIT_ASSERT_EQ(test, peerbuf_range_page_sizes(0, 0, 3 * PAGE / 2, supported), PAGE);
	KUNIT_ASSERT_EQ(test, peerbuf_range_page_sizes(0, 0, PAGE / 2, supported), 0);
	for (round = 0; round < ROUNDS(3000); round++) {
		u64 align = aligns[rnd(3)];
		u64 paddr = rnd(1 << 12) * align + rnd(3) * PAGE;
		u64 iova = paddr + rnd(4) * align;
		u64 len = (1 + rnd(1 << 10)) * PAGE + rnd(3) * (1ULL << 21) +
			       rnd(3) * (1ULL << 30);

		if (rnd(4) == 0)
			iova += PAGE;
		KUNIT_ASSERT_EQ(test, peerbuf_range_page_sizes(iova, paddr, len, supported),
				 model_pages(iova, paddr, len));
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(an_empty_list_is_einval),
	KUNIT_CASE(zero_length_and_misalignment_are_einval),
	KUNIT_CASE(a_wrong_sum_is_einval),
	KUNIT_CASE(overflow_of_address_or_sum_is_eoverflow),
	KUNIT_CASE(neighbours_that_continue_are_merged_in_order_only),
	KUNIT_CASE(a_range_at_the_end_of_memory_joins_nothing),
	KUNIT_CASE(a_cursor_outside_the_list_is_einval),
	KUNIT_CASE(cursors_agree_with_a_page_by_page_model),
	KUNIT_CASE(an_offset_is_found_in_the_range_that_holds_it),
	KUNIT_CASE(page_sizes_agree_with_a_greedy_model),
	{}
};

struct kunit_suite range_suite = {
	.name = "peerbuf_range",
	.test_cases = cases,
};
