#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# DPDK as Debian ships it, on the backend as type1: two network controllers send each
# other what they receive, and their counters are compared.
#
# vm-smp: 2
# vm-topology: nics
# vm-modules: vfio-pci peerbuf_core vfio_iommu_peerbuf,type1=1
# vm-packages: dpdk
# vm-memory: 1G
# vm-timeout: 150
set -u
. vm/tap.sh

for bdf in "$NIC0_BDF" "$NIC1_BDF"; do
	peerbuf device bind "$bdf" vfio-pci >&2 || bail "$bdf cannot be bound"
done
mkdir -p /dev/hugepages /var/run
echo 64 >/proc/sys/vm/nr_hugepages
mount -t hugetlbfs hugetlbfs /dev/hugepages || bail "there are no huge pages"

! grep -q '^vfio_iommu_type1 ' /proc/modules
ok $? "the stock backend is not loaded"

log=/tmp/testpmd
mkfifo /tmp/commands
# Each sends one burst; from then on each sends what it receives.
dpdk-testpmd -l 0,1 --iova-mode=va -m 96 -a "$NIC0_BDF" -a "$NIC1_BDF" -- \
	-i --total-num-mbufs=2048 --mbuf-size=2048 </tmp/commands >$log 2>&1 &
pid=$!
exec 3>/tmp/commands

wait_for() { # PATTERN SECONDS
	n=0
	until grep -q "$1" $log; do
		n=$((n + 1))
		[ $n -lt $(($2 * 5)) ] && kill -0 $pid 2>/dev/null || return 1
		sleep 0.2
	done
}

say() {
	echo "$1" >&3
}

wait_for 'testpmd>' 60
ok $? "testpmd starts" || { sed 's/^/# /' $log; exit 1; }
grep -q 'Probe PCI driver: net_e1000_em (8086:10d3) device: 0000:01:00.0' $log
ok $? "its poll-mode driver takes the controllers"
grep -q 'Using IOMMU type 1 (Type 1)' $log
ok $? "it asked for type1, as it always does" || sed 's/^/# /' $log
[ "$(sed -n 's/^vfio_iommu_peerbuf [0-9]* \([0-9]*\) .*/\1/p' /proc/modules)" -ge 1 ]
ok $? "and has a container of the backend"

say "show port info all"
say "start tx_first"
sleep 6
say "show port stats all"
say "stop"
say "quit"
wait $pid
ok $? "testpmd ends without an error"
exec 3>&-

# "RX-packets: N RX-dropped: 0 RX-total: N", of each port and of both together.
sum=$(sed -n '/Accumulated forward statistics/,$p' $log)
rx=$(echo "$sum" | sed -n 's/.*RX-packets: \([0-9]*\).*/\1/p' | head -1)
tx=$(echo "$sum" | sed -n 's/.*TX-packets: \([0-9]*\).*/\1/p' | head -1)
diag "received $rx packets, sent $tx"
[ "${rx:-0}" -ge 1000 ]
ok $? "thousands of packets arrived"
# Each burst that was sent first comes on top; some may be on the way at the end.
[ "$((${tx:-0} - ${rx:-0}))" -ge 0 ] && [ "$((${tx:-0} - ${rx:-0}))" -le 1024 ]
ok $? "as many as were sent"
! grep -E '(RX|TX)-errors: +[1-9]' $log
ok $? "the controllers count no error"
[ $_tap_failed -eq 0 ] || sed 's/^/# /' $log
exit 0
