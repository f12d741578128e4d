// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf topo check: why, and what to do. Sentences for a person who can change the machine. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "topo.h"

#define EXIT_NO_ROUTE	3
#define TEXT_SIZE	1024

/* A pair, and what is said about it. */
struct report {
	const struct machine *m;
	int provider;
	int client;
	struct peerbuf_verdict v;
	struct peerbuf_path paths[2];	/* provider's, client's */
	struct json_object *why;
	struct json_object *remedies;
};

static __attribute__((format(printf, 2, 3))) void say(struct json_object *list,
						       const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_object_array_add(list, json_text(text));
}

static const struct function *function_of(const struct report *r, uint64_t id)
{
	return &r->m->functions[machine_find(r->m, id)];
}

static const char *full_name(const struct function *f, char *text, size_t size)
{
	char name[160];

	snprintf(text, size, "%s (%s)", f->address, function_name(f, name, sizeof(name)));
	return text;
}

/* The functions that redirect between the two, the provider's first; NULL behind the last. */
static const struct function *redirecting(const struct report *r, int n)
{
	const uint32_t bits[2] = { r->v.provider_redirects, r->v.client_redirects };
	size_t side, i;

	for (side = 0; side < 2; side++)
		for (i = 0; i < r->paths[side].nr; i++)
			if (bits[side] >> i & 1 && !n--)
				return function_of(r, r->paths[side].hop[i].id);
	return NULL;
}

/* ----------------------------------------------------------------------------- why */

static void why_host(struct report *r)
{
	const struct machine *m = r->m;
	const struct host_bridge *p = &m->hosts[m->functions[r->provider].host];
	const struct host_bridge *c = &m->hosts[m->functions[r->client].host];
	char name[256];

	if (m->cpu_routes) {
		say(r->why, "The processor (%s, family %u) is known to route such traffic.",
		    m->cpu_vendor, m->cpu_family);
		return;
	}
	say(r->why, "The host bridge %s, %s, is %s.", p->address,
	    host_name(m, p, name, sizeof(name)), host_phrase(m, p));
	if (p != c)
		say(r->why, "The host bridge %s, %s, is %s.", c->address,
		    host_name(m, c, name, sizeof(name)), host_phrase(m, c));
}

static void why_redirected(struct report *r)
{
	const struct function *f;
	char name[256], bits[64];
	int n;

	say(r->why, "Both are below %s, but ACS redirects their traffic to the host bridge:",
	    full_name(function_of(r, r->v.meet), name, sizeof(name)));
	for (n = 0; (f = redirecting(r, n)); n++) {
		redirect_bits(f->acs_enabled, bits, sizeof(bits));
		say(r->why, "%s has %s set.", full_name(f, name, sizeof(name)), bits);
	}
	why_host(r);
}

static void why_apart(struct report *r)
{
	const struct machine *m = r->m;

	if (m->functions[r->provider].host == m->functions[r->client].host)
		say(r->why, "No bridge is above both: they meet in the host bridge only.");
	else
		say(r->why, "They are below different host bridges.");
	why_host(r);
}

static void find_why(struct report *r)
{
	char name[256];

	if (r->v.reason == REASON_UNREADABLE)
		say(r->why, "Registers that decide, of ACS or PCIe capabilities, could not be read: "
		    "only root may.");
	else if (r->v.reason == PEERBUF_REASON_SAME_DEVICE)
		say(r->why, "They are the same function.");
	else if (r->v.reason == PEERBUF_REASON_SAME_SWITCH)
		say(r->why, "Both are below %s, and nothing on the way redirects: the traffic "
		    "stays there.", full_name(function_of(r, r->v.meet), name, sizeof(name)));
	else if (machine_too_deep(&r->v))
		say(r->why, "One of them is below more than %d bridges: more are not looked at.",
		    PEERBUF_MAX_DEPTH - 1);
	else if (r->v.met)
		why_redirected(r);
	else
		why_apart(r);
	if (r->v.reason == PEERBUF_REASON_OVERRIDE)
		say(r->why, "An override lets this pair through nevertheless, and the kernel is "
		    "tainted for it.");
}

/* ------------------------------------------------------------------------- remedies */

