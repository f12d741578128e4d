// SPDX-License-Identifier: GPL-2.0-only
/* What every driver of a device with exported memory needs: <linux/peerbuf/vfio_pci.h> */
#include <linux/module.h>
#include <linux/pci.h>

#include "pci.h"

int peerbuf_vdev_init(struct vfio_device *vdev)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);
	int ret;

	ret = vfio_pci_core_init_dev(vdev);
	if (ret)
		return ret;
	peerbuf_provider_init(&pv->provider, &peerbuf_pci_provider_ops,
			      dev_name(vdev->dev));
	mutex_init(&pv->power_lock);
	INIT_LIST_HEAD(&pv->function);
	return 0;
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_init);

void peerbuf_vdev_release(struct vfio_device *vdev)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);

	peerbuf_pci_function_del(pv);
	mutex_destroy(&pv->power_lock);
	peerbuf_provider_fini(&pv->provider);
	vfio_pci_core_release_dev(vdev);
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_release);

int peerbuf_vdev_open(struct vfio_device *vdev)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);
	int ret;

	ret = vfio_pci_core_enable(&pv->core);
	if (ret)
		return ret;
	vfio_pci_core_finish_enable(&pv->core);
	peerbuf_provider_open(&pv->provider);
	return 0;
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_open);

void peerbuf_vdev_close(struct vfio_device *vdev)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);

	/* Importers lose access while the device still answers. */
	peerbuf_provider_close(&pv->provider);
	peerbuf_pci_closed(pv);
	vfio_pci_core_close_device(vdev);
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_close);

int peerbuf_vdev_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);

	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_DMA_BUF:
		return peerbuf_pci_export(pv, flags, arg, argsz);
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
	case VFIO_DEVICE_FEATURE_LOW_POWER_EXIT:
		return peerbuf_pci_low_power(pv, flags, arg, argsz);
	default:
		return vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);
	}
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_feature);

int peerbuf_vdev_register(struct peerbuf_vdev *pv)
{
	struct pci_dev *pdev = pv->core.pdev;
	int ret;

	peerbuf_pci_function_add(pv);
	/* vfio-pci-core expects its own structure here. */
	dev_set_drvdata(&pdev->dev, &pv->core);
	ret = vfio_pci_core_register_device(&pv->core);
	if (!ret)
		peerbuf_pci_hook_pm(pdev);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_register);

void peerbuf_vdev_unregister(struct peerbuf_vdev *pv)
{
	/* A device that was pulled out has lost its memory, whatever its user does. */
	peerbuf_provider_update(&pv->provider);
	/* Waits for the user to close, which has revoked everything. */
	vfio_pci_core_unregister_device(&pv->core);
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_unregister);

const struct vfio_device_ops peerbuf_vdev_vfio_ops = {
	.init		= peerbuf_vdev_init,
	.release	= peerbuf_vdev_release,
	.open_device	= peerbuf_vdev_open,
	.close_device	= peerbuf_vdev_close,
	.ioctl		= peerbuf_vdev_ioctl,
	.device_feature	= peerbuf_vdev_feature,
	.read		= vfio_pci_core_read,
	.write		= peerbuf_vdev_write,
	.mmap		= peerbuf_vdev_mmap,
	.request	= vfio_pci_core_request,
	.match		= vfio_pci_core_match,
	.bind_iommufd	= vfio_iommufd_physical_bind,
	.unbind_iommufd	= vfio_iommufd_physical_unbind,
	.attach_ioas	= vfio_iommufd_physical_attach_ioas,
	.detach_ioas	= vfio_iommufd_physical_detach_ioas,
	PEERBUF_VFIO_REGION_INFO
	PEERBUF_VFIO_MATCH_TOKEN
	PEERBUF_VFIO_PASID
};
EXPORT_SYMBOL_GPL(peerbuf_vdev_vfio_ops);
