#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The device is unplugged while it is used: orderly, with the kernel asking its owner to
# let go first; and by surprise, so that its memory is gone before anybody knows.
#
# vm-topology: triggers
# vm-timeout: 180
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-expect-log: &ctrl->reset_lock\).*, at: pciehp_unconfigure_device
# vm-needs: vm/pair.sh vm/owner.sh build/tests/abi/owner
set -u
. vm/tap.sh
. vm/pair.sh
. vm/owner.sh

MIB=1048576
sysfs=/sys/bus/pci/devices

gone() {
	[ ! -e "$sysfs/$PLUG_BDF" ]
}

slot_off() {
	_slot=$(grep -l "^${PLUG_BDF%.*}$" /sys/bus/pci/slots/*/address)
	[ "$(cat "${_slot%/*}"/power)" = 0 ]
}

# VFIO resets a device that it opens; in a slot that can be unplugged it takes hot-plug's
# lock for it, under its own, and an unplug takes them the other way round. That is so in
# 6.12 without us, and lockdep says so; so it does of two locks of hot-plug itself, which
# vm-expect-log names. Nothing here needs a reset.
no_reset() {
	echo >"$sysfs/$PLUG_BDF"/reset_method
}

there() {
	[ -e "$sysfs/$PLUG_BDF" ] && no_reset && bind "$PLUG_BDF" vfio_pci_peerbuf
}


# The PCI Express capability of the port: its slot control register is at 0x18.
port_config=$sysfs/$PORT_OF_PLUG_BDF/config
byte_at() {
	hexdump -s "$1" -n 1 -e '1/1 "%d"' "$port_config"
}
cap=$(byte_at 52)
while [ "$(byte_at "$cap")" != 16 ]; do
	cap=$(byte_at $((cap + 1)))
done

slot_control() { # LOW-BYTE HIGH-BYTE
	# shellcheck disable=SC2059 # a format made here
	printf "\\$(printf %o "$1")\\$(printf %o "$2")" |
		dd of="$port_config" bs=2 seek=$(((cap + 24) / 2)) conv=notrunc 2>/dev/null
}

# QEMU takes a device away at once when power and its indicator go off (bits 10, 8 and 9).
# That is done behind the driver's back, with the port's interrupt (bit 5) off, or the
# driver would find a slot without power and nothing to do. With power and interrupt back
# on, what the port has to say is that card and link are gone.
pull() {
	_low=$(byte_at $((cap + 24)))
	_high=$(byte_at $((cap + 25)))
	slot_control $((_low & ~32)) $((_high | 7)) && slot_control "$_low" "$_high"
}

# QEMU 7.2 ends with an assertion if the new device gets the memory of the last one.
plugged=0
plug() {
	# What is plugged in before the slot's power is off would be unplugged by that, and
	# the driver does not listen for a second after it.
	in_time slot_off || return
	sleep 2
	plugged=$((plugged + 1))
	_memory="\"qom-type\":\"memory-backend-ram\",\"id\":\"again$plugged\",\"size\":16777216,\"share\":true"
	_device="\"driver\":\"ivshmem-plain\",\"id\":\"plug\",\"memdev\":\"again$plugged\",\"bus\":\"port4\""
	host-do qmp "{\"execute\":\"object-add\",\"arguments\":{$_memory}}" >/dev/null &&
		host-do qmp "{\"execute\":\"device_add\",\"arguments\":{$_device}}" >/dev/null
}

bind "$SSD_BDF" vfio-pci && there || bail "devices cannot be bound"
watch_kernel
probe closed vfio_pci_core_close_device && probe power_off pciehp_power_off_slot ||
	bail "the kernel cannot be watched"

# orderly ---------------------------------------------------------------------------
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
exporter arm request
arrives "while the buffer is live a DMA arrives, so that this test can tell"
watch_again
host-do qmp '{"execute":"device_del","arguments":{"id":"plug"}}' >/dev/null
ok $? "the host asks for the device"
exporter wait request 30
[ "$(field count)" -ge 1 ]
ok $? "the kernel asks the owner to let go"
sleep 1
is "$(state)" "live yes" "until it does the device has its memory, and access goes on"
arrives "a DMA still arrives"
exporter close
is "$(state)" "dead no" "when the owner has closed, the buffer is dead"
in_time gone
ok $? "and then the device goes"
gone_before closed:
ok $? "the mapping was gone before the device was switched off"
gone_before power_off:
ok $? "and before its slot was"
host-do event DEVICE_DELETED 20 >/dev/null
ok $? "the host has the device back"
stopped "a DMA is stopped by the IOMMU"
end_pair

plug && in_time there
ok $? "it is plugged in again"

# by surprise -----------------------------------------------------------------------
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
arrives "while the buffer is live a DMA arrives"
importer event 0
pull
ok $? "the device is pulled out"
importer event 20
is "$(field count)" 1 "the importer is told, though the owner has not let go"
is "$(state)" "revoked no" "the mapping is gone"
stopped "a DMA is stopped by the IOMMU"
exporter memory off
exporter memory on
is "$(state)" "revoked no" "what the owner does to its device brings nothing back"
exporter close
is "$(state)" "dead no" "when the owner closes the buffer is dead"
in_time gone
ok $? "and the kernel has done with the device"
end_pair
host-do event DEVICE_DELETED 20 >/dev/null
ok $? "and so has the host"

plug && in_time there
ok $? "it is plugged in again"
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
arrives "and a DMA arrives"

# the owner is killed after a surprise ---------------------------------------------------
importer event 0
pull
importer event 20
kill -KILL "$exporter_pid"
ended "$exporter_pid"
in_time gone
ok $? "pulled out again, and its owner killed: the kernel has done with the device"
is "$(state)" "dead no" "the buffer is dead"
importer quit
ended "$importer_pid"
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"
