#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the platform's IOMMU can do decides what a container takes and says: tests/abi/platform.c.
# This one isolates no interrupts, and has all DMA snoop the processors' caches.
#
# vm-topology: ssd-bar
# vm-set: bar_size=64M intremap=off snoop=on
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_iommu_peerbuf
# vm-needs: build/tests/abi/platform
set -u
. vm/tap.sh
for bdf in "$BAR_BDF" "$BAR2_BDF"; do
	peerbuf device bind "$bdf" vfio-pci >&2 || bail "$bdf cannot be bound"
done

build/tests/abi/platform
status=$?

group=$(basename "$(readlink "/sys/bus/pci/devices/$BAR_BDF/iommu_group")")
if ! dmesg | grep -q "vfio_iommu_peerbuf: interrupts of group $group are not isolated; the parameter allow_unsafe_interrupts accepts it"; then
	diag "the kernel log does not say why"
	status=1
fi
exit $status
