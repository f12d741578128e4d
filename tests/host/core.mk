# SPDX-License-Identifier: GPL-2.0-or-later
#
# The suites of the modules' pure logic, tests/kunit, compiled in user space with sanitizers.

CORE_PURE := \
	kernel/core/match.c \
	kernel/core/offer.c \
	kernel/core/range.c \
	kernel/core/state.c \
	kernel/p2p/override.c \
	kernel/p2p/route.c \
	kernel/vfio/iova.c
CORE_TESTS := \
	match \
	offer \
	range \
	state \
	route \
	iova

CORE_TEST_CFLAGS := $(CFLAGS) -Wno-sign-compare -Wno-unused-parameter \
	-Wno-missing-field-initializers \
	-fsanitize=address,undefined -fno-sanitize-recover=all -Iinclude

HOST_TESTS += $(CORE_TESTS:%=build/tests/host/core_%)

build/tests/host/core_%: tests/kunit/%_test.c tests/kunit/tried.c tests/host/kunit.c $(CORE_PURE) \
		tests/kunit/unit.h tests/kunit/tried.h tests/kunit/suites.h tests/kunit/own.h \
		$(wildcard include/linux/peerbuf/*.h kernel/core/pure.h)
	@mkdir -p $(@D)
	$(CC) $(CORE_TEST_CFLAGS) -DSUITE=$*_suite -o $@ $< tests/kunit/tried.c \
		tests/host/kunit.c $(CORE_PURE)
