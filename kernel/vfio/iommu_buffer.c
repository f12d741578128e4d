// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-bufs in the IOVA space.
 *
 * One attachment per domain. peerbuf_core takes the mappings down and puts them
 * back; what happens here is bookkeeping for the user: counters and the eventfd.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/iommu.h>

#include "iommu.h"

#include <peerbuf_compat.h>

/**
 * struct attached - a buffer's presence in one domain
 * @node: in buffer->attachments
 * @buffer: the buffer
 * @domain: the domain; NULL in a buffer's own one while it is not used
 * @attach: the attachment
 */
struct attached {
	struct list_head node;
	struct buffer *buffer;
	struct domain *domain;
	struct dma_buf_attachment *attach;
};

/**
 * struct buffer - a dma-buf, or a part of it, that is mapped
 * @m: the mapping
 * @dmabuf: the buffer; referenced
 * @offset: first byte of it that is mapped
 * @strict: refuse routes not known to work
 * @established: it was mapped once; domains that join take it as it is. space->lock
 * @event: signalled when something happens; or NULL
 * @attachments: one per domain, oldest first; space->lock, and the reservation
 *	lock to change it
 * @own: one of them, as most buffers are in one domain; space->lock
 * @revokes: how often access was taken away; reservation lock
 * @restores: how often it came back; reservation lock
 */
struct buffer {
	struct mapping m;
	struct dma_buf *dmabuf;
	u64 offset;
	bool strict;
	bool established;
	struct eventfd_ctx *event;
	struct list_head attachments;
	struct attached own;
	u64 revokes;
	u64 restores;
};

static struct buffer *to_buffer(struct mapping *m)
{
	return container_of(m, struct buffer, m);
}

/* ---------------------------------------- callbacks, under reservation lock */

/*
 * A buffer in several domains is called once for each; the user hears of it once.
 * The first in the list is the oldest attachment, which the dma-buf core visits
 * last: by then all domains are done.
 */
static bool speaks(struct attached *at)
{
	return list_first_entry(&at->buffer->attachments, struct attached,
				node) == at;
}

static void tell(struct buffer *b)
{
	if (b->event)
		eventfd_signal(b->event);
}

static void buffer_invalidated(struct dma_buf_attachment *attach)
{
	struct attached *at = attach->importer_priv;

	if (!speaks(at))
		return;
	at->buffer->revokes++;
	tell(at->buffer);
}

static void buffer_restored(struct dma_buf_attachment *attach, int error)
{
	struct attached *at = attach->importer_priv;

	if (!speaks(at))
		return;
	at->buffer->restores++;
	tell(at->buffer);
}

static void buffer_dead(struct dma_buf_attachment *attach)
{
	struct attached *at = attach->importer_priv;

	if (speaks(at))
		tell(at->buffer);
}

static const struct dma_buf_mapping_importer_ops importer_ops = {
	.invalidate_mappings = buffer_invalidated,
	.restored = buffer_restored,
	.dead = buffer_dead,
};

/* ----------------------------------------------------------- mapping_ops */

static struct attached *alloc_attached(struct buffer *b, struct domain *d)
{
	struct attached *at = &b->own;

	if (at->domain)
		at = kzalloc(sizeof(*at), GFP_KERNEL_ACCOUNT);
	if (!at)
		return NULL;
	at->buffer = b;
	at->domain = d;
	return at;
}

/* Nobody asks speaks() about it any more: the list does not hold it. */
static void free_attached(struct attached *at)
{
	if (at == &at->buffer->own)
		at->domain = NULL;
	else
		kfree(at);
}

static void link_attached(struct attached *at)
{
	dma_resv_lock(at->buffer->dmabuf->resv, NULL);
	list_add_tail(&at->node, &at->buffer->attachments);
	dma_resv_unlock(at->buffer->dmabuf->resv);
}

