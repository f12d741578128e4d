#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The same calls on stock type1 and on the backend: tests/abi/differential.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core vfio_iommu_peerbuf,type1=1,mapping_limit=24
# vm-modules-available: vfio_iommu_type1
# vm-needs: build/tests/abi/differential
# vm-timeout: 120
set -eu
for bdf in "$SSD_BDF" "$BAR_BDF" "$BAR2_BDF" "$EDU_BDF"; do
	peerbuf device bind "$bdf" vfio-pci >&2
done
# What busybox's modprobe takes from here.
echo "options vfio_iommu_type1 dma_entry_limit=24" >/etc/modprobe.conf
echo 8 >/proc/sys/vm/nr_hugepages
exec build/tests/abi/differential
