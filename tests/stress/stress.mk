# SPDX-License-Identifier: GPL-2.0-or-later
#
# The random machine; tests/vm/40-stress.sh runs it.

STRESS_OBJECTS := $(addprefix $(BUILD)/tests/stress/,stress.o exporter.o importer.o viewer.o)

VM_PROGRAMS += $(BUILD)/tests/stress/stress

$(STRESS_OBJECTS): $(BUILD)/%.o: %.c tests/stress/stress.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Iexamples/ssd-to-device -MMD -MP -c -o $@ $<

$(BUILD)/tests/stress/stress: $(STRESS_OBJECTS) $(NVME_OBJECTS) $(LIB_STATIC)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

-include $(STRESS_OBJECTS:.o=.d)

# For hours: SECONDS=7200, and SEED=... to replay one.
STRESS_SECONDS = $(or $(SECONDS),3600)

.PHONY: stress
stress: modules user
	vm/run --kernel $(KERNEL) --timeout $$(($(STRESS_SECONDS) * 5 + 300)) \
		--env PEERBUF_STRESS_SECONDS=$(STRESS_SECONDS) \
		--env PEERBUF_STRESS_SEED=$(SEED) tests/vm/40-stress.sh
