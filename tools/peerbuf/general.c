// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf version and peerbuf help. */
#include <stdio.h>
#include <string.h>

#include <peerbuf.h>

#include "tool.h"

static int version(struct tool *tool, unsigned int nr_args, char **args)
{
	static const char *const modules[] = {
		"peerbuf_core", "peerbuf_ram", "vfio_pci_peerbuf", "vfio_iommu_peerbuf",
		"peerbuf_iommufd",
	};
	struct json_object *document, *loaded;
	size_t i;

	(void)nr_args;
	(void)args;
	document = json_object_new_object();
	loaded = json_object_new_object();
	json_object_object_add(document, "version", json_text(peerbuf_version()));
	json_object_object_add(document, "abi_version",
			       json_object_new_int(PEERBUF_ABI_VERSION));
	json_object_object_add(document, "modules", loaded);
	if (!tool->json)
		printf("peerbuf %s\n", peerbuf_version());
	for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		bool there = !sysfs_exists(tool, "module/%s", modules[i]);
		char text[NAME_SIZE] = "yes";

		/* A module need not say its version. */
		if (there)
			sysfs_read(tool, text, sizeof(text), "module/%s/version", modules[i]);
		json_object_object_add(loaded, modules[i], json_text(there ? text : NULL));
		if (!tool->json)
			printf("%-20s%s\n", modules[i], there ? text : "not loaded");
	}
	if (tool->json)
		print_json(document);
	else
		json_object_put(document);
	return EXIT_OK;
}

/* "device bind BDF [DRIVER]" */
static void synopsis(const struct command *command, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s%s", command->noun, command->verb ? " " : "",
		 command->verb ? command->verb : "", *command->args ? " " : "",
		 command->args);
}

static void help_text(struct tool *tool)
{
	struct option_row options[MAX_OPTIONS], *option;
	const struct command *const *table, *command;
	char text[NAME_SIZE];

	puts("Usage: peerbuf [--json] COMMAND\n"
	     "Let PCI devices share memory.\n"
	     "\n"
	     "Commands:");
	for (table = all_commands; *table; table++)
		for (command = *table; command->noun; command++) {
			synopsis(command, text, sizeof(text));
			printf("  %-38s%s\n", text, command->summary);
		}
	puts("\nOptions:");
	list_options(tool, options);
	for (option = options; option->name; option++) {
		snprintf(text, sizeof(text), "%s%s%s", option->name, option->value ? " " : "",
			 option->value ? option->value : "");
		printf("  %-38s%s\n", text, option->summary);
	}
	puts("  --help                                this text\n"
	     "  --version                             the same as the command version");
}

static int help(struct tool *tool, unsigned int nr_args, char **args)
{
	const struct command *const *table, *command;
	struct json_object *rows;
	char text[NAME_SIZE];

	(void)nr_args;
	(void)args;
	if (!tool->json) {
		help_text(tool);
		return EXIT_OK;
	}
	rows = json_object_new_array();
	for (table = all_commands; *table; table++)
		for (command = *table; command->noun; command++) {
			struct json_object *row = json_object_new_object();

			synopsis(command, text, sizeof(text));
			json_object_object_add(row, "command", json_text(text));
			json_object_object_add(row, "summary", json_text(command->summary));
			json_object_array_add(rows, row);
		}
	print_json(rows);
	return EXIT_OK;
}

const struct command general_commands[] = {
	{ "version", NULL, "", 0, 0, "show the version of the tool and the modules", version },
	{ "help", NULL, "", 0, 0, "show this text", help },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
