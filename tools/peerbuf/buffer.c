// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peerbuf buffer: the buffers that the kernel modules know.
 *
 * debugfs has a line of key=value words for each buffer and, led by a tab, one for each
 * attachment to it. Keys that a newer kernel module adds are passed on as they are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define BUFFERS_FILE	"kernel/debug/peerbuf/buffers"

/* Decimal or hexadecimal numbers become JSON numbers, anything else text. */
static struct json_object *convert(const char *value)
{
	unsigned long long number;
	char *end;

	if (strchr("0123456789", value[0]) && value[0]) {
		errno = 0;
		number = strtoull(value, &end, 0);
		if (!*end && !errno)
			return json_number(number);
	}
	return json_text(value);
}

/* Add the words of a line to an object; false if one of them is not key=value. */
static bool parse_line(char *line, struct json_object *object)
{
	char *save = NULL, *word;

	for (word = strtok_r(line, " \t\n", &save); word;
	     word = strtok_r(NULL, " \t\n", &save)) {
		char *equals = strchr(word, '=');

		if (!equals || equals == word)
			return false;
		*equals = '\0';
		json_object_object_add(object, word, convert(equals + 1));
	}
	return true;
}

/* Take one line; false if it makes no sense. */
static bool take_line(char *line, struct json_object *rows)
{
	size_t nr = json_object_array_length(rows);
	struct json_object *object, *last;

	if (line[strspn(line, " \t\n")] == '\0')
		return true;
	object = json_object_new_object();
	if (line[0] != '\t') {
		json_object_array_add(rows, object);
		if (!parse_line(line, object))
			return false;
		json_object_object_add(object, "importers", json_object_new_array());
		return true;
	}
	if (nr == 0 || !parse_line(line, object)) {
		json_object_put(object);
		return false;
	}
	last = json_object_array_get_idx(rows, nr - 1);
	json_object_array_add(json_object_object_get(last, "importers"), object);
	return true;
}

/* Names of the attached devices, with commas. */
static void format_importers(struct json_object *importers, char *text, size_t size)
{
	size_t i, used = 0, nr = json_object_array_length(importers);

	for (i = 0; i < nr && used < size; i++) {
		struct json_object *importer = json_object_array_get_idx(importers, i);
		const char *name = json_object_get_string(
					json_object_object_get(importer, "importer"));

		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "," : "",
					 name ? name : "?");
	}
}

static int open_failed(struct tool *tool, int err)
{
	if (err == EACCES || err == EPERM)
		return fail(tool, "only root may list buffers");
	if (err == ENOENT)
		return fail(tool,
			    "%s/" BUFFERS_FILE " is not there; load peerbuf_core and mount debugfs",
			    tool->sysfs);
	return fail(tool, "the buffers cannot be listed: %s", strerror(err));
}

static int buffer_list(struct tool *tool, unsigned int nr_args, char **args)
{
	static const struct column columns[] = {
		{ "id", "ID", true, NULL },
		{ "name", "NAME", false, NULL },
		{ "exporter", "EXPORTER", false, NULL },
		{ "size", "SIZE", true, format_size_json },
		{ "state", "STATE", false, NULL },
		{ "ranges", "RANGES", true, NULL },
		{ "attachments", "ATTACHMENTS", true, NULL },
		{ "revokes", "REVOKES", true, NULL },
		{ "restores", "RESTORES", true, NULL },
		{ "importers", "IMPORTERS", false, format_importers },
	};
	struct json_object *rows;
	unsigned int number = 0;
	char path[PATH_SIZE];
	char *line = NULL;
	size_t size = 0;
	FILE *file;
	bool good = true;

	(void)nr_args;
	(void)args;
	snprintf(path, sizeof(path), "%s/" BUFFERS_FILE, tool->sysfs);
	file = fopen(path, "re");
	if (!file)
		return open_failed(tool, errno);
	rows = json_object_new_array();
	while (good && getline(&line, &size, file) >= 0) {
		number++;
		good = take_line(line, rows);
	}
	free(line);
	fclose(file);
	if (!good) {
		json_object_put(rows);
		return fail(tool, "line %u of %s is not made of key=value words", number, path);
	}
	print_rows(tool, rows, columns, sizeof(columns) / sizeof(columns[0]),
		   "There are no buffers.");
	return EXIT_OK;
}

const struct command buffer_commands[] = {
	{ "buffer", "list", "", 0, 0,
	  "show exported buffers, their state and importers", buffer_list },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
