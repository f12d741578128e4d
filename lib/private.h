/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpeerbuf: what its files share. Nothing here is visible outside of the library;
 * caps and iova are pure logic, tested on their own.
 */
#ifndef PEERBUF_LIB_PRIVATE_H
#define PEERBUF_LIB_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "peerbuf.h"

/* ------------------------------------------------------------ capability chains */

/**
 * peerbuf_caps_find - find a capability in an info structure returned by VFIO
 * @info: the structure and the chain behind it
 * @size: bytes of @info that are valid
 * @fixed: bytes of the structure in front of the chain
 * @first: offset of the first capability, from the structure; 0 is an empty chain
 * @id: what to look for
 * @offset: of the capability in @info; at least a whole header is there, aligned
 *	nowhere in particular
 *
 * ENOENT: it is not there. EPROTO: an offset that leaves the buffer or points into the
 * fixed part, or a chain that does not end.
 */
int peerbuf_caps_find(const void *info, size_t size, size_t fixed, uint32_t first,
		      uint16_t id, size_t *offset);

/*
 * The IOVA ranges of a VFIO_IOMMU_GET_INFO answer of @size bytes, in an array that the
 * caller frees. ENOENT: the kernel does not tell. EPROTO: they are cut short, not
 * ascending, or overlap.
 */
int peerbuf_caps_iova_ranges(const void *info, size_t size,
			     struct peerbuf_iova_range **ranges, size_t *nr);

/* -------------------------------------------------------------------- topology */

/* From a line of the kernel's, which it takes apart. EPROTO: it is not as it should be. */
int peerbuf_pair_route_parse(char *line, struct peerbuf_pair_route *route);

/* ------------------------------------------------------------------ IOVA space */

/* What is usable and what is taken; both arrays ascending and disjoint. */
struct peerbuf_iova_space {
	struct peerbuf_iova_range *usable;	/* owned */
	size_t nr_usable;
	struct peerbuf_iova_range *used;	/* owned */
	size_t nr_used;
	size_t max_used;			/* entries that @used has room for */
};

void peerbuf_iova_destroy(struct peerbuf_iova_space *space);

/* Replace the usable ranges; takes @ranges over. */
void peerbuf_iova_set_usable(struct peerbuf_iova_space *space,
			     struct peerbuf_iova_range *ranges, size_t nr);

/* Make sure that the next peerbuf_iova_take() has room. */
int peerbuf_iova_reserve(struct peerbuf_iova_space *space);

/* Note that a range is taken. Cannot fail after peerbuf_iova_reserve(). */
void peerbuf_iova_take(struct peerbuf_iova_space *space, uint64_t start, uint64_t length);

/* Forget every taken range that lies inside this one. */
void peerbuf_iova_release(struct peerbuf_iova_space *space, uint64_t start,
			  uint64_t length);

/* Forget the taken range that starts here, if there is one. */
void peerbuf_iova_release_at(struct peerbuf_iova_space *space, uint64_t start);

/* peerbuf_container_pick_iova() without its container. */
int peerbuf_iova_find(const struct peerbuf_iova_space *space, uint64_t length,
		      uint64_t align, uint64_t residue, uint64_t *iova);

/* ------------------------------------------------------------------- container */

struct peerbuf_group {
	unsigned int number;
	int fd;
};

struct peerbuf_container {
	int fd;
	uint32_t type;
	uint64_t page_sizes;			/* 0: no group yet */
	struct peerbuf_iova_space space;
	struct peerbuf_group *groups;		/* owned */
	size_t nr_groups;
};

/* The fd of a group that is in the container, or -ENOENT. */
int peerbuf_container_group_fd(const struct peerbuf_container *container,
			       unsigned int group);

struct peerbuf_device {
	int fd;
};

struct peerbuf_ram {
	int fd;
};

#endif /* PEERBUF_LIB_PRIVATE_H */
