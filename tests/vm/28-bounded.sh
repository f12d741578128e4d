#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How long a revoke takes. With importers that map in an IOMMU nobody is asked, so it has
# a bound: one unmap and one flush of the IOTLB for each mapping. And it holds up nobody
# who has nothing to do with it, even if it waits for somebody else.
#
# vm-topology: switch
# vm-timeout: 180
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-modules: peerbuf_test
# vm-needs: vm/pair.sh vm/owner.sh build/tests/abi/owner build/tests/abi/importer
set -u
. vm/tap.sh
. vm/pair.sh
. vm/owner.sh

MIB=1048576

# Milliseconds that a revoke may take. Emulation needs a few microseconds for a mapping of
# large pages, and about a millisecond for one of a thousand small ones; a machine that
# does other things at the same time needs several times as much. On hardware it is the
# time of as many IOTLB flushes, which is microseconds each.
bound=2000

importer() { # COMMAND...
	echo "$*" >&6
	reply_from importer 7
}

other() { # COMMAND...
	echo "$*" >&8
	reply_from other 9
}

# Microseconds from the first step of the revoke to its end, in the trace.
revoke_took() {
	_begin=$(when 'peerbuf_state: buffer=[0-9]* live -> revoking')
	_end=$(when 'peerbuf_state: buffer=[0-9]* revoking -> revoked')
	echo $((_end - _begin))
}

bind "$SSD_BDF" vfio-pci && bind "$SWITCH_BAR_BDF" vfio_pci_peerbuf &&
	bind "$BAR2_BDF" vfio_pci_peerbuf || bail "devices cannot be bound"
watch_kernel
start_owner "$SWITCH_BAR_BDF" $((4 * MIB)) $((4 * MIB)) || bail "$reply"
start importer 6 build/tests/abi/importer "$_pair/socket" "$SSD_BDF" || bail "$reply"
# A device of somebody else's, with its own socket.
start other 8 build/tests/abi/owner /tmp/other-socket "$BAR2_BDF" $MIB $MIB || bail "$reply"

# number, skew in bytes, pages in words
for how in "1 0 large" "1 4096 small" "200 0 large" "200 4096 small"; do
	# shellcheck disable=SC2086 # words
	set -- $how
	importer map "$1" "$2" || bail "$reply"
	importer query
	is "$(field mapped)" "$1" "$1 mappings of one buffer, $3 pages"
	watch_again
	exporter memory off
	took=$(revoke_took)
	diag "revoked in $took us"
	[ "$took" -ge 0 ] && [ "$took" -lt $((bound * 1000)) ]
	ok $? "they are revoked within $bound ms"
	gone_before 'config_write[_a-z]*:'
	ok $? "before the device is told to stop decoding"
	is "$(grep -c ' unmap: ' $_tracing/trace)" "$1" "with one unmap for each"
	importer query
	is "$(field mapped)" 0 "none is left"
	exporter memory on
	importer query
	is "$(field mapped)" "$1" "and all come back"
	importer unmap || bail "$reply"
done

# meanwhile, somebody else --------------------------------------------------------------
importer map 200 4096
echo "pings 6" >&8
n=0
while [ $n -lt 20 ]; do
	exporter memory off && exporter memory on || break
	n=$((n + 1))
done
is $n 20 "200 mappings are revoked and restored twenty times"
reply_from other 9
diag "$reply"
[ "$(field done)" -gt 0 ] && [ "$(field longest_ms)" -lt $bound ]
ok $? "meanwhile another device's revokes never took $bound ms"

# ... and while a revoke waits for a driver that does not let go
importer hold "$SWITCH_SSD_BDF" || diag "$reply"
like "$reply" "^hold entries=" "a slow driver maps the buffer as well"
tell_exporter memory off
in_time grep -q "state=revoking" /sys/kernel/debug/peerbuf/buffers
ok $? "a revoke waits for it"
importer query
is "$(field mapped)" 0 "the mappings in the IOMMU are gone all the same"
echo "pings 2" >&8
reply_from other 9
diag "$reply"
[ "$(field done)" -gt 0 ] && [ "$(field longest_ms)" -lt $bound ]
ok $? "another device's revokes do not wait with it"
like "$(cat /sys/kernel/debug/peerbuf/buffers)" "state=revoking" "all that time it was waiting"
importer release || diag "$reply"
hear_exporter
ok $? "it ends when the driver lets go"
exporter memory on
importer query
is "$(field mapped)" 200 "and all mappings come back"
echo quit >&8
importer quit
exporter quit
wait
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"
