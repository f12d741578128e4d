// SPDX-License-Identifier: GPL-2.0-or-later
/* States: every pair, and every fact that decides. */
#include "suites.h"

#include <linux/peerbuf/state.h>

#define LIVE PEERBUF_STATE_LIVE
#define REVOKING PEERBUF_STATE_REVOKING
#define REVOKED PEERBUF_STATE_REVOKED
#define DEAD PEERBUF_STATE_DEAD

static const struct peerbuf_facts good = { .decoding = true };

static void only_the_documented_arcs_are_legal(struct kunit *test)
{
	int from, to, n = 0;

	KUNIT_ASSERT_TRUE(test, peerbuf_state_legal(LIVE, REVOKING));
	KUNIT_ASSERT_TRUE(test, peerbuf_state_legal(REVOKING, REVOKED));
	KUNIT_ASSERT_TRUE(test, peerbuf_state_legal(REVOKED, LIVE));
	KUNIT_ASSERT_TRUE(test, peerbuf_state_legal(REVOKED, DEAD));
	for (from = -1; from <= PEERBUF_NR_STATES; from++)
		for (to = -1; to <= PEERBUF_NR_STATES; to++)
			n += peerbuf_state_legal(from, to);
	KUNIT_ASSERT_EQ(test, n, 4);
}

static void each_cause_alone_takes_access_away(struct kunit *test)
{
	int cause;

	KUNIT_ASSERT_TRUE(test, peerbuf_accessible(&good));
	for (cause = 0; cause < PEERBUF_NR_CAUSES; cause++) {
		struct peerbuf_facts f = good;

		f.blocked[cause] = 1;
		KUNIT_ASSERT_FALSE(test, peerbuf_accessible(&f));
	}
}

static void the_device_must_agree_and_be_there(struct kunit *test)
{
	struct peerbuf_facts f = good;

	f.decoding = false;
	KUNIT_ASSERT_FALSE(test, peerbuf_accessible(&f));
	KUNIT_ASSERT_FALSE(test, peerbuf_final(&f));
	f = good;
	f.gone = true;
	KUNIT_ASSERT_FALSE(test, peerbuf_accessible(&f));
	KUNIT_ASSERT_TRUE(test, peerbuf_final(&f));
}

static void what_its_owner_has_withdrawn_never_comes_back(struct kunit *test)
{
	struct peerbuf_facts f = good;

	f.withdrawn = true;
	KUNIT_ASSERT_FALSE(test, peerbuf_accessible(&f));
	KUNIT_ASSERT_TRUE(test, peerbuf_final(&f));
	KUNIT_ASSERT_EQ(test, peerbuf_state_next(LIVE, &f, true), REVOKING);
	KUNIT_ASSERT_EQ(test, peerbuf_state_next(REVOKED, &f, true), DEAD);
}

/* From every state, with every fact, each step is legal and the walk ends right. */
static void every_walk_is_legal_and_ends_where_the_facts_demand(struct kunit *test)
{
	int from, bits, drained;

	for (from = 0; from < PEERBUF_NR_STATES; from++) {
		for (bits = 0; bits < 8; bits++) {
			for (drained = 0; drained < 2; drained++) {
				struct peerbuf_facts f = {
					.decoding = bits & 1,
					.gone = bits & 2,
					.blocked[0] = bits >> 2,
				};
				enum peerbuf_buffer_state now = from, next;
				int steps = 0;

				while ((next = peerbuf_state_next(now, &f, drained)) != now) {
					KUNIT_ASSERT_TRUE(test, peerbuf_state_legal(now, next));
					now = next;
					KUNIT_ASSERT_TRUE(test, ++steps < 4);
				}
				if (from == DEAD)
					KUNIT_ASSERT_EQ(test, now, DEAD);
				else if (!drained && from == REVOKING)
					KUNIT_ASSERT_EQ(test, now, REVOKING);
				else if (!drained && from == LIVE)
					KUNIT_ASSERT_EQ(test, now, peerbuf_accessible(&f) ?
							 LIVE : REVOKING);
				else if (f.gone)
					KUNIT_ASSERT_EQ(test, now, DEAD);
				else
					KUNIT_ASSERT_EQ(test, now, peerbuf_accessible(&f) ?
							 LIVE : REVOKED);
			}
		}
	}
}

static void a_revoke_that_began_is_finished(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, peerbuf_state_next(REVOKING, &good, false), REVOKING);
	KUNIT_ASSERT_EQ(test, peerbuf_state_next(REVOKING, &good, true), REVOKED);
}

static void states_have_names(struct kunit *test)
{
	KUNIT_ASSERT_STREQ(test, peerbuf_state_name(LIVE), "live");
	KUNIT_ASSERT_STREQ(test, peerbuf_state_name(REVOKING), "revoking");
	KUNIT_ASSERT_STREQ(test, peerbuf_state_name(REVOKED), "revoked");
	KUNIT_ASSERT_STREQ(test, peerbuf_state_name(DEAD), "dead");
	KUNIT_ASSERT_STREQ(test, peerbuf_state_name(4), "?");
	KUNIT_ASSERT_STREQ(test, peerbuf_state_name(-1), "?");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(only_the_documented_arcs_are_legal),
	KUNIT_CASE(each_cause_alone_takes_access_away),
	KUNIT_CASE(the_device_must_agree_and_be_there),
	KUNIT_CASE(what_its_owner_has_withdrawn_never_comes_back),
	KUNIT_CASE(every_walk_is_legal_and_ends_where_the_facts_demand),
	KUNIT_CASE(a_revoke_that_began_is_finished),
	KUNIT_CASE(states_have_names),
	{}
};

struct kunit_suite state_suite = {
	.name = "peerbuf_state",
	.test_cases = cases,
};
