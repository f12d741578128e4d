#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Random programs of calls, in several processes, on several devices: tests/ioctls. Guided by
# what they reach, where the kernel has KCOV. PEERBUF_IOCTLS_SECONDS and PEERBUF_IOCTLS_SEED,
# set by vm/run --env, choose another length and replay a seed.
#
# vm-topology: ssd-bar
# vm-set: bar_size=16M
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-memory: 768M
# vm-timeout: 600
# vm-modules: vfio-pci peerbuf_core,raw_pal_allow=peerbuf_test peerbuf_ram vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test
# vm-needs: build/tests/ioctls/ioctls tests/ioctls/corpus
set -u
. vm/tap.sh
for bdf in "$BAR_BDF" "$BAR2_BDF" "$EDU_BDF"; do
	peerbuf device bind "$bdf" vfio_pci_peerbuf >&2 || bail "the devices cannot be bound"
done
# shellcheck disable=SC2086 # no seed is no argument
build/tests/ioctls/ioctls "${PEERBUF_IOCTLS_SECONDS:-10}" tests/ioctls/corpus ${PEERBUF_IOCTLS_SEED:-}
status=$?
_tap_count=2
is "$(cat /sys/kernel/debug/peerbuf/buffers)" "" "no buffer is left in the kernel"
exit $status
