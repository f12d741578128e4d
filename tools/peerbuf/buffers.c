// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which dma-bufs there are. The kernel's own list has all of them, with the devices that are
 * attached; the kernel modules know more of those that they made or mapped; /proc tells which
 * processes hold them. Where the lists cannot be read, what processes hold is all there is.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linkhash.h>

#include "buffers.h"

uint64_t number_of(struct json_object *object, const char *key)
{
	return json_object_get_uint64(json_object_object_get(object, key));
}

const char *word_of(struct json_object *object, const char *key)
{
	const char *word = json_object_get_string(json_object_object_get(object, key));

	return word ? word : "";
}

static struct json_object *member(struct json_object *row, const char *key)
{
	return json_object_object_get(row, key);
}

static struct json_object *find_ino(struct json_object *rows, uint64_t ino)
{
	size_t i, nr = json_object_array_length(rows);

	for (i = 0; i < nr; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (member(row, "ino") && number_of(row, "ino") == ino)
			return row;
	}
	return NULL;
}

static struct json_object *add_buffer(struct json_object *rows, uint64_t ino)
{
	static const char *const unknown[] = {
		"id", "exporter", "name", "size", "refs", "state", "ranges", "attachments",
		"revokes", "restores", "waiting", "held",
	};
	struct json_object *row = json_object_new_object();
	size_t i;

	json_object_object_add(row, "ino", json_number(ino));
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		json_object_object_add(row, unknown[i], NULL);
	json_object_object_add(row, "importers", json_object_new_array());
	json_object_object_add(row, "holders", json_object_new_array());
	json_object_array_add(rows, row);
	return row;
}

/* -------------------------------------------------------- the kernel's own list */

/*
 * A line of a buffer has its size, flags, mode, references, exporter, inode number and name,
 * with tabs between them. The name is a user's: it may have anything in it but a line that is a
 * buffer of a number that was there before is not believed.
 */
static struct json_object *take_object(char *line, struct json_object *rows)
{
	char *field[7], *save = line, *end;
	struct json_object *row;
	uint64_t ino, size;
	size_t i;

	for (i = 0; i < 7; i++) {
		field[i] = i < 6 ? strsep(&save, "\t") : save;
		if (!field[i])
			return NULL;
	}
	size = strtoull(field[0], &end, 10);
	if (*end || strspn(field[1], "0123456789abcdef") != 8)
		return NULL;
	ino = strtoull(field[5], &end, 10);
	if (*end || end == field[5] || find_ino(rows, ino))
		return NULL;
	row = add_buffer(rows, ino);
	json_object_object_add(row, "size", json_number(size));
	json_object_object_add(row, "refs", json_number(strtoull(field[3], NULL, 10)));
	json_object_object_add(row, "exporter", json_text(field[4]));
	if (strcmp(field[6], "<none>"))
		json_object_object_add(row, "name", json_text(field[6]));
	return row;
}

static void add_importer(struct json_object *row, const char *name)
{
	struct json_object *importer = json_object_new_object();

	json_object_object_add(importer, "importer", json_text(name));
	json_object_array_add(member(row, "importers"), importer);
}

static int read_bufinfo(const struct tool *tool, struct json_object *rows)
{
	struct json_object *row = NULL;
	bool attached = false;
	char path[PATH_SIZE];
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/kernel/debug/dma_buf/bufinfo", tool->sysfs);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\t') {
			struct json_object *next = take_object(line, rows);

			row = next ? next : row;
			attached = false;
		} else if (!strcmp(line, "\tAttached Devices:")) {
			attached = true;
		} else if (attached && row) {
			add_importer(row, line + 1);
		}
	}
	free(line);
	fclose(file);
	return 0;
}

/* ------------------------------------------------------------------ our modules */

static int read_debugfs(struct tool *tool, const char *name, const char *children,
			struct json_object **rows)
{
	char path[PATH_SIZE];
	unsigned int number;
	int err;

	snprintf(path, sizeof(path), "%s/kernel/debug/peerbuf/%s", tool->sysfs, name);
	err = read_lines(path, children, rows, &number);
	if (err == -EPROTO)
		fail(tool, "line %u of %s is not made of key=value words", number, path);
	return err;
}

static void copy_members(struct json_object *to, struct json_object *from)
{
	json_object_object_foreach(from, key, value)
		json_object_object_add(to, key, json_object_get(value));
}

