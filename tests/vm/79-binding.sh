#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Does what docs/vfio-pci.md tells to do give a device to the driver? The commands and files are
# taken from there. Its example's address is that of a device here.
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf
# vm-kernel-config: CONFIG_INOTIFY_USER
# vm-packages: udev
# vm-needs: docs/vfio-pci.md
# vm-timeout: 120
set -u
. vm/tap.sh

sysfs=/sys/bus/pci/devices/$BAR_BDF
[ "$BAR_BDF" = 0000:02:00.0 ] || bail "the topology has changed"

# code_after TEXT: the indented block that follows a line with it
code_after() {
	awk -v text="$1" '
		index($0, text) { found = 1; next }
		found && /^    / { print substr($0, 5); printed = 1; next }
		printed && NF { exit }' docs/vfio-pci.md
}

driver() {
	basename "$(readlink "$sysfs/driver")"
}

# run TEXT: the commands that follow a line with it
run() {
	code_after "$1" >/tmp/commands
	[ -s /tmp/commands ] || bail "docs/vfio-pci.md has no commands after \"$1\""
	sed 's/^/# /' /tmp/commands
	sh -e /tmp/commands
}

# Real modprobe, with lists of the modules that are here.
for name in modprobe depmod rmmod; do
	ln -sf /bin/kmod /sbin/$name
done
/sbin/depmod 2>/dev/null || bail "depmod fails"

# by hand ------------------------------------------------------------------------------
peerbuf device bind "$BAR_BDF" vfio-pci >&2 || bail "the device cannot be bound"
run "By hand:"
is "$? $(driver)" "0 vfio_pci_peerbuf" "by hand the device is bound"
run "and back, with an empty line"
is "$? $(driver)" "0 " "and given back"

# by the command -------------------------------------------------------------------------
run "With the command:" >/tmp/said
is "$? $(driver)" "0 " "by the command it is bound and given back"
like "$(cat /tmp/said)" "is bound to vfio_pci_peerbuf" "and was bound in between"

# by udev --------------------------------------------------------------------------------
mkdir -p /etc/udev/rules.d /run/udev
echo "vfio:x:77:" >>/etc/group
code_after "chooses:" >/etc/udev/rules.d/70-vfio-pci-peerbuf.rules
like "$(cat /etc/udev/rules.d/70-vfio-pci-peerbuf.rules)" 'driver_override' "there is a rule for udev"
/lib/systemd/systemd-udevd --daemon --resolve-names=early 2>/tmp/udevd.log
ok $? "udev runs"
udevadm control --ping || diag "$(cat /tmp/udevd.log)"
echo 1 >"$sysfs/remove"
[ ! -e "$sysfs" ]
ok $? "the device is pulled"
echo 1 >/sys/bus/pci/rescan
udevadm settle --timeout=60
bound() {
	[ -n "$(driver)" ]
}
in_time bound
udevadm settle --timeout=60
is "$(driver)" vfio_pci_peerbuf "plugged in again it is bound"
group=$(basename "$(readlink "$sysfs/iommu_group")")
is "$(stat -c '%a %g' "/dev/vfio/$group")" "660 77" "and the group vfio may use it"
is "$(readlink "/sys/bus/pci/devices/$SSD_BDF/driver")" "" "another device is left alone"
udevadm control --exit

# by its numbers -------------------------------------------------------------------------
echo "$BAR_BDF" >"$sysfs/driver/unbind"
echo >"$sysfs/driver_override"
rmmod vfio_pci_peerbuf || bail "the module cannot be unloaded"
modprobe vfio_pci_peerbuf ids=nothing 2>/dev/null
is "$?" 1 "what is no number is refused"
modprobe vfio_pci_peerbuf ids=8086:1,1af4:1110
is "$? $(driver)" "0 vfio_pci_peerbuf" "the devices of a number are taken"

# in place of vfio-pci -------------------------------------------------------------------
echo "$BAR_BDF" >"$sysfs/driver/unbind"
rmmod vfio_pci_peerbuf
modprobe vfio_pci_peerbuf takeover=1 2>/dev/null
is "$?" 1 "the name cannot be had while vfio-pci is loaded"
rmmod vfio_pci || bail "vfio-pci cannot be unloaded"
mkdir -p /etc/modprobe.d
code_after "when anything loads" >/etc/modprobe.d/vfio-pci-peerbuf.conf
# Not the one of the shell, which knows no "install".
/sbin/modprobe vfio-pci
is "$? $(basename "$(readlink /sys/bus/pci/drivers/vfio-pci/module)")" "0 vfio_pci_peerbuf" \
	"modprobe vfio-pci loads the other module, which has the name"
peerbuf device bind "$BAR_BDF" vfio-pci >&2
is "$? $(driver)" "0 vfio-pci" "and a device can be bound to it by that name"
peerbuf device unbind "$BAR_BDF" >&2
rmmod vfio_pci_peerbuf
ok $? "it can be unloaded"
