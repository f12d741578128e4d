#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Several groups and several domains in one container: tests/abi/groups.c
#
# vm-topology: switch
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_fault
# vm-needs: build/tests/abi/groups
set -eu
for bdf in "$SSD_BDF" "$EDU_BDF" "$SWITCH_SSD_BDF"; do
	peerbuf device bind "$bdf" vfio-pci >&2
done
for bdf in "$BAR_BDF" "$SWITCH_BAR_BDF"; do
	peerbuf device bind "$bdf" vfio_pci_peerbuf >&2
done
exec build/tests/abi/groups
