// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf topo: the tree of PCI functions, and how they reach each other. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "topo.h"


/* Deeper than any tree is drawn. */
#define INDENT_SIZE	(3 * PEERBUF_MAX_DEPTH + 1)

/* ---------------------------------------------------------------- naming a device */

/* The PCI function nearest above what a path in sysfs names; NONE if there is none. */
static int nearest_function(const struct machine *m, char *path)
{
	char *slash;

	while ((slash = strrchr(path, '/'))) {
		uint64_t id;

		if (parse_address(slash + 1, &id) && machine_find(m, id) != NONE)
			return machine_find(m, id);
		*slash = '\0';
	}
	return NONE;
}

static bool find_named(const struct tool *tool, const char *directory, const char *below,
		       const char *text, char *path)
{
	char link[PATH_SIZE];
	bool found = false;
	char **names;
	size_t nr, i;

	if (sysfs_names(tool, &names, &nr, "%s", directory))
		return false;
	for (i = 0; i < nr && !found; i++)
		found = snprintf(link, sizeof(link), "%s/%s/%s%s/%s", tool->sysfs, directory,
				 names[i], below, text) < (int)sizeof(link) &&
			realpath(link, path);
	sysfs_free_names(names, nr);
	return found;
}

/* What is meant by "nvme0n1", "/dev/nvme0n1" or a path in sysfs: its real path there. */
static bool find_other(const struct tool *tool, const char *text, char *path)
{
	char link[PATH_SIZE];
	struct stat st;

	if (!strncmp(text, "/dev/", 5)) {
		if (stat(text, &st) || !(S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode)))
			return false;
		snprintf(link, sizeof(link), "%s/dev/%s/%u:%u", tool->sysfs,
			 S_ISBLK(st.st_mode) ? "block" : "char", major(st.st_rdev),
			 minor(st.st_rdev));
		return realpath(link, path);
	}
	if (text[0] == '/')
		return realpath(text, path);
	return !strchr(text, '/') && strcmp(text, ".") && strcmp(text, "..") &&
	       (find_named(tool, "class", "", text, path) ||
		find_named(tool, "bus", "/devices", text, path));
}

/* The function that @text means, or NONE after the failure was reported in @status. */
static int resolve(struct tool *tool, const struct machine *m, const char *text, int *status)
{
	char path[PATH_MAX];
	uint64_t id;
	int found;

	if (parse_address(text, &id)) {
		found = machine_find(m, id);
		if (found == NONE)
			*status = fail(tool, "there is no PCI device %s%s%s", text,
				       tool->from ? " in " : "", tool->from ? tool->from : "");
		return found;
	}
	if (tool->from || !find_other(tool, text, path)) {
		*status = fail_usage(tool, "\"%s\" is not a PCI address such as 0000:01:00.0%s",
				     text, tool->from ? "" : ", nor any other device");
		return NONE;
	}
	found = nearest_function(m, path);
	if (found == NONE)
		*status = fail(tool, "%s is not a PCI device, and there is none above it", text);
	else
		*status = fail(tool, "%s is not a PCI device; the nearest above it is %s", text,
			       m->functions[found].address);
	return NONE;
}

static bool select_functions(struct tool *tool, const struct machine *m, unsigned int nr_args,
			     char **args, struct selection *s, int *status)
{
	unsigned int a;
	int i;

	s->nr = 0;
	s->index = calloc((size_t)m->nr_functions + nr_args + 1, sizeof(*s->index));
	if (!s->index) {
		*status = fail(tool, "there is not enough memory");
		return false;
	}
	for (a = 0; a < nr_args; a++) {
		i = resolve(tool, m, args[a], status);
		if (i == NONE) {
			free(s->index);
			return false;
		}
		s->index[s->nr++] = i;
	}
	for (i = 0; !nr_args && i < m->nr_functions; i++) {
		const struct function *f = &m->functions[i];

		if (tool->all ? !is_bridge(f) : is_worker(f) && !is_virtual(f))
			s->index[s->nr++] = i;
	}
	return true;
}

/* Its number in the report, from 1 on, or 0. */
static int number_of(const struct selection *s, int i)
{
	int n;

	for (n = 0; n < s->nr; n++)
		if (s->index[n] == i)
			return n + 1;
	return 0;
}

