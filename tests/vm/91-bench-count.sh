#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a call costs in instructions, which does not depend on the machine: how many more than
# the kernel's own functions need, and that they do not grow faster than what is mapped.
#
# vm-topology: bench
# vm-accel: count
# vm-set: big_size=2G
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-memory: 768M
# vm-timeout: 180
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core,raw_pal_allow=peerbuf_bench
# vm-modules: vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test peerbuf_bench
# vm-needs: vm/tap.sh bench/guest.sh build/bench/measure
set -u
. vm/tap.sh

[ "$VM_KERNEL" != debug ] || skip_all "a kernel that checks itself needs many more"
export BENCH_ROUNDS=3 BENCH_BAR_GIB="1 2" BENCH_COUNT=1
sh bench/guest.sh bar ranges revoke driver job >/tmp/lines
ok $? "instructions can be counted" || diag "$(tail -n 5 /tmp/lines)"

# The least: an interrupt, or a slab that grows, only adds to it.
instructions() { # NAME SIDE
	sed -n "s/^# sample $1_instr $2 //p" /tmp/lines | sort -n | head -n 1
}

at_most() { # RATIO NAME
	ours=$(instructions "$2" ours) peer=$(instructions "$2" peer)
	awk "BEGIN { exit !(\"$ours\" + 0 > 0 && \"$peer\" + 0 > 0 && $1 * ${peer:-0} >= ${ours:-1}) }"
	ok $? "$2 takes at most $1 times as many as what it is compared with" || diag "$ours, $peer"
}

at_most_above() { # INSTRUCTIONS NAME
	ours=$(instructions "$2" ours) peer=$(instructions "$2" peer)
	awk "BEGIN { exit !(\"$ours\" + 0 > 0 && \"$peer\" + 0 > 0 && ${peer:-0} + $1 >= ${ours:-1}) }"
	ok $? "$2 takes at most $1 more than what it is compared with" || diag "$ours, $peer"
}

# Whatever the size, the ioctl costs as much around the bare calls.
at_most_above 3000 map_bar_1g
at_most_above 3000 map_bar_2g
at_most_above 1500 unmap_bar_1g
at_most_above 1500 unmap_bar_2g
# Some goals, and what was reached where a goal is missed; bench/README.md says why.
at_most 2 map_bar_1g
at_most 2 unmap_bar_1g
at_most 1.5 map_bar_flat
at_most 1.6 map_ranges_1
at_most 1.5 map_ranges_1000
at_most 1.25 map_ranges_linear
at_most 1.5 revoke_10000
at_most 1.5 restore_10000
at_most 1.25 revoke_linear
at_most 1.25 restore_linear
at_most 2.1 attach_cycle_sgt
at_most 1.1 attach_cycle_sgt_native
at_most 0.5 attach_cycle_pal
at_most 0.5 attach_cycle_iommu
at_most 0.5 job_processor_time
