// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's verdict about a pair, right and wrong, and from kernels that are not there yet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib_tap.h"
#include "private.h"

/* In memory of exactly its size, so that the sanitizer sees overreads. */
static int parse(const char *text, struct peerbuf_pair_route *route)
{
	char *line = strdup(text);
	int err = peerbuf_pair_route_parse(line, route);

	free(line);
	return err;
}

int main(void)
{
	static const char *const wrong[] = {
		"", "\n", "reason=2\n", "route\n", "route=\n", "route=x\n", "route=1x\n",
		"route=1 reason\n", "route=99999999999999999999999\n", "=1\n",
	};
	struct peerbuf_pair_route v;
	size_t i;
	int bad = 0;

	is(parse("route=1 reason=2 refused=0 distance=4 met=1 meet=0x50c provider_redirects=0 "
		 "client_redirects=0x2 bus_offset=-4096\n", &v), 0, "a whole verdict");
	is(v.route, PEERBUF_ROUTE_BUS_ADDRESS, "its route");
	is(v.reason, PEERBUF_REASON_SAME_SWITCH, "its reason");
	is(v.distance, 4, "its distance");
	is(v.bus_offset, -4096, "its offset");
	ok(!strcmp(v.meet, "0000:05:01.4"), "where they meet");

	is(parse("route=2 reason=8 refused=5 distance=6 met=0 meet=0 bus_offset=0\n", &v), 0,
	   "a pair that was let through");
	is(v.refused, PEERBUF_REASON_HOST_NOT_LISTED, "and what was against it");
	ok(!*v.meet, "which do not meet");

	is(parse("route=1 met=1 meet=0xffffffff00ff weight=7", &v), 0, "one that tells more");
	ok(!strcmp(v.meet, "ffffffff:00:1f.7"), "the last PCI address that there can be");

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		bad += parse(wrong[i], &v) != -EPROTO;
	is(bad, 0, "everything else is refused");
	ok(!strcmp(v.meet, "ffffffff:00:1f.7"), "nothing is written then");
	return tap_end();
}
