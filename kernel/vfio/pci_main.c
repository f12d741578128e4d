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
#include <linux/slab.h>
#include <linux/string.h>

#include "pci.h"

static bool enable_sriov;
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov,
		 "Let sriov_numvfs create virtual functions of devices bound to this driver (N)");

static char ids[1024];
module_param_string(ids, ids, sizeof(ids), 0);
MODULE_PARM_DESC(ids,
		 "Devices to take: vendor:device[:subvendor[:subdevice[:class[:mask]]]],... (none)");

static bool takeover;
module_param(takeover, bool, 0444);
MODULE_PARM_DESC(takeover, "Be the driver vfio-pci, in its place (N)");

static struct vfio_device_ops peerbuf_pci_ops;

static int peerbuf_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct peerbuf_vdev *pv;
	int ret;

	pv = vfio_alloc_device(peerbuf_vdev, core.vdev, &pdev->dev,
			       &peerbuf_pci_ops);
	if (IS_ERR(pv))
		return PTR_ERR(pv);
	ret = peerbuf_vdev_register(pv);
	if (ret)
		vfio_put_device(&pv->core.vdev);
	return ret;
}

static void peerbuf_pci_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	peerbuf_vdev_unregister(to_peerbuf_vdev(&core->vdev));
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
	.err_handler		= &peerbuf_vdev_err_handlers,
	.driver_managed_dma	= true,
};

/* Checks the parameter, or has the driver take what it names. */
static int __init walk_ids(bool add)
{
	u32 vendor, device, subvendor, subdevice, class, mask;
	char *copy = kstrdup(ids, GFP_KERNEL), *rest = copy, *id;
	int ret = copy ? 0 : -ENOMEM;

	while (!ret && (id = strsep(&rest, ","))) {
		if (!*id)
			continue;
		subvendor = PCI_ANY_ID;
		subdevice = PCI_ANY_ID;
		class = 0;
		mask = 0;
		if (sscanf(id, "%x:%x:%x:%x:%x:%x", &vendor, &device, &subvendor, &subdevice,
			   &class, &mask) < 2)
			ret = -EINVAL;
		else if (add)
			ret = pci_add_dynid(&peerbuf_pci_driver, vendor, device, subvendor,
					    subdevice, class, mask, 0);
	}
	kfree(copy);
	return ret;
}

static int __init peerbuf_pci_init(void)
{
	int ret = walk_ids(false);

	if (ret)
		return ret;
	peerbuf_pci_ops = peerbuf_vdev_vfio_ops;
	/* The driver's: vfio-pci-core binds virtual functions to it by this name. */
	peerbuf_pci_ops.name = "vfio_pci_peerbuf";
	/*
	 * Programs know VFIO's driver by its name. While one driver has it the other cannot
	 * be loaded.
	 */
	if (takeover) {
		peerbuf_pci_driver.name = "vfio-pci";
		peerbuf_pci_ops.name = "vfio-pci";
	}
	ret = pci_register_driver(&peerbuf_pci_driver);
	if (ret)
		return ret;
	ret = walk_ids(true);
	if (ret)
		pci_unregister_driver(&peerbuf_pci_driver);
	return ret;
}
module_init(peerbuf_pci_init);

static void __exit peerbuf_pci_exit(void)
{
	pci_unregister_driver(&peerbuf_pci_driver);
}
module_exit(peerbuf_pci_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VFIO PCI driver that exports BARs as revocable dma-bufs");
MODULE_AUTHOR("The peerbuf developers");
