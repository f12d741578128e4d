# SPDX-License-Identifier: GPL-2.0-or-later
#
# What measures; bench/run runs it.

BENCH_OBJECTS := $(addprefix $(BUILD)/bench/, \
	measure.o \
	ram.o \
	bar.o \
	revoke.o \
	iommufd.o \
	driver.o \
	job.o)

VM_PROGRAMS += $(BUILD)/bench/measure

$(BENCH_OBJECTS): $(BUILD)/%.o: %.c bench/measure.h tests/kmod/peerbuf_bench.h \
		tests/kmod/peerbuf_test.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Iexamples/ssd-to-device -Itests/kmod -Itests/abi -MMD -MP -c -o $@ $<

$(BUILD)/bench/measure: $(BENCH_OBJECTS) $(BUILD)/tests/abi/iommufd_abi.o $(NVME_OBJECTS) $(LIB_STATIC)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread

-include $(BENCH_OBJECTS:.o=.d)
