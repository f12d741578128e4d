// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tree as a picture. Devices that reach each other by bus address have the same colour;
 * ports that redirect are red.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "topo.h"

extern char **environ;

/* Light enough for black text, told apart also by those who do not see red and green. */
static const char *const colours[] = {
	"#a6cee3", "#fdbf6f", "#b2df8a", "#cab2d6", "#ffff99", "#80b1d3", "#fccde5", "#ccebc5",
};

#define NR_COLOURS	((int)(sizeof(colours) / sizeof(colours[0])))

/* When the colours are used up, they come again with another outline. */
static const char *const outlines[] = {
	"rounded,filled", "rounded,filled,dashed", "rounded,filled,bold", "rounded,filled,dotted",
};

#define NR_OUTLINES	((int)(sizeof(outlines) / sizeof(outlines[0])))

/* How a function is drawn. */
struct look {
	const char *fill;
	const char *style;
};

/* Text inside a string of graphviz. */
static void quote(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
}

/* Long names in lines of at most so many characters, broken at blanks. */
static void quote_wrapped(FILE *out, const char *text, int width)
{
	char word[64];
	int used = 0, length;

	while (sscanf(text, " %63s%n", word, &length) == 1) {
		if (used && used + (int)strlen(word) >= width) {
			fputs("\\n", out);
			used = 0;
		} else if (used) {
			fputc(' ', out);
		}
		quote(out, word);
		used += (int)strlen(word) + 1;
		text += length;
	}
}

/* The first of the selection that this one exchanges bus addresses with, directly or not. */
static void find_islands(const struct machine *m, const struct selection *s, int *island)
{
	struct peerbuf_verdict v;
	int a, b, n, old;

	for (a = 0; a < s->nr; a++)
		island[a] = a;
	for (a = 0; a < s->nr; a++)
		for (b = 0; b < s->nr; b++) {
			machine_route(m, s->index[a], s->index[b], &v, NULL, NULL);
			if (v.route != PEERBUF_ROUTE_BUS_ADDRESS || island[a] == island[b])
				continue;
			old = island[b] > island[a] ? island[b] : island[a];
			for (n = 0; n < s->nr; n++)
				if (island[n] == old)
					island[n] = island[a] + island[b] - old;
		}
}

/* White if it is alone. */
static struct look island_look(const struct selection *s, const int *island, int n)
{
	int i, size = 0, rank = 0;

	for (i = 0; i < s->nr; i++)
		size += island[i] == island[n];
	if (size < 2)
		return (struct look) { "white", outlines[0] };
	/* How many islands come before this one. */
	for (i = 0; i < island[n]; i++) {
		int k, members = 0;

		for (k = 0; k < s->nr; k++)
			members += island[k] == i;
		rank += members > 1;
	}
	return (struct look) {
		colours[rank % NR_COLOURS],
		outlines[rank / NR_COLOURS % NR_OUTLINES],
	};
}

static void write_function(const struct machine *m, int i, const struct look *look, FILE *out)
{
	const struct function *f = &m->functions[i];
	int virtuals = count_virtual(m, i);
	bool redirects = f->acs_enabled & PEERBUF_ACS_REDIRECT;
	char text[256];

	fprintf(out, "\t\t\"%s\" [label=\"%s", f->address, f->address);
	if (is_bridge(f)) {
		fprintf(out, "\\n%s", f->port ? f->port : "bridge");
		if (redirects) {
			redirect_bits(f->acs_enabled, text, sizeof(text));
			fputs("\\n", out);
			quote_wrapped(out, text, 20);
		}
		fprintf(out, "\", shape=box, fontsize=9, style=filled, fillcolor=\"%s\"",
			redirects ? "#f4a582" : "#eeeeee");
	} else {
		fputs("\\n", out);
		quote_wrapped(out, function_name(f, text, sizeof(text)), 32);
		format_bars(json_object_object_get(f->json, "bars"), text, sizeof(text));
		if (text[0])
			fprintf(out, "\\nBARs %s", text);
		if (virtuals)
			fprintf(out, "\\n%d virtual function%s", virtuals, virtuals > 1 ? "s" : "");
		fprintf(out, "\", shape=box, style=\"%s\", fillcolor=\"%s\"%s", look->style,
			look->fill, redirects ? ", color=red" : "");
	}
	fputs("];\n", out);
}

