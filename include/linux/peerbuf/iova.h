/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which IOVAs a set of devices can use: the apertures of their domains without the
 * regions reserved for MSIs and firmware. Pure logic; also compiled in user space.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_IOVA_H
#define _LINUX_PEERBUF_IOVA_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef uint64_t u64;
#endif

/**
 * struct peerbuf_iova_range - addresses from @start to @last, both included
 * @start: first address
 * @last: last address
 */
struct peerbuf_iova_range {
	u64 start;
	u64 last;
};

/**
 * struct peerbuf_iova_set - usable addresses, sorted, not touching
 * @nr: ranges in use
 * @cap: ranges that fit; each exclusion needs at most one more
 * @range: the ranges; the caller's memory
 */
struct peerbuf_iova_set {
	size_t nr;
	size_t cap;
	struct peerbuf_iova_range *range;
};

/**
 * peerbuf_iova_clip - keep only what lies between two addresses
 * @set: the set
 * @start: first address to keep
 * @last: last address to keep
 */
void peerbuf_iova_clip(struct peerbuf_iova_set *set, u64 start, u64 last);

/**
 * peerbuf_iova_exclude - take a range out
 * @set: the set
 * @start: first address to take out
 * @last: last address to take out
 *
 * Return: false when the set has no room for the pieces; it is unchanged then.
 */
bool peerbuf_iova_exclude(struct peerbuf_iova_set *set, u64 start, u64 last);

/**
 * peerbuf_iova_contains - is a whole range usable?
 * @set: the set
 * @start: first address
 * @last: last address, not below @start
 *
 * Return: whether it is, all of it.
 */
bool peerbuf_iova_contains(const struct peerbuf_iova_set *set, u64 start,
			   u64 last);

#endif /* _LINUX_PEERBUF_IOVA_H */
