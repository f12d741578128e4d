// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists of ranges: checked, merged, indexed and walked; against single pages and bytes. */
#include "fuzz.h"

#include <linux/peerbuf/range.h>

#define MAX 24
#define PAGE 4096ULL

typedef unsigned __int128 wide;

/* In arithmetic that cannot overflow. */
static int model_check(const struct phys_vec *v, size_t nr, uint64_t size)
{
	wide sum = 0;
	size_t i;

	if (!nr)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		if (!v[i].len || v[i].paddr % PAGE || v[i].len % PAGE)
			return -EINVAL;
		sum += v[i].len;
		if ((wide)v[i].paddr + v[i].len > (wide)1 << 64 || sum >> 64)
			return -EOVERFLOW;
	}
	return sum == size ? 0 : -EINVAL;
}

/* Where a byte of the buffer is; lists here are short enough to walk. */
static uint64_t model_address(const struct phys_vec *v, size_t nr, uint64_t offset)
{
	size_t i;

	for (i = 0; i < nr && offset >= v[i].len; i++)
		offset -= v[i].len;
	return v[i].paddr + offset;
}

static uint64_t model_size(const struct phys_vec *v, size_t nr)
{
	uint64_t size = 0;

	while (nr--)
		size += v[nr].len;
	return size;
}

static void walk(struct input *in, const struct phys_vec *v, size_t nr, uint64_t size)
{
	uint64_t offset = take(in, 1) * PAGE, length = take(in, 1) * PAGE, done = 0;
	uint64_t max = (1 + take(in, 1)) * PAGE;
	struct peerbuf_range_cursor c;
	struct phys_vec piece;
	size_t pieces;
	int ret;

	/* Mostly inside the list, sometimes not. */
	if (take(in, 1) % 8) {
		offset %= size;
		length = length % (size - offset) + PAGE;
	}
	ret = peerbuf_range_start(&c, v, nr, offset, length);
	agree(ret == (length && offset < size && length <= size - offset ? 0 : -EINVAL));
	if (ret)
		return;
	for (pieces = peerbuf_range_pieces(&c, max); peerbuf_range_next(&c, max, &piece); pieces--) {
		agree(piece.len && piece.len <= max && done + piece.len <= length);
		agree(piece.paddr == model_address(v, nr, offset + done));
		agree(piece.paddr + piece.len - 1 ==
		      model_address(v, nr, offset + done + piece.len - 1));
		done += piece.len;
	}
	agree(done == length && !pieces);
}

/* As the IOMMU's driver does it: the largest page that fits, again and again. */
static void page_sizes(struct input *in)
{
	uint64_t supported = PAGE | take(in, 4) << 13, at = take(in, 3) * PAGE;
	uint64_t from = take(in, 3) * PAGE, len = take(in, 2) * PAGE, used = 0, page;
	uint64_t got = peerbuf_range_page_sizes(at, from, len, supported);

	for (; len; at += page, from += page, len -= page) {
		for (page = 1ULL << 44; !(page & supported) || page > len ||
		     ((at | from) & (page - 1)); page >>= 1)
			;
		used |= page;
	}
	agree(got == used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct phys_vec v[MAX], merged[MAX];
	size_t i, nr = take(&in, 1) % (MAX + 1), n;
	uint64_t first[MAX], sum, offset;
	bool wild = take(&in, 1) & 1;

	for (i = 0; i < nr; i++) {
		/* Any numbers; or such as are often neighbours, and pages. */
		v[i].paddr = wild ? take(&in, 8) : (1 + take(&in, 1)) * PAGE;
		v[i].len = wild ? take(&in, 8) : (1 + take(&in, 1) % 8) * PAGE;
	}
	sum = take(&in, 1) & 1 ? take(&in, 8) : model_size(v, nr);
	agree(peerbuf_range_check(v, nr, PAGE, sum) == model_check(v, nr, sum));
	page_sizes(&in);
	if (model_check(v, nr, model_size(v, nr)))
		return 0;

	n = peerbuf_range_merge(v, nr, NULL);
	agree(n && n <= nr);
	agree(peerbuf_range_merge(v, nr, merged) == n);
	/* Merged or not, the same bytes in the same order; and nothing is left to merge. */
	sum = model_size(v, nr);
	agree(model_size(merged, n) == sum);
	for (i = 0, offset = 0; i < nr; offset += v[i++].len) {
		agree(model_address(merged, n, offset) == v[i].paddr);
		agree(model_address(merged, n, offset + v[i].len - 1) == v[i].paddr + v[i].len - 1);
	}
	for (i = 1; i < n; i++)
		agree(!merged[i].paddr || merged[i - 1].paddr + merged[i - 1].len != merged[i].paddr);

	peerbuf_range_index(merged, n, first);
	for (i = 0; i < 8; i++) {
		offset = take(&in, 3) % sum;
		agree(merged[peerbuf_range_find(first, n, offset)].paddr + offset -
		      first[peerbuf_range_find(first, n, offset)] ==
		      model_address(merged, n, offset));
	}
	walk(&in, merged, n, sum);
	return 0;
}
