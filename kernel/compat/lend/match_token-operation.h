/* SPDX-License-Identifier: GPL-2.0-only */
#define PEERBUF_VFIO_MATCH_TOKEN .match_token_uuid = vfio_pci_core_match_token_uuid,
