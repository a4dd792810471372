/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints: what went to the bus, what came back. No payload, ever. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM cardring

#if !defined(CR_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define CR_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(cardring_submit,
	TP_PROTO(int reader, u8 slot, u8 seq, u8 op, u32 len),
	TP_ARGS(reader, slot, seq, op, len),
	TP_STRUCT__entry(
		__field(int, reader)
		__field(u8, slot)
		__field(u8, seq)
		__field(u8, op)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->reader = reader;
		__entry->slot = slot;
		__entry->seq = seq;
		__entry->op = op;
		__entry->len = len;
	),
	TP_printk("cardring%d slot=%u seq=%u op=%u len=%u", __entry->reader,
		  __entry->slot, __entry->seq, __entry->op, __entry->len)
);

TRACE_EVENT(cardring_complete,
	TP_PROTO(int reader, u8 slot, u8 op, s32 result, u32 bytes, u32 time_us),
	TP_ARGS(reader, slot, op, result, bytes, time_us),
	TP_STRUCT__entry(
		__field(int, reader)
		__field(u8, slot)
		__field(u8, op)
		__field(s32, result)
		__field(u32, bytes)
		__field(u32, time_us)
	),
	TP_fast_assign(
		__entry->reader = reader;
		__entry->slot = slot;
		__entry->op = op;
		__entry->result = result;
		__entry->bytes = bytes;
		__entry->time_us = time_us;
	),
	TP_printk("cardring%d slot=%u op=%u result=%d bytes=%u time_us=%u",
		  __entry->reader, __entry->slot, __entry->op, __entry->result,
		  __entry->bytes, __entry->time_us)
);

TRACE_EVENT(cardring_event,
	TP_PROTO(int reader, u8 slot, int event),
	TP_ARGS(reader, slot, event),
	TP_STRUCT__entry(
		__field(int, reader)
		__field(u8, slot)
		__field(int, event)
	),
	TP_fast_assign(
		__entry->reader = reader;
		__entry->slot = slot;
		__entry->event = event;
	),
	TP_printk("cardring%d slot=%u event=%d", __entry->reader, __entry->slot,
		  __entry->event)
);

TRACE_EVENT(cardring_timeout,
	TP_PROTO(int reader, u8 slot, u8 seq, int phase),
	TP_ARGS(reader, slot, seq, phase),
	TP_STRUCT__entry(
		__field(int, reader)
		__field(u8, slot)
		__field(u8, seq)
		__field(int, phase)
	),
	TP_fast_assign(
		__entry->reader = reader;
		__entry->slot = slot;
		__entry->seq = seq;
		__entry->phase = phase;
	),
	TP_printk("cardring%d slot=%u seq=%u phase=%d", __entry->reader,
		  __entry->slot, __entry->seq, __entry->phase)
);

#endif /* CR_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
