/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test includes: cmocka, whose TAP output prove reads. */
#ifndef PEERBUF_TESTS_UNIT_H
#define PEERBUF_TESTS_UNIT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN(tests) \
	(setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1), \
	 cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL))

#endif
