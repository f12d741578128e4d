# SPDX-License-Identifier: GPL-2.0-or-later
# The example programs carry the library in them, so that they run anywhere.

EXAMPLE_DIR := examples/ssd-to-device
NVME_OBJECTS := $(addprefix $(BUILD)/$(EXAMPLE_DIR)/,nvme.o nvme_io.o nvme_prp.o nvme_status.o)
EXPORTER_OBJECTS := $(addprefix $(BUILD)/$(EXAMPLE_DIR)/,exporter.o program.o crc32.o)
IMPORTER_OBJECTS := $(addprefix $(BUILD)/$(EXAMPLE_DIR)/,importer.o program.o) $(NVME_OBJECTS)
EXAMPLE_OBJECTS := $(sort $(EXPORTER_OBJECTS) $(IMPORTER_OBJECTS))

USER_TARGETS += $(BUILD)/bin/ssd-exporter $(BUILD)/bin/ssd-importer

$(EXAMPLE_OBJECTS): $(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bin/ssd-exporter: $(EXPORTER_OBJECTS) $(LIB_STATIC)
$(BUILD)/bin/ssd-importer: $(IMPORTER_OBJECTS) $(LIB_STATIC)
$(BUILD)/bin/ssd-exporter $(BUILD)/bin/ssd-importer:
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

-include $(EXAMPLE_OBJECTS:.o=.d)

# ---- the copy engine; its kernel module is built with peerbuf's -------------------------

EDU_DIR := examples/edu-copy
EDU_OBJECTS := $(BUILD)/$(EDU_DIR)/edu.o
EDU_PROGRAM_OBJECTS := $(BUILD)/$(EDU_DIR)/edu-copy.o $(EDU_OBJECTS)

USER_TARGETS += $(BUILD)/bin/edu-copy

$(EDU_PROGRAM_OBJECTS): $(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bin/edu-copy: $(EDU_PROGRAM_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

-include $(EDU_PROGRAM_OBJECTS:.o=.d)

# ---- one file each, on the library -----------------------------------------------------

SMALL_EXAMPLES := \
	edu-user/edu-user \
	rdma/rdma-register \
	revoke-watch/revoke-watch \
	share/share
SMALL_PROGRAMS := $(addprefix $(BUILD)/examples/,$(SMALL_EXAMPLES))

USER_TARGETS += $(SMALL_PROGRAMS)

$(BUILD)/examples/rdma/rdma-register: EXAMPLE_LIBS = -libverbs
$(SMALL_PROGRAMS): $(BUILD)/examples/%: examples/%.c lib/peerbuf.h $(LIB_STATIC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIB_STATIC) $(EXAMPLE_LIBS)
