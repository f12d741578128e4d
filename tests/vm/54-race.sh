#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Revokes in the middle of all that importers do: tests/abi/race.c
#
# vm-topology: ssd-bar
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-timeout: 120
# vm-modules: vfio-pci peerbuf_core vfio_iommu_peerbuf peerbuf_test
# vm-needs: build/tests/abi/race
set -eu
peerbuf device bind "$SSD_BDF" vfio-pci >&2
exec build/tests/abi/race
