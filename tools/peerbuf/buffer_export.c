// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peerbuf buffer export: a buffer that lives as long as the command.
 *
 * A buffer ends when its device is closed, so somebody has to stay. Who wants the buffer takes a
 * copy of the descriptor, as "peerbuf map add" does, or connects to the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <peerbuf.h>

#include "buffers.h"

#define MAX_RANGES	63

struct export {
	struct tool *tool;
	const char *what;			/* a PCI address, or "ram" */
	uint32_t bar;
	struct vfio_region_dma_range ranges[MAX_RANGES];
	uint32_t nr_ranges;
	uint64_t length;
	struct peerbuf_container *container;
	struct peerbuf_device *device;
	struct peerbuf_ram *ram;
	int buffer;				/* or -1 */
	int listener;				/* or -1 */
	uint64_t ino;
};

/* -------------------------------------------------------------------- arguments */

static bool take_range(struct export *e, char *text)
{
	struct vfio_region_dma_range *range = &e->ranges[e->nr_ranges++];
	char *colon = strchr(text, ':');
	uint64_t offset, length;

	if (!colon)
		return false;
	*colon = '\0';
	if (!parse_size(text, &offset) || !parse_size(colon + 1, &length) ||
	    __builtin_add_overflow(e->length, length, &e->length))
		return false;
	range->offset = offset;
	range->length = length;
	return true;
}

static int take_args(struct export *e, unsigned int nr_args, char **args)
{
	static char bdf[NAME_SIZE];
	unsigned int i;
	uint64_t bar;

	if (!strcmp(args[0], "ram")) {
		e->what = "ram";
		if (nr_args != 2 || !parse_size(args[1], &e->length) || !e->length ||
		    e->length % 4096)
			return fail_usage(e->tool, "the form is: peerbuf buffer export ram LENGTH, with a multiple of 4096");
		return EXIT_OK;
	}
	if (!parse_bdf(args[0], bdf))
		return fail_usage(e->tool, "\"%s\" is neither a PCI address such as 0000:01:00.0 nor \"ram\"",
				  args[0]);
	e->what = bdf;
	if (!parse_size(args[1], &bar) || bar > 5)
		return fail_usage(e->tool, "\"%s\" is not the number of a BAR, 0 to 5", args[1]);
	e->bar = (uint32_t)bar;
	if (nr_args < 3)
		return fail_usage(e->tool, "the form is: peerbuf buffer export BDF BAR OFFSET:LENGTH ...");
	for (i = 2; i < nr_args; i++)
		if (!take_range(e, args[i]))
			return fail_usage(e->tool, "a range is OFFSET:LENGTH, in bytes such as 65536 or 64K");
	return EXIT_OK;
}

/* -------------------------------------------------------------------- exporting */

static int export_bar(struct export *e)
{
	int err;

	err = peerbuf_container_open(PEERBUF_IOMMU, &e->container);
	if (err == -EOPNOTSUPP)
		err = peerbuf_container_open(VFIO_TYPE1v2_IOMMU, &e->container);
	if (err)
		return fail(e->tool, "VFIO cannot be used: %s; see peerbuf doctor", strerror(-err));
	err = peerbuf_device_open(e->container, e->what, &e->device);
	if (err)
		return fail(e->tool, "%s cannot be opened: %s", e->what, device_reason(err));
	/* A device that was just reset may have its memory off. */
	err = peerbuf_device_command(e->device, PCI_COMMAND_MEMORY, 0);
	e->buffer = err < 0 ? err : peerbuf_device_export(e->device, e->bar, O_RDWR, e->ranges,
							  e->nr_ranges);
	if (e->buffer == -EINVAL)
		return fail(e->tool, "BAR %u of %s cannot be exported: a range is empty, not page aligned, or beyond the BAR's end",
			    e->bar, e->what);
	if (e->buffer == -ENODEV)
		return fail(e->tool, "%s has no memory BAR %u", e->what, e->bar);
	if (e->buffer < 0)
		return fail(e->tool, "%s does not export: %s", e->what, device_reason(e->buffer));
	return EXIT_OK;
}