/* What the modules say of a buffer replaces what the kernel says, which is less. */
static int add_native(struct tool *tool, struct json_object *rows)
{
	struct json_object *native;
	size_t i;
	int err;

	err = read_debugfs(tool, "buffers", "importers", &native);
	if (err)
		return err;
	for (i = 0; i < json_object_array_length(native); i++) {
		struct json_object *from = json_object_array_get_idx(native, i);
		struct json_object *row = find_ino(rows, number_of(from, "ino"));

		if (!row)
			row = add_buffer(rows, number_of(from, "ino"));
		copy_members(row, from);
	}
	json_object_put(native);
	return 0;
}

/* An attachment that the kernel names, and of which nothing more is known yet. */
static struct json_object *find_importer(struct json_object *row, const char *name)
{
	struct json_object *list = member(row, "importers");
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *importer = json_object_array_get_idx(list, i);

		if (!member(importer, "type") && !strcmp(word_of(importer, "importer"), name))
			return importer;
	}
	return NULL;
}

static int add_foreign(struct tool *tool, struct json_object *rows)
{
	static const char *const of_buffer[] = { "ino", "exporter", "size" };
	struct json_object *foreign;
	size_t i, n;
	int err;

	err = read_debugfs(tool, "foreign", NULL, &foreign);
	if (err)
		return err;
	for (i = 0; i < json_object_array_length(foreign); i++) {
		struct json_object *from = json_object_array_get_idx(foreign, i);
		struct json_object *row = find_ino(rows, number_of(from, "ino")), *importer;

		if (!row)
			row = add_buffer(rows, number_of(from, "ino"));
		for (n = 0; n < sizeof(of_buffer) / sizeof(of_buffer[0]); n++) {
			json_object_object_add(row, of_buffer[n],
					       json_object_get(member(from, of_buffer[n])));
			json_object_object_del(from, of_buffer[n]);
		}
		importer = find_importer(row, word_of(from, "importer"));
		if (importer)
			copy_members(importer, from);
		else
			json_object_array_add(member(row, "importers"), json_object_get(from));
	}
	json_object_put(foreign);
	return 0;
}

/* ---------------------------------------------------------------------- holders */

struct holding {
	const struct tool *tool;
	struct json_object *rows;
};

static struct json_object *holder_of(const struct tool *tool, struct json_object *row, pid_t pid)
{
	struct json_object *list = member(row, "holders"), *holder;
	char name[NAME_SIZE];
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		holder = json_object_array_get_idx(list, i);
		if (number_of(holder, "pid") == (uint64_t)pid)
			return holder;
	}
	process_name(tool, pid, name, sizeof(name));
	holder = json_object_new_object();
	json_object_object_add(holder, "pid", json_object_new_int(pid));
	json_object_object_add(holder, "comm", json_text(name));
	json_object_object_add(holder, "fds", json_object_new_int(0));
	json_object_object_add(holder, "maps", json_object_new_int(0));
	json_object_array_add(list, holder);
	return holder;
}

static void count_up(struct json_object *holder, const char *key)
{
	json_object_int_inc(member(holder, key), 1);
}

/* What a descriptor says of its buffer, for who may not read the kernel's list. */
static void take_fdinfo(struct json_object *row, const char *key, const char *value)
{
	if (!strcmp(key, "size") && !member(row, "size"))
		json_object_object_add(row, "size", json_number(strtoull(value, NULL, 10)));
	else if (!strcmp(key, "count") && !member(row, "refs"))
		json_object_object_add(row, "refs", json_number(strtoull(value, NULL, 10)));
	else if (!strcmp(key, "exp_name") && !member(row, "exporter"))
		json_object_object_add(row, "exporter", json_text(value));
	else if (!strcmp(key, "name") && !member(row, "name"))
		json_object_object_add(row, "name", json_text(value));
}

static bool see_holder(void *context, const struct seen_fd *seen)
{
	struct holding *h = context;
	struct json_object *row = NULL;
	char path[PATH_SIZE];
	char *line = NULL, *value;
	size_t size = 0;
	FILE *file;

	if (strncmp(seen->target, "/dmabuf:", 8))
		return false;
	snprintf(path, sizeof(path), "%s/proc/%d/fdinfo/%d", h->tool->root, seen->pid, seen->fd);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		value = strchr(line, ':');
		if (!value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		if (!strcmp(line, "ino")) {
			uint64_t ino = strtoull(value, NULL, 10);

			row = find_ino(h->rows, ino);
			if (!row)
				row = add_buffer(h->rows, ino);
			count_up(holder_of(h->tool, row, seen->pid), "fds");
		} else if (row) {
			take_fdinfo(row, line, value);
		}
	}
	free(line);
	fclose(file);
	return false;
}

