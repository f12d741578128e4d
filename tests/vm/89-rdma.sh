#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The example for RDMA, with the RDMA device that there is without hardware: rxe, made of software.
# Its driver takes no dma-bufs, nor does the other such driver, siw; what happens then is said
# plainly. Then the same program registers with the RDMA core itself, by the umem of a driver
# that does: tests/abi/verbs.c and tests/kmod/umem.c stand in for that driver.
#
# vm-topology: ssd-bar
# vm-set: bar_size=64M
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-kernel-config: CONFIG_RDMA_RXE CONFIG_DUMMY
# vm-modules-available: crc32_generic? rdma_rxe ib_uverbs dummy peerbuf_umem
# vm-needs: build/examples/rdma/rdma-register build/tests/abi/verbs.so
# vm-needs: /usr/bin/rdma /etc/libibverbs.d/rxe.driver
# vm-needs: /usr/lib/x86_64-linux-gnu/libibverbs/librxe-rdmav34.so
. vm/tap.sh
set -u
register=build/examples/rdma/rdma-register

# rdma-core finds its drivers by these files.
mkdir -p /etc/libibverbs.d /usr/lib/x86_64-linux-gnu/libibverbs
mv rxe.driver /etc/libibverbs.d/
mv librxe-rdmav34.so /usr/lib/x86_64-linux-gnu/libibverbs/

# What rxe sums up with; later kernels have that in a library.
modprobe crc32_generic 2>/dev/null
for module in ib_uverbs rdma_rxe dummy peerbuf_umem; do
	modprobe $module || bail "the module $module cannot be loaded"
done
ip link set dummy0 up
./rdma link add rxe0 type rxe netdev dummy0 || bail "rxe takes no network device"
in_time [ -e /dev/infiniband/uverbs0 ] || bail "the RDMA device does not come"
peerbuf device bind "$BAR_BDF" >&2 || bail "the device cannot be bound"

$register none "$BAR_BDF" 2 2>/tmp/error
is "$? $(cat /tmp/error)" "1 rdma-register: none: No such device" "an RDMA device that is not there"
$register rxe0 "$BAR_BDF" 2 >/tmp/out 2>/tmp/error
is "$? $(cat /tmp/out /tmp/error)" "3 rxe0 takes no dma-bufs: its driver has no such call" \
	"one whose driver takes no dma-bufs"

umem() { # ARGUMENT...
	LD_PRELOAD=$PWD/build/tests/abi/verbs.so UMEM_BDF=$EDU_BDF $register umem0 "$@" 2>&1
}

bar=$(sed -n '3s/ .*//p' "/sys/bus/pci/devices/$BAR_BDF/resource")
page=$(printf '0x%x' $((bar >> 12)))
is "$(umem "$BAR_BDF" 2)" "registered: lkey $page, rkey $page, 65536 bytes" \
	"a driver that takes them gets the BAR, through the RDMA core"
is "$(peerbuf buffer list)" "There are no buffers." "no buffer is left"

./rdma link delete rxe0
rmmod rdma_rxe && rmmod peerbuf_umem
ok $? "the modules can be unloaded"
