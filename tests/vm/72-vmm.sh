#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Device memory by its address in a process, as VMMs map it: tests/abi/vmm.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: build/tests/abi/vmm
set -eu
peerbuf device bind "$SSD_BDF" vfio-pci >&2
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
peerbuf device bind "$BAR2_BDF" vfio-pci >&2
exec build/tests/abi/vmm
