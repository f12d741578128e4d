#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The small examples: two processes that share a device's memory, a driver in 150 lines, and an
# importer that watches a buffer come and go.
#
# vm-topology: ssd-bar
# vm-set: bar_size=64M
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: build/examples/edu-user/edu-user examples/edu-user/edu-user.c build/examples/share/share build/examples/revoke-watch/revoke-watch
# vm-needs: vm/kernel.sh
. vm/tap.sh
. vm/kernel.sh
set -u
for d in "$SSD_BDF" "$EDU_BDF"; do
	peerbuf device bind "$d" vfio-pci >&2 || bail "the device cannot be bound"
done
peerbuf device bind "$BAR_BDF" >&2 || bail "the device cannot be bound"

seen() { # FILE REGEX
	in_time grep -qs "$2" "$1"
}

build/examples/share/share "$BAR_BDF" 2 >/tmp/share 2>&1
is "$?" 0 "two processes share"
is "$(sort /tmp/share)" "child: SIGBUS, the buffer was revoked
child: wrote a word into the other process's device
parent: reads the child's word
parent: revoked the buffer, and still reads the word by itself" "and what each of them sees"
why="Inappropriate ioctl for device"
# It has no such BAR.
! stock_vfio_exports || why="No such device"
is "$(build/examples/share/share "$SSD_BDF" 2 2>&1 | head -n 1)" \
	"share: the BAR cannot be exported: $why" "a device that cannot"

is "$(build/examples/edu-user/edu-user "$EDU_BDF" "$BAR_BDF")" \
	"through the other device's memory" "a driver in user space"
[ "$(wc -l <examples/edu-user/edu-user.c)" -le 150 ]
ok $? "of 150 lines"

mkfifo /tmp/commands
ssd-exporter --device "$BAR_BDF" --range 0:1M --socket /tmp/own </tmp/commands >/tmp/exporter &
exec 4>/tmp/commands
seen /tmp/exporter ^ready
build/examples/revoke-watch/revoke-watch "$SSD_BDF" /tmp/own >/tmp/watch &
watch=$!
seen /tmp/watch "^live mapped, revoked 0 times"
ok $? "a buffer is mapped"
echo "memory off" >&4
seen /tmp/watch "^revok[a-z]* not mapped, revoked 1 times.*stop submitting"
ok $? "the device's memory is off"
echo "memory on" >&4
seen /tmp/watch "^live mapped, revoked 1 times, restored 1 times: start over"
ok $? "and on again"
echo "close" >&4
wait $watch
is "$?" 0 "it ends with the buffer"
like "$(tail -n 1 /tmp/watch)" "^dead not mapped, .*ask for another buffer" "and says so"
cat /tmp/watch >&2
exec 4>&-
wait

build/examples/revoke-watch/revoke-watch "$SSD_BDF" /tmp/none 2>/tmp/error
is "$? $(cat /tmp/error)" "1 revoke-watch: /tmp/none: No such file or directory" "no socket"