/* -------------------------------------------------------------------------- text */

const char *host_phrase(const struct machine *m, const struct host_bridge *host)
{
	if (m->cpu_routes)
		return "the processor is known to route between its root ports";
	switch (peerbuf_host_classify(&host->bridge)) {
	case PEERBUF_HOST_ROUTES:
		return "known to route";
	case PEERBUF_HOST_SAME_ONLY:
		return "known to route between its own ports only";
	case PEERBUF_HOST_UNKNOWN:
		break;
	}
	return "not known to route";
}

const char *host_name(const struct machine *m, const struct host_bridge *host, char *text,
		      size_t size)
{
	const char *name = host->first == NONE ? NULL : m->functions[host->first].name;

	if (host->first == NONE)
		snprintf(text, size, "a host bridge that no device identifies");
	else
		snprintf(text, size, "%04x:%04x%s%s", host->bridge.vendor, host->bridge.device,
			 name ? " " : "", name ? name : "");
	return text;
}

static const char *string_or(struct json_object *json, const char *key, const char *other)
{
	const char *text = json_object_get_string(json_object_object_get(json, key));

	return text ? text : other;
}

/* "ACS redirects: ...", or why not. */
static void print_acs(const struct function *f)
{
	char bits[64];

	if (!f->acs_known) {
		printf("  ACS not known");
	} else if (f->acs_enabled & PEERBUF_ACS_REDIRECT) {
		redirect_bits(f->acs_enabled, bits, sizeof(bits));
		printf("  redirects: %s", bits);
	} else if (f->has_acs && is_bridge(f)) {
		printf("  ACS does not redirect");
	}
}

static void print_memory(const struct function *f)
{
	struct json_object *cmb = json_object_object_get(f->json, "cmb");
	char text[256];

	format_bars(json_object_object_get(f->json, "bars"), text, sizeof(text));
	if (text[0])
		printf("  BARs %s", text);
	if (cmb) {
		format_size_json(json_object_object_get(cmb, "size"), text, sizeof(text));
		printf("  CMB %s in BAR %d", text,
		       json_object_get_int(json_object_object_get(cmb, "bar")));
	}
}

static void print_function(const struct machine *m, const struct selection *s, int i)
{
	const struct function *f = &m->functions[i];
	int number = number_of(s, i), virtuals = count_virtual(m, i);
	char name[160];

	printf("%s", f->address);
	if (number)
		printf(" [%d]", number);
	printf("  %s", function_name(f, name, sizeof(name)));
	if (is_bridge(f) && f->port)
		printf("  (%s)", f->port);
	print_acs(f);
	if (!is_bridge(f)) {
		print_memory(f);
		printf("  driver %s, group %s, IOMMU %s", string_or(f->json, "driver", "-"),
		       string_or(f->json, "iommu_group", "-"),
		       string_or(f->json, "iommu", "off"));
	}
	if (virtuals)
		printf("  %d virtual function%s", virtuals, virtuals > 1 ? "s" : "");
	putchar('\n');
}

/* Does the tree show it: chosen, or above what is chosen? */
static void mark_shown(const struct machine *m, const struct selection *s, bool *shown)
{
	int n, i;

	for (n = 0; n < s->nr; n++)
		for (i = s->index[n]; i != NONE && !shown[i]; i = m->functions[i].parent)
			shown[i] = true;
}

/* The last one below a bridge, or on a root bus, that is shown. */
static int last_below(const struct machine *m, const bool *shown, int host, int parent)
{
	int i;

	for (i = m->nr_functions - 1; i >= 0; i--)
		if (shown[i] && m->functions[i].parent == parent && m->functions[i].host == host)
			return i;
	return NONE;
}

