/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User memory as kernel/uarg.h sees it, for tests/fuzz/uarg.c: one array, of which the bytes
 * from shim_bad on cannot be reached, and whose first number is another one when the
 * structure is read as a whole.
 */
#ifndef SHIM_UACCESS_H
#define SHIM_UACCESS_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define __user
#define PAGE_SIZE 4096UL
typedef uint32_t u32;

static uint8_t *shim_user;
static size_t shim_size, shim_bad;
static u32 shim_second_argsz;

static inline int shim_reach(const void *p, size_t n)
{
	size_t at = (const uint8_t *)p - shim_user;

	return at + n <= shim_size && at + n <= shim_bad;
}

#define get_user(x, p) (shim_reach(p, sizeof(*(p))) ? (memcpy(&(x), p, sizeof(x)), 0) : -EFAULT)

static inline unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	if (!shim_reach(to, n))
		return n;
	memcpy(to, from, n);
	return 0;
}

static inline int copy_struct_from_user(void *dst, size_t ksize, const void *src, size_t usize)
{
	size_t i, n = usize < ksize ? usize : ksize;

	memcpy(shim_user, &shim_second_argsz, sizeof(shim_second_argsz));
	for (i = ksize; i < usize; i++) {
		if (!shim_reach((const uint8_t *)src + i, 1))
			return -EFAULT;
		if (((const uint8_t *)src)[i])
			return -E2BIG;
	}
	if (!shim_reach(src, n))
		return -EFAULT;
	memset(dst, 0, ksize);
	memcpy(dst, src, n);
	return 0;
}

#endif
