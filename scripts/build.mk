# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rules behind the Makefile's targets; read when all packages are installed.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:

# V=1 shows the commands.
$(if $(V),,$(eval .SILENT:))

BUILD := build
KERNEL := $(or $(PEERBUF_KERNEL),stock)
# One that is given but empty, as a caller's variable may be, is none.
override KDIR := $(or $(KDIR),$(or $(shell scripts/kernel path $(KERNEL)),$(error no kernel to build for))/build)
JOBS ?= 1

CPPFLAGS := -D_GNU_SOURCE -Iinclude/uapi -Ilib $(EXTRA_CPPFLAGS)
CFLAGS := -std=gnu11 -Wall -Wextra -Werror -O2 -g $(EXTRA_CFLAGS)
LDFLAGS := $(EXTRA_LDFLAGS)

.PHONY: all modules user check-host check-static check-vm check-slow check-debug check-kcsan storm
all: modules user

# For scripts that need a list that is kept here.
print-%:
	@echo $($*)

# ---- kernel modules -------------------------------------------------------------------
#
# kbuild writes beside the sources, so it gets a copy made of links: the tree stays clean,
# and modules for several kernels can exist side by side. It does not see that versions of
# other modules' symbols have changed, so the file that it would have to make anew is removed.

MODULES := $(BUILD)/modules/$(KERNEL)
MIRROR := $(BUILD)/kernel-$(KERNEL)
MODULE_EXAMPLES := \
	edu-copy \
	banked-vfio
MODULE_SOURCES := $(shell find kernel include tests/kmod tests/kunit $(MODULE_EXAMPLES:%=examples/%) -type f)

# A kernel of ours without type information must not be compared with the running one.
BTF_OF_KERNEL = $(if $(wildcard $(KDIR:/build=/release)),BTF=$(abspath $(KDIR:/build=/btf)))

modules: $(MODULES)/.built

# With PEERBUF_COVERAGE=y they count which of their lines run, where the kernel knows how to.
export PEERBUF_COVERAGE
COUNTS := $(MIRROR)/.counts
$(shell mkdir -p $(MIRROR) && \
	{ [ "$$(cat $(COUNTS) 2>/dev/null)" = "counts:$(PEERBUF_COVERAGE)" ] || echo "counts:$(PEERBUF_COVERAGE)" >$(COUNTS); })

$(MODULES)/.built: $(MODULE_SOURCES) $(KDIR)/Module.symvers $(COUNTS)
	@mkdir -p $(MIRROR)/kernel $(MIRROR)/kmod $(MIRROR)/examples $(MODULES)
	@find $(MIRROR) -xtype l -delete
	@cp -rsf $(CURDIR)/kernel/. $(MIRROR)/kernel/
	@cp -rsf $(CURDIR)/tests/kmod/. $(MIRROR)/kmod/
	@cp -rsf $(CURDIR)/tests/kunit $(MIRROR)/kmod/
	@cp -rsf $(MODULE_EXAMPLES:%=$(CURDIR)/examples/%) $(MIRROR)/examples/
	@ln -sfn $(CURDIR)/include $(MIRROR)/include
	$(MAKE) -C $(MIRROR)/kernel KDIR=$(abspath $(KDIR)) $(BTF_OF_KERNEL)
	@rm -f $(MIRROR)/kmod/Module.symvers
	$(MAKE) -C $(abspath $(KDIR)) M=$(CURDIR)/$(MIRROR)/kmod modules \
		KBUILD_EXTRA_SYMBOLS=$(CURDIR)/$(MIRROR)/kernel/Module.symvers
	for example in $(MODULE_EXAMPLES); do \
		$(MAKE) -C $(MIRROR)/examples/$$example/module KDIR=$(abspath $(KDIR)) || exit 1; \
	done
	@rm -f $(MODULES)/*.ko
	@cp $(MIRROR)/kernel/*.ko $(MIRROR)/kmod/*.ko $(MODULES)/
	@find $(MIRROR)/examples -name '*.ko' -exec cp {} $(MODULES)/ \;
	@touch $@

# ---- user space -----------------------------------------------------------------------
#
# Each part adds what it builds to USER_TARGETS, and its test programs to HOST_TESTS
# (run here) or VM_PROGRAMS (put into virtual machines by the tests that name them).

USER_TARGETS :=
HOST_TESTS :=
VM_PROGRAMS :=

-include lib/build.mk tools/build.mk examples/build.mk
-include $(sort $(wildcard tests/*/*.mk)) bench/bench.mk

user: $(USER_TARGETS) $(VM_PROGRAMS)

# ---- tests ----------------------------------------------------------------------------