static void write_host(const struct machine *m, int h, const bool *shown, const struct selection *s,
		       const int *island, FILE *out)
{
	const struct host_bridge *host = &m->hosts[h];
	char name[256];
	int i, n;

	fprintf(out, "\tsubgraph \"cluster_%s\" {\n\t\tlabel=\"host bridge %s  ", host->address,
		host->address);
	quote(out, host_name(m, host, name, sizeof(name)));
	fprintf(out, "\\l%s\\l\";\n\t\tlabeljust=l; color=\"#888888\";\n", host_phrase(m, host));
	fprintf(out, "\t\t\"%s\" [label=\"%s\", shape=plain, fontsize=9];\n",
		host->address, host->address);
	/* Graphviz draws the first one lowest. */
	for (i = m->nr_functions - 1; i >= 0; i--) {
		struct look look = { "#eeeeee", outlines[0] };

		if (!shown[i] || m->functions[i].host != h)
			continue;
		for (n = 0; n < s->nr; n++)
			if (s->index[n] == i)
				look = island_look(s, island, n);
		write_function(m, i, &look, out);
		fprintf(out, "\t\t\"%s\" -- \"%s\";\n",
			m->functions[i].parent == NONE ? host->address :
			m->functions[m->functions[i].parent].address, m->functions[i].address);
	}
	fputs("\t}\n", out);
}

static void write_overrides(const struct machine *m, const bool *shown, FILE *out)
{
	size_t i;

	for (i = 0; i < m->nr_overrides; i++) {
		int a = machine_find(m, m->overrides[i].a), b = machine_find(m, m->overrides[i].b);

		if (a != NONE && b != NONE && shown[a] && shown[b])
			fprintf(out, "\t\"%s\" -- \"%s\" [constraint=false, style=dashed, "
				"color=red, fontsize=9, label=override];\n",
				m->functions[a].address, m->functions[b].address);
	}
}

void write_dot(const struct machine *m, const struct selection *s, FILE *out)
{
	bool *shown = calloc((size_t)m->nr_functions + 1, sizeof(*shown));
	int *island = calloc((size_t)s->nr + 1, sizeof(*island));
	int h, i, n;

	fputs("graph peerbuf {\n"
	      "\trankdir=LR; ordering=out; nodesep=0.15; ranksep=0.5; fontname=\"sans-serif\";\n"
	      "\tnode [fontname=\"sans-serif\", fontsize=11]; edge [color=\"#555555\"];\n"
	      "\tlabel=\"Devices of one colour and outline reach each other by bus address, "
	      "below one bridge.\\nRed ports redirect to the host bridge.\";\n", out);
	for (n = 0; shown && n < s->nr; n++)
		for (i = s->index[n]; i != NONE; i = m->functions[i].parent)
			shown[i] = true;
	if (shown && island) {
		find_islands(m, s, island);
		for (h = m->nr_hosts - 1; h >= 0; h--) {
			for (i = 0; i < m->nr_functions; i++)
				if (shown[i] && m->functions[i].host == h)
					break;
			if (i < m->nr_functions)
				write_host(m, h, shown, s, island, out);
		}
		write_overrides(m, shown, out);
	}
	fputs("}\n", out);
	free(shown);
	free(island);
}

/* Start graphviz with the picture's text as its input; its end to write to, or NULL. */
static FILE *start_graphviz(pid_t *pid)
{
	static char *const argv[] = { "dot", "-Tsvg", NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], err;

	if (pipe(ends))
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	err = posix_spawnp(pid, "dot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[0]);
	if (err) {
		close(ends[1]);
		errno = err;
		return NULL;
	}
	return fdopen(ends[1], "w");
}

int write_svg(struct tool *tool, const struct machine *m, const struct selection *s)
{
	FILE *out;
	int status;
	pid_t pid;

	/* Graphviz that gives up early is told by its exit status, not by a signal to us. */
	signal(SIGPIPE, SIG_IGN);
	fflush(stdout);
	out = start_graphviz(&pid);
	if (!out)
		return fail(tool, "the picture cannot be drawn: dot, of graphviz: %s; --dot gives "
			    "its description", strerror(errno));
	write_dot(m, s, out);
	fclose(out);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return fail(tool, "the picture cannot be drawn: dot, of graphviz, failed");
	return EXIT_OK;
}
