// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A revoke between any two steps of an importer. And revokes and restores, without a pause, in
 * one thread; in another an importer that attaches, maps, detaches or closes. Each step may
 * succeed or hear -ENODEV, and nothing else; what is mapped when a revoke has returned is a
 * mistake.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "fixture.h"
#include "suites.h"

#define P PAGE_SIZE
#define IOVA (1ULL << 32)
#define STEPS 80

/**
 * struct race - both threads
 * @t: whose access comes and goes
 * @m: the buffer
 * @held: tables and lists that importers have
 * @domain: for mappings of the IOMMU type
 * @wrong: mappings that were there when access was away
 * @done: steps that succeeded
 * @refused: steps that did not
 * @error: the first other errno
 */
struct race {
	struct told_provider t;
	struct made m;
	atomic_t held;
	struct iommu_domain *domain;
	unsigned int wrong, done, refused;
	int error;
};

static struct phys_vec range(void)
{
	return (struct phys_vec) { bar_start(), 2 * P };
}

static int revoking_thread(void *data)
{
	struct race *r = data;
	unsigned int i;

	for (i = 0; !kthread_should_stop(); i++) {
		peerbuf_provider_block(&r->t.p, PEERBUF_CAUSE_RESET);
		/* Where there is one processor, nobody else may run until it is given up. */
		if (i % 4 == 2)
			usleep_range(20, 200);
		r->wrong += atomic_read(&r->held) || iommu_iova_to_phys(r->domain, IOVA);
		peerbuf_provider_unblock(&r->t.p, PEERBUF_CAUSE_RESET);
		if (i % 4 == 0)
			usleep_range(20, 200);
		cond_resched();
	}
	return 0;
}

static void note(struct race *r, int err)
{
	if (!err)
		r->done++;
	else if (err == -ENODEV)
		r->refused++;
	else if (!r->error)
		r->error = err;
	/* Processors are few: let the other one come. */
	cond_resched();
}

static struct dma_buf_mapping_match kind(unsigned int i)
{
	switch (i % 3) {
	case 0:
		return DMA_BUF_IMAPPING_SGT(&neighbour->dev, true);
	case 1:
		return DMA_BUF_IMAPPING_PAL();
	default:
		return DMA_BUF_IMAPPING_IOMMU(&stranger->dev, false);
	}
}

static int map_any(struct race *r, struct heard *h, unsigned int i)
{
	struct dma_buf_iommu_mapping map = {
		.domain = r->domain, .iova = IOVA, .length = 2 * P, .prot = IOMMU_READ,
	};

	return i % 3 == 2 ? heard_iommu_map(h, &map) : heard_map(h, DMA_BIDIRECTIONAL);
}

static void unmap_any(struct heard *h, unsigned int i)
{
	if (i % 3 == 2)
		heard_iommu_unmap(h);
	else
		heard_unmap(h);
}

/* ------------------------------------------------------------------------- the steps */

static void attach_and_detach(struct race *r, unsigned int i)
{
	struct dma_buf_attachment *attach;
	struct heard h = {};

	/* Who has no types hears at once that there is nothing; others when they map. */
	if (i % 4 == 3) {
		attach = dma_buf_dynamic_attach(r->m.dmabuf, &neighbour->dev, &heard_stock_ops,
						&h);
		note(r, PTR_ERR_OR_ZERO(attach));
		if (!IS_ERR(attach))
			dma_buf_detach(r->m.dmabuf, attach);
		return;
	}
	note(r, heard_attach(&h, &r->m, kind(i)));
	heard_detach(&h);
}

static struct heard mapper;
static unsigned int mapper_kind;

static void map_and_unmap(struct race *r, unsigned int i)
{
	note(r, map_any(r, &mapper, mapper_kind));
	unmap_any(&mapper, mapper_kind);
}

static void detach_while_mapped(struct race *r, unsigned int i)
{
	struct heard h = { .count = &r->held };
	int err = heard_attach(&h, &r->m, kind(i));

	if (err) {
		note(r, err);
		return;
	}
	note(r, map_any(r, &h, i));
	heard_detach(&h);
}

/* A buffer of its own, whose last reference goes while it is being revoked. */
static void export_and_close(struct race *r, unsigned int i)
{
	const struct phys_vec vec = range();
	struct heard h = { .count = &r->held };
	struct made m = {};
	int err = made_pal(&m, &r->t.p, &vec, 1);

	if (err) {
		note(r, err);
		made_put(&m);
		return;
	}
	err = heard_attach(&h, &m, kind(i % 2));
	if (!err) {
		note(r, heard_map(&h, DMA_BIDIRECTIONAL));
		heard_detach(&h);
	} else {
		note(r, err);
	}
	made_put(&m);
	while (!READ_ONCE(m.released)) {
		/* The revoke has a reference, too. */
		usleep_range(20, 50);
		flush_delayed_fput();
	}
}

/* ---------------------------------------------------------------------------- cases */

static struct race *race_begin(struct kunit *test)
{
	struct race *r = kzalloc(sizeof(*r), GFP_KERNEL);
	const struct phys_vec vec = range();

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->domain = iommu_paging_domain_alloc(&stranger->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r->domain);
	told_provider_init(&r->t);
	KUNIT_ASSERT_EQ(test, made_pal(&r->m, &r->t.p, &vec, 1), 0);
	return r;
}

