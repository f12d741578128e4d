// SPDX-License-Identifier: GPL-2.0-only
/* Native buffers: the dma-buf that every importer in the kernel can attach to. */
#define pr_fmt(fmt) "peerbuf: " fmt

#include <linux/dma-fence.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <peerbuf_compat.h>

#include "internal.h"
#include "trace.h"

DEFINE_MUTEX(peerbuf_lists_lock);
LIST_HEAD(peerbuf_all_buffers);

/* peerbuf_lists_lock; the list of all buffers is in the order of ids. */
static u64 last_id;

static void native_release(struct dma_buf *dmabuf)
{
	struct peerbuf_buffer *buf = peerbuf_buffer_of(dmabuf);

	mutex_lock(&peerbuf_lists_lock);
	list_del(&buf->all);
	mutex_unlock(&peerbuf_lists_lock);

	peerbuf_provider_remove(buf);
	buf->ops->release(buf->priv);
	dma_buf_phys_list_put(buf->cpu_list);
	kfree(buf);
}

/*
 * Who fills scatterlists for an attachment: the exporter, also where the core will map
 * them in a domain, or the conversion; NULL where none are used.
 */
static const struct dma_buf_mapping_sgt_exp_ops *
sgt_ops(const struct dma_buf_mapping_match *m)
{
	const struct dma_buf_mapping_type *source = m->origin ?: m->type;

	if (source == &dma_buf_mapping_sgt_type)
		return container_of(m->exp_ops,
				    struct dma_buf_mapping_sgt_exp_ops, ops);
	if (m->type != &dma_buf_mapping_sgt_type)
		return NULL;
	return m->sgt_data.exporting_p2p_device ? &peerbuf_pal_to_sgt_ops :
						  &peerbuf_ram_to_sgt_ops;
}

static struct sg_table *native_map(struct dma_buf_attachment *attach,
				   enum dma_data_direction dir)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	const struct dma_buf_mapping_sgt_exp_ops *ops = sgt_ops(&pa->result);
	struct sg_table *sgt;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!ops)
		return ERR_PTR(-EINVAL);
	/* Each buffer has one file: made read-only, it is so for everybody. */
	if (dir != DMA_TO_DEVICE &&
	    !(attach->dmabuf->file->f_mode & FMODE_WRITE))
		sgt = ERR_PTR(-EACCES);
	else if (peerbuf_buffer_of(attach->dmabuf)->state != PEERBUF_STATE_LIVE)
		sgt = ERR_PTR(-ENODEV);
	else
		sgt = ops->map_dma_buf(attach, dir);
	if (!IS_ERR(sgt))
		peerbuf_buffer_hold(pa);
	peerbuf_trace_map_table(pa, sgt);
	return sgt;
}

static void native_unmap(struct dma_buf_attachment *attach,
			 struct sg_table *sgt, enum dma_data_direction dir)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	peerbuf_trace_unmap_table(pa, sgt);
	sgt_ops(&pa->result)->unmap_dma_buf(attach, sgt, dir);
	peerbuf_buffer_unhold(pa);
}

/*
 * What a native buffer consists of does not move, so there is nothing to pin; whether it
 * is accessible counts when it is mapped. The callbacks exist because without them the
 * kernel maps at attach time and keeps that mapping over a revoke
 * (drivers/dma-buf/dma-buf.c, dma_buf_dynamic_attach()).
 */
static int native_pin(struct dma_buf_attachment *attach)
{
	return 0;
}

static void native_unpin(struct dma_buf_attachment *attach)
{
}

/*
 * RAM is cached, and devices need not see what is in the CPU's caches. Of device memory the
 * CPU caches nothing, and no table of it is in the lists.
 */
static void sync_tables(struct dma_buf *dmabuf,
			void (*sync)(struct peerbuf_attachment *pa))
{
	struct dma_buf_attachment *attach;

	dma_resv_lock(dmabuf->resv, NULL);
	list_for_each_entry(attach, &dmabuf->attachments, node)
		sync(peerbuf_attachment_of(attach));
	dma_resv_unlock(dmabuf->resv);
}

static int native_begin_cpu_access(struct dma_buf *dmabuf,
				   enum dma_data_direction dir)
{
	sync_tables(dmabuf, peerbuf_sync_for_cpu);
	return 0;
}

static int native_end_cpu_access(struct dma_buf *dmabuf,
				 enum dma_data_direction dir)
{
	sync_tables(dmabuf, peerbuf_sync_for_device);
	return 0;
}

#define NATIVE_OPS						\
	.attach = peerbuf_native_attach,			\
	.detach = peerbuf_native_detach,			\
	.pin = native_pin,					\
	.unpin = native_unpin,					\
	.map_dma_buf = native_map,				\
	.unmap_dma_buf = native_unmap,				\
	.begin_cpu_access = native_begin_cpu_access,		\
	.end_cpu_access = native_end_cpu_access,		\
	.mmap = peerbuf_native_mmap,				\
	.release = native_release

