/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside vfio_iommu_peerbuf.
 *
 *	space --< domain --< group		devices
 *	  |          \
 *	  +--< mapping -+-- ram: pinned pages
 *	                +-- buffer --< attachment, one per domain
 *
 * Lock order: space->lock, then mmap locks, then reservation locks. Callbacks from
 * peerbuf_core run under a reservation lock and never take space->lock.
 */
#ifndef _PEERBUF_VFIO_IOMMU_H
#define _PEERBUF_VFIO_IOMMU_H

#include <linux/interval_tree.h>
#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/vfio.h>

#include <linux/peerbuf/iova.h>
#include <uapi/linux/peerbuf.h>

#include <vfio_backend.h>

/**
 * struct space - the IOVA space of one container
 * @ref: one for the container, one for each call under way
 * @lock: protects everything below
 * @mappings: interval tree of every mapping; the one place where overlaps are seen.
 *	Changing it never allocates, so that removing a mapping cannot fail.
 * @nr_mappings: entries of @mappings
 * @nr_buffers: those of them that are buffers
 * @domains: one for all groups that can share it
 * @usable: addresses that all groups can use
 * @page_sizes: bitmap of page sizes that all domains support; PAGE_SIZE and larger
 * @unmap_v1: what an unmap that cuts a mapping does is as type1's first version has it;
 *	constant
 */
struct space {
	struct kref ref;
	struct mutex lock;
	struct rb_root_cached mappings;
	unsigned int nr_mappings;
	unsigned int nr_buffers;
	struct list_head domains;
	struct peerbuf_iova_set usable;
	u64 page_sizes;
	bool unmap_v1;
};

/**
 * struct domain - an IOMMU domain
 * @node: in space->domains
 * @groups: groups attached to it; never empty while in the list
 * @iommu: the domain
 * @dev: a device of one of the groups, referenced: stands for the domain where a
 *	route is told
 * @window: where interrupts' doorbells are mapped in the domain, or NO_WINDOW
 * @coherent: the domain makes no-snoop DMA coherent
 */
struct domain {
	struct list_head node;
	struct list_head groups;
	struct iommu_domain *iommu;
	struct device *dev;
	u64 window;
	bool coherent;
};

#define NO_WINDOW	U64_MAX

/**
 * struct group - an IOMMU group in a domain
 * @node: in domain->groups
 * @iommu: the group; the VFIO core keeps it alive until it detaches it
 */
struct group {
	struct list_head node;
	struct iommu_group *iommu;
};

struct dma_buf;
struct mapping;

/**
 * struct mapping_ops - what differs between RAM and buffers
 * @map: make the mapping appear in a domain
 * @unmap: make it disappear from a domain; nothing to do is fine
 * @free: it is in no domain and in no tree any more
 * @admit: may the devices of a group that joins a domain use it? 0 or an errno; NULL
 *	where everybody may. A domain's own devices are judged by @map.
 * @device_changed: domain->dev is another one now; may be NULL
 */
struct mapping_ops {
	int (*map)(struct mapping *m, struct domain *d);
	void (*unmap)(struct mapping *m, struct domain *d);
	void (*free)(struct mapping *m);
	int (*admit)(struct mapping *m, struct iommu_group *group);
	void (*device_changed)(struct mapping *m, struct domain *d);
};

/**
 * struct mapping - a range of the IOVA space
 * @node: in space->mappings; first and last address
 * @ops: RAM or buffer
 * @prot: IOMMU_READ, IOMMU_WRITE
 */
struct mapping {
	struct interval_tree_node node;
	const struct mapping_ops *ops;
	int prot;
};

/* iommu_space.c */
struct space *space_create(void);
void space_get(struct space *s);
void space_put(struct space *s);
bool space_aligned(struct space *s, u64 value);
int space_check(struct space *s, u64 iova, u64 length);
int space_insert(struct space *s, struct mapping *m);
void space_remove(struct space *s, struct mapping *m);
struct mapping *space_first(struct space *s, u64 iova, u64 last);
int space_unmap_range(struct space *s, u64 iova, u64 length, bool all,
		      u64 *unmapped);
unsigned int space_available(struct space *s);

/* iommu_domain.c */
int space_attach_group(struct space *s, struct iommu_group *iommu_group);
void space_detach_group(struct space *s, struct iommu_group *iommu_group);
bool space_coherent(struct space *s);

/* A bridge is in the group of what is below it, but its user does no DMA with it. */
static inline bool domain_device(struct device *dev)
{
	return !dev_is_pci(dev) || !pci_is_bridge(to_pci_dev(dev));
}

/* iommu_ram.c */
int ram_map(struct space *s, const struct vfio_iommu_type1_dma_map *arg);

/* iommu_buffer.c */
extern const struct mapping_ops buffer_ops;
int buffer_map(struct space *s, const struct peerbuf_iommu_map_buffer *arg);
int buffer_map_at(struct space *s, struct dma_buf *dmabuf, u64 offset,
		  const struct vfio_iommu_type1_dma_map *arg);
int buffer_unmap(struct space *s, u64 iova);
int buffer_query(struct space *s, struct peerbuf_iommu_query_buffer *q);

/* iommu_info.c */
long info_type1(struct space *s, unsigned long arg);

static inline u64 mapping_iova(const struct mapping *m)
{
	return m->node.start;
}

static inline u64 mapping_length(const struct mapping *m)
{
	return m->node.last - m->node.start + 1;
}

#endif /* _PEERBUF_VFIO_IOMMU_H */
