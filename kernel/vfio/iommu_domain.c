// SPDX-License-Identifier: GPL-2.0-only
/* Domains: which groups share page tables, and which IOVAs all of them can use. */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "iommu.h"

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Accept devices whose interrupts the platform cannot isolate (N)");

bool space_coherent(struct space *s)
{
	struct domain *d;
	bool coherent;

	mutex_lock(&s->lock);
	coherent = !list_empty(&s->domains);
	list_for_each_entry(d, &s->domains, node)
		coherent &= d->coherent;
	mutex_unlock(&s->lock);
	return coherent;
}

/* ------------------------------------------------------------- usable IOVAs */

/* RELAXABLE regions matter to the host's own drivers only. */
static bool region_excluded(const struct iommu_resv_region *r)
{
	return r->length && r->type != IOMMU_RESV_DIRECT_RELAXABLE;
}

static void free_regions(struct list_head *regions)
{
	struct iommu_resv_region *r, *next;

	list_for_each_entry_safe(r, next, regions, list) {
		list_del(&r->list);
		kfree(r);
	}
}

static int exclude_group(struct iommu_group *group, struct peerbuf_iova_set *set)
{
	struct iommu_resv_region *r;
	LIST_HEAD(regions);
	int ret;

	ret = iommu_get_group_resv_regions(group, &regions);
	list_for_each_entry(r, &regions, list)
		if (!ret && region_excluded(r) &&
		    !peerbuf_iova_exclude(set, r->start,
					  r->start + r->length - 1))
			ret = -ENOSPC;
	free_regions(&regions);
	return ret;
}

/*
 * Where the platform wants the doorbells of interrupts mapped in the device's own
 * address space; NO_WINDOW where they need no mapping.
 */
static int find_msi_window(struct iommu_group *group, u64 *window)
{
	struct iommu_resv_region *r;
	LIST_HEAD(regions);
	int ret;

	*window = NO_WINDOW;
	ret = iommu_get_group_resv_regions(group, &regions);
	list_for_each_entry(r, &regions, list) {
		if (r->type == IOMMU_RESV_SW_MSI)
			*window = r->start;
		/* With a window in hardware nothing is to be done by software. */
		if (r->type == IOMMU_RESV_MSI) {
			*window = NO_WINDOW;
			break;
		}
	}
	free_regions(&regions);
	return ret;
}

static void clip_domain(struct iommu_domain *domain, struct peerbuf_iova_set *set)
{
	struct iommu_domain_geometry *geo = &domain->geometry;

	if (geo->force_aperture)
		peerbuf_iova_clip(set, geo->aperture_start, geo->aperture_end);
}

/* More reserved regions than any platform has; a set that is full is an error. */
#define MAX_RANGES	128

/* What the groups of @s can use. */
static int compute_usable(struct space *s, struct peerbuf_iova_set *set)
{
	struct domain *d;
	struct group *g;
	int ret = 0;

	set->range = kvcalloc(MAX_RANGES, sizeof(*set->range), GFP_KERNEL);
	if (!set->range)
		return -ENOMEM;
	set->cap = MAX_RANGES;
	set->nr = 1;
	set->range[0] = (struct peerbuf_iova_range) { 0, U64_MAX };

	list_for_each_entry(d, &s->domains, node) {
		clip_domain(d->iommu, set);
		list_for_each_entry(g, &d->groups, node)
			ret = ret ?: exclude_group(g->iommu, set);
	}
	if (ret)
		kvfree(set->range);
	return ret;
}

static void replace_usable(struct space *s, const struct peerbuf_iova_set *set)
{
	kvfree(s->usable.range);
	s->usable = *set;
}

static int check_mappings(struct space *s, const struct peerbuf_iova_set *set)
{
	struct interval_tree_node *node;

	for (node = interval_tree_iter_first(&s->mappings, 0, ULONG_MAX); node;
	     node = interval_tree_iter_next(node, 0, ULONG_MAX))
		if (!peerbuf_iova_contains(set, node->start, node->last))
			return -EINVAL;
	return 0;
}

static void update_page_sizes(struct space *s)
{
	struct domain *d;
	u64 sizes = U64_MAX;

	list_for_each_entry(d, &s->domains, node)
		sizes &= d->iommu->pgsize_bitmap;
	/* User memory comes in pages, however small the IOMMU's may be. */
	if (sizes & ~PAGE_MASK)
		sizes = (sizes & PAGE_MASK) | PAGE_SIZE;
	s->page_sizes = sizes;
}

