/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside peerbuf_core.
 *
 *	peerbuf_provider --< peerbuf_buffer --1 dma_buf --< dma_buf_attachment
 *	                                                          1
 *	                                                  peerbuf_attachment
 *
 * A peerbuf_attachment exists for every attachment to a native buffer and for
 * every typed attachment to a foreign one. It is reached from the attachment in
 * O(1): see peerbuf_attachment_of().
 */
#ifndef _PEERBUF_CORE_INTERNAL_H
#define _PEERBUF_CORE_INTERNAL_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/iommu.h>
#include <linux/peerbuf/iov.h>
#include <linux/peerbuf/p2p.h>
#include <linux/peerbuf/pal.h>
#include <linux/peerbuf/sgt.h>

#define PEERBUF_MAX_MATCHES	8

/**
 * struct peerbuf_buffer - the native side of a dma-buf; dmabuf->priv
 * @id: for reports, unique since the module was loaded
 * @dmabuf: the dma-buf, which owns this structure
 * @ops: the exporter's operations
 * @single: the exporter's only entry; type is NULL when ops->match_mapping is used
 * @provider: decides about access; NULL when nobody does, and once it has closed.
 *	peerbuf_lists_lock
 * @revocable: was made with a provider; constant
 * @node: in provider->buffers until the provider closes; peerbuf_lists_lock
 * @all: in the list of all buffers; peerbuf_lists_lock
 * @todo: in the list of one event; provider->lock
 * @dma_users: attachments of the SGT type, whose devices may have translations that
 *	need a flush; reservation lock
 * @state: reservation lock
 * @held: address lists of any type that importers hold; written under the
 *	reservation lock
 * @drained: woken when @held becomes 0
 * @revokes: how often the state left LIVE; reservation lock
 * @restores: how often it came back; reservation lock
 * @withdrawn: the owner has revoked this buffer for good; provider->lock
 * @cpu_list: what mmap() shows, referenced; NULL when it is not allowed
 * @cpu_ram: @cpu_list is RAM; constant
 * @cpu_combine: write combining may be asked for; constant
 * @combining: it was, for whoever maps the buffer next; any thread's, with ONCE
 * @waiting: an event is waiting for an importer
 * @priv: the exporter's
 */
struct peerbuf_buffer {
	u64 id;
	struct dma_buf *dmabuf;
	const struct peerbuf_exporter_ops *ops;
	struct dma_buf_mapping_match single;
	struct peerbuf_provider *provider;
	bool revocable;
	struct list_head node;
	struct list_head all;
	struct list_head todo;
	struct list_head dma_users;
	enum peerbuf_buffer_state state;
	unsigned int held;
	wait_queue_head_t drained;
	u64 revokes;
	u64 restores;
	bool withdrawn;
	struct dma_buf_phys_list *cpu_list;
	bool cpu_ram;
	bool cpu_combine;
	bool combining;
	bool waiting;
	void *priv;
};

/**
 * struct peerbuf_attachment - what peerbuf adds to a dma_buf_attachment
 * @kernel_ops: what the kernel calls for a typed attachment; its address tells a
 *	typed attachment from any other
 * @importer_ops: the typed importer's callbacks; NULL for an importer that does not
 *	know about types
 * @base: the attachment
 * @result: what was negotiated; constant after the attach
 * @info: enforcement and, but for the IOMMU type, the route; constant after the attach
 * @direct: the direct device of an SGT buffer that is mapped in a domain, or NULL;
 *	constant after the attach
 * @imp: what the importer accepts; the caller's, and used during the attach only
 * @imp_len: entries of @imp
 * @dma_node: in the buffer's dma_users, or unused; reservation lock
 * @held: address lists that this importer holds; reservation lock
 * @tables: scatterlists of RAM that this importer holds, to be synchronised with what the
 *	CPU does; reservation lock
 * @sgt: the scatterlist behind @iommu, filled for @direct. Reservation lock.
 * @iommu: the mapping of an attachment of the IOMMU type; domain is NULL when there
 *	is none. Reservation lock, as the three below.
 * @iommu_mapped: the domain translates now
 * @iommu_pieces: physically contiguous pieces behind @iommu
 * @iommu_page_sizes: bitmap of the page sizes in use when mapped
 * @iommu_error: errno of the last restore
 */
struct peerbuf_attachment {
	struct dma_buf_attach_ops kernel_ops;
	const struct dma_buf_mapping_importer_ops *importer_ops;
	struct dma_buf_attachment *base;
	struct dma_buf_mapping_match result;
	struct peerbuf_attachment_info info;
	struct device *direct;
	const struct dma_buf_mapping_match *imp;
	size_t imp_len;
	struct list_head dma_node;
	unsigned int held;
	struct list_head tables;
	struct sg_table *sgt;
	struct dma_buf_iommu_mapping iommu;
	bool iommu_mapped;
	u32 iommu_pieces;
	u64 iommu_page_sizes;
	int iommu_error;
};

/**
 * struct peerbuf_foreign_attachment - a typed attachment to a foreign buffer
 * @pa: what it has in common with those to native buffers, of which there are many more
 * @remap: puts the mapping back after the buffer has moved
 * @remap_tries: how often that found it away since the exporter last called; reservation
 *	lock
 * @id: for debugfs; rises
 * @node: in the list of all of them; peerbuf_lists_lock
 */
