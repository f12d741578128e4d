#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The example driver copies between buffers of all kinds: tests/edu/copy.c, which runs the
# example's own program, too.
#
# The processor is one that is known to route between devices.
#
# vm-topology: ssd-bar
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-kernel-config: CONFIG_DRM_SCHED
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf edu_copy
# vm-timeout: 120
# vm-needs: build/tests/edu/copy
set -eu
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
exec build/tests/edu/copy
