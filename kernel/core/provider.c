// SPDX-License-Identifier: GPL-2.0-only
/*
 * The provider: turns facts about a device into states of its buffers.
 *
 * Every event changes facts and then calls provider_apply(). Nothing else changes
 * a state.
 */
#include <linux/fs.h>
#include <linux/module.h>

#include "internal.h"
#include "trace.h"

/* One step of one buffer; true when there may be another one. */
static bool buffer_step(struct peerbuf_provider *p, struct peerbuf_buffer *buf,
			bool drained)
{
	struct peerbuf_facts facts = p->facts;
	enum peerbuf_buffer_state next;
	bool moved;

	lockdep_assert_held(&p->lock);
	facts.withdrawn = buf->withdrawn;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	next = peerbuf_state_next(buf->state, &facts, drained);
	moved = next != buf->state;
	if (moved) {
		peerbuf_buffer_set_state(buf, next);
		switch (next) {
		case PEERBUF_STATE_REVOKING:
			trace_peerbuf_revoke(buf, p, &facts);
			peerbuf_buffer_zap(buf);
			dma_buf_invalidate_mappings(buf->dmabuf);
			break;
		case PEERBUF_STATE_LIVE:
			peerbuf_buffer_restore_mappings(buf);
			break;
		case PEERBUF_STATE_DEAD:
			peerbuf_buffer_tell_dead(buf);
			break;
		case PEERBUF_STATE_REVOKED:
			peerbuf_buffer_flush(buf);
			break;
		}
	}
	dma_resv_unlock(buf->dmabuf->resv);
	return moved;
}

/* Take a buffer as far as the facts demand, waiting for importers if need be. */
static void buffer_settle(struct peerbuf_provider *p, struct peerbuf_buffer *buf)
{
	buffer_step(p, buf, false);
	if (buf->state == PEERBUF_STATE_REVOKING)
		peerbuf_buffer_wait_drained(buf);
	while (buffer_step(p, buf, true))
		;
}

/* Take a reference on every buffer, so that no list lock is held while waiting. */
static void collect(struct peerbuf_provider *p, struct list_head *todo)
{
	struct peerbuf_buffer *buf;

	mutex_lock(&peerbuf_lists_lock);
	list_for_each_entry(buf, &p->buffers, node)
		/* One whose last reference is gone is on its way out. */
		if (get_file_active(&buf->dmabuf->file))
			list_add_tail(&buf->todo, todo);
	mutex_unlock(&peerbuf_lists_lock);
}

static void provider_apply(struct peerbuf_provider *p)
{
	struct peerbuf_buffer *buf, *next;
	LIST_HEAD(todo);

	lockdep_assert_held(&p->lock);

	/*
	 * A device that is being reset answers nothing useful: ask only when it
	 * would decide.
	 */
	p->facts.decoding = true;
	if (peerbuf_accessible(&p->facts))
		p->facts.decoding = p->ops->decoding(p);

	collect(p, &todo);
	/* All buffers are shut before any is waited for. */
	list_for_each_entry(buf, &todo, todo)
		buffer_step(p, buf, false);
	list_for_each_entry_safe(buf, next, &todo, todo) {
		buffer_settle(p, buf);
		list_del(&buf->todo);
		dma_buf_put(buf->dmabuf);
	}
}

void peerbuf_provider_init(struct peerbuf_provider *p,
			   const struct peerbuf_provider_ops *ops,
			   const char *name)
{
	*p = (struct peerbuf_provider) { .ops = ops, .name = name };
	mutex_init(&p->lock);
	INIT_LIST_HEAD(&p->buffers);
	p->facts.gone = true;
}
EXPORT_SYMBOL_GPL(peerbuf_provider_init);

void peerbuf_provider_fini(struct peerbuf_provider *p)
{
	WARN_ON(!list_empty(&p->buffers));
	mutex_destroy(&p->lock);
}
EXPORT_SYMBOL_GPL(peerbuf_provider_fini);

void peerbuf_provider_block(struct peerbuf_provider *p, enum peerbuf_cause cause)
{
	mutex_lock(&p->lock);
	p->facts.blocked[cause]++;
	provider_apply(p);
	mutex_unlock(&p->lock);
}
EXPORT_SYMBOL_GPL(peerbuf_provider_block);

void peerbuf_provider_unblock(struct peerbuf_provider *p,
			      enum peerbuf_cause cause)
{
	mutex_lock(&p->lock);
	if (!WARN_ON(!p->facts.blocked[cause]))
		p->facts.blocked[cause]--;
	provider_apply(p);
	mutex_unlock(&p->lock);
}
EXPORT_SYMBOL_GPL(peerbuf_provider_unblock);

void peerbuf_provider_set(struct peerbuf_provider *p, enum peerbuf_cause cause,
			  bool on)
{
	mutex_lock(&p->lock);
	p->facts.blocked[cause] = on;
	provider_apply(p);
	mutex_unlock(&p->lock);
}
EXPORT_SYMBOL_GPL(peerbuf_provider_set);

