#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What "make bench" runs, with small sizes: each measurement must have samples of both sides.
# How large they are is no matter here, but for what differs by orders of magnitude.
#
# vm-topology: bench
# vm-set: big_size=2G
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-memory: 768M
# vm-timeout: 120
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core,raw_pal_allow=peerbuf_bench
# vm-modules: vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test peerbuf_bench
# vm-needs: vm/tap.sh vm/kernel.sh bench/guest.sh build/bench/measure
set -u
. vm/tap.sh
. vm/kernel.sh

# KASAN takes an eighth of a BAR that VFIO claims, at once.
[ "$VM_KERNEL" != debug ] || skip_all "a kernel with KASAN has not the memory for it, and its figures mean nothing"
BENCH_ROUNDS=1 BENCH_BAR_GIB="1 2" BENCH_RAM_MIB=32 sh bench/guest.sh >/tmp/lines
ok $? "everything can be measured" || diag "$(tail -n 5 /tmp/lines)"

samples() { # NAME SIDE
	sed -n "s/^# sample $1 $2 //p" /tmp/lines
}

grep '^# bench ' /tmp/lines | sed 's/^# bench //; s/|.*//' >/tmp/names
[ "$(wc -l </tmp/names)" -gt 30 ]
ok $? "there are more than 30 measurements"
lacking=
while read -r name; do
	[ -n "$(samples "$name" ours)" ] && [ -n "$(samples "$name" peer)" ] ||
		lacking="$lacking $name"
done </tmp/names
is "$lacking" "" "each has samples of ours and of its peer's"
ours=$(samples map_bar_1g_mmap ours)
peer=$(samples map_bar_1g_mmap peer)
for name in map_bar_flat map_ranges_linear revoke_linear restore_linear attach_cycle_sgt_heap; do
	grep -qx "$name" /tmp/names
	ok $? "$name is measured"
done
# Stock iommufd maps what stock vfio-pci exports from 6.19 on; 92-bench-iommufd.sh.
grep -q '^map_container_1g$' /tmp/names || grep -q '^# absent .*_container_.*|this kernel' /tmp/lines
ok $? "iommufd is measured, or it is said why not"
# From 6.15 on type1 looks at large pages once; before, at each small one.
times=5
! is_612 || times=20
[ $((${ours%.*} * times)) -lt "${peer%.*}" ]
ok $? "a BAR by its address is mapped much faster than by type1 ($ours, $peer us)"
BENCH_COUNT=1 sh bench/guest.sh driver >/tmp/lines 2>&1
grep -q '^Bail out! .* does not count instructions' /tmp/lines
ok $? "a machine that does not count instructions is not believed" || diag "$(tail -n 2 /tmp/lines)"
