/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peerbuf topo: what its files share. */
#ifndef PEERBUF_TOPO_H
#define PEERBUF_TOPO_H

#include "machine.h"

/* The functions that a report is about: indices, in order. */
struct selection {
	int *index;
	int nr;
};

/* Explain one pair: why, and what can be done. Return the exit status. */
int explain(struct tool *tool, const struct machine *m, int provider, int client);

/* A picture in the language of graphviz, to @out. */
void write_dot(const struct machine *m, const struct selection *s, FILE *out);

/* The same as SVG on standard output, by way of the program dot. Return the exit status. */
int write_svg(struct tool *tool, const struct machine *m, const struct selection *s);

/* Where the function's host bridge stands in the list, as a phrase. */
const char *host_phrase(const struct machine *m, const struct host_bridge *host);

/* Its name, or "an unidentified host bridge". */
const char *host_name(const struct machine *m, const struct host_bridge *host, char *text,
		      size_t size);

#endif
