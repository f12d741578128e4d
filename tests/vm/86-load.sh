#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The modules are loaded and unloaded, again and again, sometimes with a device bound in
# between. PEERBUF_STORM_LOADS, set by vm/run --env, is how often.
#
# vm-topology: ssd-bar
# vm-set: bar_size=16M
# vm-timeout: 300
# vm-modules: vfio-pci
# vm-modules-available: peerbuf_core peerbuf_ram vfio_pci_peerbuf vfio_iommu_peerbuf
set -u
. vm/tap.sh
loads=${PEERBUF_STORM_LOADS:-10}

once() { # NUMBER
	modprobe peerbuf_core && modprobe peerbuf_ram && modprobe vfio_pci_peerbuf &&
		modprobe vfio_iommu_peerbuf || return
	if [ $(($1 % 5)) -eq 0 ]; then
		peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >/dev/null &&
			peerbuf device unbind "$BAR_BDF" >/dev/null || return
	fi
	rmmod vfio_iommu_peerbuf && rmmod vfio_pci_peerbuf && rmmod peerbuf_ram &&
		rmmod peerbuf_core
}

n=0
while [ $n -lt "$loads" ] && once $n; do
	n=$((n + 1))
done
is $n "$loads" "the modules were loaded and unloaded that often"
is "$(grep -c peerbuf /proc/modules)" 0 "none is left"
