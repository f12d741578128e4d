// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VFIO driver of one kind of device, whose memory is not where its BAR says.
 *
 * The device is QEMU's ivshmem. Its memory in BAR 2 is taken for banks of one size that are
 * wired in reverse: what its user calls the first bank is the last one of the BAR. So a range
 * of the region is, in general, several ranges of physical memory. Everything else is
 * vfio_pci_peerbuf's.
 */
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>

#include <linux/peerbuf/vfio_pci.h>

#define BANKS	VFIO_PCI_BAR2_REGION_INDEX	/* the region that has them */

static unsigned long bank_size = 1UL << 20;
module_param(bank_size, ulong, 0444);
MODULE_PARM_DESC(bank_size, "Bytes of a bank, a power of 2 (1 MiB)");

/**
 * struct banked - a device
 * @pv: vfio_pci_peerbuf's part; first
 * @size: bytes of all banks
 */
struct banked {
	struct peerbuf_vdev pv;
	u64 size;
};

static struct banked *to_banked(struct peerbuf_vdev *pv)
{
	return container_of(pv, struct banked, pv);
}

/* From an offset in the region to one in the BAR; the bank ends @left bytes from there. */
static u64 banked_offset(struct banked *b, u64 offset, u64 *left)
{
	u64 in_bank = offset & (bank_size - 1);

	*left = bank_size - in_bank;
	return b->size - bank_size - (offset - in_bank) + in_bank;
}

/* What buffers are made of, and mmap(). */
static int banked_translate(struct peerbuf_vdev *pv, unsigned int region, u64 offset, u64 length,
			    struct phys_vec *piece)
{
	struct banked *b = to_banked(pv);
	u64 left, at;

	/* The registers in BAR 0 are smaller than a page. */
	if (region != BANKS)
		return -ENODEV;
	if (offset >= b->size || length > b->size - offset)
		return -EINVAL;
	at = banked_offset(b, offset, &left);
	*piece = (struct phys_vec) {
		.paddr = pci_resource_start(pv->core.pdev, BANKS) + at,
		.len = min(left, length),
	};
	return 0;
}

static const struct peerbuf_vdev_ops banked_vdev_ops = {
	.translate = banked_translate,
};

/* read() and write() of the region: bank by bank. @to is NULL for a write of @from. */
static ssize_t banked_move(struct vfio_device *vdev, char __user *to, const char __user *from,
			   size_t count, loff_t *ppos)
{
	struct banked *b = to_banked(to_peerbuf_vdev(vdev));
	u64 offset = *ppos & VFIO_PCI_OFFSET_MASK, left;
	size_t done = 0, part;
	ssize_t ret = 0;
	loff_t pos;

	if (offset >= b->size)
		return -EINVAL;
	count = min(count, b->size - offset);
	while (done < count) {
		pos = VFIO_PCI_INDEX_TO_OFFSET(BANKS) + banked_offset(b, offset + done, &left);
		part = min(count - done, left);
		ret = to ? vfio_pci_core_read(vdev, to + done, part, &pos) :
			   peerbuf_vdev_write(vdev, from + done, part, &pos);
		if (ret <= 0)
			break;
		done += ret;
	}
	*ppos += done;
	return done ?: ret;
}

static ssize_t banked_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) == BANKS)
		return banked_move(vdev, buf, NULL, count, ppos);
	return vfio_pci_core_read(vdev, buf, count, ppos);
}

static ssize_t banked_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			    loff_t *ppos)
{
	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) == BANKS)
		return banked_move(vdev, NULL, buf, count, ppos);
	return peerbuf_vdev_write(vdev, buf, count, ppos);
}

static int banked_init(struct vfio_device *vdev)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);
	int ret = peerbuf_vdev_init(vdev);

	if (ret)
		return ret;
	pv->ops = &banked_vdev_ops;
	to_banked(pv)->size = pci_resource_len(pv->core.pdev, BANKS);
	return 0;
}

static struct vfio_device_ops banked_ops;

static int banked_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	u64 size = pci_resource_len(pdev, BANKS);
	struct banked *b;
	int ret;

	if (!(pci_resource_flags(pdev, BANKS) & IORESOURCE_MEM) || size < bank_size)
		return -ENODEV;
	b = vfio_alloc_device(banked, pv.core.vdev, &pdev->dev, &banked_ops);
	if (IS_ERR(b))
		return PTR_ERR(b);
	ret = peerbuf_vdev_register(&b->pv);
	if (ret)
		vfio_put_device(&b->pv.core.vdev);
	return ret;
}

static void banked_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	peerbuf_vdev_unregister(to_peerbuf_vdev(&core->vdev));
	vfio_put_device(&core->vdev);
}

static const struct pci_device_id banked_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_REDHAT_QUMRANET, 0x1110) },
	{}
};
MODULE_DEVICE_TABLE(pci, banked_table);

static struct pci_driver banked_driver = {
	.name			= "banked_vfio",
	.id_table		= banked_table,
	.probe			= banked_probe,
	.remove			= banked_remove,
	.err_handler		= &peerbuf_vdev_err_handlers,
	.driver_managed_dma	= true,
};

static int __init banked_module_init(void)
{
	if (bank_size < PAGE_SIZE || !is_power_of_2(bank_size))
		return -EINVAL;
	banked_ops = peerbuf_vdev_vfio_ops;
	banked_ops.name = "banked_vfio";
	banked_ops.init = banked_init;
	banked_ops.read = banked_read;
	banked_ops.write = banked_write;
	return pci_register_driver(&banked_driver);
}
module_init(banked_module_init);

static void __exit banked_module_exit(void)
{
	pci_unregister_driver(&banked_driver);
}
module_exit(banked_module_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Example of a VFIO driver whose device's memory is not where its BAR says");
MODULE_AUTHOR("The peerbuf developers");
