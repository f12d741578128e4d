// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peerbuf test: move data between two devices, and look at every byte.
 *
 * A rule that says that two devices reach each other, or an override that does, is believed when
 * data have gone that way. The same is done with RAM in place of the memory of A, so that a fault of
 * B's is not taken for one of the way.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "test.h"

#define MAX_LENGTH	(256ULL << 20)
#define MAP_BOTH	(PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)

/* Memory that both the processor and the engine see. */
struct window {
	const char *name;
	unsigned char *cpu;
	uint64_t iova;
};

struct test {
	struct tool *tool;
	const char *provider;		/* addresses */
	const char *client;
	int bar;
	uint64_t offset;
	uint64_t length;
	const struct engine_kind *kind;
	struct peerbuf_container *container;		/* of the provider */
	struct peerbuf_device *device;
	int buffer;
	struct engine engine;
	bool engine_open;
	struct window ram, scratch, memory;
	unsigned char *expected;
	unsigned char *saved;
	struct json_object *rows;
	uint64_t wrong;
};

/* ---------------------------------------------------------------------- patterns */

static void pattern_zeros(unsigned char *data, uint64_t length)
{
	memset(data, 0, length);
}

static void pattern_ones(unsigned char *data, uint64_t length)
{
	memset(data, 0xff, length);
}

/* Each word says where it belongs: finds what arrives at a wrong place. */
static void pattern_places(unsigned char *data, uint64_t length)
{
	uint64_t i, word;

	for (i = 0; i + 8 <= length; i += 8) {
		word = i * 0x0000000100000001ULL;
		memcpy(data + i, &word, 8);
	}
}

static void pattern_noise(unsigned char *data, uint64_t length)
{
	uint64_t state = 0x9e3779b97f4a7c15ULL, i;

	for (i = 0; i < length; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		data[i] = (unsigned char)(state >> 32);
	}
}

static const struct pattern {
	const char *name;
	void (*fill)(unsigned char *data, uint64_t length);
} patterns[] = {
	{ "zeros", pattern_zeros },
	{ "ones", pattern_ones },
	{ "places", pattern_places },
	{ "noise", pattern_noise },
};

/* ------------------------------------------------------------------------- moving */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Device memory is read in words: bytes would take eight times as long. */
static uint64_t count_wrong(const struct test *t, const struct window *w, uint64_t *first)
{
	uint64_t i, n, wrong = 0, seen;

	for (i = 0; i < t->length; i += 8) {
		seen = *(volatile uint64_t *)(w->cpu + i);
		for (n = 0; n < 8; n++)
			if (((unsigned char *)&seen)[n] != t->expected[i + n] && !wrong++)
				*first = i + n;
	}
	return wrong;
}

/* So that what does not arrive is seen. */
static void spoil(const struct test *t, const struct window *w)
{
	uint64_t i, word;

	for (i = 0; i < t->length; i += 8) {
		memcpy(&word, t->expected + i, 8);
		*(volatile uint64_t *)(w->cpu + i) = ~word;
	}
	/* Write-combined or posted: it has to be there before the engine writes. */
	(void)*(volatile uint64_t *)w->cpu;
}

/* One move to @to; a row of the report. */
static int move(struct test *t, const char *what, const struct window *from,
		const struct window *to)
{
	struct json_object *row = json_object_new_object();
	uint64_t wrong, first = 0;
	double seconds;
	char way[64];
	int err;

	spoil(t, to);
	seconds = now();
	err = t->engine.kind->move(&t->engine, to->iova, from ? from->iova : 0, t->length);
	seconds = now() - seconds;
	wrong = count_wrong(t, to, &first);
	t->wrong += wrong;

	snprintf(way, sizeof(way), "%s -> %s", from ? from->name : t->kind->name, to->name);
	json_object_object_add(row, "data", json_text(what));
	json_object_object_add(row, "way", json_text(way));
	json_object_object_add(row, "bytes", json_number(t->length));
	snprintf(way, sizeof(way), "%.3f", seconds > 0 ? (double)t->length / 1e6 / seconds : 0);
	json_object_object_add(row, "mb_per_s", json_object_new_double_s(
		seconds > 0 ? (double)t->length / 1e6 / seconds : 0, way));
	json_object_object_add(row, "wrong", json_number(wrong));
	json_object_object_add(row, "first_wrong", wrong ? json_number(first) : NULL);
	json_object_object_add(row, "error", json_text(err ? strerror(-err) : NULL));
	json_object_array_add(t->rows, row);
	return err;
}

