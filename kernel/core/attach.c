// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attachments: how an importer, typed or not, gets its mapping type.
 *
 * A native buffer negotiates in its attach callback, where the attachment exists
 * already; a foreign one is negotiated for before the kernel's attach, which knows
 * nothing of types.
 */
#include <linux/pci.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

static void typed_invalidate(struct dma_buf_attachment *attach);

/* Does the core have to find out by itself when a mapping can be put back? */
static bool remaps(const struct peerbuf_attachment *pa)
{
	return pa->result.type == &dma_buf_mapping_iommu_type &&
	       !peerbuf_is_native(pa->base->dmabuf);
}

struct peerbuf_attachment *
peerbuf_attachment_of(struct dma_buf_attachment *attach)
{
	const struct dma_buf_attach_ops *ops = attach->importer_ops;

	if (ops && ops->invalidate_mappings_member == typed_invalidate)
		return container_of(ops, struct peerbuf_attachment, kernel_ops);
	if (peerbuf_is_native(attach->dmabuf))
		return attach->priv;
	return NULL;
}

/*
 * The kernel calls this for every typed attachment when the exporter, native or
 * foreign, takes access away. The IOMMU is shut before the importer hears of it.
 */
static void typed_invalidate(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	dma_resv_assert_held(attach->dmabuf->resv);

	if (pa->result.type == &dma_buf_mapping_iommu_type)
		peerbuf_convert_iommu_unmap(pa);
	pa->importer_ops->invalidate_mappings(attach);
	/* A foreign exporter does not say when it has done with moving the memory. */
	if (pa->iommu.domain && remaps(pa)) {
		struct peerbuf_foreign_attachment *fa = peerbuf_foreign(pa);

		fa->remap_tries = 0;
		mod_delayed_work(system_unbound_wq, &fa->remap, 0);
	}
}

/* Access is back; its mapping of the IOMMU type, if it has one, as iommu_error says. */
void peerbuf_attachment_tell_restored(struct peerbuf_attachment *pa)
{
	trace_peerbuf_restore(pa, pa->iommu_error);
	if (pa->importer_ops->restored)
		pa->importer_ops->restored(pa->base, pa->iommu_error);
	else
		pa->importer_ops->invalidate_mappings(pa->base);
}

/*
 * A foreign buffer has moved: map it where it is now, at the same IOVA. An exporter that
 * gives access back may call before it has done so, without a fence to wait for, as
 * vfio-pci does: the memory is then looked for a few times, a second in all. If it is not
 * there, it has been taken away, which the importer knows; the exporter will call again.
 */
#define REMAP_TRIES	10

static void remap_work(struct work_struct *work)
{
	struct peerbuf_foreign_attachment *fa =
		container_of(to_delayed_work(work), struct peerbuf_foreign_attachment, remap);
	struct peerbuf_attachment *pa = &fa->pa;
	struct dma_buf *dmabuf = pa->base->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	if (pa->iommu.domain && !pa->iommu_mapped) {
		/* The move itself is a KERNEL fence. */
		dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				      false, MAX_SCHEDULE_TIMEOUT);
		pa->iommu_error = peerbuf_convert_iommu_map(pa);
		if (pa->iommu_error != -ENODEV)
			peerbuf_attachment_tell_restored(pa);
		else if (++fa->remap_tries < REMAP_TRIES)
			mod_delayed_work(system_unbound_wq, &fa->remap,
					 msecs_to_jiffies(1 << fa->remap_tries));
	}
	dma_resv_unlock(dmabuf->resv);
}

/* ------------------------------------------------------------- negotiation */

static int negotiate_native(struct peerbuf_attachment *pa,
			    struct peerbuf_buffer *buf,
			    struct dma_buf_attachment *attach)
{
	struct dma_buf_match_args args = {
		.dmabuf = buf->dmabuf,
		.attach = attach,
		.imp_matches = pa->imp,
		.imp_len = pa->imp_len,
		.result = &pa->result,
	};

	if (buf->ops->match_mapping)
		return buf->ops->match_mapping(&args, buf->priv);
	return dma_buf_match_mapping(&args, &buf->single, 1);
}