HOST_SCRIPTS := $(sort $(wildcard tests/host/*.t tests/cli/*.t tests/harness/*.t tests/demo/*.t tests/model/*.t \
	tests/fuzz/*.t))
VM_TESTS := $(if $(T),$(wildcard tests/vm/$(T).sh),$(sort $(wildcard tests/vm/*.sh)))

check-host: $(HOST_TESTS)
	@mkdir -p $(BUILD)
	@CMOCKA_MESSAGE_OUTPUT=TAP prove --exec '' -j $(JOBS) $(HOST_TESTS) $(HOST_SCRIPTS) \
		2>&1 | tee $(BUILD)/check-host.log

check-static:
	@mkdir -p $(BUILD)
	@prove --exec '' -j $(JOBS) tests/static/*.t 2>&1 | tee $(BUILD)/check-static.log

check-vm:
	$(if $(VM_TESTS),,$(error there is no test tests/vm/$(T).sh))
ifdef T
	@PEERBUF_SLOW=1 vm/run --keep $(VM_TESTS)
else
	@mkdir -p $(BUILD)
	@prove --exec vm/run -j $(JOBS) $(VM_TESTS) 2>&1 | tee $(BUILD)/check-vm.log
endif

# What takes too long to be done each time.
check-slow:
	@mkdir -p $(BUILD)
	@PEERBUF_SLOW=1 prove --exec 'vm/run --keep' $(shell grep -l '^# vm-slow:' tests/vm/*.sh) \
		2>&1 | tee $(BUILD)/check-slow.log

# Each kind by itself: an hour, if there is no other way, is enough for any.
STORMS := \
	RESETS=10000 \
	ATTACHMENTS=10000 \
	MAPS=100000 \
	KILLS=1000 \
	PRESSURE=300
STORM_KINDS := RESETS ATTACHMENTS MAPS KILLS PRESSURE

storm:
	@mkdir -p $(BUILD)
	@status=0; \
	for storm in $(STORMS); do \
		vm/run --timeout 3600 --workdir $(BUILD)/vm/storm-$${storm%=*} \
			$(STORM_KINDS:%=--env PEERBUF_STORM_%=0) --env PEERBUF_STORM_$$storm \
			tests/vm/85-storm.sh || status=1; \
	done; \
	vm/run --timeout 3600 --workdir $(BUILD)/vm/storm-LOADS --env PEERBUF_STORM_LOADS=1000 \
		tests/vm/86-load.sh || status=1; \
	vm/run --timeout 3600 --workdir $(BUILD)/vm/storm-UNPLUGS --env PEERBUF_STORM_UNPLUGS=100 \
		tests/vm/90-unplug-storm.sh || status=1; \
	exit $$status

# Each part runs even if the one before has failed. The first shows that a mistake does
# not pass; the last repeats a test that takes every way in which access ends, slowly.
LEAK_TESTS := $(if $(T),$(VM_TESTS),tests/vm/20-revoke.sh)
DEBUG_LOG := $(BUILD)/check-debug

check-debug:
	$(if $(VM_TESTS),,$(error there is no test tests/vm/$(T).sh))
	@mkdir -p $(BUILD)
	@status=0; \
	echo "peerbuf: what the debug kernel and the harness notice"; \
	prove --exec '' tests/harness/debug-kernel.t 2>&1 | tee $(DEBUG_LOG)-harness.log || status=1; \
	echo "peerbuf: virtual machine tests on the debug kernel"; \
	prove --exec vm/run -j $(JOBS) $(VM_TESTS) 2>&1 | tee $(DEBUG_LOG)-vm.log || status=1; \
	echo "peerbuf: leaks on the debug kernel"; \
	prove --exec 'vm/run --kmemleak' -j $(JOBS) $(LEAK_TESTS) 2>&1 | tee $(DEBUG_LOG)-leaks.log || status=1; \
	exit $$status
	@scripts/summary "all checks on the debug kernel" "tests of what it notices" $(DEBUG_LOG)-harness.log \
		"virtual machine tests" $(DEBUG_LOG)-vm.log "tests while looking for leaks" $(DEBUG_LOG)-leaks.log

# The first shows that a race does not pass. QUICK=y leaves only tests in which processes and
# interrupts meet.
RACE_TESTS := $(if $(QUICK),$(foreach n,12 20 40 54 74 87,$(wildcard tests/vm/$(n)-*.sh)),$(VM_TESTS))
RACE_LOG := $(BUILD)/check-kcsan

check-kcsan:
	@mkdir -p $(BUILD)
	@status=0; \
	prove --exec '' tests/harness/debug-kernel.t 2>&1 | tee $(RACE_LOG)-harness.log || status=1; \
	prove --exec vm/run -j $(JOBS) $(RACE_TESTS) 2>&1 | tee $(RACE_LOG)-vm.log || status=1; \
	exit $$status
	@scripts/summary "all checks for data races" "tests of what is noticed" $(RACE_LOG)-harness.log \
		"virtual machine tests" $(RACE_LOG)-vm.log
