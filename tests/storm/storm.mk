# SPDX-License-Identifier: GPL-2.0-or-later
#
# One thing, very often; tests/vm/85-storm.sh runs it.

STORM := $(BUILD)/tests/storm/storm

VM_PROGRAMS += $(STORM)

$(STORM): tests/storm/storm.c examples/ssd-to-device/nvme.h $(NVME_OBJECTS) $(LIB_STATIC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Iexamples/ssd-to-device -o $@ $< $(NVME_OBJECTS) $(LIB_STATIC)
