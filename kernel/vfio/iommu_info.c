// SPDX-License-Identifier: GPL-2.0-only
/* VFIO_IOMMU_GET_INFO and its chain of capabilities. */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "iommu.h"

static int add_ranges(struct space *s, struct vfio_info_cap *caps)
{
	struct vfio_iommu_type1_info_cap_iova_range *cap;
	size_t i, size = struct_size(cap, iova_ranges, s->usable.nr);
	int ret;

	if (!s->usable.nr)
		return 0;
	cap = kzalloc(size, GFP_KERNEL);
	if (!cap)
		return -ENOMEM;
	cap->header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	cap->header.version = 1;
	cap->nr_iovas = s->usable.nr;
	for (i = 0; i < s->usable.nr; i++) {
		cap->iova_ranges[i].start = s->usable.range[i].start;
		cap->iova_ranges[i].end = s->usable.range[i].last;
	}
	ret = vfio_info_add_capability(caps, &cap->header, size);
	kfree(cap);
	return ret;
}

static int add_available(struct space *s, struct vfio_info_cap *caps)
{
	struct vfio_iommu_type1_info_dma_avail cap = {
		.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
		.header.version = 1,
		.avail = space_available(s),
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

static int build_caps(struct space *s, struct vfio_iommu_type1_info *info,
		      struct vfio_info_cap *caps)
{
	int ret;

	mutex_lock(&s->lock);
	info->flags = VFIO_IOMMU_INFO_PGSIZES;
	info->iova_pgsizes = s->page_sizes;
	ret = add_available(s, caps);
	if (!ret)
		ret = add_ranges(s, caps);
	mutex_unlock(&s->lock);
	return ret;
}

long info_type1(struct space *s, unsigned long arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
	struct vfio_info_cap caps = {};
	struct vfio_iommu_type1_info info = {};
	void __user *user = (void __user *)arg;
	u32 argsz;
	int ret;

	if (copy_from_user(&info, user, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	argsz = info.argsz;

	ret = build_caps(s, &info, &caps);
	if (ret)
		goto out;

	info.flags |= VFIO_IOMMU_INFO_CAPS;
	if (argsz < sizeof(info) + caps.size) {
		/* Tell how much room the whole answer needs. */
		info.argsz = sizeof(info) + caps.size;
	} else {
		vfio_info_cap_shift(&caps, sizeof(info));
		if (copy_to_user(user + sizeof(info), caps.buf, caps.size)) {
			ret = -EFAULT;
			goto out;
		}
		info.cap_offset = sizeof(info);
	}
	if (copy_to_user(user, &info, min_t(size_t, argsz, sizeof(info))))
		ret = -EFAULT;
out:
	kfree(caps.buf);
	return ret;
}
