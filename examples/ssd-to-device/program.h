/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two programs share: the message that goes with the buffer, commands read
 * from standard input, and errors in one sentence.
 *
 * A command is a line of words. Each gets one line of answer on standard output: its
 * name and key=value pairs, or "error: " and a sentence.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELLO_MAGIC	"peerbuf"

/* Goes with the dma-buf, from the exporter to each importer. Same machine, same order. */
struct hello {
	char magic[8];
	uint64_t length;	/* of the buffer, bytes */
	uint64_t residue;	/* offset of the first range in its BAR: congruent to its
				 * physical address, as BARs are aligned to their size
				 */
	uint32_t nr_ranges;
	uint32_t reserved;
};

/* A command of a program; the table ends with a NULL name. */
struct command {
	const char *name;
	unsigned int nr_args;
	const char *args;	/* their names, for the message */
	/* Answers by itself. Returns false when the program shall end. */
	bool (*run)(void *program, char **args);
};

/* The command "quit" of every program: answers, and ends it. */
bool do_quit(void *program, char **args);

/* Complete lines from a file descriptor, so that it can be polled as well. */
struct lines {
	int fd;
	bool ended;		/* nothing more will come */
	size_t used;
	char data[1024];
};

/* Take what can be read now. Blocks if there is nothing. */
void lines_fill(struct lines *lines);

/* The next complete line in @line, without its end; false if there is none yet. */
bool lines_next(struct lines *lines, char *line, size_t size);

/* Run one line; false when the program shall end. An empty line does nothing. */
bool run_line(const struct command *table, void *program, char *line);

/* Print one line of answer, at once. */
void answer(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print "error: " and a sentence; the program's exit status will be 1. */
void answer_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
int exit_status(void);

/* "4096", "0x1000", "64K", "100M", "1G" */
bool parse_number(const char *text, uint64_t *value);

/* Seconds of the monotonic clock. */
double seconds_now(void);

/* Why a device could not be opened, or a buffer not be mapped, in words. */
const char *open_reason(int err);
const char *map_reason(int err);

#endif /* PROGRAM_H */
