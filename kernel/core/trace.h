/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of peerbuf_core: how types are negotiated, what is mapped for whom, what
 * happens to buffers, and who is waited for. docs/observing.md explains each.
 *
 * A buffer is told by its number, which debugfs has as well and which is 0 for a foreign
 * one, and by the inode that /proc/PID/fdinfo has for its file descriptors.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM peerbuf

#if !defined(_PEERBUF_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PEERBUF_TRACE_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/tracepoint.h>

#include "internal.h"

#ifndef _PEERBUF_TRACE_HELPERS
#define _PEERBUF_TRACE_HELPERS

/* dma_buf_match_mapping() may be tried without a buffer. */
static inline u64 trace_id(struct dma_buf *dmabuf)
{
	return dmabuf && peerbuf_is_native(dmabuf) ?
	       peerbuf_buffer_of(dmabuf)->id : 0;
}

static inline unsigned long trace_inode(struct dma_buf *dmabuf)
{
	return dmabuf ? file_inode(dmabuf->file)->i_ino : 0;
}

static inline const char *trace_type(const struct dma_buf_mapping_match *m)
{
	return m && m->type ? m->type->name : "none";
}

static inline const char *trace_origin(const struct dma_buf_mapping_match *m)
{
	return m && m->origin ? m->origin->name : trace_type(m);
}

#endif

#define peerbuf_show_state(s)			\
	__print_symbolic(s, { 0, "live" }, { 1, "revoking" }, \
			 { 2, "revoked" }, { 3, "dead" })

#define peerbuf_show_route(r)			\
	__print_symbolic(r, { 0, "unknown" }, { 1, "bus-address" }, \
			 { 2, "host-bridge" }, { 3, "not-supported" })

#define peerbuf_show_reason(r)			\
	__print_symbolic(r, { 0, "none" }, { 1, "same-device" }, \
			 { 2, "same-switch" }, { 3, "acs-redirect" }, \
			 { 4, "no-common-bridge" }, { 5, "host-not-listed" }, \
			 { 6, "hosts-differ" }, { 7, "not-pci" }, \
			 { 8, "override" })

/* One pair of entries that was compared; a pair of different types is refused, too. */
TRACE_EVENT(peerbuf_match,
	TP_PROTO(struct dma_buf *dmabuf, const struct dma_buf_mapping_match *exp,
		 const struct dma_buf_mapping_match *imp, int verdict),
	TP_ARGS(dmabuf, exp, imp, verdict),
	TP_STRUCT__entry(
		__field(u64, buffer)
		__field(unsigned long, inode)
		__string(offer, trace_type(exp))
		__string(origin, trace_origin(exp))
		__string(request, trace_type(imp))
		__field(int, verdict)
	),
	TP_fast_assign(
		__entry->buffer = trace_id(dmabuf);
		__entry->inode = trace_inode(dmabuf);
		__assign_str(offer);
		__assign_str(origin);
		__assign_str(request);
		__entry->verdict = verdict;
	),
	TP_printk("buffer=%llu ino=%lu offer=%s origin=%s request=%s verdict=%d",
		  __entry->buffer, __entry->inode, __get_str(offer),
		  __get_str(origin), __get_str(request), __entry->verdict)
);

TRACE_EVENT(peerbuf_route,
	TP_PROTO(struct device *provider, struct device *client,
		 const struct peerbuf_verdict *v),
	TP_ARGS(provider, client, v),
	TP_STRUCT__entry(
		__string(provider, dev_name(provider))
		__string(client, dev_name(client))
		__field(u32, route)
		__field(u32, reason)
		__field(u32, distance)
		__field(u32, provider_redirects)
		__field(u32, client_redirects)
	),
	TP_fast_assign(
		__assign_str(provider);
		__assign_str(client);
		__entry->route = v->route;
		__entry->reason = v->reason;
		__entry->distance = v->distance;
		__entry->provider_redirects = v->provider_redirects;
		__entry->client_redirects = v->client_redirects;
	),
	TP_printk("provider=%s client=%s route=%s reason=%s distance=%u provider_redirects=%#x client_redirects=%#x",
		  __get_str(provider), __get_str(client),
		  peerbuf_show_route(__entry->route),
		  peerbuf_show_reason(__entry->reason), __entry->distance,
		  __entry->provider_redirects, __entry->client_redirects)
);