static void unlink_attached(struct attached *at)
{
	dma_resv_lock(at->buffer->dmabuf->resv, NULL);
	list_del(&at->node);
	dma_resv_unlock(at->buffer->dmabuf->resv);
}

static void drop_attached(struct attached *at)
{
	dma_resv_lock(at->buffer->dmabuf->resv, NULL);
	dma_buf_iommu_unmap(at->attach);
	list_del(&at->node);
	dma_resv_unlock(at->buffer->dmabuf->resv);
	dma_buf_mapping_detach(at->attach);
	free_attached(at);
}

static struct attached *find_attached(struct buffer *b, struct domain *d)
{
	struct attached *at;

	list_for_each_entry(at, &b->attachments, node)
		if (at->domain == d)
			return at;
	return NULL;
}

static int check_route(struct device *dev, void *data)
{
	struct dma_buf_attachment *attach = data;

	return !domain_device(dev) || dma_buf_iommu_route_known(attach, dev) ?
	       0 : -EOPNOTSUPP;
}

/* Devices of one domain may reach the exporter on different routes: each is judged. */
static int check_routes(struct buffer *b, struct domain *d,
			struct dma_buf_attachment *attach)
{
	struct group *g;
	int ret = 0;

	if (!b->strict)
		return 0;
	list_for_each_entry(g, &d->groups, node)
		ret = ret ?: iommu_group_for_each_dev(g->iommu, attach,
						      check_route);
	return ret;
}

static int buffer_map_domain(struct mapping *m, struct domain *d)
{
	struct buffer *b = to_buffer(m);
	struct dma_buf_mapping_match match = DMA_BUF_IMAPPING_IOMMU(d->dev,
								    b->strict);
	struct dma_buf_iommu_mapping map = {
		.domain = d->iommu,
		.iova = mapping_iova(m),
		.offset = b->offset,
		.length = mapping_length(m),
		.prot = m->prot,
	};
	struct attached *at;
	int ret;

	at = alloc_attached(b, d);
	if (!at)
		return -ENOMEM;
	/* In the list before there is an attachment that could be called about. */
	link_attached(at);

	at->attach = dma_buf_mapping_attach(b->dmabuf, &match, 1, &importer_ops,
					    at);
	if (IS_ERR(at->attach)) {
		ret = PTR_ERR(at->attach);
		unlink_attached(at);
		free_attached(at);
		goto out;
	}

	ret = check_routes(b, d, at->attach);
	if (ret) {
		drop_attached(at);
		goto out;
	}
	dma_resv_lock(b->dmabuf->resv, NULL);
	/* A domain that joins takes the buffer as it is, revoked or not. */
	ret = b->established ? dma_buf_iommu_map_deferred(at->attach, &map) :
			       dma_buf_iommu_map(at->attach, &map);
	dma_resv_unlock(b->dmabuf->resv);
	if (ret)
		drop_attached(at);
out:
	/* A dead buffer has nothing for a domain that joins, and is no obstacle. */
	if (ret == -ENODEV && b->established)
		return 0;
	/* Nothing in common is a refusal, not a fault of the caller. */
	return ret == -EINVAL ? -EOPNOTSUPP : ret;
}

static void buffer_unmap_domain(struct mapping *m, struct domain *d)
{
	struct attached *at = find_attached(to_buffer(m), d);

	if (at)
		drop_attached(at);
}

static int buffer_admit(struct mapping *m, struct iommu_group *group)
{
	struct buffer *b = to_buffer(m);
	struct attached *at;

	/* Any attachment will do: it is asked about the exporter only. */
	at = list_first_entry_or_null(&b->attachments, struct attached, node);
	if (!b->strict || !at)
		return 0;
	return iommu_group_for_each_dev(group, at->attach, check_route);
}

