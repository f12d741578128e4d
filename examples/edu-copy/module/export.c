// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exports: memory of the driver's own that others may use.
 *
 * It is RAM, so that the one entry is a scatterlist for whoever asks. It stays when the device
 * goes: what is taken back is the right to use it, because nobody tends it any more.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include <linux/peerbuf/sgt.h>

#include "driver.h"

/**
 * struct edu_memory - what a buffer shows
 * @nr: entries of @pages
 * @pages: each with a reference
 *
 * Belongs to the buffer alone, which may outlive the device: nothing in here points to it.
 */
struct edu_memory {
	unsigned int nr;
	struct page *pages[] __counted_by(nr);
};

/* Reservation lock held, and the buffer is live: the core has looked. */
static struct sg_table *edu_memory_map(struct dma_buf_attachment *attach,
				       enum dma_data_direction dir)
{
	struct edu_memory *mem = peerbuf_exporter_priv(attach->dmabuf);
	struct sg_table *sgt;
	int ret;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages(sgt, mem->pages, mem->nr, 0, (size_t)mem->nr << PAGE_SHIFT,
					GFP_KERNEL);
	if (ret)
		goto err_free;
	/*
	 * A device may have the same pages in several attachments, whose mappings must not
	 * write back over each other what the CPU has in its caches. It has nothing but the
	 * zeros that the pages began with.
	 */
	ret = dma_map_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret)
		goto err_table;
	dma_sync_sgtable_for_device(attach->dev, sgt, dir);
	return sgt;

err_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

static void edu_memory_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			     enum dma_data_direction dir)
{
	dma_unmap_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

static const struct dma_buf_mapping_sgt_exp_ops edu_memory_sgt_ops = {
	.map_dma_buf = edu_memory_map,
	.unmap_dma_buf = edu_memory_unmap,
};

static void edu_memory_free(void *priv)
{
	struct edu_memory *mem = priv;
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (mem->pages[i])
			__free_page(mem->pages[i]);
	kvfree(mem);
}

static const struct peerbuf_exporter_ops edu_memory_ops = {
	.release = edu_memory_free,
};

static struct edu_memory *edu_memory_create(unsigned int nr)
{
	struct edu_memory *mem = kvzalloc(struct_size(mem, pages, nr), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!mem)
		return NULL;
	mem->nr = nr;
	for (i = 0; i < nr; i++) {
		/* Zeroed: user space sees it. Accounted: user space decides how much. */
		mem->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!mem->pages[i]) {
			edu_memory_free(mem);
			return NULL;
		}
	}
	return mem;
}

struct dma_buf *edu_export(struct edu_device *edev, u64 size)
{
	struct dma_buf_mapping_match match = DMA_BUF_EMAPPING_SGT(&edu_memory_sgt_ops);
	struct dma_buf *dmabuf;
	struct edu_memory *mem;

	if (!size || !PAGE_ALIGNED(size) || size > EDU_COPY_MAX_EXPORT)
		return ERR_PTR(-EINVAL);
	mem = edu_memory_create(size >> PAGE_SHIFT);
	if (!mem)
		return ERR_PTR(-ENOMEM);

	dmabuf = peerbuf_export(&(struct peerbuf_export_info) {
		.owner = THIS_MODULE,
		.exp_name = "edu_copy",
		.ops = &edu_memory_ops,
		.single_exporter_match = &match,
		.provider = &edev->provider,
		.size = size,
		.flags = O_RDWR | O_CLOEXEC,
		.priv = mem,
	});
	if (IS_ERR(dmabuf))
		edu_memory_free(mem);	/* release is not called for a failed export */
	return dmabuf;
}

/* Provider lock held. Asks the device: during a reset it does not answer. */
static bool edu_provider_decoding(struct peerbuf_provider *p)
{
	struct edu_device *edev = container_of(p, struct edu_device, provider);

	return pci_device_is_present(edev->pdev);
}

const struct peerbuf_provider_ops edu_provider_ops = {
	.decoding = edu_provider_decoding,
};
