#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A BAR of 64 GiB: tests/abi/bars.c once more.
#
# vm-topology: memories
# vm-set: big_size=64G
# vm-timeout: 90
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: vm/tap.sh build/tests/abi/bars
set -eu
. vm/tap.sh
# VFIO maps what it claims, and KASAN takes an eighth of that for its shadow, at once.
[ "$VM_KERNEL" != debug ] || skip_all "a kernel with KASAN would need 8 GiB for this"
peerbuf device bind "$SSD_BDF" vfio-pci >&2
for bdf in "$BIG_BDF" "$CMB_BDF" "$PMR_BDF"; do
	peerbuf device bind "$bdf" vfio_pci_peerbuf >&2
done
# A machine with little memory begins without, and then some kernels have no large pages at all.
echo always >/sys/kernel/mm/transparent_hugepage/enabled
exec build/tests/abi/bars