/* ----------------------------------------------------------------- domains */

static int first_device(struct device *dev, void *data)
{
	if (!domain_device(dev))
		return 0;
	*(struct device **)data = get_device(dev);
	return 1;
}

/* A device of the group, referenced; NULL if it has none. */
static struct device *group_device(struct iommu_group *group)
{
	struct device *dev = NULL;

	iommu_group_for_each_dev(group, &dev, first_device);
	return dev;
}

static void domain_free(struct domain *d)
{
	if (d->iommu)
		iommu_domain_free(d->iommu);
	put_device(d->dev);
	kfree(d);
}

static struct domain *domain_create(struct iommu_group *group, u64 window)
{
	struct domain *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	struct iommu_domain *iommu;

	if (!d)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&d->groups);
	d->window = window;
	d->dev = group_device(group);
	if (!d->dev) {
		kfree(d);
		return ERR_PTR(-ENODEV);
	}
	iommu = iommu_paging_domain_alloc(d->dev);
	if (IS_ERR(iommu)) {
		domain_free(d);
		return ERR_CAST(iommu);
	}
	d->iommu = iommu;
	return d;
}

#define for_each_mapping(m, node, s)						\
	for (node = interval_tree_iter_first(&(s)->mappings, 0, ULONG_MAX);	\
	     node && (m = container_of(node, struct mapping, node), true);	\
	     node = interval_tree_iter_next(node, 0, ULONG_MAX))

static int map_all(struct space *s, struct domain *d)
{
	struct interval_tree_node *node, *failed;
	struct mapping *m;
	int ret = 0;

	for_each_mapping(m, node, s) {
		ret = m->ops->map(m, d);
		if (ret)
			break;
	}
	if (!ret)
		return 0;
	failed = node;
	for_each_mapping(m, node, s) {
		if (node == failed)
			break;
		m->ops->unmap(m, d);
	}
	return ret;
}

static void unmap_all(struct space *s, struct domain *d)
{
	struct interval_tree_node *node;
	struct mapping *m;

	for_each_mapping(m, node, s)
		m->ops->unmap(m, d);
}

/*
 * Page tables of its own for a group that no existing domain takes. The group is
 * attached first: only then does the driver say whether it can enforce coherency,
 * which page table entries depend on.
 */
static int domain_for_new(struct space *s, struct group *g, u64 window,
			  struct domain **domain)
{
	struct domain *d = domain_create(g->iommu, window);
	int ret;

	if (IS_ERR(d))
		return PTR_ERR(d);

	ret = iommu_attach_group(d->iommu, g->iommu);
	if (ret)
		goto err_free;
	list_add_tail(&g->node, &d->groups);
	/* No-snoop DMA would reach memory behind the CPU's caches. */
	if (d->iommu->ops->enforce_cache_coherency)
		d->coherent = d->iommu->ops->enforce_cache_coherency(d->iommu);
	if (window != NO_WINDOW) {
		ret = iommu_get_msi_cookie(d->iommu, window);
		/* A kernel without such platforms has no use for it. */
		if (ret && ret != -ENODEV)
			goto err_detach;
	}
	ret = map_all(s, d);
	if (ret)
		goto err_detach;
	list_add_tail(&d->node, &s->domains);
	*domain = d;
	return 0;

err_detach:
	list_del(&g->node);
	iommu_detach_group(d->iommu, g->iommu);
err_free:
	domain_free(d);
	return ret;
}

/* Does everything that is mapped admit the group's devices? */
static int check_admitted(struct space *s, struct iommu_group *group)
{
	struct interval_tree_node *node;
	struct mapping *m;
	int ret = 0;

	for_each_mapping(m, node, s) {
		if (m->ops->admit)
			ret = m->ops->admit(m, group);
		if (ret)
			break;
	}
	return ret;
}

