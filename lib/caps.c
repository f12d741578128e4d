// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Capability chains: VFIO appends optional parts to an info structure as a list linked
 * by offsets. Pure logic; everything is copied out by memcpy, since older kernels do
 * not align the parts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

int peerbuf_caps_find(const void *info, size_t size, size_t fixed, uint32_t first,
		      uint16_t id, size_t *offset)
{
	/* No more headers than this fit, so a longer walk is a loop. */
	size_t hops = size / sizeof(struct vfio_info_cap_header);
	size_t at = first;

	while (at != 0) {
		struct vfio_info_cap_header header;

		if (hops-- == 0 || at < fixed || at > size || size - at < sizeof(header))
			return -EPROTO;
		memcpy(&header, (const char *)info + at, sizeof(header));
		if (header.id == id) {
			*offset = at;
			return 0;
		}
		at = header.next;
	}
	return -ENOENT;
}

static int check_ranges(const struct peerbuf_iova_range *ranges, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (ranges[i].start > ranges[i].last)
			return -EPROTO;
		if (i > 0 && ranges[i].start <= ranges[i - 1].last)
			return -EPROTO;
	}
	return 0;
}

int peerbuf_caps_iova_ranges(const void *info, size_t size,
			     struct peerbuf_iova_range **ranges, size_t *nr)
{
	struct vfio_iommu_type1_info_cap_iova_range cap;
	struct vfio_iommu_type1_info fixed;
	struct peerbuf_iova_range *found;
	size_t at, room;
	int err;

	if (size < sizeof(fixed))
		return -ENOENT;
	memcpy(&fixed, info, sizeof(fixed));
	if (!(fixed.flags & VFIO_IOMMU_INFO_CAPS))
		return -ENOENT;
	err = peerbuf_caps_find(info, size, sizeof(fixed), fixed.cap_offset,
				VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, &at);
	if (err)
		return err;
	if (size - at < sizeof(cap))
		return -EPROTO;
	memcpy(&cap, (const char *)info + at, sizeof(cap));
	room = (size - at - sizeof(cap)) / sizeof(struct vfio_iova_range);
	if (cap.nr_iovas == 0 || cap.nr_iovas > room)
		return -EPROTO;

	_Static_assert(sizeof(*found) == sizeof(struct vfio_iova_range), "same layout");
	found = calloc(cap.nr_iovas, sizeof(*found));
	if (!found)
		return -ENOMEM;
	memcpy(found, (const char *)info + at + sizeof(cap), cap.nr_iovas * sizeof(*found));
	err = check_ranges(found, cap.nr_iovas);
	if (err) {
		free(found);
		return err;
	}
	*ranges = found;
	*nr = cap.nr_iovas;
	return 0;
}