static const struct dma_buf_ops native_ops = {
	NATIVE_OPS,
};

/* A mapping in the kernel cannot be revoked, so not every buffer has these. */
static const struct dma_buf_ops native_vmap_ops = {
	NATIVE_OPS,
	.vmap = peerbuf_native_vmap,
	.vunmap = peerbuf_native_vunmap,
};

bool peerbuf_is_native(struct dma_buf *dmabuf)
{
	return dmabuf->ops == &native_ops || dmabuf->ops == &native_vmap_ops;
}
EXPORT_SYMBOL_GPL(peerbuf_is_native);

struct peerbuf_buffer *peerbuf_buffer_of(struct dma_buf *dmabuf)
{
	return dmabuf->priv;
}

void *peerbuf_exporter_priv(struct dma_buf *dmabuf)
{
	return peerbuf_buffer_of(dmabuf)->priv;
}
EXPORT_SYMBOL_GPL(peerbuf_exporter_priv);

enum peerbuf_buffer_state peerbuf_buffer_get_state(struct dma_buf *dmabuf)
{
	return peerbuf_is_native(dmabuf) ?
	       READ_ONCE(peerbuf_buffer_of(dmabuf)->state) : PEERBUF_STATE_LIVE;
}
EXPORT_SYMBOL_GPL(peerbuf_buffer_get_state);

/* Undo what has been done of an export: a release that the exporter must not see. */
static void no_release(void *priv)
{
}

static const struct peerbuf_exporter_ops failed_export_ops = {
	.release = no_release,
};

static struct dma_buf *export_buffer(struct peerbuf_buffer *buf,
				     const struct peerbuf_export_info *info)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp);

	exp.exp_name = info->exp_name;
	exp.owner = info->owner;
	exp.ops = buf->cpu_ram && !buf->revocable ? &native_vmap_ops :
						    &native_ops;
	exp.size = info->size;
	exp.flags = info->flags;
	exp.priv = buf;
	return dma_buf_export(&exp);
}

struct dma_buf *peerbuf_export(const struct peerbuf_export_info *info)
{
	struct peerbuf_buffer *buf;
	struct dma_buf *dmabuf;
	int ret;

	if (!info->size || !PAGE_ALIGNED(info->size) || info->size > SSIZE_MAX ||
	    !info->ops || !info->ops->release ||
	    !info->ops->match_mapping == !info->single_exporter_match ||
	    (info->cpu_list && info->cpu_list->size != info->size))
		return ERR_PTR(-EINVAL);

	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	buf->ops = info->ops;
	if (info->single_exporter_match)
		buf->single = *info->single_exporter_match;
	buf->priv = info->priv;
	buf->revocable = info->provider;
	buf->cpu_ram = info->cpu_list && info->cpu_ram;
	buf->cpu_combine = info->cpu_list && !info->cpu_ram && info->cpu_combine;
	buf->state = PEERBUF_STATE_LIVE;
	init_waitqueue_head(&buf->drained);
	INIT_LIST_HEAD(&buf->node);
	INIT_LIST_HEAD(&buf->dma_users);

	dmabuf = export_buffer(buf, info);
	if (IS_ERR(dmabuf)) {
		kfree(buf);
		return dmabuf;
	}
	buf->dmabuf = dmabuf;
	if (info->cpu_list)
		buf->cpu_list = dma_buf_phys_list_get(info->cpu_list);

	mutex_lock(&peerbuf_lists_lock);
	buf->id = ++last_id;
	list_add_tail(&buf->all, &peerbuf_all_buffers);
	mutex_unlock(&peerbuf_lists_lock);

	if (info->provider) {
		ret = peerbuf_provider_add(info->provider, buf);
		if (ret) {
			buf->ops = &failed_export_ops;
			dma_buf_put(dmabuf);
			return ERR_PTR(ret);
		}
	}
	return dmabuf;
}
EXPORT_SYMBOL_GPL(peerbuf_export);

/* ---------------------------------------------------------------- the state */

void peerbuf_buffer_set_state(struct peerbuf_buffer *buf,
			      enum peerbuf_buffer_state to)
{
	dma_resv_assert_held(buf->dmabuf->resv);

	if (WARN_ON(!peerbuf_state_legal(buf->state, to)))
		return;
	trace_peerbuf_state(buf->id, buf->state, to);
	if (buf->state == PEERBUF_STATE_LIVE)
		buf->revokes++;
	if (to == PEERBUF_STATE_LIVE)
		buf->restores++;
	WRITE_ONCE(buf->state, to);
}

