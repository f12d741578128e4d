#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# "peerbuf buffer", "map" and "watch": buffers of every exporter with those who hold them,
# mappings in one's own and in another process's container, revocation of what another process
# has exported, and all of that seen as it happens.
#
# vm-topology: ssd-bar
# vm-set: bar_size=128M
# vm-modules: vfio-pci peerbuf_core peerbuf_ram vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: build/tests/abi/heap vm/kernel.sh
# vm-timeout: 150
. vm/tap.sh
. vm/kernel.sh
set -u

# What it says when it fails, and the status.
refused() { # ARGUMENT...
	{ peerbuf "$@" >/dev/null; } 2>&1
	echo "status $?"
}

# Wait until a file has a line like this.
seen() { # FILE REGEX
	in_time grep -qs "$2" "$1"
}

row() { # REGEX: of the list of buffers, with single blanks
	peerbuf buffer list | tr -s ' ' | sed 's/^ //' | grep "$1"
}

peerbuf device bind "$SSD_BDF" vfio-pci >&2
if stock_vfio_exports; then
	# The buffer is there until the command is told to end.
	is "$({ timeout 10 peerbuf buffer export "$SSD_BDF" 0 0:4K >/dev/null; } 2>&1; echo "status $?")" \
		"status 0" "a device of the kernel's own driver, which exports"
else
	is "$(refused buffer export "$SSD_BDF" 0 0:4K)" \
		"peerbuf: $SSD_BDF does not export: it cannot export; bind it to vfio_pci_peerbuf: see peerbuf device bind
status 1" "a device that cannot export"
fi
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
is "$(peerbuf buffer list)" "There are no buffers." "at first there are none"
is "$(peerbuf map list)" "No buffer is mapped." "and none is mapped"

peerbuf --json watch >/tmp/watch &
watch=$!
# The last of the events that it enables.
watching() {
	grep -qs 1 /sys/kernel/tracing/instances/peerbuf-watch-*/events/peerbuf/peerbuf_wait/enable
}
in_time watching || bail "the watch does not begin"

# ---- buffers of three exporters

is "$(refused buffer export "$BAR_BDF" 2 1:4K)" \
	"peerbuf: BAR 2 of $BAR_BDF cannot be exported: a range is empty, not page aligned, or beyond the BAR's end
status 1" "a range that is not aligned"
is "$(refused buffer export "$BAR_BDF" 5 0:4K)" "peerbuf: $BAR_BDF has no memory BAR 5
status 1" "a BAR that is not there"

peerbuf buffer export "$BAR_BDF" 2 0:1M 64M:1M >/tmp/export &
export=$!
seen /tmp/export "^Buffer"
ok $? "a part of a BAR is exported"
bar=$(sed -n 's/^Buffer \([0-9]*\):.*/\1/p' /tmp/export)
peerbuf --json buffer export ram 2M --socket /tmp/socket >/tmp/ram &
ram_exporter=$!
seen /tmp/ram '"ino"'
ok $? "so is RAM"
ram=$(sed -n 's/.*"ino":\([0-9]*\).*/\1/p' /tmp/ram)
[ -S /tmp/socket ]
ok $? "and handed out at a socket"
mkfifo /tmp/heap-input
build/tests/abi/heap </tmp/heap-input >/tmp/heap &
exec 3>/tmp/heap-input
seen /tmp/heap '^[0-9]'
heap=$(cat /tmp/heap)

like "$(row "^$bar ")" "^$bar [0-9]+ vfio_pci_peerbuf - 2M live 0 0 - peerbuf\($export\)$" \
	"the BAR's buffer and who holds it"
like "$(row "^$ram ")" "^$ram [0-9]+ peerbuf_ram - 2M live 0 0 - peerbuf\($ram_exporter\)$" \
	"the buffer of RAM"
like "$(row "^$heap ")" "^$heap - system red\?\[31m 64K - - - - heap\([0-9]+\)$" \
	"a foreign one, without the escape sequence in its name"
like "$(peerbuf --json buffer show "$heap" | tr -d ' \n')" \
	'"id":null.*"holders":\[\{"pid":[0-9]+,"comm":"heap","fds":1,"maps":1\}\]' \
	"a process's descriptors and mappings"
like "$(peerbuf buffer show "$bar" | tr -s ' ' | tr '\n' '|')" \
	"Exporter: vfio_pci_peerbuf\|Size: 2M\|State: live.*No device is attached.*OFFSET ADDRESS LENGTH\|.*0x0 0x[0-9a-f]+ 1M\|.*0x100000 0x[0-9a-f]+ 1M" \
	"all about one, with its ranges"
is "$(refused buffer show 999999)" "peerbuf: there is no buffer 999999; see peerbuf buffer list
status 1" "one that is not there"

# ---- mappings

is "$(refused map remove "$SSD_BDF" 0)" \
	"peerbuf: no process has $SSD_BDF open: nothing is mapped for it
status 1" "nothing to remove"
is "$(refused map add "$SSD_BDF" "$bar" 0xfee00000)" \
	"peerbuf: buffer $bar cannot be mapped at 0xfee00000: the IOVA is not page aligned, not usable, or not congruent with a page of the IOMMU
