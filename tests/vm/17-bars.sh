#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Device memory of every kind and shape: tests/abi/bars.c
#
# vm-topology: memories
# KASAN keeps a byte for each eight that the kernel maps, and VFIO maps a BAR as a whole.
# vm-memory: 1G
# vm-timeout: 90
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: build/tests/abi/bars
set -eu
peerbuf device bind "$SSD_BDF" vfio-pci >&2
for bdf in "$BIG_BDF" "$CMB_BDF" "$PMR_BDF"; do
	peerbuf device bind "$bdf" vfio_pci_peerbuf >&2
done
# A machine with little memory begins without, and then some kernels have no large pages at all.
echo always >/sys/kernel/mm/transparent_hugepage/enabled
exec build/tests/abi/bars
