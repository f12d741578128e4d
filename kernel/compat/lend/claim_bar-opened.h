/* SPDX-License-Identifier: GPL-2.0-only */
#define peerbuf_vfio_claim_bar(core, bar) \
	PTR_ERR_OR_ZERO(vfio_pci_core_get_iomap(core, bar))
