// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the suite that SUITE names in user space; TAP on standard output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../kunit/unit.h"

extern struct kunit_suite SUITE;

static jmp_buf end_of_case;

void kunit_failed(struct kunit *test, const char *file, int line, const char *format, ...)
{
	va_list args;

	test->failed = true;
	printf("# %s: %s:%d: ", test->name, file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void kunit_abort(struct kunit *test)
{
	longjmp(end_of_case, 1);
}

static bool run_case(const struct kunit_case *c, int number)
{
	struct kunit test = { .name = c->name };

	if (!setjmp(end_of_case))
		c->run_case(&test);
	printf("%s %d - %s\n", test.failed ? "not ok" : "ok", number, c->name);
	fflush(stdout);
	return !test.failed;
}

int main(void)
{
	const struct kunit_case *c;
	int n = 0, status = 0;

	for (c = SUITE.test_cases; c->name; c++)
		if (!run_case(c, ++n))
			status = 1;
	printf("1..%d\n", n);
	return status;
}
