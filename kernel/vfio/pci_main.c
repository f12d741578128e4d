// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_pci_peerbuf: vfio-pci whose devices can export their BARs as dma-bufs.
 *
 * Everything else is vfio-pci-core's. Its settings (nointxmask, disable_vga,
 * disable_idle_d3) are one set for all drivers built on it and are made through the
 * parameters of vfio-pci; see docs/vfio-pci.md.
 */
#include <linux/module.h>
#include <linux/pci.h>

#include "pci.h"

static bool enable_sriov;
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov,
		 "Let sriov_numvfs create virtual functions of devices bound to this driver (N)");

static int peerbuf_pci_init_dev(struct vfio_device *vdev)
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

static void peerbuf_pci_release_dev(struct vfio_device *vdev)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);

	peerbuf_pci_function_del(pv);
	mutex_destroy(&pv->power_lock);
	peerbuf_provider_fini(&pv->provider);
	vfio_pci_core_release_dev(vdev);
}

static int peerbuf_pci_open(struct vfio_device *vdev)
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

static void peerbuf_pci_close(struct vfio_device *vdev)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);

	/* Importers lose access while the device still answers. */
	peerbuf_provider_close(&pv->provider);
	peerbuf_pci_closed(pv);
	vfio_pci_core_close_device(vdev);
}

static int peerbuf_pci_feature(struct vfio_device *vdev, u32 flags,
			       void __user *arg, size_t argsz)
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

static const struct vfio_device_ops peerbuf_pci_ops = {
	/* The driver's: vfio-pci-core binds virtual functions to it by this name. */
	.name		= "vfio_pci_peerbuf",
	.init		= peerbuf_pci_init_dev,
	.release	= peerbuf_pci_release_dev,
	.open_device	= peerbuf_pci_open,
	.close_device	= peerbuf_pci_close,
	.ioctl		= peerbuf_pci_ioctl,
	.device_feature	= peerbuf_pci_feature,
	.read		= vfio_pci_core_read,
	.write		= peerbuf_pci_write,
	.mmap		= peerbuf_pci_mmap,
	.request	= vfio_pci_core_request,
	.match		= vfio_pci_core_match,
	.bind_iommufd	= vfio_iommufd_physical_bind,
	.unbind_iommufd	= vfio_iommufd_physical_unbind,
	.attach_ioas	= vfio_iommufd_physical_attach_ioas,
	.detach_ioas	= vfio_iommufd_physical_detach_ioas,
};

static int peerbuf_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct peerbuf_vdev *pv;
	int ret;

	pv = vfio_alloc_device(peerbuf_vdev, core.vdev, &pdev->dev,
			       &peerbuf_pci_ops);
	if (IS_ERR(pv))
		return PTR_ERR(pv);
	peerbuf_pci_function_add(pv);

	/* vfio-pci-core expects its own structure here. */
	dev_set_drvdata(&pdev->dev, &pv->core);
	ret = vfio_pci_core_register_device(&pv->core);
	if (ret)
		vfio_put_device(&pv->core.vdev);
	else
		peerbuf_pci_hook_pm(pdev);
	return ret;
}

static void peerbuf_pci_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);
	struct peerbuf_vdev *pv = to_peerbuf_vdev(&core->vdev);

	/* A device that was pulled out has lost its memory, whatever its user does. */
	peerbuf_provider_update(&pv->provider);
	/* Waits for the user to close, which has revoked everything. */
	vfio_pci_core_unregister_device(core);
	vfio_put_device(&core->vdev);
}

static int peerbuf_pci_sriov_configure(struct pci_dev *pdev, int nr_virtfn)
{
	if (!enable_sriov)
		return -ENOENT;
	return vfio_pci_core_sriov_configure(dev_get_drvdata(&pdev->dev),
					     nr_virtfn);
}

static const struct pci_device_id peerbuf_pci_table[] = {
	/* Any device, but only when it is asked for by driver_override. */
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, peerbuf_pci_table);

static struct pci_driver peerbuf_pci_driver = {
	.name			= "vfio_pci_peerbuf",
	.id_table		= peerbuf_pci_table,
	.probe			= peerbuf_pci_probe,
	.remove			= peerbuf_pci_remove,
	.sriov_configure	= peerbuf_pci_sriov_configure,
	.err_handler		= &peerbuf_pci_err_handlers,
	.driver_managed_dma	= true,
};
module_pci_driver(peerbuf_pci_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VFIO PCI driver that exports BARs as revocable dma-bufs");
MODULE_AUTHOR("The peerbuf developers");
