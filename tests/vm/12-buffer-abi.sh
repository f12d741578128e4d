#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mmap of a buffer, and what its owner can do with it: tests/abi/buffer.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-modules: peerbuf_test
# vm-needs: build/tests/abi/buffer
set -eu
# The kernel turns large pages off where there is little RAM, later ones for devices, too.
echo always >/sys/kernel/mm/transparent_hugepage/enabled
peerbuf device bind "$SSD_BDF" vfio-pci >&2
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
peerbuf device bind "$BAR2_BDF" vfio_pci_peerbuf >&2
peerbuf device bind "$EDU_BDF" vfio_pci_peerbuf >&2
exec build/tests/abi/buffer