static void buffer_device_changed(struct mapping *m, struct domain *d)
{
	struct attached *at = find_attached(to_buffer(m), d);

	if (!at)
		return;
	dma_resv_lock(at->buffer->dmabuf->resv, NULL);
	dma_buf_iommu_set_device(at->attach, d->dev);
	dma_resv_unlock(at->buffer->dmabuf->resv);
}

static void buffer_free(struct mapping *m)
{
	struct buffer *b = to_buffer(m);

	if (b->event)
		eventfd_ctx_put(b->event);
	dma_buf_put(b->dmabuf);
	kfree(b);
}

const struct mapping_ops buffer_ops = {
	.map = buffer_map_domain,
	.unmap = buffer_unmap_domain,
	.free = buffer_free,
	.admit = buffer_admit,
	.device_changed = buffer_device_changed,
};

/* ------------------------------------------------------------------ ioctls */

#define MAP_FLAGS (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE | PEERBUF_MAP_STRICT)

static int check_arg(const struct peerbuf_iommu_map_buffer *arg)
{
	u64 end;

	if ((arg->flags & ~MAP_FLAGS) ||
	    !(arg->flags & (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)) ||
	    !arg->length ||
	    !PAGE_ALIGNED(arg->offset | arg->length | arg->iova) ||
	    check_add_overflow(arg->offset, arg->length, &end) ||
	    check_add_overflow(arg->iova, arg->length - 1, &end))
		return -EINVAL;
	return 0;
}

static int check_file(const struct peerbuf_iommu_map_buffer *arg,
		      struct dma_buf *dmabuf)
{
	fmode_t mode = dmabuf->file->f_mode;

	if (((arg->flags & PEERBUF_MAP_READ) && !(mode & FMODE_READ)) ||
	    ((arg->flags & PEERBUF_MAP_WRITE) && !(mode & FMODE_WRITE)))
		return -EACCES;
	if (arg->offset + arg->length > dmabuf->size)
		return -EINVAL;
	return 0;
}

/* Takes over the reference on @dmabuf when it succeeds. */
static struct buffer *buffer_create(const struct peerbuf_iommu_map_buffer *arg,
				    struct dma_buf *dmabuf)
{
	struct eventfd_ctx *event = NULL;
	struct buffer *b;

	if (arg->event_fd >= 0) {
		event = eventfd_ctx_fdget(arg->event_fd);
		if (IS_ERR(event))
			return ERR_CAST(event);
	} else if (arg->event_fd != -1) {
		return ERR_PTR(-EBADF);
	}

	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b) {
		if (event)
			eventfd_ctx_put(event);
		return ERR_PTR(-ENOMEM);
	}
	b->m.ops = &buffer_ops;
	b->m.node.start = arg->iova;
	b->m.node.last = arg->iova + arg->length - 1;
	if (arg->flags & PEERBUF_MAP_READ)
		b->m.prot |= IOMMU_READ;
	if (arg->flags & PEERBUF_MAP_WRITE)
		b->m.prot |= IOMMU_WRITE;
	b->strict = arg->flags & PEERBUF_MAP_STRICT;
	b->offset = arg->offset;
	b->dmabuf = dmabuf;
	b->event = event;
	INIT_LIST_HEAD(&b->attachments);
	return b;
}

static int establish(struct space *s, struct buffer *b)
{
	int ret = space_insert(s, &b->m);

	if (!ret)
		b->established = true;
	return ret;
}

