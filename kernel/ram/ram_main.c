// SPDX-License-Identifier: GPL-2.0-only
/*
 * peerbuf_ram: native buffers of RAM, made by user space from a memfd.
 *
 * An open /dev/peerbuf_ram is a provider: it owns the buffers that were made revocable
 * through it, and takes them back when it is closed. A buffer that was not is nobody's but
 * its holders', and is there for importers that cannot be told to let go.
 */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/pal.h>
#include <uapi/linux/peerbuf.h>

#include "../uarg.h"
#include "ram.h"

#include <peerbuf_compat.h>

/* --------------------------------------------------------------- the exporter */

static struct dma_buf_phys_list *ram_map(struct dma_buf_attachment *attach)
{
	struct ram_pages *pages = peerbuf_exporter_priv(attach->dmabuf);

	return dma_buf_phys_list_get(pages->list);
}

static void ram_unmap(struct dma_buf_attachment *attach,
		      struct dma_buf_phys_list *list)
{
	dma_buf_phys_list_put(list);
}

static const struct dma_buf_mapping_pal_exp_ops pal_ops = {
	.map_phys = ram_map,
	.unmap_phys = ram_unmap,
};

static void ram_release(void *priv)
{
	ram_pages_unpin(priv);
}

static const struct peerbuf_exporter_ops exporter_ops = {
	.release = ram_release,
};

/* RAM always answers; it is only taken away by its owner. */
static bool ram_decoding(struct peerbuf_provider *p)
{
	return true;
}

static const struct peerbuf_provider_ops provider_ops = {
	.decoding = ram_decoding,
};

static struct dma_buf *export_pages(struct peerbuf_provider *p,
				    struct ram_pages *pages,
				    const struct peerbuf_ram_create *create)
{
	struct dma_buf_mapping_match match = DMA_BUF_EMAPPING_PAL_RAM(&pal_ops);

	return peerbuf_export(&(struct peerbuf_export_info) {
		.owner = THIS_MODULE,
		.exp_name = "peerbuf_ram",
		.ops = &exporter_ops,
		.single_exporter_match = &match,
		.provider = create->flags & PEERBUF_RAM_REVOCABLE ? p : NULL,
		.cpu_list = pages->list,
		.cpu_ram = true,
		.size = create->size,
		.flags = create->open_flags,
		.priv = pages,
	});
}

/* -------------------------------------------------------------------- the ioctl */

static struct ram_pages *pin_memfd(const struct peerbuf_ram_create *create)
{
	bool writable = (create->open_flags & O_ACCMODE) != O_RDONLY;
	struct file *memfd = fget(create->memfd);
	struct ram_pages *pages;

	if (!memfd)
		return ERR_PTR(-EBADF);
	pages = ram_pages_pin(memfd, create->offset, create->size, writable);
	fput(memfd);
	return pages;
}

static long create_fd(struct peerbuf_provider *p,
		      const struct peerbuf_ram_create *create)
{
	struct ram_pages *pages;
	struct dma_buf *dmabuf;
	long ret;
	int fd;

	/* The fd is installed last: nothing can fail once user space has it. */
	fd = get_unused_fd_flags(create->open_flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	pages = pin_memfd(create);
	if (IS_ERR(pages)) {
		ret = PTR_ERR(pages);
		goto err_fd;
	}
	dmabuf = export_pages(p, pages, create);
	if (IS_ERR(dmabuf)) {
		ret = PTR_ERR(dmabuf);
		goto err_pages;
	}
	fd_install(fd, dmabuf->file);
	return fd;

err_pages:
	ram_pages_unpin(pages);
err_fd:
	put_unused_fd(fd);
	return ret;
}

static long create_buffer(struct peerbuf_provider *p, unsigned long arg)
{
	struct peerbuf_ram_create create;
	u32 argsz;
	int ret;

	ret = peerbuf_read_arg(&create, sizeof(create), sizeof(create), arg,
			       &argsz);
	if (ret)
		return ret;
	if ((create.flags & ~PEERBUF_RAM_REVOCABLE) ||
	    (create.open_flags & ~(O_RDWR | O_CLOEXEC)))
		return -EINVAL;
	return create_fd(p, &create);
}

static long ram_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct peerbuf_provider *p = file->private_data;

	if (cmd == PEERBUF_RAM_CREATE)
		return create_buffer(p, arg);
	return peerbuf_owner_ioctl(p, cmd, arg);
}

static int ram_open(struct inode *inode, struct file *file)
{
	struct peerbuf_provider *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

	if (!p)
		return -ENOMEM;
	peerbuf_provider_init(p, &provider_ops, "peerbuf_ram");
	peerbuf_provider_open(p);
	file->private_data = p;
	return 0;
}

static int ram_close(struct inode *inode, struct file *file)
{
	struct peerbuf_provider *p = file->private_data;

	peerbuf_provider_close(p);
	peerbuf_provider_fini(p);
	kfree(p);
	return 0;
}

static const struct file_operations ram_fops = {
	.owner = THIS_MODULE,
	.open = ram_open,
	.release = ram_close,
	.unlocked_ioctl = ram_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice ram_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "peerbuf_ram",
	.fops = &ram_fops,
};
module_misc_device(ram_device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("dma-bufs of RAM with mapping types, made from memfds");
MODULE_AUTHOR("The peerbuf developers");
PEERBUF_IMPORT_NS_DMA_BUF;