TRACE_EVENT(peerbuf_attach,
	TP_PROTO(struct dma_buf *dmabuf, struct device *dev,
		 const struct peerbuf_attachment *pa, int error),
	TP_ARGS(dmabuf, dev, pa, error),
	TP_STRUCT__entry(
		__field(u64, buffer)
		__field(unsigned long, inode)
		__string(importer, dev_name(dev))
		__string(type, trace_type(pa ? &pa->result : NULL))
		__string(origin, trace_origin(pa ? &pa->result : NULL))
		__field(bool, typed)
		__field(u32, route)
		__field(u32, reason)
		__field(bool, enforced)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->buffer = trace_id(dmabuf);
		__entry->inode = trace_inode(dmabuf);
		__assign_str(importer);
		__assign_str(type);
		__assign_str(origin);
		__entry->typed = pa && pa->importer_ops;
		__entry->route = pa ? pa->info.route : 0;
		__entry->reason = pa ? pa->info.reason : 0;
		__entry->enforced = pa && pa->info.enforced;
		__entry->error = error;
	),
	TP_printk("buffer=%llu ino=%lu importer=%s type=%s origin=%s typed=%d route=%s reason=%s enforced=%d error=%d",
		  __entry->buffer, __entry->inode, __get_str(importer),
		  __get_str(type), __get_str(origin), __entry->typed,
		  peerbuf_show_route(__entry->route),
		  peerbuf_show_reason(__entry->reason), __entry->enforced,
		  __entry->error)
);

TRACE_EVENT(peerbuf_detach,
	TP_PROTO(const struct peerbuf_attachment *pa),
	TP_ARGS(pa),
	TP_STRUCT__entry(
		__field(u64, buffer)
		__field(unsigned long, inode)
		__string(importer, dev_name(pa->base->dev))
		__string(type, trace_type(&pa->result))
	),
	TP_fast_assign(
		__entry->buffer = trace_id(pa->base->dmabuf);
		__entry->inode = trace_inode(pa->base->dmabuf);
		__assign_str(importer);
		__assign_str(type);
	),
	TP_printk("buffer=%llu ino=%lu importer=%s type=%s", __entry->buffer,
		  __entry->inode, __get_str(importer), __get_str(type))
);

/* @addr: the IOVA, or the first address of the list; 0 where the core does not know. */
TRACE_EVENT(peerbuf_map,
	TP_PROTO(const struct peerbuf_attachment *pa, u64 addr, u64 length,
		 u64 pieces, int error),
	TP_ARGS(pa, addr, length, pieces, error),
	TP_STRUCT__entry(
		__field(u64, buffer)
		__field(unsigned long, inode)
		__string(importer, dev_name(pa->base->dev))
		__string(type, trace_type(&pa->result))
		__string(origin, trace_origin(&pa->result))
		__field(u64, addr)
		__field(u64, length)
		__field(u64, pieces)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->buffer = trace_id(pa->base->dmabuf);
		__entry->inode = trace_inode(pa->base->dmabuf);
		__assign_str(importer);
		__assign_str(type);
		__assign_str(origin);
		__entry->addr = addr;
		__entry->length = length;
		__entry->pieces = pieces;
		__entry->error = error;
	),
	TP_printk("buffer=%llu ino=%lu importer=%s type=%s origin=%s addr=%#llx length=%#llx pieces=%llu error=%d",
		  __entry->buffer, __entry->inode, __get_str(importer),
		  __get_str(type), __get_str(origin), __entry->addr,
		  __entry->length, __entry->pieces, __entry->error)
);

