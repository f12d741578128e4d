// SPDX-License-Identifier: GPL-2.0-only
/* What the owner of a provider can do, from user space, with one of its buffers. */
#include <linux/dma-buf.h>

#include <uapi/linux/peerbuf.h>

#include "../uarg.h"
#include "internal.h"

static long revoke_buffer(struct peerbuf_provider *p, unsigned long arg)
{
	struct peerbuf_device_revoke_buffer revoke;
	struct dma_buf *dmabuf;
	u32 argsz;
	int ret;

	ret = peerbuf_read_arg(&revoke, sizeof(revoke), sizeof(revoke), arg,
			       &argsz);
	if (ret)
		return ret;
	if (revoke.flags || revoke.__reserved)
		return -EINVAL;
	dmabuf = dma_buf_get(revoke.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = peerbuf_buffer_withdraw(p, dmabuf);
	dma_buf_put(dmabuf);
	return ret;
}

static long query_buffer(struct peerbuf_provider *p, unsigned long arg)
{
	struct peerbuf_device_query_buffer query;
	struct peerbuf_buffer_info info;
	struct dma_buf *dmabuf;
	u32 argsz;
	int ret;

	ret = peerbuf_read_arg(&query, sizeof(query), sizeof(query), arg,
			       &argsz);
	if (ret)
		return ret;
	if (query.flags || query.__reserved)
		return -EINVAL;
	dmabuf = dma_buf_get(query.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = peerbuf_buffer_get_info(p, dmabuf, &info);
	dma_buf_put(dmabuf);
	if (ret)
		return ret;

	query = (struct peerbuf_device_query_buffer) {
		.argsz = sizeof(query),
		.flags = info.waiting ? PEERBUF_DEVICE_QUERY_WAITING : 0,
		.dmabuf_fd = query.dmabuf_fd,
		.state = info.state,
		.attachments = info.attachments,
		.revokes = info.revokes,
		.restores = info.restores,
	};
	return peerbuf_write_arg(&query, sizeof(query), arg, argsz);
}

static long set_caching(struct peerbuf_provider *p, unsigned long arg)
{
	struct peerbuf_device_set_caching set;
	struct dma_buf *dmabuf;
	u32 argsz;
	int ret;

	ret = peerbuf_read_arg(&set, sizeof(set), sizeof(set), arg, &argsz);
	if (ret)
		return ret;
	if (set.flags || set.caching > PEERBUF_CACHING_WRITE_COMBINING)
		return -EINVAL;
	dmabuf = dma_buf_get(set.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = peerbuf_buffer_set_combining(p, dmabuf,
					   set.caching == PEERBUF_CACHING_WRITE_COMBINING);
	dma_buf_put(dmabuf);
	return ret;
}

long peerbuf_owner_ioctl(struct peerbuf_provider *p, unsigned int cmd,
			 unsigned long arg)
{
	switch (cmd) {
	case PEERBUF_DEVICE_REVOKE_BUFFER:
		return revoke_buffer(p, arg);
	case PEERBUF_DEVICE_QUERY_BUFFER:
		return query_buffer(p, arg);
	case PEERBUF_DEVICE_SET_CACHING:
		return set_caching(p, arg);
	default:
		return -ENOTTY;
	}
}
EXPORT_SYMBOL_GPL(peerbuf_owner_ioctl);
