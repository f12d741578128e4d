#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the owner can do to its device by writing to config space: function-level reset,
# D3hot, memory decode; also with writes that are wide, that change while the kernel
# reads them, or that come from a page which is there only sometimes.
#
# vm-topology: triggers
# vm-timeout: 180
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-modules-available: peerbuf_odd
# vm-needs: vm/pair.sh vm/owner.sh build/tests/abi/owner
set -u
. vm/tap.sh
. vm/pair.sh
. vm/owner.sh

bind "$SSD_BDF" vfio-pci && bind "$CMB_BDF" vfio_pci_peerbuf || bail "devices cannot be bound"
watch_kernel
probe config_write_dword pci_user_write_config_dword && probe flr pcie_flr &&
	probe power pci_set_power_state 'state=%si:s32' ||
	bail "the kernel cannot be watched"
owner_pair "$CMB_BDF" 1048576 262144

arrives "while the buffer is live a DMA arrives, so that this test can tell"

# FLR --------------------------------------------------------------------
watch_again
exporter flr
gone_before flr:
ok $? "the mapping was gone before the FLR that a config write asks for"
is "$(state)" "live yes" "after the FLR it is back"
is "$(counts)" "1 1" "the FLR revoked once"
nothing_arrives_during "a DMA during the FLR changed nothing" flr
arrives "after the FLR a DMA arrives"

# D3hot --------------------------------------------------------------------
paint
watch_again
exporter power 3
ok $? "the device is put into D3hot"
gone_before 'power:.*state=3'
ok $? "the mapping was gone before the device left D0"
is "$(state)" "revoked no" "D3hot revokes"
stopped "a DMA is stopped by the IOMMU in D3hot"
exporter memory off
exporter memory on
is "$(state)" "revoked no" "memory decode off and on in D3hot does not bring access back"
exporter power 0
is "$(state)" "live yes" "D0 does"
unchanged "nothing had arrived"
arrives "back in D0 a DMA arrives"

exporter memory off
exporter power 3
exporter power 0
is "$(state)" "revoked no" "D0 does not bring access back while memory decode is off"
exporter memory on
is "$(state)" "live yes" "memory decode on does"

# a BAR that is elsewhere: after a reset of which nobody was told, undone by nobody ------
paint
printf '\004\000\000\000' |
	dd of=/sys/bus/pci/devices/"$CMB_BDF"/config bs=4 seek=4 conv=notrunc 2>/dev/null
exporter power 0
is "$(state)" "revoked no" "where a BAR has lost its address the driver sees it, asked for anything"
stopped "a DMA is stopped by the IOMMU"
exporter memory on
is "$(state)" "live yes" "VFIO puts the address back with memory decode, and access is back"
unchanged "nothing had arrived"

# memory decode switched off behind VFIO's back -------------------------------------
paint
printf '\000\000' |
	dd of=/sys/bus/pci/devices/"$CMB_BDF"/config bs=2 seek=2 conv=notrunc 2>/dev/null
exporter power 0
is "$(state)" "revoked no" "memory that is off is not accessible, whatever VFIO thinks"
exporter memory on
is "$(state)" "live yes" "memory decode on brings it back"
unchanged "nothing had arrived"

# ... and on
exporter memory off
printf '\006\000' |
	dd of=/sys/bus/pci/devices/"$CMB_BDF"/config bs=2 seek=2 conv=notrunc 2>/dev/null
exporter power 0
is "$(state)" "revoked no" "memory that its owner has switched off is not accessible, whatever the device does"
exporter memory on
is "$(state)" "live yes" "the owner brings it back"

