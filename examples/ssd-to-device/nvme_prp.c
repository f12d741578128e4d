// SPDX-License-Identifier: GPL-2.0-or-later
/* PRP entries and lists: how a command tells the controller where its data goes. */
#include <endian.h>
#include <errno.h>

#include "nvme_private.h"

/* Fill a list with consecutive pages; the last entry of a full page links to the next. */
static int build_list(uint64_t first, uint64_t pages, uint64_t *list, uint64_t list_iova,
		      size_t list_pages)
{
	const size_t last_in_page = NVME_PRPS_PER_PAGE - 1;
	size_t room = list_pages * NVME_PRPS_PER_PAGE;
	size_t at = 0;
	uint64_t page;

	for (page = 0; page < pages; page++) {
		/* The very last entry of a list is data even at the end of a page. */
		if (at % NVME_PRPS_PER_PAGE == last_in_page && page + 1 < pages) {
			if (at + 1 >= room)
				return -ENOSPC;
			list[at] = htole64(list_iova + (at + 1) * sizeof(*list));
			at++;
		}
		if (at >= room)
			return -ENOSPC;
		list[at++] = htole64(first + page * NVME_PAGE);
	}
	return (int)at;
}

int nvme_prp_build(uint64_t iova, uint64_t length, uint64_t *list, uint64_t list_iova,
		   size_t list_pages, uint64_t *prp1, uint64_t *prp2)
{
	uint64_t in_first = NVME_PAGE - iova % NVME_PAGE;
	uint64_t last, pages;
	int entries;

	if (iova % 4 || list_iova % NVME_PAGE || length == 0 ||
	    __builtin_add_overflow(iova, length - 1, &last))
		return -EINVAL;
	*prp1 = iova;
	*prp2 = 0;
	if (length <= in_first)
		return 0;
	pages = (length - in_first - 1) / NVME_PAGE + 1;
	if (pages == 1) {
		*prp2 = iova + in_first;
		return 0;
	}
	entries = build_list(iova + in_first, pages, list, list_iova, list_pages);
	if (entries >= 0)
		*prp2 = list_iova;
	return entries;
}
