/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dma-bufs of the machine, and the processes that have to do with them.
 *
 * A buffer is a JSON object, with the same members wherever it comes from; what is not known,
 * or what only a buffer of peerbuf's has, is null:
 *
 *	ino		its number in the kernel, as in /proc/PID/fdinfo
 *	id		peerbuf's number of it
 *	exporter, name, size, refs
 *	state, ranges, attachments, revokes, restores, waiting, held
 *	importers	array: importer, and what is known of type, origin, route, iova ...
 *	holders		array: pid, comm, fds, maps
 */
#ifndef PEERBUF_TOOL_BUFFERS_H
#define PEERBUF_TOOL_BUFFERS_H

#include <sys/types.h>

#include "tool.h"

/* ---------------------------------------------------------------------- lines */

/* Add the words of a line to an object; false if one of them is not key=value. */
bool parse_words(char *line, struct json_object *object);

/*
 * Read a file whose lines, where a tab leads them, belong to the line before; they go to the
 * member @children of its object. EPROTO: the line @number makes no sense.
 */
int read_lines(const char *path, const char *children, struct json_object **rows,
	       unsigned int *number);

/* -------------------------------------------------------------------- buffers */

/* All that can be seen, as an array in order of their numbers; NULL: told why not. */
struct json_object *find_buffers(struct tool *tool);

/*
 * The one that @text names, by its inode number or as "id=NUMBER", with a reference; NULL:
 * told why not, and *status is the exit status.
 */
struct json_object *find_buffer(struct tool *tool, const char *text, int *status);

uint64_t number_of(struct json_object *object, const char *key);
const char *word_of(struct json_object *object, const char *key);	/* never NULL */

/* For columns */
void format_importers(struct json_object *importers, char *text, size_t size);
void format_holders(struct json_object *holders, char *text, size_t size);

int buffer_export(struct tool *tool, unsigned int nr_args, char **args);

/* ------------------------------------------------------------------ processes */

/* What a descriptor of a process is open for, as its link in /proc says. */
struct seen_fd {
	pid_t pid;
	int fd;
	const char *target;
};

/* Call @see for every process, until it says true. */
bool each_process(const struct tool *tool, bool (*see)(void *context, pid_t pid), void *context);

/* Call @see for every descriptor of every process that may be looked at, until it says true. */
bool each_fd(const struct tool *tool, bool (*see)(void *context, const struct seen_fd *fd),
	     void *context);

/* Name of a process in @text, without anything that a terminal would take for more. */
void process_name(const struct tool *tool, pid_t pid, char *text, size_t size);

/*
 * A copy of another process's descriptor. EPERM: this user may not. EBADF, ESRCH: it is not
 * there any more. EOPNOTSUPP: in a machine that is made of files, as tests have.
 */
int borrow_fd(const struct tool *tool, pid_t pid, int fd);

/* A descriptor of the dma-buf with this inode number, borrowed from a process that has one;
 * or a negative errno, ENOENT if no process has any.
 */
int borrow_buffer(const struct tool *tool, uint64_t ino);

/* ------------------------------------------------------------------- staying */

/*
 * Wait until @fd can be read (@fd may be -1), a second has passed, or the user wants an end:
 * true then. Signals that end programs are caught from the first call of stay_begin() on.
 */
int stay_begin(void);
bool stay(int fd, bool *readable);

/* Sleep; true as soon as the user wants an end. */
bool stay_for_ms(int ms);

#endif /* PEERBUF_TOOL_BUFFERS_H */
