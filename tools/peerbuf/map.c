// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peerbuf map: which buffers are mapped for which devices; adding and removing such mappings.
 *
 * A mapping belongs to a container, and a container to a process. For a device that a process
 * has open the command works in that process's container, with copies of its descriptors; what
 * it adds lives as long as the container. A device that nobody has open the command opens itself,
 * and stays for as long as the mapping does.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <peerbuf.h>

#include "buffers.h"

/* ------------------------------------------------------------------- containers */

struct search {
	const struct tool *tool;
	char group[NAME_SIZE];		/* "/dev/vfio/7" */
	pid_t pid;			/* of the process that has the group open, or 0 */
	int containers[2];		/* of that process, that are ours and have a group */
	int nr;
	int err;			/* why a container was not looked at */
};

static bool see_group(void *context, const struct seen_fd *seen)
{
	struct search *s = context;

	if (strcmp(seen->target, s->group))
		return false;
	s->pid = seen->pid;
	return true;
}

static bool see_container(void *context, const struct seen_fd *seen)
{
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };
	struct search *s = context;
	int fd;

	if (seen->pid != s->pid || strcmp(seen->target, "/dev/vfio/vfio"))
		return false;
	fd = borrow_fd(s->tool, seen->pid, seen->fd);
	if (fd < 0) {
		s->err = fd;
		return false;
	}
	if (ioctl(fd, PEERBUF_IOMMU_GET_INFO, &info)) {
		close(fd);
		return false;
	}
	s->containers[s->nr++] = fd;
	return s->nr == 2;
}

static void end_search(struct search *s)
{
	while (s->nr)
		close(s->containers[--s->nr]);
}

/* The group of the device, and the process that has it. */
static int find_user(struct tool *tool, const char *bdf, struct search *s)
{
	char number[NAME_SIZE];

	memset(s, 0, sizeof(*s));
	s->tool = tool;
	if (sysfs_exists(tool, "bus/pci/devices/%s", bdf))
		return fail(tool, "there is no PCI device %s", bdf);
	if (sysfs_link(tool, number, sizeof(number), "bus/pci/devices/%s/iommu_group", bdf))
		return fail(tool, "%s has no IOMMU group; see peerbuf doctor", bdf);
	snprintf(s->group, sizeof(s->group), "/dev/vfio/%.32s", number);
	each_fd(tool, see_group, s);
	return EXIT_OK;
}

/* The containers of that process. */
static int find_containers(struct tool *tool, const char *bdf, struct search *s)
{
	char name[NAME_SIZE];

	process_name(tool, s->pid, name, sizeof(name));
	each_fd(tool, see_container, s);
	if (s->nr)
		return EXIT_OK;
	if (s->err == -EPERM)
		return fail(tool, "only root may work with the devices of other processes");
	return fail(tool, "%s is in use by %s (%d), whose container takes no buffers: it is not of peerbuf's type",
		    bdf, name, s->pid);
}

/* ------------------------------------------------------------------------- list */

static void add_mapping(struct tool *tool, struct json_object *rows, struct json_object *buffer,
			struct json_object *importer)
{
	static const char *const of_importer[] = {
		"device", "iova", "length", "mapped", "pieces", "enforced",
	};
	static const char *const of_buffer[] = { "ino", "id", "exporter", "state" };
	struct json_object *row = json_object_new_object();
	char name[NAME_SIZE];
	struct search s;
	size_t i;

	for (i = 0; i < sizeof(of_importer) / sizeof(of_importer[0]); i++)
		json_object_object_add(row, of_importer[i],
			json_object_get(json_object_object_get(importer, of_importer[i])));
	for (i = 0; i < sizeof(of_buffer) / sizeof(of_buffer[0]); i++)
		json_object_object_add(row, of_buffer[i],
			json_object_get(json_object_object_get(buffer, of_buffer[i])));
	json_object_object_add(row, "pid", NULL);
	json_object_object_add(row, "comm", NULL);
	memset(&s, 0, sizeof(s));
	if (!sysfs_link(tool, name, sizeof(name), "bus/pci/devices/%s/iommu_group",
			word_of(importer, "device"))) {
		snprintf(s.group, sizeof(s.group), "/dev/vfio/%.32s", name);
		each_fd(tool, see_group, &s);
	}
	if (s.pid) {
		process_name(tool, s.pid, name, sizeof(name));
		json_object_object_add(row, "pid", json_object_new_int(s.pid));
		json_object_object_add(row, "comm", json_text(name));
	}
	json_object_array_add(rows, row);
}

