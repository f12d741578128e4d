#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One buffer in many places, and everything closed in every order: tests/abi/many.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: build/tests/abi/many
# vm-timeout: 120
set -eu
for bdf in "$SSD_BDF" "$EDU_BDF"; do
	peerbuf device bind "$bdf" vfio-pci >&2
done
for bdf in "$BAR_BDF" "$BAR2_BDF"; do
	peerbuf device bind "$bdf" vfio_pci_peerbuf >&2
done
exec build/tests/abi/many