# a reset in D3hot: VFIO powers the device up for it ----------------------------
paint
exporter power 3
watch_again
exporter reset
ok $? "a device in D3hot is reset"
is "$(state)" "live yes" "a device that is in D0 after its reset is accessible"
unchanged "nothing had arrived"
importer query
revokes=$(field revokes)
exporter power 3
echo 1 >/sys/bus/pci/devices/"$CMB_BDF"/reset
ok $? "a device in D3hot is reset through sysfs"
is "$(cat /sys/bus/pci/devices/"$CMB_BDF"/power_state) $(state)" "D0 live yes" \
	"that reset powers it up, too, and access is back"
is "$(counts)" "$((revokes + 1)) $((revokes + 1))" "all of that was one revoke and one restore"
arrives "and a DMA arrives"
exporter power 0

# memory decode off by wide writes ----------------------------------------------
for wide in "0 8" "4 4" "4 1" "4 2" "0 64"; do
	watch_again
	# shellcheck disable=SC2086 # two words
	exporter wide $wide
	gone_before 'config_write[_a-z]*:'
	ok $? "memory decode off by a write of (offset, bytes) $wide: gone before"
	is "$(state)" "revoked no" "and it is revoked"
	exporter memory on
done
is "$(state)" "live yes" "the last one is restored like any other"

# writes from where nothing can be read: VFIO may find the page there, so the worst is assumed
for register in command power; do
	importer query
	revokes=$(field revokes)
	exporter unreadable $register
	is "$? $reply" "1 error: unreadable: Bad address" "a write to the $register register from nowhere is refused"
	is "$(state) $(counts)" "live yes $((revokes + 1)) $((revokes + 1))" "access was away meanwhile"
done

# writes that change while the kernel reads them ---------------------------------
paint
exporter race flip 3000
diag "$reply"
is "$(field wrong)" 0 \
	"a value that changes under the kernel's eyes: access is what the device's memory is"
[ "$(field off)" -gt 0 ] && [ "$(field raced)" -gt 0 ]
ok $? "the value did change in between, and did switch memory off"
if [ "$VM_KERNEL" = debug ] && [ "$VM_ACCEL" = tcg ]; then
	skip "a value in a page that comes and goes" \
		"QEMU 7.2's software emulation dies of it with an instrumented kernel"
else
	exporter race page 3000
	diag "$reply"
	is "$(field wrong)" 0 "a value in a page that comes and goes: the same"
	[ "$(field off)" -gt 0 ] && [ "$(field faults)" -gt 0 ]
	ok $? "the page did come and go"
fi
is "$(state)" "live yes" "access is there in the end"
unchanged "no DMA arrived, as there was none"
arrives "a DMA arrives in the end"

end_pair
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"

# FLR as conventional PCI has it -------------------------------------------------------
# No device of QEMU's has the AF capability; a module makes one of the kernel's accesses
# to the configuration space of one that has not.
modprobe peerbuf_odd bdf="$PLUG_BDF" af=1 || bail "the device cannot be made odd"
echo default >"/sys/bus/pci/devices/$PLUG_BDF/reset_method"
like "$(cat "/sys/bus/pci/devices/$PLUG_BDF/reset_method")" "^af_flr" \
	"the device can be reset by the AF capability"
bind "$PLUG_BDF" vfio_pci_peerbuf && probe af_flr pci_af_flr ||
	bail "the device cannot be bound, or not be watched"
owner_pair "$PLUG_BDF" 1048576 262144
arrives "while its buffer is live a DMA arrives"
resets=$(cat /sys/module/peerbuf_odd/parameters/resets)
watch_again
exporter af-flr
gone_before af_flr:
ok $? "the mapping was gone before the FLR that a write to the AF capability asks for"
is "$(cat /sys/module/peerbuf_odd/parameters/resets)" "$((resets + 1))" "the device was reset by it"
is "$(state) $(counts)" "live yes 1 1" "after the FLR it is back, and was gone once"
nothing_arrives_during "a DMA during the FLR changed nothing" af-flr
arrives "after the FLR a DMA arrives"
end_pair
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"
peerbuf device unbind "$PLUG_BDF" >/dev/null
rmmod peerbuf_odd
