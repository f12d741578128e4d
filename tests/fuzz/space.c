// SPDX-License-Identifier: GPL-2.0-or-later
/* Which addresses the library thinks are free, against one flag for each address. */
#include "fuzz.h"

#include "private.h"

#define SPAN 256

static int model_find(const bool *free_at, uint64_t base, uint64_t length, uint64_t align,
		      uint64_t residue, uint64_t *iova)
{
	uint64_t at, i;

	for (at = 0; at + length <= SPAN; at++) {
		if (!(base + at) || ((base + at - residue) & (align - 1)))
			continue;
		for (i = 0; i < length && free_at[at + i]; i++)
			;
		if (i == length) {
			*iova = base + at;
			return 0;
		}
	}
	return -ENOSPC;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct peerbuf_iova_space space = { 0 };
	bool usable[SPAN] = { false }, is_free[SPAN];
	struct peerbuf_iova_range *r = calloc(4, sizeof(*r));
	uint64_t base = take(&in, 1) & 1 ? UINT64_MAX - (SPAN - 1) : 0;
	uint64_t at = 0, end, i, got = 0, want = 0, length, align, residue;
	size_t nr;
	int ret;

	if (!r)
		return 0;
	for (nr = 0; nr < 4 && at < SPAN; nr++) {
		at += take(&in, 1) % 64;
		if (at >= SPAN)
			break;
		end = at + take(&in, 1);
		end = end < SPAN ? end : SPAN - 1;
		r[nr] = (struct peerbuf_iova_range) { base + at, base + end };
		for (i = at; i <= end; i++)
			usable[i] = true;
		/* They do not touch: a find looks into one of them at a time. */
		at = end + 2;
	}
	peerbuf_iova_set_usable(&space, r, nr);
	memcpy(is_free, usable, sizeof(usable));
	while (in.left) {
		switch (take(&in, 1) % 4) {
		case 0:
			at = take(&in, 1);
			peerbuf_iova_release_at(&space, base + at);
			for (i = 0; i < SPAN; i++)
				is_free[i] = usable[i];
			break;
		case 1:
			at = take(&in, 1);
			length = take(&in, 1) % (SPAN - at + 1);
			peerbuf_iova_release(&space, base + at, length);
			for (i = 0; i < SPAN; i++)
				is_free[i] = usable[i];
			break;
		default:
			length = take(&in, 1) % 40;
			align = 1ULL << take(&in, 1) % 6;
			residue = take(&in, 1) % align;
			ret = peerbuf_iova_find(&space, length, align, residue, &got);
			agree(ret == (length ? model_find(is_free, base, length, align, residue,
							  &want) : -EINVAL));
			if (ret)
				break;
			agree(got == want);
			if (peerbuf_iova_reserve(&space))
				break;
			peerbuf_iova_take(&space, got, length);
			break;
		}
		for (i = 0; i < space.nr_used; i++) {
			agree(!i || space.used[i].start > space.used[i - 1].last);
			for (at = space.used[i].start - base; at <= space.used[i].last - base; at++)
				is_free[at] = false;
		}
	}
	peerbuf_iova_destroy(&space);
	return 0;
}