struct peerbuf_foreign_attachment {
	struct peerbuf_attachment pa;
	struct delayed_work remap;
	unsigned int remap_tries;
	u64 id;
	struct list_head node;
};

/* Of an attachment whose buffer is not native. */
static inline struct peerbuf_foreign_attachment *
peerbuf_foreign(struct peerbuf_attachment *pa)
{
	return container_of(pa, struct peerbuf_foreign_attachment, pa);
}

/* The device of an attachment of the SGT type, which the DMA API maps for; or NULL. */
static inline struct device *peerbuf_dma_device(const struct peerbuf_attachment *pa)
{
	return pa->result.type == &dma_buf_mapping_sgt_type ?
	       pa->result.sgt_data.importing_dma_device : NULL;
}

/* main.c */
extern struct device *peerbuf_root_device;
extern unsigned int peerbuf_report_ms;
bool peerbuf_raw_pal_allowed(const char *owner);

/* buffer.c */
extern struct mutex peerbuf_lists_lock;
extern struct list_head peerbuf_all_buffers;
struct peerbuf_buffer *peerbuf_buffer_of(struct dma_buf *dmabuf);
void peerbuf_buffer_set_state(struct peerbuf_buffer *buf,
			      enum peerbuf_buffer_state to);
void peerbuf_buffer_hold(struct peerbuf_attachment *pa);
void peerbuf_buffer_unhold(struct peerbuf_attachment *pa);
void peerbuf_buffer_wait_drained(struct peerbuf_buffer *buf);
void peerbuf_buffer_flush(struct peerbuf_buffer *buf);
void peerbuf_buffer_restore_mappings(struct peerbuf_buffer *buf);
void peerbuf_buffer_tell_dead(struct peerbuf_buffer *buf);

/* mmap.c */
int peerbuf_native_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
struct peerbuf_buffer *peerbuf_vma_native(struct vm_area_struct *vma);
int peerbuf_native_vmap(struct dma_buf *dmabuf, struct iosys_map *map);
void peerbuf_native_vunmap(struct dma_buf *dmabuf, struct iosys_map *map);
void peerbuf_buffer_zap(struct peerbuf_buffer *buf);

/* provider.c */
int peerbuf_provider_add(struct peerbuf_provider *p, struct peerbuf_buffer *buf);
void peerbuf_provider_remove(struct peerbuf_buffer *buf);

/* agent.c */

/* Does an agent speak for this one's importer, and what is the name of its module? */
bool peerbuf_agent_find(struct dma_buf_attachment *attach, char owner[MODULE_NAME_LEN]);

/* attach.c */
struct peerbuf_attachment *
peerbuf_attachment_of(struct dma_buf_attachment *attach);
int peerbuf_native_attach(struct dma_buf *dmabuf,
			  struct dma_buf_attachment *attach);
void peerbuf_native_detach(struct dma_buf *dmabuf,
			   struct dma_buf_attachment *attach);
void peerbuf_attachment_set_info(struct peerbuf_attachment *pa);
void peerbuf_attachment_tell_restored(struct peerbuf_attachment *pa);
u64 peerbuf_foreign_next(u64 id, struct dma_buf **dmabuf);

/* sgt.c */
void peerbuf_trace_map_table(struct peerbuf_attachment *pa,
			     struct sg_table *sgt);
void peerbuf_trace_unmap_table(struct peerbuf_attachment *pa,
			       struct sg_table *sgt);

/* convert.c: the only file that calls the DMA API and the IOMMU API */
extern const struct dma_buf_mapping_sgt_exp_ops peerbuf_pal_to_sgt_ops;
extern const struct dma_buf_mapping_sgt_exp_ops peerbuf_ram_to_sgt_ops;
void peerbuf_sync_for_cpu(struct peerbuf_attachment *pa);
void peerbuf_sync_for_device(struct peerbuf_attachment *pa);
int peerbuf_convert_iommu_map(struct peerbuf_attachment *pa);
void peerbuf_convert_iommu_unmap(struct peerbuf_attachment *pa);
bool peerbuf_sgt_enforced(const struct dma_buf_mapping_match *m, u32 route);
void peerbuf_flush_dma_domain(struct device *dev);
bool peerbuf_dma_api_unused(struct device *dev);

/* direct.c */

/* What memory a buffer consists of. */
enum peerbuf_memory {
	PEERBUF_MEMORY_RAM,
	PEERBUF_MEMORY_DEVICE,
};

struct device *peerbuf_direct_create(struct device *parent);
void peerbuf_direct_destroy(struct device *dev);
void peerbuf_direct_move(struct device *dev, struct device *parent);
struct dma_buf_phys_list *
peerbuf_direct_list(struct device *dev, struct sg_table *sgt, u64 size,
		    enum peerbuf_memory *kind);

/* debugfs.c */
void peerbuf_debugfs_init(void);
void peerbuf_debugfs_exit(void);

#endif /* _PEERBUF_CORE_INTERNAL_H */
