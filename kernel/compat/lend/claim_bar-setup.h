/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio-pci-core claims it once and notes so without a lock: who loses a race finds it
 * claimed after all.
 */
#define peerbuf_vfio_claim_bar(core, bar) ({				\
	int claim_ret = vfio_pci_core_setup_barmap(core, bar);		\
									\
	READ_ONCE((core)->barmap[bar]) ? 0 : claim_ret;			\
})
