// SPDX-License-Identifier: GPL-2.0-only
/* Routes: the decision. Pure logic. */
#include "../core/pure.h"

#include <linux/peerbuf/p2p.h>

#define INTEL	0x8086
#define GOOGLE	0x1ae0
#define NVIDIA	0x10de
#define ANY	0xffff
#define UNKNOWN	0xffff

/* Host bridges known to route peer traffic; source: drivers/pci/p2pdma.c of 7.3. */
static const struct known_host {
	u16 vendor;
	u16 first, last;
	bool same_only;
} known_hosts[] = {
	{ INTEL, 0x3c00, 0x3c01, true },	/* Xeon E5, E7 v1 */
	{ INTEL, 0x2f00, 0x2f01, true },	/* Xeon E5, E7 v3 */
	{ INTEL, 0x2030, 0x2033, false },	/* Skylake-E */
	{ INTEL, 0x2020, 0x2020, false },
	{ INTEL, 0x09a2, 0x09a2, false },
	{ GOOGLE, 0, ANY, false },
	{ NVIDIA, 0x2f95, 0x2f98, false },
};

static const struct known_host *find_host(const struct peerbuf_host *host)
{
	size_t i;

	if (host->vendor == UNKNOWN)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(known_hosts); i++) {
		const struct known_host *k = &known_hosts[i];

		if (k->vendor == host->vendor && host->device >= k->first &&
		    host->device <= k->last)
			return k;
	}
	return NULL;
}

static void decide_by_host(const struct peerbuf_path *provider,
			   const struct peerbuf_path *client, bool cpu_routes,
			   struct peerbuf_verdict *v)
{
	const struct known_host *p, *c;
	u32 refused = 0;

	v->route = PEERBUF_ROUTE_HOST_BRIDGE;
	if (cpu_routes)
		return;

	p = find_host(&provider->host);
	c = find_host(&client->host);
	if (!p || !c) {
		refused = PEERBUF_REASON_HOST_NOT_LISTED;
		v->host = p ? client->host : provider->host;
	} else if (provider->host.id != client->host.id &&
		   (p->same_only || c->same_only)) {
		refused = PEERBUF_REASON_HOSTS_DIFFER;
		v->host = p->same_only ? provider->host : client->host;
	}
	if (refused) {
		v->route = PEERBUF_ROUTE_NOT_SUPPORTED;
		v->reason = refused;
	}
}

static void note_redirect(const struct peerbuf_hop *hop, bool *redirected,
			  struct peerbuf_verdict *v)
{
	u16 bits = hop->acs_ctrl & PEERBUF_ACS_REDIRECT;

	if (!bits || *redirected)
		return;
	*redirected = true;
	v->blame = hop->id;
	v->blame_acs = bits;
}

void peerbuf_route_decide(const struct peerbuf_path *provider,
			  const struct peerbuf_path *client, bool cpu_routes,
			  struct peerbuf_verdict *v)
{
	bool redirected = false;
	size_t p, c, meet;

	*v = (struct peerbuf_verdict) {};

	for (p = 0; p < provider->nr; p++) {
		note_redirect(&provider->hop[p], &redirected, v);
		for (c = 0; c < client->nr; c++)
			if (provider->hop[p].id == client->hop[c].id)
				goto common;
	}
	v->distance = provider->nr + client->nr;
	v->reason = PEERBUF_REASON_NO_COMMON_BRIDGE;
	decide_by_host(provider, client, cpu_routes, v);
	return;

common:
	meet = c;
	for (c = 0; c < meet; c++)
		note_redirect(&client->hop[c], &redirected, v);
	v->distance = p + meet;
	if (redirected) {
		v->reason = PEERBUF_REASON_ACS_REDIRECT;
		decide_by_host(provider, client, cpu_routes, v);
		return;
	}
	v->route = PEERBUF_ROUTE_BUS_ADDRESS;
	v->reason = v->distance ? PEERBUF_REASON_SAME_SWITCH :
				  PEERBUF_REASON_SAME_DEVICE;
}
