// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading and writing sysfs, wherever it is mounted. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

bool parse_bdf(const char *text, char bdf[NAME_SIZE])
{
	unsigned int domain = 0, bus, device, function;
	const char *p = text;
	int end = 0;

	/* scanf alone would take signs, blanks and any number of digits. */
	for (; *p; p++)
		if (!isxdigit((unsigned char)*p) && *p != ':' && *p != '.')
			return false;
	if (strlen(text) == 12) {
		if (sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function,
			   &end) != 4)
			return false;
	} else if (strlen(text) != 7 ||
		   sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3) {
		return false;
	}
	if (text[end] || device > 31 || function > 7)
		return false;
	snprintf(bdf, NAME_SIZE, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return true;
}

static int make_path(const struct tool *tool, char *path, const char *format, va_list args)
{
	int length = snprintf(path, PATH_SIZE, "%s/", tool->sysfs);

	if (length < PATH_SIZE)
		length += vsnprintf(path + length, PATH_SIZE - (size_t)length, format, args);
	return length < PATH_SIZE ? 0 : -ENAMETOOLONG;
}

/* Put the path that the caller was given into path, and 0 or an error into err. */
#define TAKE_PATH(tool, path, err, format)			\
	do {							\
		va_list args_;					\
								\
		va_start(args_, format);			\
		err = make_path(tool, path, format, args_);	\
		va_end(args_);					\
	} while (0)

int sysfs_exists(const struct tool *tool, const char *format, ...)
{
	char path[PATH_SIZE];
	int err;

	TAKE_PATH(tool, path, err, format);
	if (err)
		return err;
	return access(path, F_OK) ? -errno : 0;
}

int sysfs_read(const struct tool *tool, char *text, size_t size, const char *format, ...)
{
	char path[PATH_SIZE];
	ssize_t got;
	int fd, err;

	TAKE_PATH(tool, path, err, format);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, size - 1);
	err = got < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int sysfs_write(const struct tool *tool, const char *text, const char *format, ...)
{
	char path[PATH_SIZE];
	ssize_t put;
	int fd, err;

	TAKE_PATH(tool, path, err, format);
	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* One write: sysfs takes each as a whole. */
	put = write(fd, text, strlen(text));
	err = put < 0 ? -errno : 0;
	close(fd);
	return err;
}

int sysfs_link(const struct tool *tool, char *text, size_t size, const char *format, ...)
{
	char path[PATH_SIZE], target[PATH_SIZE];
	const char *name;
	ssize_t got;
	int err;

	TAKE_PATH(tool, path, err, format);
	if (err)
		return err;
	got = readlink(path, target, sizeof(target) - 1);
	if (got < 0)
		return -errno;
	target[got] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	return snprintf(text, size, "%s", name) < (int)size ? 0 : -ENAMETOOLONG;
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int sysfs_names(const struct tool *tool, char ***names, size_t *nr, const char *format, ...)
{
	struct dirent **entries;
	char path[PATH_SIZE];
	char **list;
	int found, i, err;

	TAKE_PATH(tool, path, err, format);
	if (err)
		return err;
	found = scandir(path, &entries, no_dots, alphasort);
	if (found < 0)
		return -errno;
	list = calloc((size_t)found + 1, sizeof(*list));
	if (!list)
		err = -ENOMEM;
	for (i = 0; i < found; i++) {
		if (!err) {
			list[i] = strdup(entries[i]->d_name);
			if (!list[i])
				err = -ENOMEM;
		}
		free(entries[i]);
	}
	free(entries);
	if (err) {
		if (list)
			sysfs_free_names(list, (size_t)found);
		return err;
	}
	*names = list;
	*nr = (size_t)found;
	return 0;
}

void sysfs_free_names(char **names, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		free(names[i]);
	free(names);
}
