#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The example for RDMA, with the one RDMA device that there is without hardware: rxe, made of
# software. Its driver takes no dma-bufs, and what happens then is said plainly. That the RDMA
# core registers our buffers for a driver that does, tests/vm/53-interop.sh shows.
#
# vm-topology: ssd-bar
# vm-set: bar_size=64M
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-kernel-config: CONFIG_RDMA_RXE
# vm-modules-available: rdma_rxe ib_uverbs dummy
# vm-needs: build/examples/rdma/rdma-register /usr/bin/rdma /etc/libibverbs.d/rxe.driver /usr/lib/x86_64-linux-gnu/libibverbs/librxe-rdmav34.so
. vm/tap.sh
set -u
modprobe ib_uverbs && modprobe rdma_rxe && modprobe dummy || skip_all "this kernel has no rxe"
ip link set dummy0 up
/usr/bin/rdma link add rxe0 type rxe netdev dummy0 || skip_all "there is no RDMA device without hardware"
n=0
until [ -e /dev/infiniband/uverbs0 ] || [ $n -ge 50 ]; do
	n=$((n + 1))
	sleep 0.1
done
peerbuf device bind "$BAR_BDF" >&2 || bail "the device cannot be bound"
build/examples/rdma/rdma-register none "$BAR_BDF" 2 2>/tmp/error
is "$? $(cat /tmp/error)" "1 rdma-register: none: No such device" "an RDMA device that is not there"
build/examples/rdma/rdma-register rxe0 "$BAR_BDF" 2 >/tmp/out 2>/tmp/error
is "$? $(cat /tmp/out /tmp/error)" "3 rxe0 takes no dma-bufs: its driver has no such call" \
	"one whose driver takes no dma-bufs"
/usr/bin/rdma link delete rxe0
is "$(peerbuf buffer list)" "There are no buffers." "no buffer is left"
modprobe -r rdma_rxe
