#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One thing, very often: tests/storm. PEERBUF_STORM_RESETS and so on, set by vm/run --env,
# are how often; 0 leaves one out. PEERBUF_STORM_SEED replays a seed. "make storm" has the
# numbers that count; these here are for every day.
#
# vm-topology: ssd-bar
# vm-set: bar_size=64M
# vm-timeout: 300
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: build/tests/storm/storm
set -u
. vm/tap.sh
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2 &&
	peerbuf device bind "$BAR2_BDF" vfio-pci >&2 &&
	peerbuf device bind "$SSD_BDF" vfio-pci >&2 || bail "the devices cannot be bound"

storm() { # KIND COUNT NAME
	[ "$2" -gt 0 ] || return 0
	# shellcheck disable=SC2086 # none is no argument
	build/tests/storm/storm "$1" "$2" ${PEERBUF_STORM_SEED:-}
	ok $? "$3"
}

storm resets "${PEERBUF_STORM_RESETS:-40}" "resets under DMA"
storm attachments "${PEERBUF_STORM_ATTACHMENTS:-300}" "attachments of one buffer, revoked"
storm maps "${PEERBUF_STORM_MAPS:-1500}" "maps and unmaps"
storm kills "${PEERBUF_STORM_KILLS:-20}" "processes killed at random moments"
storm pressure "${PEERBUF_STORM_PRESSURE:-20}" "with next to no memory"
