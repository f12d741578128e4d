#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Buffers made of memfds, for importers of every kind: tests/abi/ram.c
#
# vm-topology: ssd-bar
# vm-memory: 768M
# vm-modules: vfio-pci peerbuf_core,raw_pal_allow=peerbuf_test peerbuf_ram vfio_iommu_peerbuf peerbuf_test
# vm-needs: build/tests/abi/ram
set -u
. vm/tap.sh
tracing=/sys/kernel/tracing
echo 16 >/proc/sys/vm/nr_hugepages
peerbuf device bind "$SSD_BDF" vfio-pci >&2
for event in dma_sync_single_for_cpu dma_sync_single_for_device; do
	echo 1 2>/dev/null >$tracing/events/dma/$event/enable
done
build/tests/abi/ram
status=$?
[ $status -eq 0 ] || exit $status

# Where DMA is coherent the DMA API leaves out what changes nothing, if it does not check itself.
[ -d /sys/kernel/debug/dma-api ] || exit 0
for event in dma_sync_single_for_cpu dma_sync_single_for_device; do
	n=$(grep -c " $event: " $tracing/trace)
	diag "an announced access of the CPU led to $event(): $n times"
	[ "$n" -ge 2 ] || status=1
done
exit $status
