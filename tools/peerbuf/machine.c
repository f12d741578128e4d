// SPDX-License-Identifier: GPL-2.0-or-later
/* A machine, read from its recording. */
#include <errno.h>
#include <inttypes.h>
#include <json_tokener.h>
#include <json_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"

/* Far more than any machine has: recordings come from anywhere. */
#define MAX_FUNCTIONS	20000

bool parse_address(const char *text, uint64_t *id)
{
	struct peerbuf_override pair[PEERBUF_MAX_OVERRIDES];
	char pair_text[2 * NAME_SIZE];

	/* The one parser of addresses wants two, which must differ. */
	if (strlen(text) > 16 || strpbrk(text, ",-\n"))
		return false;
	snprintf(pair_text, sizeof(pair_text), "%s-ffffffff:ff:1f.7", text);
	if (peerbuf_override_parse(pair_text, pair) != 1)
		return false;
	*id = pair[0].a;
	return true;
}

/* ---------------------------------------------------------------------- members */

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static bool hex_of(struct json_object *object, const char *key, unsigned int digits,
		   unsigned int *value)
{
	const char *text = text_of(object, key);
	char *end;

	if (!text || strlen(text) != digits)
		return false;
	*value = (unsigned int)strtoul(text, &end, 16);
	return !*end;
}

static bool address_of(struct json_object *object, const char *key, uint64_t *id)
{
	const char *text = text_of(object, key);

	return text && parse_address(text, id);
}

/* ---------------------------------------------------------------------- functions */

static bool read_ids(struct function *f, struct json_object *json)
{
	const char *id = text_of(json, "id");
	int end = 0;

	return id && strlen(id) == 9 &&
	       sscanf(id, "%4x:%4x%n", &f->vendor, &f->device, &end) == 2 && end == 9 &&
	       hex_of(json, "class", 6, &f->class);
}

/* An object, null if there is no such capability, and absent if that is not known. */
static bool read_acs(struct function *f, struct json_object *json)
{
	unsigned int supports, enabled;
	struct json_object *acs;

	f->acs_known = json_object_object_get_ex(json, "acs", &acs);
	f->has_acs = acs != NULL;
	if (!acs)
		return true;
	if (!json_object_is_type(acs, json_type_object) ||
	    !hex_of(acs, "supports", 4, &supports) || !hex_of(acs, "enabled", 4, &enabled))
		return false;
	f->acs_supports = (uint16_t)supports;
	f->acs_enabled = (uint16_t)enabled;
	return true;
}

