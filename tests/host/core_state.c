// SPDX-License-Identifier: GPL-2.0-or-later
/* States: every pair, and every fact that decides. */
#include "unit.h"

#include <linux/peerbuf/state.h>

#define LIVE PEERBUF_STATE_LIVE
#define REVOKING PEERBUF_STATE_REVOKING
#define REVOKED PEERBUF_STATE_REVOKED
#define DEAD PEERBUF_STATE_DEAD

static const struct peerbuf_facts good = { .decoding = true };

static void only_the_documented_arcs_are_legal(void **state)
{
	int from, to, n = 0;

	assert_true(peerbuf_state_legal(LIVE, REVOKING));
	assert_true(peerbuf_state_legal(REVOKING, REVOKED));
	assert_true(peerbuf_state_legal(REVOKED, LIVE));
	assert_true(peerbuf_state_legal(REVOKED, DEAD));
	for (from = -1; from <= PEERBUF_NR_STATES; from++)
		for (to = -1; to <= PEERBUF_NR_STATES; to++)
			n += peerbuf_state_legal(from, to);
	assert_int_equal(n, 4);
}

static void each_cause_alone_takes_access_away(void **state)
{
	int cause;

	assert_true(peerbuf_accessible(&good));
	for (cause = 0; cause < PEERBUF_NR_CAUSES; cause++) {
		struct peerbuf_facts f = good;

		f.blocked[cause] = 1;
		assert_false(peerbuf_accessible(&f));
	}
}

static void the_device_must_agree_and_be_there(void **state)
{
	struct peerbuf_facts f = good;

	f.decoding = false;
	assert_false(peerbuf_accessible(&f));
	assert_false(peerbuf_final(&f));
	f = good;
	f.gone = true;
	assert_false(peerbuf_accessible(&f));
	assert_true(peerbuf_final(&f));
}

static void what_its_owner_has_withdrawn_never_comes_back(void **state)
{
	struct peerbuf_facts f = good;

	f.withdrawn = true;
	assert_false(peerbuf_accessible(&f));
	assert_true(peerbuf_final(&f));
	assert_int_equal(peerbuf_state_next(LIVE, &f, true), REVOKING);
	assert_int_equal(peerbuf_state_next(REVOKED, &f, true), DEAD);
}

/* From every state, with every fact, each step is legal and the walk ends right. */
static void every_walk_is_legal_and_ends_where_the_facts_demand(void **state)
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
					assert_true(peerbuf_state_legal(now, next));
					now = next;
					assert_true(++steps < 4);
				}
				if (from == DEAD)
					assert_int_equal(now, DEAD);
				else if (!drained && from == REVOKING)
					assert_int_equal(now, REVOKING);
				else if (!drained && from == LIVE)
					assert_int_equal(now, peerbuf_accessible(&f) ?
							 LIVE : REVOKING);
				else if (f.gone)
					assert_int_equal(now, DEAD);
				else
					assert_int_equal(now, peerbuf_accessible(&f) ?
							 LIVE : REVOKED);
			}
		}
	}
}

static void a_revoke_that_began_is_finished(void **state)
{
	assert_int_equal(peerbuf_state_next(REVOKING, &good, false), REVOKING);
	assert_int_equal(peerbuf_state_next(REVOKING, &good, true), REVOKED);
}

static void states_have_names(void **state)
{
	assert_string_equal(peerbuf_state_name(LIVE), "live");
	assert_string_equal(peerbuf_state_name(REVOKING), "revoking");
	assert_string_equal(peerbuf_state_name(REVOKED), "revoked");
	assert_string_equal(peerbuf_state_name(DEAD), "dead");
	assert_string_equal(peerbuf_state_name(4), "?");
	assert_string_equal(peerbuf_state_name(-1), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_documented_arcs_are_legal),
		cmocka_unit_test(each_cause_alone_takes_access_away),
		cmocka_unit_test(the_device_must_agree_and_be_there),
		cmocka_unit_test(what_its_owner_has_withdrawn_never_comes_back),
		cmocka_unit_test(every_walk_is_legal_and_ends_where_the_facts_demand),
		cmocka_unit_test(a_revoke_that_began_is_finished),
		cmocka_unit_test(states_have_names),
	};

	return RUN(tests);
}
