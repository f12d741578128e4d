# SPDX-License-Identifier: GPL-2.0-or-later
#
# peerbuf: kernel modules, library, command, and their tests. "make help" says more.
#
# Nothing here may need an installed package before scripts/setup has run; what does is
# in scripts/build.mk, which a second make reads.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

# The kernel to build for and to test on: a name that scripts/kernel knows. With KDIR
# set, any kernel's build tree will do, such as /lib/modules/$(uname -r)/build.
KERNEL ?= stock
export PEERBUF_KERNEL := $(KERNEL)

# Test programs and virtual machines to run at a time.
JOBS ?= $(shell nproc)

BUILD_MK := $(MAKE) --no-print-directory -f scripts/build.mk

.PHONY: \
	all \
	modules \
	user \
	setup \
	kernel \
	doc \
	deb \
	check-packages \
	check \
	check-static \
	check-host \
	check-vm \
	check-slow \
	check-debug \
	check-kcsan \
	coverage \
	fuzz \
	storm \
	stress \
	demo \
	bench \
	help \
	check-kernels \
	clean \
	clean-cache \
	distclean

all: setup kernel
	+@$(BUILD_MK) all

modules: setup kernel
	+@$(BUILD_MK) modules

user: setup
	+@$(BUILD_MK) user

setup:
	@scripts/setup

# A build tree that is given needs no kernel from us.
kernel: setup
	@$(if $(KDIR),:,scripts/kernel fetch $(KERNEL))

check: all
	+@$(MAKE) --no-print-directory check-static
	+@$(MAKE) --no-print-directory check-host
	+@$(MAKE) --no-print-directory check-vm
	@scripts/summary "all checks" "static checks" build/check-static.log "host tests" build/check-host.log \
		"virtual machine tests" build/check-vm.log

# What can be found without running anything, and what the host tests run of each file.
check-static: all
	+@$(BUILD_MK) check-static JOBS=$(JOBS)

# Longer runs: fuzzing for SECONDS a target, and storms in the numbers that count.
fuzz: all
	@tests/fuzz/fuzz run $(or $(SECONDS),60) $(T)

storm: all
	+@$(BUILD_MK) storm

stress: all
	+@$(BUILD_MK) stress

check-host: all
	+@$(BUILD_MK) check-host JOBS=$(JOBS)

# T=name runs a single test, and keeps all that it left.
check-vm: all
	+@$(BUILD_MK) check-vm JOBS=$(JOBS)

# The tests that are too slow to be run each time.
check-slow: all
	+@$(BUILD_MK) check-slow
	@scripts/summary "slow checks" "virtual machine tests" build/check-slow.log

# The tests in virtual machines once more, on a kernel that checks itself while it runs.
ifeq ($(KERNEL),debug)
check-debug: all
	+@$(BUILD_MK) check-debug JOBS=$(JOBS)
else
check-debug:
	+@$(MAKE) --no-print-directory check-debug KERNEL=debug KDIR=
endif

# The same on a kernel that looks for data races; with QUICK=y only where much happens at once.
ifeq ($(KERNEL),kcsan)
check-kcsan: all
	+@$(BUILD_MK) check-kcsan JOBS=$(JOBS)
else
check-kcsan:
	+@$(MAKE) --no-print-directory check-kcsan KERNEL=kcsan KDIR=
endif

# Which lines of the modules the tests in virtual machines run, on two kernels together: one
# injects faults, the other has what 6.12 lacks.
COVERAGE_KERNELS := debug 7.3

coverage:
	@mkdir -p build/vm && find build/vm -name counts.tar.gz -delete
	+@for kernel in $(COVERAGE_KERNELS); do \
		$(MAKE) --no-print-directory check-vm KERNEL=$$kernel KDIR= PEERBUF_COVERAGE=y || \
			echo "coverage: a test has failed on kernel $$kernel; what it ran is counted all the same"; \
	done
	@prove -v --exec '' tests/coverage/report 2>&1 | tee build/coverage.log

# References made of the headers, and the pictures, made of the code.
doc: all
	@scripts/reference build/doc
	@scripts/pictures

# Debian packages, in build/deb.
deb: setup
	@scripts/setup scripts/packages-deb.txt
	@scripts/deb

# Installs them in a Debian 12 and a Debian 13, builds the modules there, boots them, does the
# main job, upgrades and removes them. Half an hour. T=bookworm or T=trixie for one of them.
check-packages: deb user
	@prove -v --exec '' tests/packages/check $(if $(T),:: $(T))

# All kernels that Debian's suites offer, or KERNELS="6.18 debian-7.3"; TESTS="20-revoke"
# runs only these. Most of a day the first time, when the kernels must be built.
check-kernels: setup
	@scripts/check-kernels $(KERNELS)

demo: all
	@demo/run

# Side by side with what people use today. BENCH="bar revoke" measures only these.
bench: all
	@bench/run $(BENCH)

clean:
	rm -rf build

clean-cache:
	rm -rf "$${PEERBUF_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/peerbuf}"

distclean: clean clean-cache

help:
	@echo 'make               build everything: modules for KERNEL, library, command, examples'
	@echo 'make modules       the kernel modules only; KDIR=... builds for any kernel'
	@echo 'make user          the library, the command and the examples only'
	@echo 'make check         build, then run all tests'
	@echo 'make check-static  style, sparse, cppcheck, analyzers, scripts; coverage of pure code'
	@echo 'make fuzz          the fuzzers of pure logic, SECONDS=60 each; T=name for one of them'
	@echo 'make storm         ten thousand resets, and the like; half an hour and more'
	@echo 'make stress        a random machine for SECONDS, an hour by default; SEED=n replays one'
	@echo 'make check-host    the tests that need no virtual machine of their own'
	@echo 'make check-vm      the tests in virtual machines; T=name runs one of tests/vm'
	@echo 'make check-slow    the tests that take minutes each, which the others leave out'
	@echo 'make check-debug   those once more on a kernel with KASAN, lockdep and others, which'
	@echo '                   is built the first time, for a quarter of an hour'
	@echo 'make check-kcsan   those once more on a kernel that looks for data races'
	@echo 'make coverage      which lines of the modules the tests run, file by file; an hour'
	@echo 'make doc           references made of the headers, in build/doc, and pictures of the code'
	@echo 'make deb           Debian packages, in build/deb'
	@echo 'make check-packages installs these in Debian 12 and 13, and boots them; half an hour'
	@echo 'make check-kernels  builds and tests on every kernel that Debian offers, and writes'
	@echo '                   docs/support-matrix.md; KERNELS=6.18 TESTS=20-revoke for less'
	@echo 'make demo          an SSD reads into another device, which is reset meanwhile'
	@echo 'make bench         measure it, side by side with stock type1 and with bare loops'
	@echo 'make clean         remove what was built'
	@echo 'make clean-cache   remove the kernels that were downloaded or built'
	@echo 'make setup         install the Debian packages that all this needs'
