// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_iommu_peerbuf: a VFIO IOMMU backend that maps user memory and dma-bufs in
 * one IOVA space.
 *
 * The VFIO core reads its pointer to our data without a lock and passes it to
 * ioctl(), while another thread may take the last group out of the container,
 * which ends the data's life. What we give it is therefore no pointer but a number,
 * looked up and referenced at each call.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "iommu.h"
#include "../uarg.h"

static bool type1;
module_param(type1, bool, 0444);
MODULE_PARM_DESC(type1,
		 "Answer to the numbers of type1, too, in place of vfio_iommu_type1 (N)");

static DEFINE_XARRAY_ALLOC1(spaces);

static struct space *space_from(void *iommu_data)
{
	struct space *s;

	xa_lock(&spaces);
	s = xa_load(&spaces, (unsigned long)iommu_data);
	if (s)
		space_get(s);
	xa_unlock(&spaces);
	return s;
}

static bool answers_to(unsigned long type)
{
	switch (type) {
	case PEERBUF_IOMMU:
		return true;
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
		return type1;
	default:
		return false;
	}
}

static void *backend_open(unsigned long arg)
{
	struct space *s;
	u32 id;
	int ret;

	if (!answers_to(arg))
		return ERR_PTR(-EINVAL);
	s = space_create();
	if (!s)
		return ERR_PTR(-ENOMEM);
	/* Programs as widespread as DPDK ask for the first version. */
	s->unmap_v1 = arg == VFIO_TYPE1_IOMMU;
	ret = xa_alloc(&spaces, &id, s, XA_LIMIT(1, INT_MAX), GFP_KERNEL);
	if (ret) {
		space_put(s);
		return ERR_PTR(ret);
	}
	return (void *)(unsigned long)id;
}

static void backend_release(void *iommu_data)
{
	struct space *s = xa_erase(&spaces, (unsigned long)iommu_data);

	/* Mappings ended with the last group; a call that is still under way can make none. */
	if (!WARN_ON(!s))
		space_put(s);
}

static int backend_attach_group(void *iommu_data, struct iommu_group *group,
				enum vfio_group_type type)
{
	struct space *s;
	int ret;

	/* Emulated devices have their memory pinned by the page, for type1. */
	if (type != VFIO_IOMMU)
		return -EOPNOTSUPP;
	s = space_from(iommu_data);
	if (WARN_ON(!s))
		return -ENODEV;
	ret = space_attach_group(s, group);
	space_put(s);
	return ret;
}

static void backend_detach_group(void *iommu_data, struct iommu_group *group)
{
	struct space *s = space_from(iommu_data);

	if (WARN_ON(!s))
		return;
	space_detach_group(s, group);
	space_put(s);
}

/* ------------------------------------------------------------------ ioctls */

static long ioctl_get_info(struct space *s, unsigned long arg)
{
	struct peerbuf_iommu_info info;
	u32 argsz;
	int ret;

	ret = peerbuf_read_arg(&info, sizeof(info),
		       offsetofend(struct peerbuf_iommu_info, features), arg,
		       &argsz);
	if (ret)
		return ret;
	if (info.flags)
		return -EINVAL;

	info = (struct peerbuf_iommu_info) {
		.argsz = sizeof(info),
		.abi_version = PEERBUF_ABI_VERSION,
		.features = PEERBUF_FEATURE_BUFFERS | PEERBUF_FEATURE_EVENTS |
			    PEERBUF_FEATURE_STRICT,
	};
	mutex_lock(&s->lock);
	info.nr_buffers = s->nr_buffers;
	mutex_unlock(&s->lock);
	return peerbuf_write_arg(&info, sizeof(info), arg, argsz);
}

static long ioctl_map_buffer(struct space *s, unsigned long arg)
{
	struct peerbuf_iommu_map_buffer map;
	u32 argsz;
	int ret;

	ret = peerbuf_read_arg(&map, sizeof(map),
		       offsetofend(struct peerbuf_iommu_map_buffer, iova), arg,
		       &argsz);
	return ret ?: buffer_map(s, &map);
}

static long ioctl_unmap_buffer(struct space *s, unsigned long arg)
{
	struct peerbuf_iommu_unmap_buffer unmap;
	u32 argsz;
	int ret;

	ret = peerbuf_read_arg(&unmap, sizeof(unmap),
		       offsetofend(struct peerbuf_iommu_unmap_buffer, iova),
		       arg, &argsz);
	if (ret)
		return ret;
	if (unmap.flags)
		return -EINVAL;
	return buffer_unmap(s, unmap.iova);
}

