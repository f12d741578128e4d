// SPDX-License-Identifier: GPL-2.0-only
/* Ranges of physical memory. Pure logic. */
#include "pure.h"

#include <linux/peerbuf/range.h>

int peerbuf_range_check(const struct phys_vec *vec, size_t nr, u64 page,
			u64 size)
{
	u64 sum = 0, last;
	size_t i;

	if (!nr)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		u64 addr = vec[i].paddr, len = vec[i].len;

		if (!len || ((addr | len) & (page - 1)))
			return -EINVAL;
		if (check_add_overflow(addr, len - 1, &last) ||
		    check_add_overflow(sum, len, &sum))
			return -EOVERFLOW;
	}
	return sum == size ? 0 : -EINVAL;
}

size_t peerbuf_range_merge(const struct phys_vec *vec, size_t nr,
			   struct phys_vec *out)
{
	struct phys_vec run;
	size_t i, n = 0;

	for (i = 0; i < nr; n++) {
		run = vec[i++];
		/* A range that ends with the address space has no successor. */
		while (i < nr && vec[i].paddr &&
		       (u64)run.paddr + run.len == vec[i].paddr)
			run.len += vec[i++].len;
		if (out)
			out[n] = run;
	}
	return n;
}

void peerbuf_range_index(const struct phys_vec *vec, size_t nr, u64 *first)
{
	u64 offset = 0;
	size_t i;

	for (i = 0; i < nr; i++) {
		first[i] = offset;
		offset += vec[i].len;
	}
}

size_t peerbuf_range_find(const u64 *first, size_t nr, u64 offset)
{
	size_t low = 0, end = nr;

	/* It is in [low, end), which never becomes empty. */
	while (end - low > 1) {
		size_t mid = low + (end - low) / 2;

		if (first[mid] <= offset)
			low = mid;
		else
			end = mid;
	}
	return low;
}

int peerbuf_range_start(struct peerbuf_range_cursor *c,
			const struct phys_vec *vec, size_t nr,
			u64 offset, u64 length)
{
	u64 left = length;
	size_t i = 0;

	while (i < nr && offset >= vec[i].len)
		offset -= vec[i++].len;

	*c = (struct peerbuf_range_cursor) {
		.vec = vec, .nr = nr, .idx = i, .skip = offset, .left = length,
	};

	/* The list must reach as far as the walk will. */
	for (; i < nr && left; i++, offset = 0) {
		u64 here = vec[i].len - offset;

		left -= here < left ? here : left;
	}
	return length && !left ? 0 : -EINVAL;
}

bool peerbuf_range_next(struct peerbuf_range_cursor *c, u64 max,
			struct phys_vec *piece)
{
	const struct phys_vec *v;
	u64 len;

	if (!c->left)
		return false;

	v = &c->vec[c->idx];
	len = v->len - c->skip;
	if (len > c->left)
		len = c->left;
	if (len > max)
		len = max;

	piece->paddr = v->paddr + c->skip;
	piece->len = len;

	c->left -= len;
	c->skip += len;
	if (c->skip == v->len) {
		c->idx++;
		c->skip = 0;
	}
	return true;
}

size_t peerbuf_range_pieces(const struct peerbuf_range_cursor *c, u64 max)
{
	struct peerbuf_range_cursor walk = *c;
	struct phys_vec piece;
	size_t n = 0;

	while (peerbuf_range_next(&walk, max, &piece))
		n++;
	return n;
}

u64 peerbuf_range_page_sizes(u64 iova, u64 paddr, u64 len, u64 supported)
{
	u64 used = 0;

	while (len) {
		u64 fit = supported, both = iova | paddr, page, run, larger, to;

		/* No larger than what is left, nor than the alignment allows. */
		fit &= ~0ULL >> __builtin_clzll(len);
		if (both)
			fit &= (both & -both) | ((both & -both) - 1);
		if (!fit)
			return used;
		page = 1ULL << (63 - __builtin_clzll(fit));
		used |= page;

		/* Up to where the next larger page could begin, or to the end. */
		run = len & -page;
		larger = supported & ~(page | (page - 1));
		larger &= -larger;
		to = larger - (iova & (larger - 1));
		if (larger && !((iova ^ paddr) & (larger - 1)) &&
		    to < len && len - to >= larger)
			run = to;
		iova += run;
		paddr += run;
		len -= run;
	}
	return used;
}
