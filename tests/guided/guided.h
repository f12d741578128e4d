/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of calls, which are kept and changed when they reach code of the modules that none
 * has reached (KCOV). Where the kernel does not tell what is reached, nothing is kept, and the
 * programs of the corpus are changed.
 *
 * A call is a few bytes, and who makes the calls decides what they mean. One set is shared by
 * all processes that are forked after it was made.
 */
#ifndef TESTS_GUIDED_H
#define TESTS_GUIDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define GUIDED_CALLS 64		/* the most in a program */
#define GUIDED_BYTES 24		/* the most of a call */

struct guided_program {
	unsigned int nr;
	uint8_t call[GUIDED_CALLS][GUIDED_BYTES];
};

struct guided;

/* A set of programs with up to @calls calls of @bytes bytes each; NULL: no memory. */
struct guided *guided_new(unsigned int calls, unsigned int bytes);

/* Programs as guided_write() has written them are added; how many. */
unsigned int guided_read(struct guided *g, const char *path);
void guided_write(struct guided *g, FILE *f);

/* One such line. */
bool guided_parse(const struct guided *g, const char *line, struct guided_program *p);
void guided_print(const struct guided *g, const struct guided_program *p, FILE *f);

/* What this thread reaches is noted from now on. False: this kernel does not tell. */
bool guided_open(void);

/* A new program, or a kept one with changes; @pick returns a number below its argument. */
void guided_make(struct guided *g, struct guided_program *p, uint64_t (*pick)(uint64_t below));

/* Between these two a program is executed; the second keeps it if it reached something new. */
void guided_begin(void);
bool guided_end(struct guided *g, const struct guided_program *p);

/*
 * Each program is executed, the shortest first, by @run, which has to call guided_begin() and
 * guided_end(). Where it is told what they reach, those stay that reach what none before them
 * has reached; what was reached until now does not count.
 */
void guided_replay(struct guided *g, void (*run)(const struct guided_program *p));

/* How many programs there are, how many were kept since the beginning, what they reached. */
unsigned int guided_programs(const struct guided *g);
unsigned int guided_kept(const struct guided *g);
unsigned int guided_edges(const struct guided *g);

#endif
