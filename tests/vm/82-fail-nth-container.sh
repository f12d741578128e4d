#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every allocation on every path fails once: tests/failnth. The paths of the container.
# Only on a kernel that can inject faults, which is the debug kernel. PEERBUF_FAILNTH, set by
# vm/run --env, is a regular expression that chooses paths by their names.
#
# The kernel itself warns when it has no memory to take a group back that leaves, and when
# its check of DMA mappings has none.
#
# vm-expect-log: __iommu_release_dma_ownership
# vm-expect-log: cacheline tracking ENOMEM
# vm-topology: ssd-bar
# vm-set: bar_size=16M
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-memory: 768M
# vm-timeout: 300
# vm-modules: vfio-pci peerbuf_core,raw_pal_allow=peerbuf_test peerbuf_ram vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test peerbuf_fault
# vm-needs: vm/failnth.sh build/tests/failnth/failnth
set -u
. vm/tap.sh
. vm/failnth.sh
failnth container