TRACE_EVENT(peerbuf_unmap,
	TP_PROTO(const struct peerbuf_attachment *pa, u64 addr, u64 length),
	TP_ARGS(pa, addr, length),
	TP_STRUCT__entry(
		__field(u64, buffer)
		__field(unsigned long, inode)
		__string(importer, dev_name(pa->base->dev))
		__string(type, trace_type(&pa->result))
		__field(u64, addr)
		__field(u64, length)
	),
	TP_fast_assign(
		__entry->buffer = trace_id(pa->base->dmabuf);
		__entry->inode = trace_inode(pa->base->dmabuf);
		__assign_str(importer);
		__assign_str(type);
		__entry->addr = addr;
		__entry->length = length;
	),
	TP_printk("buffer=%llu ino=%lu importer=%s type=%s addr=%#llx length=%#llx",
		  __entry->buffer, __entry->inode, __get_str(importer),
		  __get_str(type), __entry->addr, __entry->length)
);

/* Why: the facts that take access away, as they were. */
TRACE_EVENT(peerbuf_revoke,
	TP_PROTO(const struct peerbuf_buffer *buf,
		 const struct peerbuf_provider *p,
		 const struct peerbuf_facts *f),
	TP_ARGS(buf, p, f),
	TP_STRUCT__entry(
		__field(u64, buffer)
		__field(unsigned long, inode)
		__string(provider, p->name)
		__field(u32, reset)
		__field(u32, config)
		__field(u32, power)
		__field(u32, bus_error)
		__field(bool, decoding)
		__field(bool, gone)
		__field(bool, withdrawn)
	),
	TP_fast_assign(
		__entry->buffer = buf->id;
		__entry->inode = trace_inode(buf->dmabuf);
		__assign_str(provider);
		__entry->reset = f->blocked[PEERBUF_CAUSE_RESET];
		__entry->config = f->blocked[PEERBUF_CAUSE_CONFIG];
		__entry->power = f->blocked[PEERBUF_CAUSE_POWER];
		__entry->bus_error = f->blocked[PEERBUF_CAUSE_ERROR];
		__entry->decoding = f->decoding;
		__entry->gone = f->gone;
		__entry->withdrawn = f->withdrawn;
	),
	TP_printk("buffer=%llu ino=%lu provider=%s reset=%u config=%u power=%u error=%u decoding=%d gone=%d withdrawn=%d",
		  __entry->buffer, __entry->inode, __get_str(provider),
		  __entry->reset, __entry->config, __entry->power,
		  __entry->bus_error, __entry->decoding, __entry->gone,
		  __entry->withdrawn)
);

/* An importer is told that access is back; its mapping of the IOMMU type is, or @error. */
TRACE_EVENT(peerbuf_restore,
	TP_PROTO(const struct peerbuf_attachment *pa, int error),
	TP_ARGS(pa, error),
	TP_STRUCT__entry(
		__field(u64, buffer)
		__field(unsigned long, inode)
		__string(importer, dev_name(pa->base->dev))
		__string(type, trace_type(&pa->result))
		__field(int, error)
	),
	TP_fast_assign(
		__entry->buffer = trace_id(pa->base->dmabuf);
		__entry->inode = trace_inode(pa->base->dmabuf);
		__assign_str(importer);
		__assign_str(type);
		__entry->error = error;
	),
	TP_printk("buffer=%llu ino=%lu importer=%s type=%s error=%d",
		  __entry->buffer, __entry->inode, __get_str(importer),
		  __get_str(type), __entry->error)
);

TRACE_EVENT(peerbuf_state,
	TP_PROTO(u64 buffer, unsigned int from, unsigned int to),
	TP_ARGS(buffer, from, to),
	TP_STRUCT__entry(
		__field(u64, buffer)
		__field(unsigned int, from)
		__field(unsigned int, to)
	),
	TP_fast_assign(
		__entry->buffer = buffer;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("buffer=%llu %s -> %s", __entry->buffer,
		  peerbuf_show_state(__entry->from),
		  peerbuf_show_state(__entry->to))
);

TRACE_EVENT(peerbuf_wait,
	TP_PROTO(u64 buffer, const char *importer, unsigned int held),
	TP_ARGS(buffer, importer, held),
	TP_STRUCT__entry(
		__field(u64, buffer)
		__string(importer, importer)
		__field(unsigned int, held)
	),
	TP_fast_assign(
		__entry->buffer = buffer;
		__assign_str(importer);
		__entry->held = held;
	),
	TP_printk("buffer=%llu importer=%s held=%u", __entry->buffer,
		  __get_str(importer), __entry->held)
);

#endif /* _PEERBUF_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
