# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unit tests of the modules' pure logic, compiled in user space with sanitizers.

CORE_PURE := kernel/core/match.c kernel/core/range.c kernel/core/state.c \
	kernel/p2p/override.c kernel/p2p/route.c kernel/vfio/iova.c
CORE_TESTS := match range state route iova

CORE_TEST_CFLAGS := $(CFLAGS) -Wno-sign-compare -Wno-unused-parameter \
	-Wno-missing-field-initializers \
	-fsanitize=address,undefined -fno-sanitize-recover=all -Iinclude

HOST_TESTS += $(CORE_TESTS:%=build/tests/host/core_%)

build/tests/host/core_%: tests/host/core_%.c tests/host/core_tried.c $(CORE_PURE) \
		tests/host/core_tried.h $(wildcard include/linux/peerbuf/*.h kernel/core/pure.h)
	@mkdir -p $(@D)
	$(CC) $(CORE_TEST_CFLAGS) -o $@ $< tests/host/core_tried.c $(CORE_PURE) -lcmocka
