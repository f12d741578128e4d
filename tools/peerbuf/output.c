// SPDX-License-Identifier: GPL-2.0-or-later
/* Text and JSON. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

#define CELL_SIZE	256
#define MAX_COLUMNS	16

static void report(const struct tool *tool, const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	if (tool->json) {
		struct json_object *document = json_object_new_object();

		json_object_object_add(document, "error", json_text(text));
		print_json(document);
	} else {
		fprintf(stderr, "peerbuf: %s\n", text);
	}
}

int fail(const struct tool *tool, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(tool, format, args);
	va_end(args);
	return EXIT_FAILED;
}

int fail_usage(const struct tool *tool, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(tool, format, args);
	va_end(args);
	return EXIT_USAGE;
}

void print_json(struct json_object *document)
{
	puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY |
						      JSON_C_TO_STRING_SPACED |
						      JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(document);
}

struct json_object *json_text(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

struct json_object *json_number(uint64_t number)
{
	return json_object_new_uint64(number);
}

void format_size(uint64_t bytes, char *text, size_t size)
{
	static const char suffixes[] = "KMGTP";
	size_t i = 0;

	while (i < sizeof(suffixes) - 1 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	if (i == 0)
		snprintf(text, size, "%" PRIu64, bytes);
	else
		snprintf(text, size, "%" PRIu64 "%c", bytes, suffixes[i - 1]);
}

void format_size_json(struct json_object *value, char *text, size_t size)
{
	format_size(json_object_get_uint64(value), text, size);
}

void format_yes_no(struct json_object *value, char *text, size_t size)
{
	snprintf(text, size, "%s", json_object_get_boolean(value) ? "yes" : "no");
}

static void render(struct json_object *row, const struct column *column, char *text)
{
	struct json_object *value = json_object_object_get(row, column->key);

	text[0] = '\0';
	if (value && column->format)
		column->format(value, text, CELL_SIZE);
	else if (value)
		snprintf(text, CELL_SIZE, "%s", json_object_get_string(value));
	/* An empty cell would shift the words that a script counts. */
	if (!text[0])
		strcpy(text, "-");
}

/* Width of a column; 0 if no row has it. */
static int measure(struct json_object *rows, const struct column *column)
{
	size_t i, width = strlen(column->title), nr = json_object_array_length(rows);
	bool present = false;
	char text[CELL_SIZE];

	for (i = 0; i < nr; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		present |= json_object_object_get_ex(row, column->key, NULL);
		render(row, column, text);
		if (strlen(text) > width)
			width = strlen(text);
	}
	return present ? (int)width : 0;
}

/* Print a line, the titles if there is no row; no blanks at its end. */
static void print_line(struct json_object *row, const struct column *columns,
		       const int *widths, size_t nr_columns)
{
	char text[CELL_SIZE];
	int owed = 0;		/* blanks, once something follows */
	size_t i;

	for (i = 0; i < nr_columns; i++) {
		int blanks;

		if (!widths[i])
			continue;
		if (row)
			render(row, &columns[i], text);
		else
			snprintf(text, sizeof(text), "%s", columns[i].title);
		blanks = widths[i] - (int)strlen(text);
		printf("%*s%s", owed + (columns[i].right ? blanks : 0), "", text);
		owed = 2 + (columns[i].right ? 0 : blanks);
	}
	putchar('\n');
}

void print_rows(const struct tool *tool, struct json_object *rows,
		const struct column *columns, size_t nr_columns, const char *none)
{
	size_t i, nr = json_object_array_length(rows);
	int widths[MAX_COLUMNS] = { 0 };

	if (tool->json) {
		print_json(rows);
		return;
	}
	if (nr_columns > MAX_COLUMNS)
		nr_columns = MAX_COLUMNS;
	if (nr == 0) {
		puts(none);
	} else {
		for (i = 0; i < nr_columns; i++)
			widths[i] = measure(rows, &columns[i]);
		print_line(NULL, columns, widths, nr_columns);
		for (i = 0; i < nr; i++)
			print_line(json_object_array_get_idx(rows, i), columns, widths,
				   nr_columns);
	}
	json_object_put(rows);
}
