// SPDX-License-Identifier: LGPL-2.1-or-later
/* Routes between two devices, as the kernel decides them. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

#define ROUTE	"/sys/kernel/debug/peerbuf/route"

/* A number as the kernel prints it; false if it is none. */
static bool number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = *text == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 0);
	return end != text && !*end && !errno;
}

static void name_meeting(struct peerbuf_pair_route *route, uint64_t id)
{
	snprintf(route->meet, sizeof(route->meet), "%04x:%02x:%02x.%x",
		 (unsigned int)(id >> 16), (unsigned int)(id >> 8 & 0xff),
		 (unsigned int)(id >> 3 & 0x1f), (unsigned int)(id & 7));
}

int peerbuf_pair_route_parse(char *line, struct peerbuf_pair_route *route)
{
	struct peerbuf_pair_route v = { .route = PEERBUF_ROUTE_UNKNOWN };
	uint64_t value, met = 0, meet = 0;
	bool routed = false;
	char *word, *equals, *rest = NULL;

	for (word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		equals = strchr(word, '=');
		if (!equals)
			return -EPROTO;
		*equals = '\0';
		if (!number(equals + 1, &value))
			return -EPROTO;
		if (!strcmp(word, "route")) {
			v.route = (uint32_t)value;
			routed = true;
		} else if (!strcmp(word, "reason")) {
			v.reason = (uint32_t)value;
		} else if (!strcmp(word, "refused")) {
			v.refused = (uint32_t)value;
		} else if (!strcmp(word, "distance")) {
			v.distance = (uint32_t)value;
		} else if (!strcmp(word, "met")) {
			met = value;
		} else if (!strcmp(word, "meet")) {
			meet = value;
		} else if (!strcmp(word, "bus_offset")) {
			v.bus_offset = (int64_t)value;
		}
		/* A later kernel module may tell more. */
	}
	if (!routed)
		return -EPROTO;
	if (met)
		name_meeting(&v, meet);
	*route = v;
	return 0;
}

int peerbuf_route_between(const char *provider, const char *client,
			  struct peerbuf_pair_route *route)
{
	char text[512];
	ssize_t got;
	int fd, n, err;

	n = snprintf(text, sizeof(text), "%s-%s", provider, client);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -EINVAL;
	fd = open(ROUTE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* The answer belongs to the open file: two askers do not meet. */
	got = write(fd, text, (size_t)n);
	if (got >= 0)
		got = read(fd, text, sizeof(text) - 1);
	err = errno;
	close(fd);
	if (got < 0)
		return -err;
	text[got] = '\0';
	return peerbuf_pair_route_parse(text, route);
}
