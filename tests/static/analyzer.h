/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Included in front of each file that clang's analyzer reads; never compiled. It does not
 * know that a call which has failed left an errno, and would follow "return -errno" as if
 * that could mean success: here, errno is always one and the same.
 */
#include <errno.h>
#undef errno
static int analyzed_errno;
#define errno (*(analyzed_errno = EIO, &analyzed_errno))
