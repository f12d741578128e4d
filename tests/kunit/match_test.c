// SPDX-License-Identifier: GPL-2.0-or-later
/* Negotiation: every rule of peerbuf_match_lists(). */
#include "suites.h"
#include "tried.h"

#include <linux/peerbuf/match.h>

static int verdict[8];
static int calls;

/* The entry's private pointer is an index into verdict[]. */
static int scripted(struct dma_buf *dmabuf,
		    const struct dma_buf_mapping_match *exp,
		    const struct dma_buf_mapping_match *imp)
{
	(void)dmabuf;
	(void)imp;
	calls++;
	return verdict[(uintptr_t)exp->private_data];
}

static void finish(struct dma_buf_match_args *args,
		   const struct dma_buf_mapping_match *exp,
		   const struct dma_buf_mapping_match *imp)
{
	*args->result = *exp;
	args->result->private_data = imp->private_data;
}

static const struct dma_buf_mapping_type plain_a = { .name = "a" };
static const struct dma_buf_mapping_type plain_b = { .name = "b" };
static const struct dma_buf_mapping_type asks = { .name = "asks", .match = scripted };
static const struct dma_buf_mapping_type finishes = {
	.name = "finishes", .finish_match = finish,
};

#define ENTRY(t, p) { .type = &(t), .private_data = (void *)(uintptr_t)(p) }

static struct dma_buf_mapping_match result;

static int match(const struct dma_buf_mapping_match *exp, size_t exp_len,
		 const struct dma_buf_mapping_match *imp, size_t imp_len)
{
	struct dma_buf_match_args args = {
		.imp_matches = imp, .imp_len = imp_len, .result = &result,
	};

	calls = 0;
	nr_tried = 0;
	memset(&result, 0, sizeof(result));
	return peerbuf_match_lists(&args, exp, exp_len);
}

static void empty_exporter_list_is_einval(struct kunit *test)
{
	struct dma_buf_mapping_match imp[] = { ENTRY(plain_a, 0) };

	KUNIT_ASSERT_EQ(test, match(NULL, 0, imp, 1), -EINVAL);
}

static void empty_importer_list_is_einval(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(plain_a, 0) };

	KUNIT_ASSERT_EQ(test, match(exp, 1, NULL, 0), -EINVAL);
}

static void different_types_are_einval_and_same_types_are_not(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(plain_a, 0) };
	struct dma_buf_mapping_match imp[] = { ENTRY(plain_b, 0), ENTRY(plain_a, 0) };

	KUNIT_ASSERT_EQ(test, match(exp, 1, imp, 1), -EINVAL);
	KUNIT_ASSERT_NULL(test, result.type);
	KUNIT_ASSERT_EQ(test, match(exp, 1, imp, 2), 0);
}

static void without_a_match_callback_the_same_type_matches(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(plain_a, 3) };
	struct dma_buf_mapping_match imp[] = { ENTRY(plain_a, 4) };

	KUNIT_ASSERT_EQ(test, match(exp, 1, imp, 1), 0);
	KUNIT_ASSERT_PTR_EQ(test, result.type, &plain_a);
	KUNIT_ASSERT_EQ(test, (uintptr_t)result.private_data, 3);
}

static void eopnotsupp_goes_on_searching(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(asks, 1), ENTRY(plain_b, 0) };
	struct dma_buf_mapping_match imp[] = { ENTRY(asks, 0), ENTRY(plain_b, 0) };

	verdict[1] = -EOPNOTSUPP;
	KUNIT_ASSERT_EQ(test, match(exp, 2, imp, 2), 0);
	KUNIT_ASSERT_PTR_EQ(test, result.type, &plain_b);
	KUNIT_ASSERT_EQ(test, calls, 1);
}

static void all_refused_is_einval(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(asks, 1) };
	struct dma_buf_mapping_match imp[] = { ENTRY(asks, 0), ENTRY(asks, 0) };

	verdict[1] = -EOPNOTSUPP;
	KUNIT_ASSERT_EQ(test, match(exp, 1, imp, 2), -EINVAL);
	KUNIT_ASSERT_EQ(test, calls, 2);
}

static void any_other_errno_stops(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(asks, 1), ENTRY(plain_b, 0) };
	struct dma_buf_mapping_match imp[] = { ENTRY(asks, 0), ENTRY(plain_b, 0) };

	verdict[1] = -ENOMEM;
	KUNIT_ASSERT_EQ(test, match(exp, 2, imp, 2), -ENOMEM);
	KUNIT_ASSERT_NULL(test, result.type);
	KUNIT_ASSERT_EQ(test, calls, 1);
}

