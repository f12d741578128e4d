#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Buffers of the kernel's own vfio-pci, on kernels where it exports: tests/abi/stock.c.
# Our driver has another device at the same time. The kernel's exporter wants a route that it
# knows, and so a processor whose host bridge routes.
#
# vm-topology: ssd-bar
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-kernel-config: CONFIG_VFIO_PCI_DMABUF
# vm-needs: build/tests/abi/stock
set -eu
peerbuf device bind "$SSD_BDF" vfio-pci >&2
peerbuf device bind "$BAR_BDF" vfio-pci >&2
peerbuf device bind "$BAR2_BDF" vfio_pci_peerbuf >&2
exec build/tests/abi/stock
