#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Buffers that the example driver loses and gets back, resets, timeouts: tests/edu/revoke.c
#
# vm-topology: ssd-bar
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-kernel-config: CONFIG_DRM_SCHED
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf edu_copy,timeout_ms=10000 peerbuf_fence
# vm-timeout: 200
# vm-needs: build/tests/edu/revoke
set -eu
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
exec build/tests/edu/revoke