static void the_exporters_order_decides(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(plain_b, 1), ENTRY(plain_a, 2) };
	struct dma_buf_mapping_match imp[] = { ENTRY(plain_a, 0), ENTRY(plain_b, 0) };

	KUNIT_ASSERT_EQ(test, match(exp, 2, imp, 2), 0);
	KUNIT_ASSERT_PTR_EQ(test, result.type, &plain_b);
}

static void within_one_exporter_entry_the_importers_order_decides(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(finishes, 0) };
	struct dma_buf_mapping_match imp[] = { ENTRY(finishes, 5), ENTRY(finishes, 6) };

	KUNIT_ASSERT_EQ(test, match(exp, 1, imp, 2), 0);
	KUNIT_ASSERT_EQ(test, (uintptr_t)result.private_data, 5);
}

static void the_first_exporter_entry_that_agrees_wins(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(asks, 1), ENTRY(asks, 2),
					       ENTRY(asks, 3) };
	struct dma_buf_mapping_match imp[] = { ENTRY(asks, 0) };

	verdict[1] = -EOPNOTSUPP;
	verdict[2] = 0;
	verdict[3] = 0;
	KUNIT_ASSERT_EQ(test, match(exp, 3, imp, 1), 0);
	KUNIT_ASSERT_EQ(test, (uintptr_t)result.private_data, 2);
	KUNIT_ASSERT_EQ(test, calls, 2);
}

static void told(struct kunit *test, size_t i,
		 const struct dma_buf_mapping_match *exp,
		 const struct dma_buf_mapping_match *imp, int err)
{
	KUNIT_ASSERT_TRUE(test, i < nr_tried);
	KUNIT_ASSERT_PTR_EQ(test, tried[i].exp, exp);
	KUNIT_ASSERT_PTR_EQ(test, tried[i].imp, imp);
	KUNIT_ASSERT_EQ(test, tried[i].verdict, err);
}

/* Each pair once, in the order in which they are compared, until one decides. */
static void every_candidate_and_its_verdict_is_told(struct kunit *test)
{
	struct dma_buf_mapping_match exp[] = { ENTRY(asks, 1), ENTRY(plain_b, 0),
					       ENTRY(plain_a, 0) };
	struct dma_buf_mapping_match imp[] = { ENTRY(plain_a, 0), ENTRY(asks, 0),
					       ENTRY(plain_b, 0) };

	verdict[1] = -EOPNOTSUPP;
	KUNIT_ASSERT_EQ(test, match(exp, 3, imp, 3), 0);
	KUNIT_ASSERT_EQ(test, nr_tried, 6);
	told(test, 0, &exp[0], &imp[0], -EOPNOTSUPP);
	told(test, 1, &exp[0], &imp[1], -EOPNOTSUPP);
	told(test, 2, &exp[0], &imp[2], -EOPNOTSUPP);
	told(test, 3, &exp[1], &imp[0], -EOPNOTSUPP);
	told(test, 4, &exp[1], &imp[1], -EOPNOTSUPP);
	told(test, 5, &exp[1], &imp[2], 0);

	verdict[1] = -EPERM;
	KUNIT_ASSERT_EQ(test, match(exp, 3, imp, 3), -EPERM);
	KUNIT_ASSERT_EQ(test, nr_tried, 2);
	told(test, 1, &exp[0], &imp[1], -EPERM);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(empty_exporter_list_is_einval),
	KUNIT_CASE(empty_importer_list_is_einval),
	KUNIT_CASE(different_types_are_einval_and_same_types_are_not),
	KUNIT_CASE(without_a_match_callback_the_same_type_matches),
	KUNIT_CASE(eopnotsupp_goes_on_searching),
	KUNIT_CASE(all_refused_is_einval),
	KUNIT_CASE(any_other_errno_stops),
	KUNIT_CASE(the_exporters_order_decides),
	KUNIT_CASE(within_one_exporter_entry_the_importers_order_decides),
	KUNIT_CASE(the_first_exporter_entry_that_agrees_wins),
	KUNIT_CASE(every_candidate_and_its_verdict_is_told),
	{}
};

struct kunit_suite match_suite = {
	.name = "peerbuf_match",
	.test_cases = cases,
};