/* Every exporter of the stock kernel: one scatterlist entry. */
static int negotiate_foreign(struct peerbuf_attachment *pa,
			     struct dma_buf *dmabuf)
{
	static const struct dma_buf_mapping_sgt_exp_ops compat_ops;
	struct dma_buf_mapping_match exp = DMA_BUF_EMAPPING_SGT(&compat_ops);
	struct dma_buf_match_args args = {
		.dmabuf = dmabuf,
		.imp_matches = pa->imp,
		.imp_len = pa->imp_len,
		.result = &pa->result,
	};

	return dma_buf_match_mapping(&args, &exp, 1);
}

/*
 * A buffer that can only fill scatterlists needs the direct device to be mapped in a
 * domain; it is what the exporter sees as the importing device.
 */
static int make_direct(struct peerbuf_attachment *pa)
{
	struct device *direct;

	if (pa->result.type != &dma_buf_mapping_iommu_type ||
	    pa->result.origin != &dma_buf_mapping_sgt_type)
		return 0;
	direct = peerbuf_direct_create(pa->result.iommu_data.importing_device);
	if (IS_ERR(direct))
		return PTR_ERR(direct);
	pa->direct = direct;
	return 0;
}

void peerbuf_attachment_set_info(struct peerbuf_attachment *pa)
{
	const struct dma_buf_mapping_match *m = &pa->result;
	struct peerbuf_verdict verdict = {};

	if (m->type == &dma_buf_mapping_iommu_type) {
		/* Nothing depends on the route; it is read for those who ask. */
		if (m->iommu_data.exporting_p2p_device &&
		    trace_peerbuf_attach_enabled())
			peerbuf_route(m->iommu_data.exporting_p2p_device,
				      m->iommu_data.importing_device, &verdict);
		pa->info.enforced = true;
	} else if (m->type == &dma_buf_mapping_sgt_type) {
		if (m->sgt_data.exporting_p2p_device)
			peerbuf_route(m->sgt_data.exporting_p2p_device,
				      m->sgt_data.importing_dma_device,
				      &verdict);
		pa->info.enforced = peerbuf_sgt_enforced(m, verdict.route);
	}
	pa->info.route = verdict.route;
	pa->info.reason = verdict.reason;
}

/* The device that an entry is about, if it is about one. */
static struct device *match_device(const struct dma_buf_mapping_match *m)
{
	if (m->type == &dma_buf_mapping_sgt_type)
		return m->sgt_data.importing_dma_device;
	if (m->type == &dma_buf_mapping_iommu_type)
		return m->iommu_data.importing_device;
	if (m->type == &dma_buf_mapping_iov_type &&
	    m->iov_data.importing_function)
		return &m->iov_data.importing_function->dev;
	return NULL;
}

static bool entry_accepts_p2p(const struct dma_buf_mapping_match *m)
{
	return m->type == &dma_buf_mapping_sgt_type &&
	       m->sgt_data.requires_p2p == DMA_SGT_IMPORTER_ACCEPTS_P2P;
}

/* Before the negotiation: does any of the importer's entries? */
static bool accepts_p2p(const struct peerbuf_attachment *pa)
{
	size_t i;

	if (pa->result.type)
		return entry_accepts_p2p(&pa->result);
	for (i = 0; i < pa->imp_len; i++)
		if (entry_accepts_p2p(&pa->imp[i]))
			return true;
	return false;
}

/* ------------------------------------- the callbacks of native buffers' ops */

/* An importer that knows nothing of types wants a scatterlist, or has an agent. */
static struct peerbuf_attachment *
untyped_attachment(struct peerbuf_buffer *buf, struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa;

	/*
	 * Whoever cannot be told to let go cannot be given what may be revoked;
	 * a buffer that nobody may use now has nothing to give.
	 */
	if (buf->revocable && !attach->importer_ops)
		return ERR_PTR(-EOPNOTSUPP);
	if (READ_ONCE(buf->state) != PEERBUF_STATE_LIVE)
		return ERR_PTR(-ENODEV);

	pa = kzalloc(sizeof(*pa), GFP_KERNEL);
	if (!pa)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&pa->tables);
	return pa;
}

