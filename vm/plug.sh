# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Unplug and plug in the device PLUG of the topology "triggers"; wants vm/tap.sh. A test that
# unplugs it in an orderly way has this line in its header:
#
#   vm-expect-log: &ctrl->reset_lock\).*, at: pciehp_unconfigure_device

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
	[ -e "$sysfs/$PLUG_BDF" ] && no_reset && peerbuf device bind "$PLUG_BDF" vfio_pci_peerbuf >/dev/null
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
