/* SPDX-License-Identifier: GPL-2.0-only */
/* How all modules read and write the structures of the user ABI. */
#ifndef _PEERBUF_UARG_H
#define _PEERBUF_UARG_H

#include <linux/minmax.h>
#include <linux/uaccess.h>

/**
 * peerbuf_read_arg - read a structure whose first member is argsz
 * @dst: receives it; what the caller does not know is 0
 * @size: size that the kernel knows
 * @min: size of the first version
 * @arg: the ioctl's argument
 * @argsz: receives the size that the caller knows
 *
 * Return: 0, -EFAULT, -EINVAL for less than @min, -E2BIG when the caller knows more
 * and uses it.
 */
static inline int peerbuf_read_arg(void *dst, size_t size, size_t min,
				   unsigned long arg, u32 *argsz)
{
	void __user *src = (void __user *)arg;
	int ret;

	if (get_user(*argsz, (u32 __user *)src))
		return -EFAULT;
	if (*argsz < min)
		return -EINVAL;
	if (*argsz > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(dst, size, src, *argsz);
	/* The structure was read twice; only what was read first was checked. */
	*(u32 *)dst = *argsz;
	return ret;
}

/* Write back as much as the caller knows. */
static inline int peerbuf_write_arg(const void *src, size_t size,
				    unsigned long arg, u32 argsz)
{
	return copy_to_user((void __user *)arg, src,
			    min_t(size_t, size, argsz)) ? -EFAULT : 0;
}

#endif /* _PEERBUF_UARG_H */
