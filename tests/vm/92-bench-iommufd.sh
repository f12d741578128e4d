#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What "make bench" measures of the kernel's own iommufd, where there is one.
#
# vm-topology: bench
# vm-set: big_size=1G
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-memory: 768M
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core,raw_pal_allow=peerbuf_bench,peerbuf_iommufd
# vm-modules: vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_iommufd peerbuf_test peerbuf_bench
# vm-kernel-config: CONFIG_IOMMUFD CONFIG_VFIO_PCI_DMABUF CONFIG_VFIO_DEVICE_CDEV CONFIG_DYNAMIC_FTRACE_WITH_ARGS
# vm-needs: vm/tap.sh bench/guest.sh build/bench/measure
set -u
. vm/tap.sh

BENCH_ROUNDS=1 BENCH_BAR_GIB=1 sh bench/guest.sh iommufd >/tmp/lines
ok $? "it can be measured" || diag "$(tail -n 5 /tmp/lines)"
for name in map_container_1g unmap_container_1g map_iommufd_1g unmap_iommufd_1g; do
	grep -q "^# sample $name ours [0-9]" /tmp/lines &&
		grep -q "^# sample $name peer [0-9]" /tmp/lines
	ok $? "$name has samples of ours and of its peer's"
done
! grep '^# absent ' /tmp/lines >&2
ok $? "nothing is left out"