/* All but the references to others. */
static bool read_function(struct function *f, struct json_object *json)
{
	if (!json_object_is_type(json, json_type_object) ||
	    !address_of(json, "address", &f->id) || !read_ids(f, json) || !read_acs(f, json))
		return false;
	f->address = text_of(json, "address");
	f->name = text_of(json, "name");
	f->port = text_of(json, "port");
	f->json = json;
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

int machine_find(const struct machine *m, uint64_t id)
{
	struct function key = { .id = id }, *found;

	found = bsearch(&key, m->functions, (size_t)m->nr_functions, sizeof(key), by_id);
	return found ? (int)(found - m->functions) : NONE;
}

/* Null is none; what is named has to be there. */
static bool find_reference(const struct machine *m, struct json_object *json, const char *key,
			   int *index)
{
	uint64_t id;

	*index = NONE;
	if (!json_object_object_get(json, key))
		return true;
	if (!address_of(json, key, &id))
		return false;
	*index = machine_find(m, id);
	return *index != NONE;
}

/* "0000:00", domain and root bus */
static bool find_host(struct machine *m, struct function *f)
{
	const char *text = text_of(f->json, "host");
	char address[NAME_SIZE];
	uint64_t id;
	int i;

	if (!text || strlen(text) >= sizeof(m->hosts->address))
		return false;
	snprintf(address, sizeof(address), "%s:00.0", text);
	if (!parse_address(address, &id))
		return false;
	for (i = 0; i < m->nr_hosts; i++)
		if (m->hosts[i].bridge.id == id)
			break;
	if (i == m->nr_hosts) {
		struct host_bridge *host = &m->hosts[m->nr_hosts++];

		*host = (struct host_bridge) { .first = NONE };
		host->bridge = (struct peerbuf_host) { id, 0xffff, 0xffff };
		snprintf(host->address, sizeof(host->address), "%s", text);
	}
	f->host = i;
	return true;
}

/* A function above itself would be walked for ever. */
static bool has_top(const struct machine *m, int i)
{
	int steps;

	for (steps = 0; i != NONE; steps++) {
		if (steps > m->nr_functions)
			return false;
		i = m->functions[i].parent;
	}
	return true;
}

static bool link_functions(struct machine *m)
{
	int i;

	for (i = 0; i < m->nr_functions; i++) {
		struct function *f = &m->functions[i];

		if (!find_reference(m, f->json, "parent", &f->parent) ||
		    !find_reference(m, f->json, "physical_function", &f->physical) ||
		    !find_host(m, f))
			return false;
		if (i && f->id == f[-1].id)
			return false;
	}
	for (i = 0; i < m->nr_functions; i++)
		if (!has_top(m, i))
			return false;
	return true;
}

static void identify_hosts(struct machine *m)
{
	int i;

	/* The first on its root bus; virtual functions may be on buses of their own. */
	for (i = m->nr_functions - 1; i >= 0; i--) {
		struct host_bridge *host = &m->hosts[m->functions[i].host];

		if (m->functions[i].parent == NONE &&
		    m->functions[i].id >> 8 == host->bridge.id >> 8)
			host->first = i;
	}
	for (i = 0; i < m->nr_hosts; i++) {
		struct host_bridge *host = &m->hosts[i];
		const struct function *f = &m->functions[host->first];

		if (host->first != NONE)
			peerbuf_host_identify(&host->bridge, f->id & 0xff,
					      f->port && !strcmp(f->port, "root port"),
					      (uint16_t)f->vendor, (uint16_t)f->device);
		if (host->bridge.vendor == 0xffff && host->first != NONE) {
			host->unclear = !f->port && !f->acs_known;
			host->first = NONE;
		}
	}
}

/* ------------------------------------------------------------------------ machine */

static void read_cpu(struct machine *m)
{
	struct json_object *cpu = json_object_object_get(m->json, "cpu");

	if (!cpu || !json_object_is_type(cpu, json_type_object))
		return;
	m->cpu_vendor = text_of(cpu, "vendor");
	m->cpu_family = (unsigned int)json_object_get_int(json_object_object_get(cpu, "family"));
	m->cpu_routes = m->cpu_vendor &&
			peerbuf_cpu_routes(!strcmp(m->cpu_vendor, "AuthenticAMD"), m->cpu_family);
}

/* Which one of the list it is, because it may not even have an address. */
static const char *wrong_function(struct machine *m, int i)
{
	snprintf(m->wrong, sizeof(m->wrong), "the address, id, class or acs of its function %d, "
		 "counted from 1, is missing or malformed", i + 1);
	return m->wrong;
}

static const char *read_machine(struct machine *m)
{
	struct json_object *list;
	int i, nr;

	if (!json_object_is_type(m->json, json_type_object) ||
	    !json_object_object_get_ex(m->json, "peerbuf_recording", &list))
		return "it is no recording of peerbuf topo dump";
	if (json_object_get_int(list) != 1)
		return "it is of a later version";
	if (!json_object_object_get_ex(m->json, "functions", &list) ||
	    !json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > MAX_FUNCTIONS)
		return "its list of functions is missing or too long";
	read_cpu(m);
	m->override_text = text_of(m->json, "route_override");
	nr = m->override_text ? peerbuf_override_parse(m->override_text, m->overrides) : 0;
	if (nr < 0)
		return "its route_override is not a list of pairs";
	m->nr_overrides = (size_t)nr;

	m->nr_functions = (int)json_object_array_length(list);
	m->functions = calloc((size_t)m->nr_functions + 1, sizeof(*m->functions));
	m->hosts = calloc((size_t)m->nr_functions + 1, sizeof(*m->hosts));
	if (!m->functions || !m->hosts)
		return "there is not enough memory";
	for (i = 0; i < m->nr_functions; i++)
		if (!read_function(&m->functions[i],
				   json_object_array_get_idx(list, (size_t)i)))
			return wrong_function(m, i);
	qsort(m->functions, (size_t)m->nr_functions, sizeof(*m->functions), by_id);
	if (!link_functions(m))
		return "its functions do not make a tree";
	identify_hosts(m);
	return NULL;
}

void machine_close(struct machine *m)
{
	if (!m)
		return;
	json_object_put(m->json);
	free(m->functions);
	free(m->hosts);
	free(m);
}

struct machine *machine_open(struct tool *tool)
{
	struct machine *m = calloc(1, sizeof(*m));
	const char *wrong;

	if (!m) {
		fail(tool, "there is not enough memory");
		return NULL;
	}
	if (tool->from) {
		m->json = json_object_from_file(tool->from);
		if (!m->json && access(tool->from, R_OK))
			fail(tool, "%s cannot be read: %s", tool->from, strerror(errno));
		else if (!m->json)
			fail(tool, "%s cannot be read as JSON", tool->from);
	} else {
		m->json = record_machine(tool);
	}
	if (!m->json) {
		free(m);
		return NULL;
	}
	wrong = read_machine(m);
	if (wrong) {
		fail(tool, "%s cannot be used: %s",
		     tool->from ? tool->from : "what sysfs tells of this machine", wrong);
		machine_close(m);
		return NULL;
	}
	return m;
}

/* ------------------------------------------------------------------------- routes */

static bool make_path(const struct machine *m, int i, struct peerbuf_path *path)
{
	path->nr = 0;
	path->host = m->hosts[m->functions[i].host].bridge;
	for (; i != NONE; i = m->functions[i].parent) {
		if (path->nr == PEERBUF_MAX_DEPTH)
			return false;
		path->hop[path->nr++] = (struct peerbuf_hop) {
			.id = m->functions[i].id,
			.acs_ctrl = m->functions[i].acs_enabled,
		};
	}
	return true;
}

/* Up to where they meet; without a meeting the redirections do not matter. */
static bool acs_is_known(const struct machine *m, const struct peerbuf_path *path, uint64_t meet)
{
	size_t i;

	for (i = 0; i < path->nr; i++) {
		if (!m->functions[machine_find(m, path->hop[i].id)].acs_known)
			return false;
		if (path->hop[i].id == meet)
			break;
	}
	return true;
}

/* Could the verdict be another one if all registers had been read? */
static bool hangs_on_unreadable(const struct machine *m, int provider, int client,
				const struct peerbuf_path *p, const struct peerbuf_path *c,
				const struct peerbuf_verdict *v)
{
	switch (v->route) {
	case PEERBUF_ROUTE_BUS_ADDRESS:
		return v->distance && (!acs_is_known(m, p, v->meet) ||
				       !acs_is_known(m, c, v->meet));
	case PEERBUF_ROUTE_NOT_SUPPORTED:
		return m->hosts[m->functions[provider].host].unclear ||
		       m->hosts[m->functions[client].host].unclear;
	}
	return false;
}

void machine_route(const struct machine *m, int provider, int client, struct peerbuf_verdict *v,
		   struct peerbuf_path *provider_path, struct peerbuf_path *client_path)
{
	struct peerbuf_path paths[2];
	struct peerbuf_path *p = provider_path ? provider_path : &paths[0];
	struct peerbuf_path *c = client_path ? client_path : &paths[1];

	if (!make_path(m, provider, p) || !make_path(m, client, c)) {
		*v = (struct peerbuf_verdict) {
			.route = PEERBUF_ROUTE_NOT_SUPPORTED,
			.reason = PEERBUF_REASON_NO_COMMON_BRIDGE,
		};
	} else {
		peerbuf_route_decide(p, c, m->cpu_routes, v);
		if (hangs_on_unreadable(m, provider, client, p, c, v)) {
			v->route = PEERBUF_ROUTE_UNKNOWN;
			v->reason = REASON_UNREADABLE;
		}
	}
	if (peerbuf_override_has(m->overrides, m->nr_overrides, m->functions[provider].id,
				 m->functions[client].id))
		peerbuf_override_apply(v);
}

bool machine_too_deep(const struct peerbuf_verdict *v)
{
	/* Who has not met is at least two hops apart. */
	return v->reason == PEERBUF_REASON_NO_COMMON_BRIDGE && !v->distance;
}

const char *reason_name(uint32_t reason)
{
	return reason == REASON_UNREADABLE ? "unreadable" : peerbuf_route_reason_name(reason);
}

/* ---------------------------------------------------------------------- functions */

bool is_bridge(const struct function *f)
{
	return f->class >> 16 == 0x06;
}

/*
 * Base classes of the chip set: bridges, system peripherals, signal processing, and the memory
 * controllers and performance counters that large processors show by the hundred.
 */
bool is_worker(const struct function *f)
{
	unsigned int base = f->class >> 16;

	/* SMBus, and a communication controller of no kind: management engines. */
	if (f->class >> 8 == 0x0c05 || f->class >> 8 == 0x0780)
		return false;
	/* Accelerators call themselves system peripherals; the chip set has no driver. */
	if (base == 0x08)
		return f->port && json_object_object_get(f->json, "driver");
	return base != 0x06 && base != 0x11;
}

bool is_virtual(const struct function *f)
{
	return f->physical != NONE;
}

int count_virtual(const struct machine *m, int i)
{
	int n, count = 0;

	for (n = 0; n < m->nr_functions; n++)
		count += m->functions[n].physical == i;
	return count;
}

void redirect_bits(uint16_t acs, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s%s", acs & 0x04 ? "RequestRedirect" : "",
		 acs & 0x04 && acs & 0x28 ? ", " : "", acs & 0x08 ? "CompletionRedirect" : "",
		 acs & 0x08 && acs & 0x20 ? ", " : "", acs & 0x20 ? "EgressControl" : "");
}

const char *function_name(const struct function *f, char *text, size_t size)
{
	if (f->name)
		snprintf(text, size, "%s", f->name);
	else
		snprintf(text, size, "%04x:%04x", f->vendor, f->device);
	return text;
}
