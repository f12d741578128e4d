# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each allocation of each path fails once; tests/vm/81-fail-nth.sh runs it.

FAILNTH := $(BUILD)/tests/failnth

VM_PROGRAMS += $(FAILNTH)/failnth

$(FAILNTH)/list.h: tests/failnth/list include/uapi/linux/peerbuf.h $(wildcard kernel/*/*.c)
	@mkdir -p $(@D)
	tests/failnth/list . >$@

$(FAILNTH)/failnth: tests/failnth/failnth.c tests/failnth/paths.c tests/failnth/failnth.h \
		$(FAILNTH)/list.h tests/kmod/peerbuf_test.h $(LIB_STATIC)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-field-initializers -I$(FAILNTH) -Wl,--wrap=ioctl \
		-o $@ $(filter %.c,$^) $(LIB_STATIC)