/* RAM to RAM, then to the memory of A, and from there. */
static int copy_patterns(struct test *t)
{
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && !err; i++) {
		const struct pattern *p = &patterns[i];

		p->fill(t->expected, t->length);
		memcpy(t->ram.cpu, t->expected, t->length);
		err = move(t, p->name, &t->ram, &t->scratch);
		if (!err)
			err = move(t, p->name, &t->ram, &t->memory);
		if (!err)
			err = move(t, p->name, &t->memory, &t->scratch);
	}
	return err;
}

/* What the engine has is what it stores in RAM, twice. */
static int store_own(struct test *t)
{
	int err;

	pattern_noise(t->expected, t->length);
	err = t->engine.kind->move(&t->engine, t->ram.iova, 0, t->length);
	if (err)
		return err;
	memcpy(t->expected, t->ram.cpu, t->length);
	err = move(t, "own", NULL, &t->scratch);
	if (!err)
		err = move(t, "own", NULL, &t->memory);
	return err;
}

/* ---------------------------------------------------------------------- preparing */

/* The largest that can be read without side effects. */
static int largest_prefetchable(struct json_object *bars)
{
	size_t i, nr = json_object_array_length(bars);
	uint64_t most = 0;
	int found = NONE;

	for (i = 0; i < nr; i++) {
		struct json_object *bar = json_object_array_get_idx(bars, i);
		uint64_t size = json_object_get_uint64(json_object_object_get(bar, "size"));

		if (size > most &&
		    json_object_get_boolean(json_object_object_get(bar, "prefetchable"))) {
			most = size;
			found = json_object_get_int(json_object_object_get(bar, "index"));
		}
	}
	return found;
}

static int open_provider(struct test *t)
{
	struct vfio_region_dma_range range = { .offset = t->offset, .length = t->length };
	struct peerbuf_region region;
	void *map;
	int err;

	err = peerbuf_container_open(PEERBUF_IOMMU, &t->container);
	if (err)
		return fail(t->tool, "VFIO cannot be used: %s; load vfio-pci and "
			    "vfio_iommu_peerbuf", strerror(-err));
	err = peerbuf_device_open(t->container, t->provider, &t->device);
	if (err)
		return fail(t->tool, "%s cannot be opened: %s", t->provider, device_reason(err));
	err = peerbuf_device_region(t->device, (uint32_t)t->bar, &region);
	if (err || t->offset > region.size || t->length > region.size - t->offset)
		return fail(t->tool, "BAR %d of %s has %llu bytes: the range is not in it", t->bar,
			    t->provider, err ? 0ULL : (unsigned long long)region.size);
	err = peerbuf_device_command(t->device, PCI_COMMAND_MEMORY, 0);
	t->buffer = err < 0 ? err : peerbuf_device_export(t->device, (uint32_t)t->bar,
							  O_RDWR | O_CLOEXEC, &range, 1);
	if (t->buffer < 0)
		return fail(t->tool, "%s does not export: %s", t->provider, device_reason(t->buffer));
	err = peerbuf_device_mmap(t->device, (uint32_t)t->bar, t->offset, t->length,
				  PROT_READ | PROT_WRITE, &map);
	if (err)
		return fail(t->tool, "BAR %d of %s cannot be mapped: %s", t->bar, t->provider,
			    strerror(-err));
	t->memory.cpu = map;
	return EXIT_OK;
}

