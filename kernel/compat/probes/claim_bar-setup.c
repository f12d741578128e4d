// SPDX-License-Identifier: GPL-2.0-only
/* Before 7.2 who wants a BAR of a VFIO device claims and maps it. */
#include <linux/vfio_pci_core.h>

int probe_claim(struct vfio_pci_core_device *core, int bar);
int probe_claim(struct vfio_pci_core_device *core, int bar)
{
	return vfio_pci_core_setup_barmap(core, bar);
}
