// SPDX-License-Identifier: GPL-2.0-or-later
/* Text and JSON. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

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

void note(const char *format, ...)
{
	va_list args;

	fputs("peerbuf: note: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void print_json_line(struct json_object *document)
{
	puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(stdout);
	json_object_put(document);
}

int make_printable(const char *text, char *printable, size_t size, int width)
{
	mbstate_t state = { 0 };
	size_t used = 0, length;
	int columns = 0, wide;
	wchar_t c;

	while (*text) {
		length = mbrtowc(&c, text, MB_CUR_MAX, &state);
		if (length == (size_t)-1 || length == (size_t)-2) {
			memset(&state, 0, sizeof(state));
			length = 1;
			wide = -1;
		} else {
			wide = wcwidth(c);
		}
		if (used + length >= size || (width && columns + (wide < 0 ? 1 : wide) > width))
			break;
		if (wide < 0) {
			printable[used++] = '?';
			columns++;
		} else {
			memcpy(printable + used, text, length);
			used += length;
			columns += wide;
		}
		text += length;
	}
	printable[used] = '\0';
	return columns;
}

const char *colour_of(const struct tool *tool, const char *word)
{
	static const struct {
		const char *word;
		const char *colour;
	} colours[] = {
		{ "live", "\033[32m" },
		{ "ok", "\033[32m" },
		{ "revoking", "\033[33m" },
		{ "warning", "\033[33m" },
		{ "revoked", "\033[31m" },
		{ "problem", "\033[31m" },
		{ "dead", "\033[2m" },
	};
	size_t i;

	for (i = 0; tool->colour && i < sizeof(colours) / sizeof(colours[0]); i++)
		if (!strcmp(word, colours[i].word))
			return colours[i].colour;
	return "";
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

bool parse_size(const char *text, uint64_t *size)
{
	static const char suffixes[] = "KMG";
	const char *s;
	char *end;

	errno = 0;
	*size = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-')
		return false;
	s = *end ? strchr(suffixes, *end) : NULL;
	if (s && !end[1] && *size < 1ULL << 32) {
		*size <<= 10 * (s - suffixes + 1);
		return true;
	}
	return !*end;
}

void format_size_json(struct json_object *value, char *text, size_t size)
{
	format_size(json_object_get_uint64(value), text, size);
}

void format_yes_no(struct json_object *value, char *text, size_t size)
{
	snprintf(text, size, "%s", json_object_get_boolean(value) ? "yes" : "no");
}

/* Text of a cell; returns its width on a terminal. */
static int render(struct json_object *row, const struct column *column, char *text)
{
	struct json_object *value = json_object_object_get(row, column->key);
	char raw[CELL_SIZE] = "";

	if (value && column->format)
		column->format(value, raw, sizeof(raw));
	else if (value)
		snprintf(raw, sizeof(raw), "%s", json_object_get_string(value));
	/* An empty cell would shift the words that a script counts. */
	if (!raw[0])
		strcpy(raw, "-");
	return make_printable(raw, text, CELL_SIZE, 0);
}

/* Width of a column; 0 if no row has it. */
static int measure(struct json_object *rows, const struct column *column)
{
	size_t i, nr = json_object_array_length(rows);
	int width = (int)strlen(column->title);
	bool present = false;
	char text[CELL_SIZE];

	for (i = 0; i < nr; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		int wide = render(row, column, text);

		present |= json_object_object_get_ex(row, column->key, NULL);
		if (wide > width)
			width = wide;
	}
	return present ? width : 0;
}

/* Print a line, the titles if there is no row; no blanks at its end. */
static void print_line(const struct tool *tool, struct json_object *row,
		       const struct column *columns, const int *widths, size_t nr_columns)
{
	char text[CELL_SIZE];
	int owed = 0;		/* blanks, once something follows */
	size_t i;

	for (i = 0; i < nr_columns; i++) {
		const char *colour = "";
		int blanks;

		if (!widths[i])
			continue;
		if (row) {
			blanks = widths[i] - render(row, &columns[i], text);
			if (!strcmp(columns[i].key, "state") || !strcmp(columns[i].key, "status"))
				colour = colour_of(tool, text);
		} else {
			blanks = widths[i] - (int)strlen(columns[i].title);
			snprintf(text, sizeof(text), "%s", columns[i].title);
		}
		printf("%*s%s%s%s", owed + (columns[i].right ? blanks : 0), "", colour, text,
		       COLOUR_END(colour));
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
		print_line(tool, NULL, columns, widths, nr_columns);
		for (i = 0; i < nr; i++)
			print_line(tool, json_object_array_get_idx(rows, i), columns, widths,
				   nr_columns);
	}
	json_object_put(rows);
}
