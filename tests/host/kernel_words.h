/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In user space: the kernel's words for what functions are. */
#ifndef PEERBUF_TESTS_KERNEL_WORDS_H
#define PEERBUF_TESTS_KERNEL_WORDS_H

#define __printf(format, first)	__attribute__((format(printf, format, first)))
#define __noreturn		__attribute__((noreturn))

#endif
