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
	/* Accelerators of Sapphire Rapids and later that are first on a root bus of their own. */
	{ INTEL, 0x0b25, 0x0b25, false },	/* DSA */
	{ INTEL, 0x11fb, 0x11fb, false },
	{ INTEL, 0x1212, 0x1212, false },
	{ INTEL, 0x0cfe, 0x0cfe, false },	/* IAA */
	{ INTEL, 0x1216, 0x1216, false },
	{ INTEL, 0x4940, 0x4940, false },	/* QAT */
	{ INTEL, 0x4942, 0x4942, false },
	{ INTEL, 0x4944, 0x4944, false },
	{ INTEL, 0x4946, 0x4946, false },
	{ INTEL, 0x4948, 0x4948, false },
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

enum peerbuf_host_class peerbuf_host_classify(const struct peerbuf_host *host)
{
	const struct known_host *k = find_host(host);

	if (!k)
		return PEERBUF_HOST_UNKNOWN;
	return k->same_only ? PEERBUF_HOST_SAME_ONLY : PEERBUF_HOST_ROUTES;
}

void peerbuf_host_identify(struct peerbuf_host *host, unsigned int devfn, bool root_port,
			   u16 vendor, u16 device)
{
	bool stands_for_it = devfn == 0 || root_port;

	host->vendor = stands_for_it ? vendor : UNKNOWN;
	host->device = stands_for_it ? device : UNKNOWN;
}

bool peerbuf_cpu_routes(bool amd, unsigned int family)
{
	return amd && family >= 0x17;
}

static void decide_by_host(const struct peerbuf_path *provider,
			   const struct peerbuf_path *client, bool cpu_routes,
			   struct peerbuf_verdict *v)
{
	enum peerbuf_host_class p, c;
	u32 refused = 0;

	v->route = PEERBUF_ROUTE_HOST_BRIDGE;
	if (cpu_routes)
		return;

	p = peerbuf_host_classify(&provider->host);
	c = peerbuf_host_classify(&client->host);
	if (p == PEERBUF_HOST_UNKNOWN || c == PEERBUF_HOST_UNKNOWN) {
		refused = PEERBUF_REASON_HOST_NOT_LISTED;
		v->host = p == PEERBUF_HOST_UNKNOWN ? provider->host : client->host;
	} else if (provider->host.id != client->host.id &&
		   (p == PEERBUF_HOST_SAME_ONLY || c == PEERBUF_HOST_SAME_ONLY)) {
		refused = PEERBUF_REASON_HOSTS_DIFFER;
		v->host = p == PEERBUF_HOST_SAME_ONLY ? provider->host : client->host;
	}
	if (refused) {
		v->route = PEERBUF_ROUTE_NOT_SUPPORTED;
		v->reason = refused;
	}
}

/* The first @nr hops that redirect, as bits. */
static u32 redirects(const struct peerbuf_path *path, size_t nr)
{
	u32 bits = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		if (path->hop[i].acs_ctrl & PEERBUF_ACS_REDIRECT)
			bits |= (u32)1 << i;
	return bits;
}

/* Where the two paths meet: the hop on each of them. False if nowhere. */
static bool find_meeting(const struct peerbuf_path *provider, const struct peerbuf_path *client,
			 size_t *p, size_t *c)
{
	for (*p = 0; *p < provider->nr; ++*p)
		for (*c = 0; *c < client->nr; ++*c)
			if (provider->hop[*p].id == client->hop[*c].id)
				return true;
	return false;
}

void peerbuf_route_decide(const struct peerbuf_path *provider,
			  const struct peerbuf_path *client, bool cpu_routes,
			  struct peerbuf_verdict *v)
{
	size_t p, c;

	*v = (struct peerbuf_verdict) {};

	v->met = find_meeting(provider, client, &p, &c);
	if (!v->met) {
		v->distance = provider->nr + client->nr;
		v->reason = PEERBUF_REASON_NO_COMMON_BRIDGE;
		decide_by_host(provider, client, cpu_routes, v);
		return;
	}

	v->meet = provider->hop[p].id;
	v->distance = p + c;
	/* The function where they meet is asked once, and nothing above it. */
	v->provider_redirects = redirects(provider, p + 1);
	v->client_redirects = redirects(client, c);
	if (v->provider_redirects || v->client_redirects) {
		v->reason = PEERBUF_REASON_ACS_REDIRECT;
		decide_by_host(provider, client, cpu_routes, v);
		return;
	}
	v->route = PEERBUF_ROUTE_BUS_ADDRESS;
	v->reason = v->distance ? PEERBUF_REASON_SAME_SWITCH :
				  PEERBUF_REASON_SAME_DEVICE;
}
