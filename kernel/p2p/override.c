// SPDX-License-Identifier: GPL-2.0-only
/* Routes: pairs that an administrator has excepted from the rules. Pure logic. */
#include "../core/pure.h"

#include <linux/peerbuf/p2p.h>

/* Hexadecimal digits, one up to @max; the number of them, or 0. */
static unsigned int hex(const char *p, unsigned int max, u64 *value)
{
	unsigned int n;

	*value = 0;
	for (n = 0; n < max; n++) {
		char c = p[n];

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (u64)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*value = *value << 4 | (u64)((c | 0x20) - 'a' + 10);
		else
			break;
	}
	return n;
}

/* Numbers with these ends; the last one has none. Moves @text on. */
static bool numbers(const char **text, const char *ends, const unsigned int *max, u64 *values)
{
	const char *p = *text;

	for (;; ends++, max++, values++) {
		unsigned int n = hex(p, *max, values);

		if (!n)
			return false;
		p += n;
		if (!*ends)
			break;
		if (*p++ != *ends)
			return false;
	}
	*text = p;
	return true;
}

/* [domain:]bus:device.function */
static bool parse_id(const char **text, u64 *id)
{
	static const unsigned int with_domain[] = { 8, 2, 2, 1 };
	const char *start = *text;
	u64 v[4] = { 0 };

	if (!numbers(text, "::.", with_domain, v)) {
		*text = start;
		v[0] = 0;
		if (!numbers(text, ":.", with_domain + 1, v + 1))
			return false;
	}
	if (v[2] > 0x1f || v[3] > 7)
		return false;
	*id = PEERBUF_PCI_ID(v[0], v[1], v[2] << 3 | v[3]);
	return true;
}

int peerbuf_override_parse(const char *text, struct peerbuf_override *pairs)
{
	int nr = 0;

	while (*text && *text != '\n') {
		u64 a, b;

		if (!parse_id(&text, &a) || *text++ != '-' || !parse_id(&text, &b) || a == b)
			return -EINVAL;
		if (nr == PEERBUF_MAX_OVERRIDES)
			return -E2BIG;
		pairs[nr++] = (struct peerbuf_override) { a, b };
		if (*text == ',' && text[1] && text[1] != '\n')
			text++;
		else if (*text && *text != '\n')
			return -EINVAL;
	}
	return *text && text[1] ? -EINVAL : nr;
}

bool peerbuf_override_has(const struct peerbuf_override *pairs, size_t nr, u64 a, u64 b)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if ((pairs[i].a == a && pairs[i].b == b) || (pairs[i].a == b && pairs[i].b == a))
			return true;
	return false;
}

void peerbuf_override_apply(struct peerbuf_verdict *v)
{
	if (v->route != PEERBUF_ROUTE_NOT_SUPPORTED)
		return;
	v->refused = v->reason;
	v->reason = PEERBUF_REASON_OVERRIDE;
	v->route = PEERBUF_ROUTE_HOST_BRIDGE;
}
