/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO PCI drivers of one kind of device ("variant drivers") whose BARs can be exported.
 *
 * vfio_pci_peerbuf does for them what vfio-pci-core does for those of the stock kernel: its
 * functions have the names of struct vfio_device_ops' members. A driver has a copy of
 * peerbuf_vdev_vfio_ops, in which it wraps the ones that its device wants done differently.
 * Memory that is not where the BAR says is told by struct peerbuf_vdev_ops.
 * examples/banked-vfio is such a driver.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_VFIO_PCI_H
#define _LINUX_PEERBUF_VFIO_PCI_H

#include <linux/vfio_pci_core.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/range.h>

struct peerbuf_vdev;

/**
 * struct peerbuf_vdev_ops - what a driver knows of its device's memory
 * @translate: where a part of a region really is: the longest piece that begins at @offset
 *	and is at most @length bytes. @region is a VFIO region index, of a BAR or one of the
 *	driver's own; @offset and @length are multiples of the page size, and so is what is
 *	returned. The answer must be the same for as long as the device is open: buffers keep
 *	it. The memory is device memory that goes when the device's BARs go, and has been
 *	claimed; that of BARs that the region belongs to is claimed before by the caller.
 *	Context: process, may sleep; no lock of peerbuf held. Return: 0; -EINVAL beyond the
 *	end of the region; -ENODEV when it is none that can be exported.
 *
 * Without @translate a region is its BAR. With it
 *
 *   - each range of VFIO_DEVICE_FEATURE_DMA_BUF, and its end, is checked by it alone;
 *   - mmap() of the device fd shows the region as @translate has it, revocably, as a mapping
 *     of a buffer, which does not keep the device open; or, where that is -ENODEV, as
 *     vfio-pci-core has it;
 *   - read() and write() of the device fd remain the driver's to care for;
 *   - a virtual function's buffers do not offer the IOV type, which means offsets in a BAR.
 */
struct peerbuf_vdev_ops {
	int (*translate)(struct peerbuf_vdev *pv, unsigned int region, u64 offset, u64 length,
			 struct phys_vec *piece);
};

/**
 * struct peerbuf_vdev - a PCI device bound to vfio_pci_peerbuf, or a driver built on it
 * @core: what vfio-pci-core knows; first, as the VFIO core frees it by this address
 * @ops: the driver's; NULL for a device whose regions are its BARs. Set between
 *	peerbuf_vdev_init() and peerbuf_vdev_register(), and constant.
 * @provider: decides when the exported buffers are accessible
 * @power_lock: serialises the user's low power calls; outside VFIO's memory lock
 *	and the provider lock
 * @low_power: the user is between low power entry and exit; @power_lock
 * @function: in the list of functions of SR-IOV devices
 *
 * A driver has it as first member of its own structure, and makes that with
 * vfio_alloc_device(its structure, pv.core.vdev, ...). All but @core and @ops is private.
 */
struct peerbuf_vdev {
	struct vfio_pci_core_device core;
	const struct peerbuf_vdev_ops *ops;
	struct peerbuf_provider provider;
	struct mutex power_lock;
	bool low_power;
	struct list_head function;
};

static inline struct peerbuf_vdev *to_peerbuf_vdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct peerbuf_vdev, core.vdev);
}

/*
 * What a driver's operations begin as. It sets the name to its own, and copies the rest: which
 * members there are depends on the kernel.
 */
extern const struct vfio_device_ops peerbuf_vdev_vfio_ops;

/*
 * Members of peerbuf_vdev_vfio_ops; those of vfio-pci-core and vfio-iommufd serve for the
 * others. Each may be wrapped, and must be called by what wraps it: a driver that leaves one
 * out has buffers that outlive their memory.
 */

/**
 * peerbuf_vdev_init - init
 * @vdev: new
 *
 * Return: 0 or what vfio_pci_core_init_dev() says.
 */
int peerbuf_vdev_init(struct vfio_device *vdev);

/**
 * peerbuf_vdev_release - release
 * @vdev: has no user and no driver any more
 */
void peerbuf_vdev_release(struct vfio_device *vdev);

/**
 * peerbuf_vdev_open - open_device
 * @vdev: registered
 *
 * Return: 0, and buffers can be exported; or what vfio_pci_core_enable() says.
 */
int peerbuf_vdev_open(struct vfio_device *vdev);

/**
 * peerbuf_vdev_close - close_device
 * @vdev: open
 *
 * Revokes every buffer for good, and so may wait as peerbuf_provider_close() does; the device
 * still answers meanwhile. A driver switches off what is its own afterwards.
 */
void peerbuf_vdev_close(struct vfio_device *vdev);

/**
 * peerbuf_vdev_ioctl - ioctl
 * @vdev: open
 * @cmd: any
 * @arg: the ioctl's argument
 *
 * Return: as <linux/peerbuf.h> and vfio_pci_core_ioctl() say.
 */
long peerbuf_vdev_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg);

/**
 * peerbuf_vdev_feature - device_feature
 * @vdev: open
 * @flags: VFIO_DEVICE_FEATURE_*
 * @arg: the feature's argument
 * @argsz: its size
 *
 * Return: as <linux/peerbuf.h> and vfio_pci_core_ioctl_feature() say.
 */
int peerbuf_vdev_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz);

/**
 * peerbuf_vdev_write - write
 * @vdev: open
 * @buf: what is written
 * @count: bytes
 * @ppos: where; a write of configuration space may revoke
 *
 * Return: as vfio_pci_core_write().
 */
ssize_t peerbuf_vdev_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			   loff_t *ppos);

/**
 * peerbuf_vdev_mmap - mmap
 * @vdev: open
 * @vma: of the device's file
 *
 * Return: as vfio_pci_core_mmap(); of a region that is translated, as
 * VFIO_DEVICE_FEATURE_DMA_BUF and mmap() of the buffer.
 */
int peerbuf_vdev_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);

/**
 * peerbuf_vdev_register - give a device to VFIO; for struct pci_driver's probe
 * @pv: from vfio_alloc_device()
 *
 * The device's driver data is @pv->core from now on, and the driver's power management
 * operations are peerbuf's.
 *
 * Return: 0; or what vfio_pci_core_register_device() says, and the caller drops @pv with
 * vfio_put_device().
 */
int peerbuf_vdev_register(struct peerbuf_vdev *pv);

/**
 * peerbuf_vdev_unregister - take it back; for remove
 * @pv: registered
 *
 * Waits until its user has closed it, which revokes everything. The caller drops @pv with
 * vfio_put_device() afterwards.
 */
void peerbuf_vdev_unregister(struct peerbuf_vdev *pv);

/* For struct pci_driver: revoke at resets and errors. */
extern const struct pci_error_handlers peerbuf_vdev_err_handlers;

#endif /* _LINUX_PEERBUF_VFIO_PCI_H */
