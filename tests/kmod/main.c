// SPDX-License-Identifier: GPL-2.0-only
/* /dev/peerbuf_test */
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>

#include <peerbuf_compat.h>

#include "peerbuf_test.h"

static int test_open(struct inode *inode, struct file *file)
{
	file->private_data = import_create();
	return file->private_data ? 0 : -ENOMEM;
}

static int test_release(struct inode *inode, struct file *file)
{
	import_destroy(file->private_data);
	return 0;
}

static long put_leaked(int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	dma_buf_put(dmabuf);
	dma_buf_put(dmabuf);
	return 0;
}

/* How a process has device memory mapped: what its page tables say of an address. */
static long caching(unsigned long addr)
{
	unsigned long mask = pgprot_val(pgprot_noncached(__pgprot(0))) |
			     pgprot_val(pgprot_writecombine(__pgprot(0)));
	struct follow_pfnmap_args args = { .address = addr };
	long how = -EFAULT;
	unsigned long bits;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	args.vma = vma_lookup(current->mm, addr);
	if (args.vma && !follow_pfnmap_start(&args)) {
		bits = pgprot_val(args.pgprot) & mask;
		if (bits == pgprot_val(pgprot_writecombine(__pgprot(0))))
			how = PBT_COMBINED;
		else if (bits == pgprot_val(pgprot_noncached(__pgprot(0))))
			how = PBT_UNCACHED;
		else
			how = PBT_CACHED;
		follow_pfnmap_end(&args);
	}
	mmap_read_unlock(current->mm);
	return how;
}

static long test_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd == PBT_EXPORT)
		return export_ioctl((void __user *)arg);
	if (cmd == PBT_VMAP)
		return vmap_ioctl((void __user *)arg);
	if (cmd == PBT_MOVE)
		return foreign_move((void __user *)arg);
	if (cmd == PBT_CACHING)
		return caching(arg);
	if (cmd == PBT_PUT)
		return put_leaked(arg);
	if (cmd == PBT_BLOCK || cmd == PBT_UNBLOCK || cmd == PBT_REOPEN)
		return provider_ioctl(cmd, arg);
	return import_ioctl(file->private_data, cmd, (void __user *)arg);
}

static const struct file_operations test_fops = {
	.owner = THIS_MODULE,
	.open = test_open,
	.release = test_release,
	.unlocked_ioctl = test_ioctl,
};

static struct miscdevice test_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "peerbuf_test",
	.fops = &test_fops,
};

static int __init test_init(void)
{
	int ret;

	provider_start();
	ret = misc_register(&test_device);
	if (ret)
		provider_stop();
	return ret;
}

static void __exit test_exit(void)
{
	misc_deregister(&test_device);
	provider_stop();
}

module_init(test_init);
module_exit(test_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Importer and exporter for the tests of peerbuf");
MODULE_AUTHOR("The peerbuf developers");
PEERBUF_IMPORT_NS_DMA_BUF;
