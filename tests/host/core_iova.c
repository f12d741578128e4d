// SPDX-License-Identifier: GPL-2.0-or-later
/* Usable IOVAs, against a bitmap. */
#include "unit.h"

#include <linux/peerbuf/iova.h>

#define SPAN 64
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t seed = 7;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

static void check(const struct peerbuf_iova_set *set, const bool *usable)
{
	uint64_t i, j;

	for (i = 0; i < SPAN; i++) {
		bool all = true;

		for (j = i; j < SPAN; j++) {
			all = all && usable[j];
			assert_int_equal(peerbuf_iova_contains(set, i, j), all);
		}
	}
	for (i = 1; i < set->nr; i++)
		assert_true(set->range[i].start > set->range[i - 1].last + 1);
}

static void sets_agree_with_a_bitmap(void **state)
{
	int round;

	for (round = 0; round < 400; round++) {
		struct peerbuf_iova_range range[12];
		struct peerbuf_iova_set set = { .nr = 1, .cap = 12, .range = range };
		bool usable[SPAN];
		int op;

		range[0] = (struct peerbuf_iova_range) { 0, SPAN - 1 };
		memset(usable, true, sizeof(usable));
		for (op = 0; op < 10; op++) {
			uint64_t a = rnd(SPAN), b = a + rnd(SPAN - a), i;
			bool clip = rnd(8) == 0;

			if (clip)
				peerbuf_iova_clip(&set, a, b);
			else
				assert_true(peerbuf_iova_exclude(&set, a, b));
			for (i = 0; i < SPAN; i++)
				if ((i >= a && i <= b) != clip)
					usable[i] = false;
			check(&set, usable);
		}
	}
}

static void the_ends_of_the_address_space_work(void **state)
{
	struct peerbuf_iova_range range[4] = { { 0, ~0ULL } };
	struct peerbuf_iova_set set = { .nr = 1, .cap = 4, .range = range };

	assert_true(peerbuf_iova_exclude(&set, 0, 0xfff));
	assert_true(peerbuf_iova_exclude(&set, ~0ULL - 0xfff, ~0ULL));
	assert_int_equal(set.nr, 1);
	assert_false(peerbuf_iova_contains(&set, 0, 0xfff));
	assert_true(peerbuf_iova_contains(&set, 0x1000, ~0ULL - 0x1000));
	assert_true(peerbuf_iova_exclude(&set, 0, ~0ULL));
	assert_int_equal(set.nr, 0);
	assert_false(peerbuf_iova_contains(&set, 0x1000, 0x1000));
}

static void a_full_set_refuses_and_stays(void **state)
{
	struct peerbuf_iova_range range[2] = { { 0, 99 } };
	struct peerbuf_iova_set set = { .nr = 1, .cap = 2, .range = range };

	assert_true(peerbuf_iova_exclude(&set, 10, 19));
	assert_false(peerbuf_iova_exclude(&set, 30, 39));
	assert_int_equal(set.nr, 2);
	assert_true(peerbuf_iova_contains(&set, 20, 99));
	assert_true(peerbuf_iova_exclude(&set, 20, 49));
	assert_true(peerbuf_iova_contains(&set, 50, 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_agree_with_a_bitmap),
		cmocka_unit_test(the_ends_of_the_address_space_work),
		cmocka_unit_test(a_full_set_refuses_and_stays),
	};

	return RUN(tests);
}
