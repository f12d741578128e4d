#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What bench/run starts in the virtual machine. The processor is one whose root complex the
# kernel knows to route between devices: otherwise no device gets a scatterlist of another's
# memory, which is what some of it is compared with.
#
# vm-topology: bench
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-memory: 2560M
# vm-timeout: 3600
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core,raw_pal_allow=peerbuf_bench,peerbuf_iommufd
# vm-modules: vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test peerbuf_bench
# vm-needs: build/bench/measure
set -eu
for bdf in "$SSD_BDF" "$PLAIN_BDF"; do
	peerbuf device bind "$bdf" vfio-pci >&2
done
for bdf in "$BIG_BDF" "$SMALL_BDF"; do
	peerbuf device bind "$bdf" vfio_pci_peerbuf >&2
done
echo "# machine $VM_ACCEL, $(uname -r), $(nproc) processor(s)"
build/bench/measure "$@"
echo "ok 1 - everything was measured"
