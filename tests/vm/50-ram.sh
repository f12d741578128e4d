#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Buffers made of memfds, for importers of every kind: tests/abi/ram.c
#
# vm-topology: ssd-bar
# vm-memory: 768M
# vm-modules: vfio-pci peerbuf_core,raw_pal_allow=peerbuf_test peerbuf_ram vfio_iommu_peerbuf peerbuf_test
# vm-needs: build/tests/abi/ram
set -eu
echo 16 >/proc/sys/vm/nr_hugepages
peerbuf device bind "$SSD_BDF" vfio-pci >&2
exec build/tests/abi/ram
