#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Memory of virtual functions, and types of a driver's own: tests/abi/iov.c
#
# vm-topology: sriov
# vm-modules: vfio-pci peerbuf_core,report_ms=200 vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test
# vm-modules-available: nvme
# vm-needs: build/tests/abi/iov
set -u
. vm/tap.sh
pf=/sys/bus/pci/devices/$PF_BDF

# The controller's own driver makes the functions; they are for us.
peerbuf device bind "$SSD_BDF" vfio-pci >&2 || bail "the SSD cannot be bound"
modprobe nvme
in_time [ -e "$pf/driver/unbind" ]
echo 0 >"$pf/sriov_drivers_autoprobe" && echo 2 >"$pf/sriov_numvfs" || bail "no virtual functions"
for bdf in "$VF0_BDF" "$VF1_BDF"; do
	peerbuf device bind "$bdf" vfio_pci_peerbuf >&2 || bail "$bdf cannot be bound"
done

build/tests/abi/iov
status=$?

if ! dmesg | grep -q "peerbuf: buffer [0-9]*: revoke waits for $PF_BDF (1 mapped)"; then
	diag "the kernel log does not name the physical function"
	status=1
fi
exit $status
