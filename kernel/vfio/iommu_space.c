// SPDX-License-Identifier: GPL-2.0-only
/* The IOVA space of a container: what is mapped where. */
#include <linux/module.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "iommu.h"

static unsigned int mapping_limit = U16_MAX;
module_param(mapping_limit, uint, 0644);
MODULE_PARM_DESC(mapping_limit, "Most mappings that a container may have (65535)");

struct space *space_create(void)
{
	struct space *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	kref_init(&s->ref);
	mutex_init(&s->lock);
	s->mappings = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&s->domains);
	s->page_sizes = PAGE_MASK;
	return s;
}

void space_get(struct space *s)
{
	kref_get(&s->ref);
}

static void space_free(struct kref *ref)
{
	struct space *s = container_of(ref, struct space, ref);

	WARN_ON(!RB_EMPTY_ROOT(&s->mappings.rb_root) || !list_empty(&s->domains));
	kvfree(s->usable.range);
	kfree(s);
}

void space_put(struct space *s)
{
	kref_put(&s->ref, space_free);
}

unsigned int space_available(struct space *s)
{
	unsigned int limit = READ_ONCE(mapping_limit);

	lockdep_assert_held(&s->lock);
	return s->nr_mappings < limit ? limit - s->nr_mappings : 0;
}

/* The lowest mapping that overlaps a range. */
struct mapping *space_first(struct space *s, u64 iova, u64 last)
{
	struct interval_tree_node *node;

	lockdep_assert_held(&s->lock);
	node = interval_tree_iter_first(&s->mappings, iova, last);
	return node ? container_of(node, struct mapping, node) : NULL;
}

/* No page of the IOMMU's can map less than its smallest. */
bool space_aligned(struct space *s, u64 value)
{
	lockdep_assert_held(&s->lock);
	return IS_ALIGNED(value, 1ULL << __ffs64(s->page_sizes));
}

/* Can a mapping be made here? Changes nothing. */
int space_check(struct space *s, u64 iova, u64 length)
{
	u64 last;

	lockdep_assert_held(&s->lock);

	if (!length || !space_aligned(s, iova | length) ||
	    check_add_overflow(iova, length - 1, &last))
		return -EINVAL;
	if (list_empty(&s->domains))
		return -ENODEV;
	if (space_first(s, iova, last))
		return -EEXIST;
	if (!space_available(s))
		return -ENOSPC;
	return peerbuf_iova_contains(&s->usable, iova, last) ? 0 : -EINVAL;
}

static void unmap_domains(struct space *s, struct mapping *m, struct domain *stop)
{
	struct domain *d;

	list_for_each_entry(d, &s->domains, node) {
		if (d == stop)
			break;
		m->ops->unmap(m, d);
	}
}

/*
 * Publish a mapping and make it appear in every domain. On failure it is as if it
 * had never been, and still the caller's.
 */
int space_insert(struct space *s, struct mapping *m)
{
	struct domain *d;
	int ret;

	lockdep_assert_held(&s->lock);

	interval_tree_insert(&m->node, &s->mappings);
	list_for_each_entry(d, &s->domains, node) {
		ret = m->ops->map(m, d);
		if (ret) {
			unmap_domains(s, m, d);
			interval_tree_remove(&m->node, &s->mappings);
			return ret;
		}
	}
	s->nr_mappings++;
	s->nr_buffers += m->ops == &buffer_ops;
	return 0;
}

void space_remove(struct space *s, struct mapping *m)
{
	lockdep_assert_held(&s->lock);

	unmap_domains(s, m, NULL);
	interval_tree_remove(&m->node, &s->mappings);
	s->nr_mappings--;
	s->nr_buffers -= m->ops == &buffer_ops;
	m->ops->free(m);
}

/* Would an unmap of this range cut a mapping in two? */
static bool bisects(struct space *s, u64 iova, u64 last)
{
	struct mapping *first = space_first(s, iova, iova);
	struct mapping *end = space_first(s, last, last);

	return (first && mapping_iova(first) != iova) ||
	       (end && end->node.last != last);
}

/*
 * Version 2 refuses to cut a mapping. Version 1 cannot: a mapping whose beginning is in
 * the range goes as a whole, and one that began before it ends the call.
 */
static int check_unmap(struct space *s, u64 iova, u64 length, u64 *last)
{
	if (!length || !space_aligned(s, iova | length) ||
	    check_add_overflow(iova, length - 1, last))
		return -EINVAL;
	return !s->unmap_v1 && bisects(s, iova, *last) ? -EINVAL : 0;
}

int space_unmap_range(struct space *s, u64 iova, u64 length, bool all,
		      u64 *unmapped)
{
	struct mapping *m;
	u64 last, sum = 0;
	int ret = 0;

	mutex_lock(&s->lock);
	if (all) {
		if (iova || length)
			ret = -EINVAL;
		last = U64_MAX;
	} else {
		ret = check_unmap(s, iova, length, &last);
	}
	if (ret)
		goto unlock;
	while ((m = space_first(s, iova, last)) && mapping_iova(m) >= iova) {
		sum += mapping_length(m);
		space_remove(s, m);
		cond_resched();
	}
	*unmapped = sum;
unlock:
	mutex_unlock(&s->lock);
	return ret;
}
