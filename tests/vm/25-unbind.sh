#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What root does to a device or a module that is in use: unbind, sysfs "remove" of the
# device and of the port above it, rmmod. VFIO waits until the user closes; until then
# the device has its memory, and after that nobody reaches it.
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
sysfs=/sys/bus/pci/devices

# in_background COMMAND...: its end is told by background_ended
in_background() {
	"$@" &
	background=$!
}

background_waits() { # NAME
	sleep 1
	kill -0 "$background" 2>/dev/null
	ok $? "$1"
}

write_to() { # FILE TEXT
	echo "$2" >"$1"
}

bind "$SSD_BDF" vfio-pci && bind "$PLUG_BDF" vfio_pci_peerbuf || bail "devices cannot be bound"
watch_kernel
# The core switches the device off when it is closed, before anything else takes it.
probe closed vfio_pci_core_close_device && probe removed pci_remove_bus_device ||
	bail "the kernel cannot be watched"

# modules in use ---------------------------------------------------------------------
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
before=$(counts)
for module in vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_core; do
	reason=$(rmmod $module 2>&1)
	like "$reason" "Resource temporarily unavailable|in use|busy" "rmmod $module is refused"
done
is "$(state) $(counts)" "live yes $before" "which changes nothing"
arrives "a DMA arrives"
exporter close
reason=$(rmmod vfio_pci_peerbuf 2>&1)
like "$reason" "Resource temporarily unavailable|in use|busy" \
	"also when the device is closed, while its dead buffer is open"
is "$(state)" "dead no" "the buffer is dead"
end_pair

# take_away NAME EVENT COMMAND...: the device is taken from its driver while it is used
take_away() {
	_what=$1 _mark=$2
	shift 2
	owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
	exporter arm request
	arrives "$_what: while the buffer is live a DMA arrives"
	watch_again
	in_background "$@"
	exporter wait request 10
	[ "$(field count)" -ge 1 ]
	ok $? "$_what: the owner is asked to let go"
	background_waits "$_what: that waits for the owner"
	is "$(state)" "live yes" "$_what: the device still has its memory, and access goes on"
	arrives "$_what: a DMA still arrives"
	exporter close
	is "$(state)" "dead no" "$_what: when the owner has closed, the buffer is dead"
	wait "$background"
	ok $? "$_what: and then it ends"
	gone_before closed:
	ok $? "$_what: the mapping was gone before the device was switched off"
	gone_before "$_mark"
	ok $? "$_what: and before it was taken away"
	stopped "$_what: a DMA is stopped by the IOMMU"
	end_pair
}

take_away unbind closed: write_to "$sysfs/$PLUG_BDF/driver/unbind" "$PLUG_BDF"
is "$(readlink "$sysfs/$PLUG_BDF"/driver)" "" "no driver has the device"
bind "$PLUG_BDF" vfio_pci_peerbuf
ok $? "it can be bound again"

take_away "remove" removed: write_to "$sysfs/$PLUG_BDF/remove" 1
[ ! -e "$sysfs/$PLUG_BDF" ]
ok $? "the device is gone from sysfs"
echo 1 >/sys/bus/pci/rescan
bind "$PLUG_BDF" vfio_pci_peerbuf
ok $? "after a rescan it can be bound again"

take_away "remove of the port" removed: write_to "$sysfs/$PORT_OF_PLUG_BDF/remove" 1
[ ! -e "$sysfs/$PORT_OF_PLUG_BDF" ]
ok $? "the port is gone from sysfs"
echo 1 >/sys/bus/pci/rescan
bind "$PLUG_BDF" vfio_pci_peerbuf
ok $? "after a rescan the device behind it can be bound again"

# an owner that dies while it is asked -------------------------------------------------
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
exporter arm request
watch_again
in_background write_to "$sysfs/$PLUG_BDF/driver/unbind" "$PLUG_BDF"
exporter wait request 10
kill -KILL "$exporter_pid"
wait "$background"
ok $? "unbind ends when the owner is killed"
gone_before closed:
ok $? "the mapping was gone before the device was"
is "$(state)" "dead no" "the buffer is dead"
stopped "a DMA is stopped by the IOMMU"
importer quit
ended "$importer_pid"
ended "$exporter_pid"
bind "$PLUG_BDF" vfio_pci_peerbuf

# and all works as before ----------------------------------------------------------------
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
arrives "in the end a DMA arrives as in the beginning"
end_pair
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"
