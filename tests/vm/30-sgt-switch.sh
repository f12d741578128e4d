#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Scatterlists by bus address, below a switch without redirection: tests/abi/sgt.c
#
# vm-topology: switch
# vm-modules: vfio-pci peerbuf_core,report_ms=200 vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test
# vm-needs: build/tests/abi/sgt
set -u
. vm/tap.sh
peerbuf device bind "$SWITCH_BAR_BDF" vfio_pci_peerbuf >&2 || bail "the device cannot be bound"
export ROUTE=switch
build/tests/abi/sgt
status=$?

# Whom a revoke waited for was told while it lasted.
told() {
	if ! dmesg | grep -q "peerbuf: buffer [0-9]*: revoke waits for $1"; then
		diag "the kernel log does not say: revoke waits for $1"
		status=1
	fi
}
told "0000:0[0-9]:00.0 (1 mapped)"
told "a fence of peerbuf_test"
if ! dmesg | grep -A 1 '(1 mapped)' | grep -q 'a fence of peerbuf_test'; then
	diag "who holds a list is not named with the fence that it waits for"
	status=1
fi
if ! dmesg | grep 'revoke waits for' | tail -n 1 | grep -q '(1 mapped)'; then
	diag "a fence that has signalled is named"
	status=1
fi
exit $status
