#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel's own tests of VFIO, of a 7.x kernel and unmodified, on devices bound to vfio-pci
# and to vfio_pci_peerbuf in its place: each case has the same result.
#
# As ours has the name vfio-pci here, this is a test of the takeover, too.
#
# vm-topology: ssd-bar
# vm-timeout: 120
# vm-modules: vfio_iommu_type1 peerbuf_core
# vm-modules-available: vfio-pci vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-packages: vfio-selftests
set -u
. vm/tap.sh

programs="vfio_dma_mapping_test vfio_dma_mapping_mmio_test vfio_pci_device_test
	vfio_pci_device_init_perf_test"
devices=$SSD_BDF
sysfs=/sys/bus/pci/devices

# What cases use that do not try every mode.
if [ -e /dev/iommu ]; then
	programs="$programs vfio_iommufd_setup_test"
else
	export VFIO_SELFTESTS_IOMMU_MODE=vfio_type1v2_iommu
	skip "vfio_iommufd_setup_test" "this kernel has no iommufd"
fi
skip "vfio_pci_sriov_uapi_test" "QEMU 7.2 takes virtual functions away when the physical one is opened; see 29-sriov.sh"
diag "$(cat /etc/vfio-selftests)"
echo 16 >/proc/sys/vm/nr_hugepages

# run_all FILE: every program, and what came of each of its cases
run_all() {
	: >"$1"
	for program in $programs; do
		for bdf in $devices; do
			$program "$bdf" >/tmp/out 2>&1 </dev/null
			_status=$?
			sed -n -E 's/^(not ok|ok) [0-9]+ /\1 /p' /tmp/out | sed 's/ # SKIP.*/ # SKIP/' |
				sed "s/^/$program $bdf: /" >>"$1"
			echo "$program $bdf: exit status $_status" >>"$1"
		done
	done
}

# with_driver MODULE NAME FILE: all of it with a driver
with_driver() {
	# shellcheck disable=SC2086 # its parameters
	modprobe $1 || bail "$1 cannot be loaded"
	for bdf in $devices; do
		echo "$2" >"$sysfs/$bdf/driver_override"
		echo "$bdf" >/sys/bus/pci/drivers_probe
		is "$(basename "$(readlink "$sysfs/$bdf/driver")")" "$2" "$bdf is bound to $2"
	done
	is "$(basename "$(readlink "/sys/bus/pci/drivers/$2/module")")" "${1%% *}" \
		"which is the module ${1%% *}"
	run_all "$3"
}

# unload MODULE
unload() {
	for bdf in $devices; do
		echo "$bdf" >"$sysfs/$bdf/driver/unbind"
	done
	rmmod "$1"
	ok $? "$1 can be unloaded"
}

with_driver "vfio_pci" vfio-pci /tmp/stock
unload vfio_pci
with_driver "vfio_pci_peerbuf takeover=1" vfio-pci /tmp/ours
modprobe vfio-pci 2>/dev/null
is "$?" 1 "while the name is taken vfio-pci cannot be loaded"

# Each case is a test point: what it is with vfio-pci it must be with ours.
while read -r line; do
	case $line in
	*iommufd*) [ -e /dev/iommu ] || continue ;;
	esac
	grep -qxF "$line" /tmp/ours
	ok $? "$line, with both"
done </tmp/stock
is "$(wc -l </tmp/ours)" "$(wc -l </tmp/stock)" "there are as many results"
diag "$(grep -c ': ok' /tmp/ours) cases passed, $(grep -c '# SKIP' /tmp/ours) of them skipped, $(grep -c ': not ok' /tmp/ours) failed"
[ "$(grep ': ok' /tmp/ours | grep -vc '# SKIP')" -ge 12 ]
ok $? "so many were tried that this tells something"

VFIO_SELFTESTS_IOMMU_MODE=vfio_type1v2_iommu vfio_pci_driver_test "$SSD_BDF" >/tmp/out 2>&1
is "$? $(grep -c 'No driver found' /tmp/out)" "4 1" "vfio_pci_driver_test knows no device that is here"

unload vfio_pci_peerbuf
