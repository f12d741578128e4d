# SPDX-License-Identifier: GPL-2.0-or-later
# The command, with the library in it.

# The rules about routes are those of the kernel modules, from the same files.
TOOL_SOURCES := $(sort $(wildcard tools/peerbuf/*.c)) \
	kernel/p2p/override.c \
	kernel/p2p/route.c
TOOL_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(TOOL_SOURCES))

# Asked for only when something of the command is built.
TOOL_CFLAGS = $(shell pkg-config --cflags json-c libpci libtracefs ncursesw)
TOOL_LIBS = $(shell pkg-config --libs json-c libpci libtracefs ncursesw)

USER_TARGETS += $(BUILD)/bin/peerbuf

$(TOOL_OBJECTS): $(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Iinclude $(CFLAGS) $(TOOL_CFLAGS) -MMD -MP -c -o $@ $<

# It drives an SSD as the example does.
TOOL_NVME := $(addprefix $(BUILD)/examples/ssd-to-device/,nvme.o nvme_io.o nvme_prp.o nvme_status.o)

# Carries the library in it, so that it runs anywhere; packages want the shared one.
TOOL_LIBRARY ?= $(LIB_STATIC)

$(BUILD)/bin/peerbuf: $(TOOL_OBJECTS) $(TOOL_NVME) $(TOOL_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS)

-include $(TOOL_OBJECTS:.o=.d)