/* Negotiate, and note the outcome in @pa and @attach. */
static int settle_native(struct peerbuf_attachment *pa,
			 struct peerbuf_buffer *buf,
			 struct dma_buf_attachment *attach)
{
	struct device *dev;
	int ret;

	ret = negotiate_native(pa, buf, attach);
	if (ret)
		return ret;
	ret = make_direct(pa);
	if (ret)
		return ret;
	/* The kernel's attachment was made for the first of the importer's entries. */
	dev = pa->direct ?: match_device(&pa->result);
	if (dev)
		attach->dev = dev;
	attach->peer2peer = pa->direct || accepts_p2p(pa);
	pa->base = attach;
	attach->priv = pa;
	peerbuf_attachment_set_info(pa);
	if (peerbuf_dma_device(pa)) {
		dma_resv_lock(buf->dmabuf->resv, NULL);
		list_add_tail(&pa->dma_node, &buf->dma_users);
		dma_resv_unlock(buf->dmabuf->resv);
	}
	return 0;
}

static int attach_untyped(struct peerbuf_buffer *buf,
			  struct dma_buf_attachment *attach)
{
	struct dma_buf_mapping_match entry =
		DMA_BUF_IMAPPING_SGT(attach->dev, attach->peer2peer);
	struct peerbuf_attachment *pa = untyped_attachment(buf, attach);
	char owner[MODULE_NAME_LEN];
	int ret;

	if (IS_ERR(pa)) {
		ret = PTR_ERR(pa);
		trace_peerbuf_attach(buf->dmabuf, attach->dev, NULL, ret);
		return ret;
	}
	if (peerbuf_agent_find(attach, owner))
		entry = (struct dma_buf_mapping_match) {
			.type = &dma_buf_mapping_pal_type,
			.pal_data = { .owner = owner },
		};
	pa->imp = &entry;
	pa->imp_len = 1;
	ret = settle_native(pa, buf, attach);
	pa->imp_len = 0;
	/* The kernel's own importers know this errno for "not for you". */
	if (ret == -EINVAL)
		ret = -EOPNOTSUPP;
	trace_peerbuf_attach(buf->dmabuf, attach->dev, pa, ret);
	if (ret)
		kfree(pa);
	return ret;
}

int peerbuf_native_attach(struct dma_buf *dmabuf,
			  struct dma_buf_attachment *attach)
{
	struct peerbuf_buffer *buf = peerbuf_buffer_of(dmabuf);

	/* A typed one is there already; see dma_buf_mapping_attach(). */
	if (attach->importer_ops &&
	    attach->importer_ops->invalidate_mappings_member == typed_invalidate)
		return settle_native(peerbuf_attachment_of(attach), buf, attach);
	return attach_untyped(buf, attach);
}

void peerbuf_native_detach(struct dma_buf *dmabuf,
			   struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	struct device *dev = peerbuf_dma_device(pa);

	WARN_ON(pa->held);
	/*
	 * Nobody remembers this device from here on: what it still has in the IOTLB must go
	 * now. A revoke comes before this, and flushes it itself, or after.
	 */
	if (dev) {
		dma_resv_lock(dmabuf->resv, NULL);
		peerbuf_flush_dma_domain(dev);
		list_del(&pa->dma_node);
		dma_resv_unlock(dmabuf->resv);
	}
	if (!pa->importer_ops) {
		trace_peerbuf_detach(pa);
		kfree(pa);
	}
}

/* ------------------------------------------------------- typed attachments */

/* The kernel wants a device for every attachment, also where none does DMA. */
static struct device *attach_device(const struct peerbuf_attachment *pa)
{
	struct device *dev;
	size_t i;

	if (pa->direct)
		return pa->direct;
	if (pa->result.type)
		return match_device(&pa->result) ?: peerbuf_root_device;
	for (i = 0; i < pa->imp_len; i++) {
		dev = match_device(&pa->imp[i]);
		if (dev)
			return dev;
	}
	return peerbuf_root_device;
}