static int export_ram(struct export *e)
{
	int memfd, err;

	err = peerbuf_ram_open(&e->ram);
	if (err)
		return fail(e->tool, "RAM cannot be exported: /dev/peerbuf_ram: %s; try: modprobe peerbuf_ram",
			    strerror(-err));
	memfd = memfd_create("peerbuf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memfd < 0 || ftruncate(memfd, (off_t)e->length) ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		e->buffer = -errno;
	else
		e->buffer = peerbuf_ram_export(e->ram, memfd, O_RDWR, 0, e->length,
					       PEERBUF_RAM_REVOCABLE);
	if (memfd >= 0)
		close(memfd);
	if (e->buffer < 0)
		return fail(e->tool, "RAM cannot be exported: %s", strerror(-e->buffer));
	return EXIT_OK;
}

static int listen_at(struct export *e, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(path) >= sizeof(addr.sun_path))
		return fail(e->tool, "the path of the socket is longer than %zu bytes",
			    sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	/* Left behind by one that was killed; anything but a socket is not ours. */
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	e->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (e->listener < 0 || bind(e->listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(e->listener, 8))
		return fail(e->tool, "the socket %s cannot be made: %s", path, strerror(errno));
	return EXIT_OK;
}

/* ---------------------------------------------------------------------- staying */

static struct json_object *describe(const struct export *e)
{
	struct json_object *document = json_object_new_object();

	json_object_object_add(document, "ino", json_number(e->ino));
	json_object_object_add(document, "exporter", json_text(e->what));
	json_object_object_add(document, "bar",
			       e->device ? json_object_new_int((int)e->bar) : NULL);
	json_object_object_add(document, "size", json_number(e->length));
	json_object_object_add(document, "ranges", json_number(e->nr_ranges));
	return document;
}

/* With the descriptor goes what it is, as JSON. */
static void serve(struct export *e)
{
	int client = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);
	struct json_object *document;
	const char *text;

	if (client < 0)
		return;
	document = describe(e);
	text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN);
	/* One that has left already is its own problem. */
	peerbuf_send_fd(client, e->buffer, text, strlen(text));
	json_object_put(document);
	close(client);
}

static void say_state(const struct export *e, const struct peerbuf_device_query_buffer *query)
{
	const char *name = peerbuf_buffer_state_name(query->state);
	const char *colour = colour_of(e->tool, name);
	struct json_object *document;

	if (!e->tool->json) {
		printf("Buffer %" PRIu64 " is %s%s%s.\n", e->ino, colour, name,
		       COLOUR_END(colour));
		fflush(stdout);
		return;
	}
	document = json_object_new_object();
	json_object_object_add(document, "ino", json_number(e->ino));
	json_object_object_add(document, "state", json_text(name));
	print_json_line(document);
}

/* Until the user has enough, or somebody has taken the buffer back for good. */
static int stay_for(struct export *e)
{
	struct peerbuf_device_query_buffer query;
	uint32_t state = PEERBUF_STATE_LIVE;
	bool readable;

	for (;;) {
		if (stay(e->listener, &readable))
			return EXIT_OK;
		if (readable)
			serve(e);
		memset(&query, 0, sizeof(query));
		query.argsz = sizeof(query);
		query.dmabuf_fd = e->buffer;
		if (e->device ? peerbuf_device_query_buffer(e->device, &query) :
		    peerbuf_ram_query_buffer(e->ram, &query))
			continue;
		if (query.state != state)
			say_state(e, &query);
		state = query.state;
		if (state == PEERBUF_STATE_DEAD)
			return EXIT_OK;
	}
}

static int run(struct export *e)
{
	struct stat st;
	int status;

	status = strcmp(e->what, "ram") ? export_bar(e) : export_ram(e);
	if (!status && e->tool->socket)
		status = listen_at(e, e->tool->socket);
	if (status)
		return status;
	if (stay_begin() || fstat(e->buffer, &st))
		return fail(e->tool, "the buffer cannot be kept: %s", strerror(errno));
	e->ino = st.st_ino;
	if (e->tool->json) {
		print_json_line(describe(e));
	} else {
		printf("Buffer %" PRIu64 ": %" PRIu64 " bytes of %s, until this command ends.\n",
		       e->ino, e->length, e->device ? e->what : "RAM");
		fflush(stdout);
	}
	return stay_for(e);
}

int buffer_export(struct tool *tool, unsigned int nr_args, char **args)
{
	struct export e = { .tool = tool, .what = args[0], .buffer = -1, .listener = -1 };
	int status;

	status = take_args(&e, nr_args, args);
	if (!status)
		status = run(&e);
	if (e.listener >= 0) {
		close(e.listener);
		unlink(tool->socket);
	}
	if (e.buffer >= 0)
		close(e.buffer);
	peerbuf_device_close(e.device);
	peerbuf_container_close(e.container);
	peerbuf_ram_close(e.ram);
	return status;
}
