#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The device is unplugged while it is used: orderly, with the kernel asking its owner to
# let go first; and by surprise, so that its memory is gone before anybody knows.
#
# vm-topology: triggers
# vm-timeout: 180
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-expect-log: &ctrl->reset_lock\).*, at: pciehp_unconfigure_device
# vm-needs: vm/pair.sh vm/owner.sh vm/plug.sh build/tests/abi/owner
set -u
. vm/tap.sh
. vm/pair.sh
. vm/owner.sh
. vm/plug.sh

MIB=1048576

bind "$SSD_BDF" vfio-pci && there || bail "devices cannot be bound"
watch_kernel
probe closed vfio_pci_core_close_device && probe power_off pciehp_power_off_slot ||
	bail "the kernel cannot be watched"

# orderly ---------------------------------------------------------------------------
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
exporter arm request
arrives "while the buffer is live a DMA arrives, so that this test can tell"
watch_again
host-do qmp '{"execute":"device_del","arguments":{"id":"plug"}}' >/dev/null
ok $? "the host asks for the device"
exporter wait request 30
[ "$(field count)" -ge 1 ]
ok $? "the kernel asks the owner to let go"
sleep 1
is "$(state)" "live yes" "until it does the device has its memory, and access goes on"
arrives "a DMA still arrives"
exporter close
is "$(state)" "dead no" "when the owner has closed, the buffer is dead"
in_time gone
ok $? "and then the device goes"
gone_before closed:
ok $? "the mapping was gone before the device was switched off"
gone_before power_off:
ok $? "and before its slot was"
host-do event DEVICE_DELETED 20 >/dev/null
ok $? "the host has the device back"
stopped "a DMA is stopped by the IOMMU"
end_pair

plug && in_time there
ok $? "it is plugged in again"

# by surprise -----------------------------------------------------------------------
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
arrives "while the buffer is live a DMA arrives"
importer event 0
pull
ok $? "the device is pulled out"
importer event 20
is "$(field count)" 1 "the importer is told, though the owner has not let go"
is "$(state)" "revoked no" "the mapping is gone"
stopped "a DMA is stopped by the IOMMU"
exporter memory off
exporter memory on
is "$(state)" "revoked no" "what the owner does to its device brings nothing back"
exporter close
is "$(state)" "dead no" "when the owner closes the buffer is dead"
in_time gone
ok $? "and the kernel has done with the device"
end_pair
host-do event DEVICE_DELETED 20 >/dev/null
ok $? "and so has the host"

plug && in_time there
ok $? "it is plugged in again"
owner_pair "$PLUG_BDF" $((2 * MIB)) $((2 * MIB))
arrives "and a DMA arrives"

# the owner is killed after a surprise ---------------------------------------------------
importer event 0
pull
importer event 20
kill -KILL "$exporter_pid"
ended "$exporter_pid"
in_time gone
ok $? "pulled out again, and its owner killed: the kernel has done with the device"
is "$(state)" "dead no" "the buffer is dead"
importer quit
ended "$importer_pid"
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"
