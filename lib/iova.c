// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which I/O virtual addresses are free. Pure logic. The kernel alone decides whether a
 * map succeeds; this is the memory of what succeeded, used to find holes.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

void peerbuf_iova_destroy(struct peerbuf_iova_space *space)
{
	free(space->usable);
	free(space->used);
	memset(space, 0, sizeof(*space));
}

void peerbuf_iova_set_usable(struct peerbuf_iova_space *space,
			     struct peerbuf_iova_range *ranges, size_t nr)
{
	free(space->usable);
	space->usable = ranges;
	space->nr_usable = nr;
}

int peerbuf_iova_reserve(struct peerbuf_iova_space *space)
{
	size_t max = space->max_used ? 2 * space->max_used : 16;
	struct peerbuf_iova_range *used;

	if (space->nr_used < space->max_used)
		return 0;
	used = reallocarray(space->used, max, sizeof(*used));
	if (!used)
		return -ENOMEM;
	space->used = used;
	space->max_used = max;
	return 0;
}

void peerbuf_iova_take(struct peerbuf_iova_space *space, uint64_t start, uint64_t length)
{
	size_t i = space->nr_used;

	while (i > 0 && space->used[i - 1].start > start)
		i--;
	memmove(&space->used[i + 1], &space->used[i],
		(space->nr_used - i) * sizeof(*space->used));
	space->used[i].start = start;
	space->used[i].last = start + (length - 1);
	space->nr_used++;
}

void peerbuf_iova_release(struct peerbuf_iova_space *space, uint64_t start,
			  uint64_t length)
{
	uint64_t last = start + (length - 1);
	size_t from, to = 0;

	if (length == 0)
		return;
	for (from = 0; from < space->nr_used; from++) {
		struct peerbuf_iova_range range = space->used[from];

		if (range.start < start || range.last > last)
			space->used[to++] = range;
	}
	space->nr_used = to;
}

void peerbuf_iova_release_at(struct peerbuf_iova_space *space, uint64_t start)
{
	size_t i;

	for (i = 0; i < space->nr_used; i++) {
		if (space->used[i].start != start)
			continue;
		space->nr_used--;
		memmove(&space->used[i], &space->used[i + 1],
			(space->nr_used - i) * sizeof(*space->used));
		return;
	}
}

/* Move *iova up to the next address congruent to residue; false if there is none. */
static bool align_up(uint64_t *iova, uint64_t align, uint64_t residue)
{
	uint64_t ahead = (residue - *iova) & (align - 1);

	return !__builtin_add_overflow(*iova, ahead, iova);
}

/* Find the lowest fit inside one usable range. */
static bool find_in_range(const struct peerbuf_iova_space *space,
			  const struct peerbuf_iova_range *range, uint64_t length,
			  uint64_t align, uint64_t residue, uint64_t *iova)
{
	/* Address 0 is left alone: too many devices and programs take it for "none". */
	uint64_t at = range->start ? range->start : 1;
	uint64_t last;
	size_t i;

	if (!align_up(&at, align, residue))
		return false;
	for (i = 0; i <= space->nr_used; i++) {
		if (__builtin_add_overflow(at, length - 1, &last) || last > range->last)
			return false;
		if (i == space->nr_used || space->used[i].start > last)
			break;
		if (space->used[i].last < at)
			continue;
		if (__builtin_add_overflow(space->used[i].last, 1, &at) ||
		    !align_up(&at, align, residue))
			return false;
	}
	*iova = at;
	return true;
}

int peerbuf_iova_find(const struct peerbuf_iova_space *space, uint64_t length,
		      uint64_t align, uint64_t residue, uint64_t *iova)
{
	size_t i;

	if (length == 0 || align == 0 || (align & (align - 1)) || residue >= align)
		return -EINVAL;
	for (i = 0; i < space->nr_usable; i++)
		if (find_in_range(space, &space->usable[i], length, align, residue, iova))
			return 0;
	return -ENOSPC;
}