/* A remedy with its commands; the caller adds to the list that is returned. */
static __attribute__((format(printf, 2, 3)))
struct json_object *remedy(struct report *r, const char *format, ...)
{
	struct json_object *row = json_object_new_object();
	struct json_object *commands = json_object_new_array();
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_object_object_add(row, "text", json_text(text));
	json_object_object_add(row, "commands", commands);
	json_object_array_add(r->remedies, row);
	return commands;
}

static void remedies_acs(struct report *r)
{
	const struct function *f;
	struct json_object *commands;
	char parameter[TEXT_SIZE];
	size_t used = 0;
	int n;

	commands = remedy(r, "Switch the redirection off now, as root, until the next boot "
			  "or reset of these ports. Functions below them are then no longer "
			  "isolated from each other, whatever their IOMMU groups say:");
	for (n = 0; (f = redirecting(r, n)); n++) {
		say(commands, "setpci -s %s ECAP_ACS+6.w=0:2c", f->address);
		if (used < sizeof(parameter))
			used += (size_t)snprintf(parameter + used, sizeof(parameter) - used,
						 "%s%s", n ? ";" : "", f->address);
	}
	commands = remedy(r, "Or have it off from the next boot on, by a kernel parameter%s. IOMMU "
			  "groups become larger:", n < 2 ? "" :
			  "; a semicolon, not a comma, is between the addresses, and GRUB needs "
			  "the parameter in quotes because of it");
	say(commands, "pci=disable_acs_redir=%s", parameter);
}

/* Slots that nothing is in: ports without anything below. */
static bool is_free_port(const struct machine *m, int i, const char *type)
{
	int n;

	if (!m->functions[i].port || strcmp(m->functions[i].port, type))
		return false;
	for (n = 0; n < m->nr_functions; n++)
		if (m->functions[n].parent == i)
			return false;
	return true;
}

static bool is_below(const struct machine *m, int i, int above)
{
	for (; i != NONE; i = m->functions[i].parent)
		if (i == above)
			return true;
	return false;
}

/* The topmost switch that a function is below, or NONE. */
static int switch_above(const struct machine *m, int i)
{
	int found = NONE;

	for (; i != NONE; i = m->functions[i].parent)
		if (m->functions[i].port && !strcmp(m->functions[i].port, "upstream port"))
			found = i;
	return found;
}

/* "0000:06:02.0, 0000:06:03.0", a few of them. */
static int free_ports(const struct machine *m, const char *type, int below, int host, char *text,
		      size_t size)
{
	size_t used = 0;
	int i, nr = 0;

	text[0] = '\0';
	for (i = 0; i < m->nr_functions; i++) {
		if (!is_free_port(m, i, type) || m->functions[i].host != host ||
		    (below != NONE && !is_below(m, i, below)))
			continue;
		if (nr++ < 4 && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 nr > 1 ? ", " : "", m->functions[i].address);
	}
	return nr;
}

/* Does anything on the way up to @above redirect? */
static bool redirects_below(const struct machine *m, int i, int above)
{
	for (; i != NONE; i = m->functions[i].parent) {
		if (m->functions[i].acs_enabled & PEERBUF_ACS_REDIRECT)
			return true;
		if (i == above)
			break;
	}
	return false;
}

/* Move @who below the switch that @other is below. */
static bool remedy_switch(struct report *r, int who, int other)
{
	const struct machine *m = r->m;
	int above = switch_above(m, other);
	char name[256], ports[128];

	if (above == NONE ||
	    !free_ports(m, "downstream port", above, m->functions[above].host, ports,
			sizeof(ports)))
		return false;
	remedy(r, "Move the card %s below the switch of %s, which is %s; it has free ports: %s.%s",
	       m->functions[who].address, m->functions[other].address,
	       full_name(&m->functions[above], name, sizeof(name)), ports,
	       redirects_below(m, other, above) ? " Its ports redirect, though: that has to "
	       "be switched off, too, as \"peerbuf topo check\" will tell then." : "");
	return true;
}

static void remedies_move(struct report *r)
{
	bool moved;

	moved = remedy_switch(r, r->provider, r->client);
	moved |= remedy_switch(r, r->client, r->provider);
	if (!moved)
		remedy(r, "Put both cards below one PCIe switch whose downstream ports do not "
		       "redirect (\"peerbuf topo\" shows those that this machine has).");
}

