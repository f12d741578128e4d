/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pairs that negotiation has compared, in order; see tried.c. */
#ifndef PEERBUF_TESTS_TRIED_H
#define PEERBUF_TESTS_TRIED_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stddef.h>
#endif

#define MAX_TRIED 64

struct dma_buf_mapping_match;

struct tried {
	const struct dma_buf_mapping_match *exp, *imp;
	int verdict;
};

extern struct tried tried[MAX_TRIED];
extern size_t nr_tried;

#endif