static void race_end(struct kunit *test, struct race *r)
{
	KUNIT_EXPECT_EQ(test, r->wrong, 0);
	KUNIT_EXPECT_EQ(test, r->error, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&r->held), 0);
	KUNIT_EXPECT_EQ(test, r->m.maps, 0);
	made_put(&r->m);
	KUNIT_EXPECT_TRUE(test, r->m.released);
	peerbuf_provider_close(&r->t.p);
	peerbuf_provider_fini(&r->t.p);
	iommu_domain_free(r->domain);
	kfree(r);
}

enum action { COMES_BACK, STAYS_AWAY, FOR_GOOD, NR_ACTIONS };

static void act(struct race *r, enum action action)
{
	peerbuf_provider_block(&r->t.p, PEERBUF_CAUSE_RESET);
	if (action == COMES_BACK)
		peerbuf_provider_unblock(&r->t.p, PEERBUF_CAUSE_RESET);
	else if (action == FOR_GOOD)
		peerbuf_buffer_withdraw(&r->t.p, r->m.dmabuf);
}

/* Between which two steps of an importer access goes. */
enum window { EXPORTED, ATTACHED, MAPPED, UNMAPPED, DETACHED, NR_WINDOWS };

/* A kind of importer goes its way; what comes after the window is refused, or is not. */
static void pass_window(struct kunit *test, struct race *r, unsigned int i, enum window window,
			enum action action)
{
	struct heard h = { .count = &r->held };
	int err;

	if (window == EXPORTED)
		act(r, action);
	err = heard_attach(&h, &r->m, kind(i));
	KUNIT_EXPECT_EQ(test, err, window == EXPORTED && action == FOR_GOOD ? -ENODEV : 0);
	if (!err) {
		if (window == ATTACHED)
			act(r, action);
		KUNIT_EXPECT_EQ(test, map_any(r, &h, i),
				window <= ATTACHED && action != COMES_BACK ? -ENODEV : 0);
		if (window == MAPPED) {
			act(r, action);
			/* The core puts back what it mapped itself, and nothing else. */
			KUNIT_EXPECT_EQ(test, atomic_read(&r->held), 0);
			KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(r->domain, IOVA),
					i % 3 == 2 && action == COMES_BACK ? bar_start() : 0);
		}
		unmap_any(&h, i);
		if (window == UNMAPPED)
			act(r, action);
		heard_detach(&h);
	}
	if (window == DETACHED)
		act(r, action);
	KUNIT_EXPECT_EQ(test, atomic_read(&r->held), 0);
	expect_nothing(test, r->domain, IOVA, 2 * P);
}

static void a_revoke_in_every_window(struct kunit *test)
{
	unsigned int i, window, action;
	struct race *r;

	for (i = 0; i < 3; i++) {
		for (window = 0; window < NR_WINDOWS; window++) {
			for (action = 0; action < NR_ACTIONS; action++) {
				r = race_begin(test);
				pass_window(test, r, i, window, action);
				race_end(test, r);
			}
		}
	}
}

/* So many steps, and until both outcomes were seen, however fast the machine is. */
static void run_race(struct kunit *test, struct race *r,
		     void (*step)(struct race *r, unsigned int i))
{
	struct task_struct *task = kthread_run(revoking_thread, r, "peerbuf_kunit");
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	r->done = 0;
	r->refused = 0;
	for (i = 0; i < STEPS || ((!r->done || !r->refused) && !r->error); i++)
		step(r, i);
	kthread_stop(task);
}

static void a_revoke_races_with_attach(struct kunit *test)
{
	struct race *r = race_begin(test);

	run_race(test, r, attach_and_detach);
	race_end(test, r);
}

static void a_revoke_races_with_map(struct kunit *test)
{
	struct race *r = race_begin(test);

	for (mapper_kind = 0; mapper_kind < 3; mapper_kind++) {
		mapper = (struct heard) { .count = &r->held };
		KUNIT_ASSERT_EQ(test, heard_attach(&mapper, &r->m, kind(mapper_kind)), 0);
		run_race(test, r, map_and_unmap);
		heard_detach(&mapper);
	}
	race_end(test, r);
}

static void a_revoke_races_with_detach(struct kunit *test)
{
	struct race *r = race_begin(test);

	run_race(test, r, detach_while_mapped);
	race_end(test, r);
}

static void a_revoke_races_with_close(struct kunit *test)
{
	struct race *r = race_begin(test);

	run_race(test, r, export_and_close);
	race_end(test, r);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_revoke_in_every_window),
	KUNIT_CASE(a_revoke_races_with_attach),
	KUNIT_CASE(a_revoke_races_with_map),
	KUNIT_CASE(a_revoke_races_with_detach),
	KUNIT_CASE(a_revoke_races_with_close),
	{}
};

struct kunit_suite race_suite = {
	.name = "peerbuf_race",
	.suite_init = devices_get,
	.suite_exit = devices_put,
	.test_cases = cases,
};