static void print_below(const struct machine *m, const struct selection *s, const bool *shown,
			int host, int parent, const char *indent)
{
	int i, last = last_below(m, shown, host, parent);
	char deeper[INDENT_SIZE];

	for (i = 0; i <= last; i++) {
		if (!shown[i] || m->functions[i].parent != parent || m->functions[i].host != host)
			continue;
		printf("%s%s ", indent, i == last ? "`-" : "|-");
		print_function(m, s, i);
		if (snprintf(deeper, sizeof(deeper), "%s%s", indent,
			     i == last ? "   " : "|  ") < (int)sizeof(deeper))
			print_below(m, s, shown, host, i, deeper);
		else if (last_below(m, shown, host, i) != NONE)
			printf("%s   `- and more, too deep to be looked at\n", indent);
	}
}

static bool print_tree(const struct machine *m, const struct selection *s)
{
	bool *shown = calloc((size_t)m->nr_functions + 1, sizeof(*shown));
	char name[256];
	int h;

	if (!shown)
		return false;
	mark_shown(m, s, shown);
	for (h = 0; h < m->nr_hosts; h++) {
		if (last_below(m, shown, h, NONE) == NONE)
			continue;
		printf("%s  %s: %s\n", m->hosts[h].address,
		       host_name(m, &m->hosts[h], name, sizeof(name)),
		       host_phrase(m, &m->hosts[h]));
		print_below(m, s, shown, h, NONE, "");
	}
	free(shown);
	return true;
}

/* "B4": a letter for the route, and the distance. */
static void cell(const struct machine *m, int provider, int client, char *text, size_t size)
{
	struct peerbuf_verdict v;

	machine_route(m, provider, client, &v, NULL, NULL);
	if (v.reason == PEERBUF_REASON_SAME_DEVICE)
		snprintf(text, size, ".");
	else if (v.route == PEERBUF_ROUTE_BUS_ADDRESS)
		snprintf(text, size, "B%u", v.distance);
	else if (v.route == PEERBUF_ROUTE_HOST_BRIDGE)
		snprintf(text, size, "%c%u", v.reason == PEERBUF_REASON_OVERRIDE ? 'O' : 'H',
			 v.distance);
	else
		snprintf(text, size, "%s", v.route == PEERBUF_ROUTE_UNKNOWN ? "?" : "-");
}

static void print_matrix(const struct machine *m, const struct selection *s)
{
	char text[32];
	int row, column;

	puts("\nRow: whose memory. Column: who reads and writes it. The number is the distance.\n"
	     "B by bus address, below one bridge   H through the host bridge   O by override\n"
	     "- not supported   ? not known   (\"peerbuf topo check A B\" tells why)\n");
	printf("%20s", "");
	for (column = 0; column < s->nr; column++)
		printf("%5d", column + 1);
	for (row = 0; row < s->nr; row++) {
		printf("\n%4d %-15s", row + 1, m->functions[s->index[row]].address);
		for (column = 0; column < s->nr; column++) {
			cell(m, s->index[row], s->index[column], text, sizeof(text));
			printf("%5s", text);
		}
	}
	putchar('\n');
}

static void print_notes(const struct machine *m)
{
	int i;

	if (m->nr_overrides)
		printf("\nOverride (the kernel is tainted): %s\n", m->override_text);
	for (i = 0; i < m->nr_functions; i++)
		if (!m->functions[i].acs_known) {
			puts("\nACS registers could not be read: only root may. Routes that "
			     "depend on them are not known.");
			break;
		}
}

static int print_text(struct tool *tool, const struct machine *m, const struct selection *s)
{
	if (!s->nr) {
		puts("There are no PCI devices that could share memory.");
		return EXIT_OK;
	}
	if (!print_tree(m, s))
		return fail(tool, "there is not enough memory");
	print_matrix(m, s);
	print_notes(m);
	return EXIT_OK;
}

/* -------------------------------------------------------------------------- JSON */

static struct json_object *routes_json(const struct machine *m, const struct selection *s)
{
	struct json_object *routes = json_object_new_array(), *row;
	struct peerbuf_verdict v;
	int p, c;

	for (p = 0; p < s->nr; p++)
		for (c = 0; c < s->nr; c++) {
			machine_route(m, s->index[p], s->index[c], &v, NULL, NULL);
			row = json_object_new_object();
			json_object_object_add(row, "provider",
				json_text(m->functions[s->index[p]].address));
			json_object_object_add(row, "client",
				json_text(m->functions[s->index[c]].address));
			json_object_object_add(row, "route", json_text(peerbuf_route_name(v.route)));
			json_object_object_add(row, "reason", json_text(reason_name(v.reason)));
			json_object_object_add(row, "distance",
					       json_object_new_int((int)v.distance));
			json_object_array_add(routes, row);
		}
	return routes;
}

