#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Random calls of a container's owner against a model: tests/abi/fuzz.c. FUZZ_SEED and
# FUZZ_CALLS, set by vm/run --env, replay another sequence.
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf,mapping_limit=24 peerbuf_fault
# vm-needs: build/tests/abi/fuzz
# vm-timeout: 120
set -eu
for bdf in "$SSD_BDF" "$EDU_BDF"; do
	peerbuf device bind "$bdf" vfio-pci >&2
done
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
exec build/tests/abi/fuzz