void peerbuf_buffer_hold(struct peerbuf_attachment *pa)
{
	dma_resv_assert_held(pa->base->dmabuf->resv);
	pa->held++;
	peerbuf_buffer_of(pa->base->dmabuf)->held++;
}

void peerbuf_buffer_unhold(struct peerbuf_attachment *pa)
{
	struct peerbuf_buffer *buf = peerbuf_buffer_of(pa->base->dmabuf);

	dma_resv_assert_held(pa->base->dmabuf->resv);
	if (WARN_ON(!pa->held))
		return;
	pa->held--;
	WRITE_ONCE(buf->held, buf->held - 1);
	if (!buf->held)
		wake_up_all(&buf->drained);
}

/* Who has a fence in the buffer? */
static void report_fences(struct peerbuf_buffer *buf)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, buf->dmabuf->resv,
				DMA_RESV_USAGE_BOOKKEEP, fence) {
		const char __rcu *driver, *timeline;

		/* A driver may free its names a grace period after it has signalled. */
		rcu_read_lock();
		if (!dma_fence_is_signaled(fence)) {
			driver = dma_fence_driver_name(fence);
			timeline = dma_fence_timeline_name(fence);
			trace_peerbuf_wait(buf->id, rcu_dereference(driver), 0);
			pr_warn("buffer %llu: revoke waits for a fence of %s (%s %llu)\n",
				buf->id, rcu_dereference(driver), rcu_dereference(timeline),
				(u64)fence->seqno);
		}
		rcu_read_unlock();
	}
}

/* Who holds a list of the buffer's addresses? */
static void report_held(struct peerbuf_buffer *buf)
{
	struct dma_buf_attachment *attach;

	list_for_each_entry(attach, &buf->dmabuf->attachments, node) {
		struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

		if (!pa->held)
			continue;
		trace_peerbuf_wait(buf->id, dev_name(attach->dev), pa->held);
		pr_warn("buffer %llu: revoke waits for %s (%u mapped)\n",
			buf->id, dev_name(attach->dev), pa->held);
	}
}

/* Say who is being waited for: a list may be held only because of a fence. */
static void report_waiting(struct peerbuf_buffer *buf)
{
	dma_resv_lock(buf->dmabuf->resv, NULL);
	report_held(buf);
	report_fences(buf);
	dma_resv_unlock(buf->dmabuf->resv);
}

/*
 * Steps 3 and 4 of the revoke contract: all mappings, then all fences. Fences last, as
 * an importer may have begun a job in order to unmap; no more can come after that. There
 * is no way on while an importer can still reach the memory, so the wait has no bound; it
 * reports itself instead.
 */
void peerbuf_buffer_wait_drained(struct peerbuf_buffer *buf)
{
	unsigned long interval = msecs_to_jiffies(peerbuf_report_ms) ?: 1;
	struct dma_resv *resv = buf->dmabuf->resv;

	WRITE_ONCE(buf->waiting, READ_ONCE(buf->held) ||
				 !dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP));
	while (!wait_event_timeout(buf->drained, !READ_ONCE(buf->held), interval))
		report_waiting(buf);
	while (dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false, interval) <= 0)
		report_waiting(buf);
	WRITE_ONCE(buf->waiting, false);
}

/*
 * The last step of a revoke: what importers have unmapped must be gone from the IOTLB,
 * too, also if they unmapped it before the revoke began. Those that are leaving are off
 * the kernel's list already, but not yet off this one.
 */
void peerbuf_buffer_flush(struct peerbuf_buffer *buf)
{
	struct peerbuf_attachment *pa;

	dma_resv_assert_held(buf->dmabuf->resv);

	list_for_each_entry(pa, &buf->dma_users, dma_node)
		peerbuf_flush_dma_domain(peerbuf_dma_device(pa));
}

/* Put IOMMU mappings back, then tell every importer that access is back. */
void peerbuf_buffer_restore_mappings(struct peerbuf_buffer *buf)
{
	struct dma_buf_attachment *attach;

	dma_resv_assert_held(buf->dmabuf->resv);

	list_for_each_entry(attach, &buf->dmabuf->attachments, node) {
		struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

		if (!pa->importer_ops) {
			if (attach->importer_ops) {
				trace_peerbuf_restore(pa, 0);
				attach->importer_ops->invalidate_mappings_member(attach);
			}
			continue;
		}
		if (pa->iommu.domain)
			pa->iommu_error = peerbuf_convert_iommu_map(pa);
		peerbuf_attachment_tell_restored(pa);
	}
}

void peerbuf_buffer_tell_dead(struct peerbuf_buffer *buf)
{
	struct dma_buf_attachment *attach;

	dma_resv_assert_held(buf->dmabuf->resv);

	list_for_each_entry(attach, &buf->dmabuf->attachments, node) {
		struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

		if (pa->importer_ops && pa->importer_ops->dead)
			pa->importer_ops->dead(attach);
	}
}
