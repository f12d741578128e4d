/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine's PCI functions and the routes between them.
 *
 * The machine at hand is recorded first (record.c), and the recording read like any other: a
 * report cannot depend on whether it was made here or elsewhere.
 */
#ifndef PEERBUF_MACHINE_H
#define PEERBUF_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json_object.h>
#include <linux/peerbuf/p2p.h>
#include <peerbuf.h>

#include "tool.h"

#define NONE	(-1)

/* Indices are those of struct machine's arrays; NONE where there is nothing. */
struct function {
	uint64_t id;		/* PEERBUF_PCI_ID() */
	const char *address;
	int parent;		/* the bridge above; NONE on a root bus */
	int host;
	int physical;		/* the physical function of a virtual one */
	unsigned int vendor;
	unsigned int device;
	unsigned int class;	/* 24 bits */
	const char *port;	/* PCIe type, such as "root port"; NULL: not PCIe or not known */
	bool acs_known;
	bool has_acs;
	uint16_t acs_supports;
	uint16_t acs_enabled;
	const char *name;	/* NULL: not in the database */
	struct json_object *json;	/* all of it */
};

struct host_bridge {
	struct peerbuf_host bridge;
	char address[16];	/* "0000:00" */
	int first;		/* the function that identifies it, or NONE */
	bool unclear;		/* whether one does could not be read */
};

struct machine {
	struct json_object *json;
	struct function *functions;	/* in order of their ids; who is above comes first */
	int nr_functions;
	struct host_bridge *hosts;
	int nr_hosts;
	bool cpu_routes;
	const char *cpu_vendor;		/* NULL: not an x86 processor */
	unsigned int cpu_family;
	struct peerbuf_override overrides[PEERBUF_MAX_OVERRIDES];
	size_t nr_overrides;
	const char *override_text;	/* NULL: peerbuf_core was not loaded */
	char wrong[128];		/* why it cannot be used */
};

/* What the tool itself finds out, in addition to enum peerbuf_route_reason. */
#define REASON_UNREADABLE	100u

/* The recording of this machine, or NULL after the failure was reported. */
struct json_object *record_machine(struct tool *tool);

/* The machine at hand, or that of --from; NULL after the failure was reported. */
struct machine *machine_open(struct tool *tool);
void machine_close(struct machine *m);

/* The function with this address, or NONE. */
int machine_find(const struct machine *m, uint64_t id);

/* How @client reaches memory of @provider. The paths may be NULL. */
void machine_route(const struct machine *m, int provider, int client, struct peerbuf_verdict *v,
		   struct peerbuf_path *provider_path, struct peerbuf_path *client_path);

/* Is one of the two below more bridges than are looked at? Then it is refused. */
bool machine_too_deep(const struct peerbuf_verdict *v);

/* "bus-address", "acs-redirect" */
const char *reason_name(uint32_t reason);

/* Of an endpoint that takes part in transfers: not a bridge, nor part of the chip set. */
bool is_worker(const struct function *f);
bool is_bridge(const struct function *f);
bool is_virtual(const struct function *f);

/* How many virtual functions this one has. */
int count_virtual(const struct machine *m, int i);

/* "RequestRedirect, CompletionRedirect", as lspci writes them; of the bits that redirect. */
void redirect_bits(uint16_t acs, char *text, size_t size);

/* "Red Hat, Inc. QEMU PCIe Root port", or the numbers if there is no name. */
const char *function_name(const struct function *f, char *text, size_t size);

#endif
