/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PAL, the physical address list: what an exporter of memory that stays in its place can
 * say about a buffer. It is a PCI device's, or RAM; never both in one list.
 *
 * An exporter-side type. Importers ask for a scatterlist or for a mapping in an
 * IOMMU domain and the core converts; see docs/concepts.md. The list is checked
 * and merged once, when it is made, is immutable afterwards and is shared by
 * reference: mapping a buffer copies nothing and allocates nothing for it.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_PAL_H
#define _LINUX_PEERBUF_PAL_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/peerbuf/match.h>
#include <linux/peerbuf/range.h>

/**
 * struct dma_buf_phys_list - the physical ranges of a buffer, in buffer order
 * @ref: users of the list
 * @size: sum of all lengths, bytes; the size of the buffer
 * @length: number of entries of @phys, at least 1
 * @first: where in the buffer each entry of @phys begins, bytes; ascending, as many
 * @phys: page aligned, not empty, no entry continues the one before it; entries
 *	may overlap: a buffer may show the same memory twice
 */
struct dma_buf_phys_list {
	struct kref ref;
	u64 size;
	size_t length;
	u64 *first;
	struct phys_vec phys[] __counted_by(length);
};

/**
 * dma_buf_phys_list_create - check and merge ranges into a list
 * @vec: ranges in buffer order; not kept
 * @nr: number of entries of @vec
 * @size: what their lengths must add up to, bytes
 *
 * Context: process, may sleep.
 * Return: the list with one reference, which the caller owns; ERR_PTR(-EINVAL) for
 * an empty list, an unaligned or empty entry, or a wrong sum;
 * ERR_PTR(-EOVERFLOW) when an address overflows; ERR_PTR(-ENOMEM).
 */
struct dma_buf_phys_list *
dma_buf_phys_list_create(const struct phys_vec *vec, size_t nr, u64 size);

/**
 * dma_buf_phys_list_get - take a reference
 * @list: a list on which the caller has one already
 *
 * Return: @list.
 */
struct dma_buf_phys_list *
dma_buf_phys_list_get(struct dma_buf_phys_list *list);

/**
 * dma_buf_phys_list_put - drop a reference; the last one frees the list
 * @list: from dma_buf_phys_list_create() or dma_buf_phys_list_get(), or NULL
 */
void dma_buf_phys_list_put(struct dma_buf_phys_list *list);

/**
 * struct dma_buf_mapping_pal_exp_ops - an exporter that has a physical address list
 * @ops: tag
 * @map_phys: returns the buffer's list with a reference for the caller, or an
 *	ERR_PTR. The reservation lock is held. The core has checked that the buffer
 *	is LIVE. The same list every time: it is immutable.
 * @unmap_phys: gives the reference back. The reservation lock is held.
 */
struct dma_buf_mapping_pal_exp_ops {
	struct dma_buf_mapping_exp_ops ops;
	struct dma_buf_phys_list *(*map_phys)(struct dma_buf_attachment *attach);
	void (*unmap_phys)(struct dma_buf_attachment *attach,
			   struct dma_buf_phys_list *list);
};

/**
 * DMA_BUF_EMAPPING_PAL - exporter entry of the PAL type, for a device's memory
 * @ops_: struct dma_buf_mapping_pal_exp_ops
 * @pdev_: the PCI device whose memory the list describes, not NULL; stays until the
 *	buffer's release
 */
#define DMA_BUF_EMAPPING_PAL(ops_, pdev_)				\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_pal_type,			\
		.exp_ops = &(ops_)->ops,				\
		.pal_data = { .exporting_p2p_device = (pdev_) },	\
	})

/**
 * DMA_BUF_EMAPPING_PAL_RAM - exporter entry of the PAL type, for RAM
 * @ops_: struct dma_buf_mapping_pal_exp_ops
 *
 * Pages that have a struct page, and that stay where they are, and the exporter's, until
 * its release is called.
 */
#define DMA_BUF_EMAPPING_PAL_RAM(ops_)					\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_pal_type,			\
		.exp_ops = &(ops_)->ops,				\
	})

/**
 * DMA_BUF_IMAPPING_PAL - importer entry of the PAL type: the raw list
 *
 * Matches only for modules that the parameter
 * raw_pal_allow of peerbuf_core names: who sees physical addresses can reach
 * around the IOMMU. Whether they are RAM is in the negotiated entry, see
 * dma_buf_attachment_mapping(): pal_data.exporting_p2p_device is NULL then.
 */
#define DMA_BUF_IMAPPING_PAL()						\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_pal_type,			\
		.pal_data = { .owner = KBUILD_MODNAME },		\
	})

/**
 * dma_buf_pal_map_phys - the raw list of an attachment of the PAL type
 * @attach: negotiated to PAL
 *
 * Context: reservation lock held. The list is valid until
 * dma_buf_pal_unmap_phys(), which the importer's invalidate callback must bring
 * about.
 * Return: the list, ERR_PTR(-ENODEV) while the buffer is not LIVE,
 * ERR_PTR(-EINVAL) for an attachment of another type, or the exporter's error.
 */
struct dma_buf_phys_list *
dma_buf_pal_map_phys(struct dma_buf_attachment *attach);

/**
 * dma_buf_pal_unmap_phys - give the raw list back
 * @attach: as in dma_buf_pal_map_phys()
 * @list: what it returned
 *
 * Context: reservation lock held.
 */
void dma_buf_pal_unmap_phys(struct dma_buf_attachment *attach,
			    struct dma_buf_phys_list *list);

/**
 * struct peerbuf_agent - speaks for importers of the kernel that know nothing of types
 * @owner: KBUILD_MODNAME of the agent's module, compared with the allow-list
 * @speaks_for: is this one of its importers? It says so by what only that importer's
 *	attachment has. Called while the attachment is made: device, importer_ops and
 *	importer_priv are set. Context: process; no reservation lock held. A lock of the core's
 *	is: it must not attach to anything, or wait.
 * @node: the core's
 *
 * Some importers use dma_buf_dynamic_attach() without wanting a scatterlist: they ask for
 * addresses in a way of their own. Such an attachment to a native buffer is of the PAL
 * type if an agent speaks for its importer. The agent gets the list for it by
 * dma_buf_pal_map_phys(), where its importer asks, and may give it back at once if the
 * importer has stopped all use of the addresses when its invalidate callback returns.
 */
struct peerbuf_agent {
	const char *owner;
	bool (*speaks_for)(struct dma_buf_attachment *attach);
	struct list_head node;
};

/**
 * peerbuf_agent_register - an agent is there
 * @agent: stays until peerbuf_agent_unregister()
 *
 * Return: 0; -EPERM when the allow-list, raw_pal_allow of peerbuf_core, does not have its
 * owner.
 */
int peerbuf_agent_register(struct peerbuf_agent *agent);

/**
 * peerbuf_agent_unregister - it goes
 * @agent: registered
 *
 * What was attached through it stays attached. Waits until @speaks_for is not running.
 *
 * Context: process, may sleep.
 */
void peerbuf_agent_unregister(struct peerbuf_agent *agent);

#endif /* _LINUX_PEERBUF_PAL_H */