/* Mappings stay when descriptors are closed. */
static bool see_mappings(void *context, pid_t pid)
{
	const struct holding *h = context;
	char path[PATH_SIZE];
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/%d/maps", h->tool->root, pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (getline(&line, &size, file) >= 0) {
		struct json_object *row;
		uint64_t ino;
		int at = 0;

		if (sscanf(line, "%*s %*s %*s %*s %" SCNu64 " %n", &ino, &at) != 1 ||
		    strncmp(line + at, "/dmabuf:", 8))
			continue;
		row = find_ino(h->rows, ino);
		if (!row)
			row = add_buffer(h->rows, ino);
		count_up(holder_of(h->tool, row, pid), "maps");
	}
	free(line);
	fclose(file);
	return false;
}

/* ------------------------------------------------------------------------- all */

static int by_number(const void *a, const void *b)
{
	uint64_t x = number_of(*(struct json_object *const *)a, "ino");
	uint64_t y = number_of(*(struct json_object *const *)b, "ino");

	return x < y ? -1 : x > y;
}

struct json_object *find_buffers(struct tool *tool)
{
	struct json_object *rows = json_object_new_array();
	struct holding h = { .tool = tool, .rows = rows };
	int err, native, foreign = 0;

	err = read_bufinfo(tool, rows);
	native = add_native(tool, rows);
	if (native != -EPROTO)
		foreign = add_foreign(tool, rows);
	if (native == -EPROTO || foreign == -EPROTO) {
		json_object_put(rows);
		return NULL;
	}
	each_fd(tool, see_holder, &h);
	each_process(tool, see_mappings, &h);
	if (err == -EACCES || err == -EPERM)
		note("only what this user's processes hold is shown; root sees all buffers");
	else if (err)
		note("%s/kernel/debug/dma_buf/bufinfo: %s; without debugfs only what processes hold is shown",
		     tool->sysfs, strerror(-err));
	json_object_array_sort(rows, by_number);
	return rows;
}

struct json_object *find_buffer(struct tool *tool, const char *text, int *status)
{
	bool by_id = !strncmp(text, "id=", 3);
	const char *digits = by_id ? text + 3 : text;
	struct json_object *rows, *row = NULL;
	uint64_t number;
	size_t i;
	char *end;

	errno = 0;
	number = strtoull(digits, &end, 10);
	if (!*digits || *end || errno || digits[0] < '0' || digits[0] > '9') {
		*status = fail_usage(tool, "\"%s\" is neither an inode number nor id=NUMBER of a buffer; see peerbuf buffer list",
				     text);
		return NULL;
	}
	*status = EXIT_FAILED;
	rows = find_buffers(tool);
	if (!rows)
		return NULL;
	for (i = 0; !row && i < json_object_array_length(rows); i++) {
		struct json_object *candidate = json_object_array_get_idx(rows, i);
		struct json_object *value = member(candidate, by_id ? "id" : "ino");

		if (value && json_object_get_uint64(value) == number)
			row = json_object_get(candidate);
	}
	json_object_put(rows);
	if (!row)
		fail(tool, "there is no buffer %s; see peerbuf buffer list", text);
	else
		*status = EXIT_OK;
	return row;
}

void format_importers(struct json_object *importers, char *text, size_t size)
{
	size_t i, used = 0, nr = json_object_array_length(importers);

	for (i = 0; i < nr && used < size; i++) {
		struct json_object *importer = json_object_array_get_idx(importers, i);
		const char *name = word_of(importer, "importer"), *type = word_of(importer, "type");

		used += (size_t)snprintf(text + used, size - used, "%s%s%s%s%s", i ? "," : "",
					 *name ? name : "?", *type ? "(" : "", type,
					 *type ? ")" : "");
	}
}

void format_holders(struct json_object *holders, char *text, size_t size)
{
	size_t i, used = 0, nr = json_object_array_length(holders);

	for (i = 0; i < nr && used < size; i++) {
		struct json_object *holder = json_object_array_get_idx(holders, i);

		used += (size_t)snprintf(text + used, size - used, "%s%s(%" PRIu64 ")",
					 i ? "," : "", word_of(holder, "comm"),
					 number_of(holder, "pid"));
	}
}
