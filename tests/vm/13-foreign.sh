#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Buffers of the stock kernel's exporters, and of hostile ones: tests/abi/foreign.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test vgem
# vm-needs: build/tests/abi/foreign
set -eu
peerbuf device bind "$SSD_BDF" vfio-pci >&2
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
exec build/tests/abi/foreign
