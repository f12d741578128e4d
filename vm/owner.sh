# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# In a guest: the test program "owner" in the place of ssd-exporter, and what every test
# of a way to lose access asks. After vm/pair.sh. The SSD's first blocks are zeros; what
# they overwrite is not, so a DMA that arrives changes the buffer's checksum.

# start_owner BDF OFFSET LENGTH [SIBLING-BDF]; "exporter COMMAND..." talks to it
start_owner() {
	rm -f "$_pair/socket"
	buffer_length=$3
	start exporter 4 build/tests/abi/owner "$_pair/socket" "$@"
}

# owner_pair BDF OFFSET LENGTH [SIBLING-BDF]: both processes, or the end of the test
owner_pair() {
	start_owner "$@" || bail "$reply"
	start_importer "$SSD_BDF" || bail "$reply"
	iova=$(field iova)
}

# Both processes end. What is gone already is no error.
end_pair() {
	importer quit
	ended "$importer_pid"
	exporter quit
	ended "$exporter_pid"
}

# probe NAME FUNCTION [ARGUMENT...]: one more event for watch_kernel's trace
probe() {
	_event=$1
	shift
	echo "p:watch/$_event $*" >>$_tracing/kprobe_events &&
		echo 1 >$_tracing/events/watch/"$_event"/enable
}

dma() { # OFFSET
	importer read 0 65536 "$1"
}

paint() {
	exporter fill 0xa5 && exporter sum
	painted=$(field crc32)
}

# What the importer is told: the state, and whether it is mapped.
state() {
	importer query
	echo "$(field state) $(field mapped)"
}

# How often access was taken away and came back.
counts() {
	importer query
	echo "$(field revokes) $(field restores)"
}

# unchanged NAME: no DMA has arrived since paint()
unchanged() {
	exporter sum
	is "$(field crc32)" "$painted" "$1"
}

# arrives NAME: a DMA does
arrives() {
	paint
	dma 0
	exporter sum
	[ "$(field crc32)" != "$painted" ]
	ok $? "$1"
}

# stopped NAME: the SSD writes, and the IOMMU stops it. The kernel limits its lines and
# QEMU reports a burst once, so it is tried until there is one more.
stopped() {
	_before=$(faults "$SSD_BDF" "$iova" "$buffer_length")
	_n=0
	while [ $_n -lt 40 ]; do
		dma 0
		[ "$(faults "$SSD_BDF" "$iova" "$buffer_length")" -gt "$_before" ] && break
		sleep 0.2
		_n=$((_n + 1))
	done
	[ $_n -lt 40 ]
	ok $? "$1"
}

# nothing_arrives_during NAME COMMAND...: the owner executes the command, which takes
# access away and gives it back; a DMA that begins and ends in between moves nothing. The
# importer has its orders before, so that no shell slows it down. Whether the DMA was in
# between is told by the state after it; if not, or if the revoke has not quite ended by
# then, once more.
nothing_arrives_during() {
	_name=$1
	shift
	_n=0
	while [ $_n -lt 20 ]; do
		_n=$((_n + 1))
		paint
		importer event 0
		tell_importer event 10
		tell_importer read 0 65536 0
		tell_importer query
		tell_exporter "$@"
		hear_importer
		hear_importer
		hear_importer
		_state=$(field state)
		hear_exporter || break
		[ "$_state" != revoked ] || break
	done
	is "$_state" revoked "a DMA was made while access was away: $*"
	unchanged "$_name"
}
