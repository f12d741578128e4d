# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs that drive the example's copy engine; tests/vm/6*.sh run them.

EDU_TESTS := copy fences kill revoke remove
EDU_TEST_PROGRAMS := $(EDU_TESTS:%=$(BUILD)/tests/edu/%)

VM_PROGRAMS += $(EDU_TEST_PROGRAMS)

$(EDU_TEST_PROGRAMS): $(BUILD)/tests/edu/%: tests/edu/%.c tests/edu/engine.c tests/edu/engine.h \
		tests/abi/abi.c tests/abi/abi.h tests/host/unit.h tests/kmod/fence.h \
		$(EDU_OBJECTS) $(LIB_STATIC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-unused-parameter -Itests/host -o $@ $< \
		tests/edu/engine.c tests/abi/abi.c $(EDU_OBJECTS) $(LIB_STATIC) -lcmocka