/* Attach a group, to a domain that is there if possible. */
static int domain_for(struct space *s, struct group *g, struct domain **domain)
{
	struct domain *d;
	u64 window;
	int ret;

	ret = find_msi_window(g->iommu, &window);
	if (ret)
		return ret;
	list_for_each_entry(d, &s->domains, node) {
		if (window != NO_WINDOW && window != d->window)
			continue;
		/* The IOMMU driver knows best whether a device fits page tables. */
		if (iommu_attach_group(d->iommu, g->iommu))
			continue;
		ret = check_admitted(s, g->iommu);
		if (ret) {
			iommu_detach_group(d->iommu, g->iommu);
			return ret;
		}
		list_add_tail(&g->node, &d->groups);
		*domain = d;
		return 0;
	}
	return domain_for_new(s, g, window, domain);
}

/* The last group has left, or never came: the domain goes. */
static void domain_drop(struct space *s, struct domain *d)
{
	if (!list_empty(&d->groups))
		return;
	unmap_all(s, d);
	list_del(&d->node);
	domain_free(d);
}

/* The device that stands for the domain may have left with its group. */
static void domain_choose_device(struct space *s, struct domain *d)
{
	struct interval_tree_node *node;
	struct device *dev = NULL;
	struct mapping *m;
	struct group *g;

	list_for_each_entry(g, &d->groups, node) {
		dev = group_device(g->iommu);
		if (dev)
			break;
	}
	/* Nobody is left to stand for it: the domain is about to go, too. */
	if (!dev)
		return;
	swap(d->dev, dev);
	for_each_mapping(m, node, s)
		if (dev != d->dev && m->ops->device_changed)
			m->ops->device_changed(m, d);
	put_device(dev);
}

static struct group *find_group(struct space *s, struct iommu_group *iommu_group,
				struct domain **domain)
{
	struct domain *d;
	struct group *g;

	list_for_each_entry(d, &s->domains, node) {
		list_for_each_entry(g, &d->groups, node) {
			if (g->iommu == iommu_group) {
				*domain = d;
				return g;
			}
		}
	}
	return NULL;
}

static int attach_locked(struct space *s, struct iommu_group *iommu_group)
{
	struct peerbuf_iova_set usable;
	struct domain *d;
	struct group *g;
	int ret;

	if (find_group(s, iommu_group, &d))
		return -EINVAL;
	if (!allow_unsafe_interrupts &&
	    !iommu_group_has_isolated_msi(iommu_group)) {
		pr_warn_ratelimited("vfio_iommu_peerbuf: interrupts of group %d are not isolated; the parameter allow_unsafe_interrupts accepts it nevertheless\n",
				    iommu_group_id(iommu_group));
		return -EPERM;
	}
	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		return -ENOMEM;
	g->iommu = iommu_group;

	ret = domain_for(s, g, &d);
	if (ret)
		goto err_group;
	ret = compute_usable(s, &usable);
	if (ret)
		goto err_detach;
	ret = check_mappings(s, &usable);
	if (ret)
		goto err_usable;

	replace_usable(s, &usable);
	update_page_sizes(s);
	return 0;

err_usable:
	kvfree(usable.range);
err_detach:
	list_del(&g->node);
	iommu_detach_group(d->iommu, iommu_group);
	domain_drop(s, d);
err_group:
	kfree(g);
	return ret;
}

int space_attach_group(struct space *s, struct iommu_group *iommu_group)
{
	int ret;

	mutex_lock(&s->lock);
	ret = attach_locked(s, iommu_group);
	mutex_unlock(&s->lock);
	return ret;
}

void space_detach_group(struct space *s, struct iommu_group *iommu_group)
{
	struct peerbuf_iova_set usable;
	struct mapping *m;
	struct domain *d;
	struct group *g;

	mutex_lock(&s->lock);
	g = find_group(s, iommu_group, &d);
	if (WARN_ON(!g))
		goto unlock;
	iommu_detach_group(d->iommu, iommu_group);
	list_del(&g->node);
	kfree(g);

	/* Without a device there is no right to pin memory: mappings end here. */
	if (list_is_singular(&s->domains) && list_empty(&d->groups))
		while ((m = space_first(s, 0, U64_MAX)))
			space_remove(s, m);
	domain_choose_device(s, d);
	domain_drop(s, d);
	update_page_sizes(s);

	/* Fewer devices can use more; if there is no memory, less is fine, too. */
	if (!compute_usable(s, &usable))
		replace_usable(s, &usable);
unlock:
	mutex_unlock(&s->lock);
}
