#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# VFIO_DEVICE_FEATURE_DMA_BUF and its errors: tests/abi/export.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-modules-available: peerbuf_odd
# vm-needs: build/tests/abi/export
set -eu
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
peerbuf device bind "$BAR2_BDF" vfio_pci_peerbuf >&2
peerbuf device bind "$EDU_BDF" vfio-pci >&2
modprobe peerbuf_odd bdf="$BAR2_BDF" taken=2
exec build/tests/abi/export