static long ioctl_query_buffer(struct space *s, unsigned long arg)
{
	struct peerbuf_iommu_query_buffer query;
	u32 argsz;
	int ret;

	ret = peerbuf_read_arg(&query, sizeof(query),
		       offsetofend(struct peerbuf_iommu_query_buffer, __reserved),
		       arg, &argsz);
	if (ret)
		return ret;
	if (query.flags || query.__reserved)
		return -EINVAL;
	ret = buffer_query(s, &query);
	if (ret)
		return ret;
	query.argsz = sizeof(query);
	return peerbuf_write_arg(&query, sizeof(query), arg, argsz);
}

static long ioctl_map_dma(struct space *s, unsigned long arg)
{
	struct vfio_iommu_type1_dma_map map;
	size_t minsz = offsetofend(struct vfio_iommu_type1_dma_map, size);

	if (copy_from_user(&map, (void __user *)arg, minsz))
		return -EFAULT;
	if (map.argsz < minsz)
		return -EINVAL;
	return ram_map(s, &map);
}

static long ioctl_unmap_dma(struct space *s, unsigned long arg)
{
	struct vfio_iommu_type1_dma_unmap unmap;
	size_t minsz = offsetofend(struct vfio_iommu_type1_dma_unmap, size);
	int ret;

	if (copy_from_user(&unmap, (void __user *)arg, minsz))
		return -EFAULT;
	if (unmap.argsz < minsz || (unmap.flags & ~VFIO_DMA_UNMAP_FLAG_ALL))
		return -EINVAL;
	ret = space_unmap_range(s, unmap.iova, unmap.size,
				unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL,
				&unmap.size);
	if (ret)
		return ret;
	return copy_to_user((void __user *)arg, &unmap, minsz) ? -EFAULT : 0;
}

/* @s is NULL while the container has not chosen a backend. */
static long check_extension(struct space *s, unsigned long arg)
{
	switch (arg) {
	case VFIO_UNMAP_ALL:
		/* Before there is a container it is a matter of its type. */
		return s || type1;
	case VFIO_DMA_CC_IOMMU:
		return s && space_coherent(s);
	default:
		return answers_to(arg);
	}
}

static long space_ioctl(struct space *s, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_CHECK_EXTENSION:
		return check_extension(s, arg);
	case VFIO_IOMMU_GET_INFO:
		return info_type1(s, arg);
	case VFIO_IOMMU_MAP_DMA:
		return ioctl_map_dma(s, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return ioctl_unmap_dma(s, arg);
	case PEERBUF_IOMMU_GET_INFO:
		return ioctl_get_info(s, arg);
	case PEERBUF_IOMMU_MAP_BUFFER:
		return ioctl_map_buffer(s, arg);
	case PEERBUF_IOMMU_UNMAP_BUFFER:
		return ioctl_unmap_buffer(s, arg);
	case PEERBUF_IOMMU_QUERY_BUFFER:
		return ioctl_query_buffer(s, arg);
	default:
		return -ENOTTY;
	}
}

static long backend_ioctl(void *iommu_data, unsigned int cmd, unsigned long arg)
{
	struct space *s;
	long ret;

	if (!iommu_data)
		return cmd == VFIO_CHECK_EXTENSION ? check_extension(NULL, arg) :
						     -ENOTTY;
	s = space_from(iommu_data);
	if (!s)
		return -ENODEV;
	ret = space_ioctl(s, cmd, arg);
	space_put(s);
	return ret;
}

static const struct vfio_iommu_driver_ops backend_ops = {
	.name		= "vfio-iommu-peerbuf",
	.owner		= THIS_MODULE,
	.open		= backend_open,
	.release	= backend_release,
	.ioctl		= backend_ioctl,
	.attach_group	= backend_attach_group,
	.detach_group	= backend_detach_group,
};

static int __init backend_init(void)
{
	int ret = vfio_register_iommu_driver(&backend_ops);

	if (!ret && type1)
		pr_info("vfio_iommu_peerbuf: serves type1 containers, unless another backend is loaded later\n");
	return ret;
}

static void __exit backend_exit(void)
{
	vfio_unregister_iommu_driver(&backend_ops);
	WARN_ON(!xa_empty(&spaces));
}

module_init(backend_init);
module_exit(backend_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VFIO IOMMU backend that maps user memory and dma-bufs");
MODULE_AUTHOR("The peerbuf developers");
