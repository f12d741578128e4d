// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * States of real buffers: from each state every event leads where the rule says, along legal
 * arcs only, and importers are told in that order. Which arcs are legal is in state_test.c.
 */
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/kthread.h>

#include <linux/peerbuf/state.h>

#include "fixture.h"
#include "suites.h"

#define P PAGE_SIZE
#define LIVE PEERBUF_STATE_LIVE
#define REVOKING PEERBUF_STATE_REVOKING
#define REVOKED PEERBUF_STATE_REVOKED
#define DEAD PEERBUF_STATE_DEAD

struct arc {
	struct told_provider t;
	struct made m;
	struct heard h;
	struct task_struct *waiting;
};

static enum peerbuf_buffer_state state_of(struct arc *a)
{
	return peerbuf_buffer_get_state(a->m.dmabuf);
}

static void begin(struct kunit *test, struct arc *a)
{
	const struct phys_vec vec = { bar_start(), P };

	*a = (struct arc) {};
	told_provider_init(&a->t);
	KUNIT_ASSERT_EQ(test, made_pal(&a->m, &a->t.p, &vec, 1), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&a->h, &a->m,
					   DMA_BUF_IMAPPING_SGT(&neighbour->dev, true)), 0);
	KUNIT_ASSERT_EQ(test, state_of(a), LIVE);
}

static void end(struct kunit *test, struct arc *a)
{
	heard_detach(&a->h);
	made_put(&a->m);
	KUNIT_EXPECT_TRUE(test, a->m.released);
	peerbuf_provider_close(&a->t.p);
	peerbuf_provider_fini(&a->t.p);
}

/* What can happen to a buffer. */
static void block(struct arc *a)
{
	peerbuf_provider_block(&a->t.p, PEERBUF_CAUSE_RESET);
}

static void unblock(struct arc *a)
{
	peerbuf_provider_unblock(&a->t.p, PEERBUF_CAUSE_RESET);
}

static void power_off(struct arc *a)
{
	peerbuf_provider_set(&a->t.p, PEERBUF_CAUSE_POWER, true);
}

static void power_on(struct arc *a)
{
	peerbuf_provider_set(&a->t.p, PEERBUF_CAUSE_POWER, false);
}

static void stop_decoding(struct arc *a)
{
	a->t.decoding = false;
	peerbuf_provider_update(&a->t.p);
}

static void start_decoding(struct arc *a)
{
	a->t.decoding = true;
	peerbuf_provider_update(&a->t.p);
}

static void update(struct arc *a)
{
	peerbuf_provider_update(&a->t.p);
}

static void withdraw(struct arc *a)
{
	peerbuf_buffer_withdraw(&a->t.p, a->m.dmabuf);
}

static void close_it(struct arc *a)
{
	peerbuf_provider_close(&a->t.p);
}

static void reopen(struct arc *a)
{
	peerbuf_provider_close(&a->t.p);
	peerbuf_provider_open(&a->t.p);
}

/* From three states that last; how the fourth is left is tried below. */
static const struct {
	enum peerbuf_buffer_state from;
	void (*event)(struct arc *a);
	enum peerbuf_buffer_state to;
} arcs[] = {
	{ LIVE, block, REVOKED },
	{ LIVE, power_off, REVOKED },
	{ LIVE, stop_decoding, REVOKED },
	{ LIVE, withdraw, DEAD },
	{ LIVE, close_it, DEAD },
	{ LIVE, reopen, DEAD },
	{ LIVE, update, LIVE },
	{ LIVE, power_on, LIVE },

	{ REVOKED, unblock, LIVE },
	{ REVOKED, block, REVOKED },
	{ REVOKED, power_off, REVOKED },
	{ REVOKED, power_on, REVOKED },
	{ REVOKED, stop_decoding, REVOKED },
	{ REVOKED, update, REVOKED },
	{ REVOKED, withdraw, DEAD },
	{ REVOKED, close_it, DEAD },
	{ REVOKED, reopen, DEAD },

	{ DEAD, unblock, DEAD },
	{ DEAD, block, DEAD },
	{ DEAD, power_off, DEAD },
	{ DEAD, power_on, DEAD },
	{ DEAD, start_decoding, DEAD },
	{ DEAD, update, DEAD },
	{ DEAD, withdraw, DEAD },
	{ DEAD, close_it, DEAD },
	{ DEAD, reopen, DEAD },
};

