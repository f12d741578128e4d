// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VFIO device without an IOMMU of its own, as mediated devices are: it wants pages
 * pinned for it one by one. Its group is number "group" among the module's parameters.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/vfio.h>

static int group = -1;
module_param(group, int, 0444);
MODULE_PARM_DESC(group, "The device's group; read only");

static int emulated_open(struct vfio_device *vdev)
{
	return 0;
}

static void emulated_close(struct vfio_device *vdev)
{
}

static void emulated_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
}

static const struct vfio_device_ops emulated_ops = {
	.name		= "peerbuf-emulated",
	.open_device	= emulated_open,
	.close_device	= emulated_close,
	.dma_unmap	= emulated_dma_unmap,
	.bind_iommufd	= vfio_iommufd_emulated_bind,
	.unbind_iommufd	= vfio_iommufd_emulated_unbind,
	.attach_ioas	= vfio_iommufd_emulated_attach_ioas,
	.detach_ioas	= vfio_iommufd_emulated_detach_ioas,
};

static int emulated_probe(struct platform_device *pdev)
{
	struct iommu_group *g;
	struct vfio_device *vdev;
	int ret;

	vdev = _vfio_alloc_device(sizeof(*vdev), &pdev->dev, &emulated_ops);
	if (IS_ERR(vdev))
		return PTR_ERR(vdev);
	ret = vfio_register_emulated_iommu_dev(vdev);
	if (ret) {
		vfio_put_device(vdev);
		return ret;
	}
	platform_set_drvdata(pdev, vdev);
	g = iommu_group_get(&pdev->dev);
	group = iommu_group_id(g);
	iommu_group_put(g);
	return 0;
}

static void emulated_remove(struct platform_device *pdev)
{
	struct vfio_device *vdev = platform_get_drvdata(pdev);

	vfio_unregister_group_dev(vdev);
	vfio_put_device(vdev);
}

static struct platform_driver emulated_driver = {
	.probe		= emulated_probe,
	.remove		= emulated_remove,
	.driver		= { .name = "peerbuf_emulated" },
};

static struct platform_device *device;

static int __init emulated_init(void)
{
	device = platform_create_bundle(&emulated_driver, emulated_probe, NULL, 0,
					NULL, 0);
	return PTR_ERR_OR_ZERO(device);
}

static void __exit emulated_exit(void)
{
	platform_device_unregister(device);
	platform_driver_unregister(&emulated_driver);
}

module_init(emulated_init);
module_exit(emulated_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A VFIO device with an emulated IOMMU, for the tests of peerbuf");
MODULE_AUTHOR("The peerbuf developers");
