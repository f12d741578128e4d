/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside vfio_pci_peerbuf. */
#ifndef _PEERBUF_VFIO_PCI_H
#define _PEERBUF_VFIO_PCI_H

#include <linux/peerbuf/vfio_pci.h>

#include <peerbuf_compat.h>

struct vfio_region_dma_range;

/* pci_export.c */
int peerbuf_pci_export(struct peerbuf_vdev *pv, u32 flags,
		       struct vfio_device_feature_dma_buf __user *arg,
		       size_t argsz);

struct dma_buf *
peerbuf_pci_export_range(struct peerbuf_vdev *pv, unsigned int region,
			 const struct vfio_region_dma_range *range);

/* pci_events.c */
extern const struct peerbuf_provider_ops peerbuf_pci_provider_ops;
int peerbuf_pci_low_power(struct peerbuf_vdev *pv, u32 flags,
			  void __user *arg, size_t argsz);
void peerbuf_pci_hook_pm(struct pci_dev *pdev);
void peerbuf_pci_closed(struct peerbuf_vdev *pv);

/* pci_sriov.c */
void peerbuf_pci_function_add(struct peerbuf_vdev *pv);
void peerbuf_pci_function_del(struct peerbuf_vdev *pv);
bool peerbuf_pci_physfn_lends(struct pci_dev *virtfn);
void peerbuf_pci_update_virtfns(struct pci_dev *physfn);

#endif /* _PEERBUF_VFIO_PCI_H */