/* Two host bridges that each route between their own ports. */
static void remedies_socket(struct report *r)
{
	const struct machine *m = r->m;
	const int who[2] = { r->provider, r->client };
	char ports[128];
	int i;

	for (i = 0; i < 2; i++) {
		int other = m->functions[who[!i]].host;

		if (peerbuf_host_classify(&m->hosts[other].bridge) == PEERBUF_HOST_UNKNOWN)
			continue;
		if (free_ports(m, "root port", NONE, other, ports, sizeof(ports)))
			remedy(r, "Move the card %s to a slot of the host bridge %s, which routes "
			       "between its own ports; free ones: %s.",
			       m->functions[who[i]].address, m->hosts[other].address, ports);
		else
			remedy(r, "Move the card %s to a slot of the host bridge %s, which routes "
			       "between its own ports.", m->functions[who[i]].address,
			       m->hosts[other].address);
	}
}

static void remedy_override(struct report *r)
{
	const struct machine *m = r->m;
	struct json_object *commands;

	commands = remedy(r, "If you know that this host bridge routes, or \"peerbuf test\" has "
			  "shown it: allow this pair. The kernel is tainted; should it not route, "
			  "data is lost or corrupted silently:");
	say(commands, "echo %s%s%s-%s > /sys/module/peerbuf_core/parameters/route_override",
	    m->nr_overrides ? m->override_text : "", m->nr_overrides ? "," : "",
	    m->functions[r->provider].address, m->functions[r->client].address);
}

static void find_remedies(struct report *r)
{
	if (r->v.reason == REASON_UNREADABLE) {
		say(remedy(r, "Ask again as root:"), "peerbuf topo check %s %s",
		    r->m->functions[r->provider].address, r->m->functions[r->client].address);
		return;
	}
	if (machine_too_deep(&r->v)) {
		say(remedy(r, "Plug it in nearer to the processor; what is above it is in:"),
		    "peerbuf topo %s", r->m->functions[r->provider].address);
		return;
	}
	/* Also where the detour works: it is longer. */
	if (r->v.met && (r->v.provider_redirects || r->v.client_redirects))
		remedies_acs(r);
	if (r->v.route != PEERBUF_ROUTE_NOT_SUPPORTED)
		return;
	if (r->v.reason == PEERBUF_REASON_HOSTS_DIFFER)
		remedies_socket(r);
	if (!r->v.met)
		remedies_move(r);
	remedy_override(r);
}

/* ---------------------------------------------------------------------------- IOMMU */

static const char *revoke_sentence(const struct report *r)
{
	const char *type = json_object_get_string(
		json_object_object_get(r->m->functions[r->client].json, "iommu"));

	if (!type)
		return "no IOMMU translates for the one that reads and writes: that it stops when "
		       "access is revoked depends on its driver.";
	if (strncmp(type, "DMA", 3))
		return "the IOMMU does not translate for host drivers of the one that reads and "
		       "writes: that these stop when access is revoked is up to them. Users of "
		       "VFIO are stopped.";
	if (r->v.route == PEERBUF_ROUTE_BUS_ADDRESS && r->v.distance)
		return "below one bridge the IOMMU is not asked: that host drivers stop when "
		       "access is revoked is up to them. Users of VFIO are stopped.";
	return "the IOMMU stops whoever goes on when access is revoked.";
}

/* --------------------------------------------------------------------------- output */

static struct json_object *end_json(const struct function *f)
{
	struct json_object *row = json_object_new_object();

	json_object_object_add(row, "address", json_text(f->address));
	json_object_object_add(row, "name", json_text(f->name));
	return row;
}

static struct json_object *redirects_json(const struct report *r)
{
	struct json_object *list = json_object_new_array(), *row;
	const struct function *f;
	char text[64];
	int n;

	for (n = 0; (f = redirecting(r, n)); n++) {
		row = end_json(f);
		snprintf(text, sizeof(text), "%04x", f->acs_enabled);
		json_object_object_add(row, "acs", json_text(text));
		redirect_bits(f->acs_enabled, text, sizeof(text));
		json_object_object_add(row, "bits", json_text(text));
		json_object_array_add(list, row);
	}
	return list;
}

