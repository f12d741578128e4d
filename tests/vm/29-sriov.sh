#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Virtual functions of a physical function that has a user: tests/abi/sriov.c
#
# vm-topology: sriov
# vm-timeout: 90
# vm-modules: vfio-pci peerbuf_core,report_ms=200 vfio_pci_peerbuf,enable_sriov=1
# vm-modules: vfio_iommu_peerbuf peerbuf_test
# vm-needs: vm/tap.sh build/tests/abi/sriov
set -u
. vm/tap.sh
peerbuf device bind "$PF_BDF" vfio_pci_peerbuf >&2 || bail "the physical function cannot be bound"
peerbuf device bind "$EDU_BDF" vfio-pci >&2 || bail "the copying device cannot be bound"
exec build/tests/abi/sriov
