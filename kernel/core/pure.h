/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure files need from their surroundings, in the kernel and in user
 * space, where the tests compile them with sanitizers.
 */
#ifndef _PEERBUF_PURE_H
#define _PEERBUF_PURE_H

#ifdef __KERNEL__

#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/types.h>

#else

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define EXPORT_SYMBOL_GPL(sym)	extern const char peerbuf_exported_##sym
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)

#endif

struct dma_buf_match_args;
struct dma_buf_mapping_match;

/*
 * Told of each pair that is compared, in order, with its verdict: 0, -EOPNOTSUPP, or what
 * ended the search. The kernel makes a tracepoint of it, the tests remember it.
 */
void peerbuf_match_tried(const struct dma_buf_match_args *args,
			 const struct dma_buf_mapping_match *exp,
			 const struct dma_buf_mapping_match *imp, int verdict);

/* One entry stands for at most so many. */
#define PEERBUF_MAX_OFFERS	3

/*
 * What an exporter's entry stands for, in the order in which the core prefers it: the entry
 * itself first, then what it can be converted to. Returns how many were written to out.
 */
size_t peerbuf_offer_expand(const struct dma_buf_mapping_match *exp,
			    struct dma_buf_mapping_match *out);

#endif /* _PEERBUF_PURE_H */