static void every_event_from_every_state(struct kunit *test)
{
	unsigned int invalidated, restored, dead;
	struct arc a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(arcs); i++) {
		begin(test, &a);
		KUNIT_ASSERT_EQ(test, heard_map(&a.h, DMA_BIDIRECTIONAL), 0);
		if (arcs[i].from != LIVE)
			block(&a);
		if (arcs[i].from == DEAD)
			withdraw(&a);
		KUNIT_ASSERT_EQ(test, state_of(&a), arcs[i].from);
		invalidated = a.h.invalidated;
		restored = a.h.restored;
		dead = a.h.dead;
		arcs[i].event(&a);
		if (state_of(&a) != arcs[i].to)
			KUNIT_FAIL(test, "arc %zu: %s, not %s", i,
				   peerbuf_state_name(state_of(&a)),
				   peerbuf_state_name(arcs[i].to));
		/* One call for each arc that was taken, and none for others. */
		KUNIT_EXPECT_EQ(test, a.h.invalidated - invalidated,
				arcs[i].from == LIVE && arcs[i].to != LIVE);
		KUNIT_EXPECT_EQ(test, a.h.restored - restored,
				arcs[i].from == REVOKED && arcs[i].to == LIVE);
		KUNIT_EXPECT_EQ(test, a.h.dead - dead, arcs[i].from != DEAD && arcs[i].to == DEAD);
		/* What was mapped has gone with the first of them. */
		KUNIT_EXPECT_EQ(test, !!a.h.sgt, arcs[i].to == LIVE && arcs[i].from == LIVE);
		end(test, &a);
	}
}

/* What an importer sees of the state in each callback. */
static void callbacks_see_the_state_that_they_tell_of(struct kunit *test)
{
	struct peerbuf_buffer_info info;
	struct arc a;

	begin(test, &a);
	KUNIT_ASSERT_EQ(test, heard_map(&a.h, DMA_BIDIRECTIONAL), 0);
	block(&a);
	KUNIT_EXPECT_EQ(test, a.h.state, REVOKING);
	unblock(&a);
	KUNIT_EXPECT_EQ(test, a.h.state, LIVE);
	block(&a);
	withdraw(&a);
	KUNIT_EXPECT_EQ(test, a.h.state, DEAD);
	KUNIT_EXPECT_EQ(test, peerbuf_buffer_withdraw(&a.t.p, a.m.dmabuf), -EALREADY);
	KUNIT_ASSERT_EQ(test, peerbuf_buffer_get_info(&a.t.p, a.m.dmabuf, &info), 0);
	KUNIT_EXPECT_EQ(test, info.state, DEAD);
	KUNIT_EXPECT_EQ(test, info.attachments, 1);
	KUNIT_EXPECT_EQ(test, info.revokes, 2);
	KUNIT_EXPECT_EQ(test, info.restores, 1);
	KUNIT_EXPECT_FALSE(test, info.waiting);
	close_it(&a);
	/* Of a closed provider it is no buffer any more. */
	KUNIT_EXPECT_EQ(test, peerbuf_buffer_get_info(&a.t.p, a.m.dmabuf, &info), -EINVAL);
	KUNIT_EXPECT_EQ(test, peerbuf_buffer_withdraw(&a.t.p, a.m.dmabuf), -EINVAL);
	end(test, &a);
}

