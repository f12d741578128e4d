#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Importers that leave take no access with them: tests/abi/leave.c
#
# vm-topology: ssd-bar
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test
# vm-needs: build/tests/abi/leave
set -u
. vm/tap.sh
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2 || bail "the device cannot be bound"
TRACE=/sys/kernel/tracing/instances/leave
export TRACE
mkdir "$TRACE" && echo 'p:peerbuf_leave/flush intel_flush_iotlb_all' >/sys/kernel/tracing/kprobe_events &&
	echo 1 >"$TRACE/events/peerbuf_leave/flush/enable" || bail "no probe on the flush"
build/tests/abi/leave
status=$?
echo 0 >"$TRACE/events/peerbuf_leave/flush/enable"
rmdir "$TRACE"
echo >/sys/kernel/tracing/kprobe_events
exit $status