static int map_ram(struct test *t, struct window *w, uint64_t iova)
{
	void *map = mmap(NULL, t->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	w->cpu = map;
	w->iova = iova;
	return peerbuf_container_map_ram(t->engine.container, map, t->length, iova, MAP_BOTH);
}

static int open_client(struct test *t)
{
	uint64_t iova;
	int err;

	err = peerbuf_container_open(PEERBUF_IOMMU, &t->engine.container);
	if (!err)
		err = t->kind->open(&t->engine, t->client);
	if (err)
		return fail(t->tool, "%s cannot be opened: %s", t->client, device_reason(err));
	t->engine_open = true;
	err = peerbuf_container_pick_iova(t->engine.container, 3 * t->length, 4096, 0, &iova);
	if (!err && iova + 3 * t->length > t->kind->limit)
		err = -ENOSPC;
	if (err)
		return fail(t->tool, "there are not enough I/O virtual addresses that %s reaches",
			    t->client);
	err = map_ram(t, &t->ram, iova);
	if (!err)
		err = map_ram(t, &t->scratch, iova + t->length);
	if (err)
		return fail(t->tool, "RAM cannot be mapped for %s: %s", t->client, strerror(-err));
	t->memory.iova = iova + 2 * t->length;
	err = peerbuf_container_map_buffer(t->engine.container, t->buffer, -1, 0, t->length,
					   t->memory.iova, MAP_BOTH);
	if (err)
		return fail(t->tool, "memory of %s cannot be mapped for %s: %s", t->provider,
			    t->client, strerror(-err));
	return EXIT_OK;
}

static void finish(struct test *t)
{
	uint64_t i;

	/* First of all: what the engine still does must not reach what others get then. */
	if (t->engine_open)
		t->kind->close(&t->engine);
	for (i = 0; t->saved && t->memory.cpu && i < t->length; i += 8)
		*(volatile uint64_t *)(t->memory.cpu + i) = *(uint64_t *)(t->saved + i);
	if (t->engine.container)
		peerbuf_container_close(t->engine.container);
	if (t->memory.cpu)
		munmap(t->memory.cpu, t->length);
	if (t->ram.cpu)
		munmap(t->ram.cpu, t->length);
	if (t->scratch.cpu)
		munmap(t->scratch.cpu, t->length);
	if (t->buffer >= 0)
		close(t->buffer);
	if (t->device)
		peerbuf_device_close(t->device);
	if (t->container)
		peerbuf_container_close(t->container);
	free(t->expected);
	free(t->saved);
}

static int save(struct test *t)
{
	uint64_t i;

	t->expected = malloc(t->length);
	t->saved = calloc(1, t->length);
	if (!t->expected || !t->saved)
		return fail(t->tool, "there is not enough memory");
	for (i = 0; i < t->length; i += 8)
		*(uint64_t *)(t->saved + i) = *(volatile uint64_t *)(t->memory.cpu + i);
	return EXIT_OK;
}

/* ------------------------------------------------------------------------- report */

static int report(struct test *t, const struct peerbuf_verdict *v, int err)
{
	static const struct column columns[] = {
		{ "data", "DATA", false, NULL },
		{ "way", "WAY", false, NULL },
		{ "bytes", "BYTES", true, NULL },
		{ "mb_per_s", "MB/S", true, NULL },
		{ "wrong", "WRONG", true, NULL },
		{ "first_wrong", "FIRST WRONG", true, NULL },
		{ "error", "ERROR", false, NULL },
	};
	bool good = !err && !t->wrong;

	if (t->tool->json) {
		struct json_object *document = json_object_new_object();

		json_object_object_add(document, "provider", json_text(t->provider));
		json_object_object_add(document, "client", json_text(t->client));
		json_object_object_add(document, "route", json_text(peerbuf_route_name(v->route)));
		json_object_object_add(document, "reason", json_text(reason_name(v->reason)));
		json_object_object_add(document, "good", json_object_new_boolean(good));
		json_object_object_add(document, "moves", t->rows);
		print_json(document);
		return good ? EXIT_OK : EXIT_FAILED;
	}
	printf("Memory of %s, BAR %d, and DMA of %s (%s). Route: %s (%s).\n", t->provider, t->bar,
	       t->client, t->kind->name, peerbuf_route_name(v->route), reason_name(v->reason));
	print_rows(t->tool, t->rows, columns, sizeof(columns) / sizeof(columns[0]), "");
	if (good)
		puts("Every byte arrived.");
	else if (err)
		printf("The device gave up: %s.\n", strerror(-err));
	else
		printf("%llu bytes are wrong. Do not use this pair.\n",
		       (unsigned long long)t->wrong);
	return good ? EXIT_OK : EXIT_FAILED;
}

static int run_test(struct test *t, const struct peerbuf_verdict *v)
{
	int err, status = open_provider(t);

	if (!status)
		status = open_client(t);
	if (!status)
		status = save(t);
	if (status)
		return status;
	t->rows = json_object_new_array();
	err = t->kind->copies ? copy_patterns(t) : store_own(t);
	return report(t, v, err);
}

/* --------------------------------------------------------------------- the command */

/* BAR, OFFSET and LENGTH, as far as they are given. */
static int choose_range(struct test *t, struct json_object *provider, unsigned int nr, char **args)
{
	uint64_t bar = (uint64_t)largest_prefetchable(json_object_object_get(provider, "bars"));

	t->length = t->kind->length;
	if ((nr > 0 && (!parse_size(args[0], &bar) || bar > 5)) ||
	    (nr > 1 && !parse_size(args[1], &t->offset)) ||
	    (nr > 2 && !parse_size(args[2], &t->length)))
		return fail_usage(t->tool, "BAR is a number up to 5; OFFSET and LENGTH are bytes, "
				  "such as 65536 or 64K");
	if (bar > 5)
		return fail(t->tool, "%s has no prefetchable BAR: say which one is memory that "
			    "may be written to", t->provider);
	if (t->offset % 4096 || !t->length || t->length % t->kind->unit || t->length > MAX_LENGTH)
		return fail_usage(t->tool, "OFFSET and LENGTH are multiples of 4096, LENGTH at most "
				  "256M");
	t->bar = (int)bar;
	return EXIT_OK;
}

static int find_pair(struct tool *tool, const struct machine *m, char **args, int *index)
{
	uint64_t id;
	int i;

	for (i = 0; i < 2; i++) {
		if (!parse_address(args[i], &id))
			return fail_usage(tool, "\"%s\" is not a PCI address such as 0000:01:00.0",
					  args[i]);
		index[i] = machine_find(m, id);
		if (index[i] == NONE)
			return fail(tool, "there is no PCI device %s", args[i]);
	}
	return EXIT_OK;
}

static int test_pair(struct tool *tool, unsigned int nr_args, char **args)
{
	struct test t = { .tool = tool, .buffer = -1, .memory.name = "memory", .ram.name = "RAM",
			  .scratch.name = "RAM" };
	struct machine *m = machine_open(tool);
	const struct function *client;
	struct peerbuf_verdict v;
	int index[2] = { 0 }, status;

	if (!m)
		return EXIT_FAILED;
	status = find_pair(tool, m, args, index);
	if (status)
		goto out;
	client = &m->functions[index[1]];
	t.provider = m->functions[index[0]].address;
	t.client = client->address;
	t.kind = find_engine(client->vendor, client->device, client->class);
	if (!t.kind) {
		status = fail(tool, "%s is neither an NVMe controller nor QEMU's edu device: there "
			      "is no way to make it read and write", t.client);
		goto out;
	}
	t.engine.kind = t.kind;
	status = choose_range(&t, m->functions[index[0]].json, nr_args - 2, args + 2);
	if (status)
		goto out;
	machine_route(m, index[0], index[1], &v, NULL, NULL);
	status = run_test(&t, &v);
	finish(&t);
out:
	machine_close(m);
	return status;
}

const struct command test_commands[] = {
	{ "test", NULL, "A B [BAR] [OFFSET] [LENGTH]", 2, 5,
	  "move data between memory of A and B, and look at every byte", test_pair },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
