#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tracepoints and debugfs tell: tests/abi/observe.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core,raw_pal_allow=peerbuf_test peerbuf_ram vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test
# vm-needs: build/tests/abi/observe
set -u
. vm/tap.sh
peerbuf device bind "$SSD_BDF" vfio-pci >&2 || bail "the device cannot be bound"
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2 || bail "the device cannot be bound"
TRACE=/sys/kernel/tracing/instances/observe
export TRACE
mkdir "$TRACE" && echo 1 >"$TRACE/events/peerbuf/enable" || bail "no tracepoints"
build/tests/abi/observe
status=$?
echo 0 >"$TRACE/events/peerbuf/enable"
rmdir "$TRACE"
exit $status
