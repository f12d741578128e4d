// SPDX-License-Identifier: GPL-2.0-only
/* Usable IOVAs. Pure logic. */
#include "../core/pure.h"

#include <linux/peerbuf/iova.h>

void peerbuf_iova_clip(struct peerbuf_iova_set *set, u64 start, u64 last)
{
	size_t i, out = 0;

	for (i = 0; i < set->nr; i++) {
		struct peerbuf_iova_range r = set->range[i];

		if (r.last < start || r.start > last)
			continue;
		if (r.start < start)
			r.start = start;
		if (r.last > last)
			r.last = last;
		set->range[out++] = r;
	}
	set->nr = out;
}

bool peerbuf_iova_exclude(struct peerbuf_iova_set *set, u64 start, u64 last)
{
	size_t i, out;

	for (i = 0; i < set->nr; i++) {
		struct peerbuf_iova_range *r = &set->range[i];

		if (r->start >= start || r->last <= last)
			continue;
		/* The range has something on both sides: only one can. */
		if (set->nr == set->cap)
			return false;
		memmove(r + 1, r, (set->nr - i) * sizeof(*r));
		set->nr++;
		r[0].last = start - 1;
		r[1].start = last + 1;
		return true;
	}

	for (i = 0, out = 0; i < set->nr; i++) {
		struct peerbuf_iova_range r = set->range[i];

		if (r.start >= start && r.last <= last)
			continue;
		if (r.start < start && r.last >= start)
			r.last = start - 1;
		else if (r.last > last && r.start <= last)
			r.start = last + 1;
		set->range[out++] = r;
	}
	set->nr = out;
	return true;
}

bool peerbuf_iova_contains(const struct peerbuf_iova_set *set, u64 start,
			   u64 last)
{
	size_t i;

	for (i = 0; i < set->nr; i++)
		if (start >= set->range[i].start && last <= set->range[i].last)
			return true;
	return false;
}
