// SPDX-License-Identifier: GPL-2.0-only
/* From 7.2 on all BARs of a VFIO device are claimed and mapped when it is opened. */
#include <linux/vfio_pci_core.h>

int probe_claim(struct vfio_pci_core_device *core, unsigned int bar);
int probe_claim(struct vfio_pci_core_device *core, unsigned int bar)
{
	return PTR_ERR_OR_ZERO(vfio_pci_core_get_iomap(core, bar));
}
