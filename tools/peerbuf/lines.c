// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines of key=value words, as the kernel modules write them to debugfs and to tracepoints.
 * Keys that a newer module adds are passed on as they are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffers.h"

/* Decimal or hexadecimal numbers become JSON numbers, anything else text. */
static struct json_object *convert(const char *value)
{
	unsigned long long number;
	char *end;

	if (value[0] >= '0' && value[0] <= '9') {
		errno = 0;
		number = strtoull(value, &end, 0);
		if (!*end && !errno)
			return json_number(number);
	} else if (value[0] == '-' && value[1] >= '0' && value[1] <= '9') {
		long long negative;

		errno = 0;
		negative = strtoll(value, &end, 10);
		if (!*end && !errno)
			return json_object_new_int64(negative);
	}
	return json_text(value);
}

bool parse_words(char *line, struct json_object *object)
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
static bool take_line(char *line, const char *children, struct json_object *rows)
{
	size_t nr = json_object_array_length(rows);
	struct json_object *object, *last;

	if (line[strspn(line, " \t\n")] == '\0')
		return true;
	object = json_object_new_object();
	if (line[0] != '\t') {
		json_object_array_add(rows, object);
		if (!parse_words(line, object))
			return false;
		if (children)
			json_object_object_add(object, children, json_object_new_array());
		return true;
	}
	if (nr == 0 || !children || !parse_words(line, object)) {
		json_object_put(object);
		return false;
	}
	last = json_object_array_get_idx(rows, nr - 1);
	json_object_array_add(json_object_object_get(last, children), object);
	return true;
}

int read_lines(const char *path, const char *children, struct json_object **rows,
	       unsigned int *number)
{
	struct json_object *list;
	char *line = NULL;
	size_t size = 0;
	bool good = true;
	FILE *file;

	*number = 0;
	file = fopen(path, "re");
	if (!file)
		return -errno;
	list = json_object_new_array();
	while (good && getline(&line, &size, file) >= 0) {
		++*number;
		good = take_line(line, children, list);
	}
	free(line);
	fclose(file);
	if (!good) {
		json_object_put(list);
		return -EPROTO;
	}
	*rows = list;
	return 0;
}
