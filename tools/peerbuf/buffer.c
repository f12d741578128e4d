// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf buffer: list, show and revoke; buffer_export.c exports. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <peerbuf.h>

#include "buffers.h"

static int buffer_list(struct tool *tool, unsigned int nr_args, char **args)
{
	static const struct column columns[] = {
		{ "ino", "INODE", true, NULL },
		{ "id", "ID", true, NULL },
		{ "exporter", "EXPORTER", false, NULL },
		{ "name", "NAME", false, NULL },
		{ "size", "SIZE", true, format_size_json },
		{ "state", "STATE", false, NULL },
		{ "revokes", "REVOKES", true, NULL },
		{ "restores", "RESTORES", true, NULL },
		{ "importers", "IMPORTERS", false, format_importers },
		{ "holders", "HOLDERS", false, format_holders },
	};
	struct json_object *rows = find_buffers(tool);

	(void)nr_args;
	(void)args;
	if (!rows)
		return EXIT_FAILED;
	print_rows(tool, rows, columns, sizeof(columns) / sizeof(columns[0]),
		   "There are no buffers.");
	return EXIT_OK;
}

/* ------------------------------------------------------------------------- show */

/* Where the buffer is in physical memory, if the modules know; null if not. */
static struct json_object *find_ranges(const struct tool *tool, struct json_object *buffer)
{
	struct json_object *rows, *ranges = NULL;
	char path[PATH_SIZE];
	unsigned int line;
	size_t i;

	snprintf(path, sizeof(path), "%s/kernel/debug/peerbuf/ranges", tool->sysfs);
	if (!json_object_object_get(buffer, "id") || read_lines(path, "ranges", &rows, &line))
		return NULL;
	for (i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (number_of(row, "id") == number_of(buffer, "id"))
			ranges = json_object_get(json_object_object_get(row, "ranges"));
	}
	json_object_put(rows);
	return ranges;
}

static void format_hex(struct json_object *value, char *text, size_t size)
{
	snprintf(text, size, "0x%" PRIx64, json_object_get_uint64(value));
}

static void format_member(const struct tool *tool, struct json_object *buffer, const char *key,
			  const char *title, void (*format)(struct json_object *, char *, size_t))
{
	struct json_object *value = json_object_object_get(buffer, key);
	char raw[256], text[256];
	const char *colour;

	if (!value)
		return;
	if (format)
		format(value, raw, sizeof(raw));
	else
		snprintf(raw, sizeof(raw), "%s", json_object_get_string(value));
	make_printable(raw, text, sizeof(text), 0);
	colour = strcmp(key, "state") ? "" : colour_of(tool, text);
	printf("%-13s%s%s%s\n", title, colour, text, COLOUR_END(colour));
}

static void show_text(const struct tool *tool, struct json_object *buffer)
{
	static const struct column importers[] = {
		{ "importer", "IMPORTER", false, NULL },
		{ "type", "TYPE", false, NULL },
		{ "origin", "ORIGIN", false, NULL },
		{ "enforced", "ENFORCED", true, NULL },
		{ "held", "HELD", true, NULL },
		{ "device", "DEVICE", false, NULL },
		{ "iova", "IOVA", true, format_hex },
		{ "length", "LENGTH", true, format_size_json },
		{ "mapped", "MAPPED", true, NULL },
	};
	static const struct column holders[] = {
		{ "pid", "PID", true, NULL },
		{ "comm", "PROCESS", false, NULL },
		{ "fds", "DESCRIPTORS", true, NULL },
		{ "maps", "MAPPINGS", true, NULL },
	};
	static const struct column ranges[] = {
		{ "offset", "OFFSET", true, format_hex },
		{ "address", "ADDRESS", true, format_hex },
		{ "length", "LENGTH", true, format_size_json },
	};
	struct json_object *list;

	format_member(tool, buffer, "ino", "Inode:", NULL);
	format_member(tool, buffer, "id", "Number:", NULL);
	format_member(tool, buffer, "exporter", "Exporter:", NULL);
	format_member(tool, buffer, "name", "Name:", NULL);
	format_member(tool, buffer, "size", "Size:", format_size_json);
	format_member(tool, buffer, "state", "State:", NULL);
	format_member(tool, buffer, "waiting", "Waiting:", format_yes_no);
	format_member(tool, buffer, "revokes", "Revokes:", NULL);
	format_member(tool, buffer, "restores", "Restores:", NULL);
	format_member(tool, buffer, "refs", "References:", NULL);
	putchar('\n');
	print_rows(tool, json_object_get(json_object_object_get(buffer, "importers")), importers,
		   sizeof(importers) / sizeof(importers[0]), "No device is attached.");
	putchar('\n');
	print_rows(tool, json_object_get(json_object_object_get(buffer, "holders")), holders,
		   sizeof(holders) / sizeof(holders[0]), "No process holds it.");
	list = json_object_object_get(buffer, "physical");
	if (!list)
		return;
	putchar('\n');
	print_rows(tool, json_object_get(list), ranges, sizeof(ranges) / sizeof(ranges[0]),
		   "Its physical ranges are not known.");
}