static void format_hex(struct json_object *value, char *text, size_t size)
{
	snprintf(text, size, "0x%" PRIx64, json_object_get_uint64(value));
}

static int map_list(struct tool *tool, unsigned int nr_args, char **args)
{
	static const struct column columns[] = {
		{ "device", "DEVICE", false, NULL },
		{ "iova", "IOVA", true, format_hex },
		{ "length", "LENGTH", true, format_size_json },
		{ "mapped", "MAPPED", false, format_yes_no },
		{ "ino", "BUFFER", true, NULL },
		{ "exporter", "EXPORTER", false, NULL },
		{ "state", "STATE", false, NULL },
		{ "pid", "PID", true, NULL },
		{ "comm", "PROCESS", false, NULL },
	};
	struct json_object *buffers = find_buffers(tool), *rows;
	size_t i, n;

	(void)nr_args;
	(void)args;
	if (!buffers)
		return EXIT_FAILED;
	rows = json_object_new_array();
	for (i = 0; i < json_object_array_length(buffers); i++) {
		struct json_object *buffer = json_object_array_get_idx(buffers, i);
		struct json_object *importers = json_object_object_get(buffer, "importers");

		for (n = 0; n < json_object_array_length(importers); n++) {
			struct json_object *importer = json_object_array_get_idx(importers, n);

			if (json_object_object_get(importer, "iova"))
				add_mapping(tool, rows, buffer, importer);
		}
	}
	json_object_put(buffers);
	print_rows(tool, rows, columns, sizeof(columns) / sizeof(columns[0]),
		   "No buffer is mapped.");
	return EXIT_OK;
}

/* -------------------------------------------------------------------------- add */

struct add {
	struct tool *tool;
	char bdf[NAME_SIZE];
	uint64_t ino;
	int buffer;
	uint64_t length;
	uint64_t iova;
	bool iova_given;
	uint32_t flags;
};

static const char *map_reason(int err)
{
	switch (-err) {
	case EINVAL:
		return "the IOVA is not page aligned, not usable, or not congruent with a page of the IOMMU";
	case EEXIST:
		return "part of the IOVA range is taken";
	case ENODEV:
		return "the buffer is revoked or dead";
	case EOPNOTSUPP:
		return "the buffer cannot be revoked, or its exporter offers nothing that can be mapped";
	case EACCES:
		return "the buffer was opened for reading or for writing only";
	case ENOSPC:
		return "the container has no room for another mapping";
	default:
		return strerror(-err);
	}
}

static int print_added(const struct add *a, pid_t pid)
{
	struct json_object *document;

	if (!a->tool->json) {
		printf("Buffer %" PRIu64 " is mapped for %s at 0x%" PRIx64 ", %" PRIu64 " bytes%s.\n",
		       a->ino, a->bdf, a->iova, a->length,
		       pid ? "" : ", until this command ends");
		fflush(stdout);
		return EXIT_OK;
	}
	document = json_object_new_object();
	json_object_object_add(document, "device", json_text(a->bdf));
	json_object_object_add(document, "ino", json_number(a->ino));
	json_object_object_add(document, "iova", json_number(a->iova));
	json_object_object_add(document, "length", json_number(a->length));
	json_object_object_add(document, "pid", pid ? json_object_new_int(pid) : NULL);
	print_json_line(document);
	return EXIT_OK;
}

/* In the container of the process that has the device. */
static int add_borrowed(struct add *a, struct search *s)
{
	struct peerbuf_iommu_map_buffer map = {
		.argsz = sizeof(map),
		.flags = a->flags,
		.dmabuf_fd = a->buffer,
		.event_fd = -1,
		.length = a->length,
		.iova = a->iova,
	};
	char name[NAME_SIZE];

	process_name(a->tool, s->pid, name, sizeof(name));
	if (!a->iova_given)
		return fail_usage(a->tool, "%s is in use by %s (%d), whose addresses are its own business: give an IOVA",
				  a->bdf, name, s->pid);
	if (s->nr > 1)
		return fail(a->tool, "%s (%d) has several containers: which of them %s is in cannot be told",
			    name, s->pid, a->bdf);
	if (ioctl(s->containers[0], PEERBUF_IOMMU_MAP_BUFFER, &map))
		return fail(a->tool, "buffer %" PRIu64 " cannot be mapped at 0x%" PRIx64 ": %s",
			    a->ino, a->iova, map_reason(-errno));
	return print_added(a, s->pid);
}

