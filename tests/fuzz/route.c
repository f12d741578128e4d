// SPDX-License-Identifier: GPL-2.0-or-later
/* Routes: two devices in a random tree of bridges, against the tree itself. */
#include "fuzz.h"

#include <linux/peerbuf/p2p.h>

#define BRIDGES 16
#define NONE 255

struct tree {
	uint8_t parent[BRIDGES];	/* NONE: below the host bridge */
	uint16_t acs[BRIDGES];
	uint8_t device[2];		/* bridge above each device */
	struct peerbuf_host host[2];
};

static void path_of(const struct tree *t, int which, struct peerbuf_path *p)
{
	uint8_t at;

	*p = (struct peerbuf_path) { .host = t->host[which] };
	p->hop[p->nr++] = (struct peerbuf_hop) { .id = 1000 + which };
	for (at = t->device[which]; at != NONE; at = t->parent[at])
		p->hop[p->nr++] = (struct peerbuf_hop) { .id = at, .acs_ctrl = t->acs[at] };
}

static bool above(const struct tree *t, uint8_t bridge, uint8_t from)
{
	for (; from != NONE; from = t->parent[from])
		if (from == bridge)
			return true;
	return false;
}

/* Known to route, as the decision's own table has some of them. */
static bool known(const struct peerbuf_host *h)
{
	return h->vendor == 0x1ae0 || (h->vendor == 0x8086 && h->device == 0x2030);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct peerbuf_host hosts[] = {
		{ 0, 0x8086, 0x2030 }, { 0, 0x1ae0, 0x1234 }, { 0, 0x8086, 0x29c0 },
		{ 0, 0xffff, 0xffff },
	};
	struct input in = { data, size };
	struct peerbuf_path p, c;
	struct peerbuf_verdict v;
	uint32_t provider = 0, client = 0;
	bool cpu = take(&in, 1) & 1;
	uint8_t meet, at;
	struct tree t;
	unsigned int i, distance = 0;

	for (i = 0; i < BRIDGES; i++) {
		at = take(&in, 1);
		/* Only upwards: a tree. */
		t.parent[i] = i && at & 3 ? at % i : NONE;
		t.acs[i] = take(&in, 1) & 1 ? take(&in, 2) : 0;
	}
	for (i = 0; i < 2; i++) {
		at = take(&in, 1);
		t.device[i] = at & 7 ? at % BRIDGES : NONE;
		t.host[i] = hosts[take(&in, 1) % 4];
		t.host[i].id = take(&in, 1) & 1;
	}
	path_of(&t, 0, &p);
	path_of(&t, 1, &c);
	peerbuf_route_decide(&p, &c, cpu, &v);

	for (meet = t.device[0]; meet != NONE && !above(&t, meet, t.device[1]);)
		meet = t.parent[meet];
	if (meet == NONE) {
		agree(v.distance == p.nr + c.nr && v.route != PEERBUF_ROUTE_BUS_ADDRESS);
		agree((v.route == PEERBUF_ROUTE_HOST_BRIDGE) ==
		      (cpu || (known(&t.host[0]) && known(&t.host[1]))));
		return 0;
	}
	/* The bridge where they meet counts on the provider's side; the devices come first. */
	for (at = t.device[0], i = 1;; at = t.parent[at], i++) {
		provider |= t.acs[at] & PEERBUF_ACS_REDIRECT ? 1u << i : 0;
		if (at == meet)
			break;
	}
	distance = i + 1;
	for (at = t.device[1], i = 1; at != meet; at = t.parent[at], i++)
		client |= t.acs[at] & PEERBUF_ACS_REDIRECT ? 1u << i : 0;
	distance += i - 1;
	agree(v.distance == distance);
	agree(v.met && v.meet == meet);
	agree(v.provider_redirects == provider && v.client_redirects == client);
	agree((v.route == PEERBUF_ROUTE_BUS_ADDRESS) == !(provider | client));
	if (!(provider | client))
		agree(v.reason == PEERBUF_REASON_SAME_SWITCH);
	return 0;
}
