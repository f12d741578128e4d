// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exporter whose scatterlists hold whatever addresses it is told to. As a foreign one it
 * knows nothing of peerbuf, as those of the stock kernel, and can move its memory; as a
 * native one it offers the SGT type.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/range.h>
#include <linux/peerbuf/sgt.h>

#include "peerbuf_test.h"

/**
 * struct foreign - its private part
 * @nr: entries of @vec
 * @vec: the addresses; reservation lock
 */
struct foreign {
	u32 nr;
	struct phys_vec *vec;
};

static struct sg_table *fill_table(const struct foreign *f)
{
	struct scatterlist *sg;
	struct sg_table *sgt;
	unsigned int i;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	if (sg_alloc_table(sgt, f->nr, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	for_each_sg(sgt->sgl, sg, f->nr, i) {
		sg_dma_address(sg) = f->vec[i].paddr;
		sg_dma_len(sg) = f->vec[i].len;
	}
	return sgt;
}

static struct sg_table *foreign_map(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	return fill_table(attach->dmabuf->priv);
}

static struct sg_table *native_map(struct dma_buf_attachment *attach,
				   enum dma_data_direction dir)
{
	return fill_table(peerbuf_exporter_priv(attach->dmabuf));
}

static void foreign_unmap(struct dma_buf_attachment *attach,
			  struct sg_table *sgt, enum dma_data_direction dir)
{
	sg_free_table(sgt);
	kfree(sgt);
}

static void free_private(void *priv)
{
	struct foreign *f = priv;

	kvfree(f->vec);
	kfree(f);
}

static void foreign_release(struct dma_buf *dmabuf)
{
	free_private(dmabuf->priv);
}

static int foreign_pin(struct dma_buf_attachment *attach)
{
	return 0;
}

static void foreign_unpin(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_ops dynamic_ops = {
	.map_dma_buf = foreign_map,
	.unmap_dma_buf = foreign_unmap,
	.release = foreign_release,
	.pin = foreign_pin,
	.unpin = foreign_unpin,
};

static const struct dma_buf_ops static_ops = {
	.map_dma_buf = foreign_map,
	.unmap_dma_buf = foreign_unmap,
	.release = foreign_release,
};

static const struct dma_buf_mapping_match native_sgt =
	DMA_BUF_SIMPLE_SGT_EXP_MATCH(native_map, foreign_unmap);

static const struct peerbuf_exporter_ops native_ops = {
	.release = free_private,
};

static struct dma_buf *export_native(struct foreign *f, u64 size)
{
	return peerbuf_export(&(struct peerbuf_export_info) {
		.owner = THIS_MODULE,
		.exp_name = "peerbuf_test",
		.ops = &native_ops,
		.single_exporter_match = &native_sgt,
		.size = size,
		.flags = O_RDWR,
		.priv = f,
	});
}

struct dma_buf *foreign_export(const struct pbt_export *arg, u64 base)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct foreign *f = kzalloc(sizeof(*f), GFP_KERNEL);
	struct dma_buf *dmabuf;
	u32 i;

	if (!f)
		return ERR_PTR(-ENOMEM);
	f->nr = arg->nr;
	f->vec = vmemdup_array_user(u64_to_user_ptr(arg->ranges), arg->nr,
				    sizeof(*f->vec));
	if (IS_ERR(f->vec)) {
		dmabuf = ERR_CAST(f->vec);
		kfree(f);
		return dmabuf;
	}
	for (i = 0; i < f->nr; i++)
		f->vec[i].paddr += base;

	info.ops = arg->flags & PBT_FOREIGN_STATIC ? &static_ops : &dynamic_ops;
	info.size = arg->size;
	info.flags = O_RDWR;
	info.priv = f;
	dmabuf = arg->flags & PBT_NATIVE_SGT ? export_native(f, arg->size) :
					       dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		free_private(f);
	return dmabuf;
}

/* Move the memory by some bytes: tell importers, then let them map it again. */
long foreign_move(struct pbt_move __user *user)
{
	struct dma_buf *dmabuf;
	struct pbt_move arg;
	struct foreign *f;
	long ret = 0;
	u32 i;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	dmabuf = dma_buf_get(arg.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (dmabuf->ops != &dynamic_ops) {
		ret = -EINVAL;
		goto out;
	}
	f = dmabuf->priv;
	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(dmabuf);
	for (i = 0; i < f->nr; i++)
		f->vec[i].paddr += arg.by;
	dma_resv_unlock(dmabuf->resv);
out:
	dma_buf_put(dmabuf);
	return ret;
}
