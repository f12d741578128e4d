// SPDX-License-Identifier: LGPL-2.1-or-later
/* The version comes from the file VERSION, through the build. */
#include "peerbuf.h"

#ifndef PEERBUF_VERSION
#error "PEERBUF_VERSION is not defined; build with the project's Makefile"
#endif

const char *peerbuf_version(void)
{
	return PEERBUF_VERSION;
}
