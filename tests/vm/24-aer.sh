#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Errors that the bus reports: access ends when the kernel hears of one, and comes back
# when it has recovered and the device has its memory. After a fatal error the bus is
# reset and nobody restores the device, so it has not.
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

MIB=1048576

# inject SEVERITY PORT: a port (QEMU's id) reports an uncorrectable error. By the default
# severities a malformed TLP is fatal, a completion timeout is not.
inject() {
	case $1 in
	fatal) _error=MALF_TLP ;;
	nonfatal) _error=COMP_TIME ;;
	esac
	host-do qmp "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"pcie_aer_inject_error $2 $_error\"}}" |
		grep -q OK
}

# recovered TEXT: the kernel has said so once more
recovered() {
	in_time said_again "$1"
}
said_again() {
	[ "$(dmesg | grep -c "$1")" -gt "$said" ]
}
said=0

bind "$SSD_BDF" vfio-pci && bind "$CMB_BDF" vfio_pci_peerbuf &&
	bind "$PLUG_BDF" vfio_pci_peerbuf || bail "devices cannot be bound"
watch_kernel
probe detected vfio_pci_core_aer_err_detected || bail "the kernel cannot be watched"
owner_pair "$CMB_BDF" $MIB 262144
exporter arm error
ok $? "the owner asks to be told of errors"
arrives "while the buffer is live a DMA arrives, so that this test can tell"

# an error that is not fatal ---------------------------------------------------------
paint
watch_again
inject nonfatal port2
ok $? "an error that is not fatal is injected"
recovered 'device recovery successful'
ok $? "the kernel recovers"
exporter wait error 10
is "$(field count)" 1 "the owner is told"
is "$(state) $(counts)" "live yes 1 1" "access was taken away, and is back"
is "$(when bus_reset:)" "" "nothing was reset"
unchanged "the memory is as it was"
arrives "and a DMA arrives"

# a fatal one ------------------------------------------------------------------------
paint
said=1
watch_again
inject fatal port2
ok $? "a fatal error is injected"
recovered 'device recovery successful'
ok $? "the kernel recovers"
gone_before bus_reset:
ok $? "the mapping was gone before the bus was reset"
exporter wait error 10
is "$(field count)" 1 "the owner is told"
is "$(state) $(counts)" "revoked no 2 1" \
	"the device lost its BARs and nobody has given them back: no access"
stopped "a DMA is stopped by the IOMMU"
exporter memory off && exporter memory on
is "$(state) $(counts)" "live yes 2 2" \
	"memory decode off and on restores the BARs, and with them access"
unchanged "nothing had arrived"
arrives "and a DMA arrives"

# resets by the owner after it was told of a fatal error and before the bus is reset ----
paint
modprobe peerbuf_odd bdf="$CMB_BDF" || bail "the device cannot be made odd"
frozen=/sys/module/peerbuf_odd/parameters/frozen
echo 1 >$frozen
is "$(state)" "revoked no" "a fatal error takes access away"
exporter reset
is "$? $(state)" "0 revoked no" "a reset does not end it: the bus is going to be reset as well"
stopped "a DMA is stopped by the IOMMU"
echo 0 >$frozen
is "$(state)" "live yes" "when the bus has recovered access is back"
unchanged "nothing had arrived"
rmmod peerbuf_odd

end_pair

# fatal errors and resets by the owner at the same time -------------------------------
# By bus resets, which are short: this device has no FLR.
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
watch_again
tell_exporter resets 6
n=0
while [ $n -lt 3 ]; do
	said=$(dmesg | grep -c 'device recovery')
	inject fatal port4
	recovered 'device recovery'
	n=$((n + 1))
done
hear_exporter
diag "$reply"
[ "$(field done)" -gt 0 ]
ok $? "the owner could reset meanwhile"
# From the time our driver hears of an error until the port's interrupt thread has
# begun to reset the bus nothing becomes live.
awk '/ detected: / { on = 1; seen++ }
	/ bus_reset: / && /aerdrv/ { on = 0 }
	/revoked -> live/ && on { bad++; print }
	END { exit bad > 0 || seen < 3 }' $_tracing/trace >/tmp/bad
ok $? "no reset by the owner gave access back while a fatal error was being handled"
diag "$(cat /tmp/bad)"
exporter memory off && exporter memory on
is "$(state)" "live yes" "access can be had again"
importer query
is "$(field revokes)" "$(field restores)" "there were as many restores as revokes"
arrives "and a DMA arrives"
end_pair

# no recovery ------------------------------------------------------------------------
# A function without a driver cannot be asked, so the kernel gives up and tells nobody. Nor
# can one of several without FLR be reset alone, not even when it is opened.
bind "$FUNC0_BDF" vfio_pci_peerbuf || bail "the device cannot be bound"
owner_pair "$FUNC0_BDF" $MIB 262144
said=0
inject nonfatal port3
recovered 'device recovery failed'
ok $? "the kernel cannot recover from an error where a function has no driver"
is "$(state)" "revoked no" "the device is not accessible"
stopped "a DMA is stopped by the IOMMU"
exporter memory off && exporter memory on
is "$(state)" "revoked no" "memory decode off and on mends nothing"
end_pair
# Not even the attempt, of which drivers are told as of a reset.
echo >"/sys/bus/pci/devices/$FUNC0_BDF/reset_method"
owner_pair "$FUNC0_BDF" $MIB 262144
is "$(state)" "live yes" "the next owner begins without the error"
arrives "and a DMA arrives"
end_pair
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"
