# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs that try the user ABI from inside a virtual machine; tests/vm/1*.sh run them.

# One a line, so that additions are additions.
ABI_TESTS := \
	bars \
	banked \
	export \
	container \
	buffer \
	sgt \
	foreign \
	leave \
	type1 \
	differential \
	groups \
	vmm \
	memory \
	many \
	ram \
	observe \
	iov \
	fuzz \
	interop \
	race \
	platform \
	stock \
	iommufd \
	sriov
ABI_PROGRAMS := $(ABI_TESTS:%=$(BUILD)/tests/abi/%)

VM_PROGRAMS += $(ABI_PROGRAMS)

$(ABI_PROGRAMS): $(BUILD)/tests/abi/%: tests/abi/%.c tests/abi/abi.c tests/abi/abi.h \
		tests/host/unit.h include/uapi/linux/peerbuf.h tests/kmod/peerbuf_test.h $(LIB_STATIC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -Wno-unused-parameter -Itests/host -o $@ $< \
		tests/abi/abi.c $(filter %.o,$^) $(LIB_STATIC) -lcmocka

# DMA, with the example's driver.
DMA_TESTS := \
	bars \
	banked \
	foreign \
	groups \
	vmm \
	memory \
	many \
	interop \
	stock \
	iommufd \
	ram
$(DMA_TESTS:%=$(BUILD)/tests/abi/%): $(BUILD)/tests/abi/dma.o $(NVME_OBJECTS)

$(BUILD)/tests/abi/dma.o: tests/abi/dma.c tests/abi/dma.h tests/abi/abi.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-unused-parameter -Itests/host -c -o $@ $<

# Tests that read traces.
TRACE_TESTS := \
	iov \
	iommufd \
	observe
$(TRACE_TESTS:%=$(BUILD)/tests/abi/%): $(BUILD)/tests/abi/trace.o

$(BUILD)/tests/abi/trace.o: tests/abi/trace.c tests/abi/trace.h tests/abi/abi.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-unused-parameter -Itests/host -c -o $@ $<

$(BUILD)/tests/abi/fuzz: $(BUILD)/tests/guided/guided.o

# The driver that DMA is made with, on a device that is opened without a container.
$(BUILD)/tests/abi/iommufd: $(BUILD)/tests/abi/cdev.o $(BUILD)/tests/abi/iommufd_abi.o
$(BUILD)/tests/abi/iommufd: LDFLAGS += -Wl,--wrap=peerbuf_device_open \
	-Wl,--wrap=peerbuf_container_pick_iova -Wl,--wrap=peerbuf_container_map_ram \
	-Wl,--wrap=peerbuf_container_unmap

$(BUILD)/tests/abi/cdev.o: tests/abi/cdev.c tests/abi/iommufd.h tests/abi/iommufd_abi.h tests/abi/dma.h tests/abi/abi.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-unused-parameter -Itests/host -c -o $@ $<

# What the bench uses as well.
$(BUILD)/tests/abi/iommufd_abi.o: tests/abi/iommufd_abi.c tests/abi/iommufd_abi.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Processes that tests tell what to do, line by line, in the example's protocol: the owner
# of a device that loses it in every way, and an importer that maps a buffer many times.
ACTORS := $(addprefix $(BUILD)/tests/abi/,owner importer)
ACTOR_OBJECTS := $(addprefix $(BUILD)/$(EXAMPLE_DIR)/,program.o crc32.o)

VM_PROGRAMS += $(ACTORS)

$(ACTORS): $(BUILD)/tests/abi/%: tests/abi/%.c $(ACTOR_OBJECTS) $(EXAMPLE_DIR)/program.h \
		include/uapi/linux/peerbuf.h tests/kmod/peerbuf_test.h $(LIB_STATIC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -I$(EXAMPLE_DIR) -o $@ $< $(ACTOR_OBJECTS) $(LIB_STATIC) -lpthread

# The tool's driver of a device that copies.
$(BUILD)/tests/abi/sriov: $(BUILD)/tools/peerbuf/test_engine.o $(NVME_OBJECTS)

# A buffer of the kernel's own, for what is told of any.
VM_PROGRAMS += $(BUILD)/tests/abi/heap

$(BUILD)/tests/abi/heap: tests/abi/heap.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $<

# What the library says of routes.
VM_PROGRAMS += $(BUILD)/tests/abi/route

$(BUILD)/tests/abi/route: tests/abi/route.c lib/peerbuf.h $(LIB_STATIC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(LIB_STATIC)

# A stand-in for an RDMA device that takes dma-bufs.
VM_PROGRAMS += $(BUILD)/tests/abi/verbs.so

$(BUILD)/tests/abi/verbs.so: tests/abi/verbs.c tests/kmod/peerbuf_test.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -o $@ $<
