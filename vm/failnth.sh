# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# In a guest: what the tests that let allocations fail have in common. After vm/tap.sh.

failnth() { # PART...: runs tests/failnth for these parts
	[ -e /proc/self/fail-nth ] || skip_all "this kernel cannot inject faults"
	peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2 &&
		peerbuf device bind "$BAR2_BDF" vfio-pci >&2 &&
		peerbuf device bind "$EDU_BDF" vfio-pci >&2 || bail "the devices cannot be bound"
	exec build/tests/failnth/failnth "$@"
}
