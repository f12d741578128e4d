// SPDX-License-Identifier: GPL-2.0-or-later
/* Chains of capabilities that a kernel, or who plays one, returns: no read leaves them. */
#include "fuzz.h"

#include "private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peerbuf_iova_range *ranges;
	size_t nr, i, at;
	uint8_t *info;

	/* A copy of exactly this size: the sanitizer sees each byte too many. */
	info = malloc(size ? size : 1);
	if (!info)
		return 0;
	if (size)
		memcpy(info, data, size);
	if (size >= 8 && !peerbuf_caps_find(info, size, 4, info[0] | info[1] << 8, info[2], &at)) {
		agree(at >= 4 && at + sizeof(struct vfio_info_cap_header) <= size);
		agree(info[at] == info[2] && !info[at + 1]);
	}
	if (!peerbuf_caps_iova_ranges(info, size, &ranges, &nr)) {
		agree(nr && nr <= size / sizeof(*ranges));
		for (i = 0; i < nr; i++)
			agree(ranges[i].start <= ranges[i].last &&
			      (!i || ranges[i].start > ranges[i - 1].last));
		free(ranges);
	}
	free(info);
	return 0;
}
