/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peerbuf test: the devices that it can make do DMA. */
#ifndef PEERBUF_TOOL_TEST_H
#define PEERBUF_TOOL_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include <peerbuf.h>

/* One that reads and writes I/O virtual addresses. Functions return 0 or a negative errno. */
struct engine {
	const struct engine_kind *kind;
	struct peerbuf_container *container;
	void *state;
};

struct engine_kind {
	const char *name;
	bool copies;		/* from an address to an address; else from its own data */
	uint64_t length;	/* that a test has unless told: bytes */
	uint64_t unit;		/* lengths are multiples of this */
	uint64_t limit;		/* addresses are below this */
	int (*open)(struct engine *e, const char *bdf);
	void (*close)(struct engine *e);
	/* Move @length bytes to @to: from @from, or from its own data, always the same. */
	int (*move)(struct engine *e, uint64_t to, uint64_t from, uint64_t length);
};

/* The kind that drives a device, by its ids and class; NULL if there is none. */
const struct engine_kind *find_engine(unsigned int vendor, unsigned int device,
				      unsigned int class);

#endif