static int buffer_show(struct tool *tool, unsigned int nr_args, char **args)
{
	struct json_object *buffer;
	int status;

	(void)nr_args;
	buffer = find_buffer(tool, args[0], &status);
	if (!buffer)
		return status;
	json_object_object_add(buffer, "physical", find_ranges(tool, buffer));
	if (tool->json) {
		print_json(buffer);
		return EXIT_OK;
	}
	show_text(tool, buffer);
	json_object_put(buffer);
	return EXIT_OK;
}

/* ----------------------------------------------------------------------- revoke */

/* The buffer and the answer of the last one that could have been its owner. */
struct revoke {
	const struct tool *tool;
	int buffer;
	int err;
	pid_t owner;
};

/* Devices and /dev/peerbuf_ram: those of which a buffer can be. */
static bool may_own(const char *target)
{
	return !strcmp(target, "anon_inode:[vfio-device]") ||
	       !strncmp(target, "/dev/vfio/devices/", 18) || !strcmp(target, "/dev/peerbuf_ram");
}

/* Only the descriptor through which a buffer was exported knows it; the others say so. */
static bool see_owner(void *context, const struct seen_fd *seen)
{
	struct peerbuf_device_revoke_buffer arg = { .argsz = sizeof(arg) };
	struct revoke *r = context;
	int fd, err;

	if (!may_own(seen->target))
		return false;
	fd = borrow_fd(r->tool, seen->pid, seen->fd);
	if (fd < 0)
		return false;
	arg.dmabuf_fd = r->buffer;
	err = ioctl(fd, PEERBUF_DEVICE_REVOKE_BUFFER, &arg) ? -errno : 0;
	close(fd);
	if (err && err != -EALREADY)
		return false;
	r->err = err;
	r->owner = seen->pid;
	return true;
}

static int print_revoked(struct tool *tool, struct json_object *buffer, pid_t owner)
{
	struct json_object *document;
	char name[NAME_SIZE];

	process_name(tool, owner, name, sizeof(name));
	if (!tool->json) {
		printf("Buffer %" PRIu64 " of %s (%d) is revoked for good.\n",
		       number_of(buffer, "ino"), name, owner);
		return EXIT_OK;
	}
	document = json_object_new_object();
	json_object_object_add(document, "ino", json_number(number_of(buffer, "ino")));
	json_object_object_add(document, "revoked", json_object_new_boolean(true));
	json_object_object_add(document, "owner", json_object_new_int(owner));
	json_object_object_add(document, "comm", json_text(name));
	print_json(document);
	return EXIT_OK;
}

static int revoke_it(struct tool *tool, struct json_object *buffer)
{
	struct revoke r = { .tool = tool, .err = -ENOENT };
	uint64_t ino = number_of(buffer, "ino");

	if (!json_object_object_get(buffer, "id"))
		return fail(tool, "buffer %" PRIu64 " is of %s: only buffers that peerbuf's modules export can be revoked",
			    ino, word_of(buffer, "exporter"));
	r.buffer = borrow_buffer(tool, ino);
	if (r.buffer == -EPERM)
		return fail(tool, "only root may revoke buffers of other processes");
	if (r.buffer < 0)
		return fail(tool, "no process has a descriptor of buffer %" PRIu64 ": only its owner can revoke it",
			    ino);
	each_fd(tool, see_owner, &r);
	close(r.buffer);
	if (r.err == -EALREADY)
		return fail(tool, "buffer %" PRIu64 " has been revoked for good before", ino);
	if (r.err)
		return fail(tool, "no process has the device that buffer %" PRIu64 " is of: nothing can be revoked any more",
			    ino);
	return print_revoked(tool, buffer, r.owner);
}

static int buffer_revoke(struct tool *tool, unsigned int nr_args, char **args)
{
	struct json_object *buffer;
	int status;

	(void)nr_args;
	buffer = find_buffer(tool, args[0], &status);
	if (!buffer)
		return status;
	status = revoke_it(tool, buffer);
	json_object_put(buffer);
	return status;
}

const struct command buffer_commands[] = {
	{ "buffer", "list", "", 0, 0,
	  "show all dma-bufs, who is attached and who holds them", buffer_list },
	{ "buffer", "show", "BUFFER", 1, 1,
	  "show all that is known of a dma-buf", buffer_show },
	{ "buffer", "export", "BDF BAR RANGE ...", 2, 65,
	  "export parts of a BAR, or RAM, until the command ends", buffer_export },
	{ "buffer", "revoke", "BUFFER", 1, 1,
	  "take a buffer back from everybody, for good", buffer_revoke },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
