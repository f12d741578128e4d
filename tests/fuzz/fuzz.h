/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzers of pure logic share. Each turns bytes into calls, makes the same calls
 * on a model that is slow and obvious, and dies where the two differ.
 */
#ifndef PEERBUF_FUZZ_H
#define PEERBUF_FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	size_t left;
};

/* A number of so many bytes; zeros follow the end of the input. */
static inline uint64_t take(struct input *in, size_t bytes)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < bytes && in->left; i++, in->left--)
		value |= (uint64_t)*in->at++ << (8 * i);
	return value;
}

/* Not assert(): optimised builds keep it, and the fuzzer shows the place. */
#define agree(condition)		\
	do {				\
		if (!(condition))	\
			__builtin_trap(); \
	} while (0)

#endif