/* Also of a foreign one, which begins with it. */
static void attachment_free(struct peerbuf_attachment *pa)
{
	static_assert(!offsetof(struct peerbuf_foreign_attachment, pa));

	if (pa->direct)
		peerbuf_direct_destroy(pa->direct);
	kfree(pa);
}

/* ---------------------------- typed attachments to foreign buffers, for debugfs */

/* peerbuf_lists_lock; in the order of ids */
static LIST_HEAD(foreign_attachments);
static u64 last_foreign_id;

static void list_foreign(struct peerbuf_foreign_attachment *fa)
{
	mutex_lock(&peerbuf_lists_lock);
	fa->id = ++last_foreign_id;
	list_add_tail(&fa->node, &foreign_attachments);
	mutex_unlock(&peerbuf_lists_lock);
}

static void unlist_foreign(struct peerbuf_foreign_attachment *fa)
{
	mutex_lock(&peerbuf_lists_lock);
	list_del(&fa->node);
	mutex_unlock(&peerbuf_lists_lock);
}

/*
 * The first from an id on, and its buffer with a reference; 0 when there is none. It may
 * go any moment: who wants to look at it searches the buffer's attachments for it.
 */
u64 peerbuf_foreign_next(u64 id, struct dma_buf **dmabuf)
{
	struct peerbuf_foreign_attachment *fa;
	u64 found = 0;

	mutex_lock(&peerbuf_lists_lock);
	list_for_each_entry(fa, &foreign_attachments, node) {
		if (fa->id < id)
			continue;
		/* The importer keeps it until the detach, which takes this lock first. */
		*dmabuf = fa->pa.base->dmabuf;
		get_dma_buf(*dmabuf);
		found = fa->id;
		break;
	}
	mutex_unlock(&peerbuf_lists_lock);
	return found;
}

/* ------------------------------------------------------------------------------ */

static struct peerbuf_attachment *alloc_foreign(void)
{
	struct peerbuf_foreign_attachment *fa = kzalloc(sizeof(*fa), GFP_KERNEL_ACCOUNT);

	if (!fa)
		return NULL;
	INIT_DELAYED_WORK(&fa->remap, remap_work);
	return &fa->pa;
}

static struct peerbuf_attachment *
typed_attachment(struct dma_buf *dmabuf, const struct dma_buf_mapping_match *matches,
		 size_t len, const struct dma_buf_mapping_importer_ops *importer_ops)
{
	struct peerbuf_attachment *pa;

	pa = peerbuf_is_native(dmabuf) ? kzalloc(sizeof(*pa), GFP_KERNEL_ACCOUNT) :
					 alloc_foreign();
	if (!pa)
		return NULL;
	INIT_LIST_HEAD(&pa->tables);
	pa->imp = matches;
	pa->imp_len = len;
	pa->importer_ops = importer_ops;
	pa->kernel_ops.invalidate_mappings_member = typed_invalidate;
	return pa;
}

/* What a native buffer does in its attach callback. */
static int settle_foreign(struct peerbuf_attachment *pa, struct dma_buf *dmabuf)
{
	int ret;

	ret = negotiate_foreign(pa, dmabuf);
	if (!ret)
		ret = make_direct(pa);
	if (!ret)
		peerbuf_attachment_set_info(pa);
	return ret;
}

