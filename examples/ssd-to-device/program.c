// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines, words, numbers and reasons; see program.h. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

#define MAX_WORDS	8

static bool failed;

void answer(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	/* The reader may be waiting for it on a pipe. */
	fflush(stdout);
}

void answer_error(const char *format, ...)
{
	va_list args;

	failed = true;
	fputs("error: ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

int exit_status(void)
{
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void lines_fill(struct lines *lines)
{
	ssize_t got;

	/* A line that does not fit is no command; drop it and say so. */
	if (lines->used == sizeof(lines->data)) {
		answer_error("a line is longer than %zu bytes", sizeof(lines->data) - 1);
		lines->used = 0;
	}
	got = read(lines->fd, lines->data + lines->used, sizeof(lines->data) - lines->used);
	if (got > 0)
		lines->used += (size_t)got;
	else if (got == 0 || errno != EINTR)
		lines->ended = true;
	/* A last line without its end counts, too. */
	if (lines->ended && lines->used > 0)
		lines->data[lines->used++] = '\n';
}

bool lines_next(struct lines *lines, char *line, size_t size)
{
	char *end = memchr(lines->data, '\n', lines->used);
	size_t length, rest;

	if (!end)
		return false;
	length = (size_t)(end - lines->data);
	rest = lines->used - length - 1;
	snprintf(line, size, "%.*s", (int)length, lines->data);
	memmove(lines->data, end + 1, rest);
	lines->used = rest;
	return true;
}

bool run_line(const struct command *table, void *program, char *line)
{
	char *words[MAX_WORDS], *save = NULL, *word;
	const struct command *command;
	unsigned int nr = 0;

	for (word = strtok_r(line, " \t\r", &save); word;
	     word = strtok_r(NULL, " \t\r", &save)) {
		if (nr == MAX_WORDS) {
			answer_error("a command has at most %d words", MAX_WORDS);
			return true;
		}
		words[nr++] = word;
	}
	if (nr == 0)
		return true;
	for (command = table; command->name; command++) {
		if (strcmp(command->name, words[0]))
			continue;
		if (nr - 1 == command->nr_args)
			return command->run(program, words + 1);
		answer_error("%s takes %u arguments, not %u: %s%s%s", command->name,
			     command->nr_args, nr - 1, command->name,
			     *command->args ? " " : "", command->args);
		return true;
	}
	answer_error("there is no command \"%s\"", words[0]);
	return true;
}

bool do_quit(void *program, char **args)
{
	(void)program;
	(void)args;
	answer("quit");
	return false;
}

bool parse_number(const char *text, uint64_t *value)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	uint64_t number;
	char *end;

	/* strtoull would take a sign and blanks. */
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno)
		return false;
	if (*end) {
		unsigned int shift;

		suffix = strchr(suffixes, *end);
		if (!suffix || end[1])
			return false;
		shift = 10 * ((unsigned int)(suffix - suffixes) + 1);
		if (number > UINT64_MAX >> shift)
			return false;
		number <<= shift;
	}
	*value = number;
	return true;
}

double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

const char *open_reason(int err)
{
	switch (-err) {
	case EINVAL:
		return "that is not a PCI address such as 0000:01:00.0";
	case ENODEV:
		return "there is no such device, or it is not bound to a VFIO driver";
	case ENXIO:
		return "it has no IOMMU group; the IOMMU is absent or switched off";
	case ENOENT:
		return "no device of its IOMMU group is bound to a VFIO driver";
	case EPERM:
		return "another device of its IOMMU group is bound to a driver of the host";
	case EBUSY:
		return "its IOMMU group is in use by another process";
	case EOPNOTSUPP:
		return "the device is not of a kind that this program can drive";
	case ETIMEDOUT:
		return "the device did not answer in time";
	case EIO:
		return "the device reported an error";
	default:
		return strerror(-err);
	}
}

const char *map_reason(int err)
{
	switch (-err) {
	case EINVAL:
		return "the range or the IOVA is not page aligned or not usable";
	case EEXIST:
		return "part of the IOVA range is taken";
	case ENODEV:
		return "the buffer is revoked or dead";
	case EOPNOTSUPP:
		return "the buffer cannot be revoked, or strict mode refuses the route";
	case EACCES:
		return "the buffer is read only";
	case ENOSPC:
		return "there is no room for another mapping";
	default:
		return strerror(-err);
	}
}
