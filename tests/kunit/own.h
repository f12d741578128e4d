/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of KUnit that the suites use, for kernels that were built without it
 * (runner.c) and for user space (tests/host/kunit.c). Names and meaning are KUnit's.
 */
#ifndef PEERBUF_TESTS_KUNIT_OWN_H
#define PEERBUF_TESTS_KUNIT_OWN_H

#ifdef __KERNEL__
#include <linux/err.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <stdbool.h>
#include <string.h>
#endif

struct kunit {
	void *priv;
	const char *name;
	bool failed;
	void *runner;
};

struct kunit_case {
	const char *name;
	void (*run_case)(struct kunit *test);
};

/* suite_init and suite_exit around all cases, init and exit around each of them. */
struct kunit_suite {
	const char *name;
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(function)	{ .name = #function, .run_case = (function) }

#ifdef __KERNEL__
__printf(4, 5)
#endif
void kunit_failed(struct kunit *test, const char *file, int line, const char *format, ...);
#ifdef __KERNEL__
__noreturn
#endif
void kunit_abort(struct kunit *test);

#define KUNIT_JUDGE(test, good, end, ...) do {					\
	if (!(good)) {								\
		kunit_failed(test, __FILE__, __LINE__, __VA_ARGS__);		\
		if (end)							\
			kunit_abort(test);					\
	}									\
} while (0)

#define KUNIT_COMPARE(test, left, op, right, end) do {				\
	__auto_type left_ = (left);						\
	__auto_type right_ = (right);						\
										\
	KUNIT_JUDGE(test, left_ op right_, end,					\
		    "expected %s %s %s, but they are %lld (%#llx) and %lld (%#llx)", \
		    #left, #op, #right, (long long)left_, (long long)left_,	\
		    (long long)right_, (long long)right_);			\
} while (0)

#define KUNIT_COMPARE_PTR(test, left, op, right, end) do {			\
	const void *left_ = (left);						\
	const void *right_ = (right);						\
										\
	KUNIT_JUDGE(test, left_ op right_, end, "expected %s %s %s", #left, #op, #right); \
} while (0)

#define KUNIT_COMPARE_STR(test, left, right, end) do {				\
	const char *left_ = (left);						\
	const char *right_ = (right);						\
										\
	KUNIT_JUDGE(test, !strcmp(left_, right_), end,				\
		    "expected %s to be \"%s\", but it is \"%s\"",			\
		    #left, right_, left_);					\
} while (0)

#define KUNIT_FAIL(test, ...)			KUNIT_JUDGE(test, 0, 0, __VA_ARGS__)

#define KUNIT_EXPECT_TRUE(test, c)		KUNIT_JUDGE(test, c, 0, "expected %s", #c)
#define KUNIT_EXPECT_FALSE(test, c)		KUNIT_JUDGE(test, !(c), 0, "expected not %s", #c)
#define KUNIT_EXPECT_EQ(test, l, r)		KUNIT_COMPARE(test, l, ==, r, 0)
#define KUNIT_EXPECT_NE(test, l, r)		KUNIT_COMPARE(test, l, !=, r, 0)
#define KUNIT_EXPECT_LE(test, l, r)		KUNIT_COMPARE(test, l, <=, r, 0)
#define KUNIT_EXPECT_GE(test, l, r)		KUNIT_COMPARE(test, l, >=, r, 0)
#define KUNIT_EXPECT_GT(test, l, r)		KUNIT_COMPARE(test, l, >, r, 0)
#define KUNIT_EXPECT_PTR_EQ(test, l, r)		KUNIT_COMPARE_PTR(test, l, ==, r, 0)
#define KUNIT_EXPECT_PTR_NE(test, l, r)		KUNIT_COMPARE_PTR(test, l, !=, r, 0)
#define KUNIT_EXPECT_STREQ(test, l, r)		KUNIT_COMPARE_STR(test, l, r, 0)
#define KUNIT_EXPECT_NULL(test, p)		KUNIT_COMPARE_PTR(test, p, ==, NULL, 0)
#define KUNIT_EXPECT_NOT_NULL(test, p)		KUNIT_COMPARE_PTR(test, p, !=, NULL, 0)

#define KUNIT_ASSERT_TRUE(test, c)		KUNIT_JUDGE(test, c, 1, "expected %s", #c)
#define KUNIT_ASSERT_FALSE(test, c)		KUNIT_JUDGE(test, !(c), 1, "expected not %s", #c)
#define KUNIT_ASSERT_EQ(test, l, r)		KUNIT_COMPARE(test, l, ==, r, 1)
#define KUNIT_ASSERT_NE(test, l, r)		KUNIT_COMPARE(test, l, !=, r, 1)
#define KUNIT_ASSERT_LE(test, l, r)		KUNIT_COMPARE(test, l, <=, r, 1)
#define KUNIT_ASSERT_GE(test, l, r)		KUNIT_COMPARE(test, l, >=, r, 1)
#define KUNIT_ASSERT_GT(test, l, r)		KUNIT_COMPARE(test, l, >, r, 1)
#define KUNIT_ASSERT_PTR_EQ(test, l, r)		KUNIT_COMPARE_PTR(test, l, ==, r, 1)
#define KUNIT_ASSERT_STREQ(test, l, r)		KUNIT_COMPARE_STR(test, l, r, 1)
#define KUNIT_ASSERT_NULL(test, p)		KUNIT_COMPARE_PTR(test, p, ==, NULL, 1)
#define KUNIT_ASSERT_NOT_NULL(test, p)		KUNIT_COMPARE_PTR(test, p, !=, NULL, 1)
#ifdef __KERNEL__
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p) do {				\
	const void *p_ = (p);							\
										\
	KUNIT_JUDGE(test, !IS_ERR_OR_NULL(p_), 1, "expected a pointer %s, but it is %ld", \
		    #p, PTR_ERR(p_));						\
} while (0)
#endif

/* A module's suites; the last word of its main file. */
extern struct kunit_suite *const kunit_suites[];
#define kunit_test_suites(...)							\
	struct kunit_suite *const kunit_suites[] = { __VA_ARGS__, NULL }

#endif
