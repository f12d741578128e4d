/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test points for the host tests of the library and the programs. */
#ifndef LIB_TAP_H
#define LIB_TAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static unsigned int tap_count, tap_failed;

static inline void ok(bool good, const char *name)
{
	if (!good)
		tap_failed++;
	printf("%s %u - %s\n", good ? "ok" : "not ok", ++tap_count, name);
}

static inline void is(long long got, long long wanted, const char *name)
{
	ok(got == wanted, name);
	if (got != wanted)
		printf("#      got: %lld\n# expected: %lld\n", got, wanted);
}

static inline void is_hex(uint64_t got, uint64_t wanted, const char *name)
{
	ok(got == wanted, name);
	if (got != wanted)
		printf("#      got: %#llx\n# expected: %#llx\n", (unsigned long long)got,
		       (unsigned long long)wanted);
}

static inline int tap_end(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}

#endif /* LIB_TAP_H */
