// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf: options, and the way from words to a command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define MAX_WORDS	66

const struct command *const all_commands[] = {
	device_commands,
	buffer_commands,
	topo_commands,
	test_commands,
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

/* An option without a value; NULL if there is none of this name. */
static bool *find_flag(struct tool *tool, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "--json", &tool->json },
		{ "--all", &tool->all },
		{ "--dot", &tool->dot },
		{ "--svg", &tool->svg },
	};
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(name, flags[i].name))
			return flags[i].flag;
	return NULL;
}

/* Options may stand anywhere; what remains are the words of the command. */
static int parse(struct tool *tool, int argc, char **argv, unsigned int *nr, char **words)
{
	bool *flag;
	int i;

	*nr = 0;
	/* First of all: an error about another option is to be JSON, too. */
	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--json"))
			tool->json = true;
	for (i = 1; i < argc; i++) {
		flag = find_flag(tool, argv[i]);
		if (flag) {
			*flag = true;
			continue;
		}
		if (!strcmp(argv[i], "--from")) {
			if (++i == argc)
				return fail_usage(tool, "--from needs a file");
			tool->from = argv[i];
			continue;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "--version")) {
			words[0] = argv[i] + 2;
			*nr = 1;
			return EXIT_OK;
		}
		if (argv[i][0] == '-')
			return fail_usage(tool, "there is no option \"%s\"; see \"peerbuf help\"",
					  argv[i]);
		if (*nr == MAX_WORDS)
			return fail_usage(tool, "there are too many arguments; see \"peerbuf help\"");
		words[(*nr)++] = argv[i];
	}
	if ((tool->from || tool->all || tool->dot || tool->svg) && *nr && strcmp(words[0], "topo"))
		return fail_usage(tool, "--from, --all, --dot and --svg are options of topo");
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct tool tool = { .sysfs = getenv("PEERBUF_SYSFS") };
	char *words[MAX_WORDS];
	unsigned int nr;
	int status;

	if (!tool.sysfs || !*tool.sysfs)
		tool.sysfs = "/sys";
	status = parse(&tool, argc, argv, &nr, words);
	if (!status)
		status = dispatch(&tool, nr, words);
	/* Output that could not be written must not look like success. */
	if (fflush(stdout) && !status)
		status = fail(&tool, "the output cannot be written");
	return status;
}
