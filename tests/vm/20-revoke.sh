#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every way in which access ends: the SSD goes on writing into the buffer, and nothing
# arrives; the IOMMU says so; and what can come back comes back.
#
# vm-topology: ssd-bar
# vm-timeout: 180
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: vm/pair.sh
set -u
. vm/tap.sh
. vm/pair.sh

MIB=1048576
bind "$SSD_BDF" vfio-pci && bind "$BAR_BDF" vfio_pci_peerbuf || bail "devices cannot be bound"
# The disk's first blocks are zeros; what they overwrite is not.
start_exporter "$BAR_BDF" 16M:2M 48M:4M || bail "$reply"
start_importer "$SSD_BDF" || bail "$reply"
iova=$(field iova)

# The buffer holds 0xa5 everywhere; a DMA that gets through makes a part of it 0.
paint() {
	exporter fill 0xa5 && exporter sum
	painted=$(field crc32)
}

dma() { # OFFSET
	importer read 0 65536 "$1"
}

unchanged() { # NAME
	exporter sum
	is "$(field crc32)" "$painted" "$1"
}

state() {
	importer query
	echo "$(field state) $(field mapped)"
}

gone_faults() { # NAME: a DMA now is stopped by the IOMMU
	_before=$(faults "$SSD_BDF" "$iova" $((6 * MIB)))
	# The kernel limits its lines, and QEMU reports a burst once.
	_n=0
	while [ "$(faults "$SSD_BDF" "$iova" $((6 * MIB)))" -le "$_before" ] && [ $_n -lt 40 ]; do
		dma $((_n * 65536 % (6 * MIB)))
		sleep 0.2
		_n=$((_n + 1))
	done
	[ "$(faults "$SSD_BDF" "$iova" $((6 * MIB)))" -gt "$_before" ]
	ok $? "$1"
}

paint
dma 0
exporter sum
[ "$(field crc32)" != "$painted" ]
ok $? "while the buffer is live a DMA arrives, so that this test can tell"

# memory decode off and on -------------------------------------------------
paint
watch_kernel
exporter memory off
gone_before 'config_write[_a-z]*:'
ok $? "the mapping was gone before the device was told to stop decoding"
is "$(state)" "revoked no" "memory decode off revokes"
importer event 1
ok $? "the importer is told"
gone_faults "a DMA is stopped by the IOMMU while memory decode is off"
exporter memory on
is "$(state)" "live yes" "memory decode on restores"
unchanged "nothing had arrived"
dma 0
exporter sum
[ "$(field crc32)" != "$painted" ]
ok $? "after the restore a DMA arrives"

# toggling many times ------------------------------------------------------
importer query
revokes=$(field revokes)
n=0
while [ $n -lt 20 ]; do
	exporter memory off && exporter memory on || break
	n=$((n + 1))
done
importer query
is "$(field revokes) $(field restores)" "$((revokes + 20)) $((revokes + 20))" \
	"twenty toggles are twenty revokes and twenty restores"
is "$(field iova) $(field page_sizes) $(field mapped)" "$iova 0x200000 yes" \
	"the mapping is the same as the first time, large pages and all"

# VFIO reset ---------------------------------------------------------------
watch_again
exporter reset
gone_before bus_reset:
ok $? "the mapping was gone before VFIO_DEVICE_RESET went on"
is "$(state)" "live yes" "after VFIO_DEVICE_RESET the mapping is back"
importer query
is "$(field revokes)" $((revokes + 21)) "the reset revoked once"

# sysfs reset, by root, behind the owner's back -----------------------------
watch_again
echo 1 >/sys/bus/pci/devices/"$BAR_BDF"/reset
ok $? "the device is reset through sysfs"
gone_before bus_reset:
ok $? "the mapping was gone before that reset went on"
importer query
is "$(field revokes) $(field restores) $(field mapped)" \
	"$((revokes + 22)) $((revokes + 22)) yes" "it was revoked meanwhile and is back"

# a reset while memory is off ----------------------------------------------
exporter memory off
exporter reset
is "$(state)" "revoked no" "a reset while memory decode is off does not bring access back"
exporter memory on
is "$(state)" "live yes" "memory decode on does"

# the importer lets go and comes back ----------------------------------------
importer unmap && importer map
ok $? "the importer unmaps, and maps again"
is "$(state)" "live yes" "mapped again at the same IOVA"

# the owner takes this one buffer back -------------------------------------
exporter revoke
ok $? "the owner revokes the buffer for good"
is "$(state)" "dead no" "it is dead"
gone_faults "a DMA is stopped by the IOMMU after that"
importer quit && exporter quit
ended "$importer_pid"
ended "$exporter_pid"
start_exporter "$BAR_BDF" 16M:2M 48M:4M || bail "$reply"
start_importer "$SSD_BDF" || bail "$reply"

# the last close -----------------------------------------------------------
paint
exporter close
is "$(state)" "dead no" "the last close is the buffer's end"
gone_faults "a DMA is stopped by the IOMMU after the close"
importer unmap
ok $? "a dead buffer is unmapped like any other"
if importer map; then _r=0; else _r=1; fi
is $_r 1 "and cannot be mapped again"
importer quit || true
ended "$importer_pid"

# death of the importer while revoked ---------------------------------------
exporter quit
ended "$exporter_pid"
start_exporter "$BAR_BDF" 16M:1M || bail "$reply"
start_importer "$SSD_BDF" || bail "$reply"
exporter memory off
kill -KILL "$importer_pid"
ended "$importer_pid"
exporter memory on
ok $? "an importer that dies while revoked hinders nobody"
is "$(grep -c state=live /sys/kernel/debug/peerbuf/buffers)" 1 "its buffer is live again"
like "$(cat /sys/kernel/debug/peerbuf/buffers)" 'attachments=0' "without attachments"

# death of the exporter ------------------------------------------------------
start_importer "$SSD_BDF" || bail "$reply"
kill -KILL "$exporter_pid"
importer event 10
ok $? "an exporter's death is told"
is "$(state)" "dead no" "and ends access"
importer quit
ended "$importer_pid"
ok $? "the importer ends cleanly"
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"

# everything is given back ---------------------------------------------------
peerbuf device unbind "$SSD_BDF" >/dev/null && peerbuf device unbind "$BAR_BDF" >/dev/null
ok $? "the devices are unbound"
rmmod vfio_iommu_peerbuf && rmmod vfio_pci_peerbuf && rmmod peerbuf_core
ok $? "the modules can be unloaded"
