// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf top: the buffers of the machine on a whole screen, as they change. */
#include <curses.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buffers.h"

enum { PAIR_LIVE = 1, PAIR_REVOKING, PAIR_REVOKED };

static const struct order {
	const char *name;
	const char *key;	/* largest first; NULL: in order of their numbers */
} orders[] = {
	{ "number", NULL },
	{ "size", "size" },
	{ "revokes", "revokes" },
};

struct screen {
	struct tool *tool;
	struct json_object *rows;
	unsigned int order;
	uint64_t selected;	/* inode number */
	int position;		/* of the selected one */
};

static const char *sort_key;

static int compare(const void *a, const void *b)
{
	uint64_t x = number_of(*(struct json_object *const *)a, sort_key);
	uint64_t y = number_of(*(struct json_object *const *)b, sort_key);

	return x > y ? -1 : x < y;
}

static int state_attributes(const char *state)
{
	if (!strcmp(state, "live"))
		return COLOR_PAIR(PAIR_LIVE);
	if (!strcmp(state, "revoking"))
		return COLOR_PAIR(PAIR_REVOKING) | A_BOLD;
	if (!strcmp(state, "revoked"))
		return COLOR_PAIR(PAIR_REVOKED);
	return !strcmp(state, "dead") ? A_DIM : 0;
}

/* A cell of so many columns, cut; numbers stand at its right. */
static void put(int y, int x, int width, bool right, const char *text)
{
	char shown[256];
	int columns;

	if (x >= COLS || width <= 0)
		return;
	if (width > COLS - x)
		width = COLS - x;
	columns = make_printable(text, shown, sizeof(shown), width);
	mvaddstr(y, right ? x + width - columns : x, shown);
}

static void text_of(struct json_object *row, const char *key, char *text, size_t size)
{
	struct json_object *value = json_object_object_get(row, key);

	/* A list without members leaves it so. */
	*text = '\0';
	if (!value)
		snprintf(text, size, "-");
	else if (!strcmp(key, "size"))
		format_size_json(value, text, size);
	else if (!strcmp(key, "importers"))
		format_importers(value, text, size);
	else if (!strcmp(key, "holders"))
		format_holders(value, text, size);
	else
		snprintf(text, size, "%s", json_object_get_string(value));
	if (!*text)
		snprintf(text, size, "-");
}

static void draw_row(const struct screen *s, int y, struct json_object *row)
{
	static const struct {
		const char *key;
		const char *title;
		int width;
		bool right;
	} cells[] = {
		{ "ino", "INODE", 7, true },
		{ "id", "ID", 5, true },
		{ "exporter", "EXPORTER", 16, false },
		{ "size", "SIZE", 8, true },
		{ "state", "STATE", 8, false },
		{ "revokes", "REVOKES", 7, true },
		{ "importers", "IMPORTERS", 30, false },
		{ "holders", "HOLDERS", 200, false },
	};
	char text[256];
	size_t i;
	int x = 0;

	if (row && number_of(row, "ino") == s->selected) {
		attron(A_REVERSE);
		mvhline(y, 0, ' ', COLS);
	}
	for (i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		bool state = row && !strcmp(cells[i].key, "state");

		if (row)
			text_of(row, cells[i].key, text, sizeof(text));
		else
			snprintf(text, sizeof(text), "%s", cells[i].title);
		if (state)
			attron(state_attributes(text));
		put(y, x, cells[i].width, cells[i].right, text);
		if (state)
			attroff(state_attributes(text));
		x += cells[i].width + 2;
	}
	attroff(A_REVERSE);
}

/* Totals of what there is. */
static void draw_head(const struct screen *s)
{
	unsigned int live = 0, waiting = 0, others = 0;
	size_t i, nr = json_object_array_length(s->rows);
	char size[NAME_SIZE], text[256], clock[32];
	uint64_t bytes = 0;
	time_t now = time(NULL);
	struct tm tm;

	for (i = 0; i < nr; i++) {
		struct json_object *row = json_object_array_get_idx(s->rows, i);

		bytes += number_of(row, "size");
		live += !strcmp(word_of(row, "state"), "live");
		waiting += number_of(row, "waiting") != 0;
		others += !json_object_object_get(row, "id");
	}
	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	format_size(bytes, size, sizeof(size));
	snprintf(text, sizeof(text),
		 "peerbuf %s  %zu buffers, %s: %u live, %zu without access, %u of other drivers",
		 clock, nr, size, live, nr - live - others, others);
	put(0, 0, COLS, false, text);
	if (waiting) {
		snprintf(text, sizeof(text), "%u being waited for", waiting);
		attron(COLOR_PAIR(PAIR_REVOKING) | A_BOLD);
		put(1, 0, COLS, false, text);
		attroff(COLOR_PAIR(PAIR_REVOKING) | A_BOLD);
	}
}

