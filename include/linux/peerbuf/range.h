/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges of physical memory: checks, merging and cutting. Pure logic; also
 * compiled in user space.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_RANGE_H
#define _LINUX_PEERBUF_RANGE_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <peerbuf_compat.h>
#else
#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
typedef uint64_t u64;
typedef uint64_t phys_addr_t;

/* As the kernel has it. */
struct phys_vec {
	phys_addr_t paddr;
	size_t len;
};
#endif

/**
 * peerbuf_range_check - is a list of physical ranges fit to be mapped?
 * @vec: the ranges, in buffer order
 * @nr: number of entries
 * @page: page size, a power of two; everything must be a multiple of it
 * @size: what the lengths must add up to
 *
 * Ranges may overlap: a buffer may show the same memory twice, as
 * VFIO_DEVICE_FEATURE_DMA_BUF allows.
 *
 * Return: 0; -EINVAL for an empty list, an empty or unaligned entry or a wrong
 * sum; -EOVERFLOW when an entry runs over the end of the address space or the sum
 * over 64 bits.
 */
int peerbuf_range_check(const struct phys_vec *vec, size_t nr, u64 page,
			u64 size);

/**
 * peerbuf_range_merge - join entries that continue each other
 * @vec: ranges that passed peerbuf_range_check()
 * @nr: number of entries
 * @out: receives the result; may be @vec, or NULL to count only
 *
 * Return: the number of entries that result. Order and total size stay.
 */
size_t peerbuf_range_merge(const struct phys_vec *vec, size_t nr,
			   struct phys_vec *out);

/**
 * peerbuf_range_index - where in the buffer each range begins
 * @vec: ranges that passed peerbuf_range_check()
 * @nr: number of entries
 * @first: receives as many offsets, bytes
 */
void peerbuf_range_index(const struct phys_vec *vec, size_t nr, u64 *first);

/**
 * peerbuf_range_find - which range holds an offset?
 * @first: from peerbuf_range_index()
 * @nr: number of entries, at least 1
 * @offset: less than the buffer's size
 *
 * In logarithmic time, for buffers of a million ranges.
 *
 * Return: the index of the range.
 */
size_t peerbuf_range_find(const u64 *first, size_t nr, u64 offset);

/**
 * struct peerbuf_range_cursor - walks the part of a list that a mapping covers
 * @vec: the list
 * @nr: number of entries
 * @idx: entry that the next piece comes from
 * @skip: bytes of that entry that are behind the cursor
 * @left: bytes still to come
 */
struct peerbuf_range_cursor {
	const struct phys_vec *vec;
	size_t nr;
	size_t idx;
	u64 skip;
	u64 left;
};

/**
 * peerbuf_range_start - put a cursor at an offset
 * @c: the cursor
 * @vec: a checked list; must outlive the cursor
 * @nr: number of entries
 * @offset: first byte, counted through the list
 * @length: bytes to walk
 *
 * Return: 0, or -EINVAL when the part is empty or not inside the list.
 */
int peerbuf_range_start(struct peerbuf_range_cursor *c,
			const struct phys_vec *vec, size_t nr,
			u64 offset, u64 length);

/**
 * peerbuf_range_next - the next piece
 * @c: from peerbuf_range_start()
 * @max: longest piece wanted, bytes; not 0
 * @piece: receives the piece
 *
 * Return: false when the walk is over.
 */
bool peerbuf_range_next(struct peerbuf_range_cursor *c, u64 max,
			struct phys_vec *piece);

/**
 * peerbuf_range_pieces - how many pieces would a walk give?
 * @c: from peerbuf_range_start(); not moved
 * @max: as in peerbuf_range_next()
 *
 * Return: their number.
 */
size_t peerbuf_range_pieces(const struct peerbuf_range_cursor *c, u64 max);

/**
 * peerbuf_range_page_sizes - which page sizes would an IOMMU use?
 * @iova: where the piece is mapped
 * @paddr: its physical address
 * @len: bytes; @iova, @paddr and @len are multiples of the smallest page size
 * @supported: bitmap of the page sizes that the domain supports
 *
 * Return: the bitmap of sizes that iommu_map() chooses for this piece: always the
 * largest that alignment and length allow.
 */
u64 peerbuf_range_page_sizes(u64 iova, u64 paddr, u64 len, u64 supported);

#endif /* _LINUX_PEERBUF_RANGE_H */