/* Told as importers of the kernel are, which know one call only; when it comes they may map. */
static void who_cannot_be_told_of_a_restore_is_told_by_invalidate(struct kunit *test)
{
	const struct dma_buf_mapping_importer_ops ops = {
		.invalidate_mappings = heard_ops.invalidate_mappings,
	};
	struct dma_buf_mapping_match match = DMA_BUF_IMAPPING_SGT(&neighbour->dev, true);
	struct heard h = {};
	struct arc a;

	begin(test, &a);
	h.attach = dma_buf_mapping_attach(a.m.dmabuf, &match, 1, &ops, &h);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, h.attach);
	KUNIT_ASSERT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
	block(&a);
	KUNIT_EXPECT_EQ(test, h.invalidated, 1);
	KUNIT_EXPECT_EQ(test, h.state, REVOKING);
	KUNIT_EXPECT_EQ(test, a.h.invalidated, 1);
	unblock(&a);
	KUNIT_EXPECT_EQ(test, h.invalidated, 2);
	KUNIT_EXPECT_EQ(test, h.state, LIVE);
	/* Its neighbour, who has the callback, is told by that one alone. */
	KUNIT_EXPECT_EQ(test, a.h.invalidated, 1);
	KUNIT_EXPECT_EQ(test, a.h.restored, 1);
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);
	/* Nor need it hear of the end: it was told that the memory is away. */
	close_it(&a);
	KUNIT_EXPECT_EQ(test, h.invalidated, 3);
	KUNIT_EXPECT_EQ(test, h.state, REVOKING);
	KUNIT_EXPECT_EQ(test, h.dead, 0);
	KUNIT_EXPECT_EQ(test, a.h.dead, 1);
	heard_detach(&h);
	end(test, &a);
}

static void causes_add_up(struct kunit *test)
{
	struct arc a;

	begin(test, &a);
	block(&a);
	block(&a);
	power_off(&a);
	stop_decoding(&a);
	unblock(&a);
	KUNIT_EXPECT_EQ(test, state_of(&a), REVOKED);
	KUNIT_EXPECT_TRUE(test, peerbuf_provider_is_blocked(&a.t.p, PEERBUF_CAUSE_RESET));
	unblock(&a);
	KUNIT_EXPECT_FALSE(test, peerbuf_provider_is_blocked(&a.t.p, PEERBUF_CAUSE_RESET));
	KUNIT_EXPECT_EQ(test, state_of(&a), REVOKED);
	power_on(&a);
	KUNIT_EXPECT_EQ(test, state_of(&a), REVOKED);
	start_decoding(&a);
	KUNIT_EXPECT_EQ(test, state_of(&a), LIVE);
	KUNIT_EXPECT_EQ(test, a.h.invalidated, 1);
	KUNIT_EXPECT_EQ(test, a.h.restored, 1);
	end(test, &a);
}

static void memory_that_is_off_is_exported_revoked(struct kunit *test)
{
	const struct phys_vec vec = { bar_start(), P };
	struct arc a = {};

	told_provider_init(&a.t);
	a.t.decoding = false;
	KUNIT_ASSERT_EQ(test, made_pal(&a.m, &a.t.p, &vec, 1), 0);
	KUNIT_EXPECT_EQ(test, state_of(&a), REVOKED);
	KUNIT_ASSERT_EQ(test, heard_attach(&a.h, &a.m,
					   DMA_BUF_IMAPPING_SGT(&neighbour->dev, true)), 0);
	start_decoding(&a);
	KUNIT_EXPECT_EQ(test, state_of(&a), LIVE);
	KUNIT_EXPECT_EQ(test, heard_map(&a.h, DMA_BIDIRECTIONAL), 0);
	end(test, &a);
}

/* ------------------------------------------------------------------------ REVOKING */