static void print_check_json(const struct report *r)
{
	struct json_object *document = json_object_new_object();
	const struct machine *m = r->m;

	json_object_object_add(document, "provider", end_json(&m->functions[r->provider]));
	json_object_object_add(document, "client", end_json(&m->functions[r->client]));
	json_object_object_add(document, "route", json_text(peerbuf_route_name(r->v.route)));
	json_object_object_add(document, "reason", json_text(reason_name(r->v.reason)));
	json_object_object_add(document, "refused",
		json_text(r->v.reason == PEERBUF_REASON_OVERRIDE ?
			  reason_name(r->v.refused) : NULL));
	json_object_object_add(document, "distance", json_object_new_int((int)r->v.distance));
	json_object_object_add(document, "meet",
		json_text(r->v.met ? function_of(r, r->v.meet)->address : NULL));
	json_object_object_add(document, "redirects", redirects_json(r));
	json_object_object_add(document, "why", json_object_get(r->why));
	json_object_object_add(document, "remedies", json_object_get(r->remedies));
	json_object_object_add(document, "revoke", json_text(revoke_sentence(r)));
	print_json(document);
}

static void print_remedies(const struct report *r)
{
	size_t i, n, nr = json_object_array_length(r->remedies);

	if (!nr)
		return;
	puts(r->v.route == PEERBUF_ROUTE_HOST_BRIDGE ? "To keep the traffic off the host bridge:" :
	     nr > 1 ? "What to do, one of these:" : "What to do:");
	for (i = 0; i < nr; i++) {
		struct json_object *row = json_object_array_get_idx(r->remedies, i);
		struct json_object *commands = json_object_object_get(row, "commands");

		printf("  %zu. %s\n", i + 1,
		       json_object_get_string(json_object_object_get(row, "text")));
		for (n = 0; n < json_object_array_length(commands); n++)
			printf("       %s\n", json_object_get_string(
				json_object_array_get_idx(commands, n)));
	}
}

static void print_check_text(const struct report *r)
{
	static const char *const sentences[] = {
		[PEERBUF_ROUTE_UNKNOWN] = "not known",
		[PEERBUF_ROUTE_BUS_ADDRESS] = "by bus address, below one bridge",
		[PEERBUF_ROUTE_HOST_BRIDGE] = "through the host bridge",
		[PEERBUF_ROUTE_NOT_SUPPORTED] = "not supported",
	};
	const struct machine *m = r->m;
	char name[256];
	size_t i;

	printf("Memory of      %s\n",
	       full_name(&m->functions[r->provider], name, sizeof(name)));
	printf("for DMA of     %s\n", full_name(&m->functions[r->client], name, sizeof(name)));
	printf("Route:         %s%s\n", r->v.reason == PEERBUF_REASON_SAME_DEVICE ?
	       "its own memory" : sentences[r->v.route],
	       r->v.reason == PEERBUF_REASON_OVERRIDE ? ", by override" : "");
	printf("Distance:      %u\n", r->v.distance);
	puts("Why:");
	for (i = 0; i < json_object_array_length(r->why); i++)
		printf("  %s\n", json_object_get_string(json_object_array_get_idx(r->why, i)));
	print_remedies(r);
	printf("Revoke:        %s\n", revoke_sentence(r));
}

int explain(struct tool *tool, const struct machine *m, int provider, int client)
{
	struct report r = { .m = m, .provider = provider, .client = client };
	bool works;

	r.why = json_object_new_array();
	r.remedies = json_object_new_array();
	machine_route(m, provider, client, &r.v, &r.paths[0], &r.paths[1]);
	find_why(&r);
	find_remedies(&r);
	if (tool->json)
		print_check_json(&r);
	else
		print_check_text(&r);
	json_object_put(r.why);
	json_object_put(r.remedies);
	works = r.v.route == PEERBUF_ROUTE_BUS_ADDRESS || r.v.route == PEERBUF_ROUTE_HOST_BRIDGE;
	return works ? EXIT_OK : EXIT_NO_ROUTE;
}
