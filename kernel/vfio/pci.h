/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside vfio_pci_peerbuf. */
#ifndef _PEERBUF_VFIO_PCI_H
#define _PEERBUF_VFIO_PCI_H

#include <linux/vfio_pci_core.h>

#include <linux/peerbuf/buffer.h>

#include <peerbuf_compat.h>

struct vfio_region_dma_range;

/**
 * struct peerbuf_vdev - a PCI device bound to vfio_pci_peerbuf
 * @core: what vfio-pci-core knows; first, as the VFIO core frees it by this address
 * @provider: decides when the exported buffers are accessible
 * @power_lock: serialises the user's low power calls; outside VFIO's memory lock
 *	and the provider lock
 * @low_power: the user is between low power entry and exit; @power_lock
 * @function: in the list of functions of SR-IOV devices; pci_sriov.c
 */
struct peerbuf_vdev {
	struct vfio_pci_core_device core;
	struct peerbuf_provider provider;
	struct mutex power_lock;
	bool low_power;
	struct list_head function;
};

static inline struct peerbuf_vdev *to_peerbuf_vdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct peerbuf_vdev, core.vdev);
}

/* pci_export.c */
int peerbuf_pci_export(struct peerbuf_vdev *pv, u32 flags,
		       struct vfio_device_feature_dma_buf __user *arg,
		       size_t argsz);

struct dma_buf *
peerbuf_pci_export_range(struct peerbuf_vdev *pv, unsigned int bar,
			 const struct vfio_region_dma_range *range);

/* pci_mmap.c */
int peerbuf_pci_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);

/* pci_buffer.c */
long peerbuf_pci_ioctl(struct vfio_device *vdev, unsigned int cmd,
		       unsigned long arg);

/* pci_events.c */
extern const struct peerbuf_provider_ops peerbuf_pci_provider_ops;
extern const struct pci_error_handlers peerbuf_pci_err_handlers;
ssize_t peerbuf_pci_write(struct vfio_device *vdev, const char __user *buf,
			  size_t count, loff_t *ppos);
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
