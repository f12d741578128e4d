#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Buffers of ours in the kernel's own iommufd: tests/abi/iommufd.c. The kernel's own exporter,
# which is used beside ours, wants a processor whose host bridge routes.
#
# vm-topology: ssd-bar
# vm-set: bar_size=16M
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-timeout: 120
# vm-modules: vfio-pci peerbuf_core peerbuf_ram vfio_pci_peerbuf peerbuf_iommufd peerbuf_test
# vm-modules-available: peerbuf_pretend
# vm-kernel-config: CONFIG_IOMMUFD CONFIG_VFIO_PCI_DMABUF CONFIG_VFIO_DEVICE_CDEV CONFIG_DYNAMIC_FTRACE_WITH_ARGS
# vm-needs: build/tests/abi/iommufd
set -eu
peerbuf device bind "$SSD_BDF" vfio-pci >&2
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
peerbuf device bind "$BAR2_BDF" vfio-pci >&2
TRACE=/sys/kernel/tracing/instances/iommufd
export TRACE
mkdir "$TRACE"
for event in iommu/unmap peerbuf/peerbuf_state; do
	echo 1 >"$TRACE/events/$event/enable"
done
build/tests/abi/iommufd
rmdir "$TRACE"
