#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The random machine of tests/stress. "make stress SECONDS=7200 SEED=n" runs it for longer, or
# once more with the same decisions.
#
# vm-topology: ssd-bar
# vm-timeout: 400
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: build/tests/stress/stress
set -u
. vm/tap.sh
peerbuf device bind "$SSD_BDF" vfio-pci >&2 && peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2 &&
	peerbuf device bind "$BAR2_BDF" vfio_pci_peerbuf >&2 ||
	bail "devices cannot be bound"

# shellcheck disable=SC2086 # no seed is no argument
build/tests/stress/stress "$BAR_BDF" "$BAR2_BDF" "$SSD_BDF" "${PEERBUF_STRESS_SECONDS:-60}" \
	${PEERBUF_STRESS_SEED:-}
_tap_count=2
is "$(cat /sys/kernel/debug/peerbuf/buffers)" "" "no buffer is left in the kernel"
peerbuf device unbind "$SSD_BDF" >&2 && peerbuf device unbind "$BAR_BDF" >&2 &&
	peerbuf device unbind "$BAR2_BDF" >&2 &&
	rmmod vfio_iommu_peerbuf && rmmod vfio_pci_peerbuf && rmmod peerbuf_core
ok $? "the modules can be unloaded"
