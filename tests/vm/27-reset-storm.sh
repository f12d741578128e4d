#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Resets by the owner and by root at the same time, as many as there is time for, while
# the SSD writes into the buffer. What must hold is read from the kernel's trace: each
# reset of the bus happened while nobody had access.
#
# vm-topology: triggers
# vm-timeout: 180
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: vm/pair.sh vm/owner.sh build/tests/abi/owner
set -u
. vm/tap.sh
. vm/pair.sh
. vm/owner.sh

MIB=1048576
bind "$SSD_BDF" vfio-pci && bind "$PLUG_BDF" vfio_pci_peerbuf || bail "devices cannot be bound"
watch_kernel
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
arrives "while the buffer is live a DMA arrives, so that this test can tell"

# Resets by root until told to stop; how many worked.
storm() {
	_done=0
	while [ ! -e /tmp/calm ]; do
		echo 1 >/sys/bus/pci/devices/"$PLUG_BDF"/reset && _done=$((_done + 1))
	done 2>/dev/null
	echo $_done >/tmp/root_resets
}

# check_trace: goes through the events in their order
check_trace() {
	awk '/peerbuf_state: / { state = $NF; revoked += state == "revoked" }
		/ unmap: / { unmaps++ }
		/ bus_reset: / { resets++; if (state != "revoked") { bad++; print } }
		END { printf "%d resets, %d revokes, %d unmaps\n", resets, revoked, unmaps
			exit bad > 0 || resets == 0 || revoked == 0 || unmaps < revoked }' \
		$_tracing/trace >/tmp/verdict
}

watch_again
importer query
before=$(field revokes)
storm &
storm_pid=$!
tell_exporter resets 8
n=0
while [ $n -lt 40 ]; do
	dma $((n * 65536 % (2 * MIB)))
	sleep 0.1
	n=$((n + 1))
done
hear_exporter
ok $? "the owner's resets all worked, or found the device busy"
mine=$(field done)
diag "owner: $reply"
touch /tmp/calm
wait $storm_pid
root=$(cat /tmp/root_resets)
diag "root: $root resets; SSD: $n times 64 KiB"
[ "$mine" -gt 0 ] && [ "$root" -gt 0 ]
ok $? "both did reset the device"
check_trace
ok $? "each reset of the bus found the mapping gone and the buffer revoked"
diag "$(cat /tmp/verdict)"
importer query
is "$(field state) $(field mapped) $(field restores)" "live yes $(field revokes)" \
	"in the end it is live, and was restored as often as revoked"
# Resets that overlap may share a revoke; none goes without.
revokes=$(($(field revokes) - before))
[ $revokes -gt 0 ] && [ $revokes -le $((mine + root)) ]
ok $? "and that was not more often than there were resets"
exporter query
is "$(field state) $(field revokes)" "live $((before + revokes))" "the owner's numbers are the same"
arrives "a DMA arrives"

# ... and with the owner's death in the middle -------------------------------------------
rm -f /tmp/calm
watch_again
storm &
storm_pid=$!
tell_exporter resets 60
sleep 1
kill -KILL "$exporter_pid"
ended "$exporter_pid"
sleep 1
touch /tmp/calm
wait $storm_pid
is "$(state)" "dead no" "an owner that dies among resets leaves a dead buffer"
stopped "a DMA is stopped by the IOMMU"
importer quit
ended "$importer_pid"
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"
