// SPDX-License-Identifier: GPL-2.0-only
/* From 6.17 on the token of a virtual function's driver can be given to iommufd, too. */
#include <linux/vfio_pci_core.h>

const struct vfio_device_ops probe_ops = {
	.match_token_uuid = vfio_pci_core_match_token_uuid,
};
