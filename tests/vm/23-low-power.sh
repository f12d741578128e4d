#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# VFIO's low power: from its entry on the device may sleep at any moment, so access ends
# there, and comes back when the device is awake for good. Alone, and with resets.
#
# vm-topology: triggers
# vm-timeout: 180
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: vm/pair.sh vm/owner.sh build/tests/abi/owner
set -u
. vm/tap.sh
. vm/pair.sh
. vm/owner.sh

sysfs=/sys/bus/pci/devices/$CMB_BDF

suspended() {
	[ "$(cat "$sysfs"/power/runtime_status)" = suspended ]
}

asleep() { # NAME: the device sleeps; runtime power management takes its time
	in_time suspended
	is "$(cat "$sysfs"/power/runtime_status) $(cat "$sysfs"/power_state)" \
		"suspended D3hot" "$1"
}

bind "$SSD_BDF" vfio-pci && bind "$CMB_BDF" vfio_pci_peerbuf || bail "devices cannot be bound"
watch_kernel
probe suspend pci_pm_runtime_suspend && probe bus_flr pcie_flr &&
	probe feature vfio_pci_core_ioctl_feature 'flags=%si:x32' ||
	bail "the kernel cannot be watched"
owner_pair "$CMB_BDF" 1048576 262144

arrives "while the buffer is live a DMA arrives, so that this test can tell"

# only asking ----------------------------------------------------------------
exporter low-power probe-entry && exporter low-power probe-exit &&
	exporter low-power probe-wakeup
ok $? "whether there is low power can be asked"
is "$(state) $(counts)" "live yes 0 0" "asking changes nothing"

# entry and exit ---------------------------------------------------------------
paint
watch_again
exporter low-power entry
ok $? "low power entry"
asleep "the device sleeps"
gone_before suspend:
ok $? "the mapping was gone before the device went to sleep"
# VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY
gone_before 'feature:.*flags=0x20003'
ok $? "and before it was allowed to"
is "$(state)" "revoked no" "low power revokes"
stopped "a DMA is stopped by the IOMMU while the device sleeps"
is "$(cat "$sysfs"/power_state)" D3hot "which did not wake it"
exporter low-power probe-exit
is "$(state)" "revoked no" "asking whether there is an exit is no exit"
exporter query
is "$(field state)" revoked "an access by the owner wakes it for a moment; it stays revoked"
if exporter low-power entry; then _r=0; else _r=1; fi
is "$_r $(state)" "1 revoked no" "a second entry is refused, and changes nothing"
asleep "the device sleeps again"
exporter low-power exit
ok $? "low power exit"
is "$(state) $(cat "$sysfs"/power_state)" "live yes D0" "access is back"
is "$(counts)" "1 1" "all of that was one revoke and one restore"
unchanged "nothing had arrived"
arrives "after the exit a DMA arrives"
exporter low-power exit
is "$(state) $(counts)" "live yes 1 1" "an exit without entry changes nothing"
exporter low-power bad-wakeup
is "$? $reply" "1 error: low-power: Invalid argument" "entry with a wakeup that cannot be is refused"
is "$(state) $(counts)" "live yes 2 2" "and access, which had to go before, is back"

# entry with wakeup --------------------------------------------------------------
paint
exporter low-power wakeup
asleep "the device sleeps after an entry with wakeup"
is "$(state)" "revoked no" "which revokes, too"
stopped "a DMA is stopped by the IOMMU"
is "$(state)" "revoked no" "and woke nobody"
# Any access ends this kind of low power; the next one would not be needed.
exporter memory on
exporter wait wakeup 10
is "$(field count)" 1 "an access by the owner wakes the device, and the owner is told"
is "$(state)" "live yes" "it is awake for good, and access is back without an exit"
unchanged "nothing had arrived"
sleep 1
is "$(cat "$sysfs"/power_state) $(state)" "D0 live yes" "it does not go back to sleep"
arrives "a DMA arrives"
exporter low-power exit
is "$(state)" "live yes" "an exit afterwards changes nothing"

exporter low-power wakeup
asleep "the device sleeps once more"
echo on >"$sysfs"/power/control
is "$(cat "$sysfs"/power_state)" D0 "the administrator keeps it awake"
exporter wait wakeup 10
is "$(field count)" 1 "the owner is told of that"
is "$(state)" "live yes" "and access is back"
echo auto >"$sysfs"/power/control

# low power and resets ---------------------------------------------------------
paint
importer query
revokes=$(field revokes)
exporter low-power entry
asleep "the device sleeps"
exporter reset
ok $? "VFIO resets a device that is in low power"
is "$(state)" "revoked no" "after which it still is in low power: no access"
asleep "and sleeps again"
echo 1 >"$sysfs"/reset
ok $? "sysfs resets it"
is "$(state)" "revoked no" "no access after that either"
stopped "a DMA is stopped by the IOMMU"
exporter low-power exit
is "$(state) $(counts)" "live yes $((revokes + 1)) $((revokes + 1))" \
	"the exit brings access back: one revoke, one restore"
unchanged "nothing had arrived"

exporter memory off
exporter low-power entry
exporter low-power exit
is "$(state)" "revoked no" "an exit while memory decode is off does not bring access back"
exporter memory on
is "$(state)" "live yes" "memory decode on does"

exporter power 3
exporter low-power entry
asleep "a device that its owner had put into D3hot sleeps"
exporter low-power exit
diag "after the exit: power_state $(cat "$sysfs"/power_state), $(state)"
exporter power 0
is "$(cat "$sysfs"/power_state) $(state)" "D0 live yes" "in D0 access is back"
arrives "and a DMA arrives"

# the next owner -------------------------------------------------------------------
for control in auto on; do
	echo $control >"$sysfs"/power/control
	exporter low-power entry
	if [ $control = auto ]; then
		asleep "the device sleeps"
	else
		is "$(state)" "revoked no" "also where the administrator keeps the device awake, it is in low power"
	fi
	exporter quit
	ended "$exporter_pid"
	is "$(state)" "dead no" "an owner that ends in low power leaves a dead buffer"
	importer quit
	ended "$importer_pid"
	owner_pair "$CMB_BDF" 1048576 262144
	is "$(state)" "live yes" "the next owner's buffer is live"
	arrives "and a DMA arrives"
done
echo auto >"$sysfs"/power/control
end_pair
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"