struct dma_buf_attachment *
dma_buf_mapping_attach(struct dma_buf *dmabuf,
		       const struct dma_buf_mapping_match *matches, size_t len,
		       const struct dma_buf_mapping_importer_ops *importer_ops,
		       void *importer_priv)
{
	struct dma_buf_attachment *attach;
	struct peerbuf_attachment *pa;
	int ret = 0;

	if (!len || len > PEERBUF_MAX_MATCHES ||
	    !importer_ops || !importer_ops->invalidate_mappings)
		return ERR_PTR(-EINVAL);
	if (peerbuf_buffer_get_state(dmabuf) == PEERBUF_STATE_DEAD)
		return ERR_PTR(-ENODEV);

	pa = typed_attachment(dmabuf, matches, len, importer_ops);
	if (!pa)
		return ERR_PTR(-ENOMEM);
	if (!peerbuf_is_native(dmabuf))
		ret = settle_foreign(pa, dmabuf);
	/* What comes through the direct device is checked, wherever it lies. */
	pa->kernel_ops.allow_peer2peer = pa->direct || accepts_p2p(pa);

	attach = ret ? ERR_PTR(ret) :
		 dma_buf_dynamic_attach(dmabuf, attach_device(pa),
					&pa->kernel_ops, importer_priv);
	trace_peerbuf_attach(dmabuf, attach_device(pa), pa,
			     PTR_ERR_OR_ZERO(attach));
	if (IS_ERR(attach)) {
		attachment_free(pa);
		return attach;
	}
	pa->base = attach;
	if (!peerbuf_is_native(dmabuf))
		list_foreign(peerbuf_foreign(pa));
	pa->imp_len = 0;
	return attach;
}
EXPORT_SYMBOL_GPL(dma_buf_mapping_attach);

void dma_buf_mapping_detach(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	if (!peerbuf_is_native(attach->dmabuf))
		unlist_foreign(peerbuf_foreign(pa));
	/* Nobody but the importer, who is here, gives a mapping a domain. */
	if (pa->iommu.domain) {
		dma_resv_lock(attach->dmabuf->resv, NULL);
		dma_buf_iommu_unmap(attach);
		dma_resv_unlock(attach->dmabuf->resv);
	}

	/* Without a domain it has nothing to do; the lock it takes is free. */
	if (remaps(pa))
		cancel_delayed_work_sync(&peerbuf_foreign(pa)->remap);
	trace_peerbuf_detach(pa);
	dma_buf_detach(attach->dmabuf, attach);
	attachment_free(pa);
}
EXPORT_SYMBOL_GPL(dma_buf_mapping_detach);

/* The core counts what it hands out by itself. */
static bool own_type(const struct peerbuf_attachment *pa)
{
	const struct dma_buf_mapping_type *type = pa->result.type;

	return type == &dma_buf_mapping_sgt_type ||
	       type == &dma_buf_mapping_iommu_type ||
	       type == &dma_buf_mapping_pal_type ||
	       type == &dma_buf_mapping_iov_type;
}

int peerbuf_attachment_hold(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	int ret = 0;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!pa || !peerbuf_is_native(attach->dmabuf) || own_type(pa))
		return -EINVAL;
	if (peerbuf_buffer_of(attach->dmabuf)->state != PEERBUF_STATE_LIVE)
		ret = -ENODEV;
	else
		peerbuf_buffer_hold(pa);
	trace_peerbuf_map(pa, 0, attach->dmabuf->size, 0, ret);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_attachment_hold);

void peerbuf_attachment_unhold(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	dma_resv_assert_held(attach->dmabuf->resv);

	if (WARN_ON(!pa || own_type(pa)))
		return;
	trace_peerbuf_unmap(pa, 0, attach->dmabuf->size);
	peerbuf_buffer_unhold(pa);
}
EXPORT_SYMBOL_GPL(peerbuf_attachment_unhold);

const struct dma_buf_mapping_match *
dma_buf_attachment_mapping(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	return pa ? &pa->result : NULL;
}
EXPORT_SYMBOL_GPL(dma_buf_attachment_mapping);

void peerbuf_attachment_get_info(struct dma_buf_attachment *attach,
				 struct peerbuf_attachment_info *info)
{
	const struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	const struct dma_buf_mapping_match *m = &pa->result;
	struct peerbuf_verdict verdict;

	dma_resv_assert_held(attach->dmabuf->resv);

	*info = pa->info;
	/* A device that is gone or asleep tells nothing of its place. */
	if (m->type == &dma_buf_mapping_iommu_type &&
	    m->iommu_data.exporting_p2p_device &&
	    peerbuf_buffer_get_state(attach->dmabuf) == PEERBUF_STATE_LIVE) {
		peerbuf_route(m->iommu_data.exporting_p2p_device,
			      m->iommu_data.importing_device, &verdict);
		info->route = verdict.route;
		info->reason = verdict.reason;
	}
}
EXPORT_SYMBOL_GPL(peerbuf_attachment_get_info);