static void say_state(const struct add *a, const struct peerbuf_iommu_query_buffer *query)
{
	const char *name = peerbuf_buffer_state_name(query->state);
	const char *colour = colour_of(a->tool, name);
	bool mapped = query->flags & PEERBUF_QUERY_MAPPED;
	struct json_object *document;

	if (!a->tool->json) {
		printf("Buffer %" PRIu64 " is %s%s%s, %smapped.\n", a->ino, colour, name,
		       COLOUR_END(colour), mapped ? "" : "not ");
		fflush(stdout);
		return;
	}
	document = json_object_new_object();
	json_object_object_add(document, "ino", json_number(a->ino));
	json_object_object_add(document, "state", json_text(name));
	json_object_object_add(document, "mapped", json_object_new_boolean(mapped));
	json_object_object_add(document, "revokes", json_number(query->revokes));
	json_object_object_add(document, "restores", json_number(query->restores));
	print_json_line(document);
}

/* Until the user has enough, the mapping has been removed, or the buffer is dead. */
static int stay_for(const struct add *a, struct peerbuf_container *container, int event)
{
	struct peerbuf_iommu_query_buffer query;
	uint64_t count;
	bool readable;

	for (;;) {
		if (stay(event, &readable))
			return EXIT_OK;
		/* Before the state: what changes after it is another event. */
		if (readable)
			peerbuf_event_wait(event, 0, &count);
		memset(&query, 0, sizeof(query));
		query.argsz = sizeof(query);
		query.iova = a->iova;
		if (peerbuf_container_query_buffer(container, &query) == -ENOENT)
			return EXIT_OK;
		if (!readable)
			continue;
		say_state(a, &query);
		if (query.state == PEERBUF_STATE_DEAD)
			return EXIT_OK;
	}
}

static int add_here(struct add *a, struct peerbuf_container *container, int event)
{
	int err = 0;

	if (!a->iova_given)
		err = peerbuf_container_pick_iova(container, a->length, 1 << 21, 0, &a->iova);
	if (err)
		return fail(a->tool, "there are no %" PRIu64 " free I/O virtual addresses",
			    a->length);
	err = peerbuf_container_map_buffer(container, a->buffer, event, 0, a->length, a->iova,
					   a->flags);
	if (err)
		return fail(a->tool, "buffer %" PRIu64 " cannot be mapped at 0x%" PRIx64 ": %s",
			    a->ino, a->iova, map_reason(err));
	if (stay_begin())
		return fail(a->tool, "the mapping cannot be kept: %s", strerror(errno));
	print_added(a, 0);
	return stay_for(a, container, event);
}

/* In a container of our own. */
static int add_opened(struct add *a)
{
	struct peerbuf_container *container = NULL;
	struct peerbuf_device *device = NULL;
	int event = -1, status, err;

	err = peerbuf_container_open(PEERBUF_IOMMU, &container);
	if (err)
		return fail(a->tool, "VFIO cannot be used: %s; see peerbuf doctor", strerror(-err));
	err = peerbuf_device_open(container, a->bdf, &device);
	if (!err)
		err = event = peerbuf_event_open();
	if (err < 0)
		status = fail(a->tool, "%s cannot be opened: %s", a->bdf, device_reason(err));
	else
		status = add_here(a, container, event);
	peerbuf_device_close(device);
	peerbuf_container_close(container);
	if (event >= 0)
		close(event);
	return status;
}

static int open_buffer(struct add *a)
{
	int mode;
	off_t end;

	a->buffer = borrow_buffer(a->tool, a->ino);
	if (a->buffer == -EPERM)
		return fail(a->tool, "only root may map buffers of other processes");
	if (a->buffer < 0)
		return fail(a->tool, "no process has a descriptor of buffer %" PRIu64 ": it cannot be mapped any more",
			    a->ino);
	end = lseek(a->buffer, 0, SEEK_END);
	a->length = end > 0 ? (uint64_t)end : 0;
	mode = fcntl(a->buffer, F_GETFL) & O_ACCMODE;
	a->flags = (mode == O_WRONLY ? 0 : PEERBUF_MAP_READ) |
		   (mode == O_RDONLY ? 0 : PEERBUF_MAP_WRITE);
	return EXIT_OK;
}