int buffer_map(struct space *s, const struct peerbuf_iommu_map_buffer *arg)
{
	struct dma_buf *dmabuf;
	struct buffer *b;
	int ret;

	ret = check_arg(arg);
	if (ret)
		return ret;
	dmabuf = dma_buf_get(arg->dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = check_file(arg, dmabuf);
	if (ret)
		goto err_put;
	b = buffer_create(arg, dmabuf);
	if (IS_ERR(b)) {
		ret = PTR_ERR(b);
		goto err_put;
	}

	mutex_lock(&s->lock);
	ret = space_check(s, arg->iova, arg->length);
	if (!ret)
		ret = establish(s, b);
	mutex_unlock(&s->lock);
	if (ret)
		buffer_free(&b->m);
	return ret;

err_put:
	dma_buf_put(dmabuf);
	return ret;
}

/*
 * What VFIO_IOMMU_MAP_DMA found at the caller's address. The space is locked and has been
 * checked; the reference on the buffer is taken over, whatever the result.
 */
int buffer_map_at(struct space *s, struct dma_buf *dmabuf, u64 offset,
		  const struct vfio_iommu_type1_dma_map *arg)
{
	struct peerbuf_iommu_map_buffer map = {
		.event_fd = -1,
		.offset = offset,
		.length = arg->size,
		.iova = arg->iova,
	};
	struct buffer *b;
	int ret;

	if (arg->flags & VFIO_DMA_MAP_FLAG_READ)
		map.flags |= PEERBUF_MAP_READ;
	if (arg->flags & VFIO_DMA_MAP_FLAG_WRITE)
		map.flags |= PEERBUF_MAP_WRITE;
	b = buffer_create(&map, dmabuf);
	if (IS_ERR(b)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(b);
	}
	ret = establish(s, b);
	if (ret)
		buffer_free(&b->m);
	return ret;
}

static struct buffer *find_buffer(struct space *s, u64 iova)
{
	struct mapping *m = space_first(s, iova, iova);

	return m && m->ops == &buffer_ops && mapping_iova(m) == iova ?
	       to_buffer(m) : NULL;
}

int buffer_unmap(struct space *s, u64 iova)
{
	struct buffer *b;

	mutex_lock(&s->lock);
	b = find_buffer(s, iova);
	if (b)
		space_remove(s, &b->m);
	mutex_unlock(&s->lock);
	return b ? 0 : -ENOENT;
}

/* Reservation lock held: one consistent picture. */
static void fill_query(struct buffer *b, struct peerbuf_iommu_query_buffer *q)
{
	struct peerbuf_attachment_info info;
	struct dma_buf_iommu_status status;
	struct attached *at;
	/* A dead buffer may have no attachment left. */
	bool mapped = !list_empty(&b->attachments), enforced = mapped;

	list_for_each_entry_reverse(at, &b->attachments, node) {
		dma_buf_iommu_get_status(at->attach, &status);
		peerbuf_attachment_get_info(at->attach, &info);
		mapped &= status.mapped;
		enforced &= info.enforced;
		q->page_sizes |= status.page_sizes;
		q->nr_ranges = status.nr_ranges;
		q->error = status.error ?: q->error;
		/* The first domain's is told. */
		q->route = info.route;
		q->reason = info.reason;
	}
	q->state = peerbuf_buffer_get_state(b->dmabuf);
	q->revokes = b->revokes;
	q->restores = b->restores;
	if (mapped)
		q->flags |= PEERBUF_QUERY_MAPPED;
	if (enforced)
		q->flags |= PEERBUF_QUERY_ENFORCED;
}

int buffer_query(struct space *s, struct peerbuf_iommu_query_buffer *q)
{
	u64 iova = q->iova;
	struct buffer *b;

	*q = (struct peerbuf_iommu_query_buffer) { .iova = iova };
	mutex_lock(&s->lock);
	b = find_buffer(s, iova);
	if (b) {
		q->offset = b->offset;
		q->length = mapping_length(&b->m);
		if (b->m.prot & IOMMU_READ)
			q->flags |= PEERBUF_QUERY_READ;
		if (b->m.prot & IOMMU_WRITE)
			q->flags |= PEERBUF_QUERY_WRITE;
		dma_resv_lock(b->dmabuf->resv, NULL);
		fill_query(b, q);
		dma_resv_unlock(b->dmabuf->resv);
	}
	mutex_unlock(&s->lock);
	return b ? 0 : -ENOENT;
}

PEERBUF_IMPORT_NS_DMA_BUF;
