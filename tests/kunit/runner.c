// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs the suites in kernels without KUnit, when the module is loaded. Results are where
 * KUnit has them, /sys/kernel/debug/kunit/SUITE/results, in the same format: KTAP.
 */
#define pr_fmt(fmt) "peerbuf_kunit: " fmt

#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "unit.h"

#define LOG_SIZE	SZ_16K

/**
 * struct run - one suite
 * @suite: the suite
 * @log: what its cases said; what does not fit is in the kernel's log
 * @used: bytes of @log
 * @cases: how many there are
 * @failed: how many failed
 */
struct run {
	struct kunit_suite *suite;
	char log[LOG_SIZE];
	size_t used;
	unsigned int cases;
	unsigned int failed;
};

/* A case in its own thread, so that it can be given up anywhere. */
struct attempt {
	struct kunit test;
	struct kunit_suite *suite;
	const struct kunit_case *c;
	struct completion done;
};

static struct run **runs;
static struct dentry *root;

__printf(2, 3)
static void say(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	run->used += vscnprintf(run->log + run->used, LOG_SIZE - run->used, format, args);
	va_end(args);
}

void kunit_failed(struct kunit *test, const char *file, int line, const char *format, ...)
{
	struct va_format vaf;
	va_list args;

	test->failed = true;
	va_start(args, format);
	vaf.fmt = format;
	vaf.va = &args;
	say(test->runner, "    # %s: %s:%d: %pV\n", test->name, kbasename(file), line, &vaf);
	pr_err("%s: %s:%d: %pV\n", test->name, kbasename(file), line, &vaf);
	va_end(args);
}

void kunit_abort(struct kunit *test)
{
	kthread_complete_and_exit(&container_of(test, struct attempt, test)->done, 0);
}

static int run_case_thread(void *data)
{
	struct attempt *a = data;

	a->c->run_case(&a->test);
	kthread_complete_and_exit(&a->done, 0);
}

static int run_exit_thread(void *data)
{
	struct attempt *a = data;

	a->suite->exit(&a->test);
	kthread_complete_and_exit(&a->done, 0);
}

static void in_thread(struct attempt *a, int (*function)(void *data))
{
	struct task_struct *task;

	init_completion(&a->done);
	task = kthread_run(function, a, "peerbuf_kunit");
	if (IS_ERR(task))
		kunit_failed(&a->test, __FILE__, __LINE__, "no thread: %ld", PTR_ERR(task));
	else
		wait_for_completion(&a->done);
}

static void run_case(struct run *run, const struct kunit_case *c)
{
	struct attempt a = {
		.test = { .name = c->name, .runner = run },
		.suite = run->suite,
		.c = c,
	};
	int ret = run->suite->init ? run->suite->init(&a.test) : 0;

	if (ret)
		kunit_failed(&a.test, __FILE__, __LINE__, "init: %d", ret);
	else
		in_thread(&a, run_case_thread);
	if (run->suite->exit)
		in_thread(&a, run_exit_thread);
	run->cases++;
	run->failed += a.test.failed;
	say(run, "    %s %u %s\n", a.test.failed ? "not ok" : "ok", run->cases, c->name);
}

static void run_suite(struct run *run)
{
	struct kunit_suite *suite = run->suite;
	const struct kunit_case *c;
	int ret = suite->suite_init ? suite->suite_init(suite) : 0;

	for (c = suite->test_cases; c->name && !ret; c++)
		run_case(run, c);
	if (!ret && suite->suite_exit)
		suite->suite_exit(suite);
	if (ret)
		run->failed++;
	pr_info("%s: %u cases, %u failed\n", suite->name, run->cases, run->failed);
}

static int results_show(struct seq_file *s, void *v)
{
	const struct run *run = s->private;
	const struct kunit_case *c;
	unsigned int n = 0;

	for (c = run->suite->test_cases; c->name; c++)
		n++;
	seq_printf(s, "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: %s\n    1..%u\n",
		   run->suite->name, n);
	seq_puts(s, run->log);
	seq_printf(s, "%s 1 %s\n", run->failed ? "not ok" : "ok", run->suite->name);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static void free_runs(void)
{
	size_t i;

	debugfs_remove_recursive(root);
	for (i = 0; runs[i]; i++)
		kvfree(runs[i]);
	kfree(runs);
}

static int __init runner_init(void)
{
	struct dentry *dir;
	size_t n = 0, i;

	while (kunit_suites[n])
		n++;
	runs = kcalloc(n + 1, sizeof(*runs), GFP_KERNEL);
	if (!runs)
		return -ENOMEM;
	root = debugfs_create_dir("kunit", NULL);
	for (i = 0; i < n; i++) {
		runs[i] = kvzalloc(sizeof(*runs[i]), GFP_KERNEL);
		if (!runs[i]) {
			free_runs();
			return -ENOMEM;
		}
		runs[i]->suite = kunit_suites[i];
		run_suite(runs[i]);
		dir = debugfs_create_dir(kunit_suites[i]->name, root);
		debugfs_create_file("results", 0444, dir, runs[i], &results_fops);
	}
	return 0;
}

static void __exit runner_exit(void)
{
	free_runs();
}

module_init(runner_init);
module_exit(runner_exit);