/* All importers and processes of the one that is selected. */
static void draw_details(struct json_object *row, int y)
{
	static const char *const lists[] = { "importers", "holders" };
	char text[256];
	size_t i, n;

	for (i = 0; row && i < 2; i++) {
		struct json_object *list = json_object_object_get(row, lists[i]);

		for (n = 0; n < json_object_array_length(list) && y < LINES - 1; n++, y++) {
			snprintf(text, sizeof(text), "%s", json_object_to_json_string_ext(
					json_object_array_get_idx(list, n), JSON_C_TO_STRING_PLAIN));
			put(y, 2, COLS - 2, false, text);
		}
	}
}

static void draw(struct screen *s)
{
	int nr = (int)json_object_array_length(s->rows);
	int room = LINES > 12 ? (LINES - 5) * 2 / 3 : LINES - 4;
	struct json_object *selected = NULL;
	char text[128];
	int i, first;

	erase();
	draw_head(s);
	attron(A_BOLD);
	draw_row(s, 2, NULL);
	attroff(A_BOLD);
	if (s->position >= nr)
		s->position = nr - 1;
	if (s->position < 0)
		s->position = 0;
	if (nr) {
		selected = json_object_array_get_idx(s->rows, (size_t)s->position);
		s->selected = number_of(selected, "ino");
	}
	first = s->position >= room ? s->position - room + 1 : 0;
	for (i = 0; i < room && first + i < nr; i++)
		draw_row(s, 3 + i, json_object_array_get_idx(s->rows, (size_t)(first + i)));
	if (LINES > 12)
		draw_details(selected, 4 + room);
	snprintf(text, sizeof(text), "q end   arrows select   s sort, now by %s",
		 orders[s->order].name);
	attron(A_DIM);
	put(LINES - 1, 0, COLS, false, text);
	attroff(A_DIM);
	refresh();
}

/* What was selected stays so, wherever it has gone. */
static bool look(struct screen *s)
{
	struct json_object *rows = find_buffers(s->tool);
	size_t i;

	if (!rows)
		return false;
	sort_key = orders[s->order].key;
	if (sort_key)
		json_object_array_sort(rows, compare);
	json_object_put(s->rows);
	s->rows = rows;
	for (i = 0; i < json_object_array_length(rows); i++)
		if (number_of(json_object_array_get_idx(rows, i), "ino") == s->selected)
			s->position = (int)i;
	return true;
}

/* False: what there is could not be found out any more. */
static bool run(struct screen *s)
{
	int key;

	for (;;) {
		draw(s);
		if (stay_for_ms(0))
			return true;
		key = getch();
		if (key == 'q' || key == 'Q')
			return true;
		if (key == 's')
			s->order = (s->order + 1) % (sizeof(orders) / sizeof(orders[0]));
		else if (key == KEY_UP)
			s->selected = 0, s->position--;
		else if (key == KEY_DOWN)
			s->selected = 0, s->position++;
		if ((key == ERR || key == 's') && !look(s))
			return false;
	}
}

static int top(struct tool *tool, unsigned int nr_args, char **args)
{
	struct screen s = { .tool = tool };
	int status = EXIT_OK, errors;
	SCREEN *terminal;
	bool good;

	(void)nr_args;
	(void)args;
	if (tool->json)
		return fail_usage(tool, "top is for people; programs use buffer list or watch");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return fail(tool, "top needs a terminal; peerbuf buffer list does not");
	/* What there is to say is said before the screen is taken over. */
	if (!look(&s))
		return EXIT_FAILED;
	errors = dup(STDERR_FILENO);
	if (!freopen("/dev/null", "w", stderr))
		return EXIT_FAILED;
	if (stay_begin())
		status = EXIT_FAILED;
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		printf("peerbuf: this terminal, %s, is not known; is TERM right?\n",
		       getenv("TERM") ? getenv("TERM") : "without a name");
		json_object_put(s.rows);
		return EXIT_FAILED;
	}
	start_color();
	use_default_colors();
	init_pair(PAIR_LIVE, COLOR_GREEN, -1);
	init_pair(PAIR_REVOKING, COLOR_YELLOW, -1);
	init_pair(PAIR_REVOKED, COLOR_RED, -1);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	timeout(1000);
	good = run(&s);
	endwin();
	delscreen(terminal);
	fflush(stdout);
	/* Once more, for the sentence that says why. */
	dup2(errors, STDERR_FILENO);
	if (!good && !look(&s))
		status = EXIT_FAILED;
	json_object_put(s.rows);
	return status;
}

const struct command top_commands[] = {
	{ "top", NULL, "", 0, 0, "show the buffers on a whole screen, as they change", top },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
