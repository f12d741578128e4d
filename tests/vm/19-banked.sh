#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A driver of a device whose memory is not where its BAR says: tests/abi/banked.c
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-modules: banked_vfio,bank_size=65536
# vm-needs: build/tests/abi/banked
set -eu
peerbuf device bind "$SSD_BDF" vfio-pci >&2
# The command knows nothing of this driver.
echo banked_vfio >"/sys/bus/pci/devices/$BAR2_BDF/driver_override"
echo "$BAR2_BDF" >/sys/bus/pci/drivers_probe
exec build/tests/abi/banked
