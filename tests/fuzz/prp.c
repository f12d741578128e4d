// SPDX-License-Identifier: GPL-2.0-or-later
/* The SSD's lists of pages, against a controller that walks them. */
#include "fuzz.h"

#include <endian.h>

#include "nvme_private.h"

#define LIST_IOVA 0x7000000000ULL
#define PAGES 4

/* What a controller transfers to: one address after the other, by whole pages. */
static void controller(uint64_t prp1, uint64_t prp2, const uint64_t *list, uint64_t length,
		       uint64_t iova)
{
	uint64_t done = NVME_PAGE - prp1 % NVME_PAGE, at = 0, left;

	agree(prp1 == iova);
	if (done >= length)
		return;
	if (length - done <= NVME_PAGE) {
		agree(prp2 == iova + done);
		return;
	}
	agree(prp2 == LIST_IOVA);
	while (done < length) {
		left = length - done;
		/* The last entry of a page links to the next, if more than a page is left. */
		if (at % NVME_PRPS_PER_PAGE == NVME_PRPS_PER_PAGE - 1 && left > NVME_PAGE) {
			agree(le64toh(list[at]) == LIST_IOVA + (at + 1) * sizeof(*list));
			at++;
			continue;
		}
		agree(le64toh(list[at]) == iova + done);
		at++;
		done += NVME_PAGE;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	size_t pages = take(&in, 1) % (PAGES + 1);
	uint64_t *list = malloc(pages * NVME_PAGE + 1);
	uint64_t iova, length, prp1, prp2;
	int ret;

	if (!list)
		return 0;
	iova = take(&in, 1) & 1 ? take(&in, 8) : take(&in, 3) * 4;
	length = take(&in, 1) & 1 ? take(&in, 8) % (1ULL << 30) : take(&in, 2);
	ret = nvme_prp_build(iova, length, list, LIST_IOVA, pages, &prp1, &prp2);
	if (iova % 4 || !length || iova + (length - 1) < iova)
		agree(ret == -EINVAL);
	else if (ret < 0)
		agree(ret == -ENOSPC &&
		      length / NVME_PAGE + 2 > pages * (NVME_PRPS_PER_PAGE - 1));
	else
		controller(prp1, prp2, list, length, iova);
	free(list);
	return 0;
}
