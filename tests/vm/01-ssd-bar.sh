#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The devices of topology ssd-bar are where its file says, and can be told apart.
#
# vm-topology: ssd-bar
# vm-set: bar_size=4G
# vm-timeout: 60
. vm/tap.sh

devices=/sys/bus/pci/devices

identity() { # BDF
	echo "$(cat "$devices/$1/vendor"):$(cat "$devices/$1/device")"
}

bar_size() { # BDF NUMBER
	sed -n "$(($2 + 1))p" "$devices/$1/resource" | {
		read -r first last _
		[ "$last" = 0x0000000000000000 ] && echo 0 || echo $((last - first + 1))
	}
}

is "$(identity "$SSD_BDF")" 0x1b36:0x0010 "SSD is an NVMe controller"
is "$(identity "$BAR_BDF")" 0x1af4:0x1110 "BAR is a memory device"
is "$(identity "$BAR2_BDF")" 0x1af4:0x1110 "BAR2 is a memory device"
is "$(identity "$EDU_BDF")" 0x1234:0x11e8 "EDU is the teaching device"
is "$(bar_size "$BAR_BDF" 2)" $((4 << 30)) "BAR has the size that the test asked for"
is "$(bar_size "$BAR2_BDF" 2)" $((64 << 20)) "BAR2 has 64 MiB"

for role in SSD BAR BAR2 EDU; do
	eval "bdf=\$${role}_BDF"
	group=$(readlink -f "$devices/$bdf/iommu_group")
	is "$(ls "$group/devices")" "$bdf" "$role is alone in IOMMU group ${group##*/}"
done
