#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Scatterlists where no route is known are refused: tests/abi/sgt.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core,report_ms=200 vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test
# vm-needs: build/tests/abi/sgt
set -u
. vm/tap.sh
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2 || bail "the device cannot be bound"
export ROUTE=none
build/tests/abi/sgt
status=$?
exit $status