status 1" "an IOVA that is reserved"
peerbuf map add "$SSD_BDF" "$bar" 0x40000000 >/tmp/map &
map=$!
seen /tmp/map "is mapped for $SSD_BDF at 0x40000000, 2097152 bytes, until this command ends"
ok $? "a buffer is mapped for a device that nobody has open"
is "$(refused map add "$SSD_BDF" "$ram")" \
	"peerbuf: $SSD_BDF is in use by peerbuf ($map), whose addresses are its own business: give an IOVA
status 2" "in another process's container an IOVA has to be given"
is "$(refused map add "$SSD_BDF" "$ram" 0x40100000)" \
	"peerbuf: buffer $ram cannot be mapped at 0x40100000: part of the IOVA range is taken
status 1" "and one that is free"
is "$(peerbuf map add "$SSD_BDF" "$ram" 0x80000000)" \
	"Buffer $ram is mapped for $SSD_BDF at 0x80000000, 2097152 bytes." \
	"a second one in that process's container"
is "$(peerbuf map add "$SSD_BDF" "$heap" 0xa0000000)" \
	"Buffer $heap is mapped for $SSD_BDF at 0xa0000000, 65536 bytes." "and the foreign one"
is "$(peerbuf map list | tr -s ' ' | sed 1d)" \
	"$SSD_BDF 0x40000000 2M yes $bar vfio_pci_peerbuf live $map peerbuf
$SSD_BDF 0x80000000 2M yes $ram peerbuf_ram live $map peerbuf
$SSD_BDF 0xa0000000 64K yes $heap system - $map peerbuf" "the list of mappings"
like "$(row "^$heap ")" "$SSD_BDF:direct\(iommu\) heap" "an importer of the foreign one, and its type"
is "$(peerbuf map remove "$SSD_BDF" 0xa0000000)" \
	"The mapping at 0xa0000000 for $SSD_BDF is removed." "a mapping is removed"
is "$(refused map remove "$SSD_BDF" 0xa0000000)" \
	"peerbuf: no buffer is mapped for $SSD_BDF at 0xa0000000; see peerbuf map list
status 1" "once"

# ---- revoke

is "$(refused buffer revoke "$heap")" \
	"peerbuf: buffer $heap is of system: only buffers that peerbuf's modules export can be revoked
status 1" "a foreign buffer cannot be revoked"
is "$(peerbuf buffer revoke "$ram")" "Buffer $ram of peerbuf ($ram_exporter) is revoked for good." \
	"a buffer of RAM is revoked, though it is another process's"
wait $ram_exporter
is "$? $(grep -c '"state":"dead"' /tmp/ram)" "0 1" "its exporter notices, and ends"
[ ! -e /tmp/socket ]
ok $? "the socket is gone"
like "$(peerbuf map list | tr -s ' ' | grep "0x80000000")" "^$SSD_BDF 0x80000000 2M no $ram peerbuf_ram dead" \
	"it is mapped no more, and keeps its place"
is "$(peerbuf --json buffer revoke "$bar" | tr -d ' \n')" \
	"{\"ino\":$bar,\"revoked\":true,\"owner\":$export,\"comm\":\"peerbuf\"}" "a BAR's, in JSON"
wait $map
is "$?" 0 "who had mapped it ends"
like "$(cat /tmp/map)" "Buffer $bar is dead, not mapped." "and says why"
wait $export
is "$?" 0 "so does who had exported it"

# ---- watch

seen /tmp/watch '"event":"state".*"from":"revoked","state":"dead"'
ok $? "the watch has seen a buffer die"
sleep 0.3
kill -INT $watch
wait $watch
is "$?" 0 "it ends when it is told to"
like "$(grep '"event":"map"' /tmp/watch | head -n 1)" \
	"\"importer\":\"$SSD_BDF\",\"type\":\"iommu\",\"origin\":\"pal\",\"addr\":1073741824,\"length\":2097152" \
	"a mapping"
for event in attach map revoke unmap detach; do
	grep -q "\"event\":\"$event\"" /tmp/watch
	ok $? "the event $event"
done
is "$(sed -n '/"event":"revoke"/s/.*"comm":"\([^"]*\)".*/\1/p' /tmp/watch | sort -u)" "peerbuf" \
	"who did it, also of a process that has ended"
is "$(grep -vc '^{"time_ns":[0-9]*,"event":"[a-z]*","pid":[0-9]*,"comm":"[^"]*",.*}$' /tmp/watch)" 0 \
	"each line is a document"
is "$(ls /sys/kernel/tracing/instances)" "" "it leaves nothing behind"
mkdir /sys/kernel/tracing/instances/peerbuf-watch-999999
is "$(peerbuf watch 1)" "Watching; the end is Control-C." "for a second, nothing happens"
is "$(ls /sys/kernel/tracing/instances)" "" "what a killed one left is removed"

# ---- a machine that is ready

peerbuf doctor >/tmp/doctor
status=$?
cat /tmp/doctor >&2
is "$status" 0 "the doctor is content"
like "$(cat /tmp/doctor)" "$BAR_BDF can be used, in IOMMU group" "with the device's group, too"

exec 3>&-
