#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Random calls of a container's owner against a model, and programs of calls that are guided
# by what they reach, where the kernel has KCOV: tests/abi/fuzz.c, which says what FUZZ_SEED and
# others do that vm/run --env sets.
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf,mapping_limit=24 peerbuf_fault
# vm-needs: build/tests/abi/fuzz tests/abi/fuzz.corpus
# vm-timeout: 120
set -eu
for bdf in "$SSD_BDF" "$EDU_BDF"; do
	peerbuf device bind "$bdf" vfio-pci >&2
done
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2
exec build/tests/abi/fuzz
