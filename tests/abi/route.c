// SPDX-License-Identifier: GPL-2.0-or-later
/* route PROVIDER CLIENT: what the library says of the pair, in a line. */
#include <stdio.h>
#include <string.h>

#include <peerbuf.h>

int main(int argc, char **argv)
{
	struct peerbuf_pair_route v;
	int err;

	if (argc != 3)
		return 2;
	err = peerbuf_route_between(argv[1], argv[2], &v);
	if (err) {
		printf("%s\n", strerror(-err));
		return 1;
	}
	printf("%s %s %s %s\n", peerbuf_route_name(v.route), peerbuf_route_reason_name(v.reason),
	       peerbuf_route_reason_name(v.refused), *v.meet ? v.meet : "-");
	return 0;
}