static bool parse_iova(const char *text, uint64_t *iova)
{
	char *end;

	errno = 0;
	*iova = strtoull(text, &end, 0);
	return !errno && text[0] >= '0' && text[0] <= '9' && !*end;
}

static int take_device(struct tool *tool, const char *text, char *bdf)
{
	return parse_bdf(text, bdf) ? EXIT_OK :
	       fail_usage(tool, "\"%s\" is not a PCI address such as 0000:01:00.0", text);
}

static int map_add(struct tool *tool, unsigned int nr_args, char **args)
{
	struct add a = { .tool = tool, .buffer = -1 };
	struct json_object *buffer;
	struct search s;
	int status;

	status = take_device(tool, args[0], a.bdf);
	if (status)
		return status;
	a.iova_given = nr_args > 2;
	if (a.iova_given && !parse_iova(args[2], &a.iova))
		return fail_usage(tool, "\"%s\" is not an address such as 0x40000000", args[2]);
	buffer = find_buffer(tool, args[1], &status);
	if (!buffer)
		return status;
	a.ino = number_of(buffer, "ino");
	json_object_put(buffer);
	status = find_user(tool, a.bdf, &s);
	if (!status)
		status = open_buffer(&a);
	if (!status && s.pid)
		status = find_containers(tool, a.bdf, &s);
	if (!status)
		status = s.pid ? add_borrowed(&a, &s) : add_opened(&a);
	end_search(&s);
	if (a.buffer >= 0)
		close(a.buffer);
	return status;
}

/* ----------------------------------------------------------------------- remove */

static int print_removed(struct tool *tool, const char *bdf, uint64_t iova)
{
	struct json_object *document;

	if (!tool->json) {
		printf("The mapping at 0x%" PRIx64 " for %s is removed.\n", iova, bdf);
		return EXIT_OK;
	}
	document = json_object_new_object();
	json_object_object_add(document, "device", json_text(bdf));
	json_object_object_add(document, "iova", json_number(iova));
	json_object_object_add(document, "removed", json_object_new_boolean(true));
	print_json(document);
	return EXIT_OK;
}

static int map_remove(struct tool *tool, unsigned int nr_args, char **args)
{
	struct peerbuf_iommu_unmap_buffer unmap = { .argsz = sizeof(unmap) };
	int status, err = -ENOENT;
	char bdf[NAME_SIZE];
	struct search s;
	uint64_t iova;

	(void)nr_args;
	status = take_device(tool, args[0], bdf);
	if (status)
		return status;
	if (!parse_iova(args[1], &iova))
		return fail_usage(tool, "\"%s\" is not an address such as 0x40000000", args[1]);
	status = find_user(tool, bdf, &s);
	if (!status && !s.pid)
		status = fail(tool, "no process has %s open: nothing is mapped for it", bdf);
	if (!status)
		status = find_containers(tool, bdf, &s);
	if (!status && s.nr > 1)
		status = fail(tool, "the process %d has several containers: which of them %s is in cannot be told",
			      s.pid, bdf);
	if (!status) {
		unmap.iova = iova;
		err = ioctl(s.containers[0], PEERBUF_IOMMU_UNMAP_BUFFER, &unmap) ? -errno : 0;
	}
	end_search(&s);
	if (status)
		return status;
	if (err == -ENOENT)
		return fail(tool, "no buffer is mapped for %s at 0x%" PRIx64 "; see peerbuf map list",
			    bdf, iova);
	if (err)
		return fail(tool, "the mapping at 0x%" PRIx64 " cannot be removed: %s", iova,
			    strerror(-err));
	return print_removed(tool, bdf, iova);
}

const struct command map_commands[] = {
	{ "map", "list", "", 0, 0,
	  "show which buffers are mapped for which devices", map_list },
	{ "map", "add", "BDF BUFFER [IOVA]", 2, 3,
	  "map a buffer for a device", map_add },
	{ "map", "remove", "BDF IOVA", 2, 2,
	  "remove such a mapping", map_remove },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
