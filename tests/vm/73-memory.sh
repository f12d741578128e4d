#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Kinds of memory, processes, and what happens when memory runs out: tests/abi/memory.c.
# The last needs a kernel that can be made to run out of it.
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_fault
# vm-needs: build/tests/abi/memory
set -eu
peerbuf device bind "$SSD_BDF" vfio-pci >&2
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
peerbuf device bind "$EDU_BDF" vfio-pci >&2
echo 4 >/proc/sys/vm/nr_hugepages
exec build/tests/abi/memory
