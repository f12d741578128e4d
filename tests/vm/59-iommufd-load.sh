#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where peerbuf_iommufd refuses to be loaded, and what cannot be done while it is.
#
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf peerbuf_iommufd
# vm-modules-available: peerbuf_livepatch
# vm-kernel-config: CONFIG_IOMMUFD CONFIG_VFIO_PCI_DMABUF CONFIG_DYNAMIC_FTRACE_WITH_ARGS CONFIG_LIVEPATCH
set -u
. vm/tap.sh

# The module must not go in, and says why.
refuses() { # SENTENCE NAME
	dmesg -c >/dev/null
	modprobe peerbuf_iommufd 2>/dev/null
	is "$? $(grep -c '^peerbuf_iommufd ' /proc/modules)" "1 0" "$2"
	like "$(dmesg)" "peerbuf_iommufd: $1" "and the log says why"
}

unpatched() {
	rmmod peerbuf_livepatch 2>/dev/null
}

# what it must not be loaded beside --------------------------------------------
patch=/sys/kernel/livepatch/peerbuf_livepatch/enabled
modprobe peerbuf_livepatch 2>/dev/null
is "$? $(grep -c '^peerbuf_livepatch ' /proc/modules)" "1 0" "while it is there, its function is not live-patched"
rmmod peerbuf_iommufd
check "it can be when it is not" modprobe peerbuf_livepatch
refuses ".*cannot be redirected: it is live-patched" "a function that is live-patched is left alone"
echo 0 >"$patch"
in_time unpatched
if (echo 0 >/proc/sys/kernel/ftrace_enabled) 2>/dev/null; then
	refuses ".*cannot be redirected:.* ftrace is off" "it is not loaded where ftrace is off"
	echo 1 >/proc/sys/kernel/ftrace_enabled
else
	skip "it is not loaded where ftrace is off" "this kernel has no way to switch it off"
fi
check "afterwards it is loaded" modprobe peerbuf_iommufd
(echo 0 >/proc/sys/kernel/ftrace_enabled) 2>/dev/null
is "$(cat /proc/sys/kernel/ftrace_enabled)" 1 "then ftrace cannot be switched off"

# what it needs ----------------------------------------------------------------
rmmod vfio_pci_peerbuf && rmmod vfio_pci
ok $? "nobody uses vfio-pci-core any more"
rmmod vfio_pci_core 2>/dev/null
ok $((!$?)) "but this module, which keeps it"
rmmod peerbuf_iommufd && rmmod vfio_pci_core
ok $? "and no longer than it is there"
# This modprobe knows nothing of dependencies that are soft.
refuses "this kernel's vfio-pci-core is not loaded" "without vfio-pci-core there is nothing to do"
modprobe vfio_pci && modprobe peerbuf_iommufd
ok $? "with a vfio-pci-core that was loaded anew there is"
rmmod peerbuf_iommufd && rmmod peerbuf_core
modprobe peerbuf_core raw_pal_allow=somebody
refuses "raw_pal_allow of peerbuf_core does not allow this module" "root can forbid it by the list"
