// SPDX-License-Identifier: GPL-2.0-only
/* An exporter that offers whatever list it is told to. */
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/iov.h>
#include <linux/peerbuf/pal.h>

#include "peerbuf_test.h"

struct exported {
	struct dma_buf_phys_list *list;
	struct pci_dev *pdev;
	u32 flags;
};

/* A type of a driver's own: all that there is to it. */
const struct dma_buf_mapping_type test_private_type = { .name = "test" };

static struct peerbuf_provider provider;

static struct dma_buf_phys_list *map_phys(struct dma_buf_attachment *attach)
{
	struct exported *ex = peerbuf_exporter_priv(attach->dmabuf);

	if (ex->flags & PBT_SLOW_LIST)
		msleep(1000);
	return dma_buf_phys_list_get(ex->list);
}

static void unmap_phys(struct dma_buf_attachment *attach,
		       struct dma_buf_phys_list *list)
{
	dma_buf_phys_list_put(list);
}

static const struct dma_buf_mapping_pal_exp_ops pal_ops = {
	.map_phys = map_phys,
	.unmap_phys = unmap_phys,
};

static void release(void *priv)
{
	struct exported *ex = priv;

	dma_buf_phys_list_put(ex->list);
	pci_dev_put(ex->pdev);
	kfree(ex);
}

static int match_mapping(struct dma_buf_match_args *args, void *priv)
{
	struct exported *ex = priv;
	struct dma_buf_mapping_match list[3];
	size_t n = 0;

	if (ex->flags & PBT_OFFER_PRIVATE)
		list[n++] = (struct dma_buf_mapping_match) {
			.type = &test_private_type,
			.private_data = ex->list,
		};
	if (ex->flags & PBT_OFFER_IOV)
		list[n++] = DMA_BUF_EMAPPING_IOV(&pal_ops, ex->pdev, 2);
	list[n++] = DMA_BUF_EMAPPING_PAL(&pal_ops, ex->pdev);
	return dma_buf_match_mapping(args, list, n);
}

static const struct peerbuf_exporter_ops ops = {
	.match_mapping = match_mapping,
	.release = release,
};

static struct dma_buf_phys_list *read_list(const struct pbt_export *arg, u64 base)
{
	struct phys_vec *vec;
	struct dma_buf_phys_list *list;
	u32 i;

	vec = vmemdup_array_user(u64_to_user_ptr(arg->ranges), arg->nr,
				 sizeof(*vec));
	if (IS_ERR(vec))
		return ERR_CAST(vec);
	for (i = 0; i < arg->nr; i++)
		vec[i].paddr += base;
	list = dma_buf_phys_list_create(vec, arg->nr, arg->size);
	kvfree(vec);
	return list;
}

static struct dma_buf *export(const struct pbt_export *arg)
{
	struct exported *ex = kzalloc(sizeof(*ex), GFP_KERNEL);
	struct dma_buf *dmabuf;
	u64 base;

	if (!ex)
		return ERR_PTR(-ENOMEM);
	ex->pdev = pci_get_domain_bus_and_slot(arg->bdf >> 16,
					       arg->bdf >> 8 & 0xff,
					       arg->bdf & 0xff);
	if (!ex->pdev) {
		dmabuf = ERR_PTR(-ENXIO);
		goto err_free;
	}
	ex->flags = arg->flags;
	base = arg->flags & PBT_RAW_ADDRESSES ? 0 :
	       pci_resource_start(ex->pdev, 2);
	if (arg->flags & (PBT_FOREIGN | PBT_FOREIGN_STATIC | PBT_NATIVE_SGT)) {
		dmabuf = foreign_export(arg, base);
		goto err_pdev;
	}
	ex->list = read_list(arg, base);
	if (IS_ERR(ex->list)) {
		dmabuf = ERR_CAST(ex->list);
		goto err_pdev;
	}
	dmabuf = peerbuf_export(&(struct peerbuf_export_info) {
		.owner = THIS_MODULE,
		.exp_name = "peerbuf_test",
		.ops = &ops,
		.provider = arg->flags & PBT_REVOCABLE ? &provider : NULL,
		.size = arg->size,
		.flags = O_RDWR,
		.priv = ex,
	});
	if (!IS_ERR(dmabuf))
		return dmabuf;
	dma_buf_phys_list_put(ex->list);
err_pdev:
	pci_dev_put(ex->pdev);
err_free:
	kfree(ex);
	return dmabuf;
}

long export_ioctl(struct pbt_export __user *user)
{
	struct pbt_export arg;
	struct dma_buf *dmabuf;
	int fd;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	dmabuf = export(&arg);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0) {
		dma_buf_put(dmabuf);
		return fd;
	}
	return put_user(fd, &user->fd);
}

/* --------------------------------------------------------------- the provider */

static bool decoding(struct peerbuf_provider *p)
{
	return true;
}

static const struct peerbuf_provider_ops provider_ops = {
	.decoding = decoding,
};

void provider_start(void)
{
	peerbuf_provider_init(&provider, &provider_ops, "peerbuf_test");
	peerbuf_provider_open(&provider);
}

void provider_stop(void)
{
	peerbuf_provider_close(&provider);
	peerbuf_provider_fini(&provider);
}

long provider_ioctl(unsigned int cmd, unsigned long cause)
{
	if (cmd == PBT_REOPEN) {
		peerbuf_provider_close(&provider);
		peerbuf_provider_open(&provider);
		return 0;
	}
	if (cause > PEERBUF_CAUSE_CONFIG)
		return -EINVAL;
	if (cmd == PBT_BLOCK)
		peerbuf_provider_block(&provider, cause);
	else
		peerbuf_provider_unblock(&provider, cause);
	return 0;
}
