// SPDX-License-Identifier: GPL-2.0-or-later
/* The example NVMe driver's PRP entries, read back as a controller would. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib_tap.h"
#include "nvme_private.h"

#define LIST_IOVA	0x7700000000ULL
#define DST		0x123456000ULL

/* The part of a transfer that one entry stands for. */
static bool next_part(uint64_t entry, bool first, uint64_t *expect, uint64_t *left)
{
	uint64_t room = NVME_PAGE - entry % NVME_PAGE;

	/* Only the first entry may point into a page. */
	if (entry != *expect || (!first && entry % NVME_PAGE))
		return false;
	if (room > *left)
		room = *left;
	*expect += room;
	*left -= room;
	return true;
}

/* Walk as the specification says; true if exactly [iova, iova + length) is covered. */
static bool covers(uint64_t iova, uint64_t length, const uint64_t *list, int entries,
		   uint64_t prp1, uint64_t prp2)
{
	uint64_t expect = iova, left = length, at = 0;

	if (!next_part(prp1, true, &expect, &left))
		return false;
	if (!left)
		return prp2 == 0 && entries == 0;
	if (left <= NVME_PAGE)
		return entries == 0 && next_part(prp2, false, &expect, &left) && !left;
	if (prp2 != LIST_IOVA)
		return false;
	while (left) {
		uint64_t entry = le64toh(list[at]);

		if (at >= (uint64_t)entries)
			return false;
		/* The last entry of a page is a link if more than one page is left. */
		if (at % NVME_PRPS_PER_PAGE == NVME_PRPS_PER_PAGE - 1 && left > NVME_PAGE) {
			at++;
			if (entry != LIST_IOVA + at * 8)
				return false;
			continue;
		}
		at++;
		if (!next_part(entry, false, &expect, &left))
			return false;
	}
	return at == (uint64_t)entries;
}

/* Build into memory of exactly that many pages, and check. */
static int build(uint64_t iova, uint64_t length, size_t pages, bool *right)
{
	uint64_t *list = malloc(pages * NVME_PAGE + !pages);
	uint64_t prp1 = 0, prp2 = 0;
	int entries;

	memset(list, 0xff, pages * NVME_PAGE);
	entries = nvme_prp_build(iova, length, list, LIST_IOVA, pages, &prp1, &prp2);
	*right = entries >= 0 && covers(iova, length, list, entries, prp1, prp2);
	free(list);
	return entries;
}

static void check(uint64_t iova, uint64_t length, size_t pages, int entries,
		  const char *name)
{
	bool right;
	int got = build(iova, length, pages, &right);

	ok(right == (entries >= 0) && got == entries, name);
	if (got != entries)
		printf("#      got: %d\n# expected: %d\n", got, entries);
}

static void every_size(void)
{
	static const uint64_t offsets[] = { 0, 4, 512, 2048, 4092 };
	bool right = true;
	uint64_t length;
	size_t i;

	for (i = 0; i < 5 && right; i++)
		for (length = 512; length <= 1030 * 4096 && right; length += 512)
			build(DST + offsets[i], length, 3, &right);
	ok(right, "every length up to 1030 pages from five offsets is covered exactly");
}

int main(void)
{
	const uint64_t most = NVME_LIST_ENTRIES * 4096;

	check(DST, 512, 0, 0, "one block needs one entry");
	check(DST, 4096, 0, 0, "one page needs one entry");
	check(DST + 512, 4096, 0, 0, "a page from the middle of one needs two entries");
	check(DST, 8192, 0, 0, "two pages need two entries");
	check(DST + 512, 8192, 1, 2, "two pages from the middle of one need a list");
	check(DST, 12288, 1, 2, "three pages need a list of two");
	check(DST + 4092, 512, 0, 0, "four bytes before a page's end are enough to start");
	check(DST, 513 * 4096, 1, 512, "a list page filled to its end holds data in its last entry");
	check(DST, 514 * 4096, 2, 514, "one page more makes that entry a link");
	check(DST, 514 * 4096, 1, -ENOSPC, "a list page too few is ENOSPC");
	check(DST + 4, most, NVME_LIST_PAGES, NVME_LIST_PAGES * 512,
	      "the longest command of the driver fits into its list at any offset");
	check(DST + 2, 512, 1, -EINVAL, "an address that is no multiple of 4 is EINVAL");
	check(DST, 0, 1, -EINVAL, "a length of 0 is EINVAL");
	check(UINT64_MAX - 4095, 8192, 1, -EINVAL, "a range that wraps is EINVAL");
	check(UINT64_MAX - 4095, 4096, 1, 0, "the last page is fine");
	every_size();
	return tap_end();
}
