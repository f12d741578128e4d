// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf: options, and the way from words to a command. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define MAX_WORDS	66

const struct command *const all_commands[] = {
	device_commands,
	buffer_commands,
	map_commands,
	topo_commands,
	watch_commands,
	top_commands,
	test_commands,
	doctor_commands,
	general_commands,
	NULL,
};

/* List the verbs of a noun; false if there is no such noun. */
static bool verbs_of(const char *noun, char *text, size_t size)
{
	const struct command *const *table, *command;
	size_t used = 0;
	bool found = false;

	text[0] = '\0';
	for (table = all_commands; *table; table++)
		for (command = *table; command->noun; command++) {
			if (strcmp(command->noun, noun) || !command->verb || used >= size)
				continue;
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 found ? ", " : "", command->verb);
			found = true;
		}
	return found;
}

static int run(struct tool *tool, const struct command *command, unsigned int nr_args,
	       char **args)
{
	if (nr_args < command->min_args || nr_args > command->max_args)
		return fail_usage(tool, "wrong number of arguments; the form is: peerbuf %s%s%s%s%s",
				  command->noun, command->verb ? " " : "",
				  command->verb ? command->verb : "",
				  *command->args ? " " : "", command->args);
	return command->run(tool, nr_args, args);
}

static int dispatch(struct tool *tool, unsigned int nr, char **words)
{
	const struct command *const *table, *command;
	char verbs[256];

	if (nr == 0)
		return fail_usage(tool, "a command is needed; see \"peerbuf help\"");
	for (table = all_commands; *table; table++)
		for (command = *table; command->noun; command++) {
			if (strcmp(command->noun, words[0]))
				continue;
			if (!command->verb)
				return run(tool, command, nr - 1, words + 1);
			if (nr > 1 && !strcmp(command->verb, words[1]))
				return run(tool, command, nr - 2, words + 2);
		}
	if (!verbs_of(words[0], verbs, sizeof(verbs)))
		return fail_usage(tool, "there is no command \"%s\"; see \"peerbuf help\"",
				  words[0]);
	if (nr == 1)
		return fail_usage(tool, "\"%s\" needs one of: %s", words[0], verbs);
	return fail_usage(tool, "\"%s\" has no \"%s\", but: %s; see \"peerbuf help\"", words[0],
			  words[1], verbs);
}

void list_options(struct tool *tool, struct option_row options[MAX_OPTIONS])
{
	const struct option_row rows[] = {
		{ "--json", NULL, NULL, NULL, "one JSON document on standard output",
		  &tool->json, NULL },
		{ "--socket", "PATH", "buffer", "export",
		  "buffer export: hand the buffer out at PATH", NULL, &tool->socket },
		{ "--from", "FILE", "topo", NULL, "topo: of the machine that was recorded in FILE",
		  NULL, &tool->from },
		{ "--all", NULL, "topo", NULL, "topo: all functions, also virtual ones",
		  &tool->all, NULL },
		{ "--dot", NULL, "topo", NULL, "topo: a picture, in the language of graphviz",
		  &tool->dot, NULL },
		{ "--svg", NULL, "topo", NULL, "topo: a picture, drawn by graphviz", &tool->svg,
		  NULL },
		{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
	};

	_Static_assert(sizeof(rows) <= MAX_OPTIONS * sizeof(rows[0]), "more options than room");
	memcpy(options, rows, sizeof(rows));
}

static int take_option(struct tool *tool, int argc, char **argv, int *i)
{
	struct option_row options[MAX_OPTIONS], *o;

	list_options(tool, options);
	for (o = options; o->name && strcmp(o->name, argv[*i]); o++)
		;
	if (!o->name)
		return fail_usage(tool, "there is no option \"%s\"; see \"peerbuf help\"", argv[*i]);
	if (!o->value) {
		*o->flag = true;
		return EXIT_OK;
	}
	if (*i + 1 == argc || !*argv[*i + 1])
		return fail_usage(tool, "%s needs a value: %s %s", o->name, o->name, o->value);
	*o->text = argv[++*i];
	return EXIT_OK;
}

/* Is there an option that the command does not know? */
static int check_options(struct tool *tool, unsigned int nr, char **words)
{
	struct option_row options[MAX_OPTIONS], *o;

	list_options(tool, options);
	for (o = options; o->name; o++) {
		if (!o->noun || !(o->value ? *o->text != NULL : *o->flag))
			continue;
		if (strcmp(words[0], o->noun) ||
		    (o->verb && nr > 1 && strcmp(words[1], o->verb)))
			return fail_usage(tool, "%s is an option of %s%s%s", o->name, o->noun,
					  o->verb ? " " : "", o->verb ? o->verb : "");
	}
	return EXIT_OK;
}

/* Options may stand anywhere; what remains are the words of the command. */
static int parse(struct tool *tool, int argc, char **argv, unsigned int *nr, char **words)
{
	int i, status;

	*nr = 0;
	/* First of all: an error about another option is to be JSON, too. */
	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--json"))
			tool->json = true;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-h"))
			argv[i] = "--help";
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "--version")) {
			words[0] = argv[i] + 2;
			*nr = 1;
			return EXIT_OK;
		}
		if (argv[i][0] == '-') {
			status = take_option(tool, argc, argv, &i);
			if (status)
				return status;
			continue;
		}
		if (*nr == MAX_WORDS)
			return fail_usage(tool, "there are too many arguments; see \"peerbuf help\"");
		words[(*nr)++] = argv[i];
	}
	return *nr ? check_options(tool, *nr, words) : EXIT_OK;
}

static bool wants_colour(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") && !(no && *no);
}

int main(int argc, char **argv)
{
	struct tool tool = {
		.root = getenv("PEERBUF_FAKE_ROOT"),
		.sysfs = getenv("PEERBUF_SYSFS"),
	};
	char *words[MAX_WORDS];
	unsigned int nr;
	int status;

	setlocale(LC_CTYPE, "");
	if (!tool.root)
		tool.root = "";
	if (!tool.sysfs || !*tool.sysfs)
		tool.sysfs = "/sys";
	status = parse(&tool, argc, argv, &nr, words);
	tool.colour = !tool.json && wants_colour();
	if (!status)
		status = dispatch(&tool, nr, words);
	/* Output that could not be written must not look like success. */
	if (fflush(stdout) && !status)
		status = fail(&tool, "the output cannot be written");
	return status;
}
