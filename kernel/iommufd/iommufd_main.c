// SPDX-License-Identifier: GPL-2.0-only
/*
 * peerbuf_iommufd: the kernel's own iommufd maps buffers of device memory that peerbuf made.
 *
 * iommufd attaches to any dma-buf, and asks one function of vfio-pci-core where the memory
 * is, which knows buffers of its own only. Calls of that function about a native buffer are
 * redirected to this module, by ftrace, as a live patch would be; all others are left alone.
 * docs/design/0008-stock-iommufd.md has the reasons.
 *
 * The address is given without being counted as held, as vfio-pci-core gives its own: a
 * revoke calls iommufd, which has unmapped it for good when it returns, under the
 * reservation lock that is held here. So nothing that was mapped needs this module to stay.
 */
#define pr_fmt(fmt) "peerbuf_iommufd: " fmt

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/ftrace.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/pal.h>
#include <peerbuf_compat.h>

#define FUNCTION "vfio_pci_dma_buf_iommufd_map()"

/*
 * iommufd attaches as its misc device, which is in no bus and which nobody else has. A name
 * in a class is given once; only after it has been compared is the device known to be one
 * whose driver data is what misc_register() put there.
 */
static bool is_iommufd(struct dma_buf_attachment *attach)
{
	struct device *dev = attach->dev;
	struct miscdevice *misc;

	if (MAJOR(dev->devt) != MISC_MAJOR || !dev->class || strcmp(dev->class->name, "misc") ||
	    strcmp(dev_name(dev), "iommu"))
		return false;
	misc = dev_get_drvdata(dev);
	return !strcmp(module_name(misc->fops->owner),
		       IS_BUILTIN(CONFIG_IOMMUFD) ? module_name(NULL) : "iommufd");
}

static struct peerbuf_agent agent = {
	.owner = KBUILD_MODNAME,
	.speaks_for = is_iommufd,
};

/*
 * iommufd maps what it is told of as device memory, in one piece, and for writing if it is
 * asked to, without looking at how the buffer was opened.
 */
static int tell(struct dma_buf_attachment *attach, struct phys_vec *phys)
{
	const struct dma_buf_mapping_match *match = dma_buf_attachment_mapping(attach);
	struct dma_buf_phys_list *list;
	int ret = 0;

	if (!is_iommufd(attach) || match->type != &dma_buf_mapping_pal_type ||
	    !match->pal_data.exporting_p2p_device)
		return -EOPNOTSUPP;
	if (!(attach->dmabuf->file->f_mode & FMODE_WRITE))
		return -EACCES;
	list = dma_buf_pal_map_phys(attach);
	if (IS_ERR(list))
		return PTR_ERR(list);
	if (list->length == 1)
		*phys = list->phys[0];
	else
		ret = -EOPNOTSUPP;
	dma_buf_pal_unmap_phys(attach, list);
	return ret;
}

/* ------------------------------------------------------------------ the redirection */

/* What fits() tries at load, and the answer to it. */
static struct dma_buf_attachment trial;
static const struct phys_vec trial_vec = { .paddr = PAGE_SIZE, .len = 2 * PAGE_SIZE };

/*
 * In place of the kernel's function. The reference is redirect()'s: an exporter may sleep
 * in tell(). What is left to run after it was dropped neither sleeps nor is waited for by
 * it, but by unregister_ftrace_function(), which returns when every task that was in the
 * function's first instructions has since scheduled by itself or left the kernel.
 */
static int map_native(struct dma_buf_attachment *attach, struct phys_vec *phys)
{
	int ret = 0;

	if (attach == &trial)
		*phys = trial_vec;
	else
		ret = tell(attach, phys);
	module_put(THIS_MODULE);
	return ret;
}

static_assert(__same_type(map_native, vfio_pci_dma_buf_iommufd_map));

static void notrace redirect(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *fregs)
{
	struct dma_buf_attachment *attach = (void *)ftrace_regs_get_argument(fregs, 0);

	if ((attach == &trial || peerbuf_is_native(attach->dmabuf)) &&
	    try_module_get(THIS_MODULE))
		ftrace_regs_set_instruction_pointer(fregs, (unsigned long)map_native);
}

/*
 * Refused where another one may change the instruction pointer there, which is what live
 * patches do; and, because it is permanent, while ftrace is switched off, on kernels that let
 * it be. Once this is there they do not.
 */
static struct ftrace_ops hook = {
	.func = redirect,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

static typeof(vfio_pci_dma_buf_iommufd_map) *hooked;

/*
 * Does the kernel's function still answer "not mine" for a buffer that has no exporter, and
 * do calls that are ours arrive here, with their arguments, and return?
 */
static bool __init fits(void)
{
	struct dma_buf_attachment other = {};
	struct phys_vec vec = {};
	struct dma_buf *dmabuf;
	struct dma_resv resv;
	bool good;

	dmabuf = kzalloc(sizeof(*dmabuf), GFP_KERNEL);
	if (!dmabuf)
		return false;
	dma_resv_init(&resv);
	dmabuf->resv = &resv;
	other.dmabuf = dmabuf;
	trial.dmabuf = dmabuf;
	dma_resv_lock(&resv, NULL);
	good = hooked(&other, &vec) == -EOPNOTSUPP && !vec.paddr && !vec.len &&
	       !hooked(&trial, &vec) && vec.paddr == trial_vec.paddr && vec.len == trial_vec.len;
	dma_resv_unlock(&resv);
	dma_resv_fini(&resv);
	kfree(dmabuf);
	return good;
}

static int __init peerbuf_iommufd_init(void)
{
	int ret;

	/* The reference keeps vfio-pci-core, and with it the function, where it is. */
	hooked = symbol_get(vfio_pci_dma_buf_iommufd_map);
	if (!hooked) {
		pr_err("this kernel's vfio-pci-core is not loaded, or has no " FUNCTION "\n");
		return -ENOENT;
	}
	ret = peerbuf_agent_register(&agent);
	if (ret) {
		pr_err("raw_pal_allow of peerbuf_core does not allow this module\n");
		goto err_symbol;
	}
	ret = ftrace_set_filter_ip(&hook, (unsigned long)hooked, 0, 0);
	if (!ret)
		ret = register_ftrace_function(&hook);
	if (ret) {
		pr_err(FUNCTION " cannot be redirected: it is live-patched, or ftrace is off (error %d)\n",
		       ret);
		goto err_agent;
	}
	if (!fits()) {
		pr_err(FUNCTION " of this kernel does not do what it should\n");
		ret = -ENODEV;
		goto err_hook;
	}
	return 0;

err_hook:
	unregister_ftrace_function(&hook);
err_agent:
	ftrace_free_filter(&hook);
	peerbuf_agent_unregister(&agent);
err_symbol:
	symbol_put(vfio_pci_dma_buf_iommufd_map);
	return ret;
}

static void __exit peerbuf_iommufd_exit(void)
{
	unregister_ftrace_function(&hook);
	ftrace_free_filter(&hook);
	peerbuf_agent_unregister(&agent);
	symbol_put(vfio_pci_dma_buf_iommufd_map);
}

module_init(peerbuf_iommufd_init);
module_exit(peerbuf_iommufd_exit);

MODULE_SOFTDEP("pre: vfio-pci-core");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("iommufd maps dma-bufs of device memory that peerbuf made");
MODULE_AUTHOR("The peerbuf developers");
PEERBUF_IMPORT_NS_DMA_BUF;
