#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main job, inside the virtual machine. Each step is a test point with its evidence.
#
# vm-topology: ssd-bar
# vm-timeout: 300
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: vm/pair.sh
#
# From demo/run: DEMO_RANGES, the parts of the BAR; DEMO_LBA, where the file begins on the
# SSD, in blocks of 512 bytes; DEMO_BYTES, its size; DEMO_WRONG_LBA, blocks of other data.
set -u
. vm/tap.sh
. vm/pair.sh

MIB=1048576
CHUNK=$((8 * MIB))

must() { # STATUS NAME
	ok "$1" "$2" || {
		diag "the last answer was: $reply"
		exit 1
	}
}

# copy FROM TO: bytes of the file, into the same place of the buffer
copy() {
	at=$1
	failed=0
	while [ "$at" -lt "$2" ]; do
		n=$(($2 - at))
		[ $n -gt $CHUNK ] && n=$CHUNK
		# The SSD reads whole blocks.
		n=$(((n + 511) / 512 * 512))
		importer read $((DEMO_LBA + at / 512)) $n $at || return 1
		failed=$((failed + $(field failed)))
		at=$((at + n))
		[ $at -gt "$2" ] && at=$2
		echo "  $((at / MIB)) of $((DEMO_BYTES / MIB)) MiB, $(field mb_per_s) MB/s" >&2
	done
	[ $failed -eq 0 ]
}

#----------------------------------------------------------------- setting up

reply=
bind "$SSD_BDF" vfio-pci && bind "$BAR_BDF" vfio_pci_peerbuf
must $? "the SSD $SSD_BDF is bound to vfio-pci, the device $BAR_BDF to vfio_pci_peerbuf"

# shellcheck disable=SC2086 # words
start_exporter "$BAR_BDF" $DEMO_RANGES
must $? "process $exporter_pid exports $(field ranges) ranges of BAR 2 as one dma-buf of $(field length) bytes"

start_importer "$SSD_BDF"
must $? "process $importer_pid drives the SSD and maps the dma-buf: $(field length) bytes at IOVA $(field iova)"
iova=$(field iova) length=$(field length)

importer query && [ "$(field mapped)" = yes ] && [ "$(field state)" = live ]
must $? "the mapping is one contiguous run of $(field ranges) ranges, IOMMU page sizes $(field page_sizes), route $(field route)"

#------------------------------------------------------------- the first half

half=$((DEMO_BYTES / 2 / 4096 * 4096))
copy 0 $half
must $? "the SSD has read $half bytes straight into the BAR, $(field mb_per_s) MB/s in this emulation"

#------------------------------------------------- the reset and what it stops

# One reset with a DMA inside it. The importer has its orders before the reset begins, so
# that no shell slows it down; whether its DMA was in time, it is asked afterwards.
told=1 gone=1 in_time=1
reset_under_dma() {
	exporter sum || return 1
	before=$(field crc32)
	importer query || return 1
	restores=$(field restores)
	watch_again

	tell_importer event 30
	tell_importer query
	# One page, as the reset is short; each time other data, so that data
	# which a late DMA left here cannot pass for untouched.
	tell_importer read $((DEMO_WRONG_LBA + 8 * resets)) 4096 $half
	tell_importer query
	tell_exporter reset

	hear_importer
	told=$?
	hear_importer && [ "$(field mapped)" = no ] && [ "$(field state)" != live ]
	gone=$?
	state=$(field state)
	hear_importer
	dma=$reply
	hear_importer && [ "$(field restores)" = "$restores" ]
	in_time=$?
	PATIENCE=30 hear_exporter && elapsed=$(field elapsed_ms)
}

watch_kernel
# Once, before all: of two bursts of faults shortly after each other one is reported.
faults_before=$(faults "$SSD_BDF" "$iova" "$length")
resets=0
while [ $in_time -ne 0 ] && [ $resets -lt 10 ]; do
	resets=$((resets + 1))
	if ! reset_under_dma || [ $told -ne 0 ]; then
		break
	fi
	# Both signals of a reset that was over too soon are taken before the next one.
	[ $in_time -eq 0 ] || importer event 1
done
must $told "the exporter resets its device, and the event fd tells the importer"
must $gone "the mapping is gone: state $state"
must $in_time "a DMA of other data was issued while the device was still being reset: $dma"
diag "CRC of the buffer before the reset: $before; the reset took $elapsed ms"

unmapped=$(when unmap:) reset=$(when bus_reset:)
[ -n "$unmapped" ] && [ -n "$reset" ] && [ "$unmapped" -lt "$reset" ]
must $? "the mapping was gone before the reset went on: unmapped $((${reset:-0} - ${unmapped:-0})) us earlier"

tries=0
while [ "$(faults "$SSD_BDF" "$iova" "$length")" -le "$faults_before" ] && [ $tries -lt 60 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
faulted=$(($(faults "$SSD_BDF" "$iova" "$length") - faults_before))
[ $faulted -gt 0 ]
must $? "the IOMMU stopped that DMA: $faulted lines of faults in the kernel log inside the buffer's IOVAs"

#-------------------------------------------------------- back, and the rest

importer query
while [ "$(field mapped)" != yes ] && [ $tries -lt 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
	importer query
done
[ "$(field mapped)" = yes ] && [ "$(field iova)" = "$iova" ] &&
	[ "$(field restores)" = "$resets" ]
must $? "the mapping came back by itself at the same IOVA $(field iova): state $(field state), revoked $(field revokes), restored $(field restores) times"

importer event 10
must $? "the event fd told the importer of that, too"

exporter sum && [ "$(field crc32)" = "$before" ]
must $? "the DMA changed nothing: the buffer's CRC is $(field crc32) before and after"

copy $half "$DEMO_BYTES"
must $? "the job went on and ended: all $DEMO_BYTES bytes are in the BAR"

#------------------------------------------------------------------ the killing

kill -KILL "$exporter_pid"
importer event 30
must $? "the exporter was killed with SIGKILL, and the importer was told"

# It is told when access ends, which is a moment before the buffer is dead.
n=0
while importer query && [ "$(field state)" != dead ] && [ $n -lt 100 ]; do
	n=$((n + 1))
	sleep 0.1
done
[ "$(field mapped)" = no ] && [ "$(field state)" = dead ]
must $? "its mapping is gone: state $(field state)"

importer quit && ended "$importer_pid"
must $? "the importer ended cleanly"

[ "$(wc -l </sys/kernel/debug/peerbuf/buffers)" -eq 0 ]
must $? "no buffer is left in the kernel"
