// SPDX-License-Identifier: GPL-2.0-or-later
/* Usable IOVAs, against a bitmap. */
#include "suites.h"

#include <linux/peerbuf/iova.h>

#define SPAN 64

static u64 seed = 7;

static u64 rnd(u64 below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

static void check(struct kunit *test, const struct peerbuf_iova_set *set, const bool *usable)
{
	u64 i, j;

	for (i = 0; i < SPAN; i++) {
		bool all = true;

		for (j = i; j < SPAN; j++) {
			all = all && usable[j];
			KUNIT_ASSERT_EQ(test, peerbuf_iova_contains(set, i, j), all);
		}
	}
	for (i = 1; i < set->nr; i++)
		KUNIT_ASSERT_TRUE(test, set->range[i].start > set->range[i - 1].last + 1);
}

static void sets_agree_with_a_bitmap(struct kunit *test)
{
	int round;

	for (round = 0; round < ROUNDS(400); round++) {
		struct peerbuf_iova_range range[12];
		struct peerbuf_iova_set set = { .nr = 1, .cap = 12, .range = range };
		bool usable[SPAN];
		int op;

		range[0] = (struct peerbuf_iova_range) { 0, SPAN - 1 };
		memset(usable, true, sizeof(usable));
		for (op = 0; op < 10; op++) {
			u64 a = rnd(SPAN), b = a + rnd(SPAN - a), i;
			bool clip = rnd(8) == 0;

			if (clip)
				peerbuf_iova_clip(&set, a, b);
			else
				KUNIT_ASSERT_TRUE(test, peerbuf_iova_exclude(&set, a, b));
			for (i = 0; i < SPAN; i++)
				if ((i >= a && i <= b) != clip)
					usable[i] = false;
			check(test, &set, usable);
		}
	}
}

static void the_ends_of_the_address_space_work(struct kunit *test)
{
	struct peerbuf_iova_range range[4] = { { 0, ~0ULL } };
	struct peerbuf_iova_set set = { .nr = 1, .cap = 4, .range = range };

	KUNIT_ASSERT_TRUE(test, peerbuf_iova_exclude(&set, 0, 0xfff));
	KUNIT_ASSERT_TRUE(test, peerbuf_iova_exclude(&set, ~0ULL - 0xfff, ~0ULL));
	KUNIT_ASSERT_EQ(test, set.nr, 1);
	KUNIT_ASSERT_FALSE(test, peerbuf_iova_contains(&set, 0, 0xfff));
	KUNIT_ASSERT_TRUE(test, peerbuf_iova_contains(&set, 0x1000, ~0ULL - 0x1000));
	KUNIT_ASSERT_TRUE(test, peerbuf_iova_exclude(&set, 0, ~0ULL));
	KUNIT_ASSERT_EQ(test, set.nr, 0);
	KUNIT_ASSERT_FALSE(test, peerbuf_iova_contains(&set, 0x1000, 0x1000));
}

static void a_full_set_refuses_and_stays(struct kunit *test)
{
	struct peerbuf_iova_range range[2] = { { 0, 99 } };
	struct peerbuf_iova_set set = { .nr = 1, .cap = 2, .range = range };

	KUNIT_ASSERT_TRUE(test, peerbuf_iova_exclude(&set, 10, 19));
	KUNIT_ASSERT_FALSE(test, peerbuf_iova_exclude(&set, 30, 39));
	KUNIT_ASSERT_EQ(test, set.nr, 2);
	KUNIT_ASSERT_TRUE(test, peerbuf_iova_contains(&set, 20, 99));
	KUNIT_ASSERT_TRUE(test, peerbuf_iova_exclude(&set, 20, 49));
	KUNIT_ASSERT_TRUE(test, peerbuf_iova_contains(&set, 50, 99));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(sets_agree_with_a_bitmap),
	KUNIT_CASE(the_ends_of_the_address_space_work),
	KUNIT_CASE(a_full_set_refuses_and_stays),
	{}
};

struct kunit_suite iova_suite = {
	.name = "peerbuf_iova",
	.test_cases = cases,
};
