/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each suite includes. The cases are written in the words of KUnit. They are compiled
 * against KUnit where the kernel has it and against own.h elsewhere: in other kernels and,
 * those of pure logic, in user space.
 */
#ifndef PEERBUF_TESTS_KUNIT_UNIT_H
#define PEERBUF_TESTS_KUNIT_UNIT_H

#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#endif
#include "../../kernel/core/pure.h"

/* User space has no IS_ENABLED(). */
#ifdef __KERNEL__
#if IS_ENABLED(CONFIG_KUNIT)
#include <kunit/test.h>
#else
#include "own.h"
#endif
#else
#include "own.h"
#endif

/* What is drawn at random is drawn less often where steps are slow or many. */
#ifdef __KERNEL__
#define ROUNDS(n)	((n) / 10)
#elif !defined(ROUNDS)
#define ROUNDS(n)	(n)
#endif

#endif
