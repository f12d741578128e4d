# SPDX-License-Identifier: GPL-2.0-or-later
#
# Random programs of calls; tests/vm/87-ioctls.sh runs it.

IOCTLS := $(BUILD)/tests/ioctls/ioctls

VM_PROGRAMS += $(IOCTLS)

$(IOCTLS): tests/ioctls/ioctls.c $(BUILD)/tests/guided/guided.o tests/kmod/peerbuf_test.h \
		include/uapi/linux/peerbuf.h $(LIB_STATIC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(filter %.o,$^) $(LIB_STATIC)
