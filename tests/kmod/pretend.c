// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is not iommufd, but has a device that is named as its, and asks vfio-pci-core as it
 * does where a buffer's memory is. The parameter "ask" takes the number of an fd of the
 * process that writes; that fails as the attach does, or else as the answer is.
 */
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/vfio_pci_core.h>

#include <peerbuf_compat.h>

static struct device *device;

static void invalidate(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_attach_ops importer_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = invalidate,
};

static int ask(const char *value, const struct kernel_param *param)
{
	typeof(vfio_pci_dma_buf_iommufd_map) *map = symbol_get(vfio_pci_dma_buf_iommufd_map);
	struct dma_buf_attachment *attach;
	struct phys_vec vec;
	struct dma_buf *dmabuf;
	int ret, fd;

	if (!map)
		return -ENOENT;
	ret = kstrtoint(value, 0, &fd);
	if (ret)
		goto put_symbol;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf)) {
		ret = PTR_ERR(dmabuf);
		goto put_symbol;
	}
	attach = dma_buf_dynamic_attach(dmabuf, device, &importer_ops, NULL);
	if (IS_ERR(attach)) {
		ret = PTR_ERR(attach);
		goto put_buffer;
	}
	dma_resv_lock(dmabuf->resv, NULL);
	ret = map(attach, &vec);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_detach(dmabuf, attach);
put_buffer:
	dma_buf_put(dmabuf);
put_symbol:
	symbol_put(vfio_pci_dma_buf_iommufd_map);
	return ret;
}

static const struct kernel_param_ops ask_ops = {
	.set = ask,
};
module_param_cb(ask, &ask_ops, NULL, 0200);

static int __init pretend_init(void)
{
	device = root_device_register("iommu");
	return PTR_ERR_OR_ZERO(device);
}

static void __exit pretend_exit(void)
{
	root_device_unregister(device);
}

module_init(pretend_init);
module_exit(pretend_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Pretender that only tests load");
PEERBUF_IMPORT_NS_DMA_BUF;
