// SPDX-License-Identifier: GPL-2.0-only
/* What the owner of a device can do with one buffer that it exported. */
#include <linux/dma-buf.h>
#include <linux/module.h>

#include "pci.h"
#include "uarg.h"

#include <peerbuf_compat.h>

static long revoke_buffer(struct peerbuf_vdev *pv, unsigned long arg)
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
	ret = peerbuf_buffer_withdraw(&pv->provider, dmabuf);
	dma_buf_put(dmabuf);
	return ret;
}

static long query_buffer(struct peerbuf_vdev *pv, unsigned long arg)
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
	ret = peerbuf_buffer_get_info(&pv->provider, dmabuf, &info);
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

long peerbuf_pci_ioctl(struct vfio_device *vdev, unsigned int cmd,
		       unsigned long arg)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);

	switch (cmd) {
	case PEERBUF_DEVICE_REVOKE_BUFFER:
		return revoke_buffer(pv, arg);
	case PEERBUF_DEVICE_QUERY_BUFFER:
		return query_buffer(pv, arg);
	default:
		return vfio_pci_core_ioctl(vdev, cmd, arg);
	}
}

PEERBUF_IMPORT_NS_DMA_BUF;
