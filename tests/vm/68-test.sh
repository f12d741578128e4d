#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# "peerbuf test": data go from device to device, all of them, and what was in the memory is there
# again; data that do not arrive, or arrive wrong, are noticed.
#
# vm-topology: ssd-bar
# vm-set: bar_size=64M
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: vm/kernel.sh
. vm/tap.sh
. vm/kernel.sh
set -u

# What it says when it fails, and the status.
refused() { # ARGUMENT...
	{ peerbuf test "$@" >/dev/null; } 2>&1
	echo "status $?"
}

# CRC of the first MiB of the memory, after commands to the exporter.
sum_after() { # COMMAND...
	printf '%s\n' "$@" sum quit |
		ssd-exporter --device "$BAR_BDF" --range 0:1M --socket /tmp/socket |
		sed -n 's/^sum crc32=\([^ ]*\).*/\1/p'
}

column() { # NUMBER: of the rows of the report
	awk -v n="$1" '/ -> / { gsub(/ -> /, "->"); print $n }' /tmp/report | sort -u | tr '\n' ' '
}

is "$(refused "$BAR_BDF" "$SSD_BDF")" \
	"peerbuf: $BAR_BDF cannot be opened: no device of its IOMMU group is bound to a VFIO driver; see peerbuf device bind
status 1" "a device without a driver of VFIO's"
for d in "$SSD_BDF" "$EDU_BDF"; do
	peerbuf device bind "$d" vfio-pci >&2
done
peerbuf device bind "$BAR2_BDF" vfio-pci >&2
if stock_vfio_exports; then
	is "$(refused "$BAR2_BDF" "$SSD_BDF")" \
		"peerbuf: memory of $BAR2_BDF cannot be mapped for $SSD_BDF: Operation not supported
status 1" "one that exports, but to which the kernel knows no route"
else
	is "$(refused "$BAR2_BDF" "$SSD_BDF")" \
		"peerbuf: $BAR2_BDF does not export: it cannot export; bind it to vfio_pci_peerbuf: see peerbuf device bind
status 1" "one that cannot export"
fi
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2

is "$(refused "$BAR_BDF" "$BAR2_BDF")" \
	"peerbuf: $BAR2_BDF is neither an NVMe controller nor QEMU's edu device: there is no way to make it read and write
status 1" "one that does no DMA"
is "$(refused "$BAR_BDF" "$SSD_BDF" 2 65M 4K)" \
	"peerbuf: BAR 2 of $BAR_BDF has 67108864 bytes: the range is not in it
status 1" "a range beyond the end"
is "$(refused "$BAR_BDF" "$SSD_BDF" 2 1 4K)" \
	"peerbuf: OFFSET and LENGTH are multiples of 4096, LENGTH at most 256M
status 2" "a range that is not aligned"
is "$(refused "$EDU_BDF" "$SSD_BDF")" \
	"peerbuf: $EDU_BDF has no prefetchable BAR: say which one is memory that may be written to
status 1" "a device with registers only"

# Something to find on the SSD, and in the memory.
before=$(sum_after "fill 0x77")
host-do monitor "qemu-io disk0 \"write -P 0x5a 0 512k\"" >/dev/null
peerbuf test "$BAR_BDF" "$SSD_BDF" >/tmp/report
is "$?" 0 "an SSD's data arrive"
cat /tmp/report >&2
is "$(column 2)" "NVMe->RAM NVMe->memory " "in RAM, and in the memory"
is "$(column 3) $(column 5)" "1048576  0 " "all of them"
like "$(cat /tmp/report)" "Route: not-supported \(host-not-listed\)" "the route is told"

peerbuf test "$BAR_BDF" "$EDU_BDF" 2 4K 4K >/tmp/report
is "$?" 0 "edu's data arrive"
cat /tmp/report >&2
is "$(column 1)" "noise ones places zeros " "of all patterns"
is "$(column 2)" "RAM->RAM RAM->memory memory->RAM " "there and back"
is "$(column 5)" "0 " "all of them"

[ -n "$before" ]
ok $? "there was something in the memory"
is "$(sum_after)" "$before" "it is there again"

peerbuf --json test "$BAR_BDF" "$SSD_BDF" 2 1M 64K >/tmp/report
like "$(tr -d ' \n' </tmp/report)" '"good":true,"moves":\[\{"data":"own".*"bytes":65536' "JSON"

# The memory goes away without anybody being told, as behind a bridge that does not route.
peerbuf test "$BAR_BDF" "$EDU_BDF" 2 0 4K >/tmp/report &
mapped() {
	peerbuf buffer list | grep -q "$EDU_BDF"
}
in_time mapped
printf '\000' | dd of="/sys/bus/pci/devices/$BAR_BDF/config" bs=1 seek=4 conv=notrunc 2>/dev/null
wait $!
is "$?" 1 "data that do not arrive are noticed"
like "$(cat /tmp/report)" "bytes are wrong. Do not use this pair" "and told"
cat /tmp/report >&2