static int waiting_thread(void *data)
{
	struct arc *a = data;

	block(a);
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

/* Until the revoke of a slow importer's buffer waits. */
static void start_waiting(struct kunit *test, struct arc *a)
{
	struct peerbuf_buffer_info info = {};

	a->h.slow = true;
	KUNIT_ASSERT_EQ(test, heard_map(&a->h, DMA_BIDIRECTIONAL), 0);
	a->waiting = kthread_run(waiting_thread, a, "peerbuf_kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, a->waiting);
	while (!info.waiting) {
		usleep_range(100, 200);
		peerbuf_buffer_get_info(&a->t.p, a->m.dmabuf, &info);
	}
	KUNIT_EXPECT_EQ(test, info.state, REVOKING);
}

static void begin_waiting(struct kunit *test, struct arc *a)
{
	begin(test, a);
	start_waiting(test, a);
}

static void wait_for(struct arc *a, enum peerbuf_buffer_state state)
{
	while (state_of(a) != state)
		usleep_range(100, 200);
}

static void a_revoke_waits_in_revoking_and_ends_in_revoked(struct kunit *test)
{
	struct heard late = {};
	struct arc a;

	begin_waiting(test, &a);
	/* Nothing is mapped meanwhile, and only giving back ends it. */
	KUNIT_EXPECT_EQ(test, heard_attach(&late, &a.m,
					   DMA_BUF_IMAPPING_SGT(&neighbour->dev, true)), 0);
	KUNIT_EXPECT_EQ(test, heard_map(&late, DMA_BIDIRECTIONAL), -ENODEV);
	msleep(20);
	KUNIT_EXPECT_EQ(test, state_of(&a), REVOKING);
	heard_unmap(&a.h);
	wait_for(&a, REVOKED);
	KUNIT_EXPECT_EQ(test, late.invalidated, 0);
	unblock(&a);
	KUNIT_EXPECT_EQ(test, state_of(&a), LIVE);
	KUNIT_EXPECT_EQ(test, late.restored, 1);
	kthread_stop(a.waiting);
	heard_detach(&late);
	end(test, &a);
}

static int unblocking_thread(void *data)
{
	unblock(data);
	return 0;
}

static int withdrawing_thread(void *data)
{
	withdraw(data);
	return 0;
}

/* An event that comes while a revoke waits has its effect afterwards. */
static void an_event_in_revoking_waits_for_its_end(struct kunit *test)
{
	static const struct {
		int (*thread)(void *data);
		enum peerbuf_buffer_state to;
	} events[] = {
		{ unblocking_thread, LIVE },
		{ withdrawing_thread, DEAD },
	};
	struct task_struct *task;
	struct arc a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		begin_waiting(test, &a);
		task = kthread_create(events[i].thread, &a, "peerbuf_kunit");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
		get_task_struct(task);
		wake_up_process(task);
		msleep(20);
		KUNIT_EXPECT_EQ(test, state_of(&a), REVOKING);
		KUNIT_EXPECT_EQ(test, a.h.restored + a.h.dead, 0);
		heard_unmap(&a.h);
		wait_for(&a, events[i].to);
		kthread_stop(task);
		put_task_struct(task);
		kthread_stop(a.waiting);
		KUNIT_EXPECT_EQ(test, a.h.invalidated, 1);
		KUNIT_EXPECT_EQ(test, a.h.restored, events[i].to == LIVE);
		KUNIT_EXPECT_EQ(test, a.h.dead, events[i].to == DEAD);
		end(test, &a);
	}
}

/* All are shut before one is waited for. */
static void a_slow_importer_keeps_no_other_buffer_open(struct kunit *test)
{
	const struct phys_vec vec = { bar_start() + P, P };
	struct made other = {};
	struct arc a;

	begin(test, &a);
	KUNIT_ASSERT_EQ(test, made_pal(&other, &a.t.p, &vec, 1), 0);
	start_waiting(test, &a);
	KUNIT_EXPECT_EQ(test, peerbuf_buffer_get_state(other.dmabuf), REVOKING);
	heard_unmap(&a.h);
	wait_for(&a, REVOKED);
	kthread_stop(a.waiting);
	KUNIT_EXPECT_EQ(test, peerbuf_buffer_get_state(other.dmabuf), REVOKED);
	made_put(&other);
	end(test, &a);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_event_from_every_state),
	KUNIT_CASE(callbacks_see_the_state_that_they_tell_of),
	KUNIT_CASE(who_cannot_be_told_of_a_restore_is_told_by_invalidate),
	KUNIT_CASE(causes_add_up),
	KUNIT_CASE(memory_that_is_off_is_exported_revoked),
	KUNIT_CASE(a_revoke_waits_in_revoking_and_ends_in_revoked),
	KUNIT_CASE(an_event_in_revoking_waits_for_its_end),
	KUNIT_CASE(a_slow_importer_keeps_no_other_buffer_open),
	{}
};

struct kunit_suite arcs_suite = {
	.name = "peerbuf_arcs",
	.suite_init = devices_get,
	.suite_exit = devices_put,
	.test_cases = cases,
};
