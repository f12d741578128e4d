# SPDX-License-Identifier: GPL-2.0-or-later
# Host tests of the library, the example programs and the command.
#
# Tests of pure logic compile what they test once more, with sanitizers.

LIB_TEST_DIR := $(BUILD)/tests/host
LIB_TESTS := $(addprefix $(LIB_TEST_DIR)/,lib_caps lib_iova lib_topology lib_fdpass lib_prp lib_program)
LIB_TEST_SCRIPTS := $(addprefix $(LIB_TEST_DIR)/,lib_abi tool_cli tool_top)
LIB_TEST_CFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -Ilib -Iexamples/ssd-to-device -Itests/host \
	-DPEERBUF_VERSION='"$(LIB_VERSION)"'

# The library on a kernel that is made up; and once more, to see how threads use it.
LIB_FAKE_TESTS := $(addprefix $(LIB_TEST_DIR)/,lib_kernels lib_threads)
LIB_FAKE_LDFLAGS := -Wl,--wrap=open,--wrap=access,--wrap=readlink,--wrap=ioctl

HOST_TESTS += $(LIB_FAKE_TESTS)

$(LIB_TEST_DIR)/lib_kernels: LIB_FAKE_CFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
$(LIB_TEST_DIR)/lib_threads: LIB_FAKE_CFLAGS := -fsanitize=thread
$(LIB_FAKE_TESTS): $(LIB_TEST_DIR)/%: tests/host/%.c tests/host/lib_fake.h tests/host/lib_tap.h \
		$(LIB_SOURCES) $(wildcard lib/*.h)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LIB_FAKE_CFLAGS) -fno-builtin -Itests/host \
		-DPEERBUF_VERSION='"$(LIB_VERSION)"' $(LIB_FAKE_LDFLAGS) $(LDFLAGS) -o $@ \
		$(filter %.c,$^) -lpthread

HOST_TESTS += $(LIB_TESTS) $(LIB_TEST_SCRIPTS)

$(LIB_TEST_DIR)/lib_caps: lib/caps.c
$(LIB_TEST_DIR)/lib_iova: lib/iova.c
$(LIB_TEST_DIR)/lib_topology: lib/topology.c
$(LIB_TEST_DIR)/lib_fdpass: lib/fdpass.c lib/event.c lib/version.c
$(LIB_TEST_DIR)/lib_prp: examples/ssd-to-device/nvme_prp.c
$(LIB_TEST_DIR)/lib_program: $(addprefix examples/ssd-to-device/,program.c crc32.c nvme_status.c)

$(LIB_TESTS): $(LIB_TEST_DIR)/%: tests/host/%.c $(wildcard lib/*.h tests/host/lib_*.h) \
		$(wildcard examples/ssd-to-device/*.h)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LIB_TEST_CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^)

# They find the build directory from where they are, and need what they test.
$(LIB_TEST_DIR)/lib_abi $(LIB_TEST_DIR)/tool_cli: $(LIB_TEST_DIR)/%: tests/host/%.sh
	@mkdir -p $(@D)
	install -m 755 $< $@

$(LIB_TEST_DIR)/tool_top: tests/host/tool_top.py
	@mkdir -p $(@D)
	install -m 755 $< $@

$(LIB_TEST_DIR)/lib_abi: | $(LIB_SHARED) $(LIB_LINK) $(LIB_PC) $(LIB_MAN)
$(LIB_TEST_DIR)/tool_cli $(LIB_TEST_DIR)/tool_top: | $(BUILD)/bin/peerbuf
