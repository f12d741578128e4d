#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The backend in place of type1: tests/abi/type1.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf,type1=1 peerbuf_emulated
# vm-modules-available: vfio_iommu_type1
# vm-needs: build/tests/abi/type1
set -eu
peerbuf device bind "$SSD_BDF" vfio-pci >&2
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
peerbuf device bind "$EDU_BDF" vfio-pci >&2
exec build/tests/abi/type1
