/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints of peerbuf_core: what happens to buffers, and who is waited for. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM peerbuf

#if !defined(_PEERBUF_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PEERBUF_TRACE_H

#include <linux/tracepoint.h>

#define peerbuf_show_state(s)			\
	__print_symbolic(s, { 0, "live" }, { 1, "revoking" }, \
			 { 2, "revoked" }, { 3, "dead" })

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
