#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Scatterlists for a device whose DMA the IOMMU does not translate: tests/abi/sgt.c
#
# vm-topology: ssd-bar
# vm-cmdline: iommu=pt
# vm-modules: vfio-pci peerbuf_core peerbuf_ram vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test
# vm-needs: build/tests/abi/sgt
set -u
. vm/tap.sh
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2 || bail "the device cannot be bound"
export ROUTE=identity
exec build/tests/abi/sgt
