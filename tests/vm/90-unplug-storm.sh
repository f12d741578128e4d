#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The device is unplugged at a random moment while an SSD writes to it, another process maps it, and
# its owner switches its memory off and on: tests/storm. PEERBUF_STORM_UNPLUGS, set by vm/run
# --env, is how often, and PEERBUF_STORM_SEED replays a seed.
#
# vm-topology: triggers
# vm-timeout: 180
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-expect-log: &ctrl->reset_lock\).*, at: pciehp_unconfigure_device
# vm-needs: vm/plug.sh build/tests/storm/storm
set -u
. vm/tap.sh
. vm/plug.sh
unplugs=${PEERBUF_STORM_UNPLUGS:-2}
seed=${PEERBUF_STORM_SEED:-$(date +%s)}
echo "# seed $seed"

peerbuf device bind "$SSD_BDF" vfio-pci >&2 && peerbuf device bind "$CMB_BDF" vfio-pci >&2 ||
	bail "the devices cannot be bound"
export BAR_BDF="$PLUG_BDF" BAR2_BDF="$CMB_BDF"

# What is random here, of the seed and of how often it was asked.
asked=0
random() { # BELOW: in $number
	asked=$((asked + 1))
	number=$(awk "BEGIN { srand($seed + $asked * 7919); rand(); print int(rand() * $1) }")
}

in_use() {
	grep -q "in use" /tmp/storm.out || ! kill -0 "$storm" 2>/dev/null
}

once() {
	in_time there || { diag "the device does not come"; return 1; }
	build/tests/storm/storm unplug 60 $((seed + $1)) >/tmp/storm.out &
	storm=$!
	in_time in_use
	random 300
	usleep $((number * 1000))
	random 2
	if [ "$number" = 0 ]; then
		pull
	else
		host-do qmp '{"execute":"device_del","arguments":{"id":"plug"}}' >/dev/null
	fi || { diag "it cannot be unplugged"; return 1; }
	wait "$storm" || { diag "$(cat /tmp/storm.out)"; return 1; }
	# The host says only when its last DMA has ended that it has the device back.
	plug || { diag "it cannot be plugged in"; return 1; }
}

n=0
while [ $n -lt "$unplugs" ] && once $n; do
	n=$((n + 1))
done
is $n "$unplugs" "it was unplugged that often, while it was used"
is "$(cat /sys/kernel/debug/peerbuf/buffers)" "" "no buffer is left"