bool peerbuf_provider_is_blocked(const struct peerbuf_provider *p, enum peerbuf_cause cause)
{
	return READ_ONCE(p->facts.blocked[cause]);
}
EXPORT_SYMBOL_GPL(peerbuf_provider_is_blocked);

void peerbuf_provider_update(struct peerbuf_provider *p)
{
	mutex_lock(&p->lock);
	provider_apply(p);
	mutex_unlock(&p->lock);
}
EXPORT_SYMBOL_GPL(peerbuf_provider_update);

void peerbuf_provider_open(struct peerbuf_provider *p)
{
	mutex_lock(&p->lock);
	p->facts.gone = false;
	mutex_unlock(&p->lock);
}
EXPORT_SYMBOL_GPL(peerbuf_provider_open);

void peerbuf_provider_close(struct peerbuf_provider *p)
{
	struct peerbuf_buffer *buf, *next;

	mutex_lock(&p->lock);
	p->facts.gone = true;
	provider_apply(p);

	/* They are DEAD, or being released; either way no longer ours. */
	mutex_lock(&peerbuf_lists_lock);
	list_for_each_entry_safe(buf, next, &p->buffers, node) {
		list_del_init(&buf->node);
		buf->provider = NULL;
	}
	mutex_unlock(&peerbuf_lists_lock);
	mutex_unlock(&p->lock);
}
EXPORT_SYMBOL_GPL(peerbuf_provider_close);

int peerbuf_provider_add(struct peerbuf_provider *p, struct peerbuf_buffer *buf)
{
	int ret = 0;

	mutex_lock(&p->lock);
	if (p->facts.gone) {
		ret = -ENODEV;
		goto unlock;
	}
	mutex_lock(&peerbuf_lists_lock);
	buf->provider = p;
	list_add_tail(&buf->node, &p->buffers);
	mutex_unlock(&peerbuf_lists_lock);

	/* Memory that is off now: nobody is attached yet, so it ends at once. */
	p->facts.decoding = p->ops->decoding(p);
	buffer_settle(p, buf);
unlock:
	mutex_unlock(&p->lock);
	return ret;
}

void peerbuf_provider_remove(struct peerbuf_buffer *buf)
{
	/* Empty when the provider has closed, or never had the buffer. */
	mutex_lock(&peerbuf_lists_lock);
	list_del_init(&buf->node);
	mutex_unlock(&peerbuf_lists_lock);
}

static bool provider_has(struct peerbuf_provider *p, struct dma_buf *dmabuf)
{
	bool has;

	if (!peerbuf_is_native(dmabuf))
		return false;
	mutex_lock(&peerbuf_lists_lock);
	has = peerbuf_buffer_of(dmabuf)->provider == p;
	mutex_unlock(&peerbuf_lists_lock);
	return has;
}

int peerbuf_buffer_withdraw(struct peerbuf_provider *p, struct dma_buf *dmabuf)
{
	struct peerbuf_buffer *buf;
	int ret = 0;

	mutex_lock(&p->lock);
	/* Under p->lock it stays p's: closing takes that lock, too. */
	if (!provider_has(p, dmabuf)) {
		ret = -EINVAL;
		goto unlock;
	}
	buf = peerbuf_buffer_of(dmabuf);
	if (buf->withdrawn) {
		ret = -EALREADY;
		goto unlock;
	}
	buf->withdrawn = true;
	buffer_settle(p, buf);
unlock:
	mutex_unlock(&p->lock);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_buffer_withdraw);

int peerbuf_buffer_set_combining(struct peerbuf_provider *p, struct dma_buf *dmabuf, bool on)
{
	struct peerbuf_buffer *buf;

	if (!provider_has(p, dmabuf))
		return -EINVAL;
	buf = peerbuf_buffer_of(dmabuf);
	if (on && !buf->cpu_combine)
		return -EOPNOTSUPP;
	WRITE_ONCE(buf->combining, on);
	return 0;
}
EXPORT_SYMBOL_GPL(peerbuf_buffer_set_combining);

/* Not under p->lock: who asks while a revoke waits wants to know that it does. */
int peerbuf_buffer_get_info(struct peerbuf_provider *p, struct dma_buf *dmabuf,
			    struct peerbuf_buffer_info *info)
{
	struct peerbuf_buffer *buf;

	if (!provider_has(p, dmabuf))
		return -EINVAL;
	buf = peerbuf_buffer_of(dmabuf);
	dma_resv_lock(dmabuf->resv, NULL);
	*info = (struct peerbuf_buffer_info) {
		.state = buf->state,
		.attachments = list_count_nodes(&dmabuf->attachments),
		.revokes = buf->revokes,
		.restores = buf->restores,
		.waiting = READ_ONCE(buf->waiting),
	};
	dma_resv_unlock(dmabuf->resv);
	return 0;
}
EXPORT_SYMBOL_GPL(peerbuf_buffer_get_info);