static struct json_object *hosts_json(const struct machine *m)
{
	struct json_object *hosts = json_object_new_array(), *row;
	char name[256];
	int h;

	for (h = 0; h < m->nr_hosts; h++) {
		const struct host_bridge *host = &m->hosts[h];

		row = json_object_new_object();
		json_object_object_add(row, "address", json_text(host->address));
		json_object_object_add(row, "name",
			json_text(host->first == NONE ? NULL :
				  host_name(m, host, name, sizeof(name))));
		json_object_object_add(row, "routing", json_text(host_phrase(m, host)));
		json_object_array_add(hosts, row);
	}
	return hosts;
}

static int print_topo_json(const struct machine *m, const struct selection *s)
{
	struct json_object *document = json_object_new_object(), *functions;
	bool *shown = calloc((size_t)m->nr_functions + 1, sizeof(*shown));
	int i;

	json_object_object_add(document, "kernel",
			       json_object_get(json_object_object_get(m->json, "kernel")));
	json_object_object_add(document, "cpu",
			       json_object_get(json_object_object_get(m->json, "cpu")));
	json_object_object_add(document, "route_override", json_text(m->override_text));
	json_object_object_add(document, "host_bridges", hosts_json(m));
	functions = json_object_new_array();
	if (shown)
		mark_shown(m, s, shown);
	for (i = 0; shown && i < m->nr_functions; i++)
		if (shown[i])
			json_object_array_add(functions, json_object_get(m->functions[i].json));
	free(shown);
	json_object_object_add(document, "functions", functions);
	json_object_object_add(document, "routes", routes_json(m, s));
	print_json(document);
	return EXIT_OK;
}

/* ---------------------------------------------------------------------- commands */

static int report(struct tool *tool, const struct machine *m, const struct selection *s)
{
	if (tool->json)
		return print_topo_json(m, s);
	if (tool->svg)
		return write_svg(tool, m, s);
	if (tool->dot) {
		write_dot(m, s, stdout);
		return EXIT_OK;
	}
	return print_text(tool, m, s);
}

static int topo_show(struct tool *tool, unsigned int nr_args, char **args)
{
	struct selection s;
	struct machine *m;
	int status;

	if (tool->json + tool->dot + tool->svg > 1)
		return fail_usage(tool, "only one of --json, --dot and --svg can be had");
	m = machine_open(tool);
	if (!m)
		return EXIT_FAILED;
	if (select_functions(tool, m, nr_args, args, &s, &status)) {
		status = report(tool, m, &s);
		free(s.index);
	}
	machine_close(m);
	return status;
}

static int topo_check(struct tool *tool, unsigned int nr_args, char **args)
{
	struct machine *m = machine_open(tool);
	int provider, client = NONE, status = EXIT_FAILED;

	(void)nr_args;
	if (!m)
		return EXIT_FAILED;
	provider = resolve(tool, m, args[0], &status);
	if (provider != NONE)
		client = resolve(tool, m, args[1], &status);
	if (client != NONE)
		status = explain(tool, m, provider, client);
	machine_close(m);
	return status;
}

static int topo_dump(struct tool *tool, unsigned int nr_args, char **args)
{
	struct machine *m = machine_open(tool);

	(void)nr_args;
	(void)args;
	if (!m)
		return EXIT_FAILED;
	print_json(json_object_get(m->json));
	machine_close(m);
	return EXIT_OK;
}

/* The verbs first: the noun alone takes all other words as devices. */
const struct command topo_commands[] = {
	{ "topo", "check", "A B", 2, 2,
	  "explain whether B reaches memory of A, and what to do if not", topo_check },
	{ "topo", "dump", "", 0, 0,
	  "record this machine, for --from", topo_dump },
	{ "topo", NULL, "[BDF ...]", 0, 64,
	  "show the PCI tree, and who reaches whom", topo_show },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
