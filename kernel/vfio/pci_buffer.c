// SPDX-License-Identifier: GPL-2.0-only
/* What the owner of a device can do with one buffer that it exported. */
#include <linux/module.h>

#include "pci.h"

long peerbuf_vdev_ioctl(struct vfio_device *vdev, unsigned int cmd,
		       unsigned long arg)
{
	switch (cmd) {
	case PEERBUF_DEVICE_REVOKE_BUFFER:
	case PEERBUF_DEVICE_QUERY_BUFFER:
	case PEERBUF_DEVICE_SET_CACHING:
		return peerbuf_owner_ioctl(&to_peerbuf_vdev(vdev)->provider,
					   cmd, arg);
	default:
		return vfio_pci_core_ioctl(vdev, cmd, arg);
	}
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_ioctl);
