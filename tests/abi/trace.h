/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests read as an operator would: files of debugfs, and the trace of the instance TRACE,
 * which the script that starts the program has made.
 */
#ifndef PEERBUF_TESTS_TRACE_H
#define PEERBUF_TESTS_TRACE_H

#include "abi.h"

/* A file; in memory that the next one is read into. */
char *slurp(const char *path);

/* The trace, by the same means; and a new one. */
char *trace(void);
void trace_clear(void);

/* Are all words of @words, which are separated by blanks, in the line? */
bool has_words(const char *line, size_t length, const char *words);

/* The first line from @from on with all these words; what follows it, or NULL. */
const char *after(const char *from, const char *words);

/* The same; without such a line the test has failed. */
const char *must_follow(const char *from, const char *words);

#define FOLLOWS(from, ...)						\
	({								\
		char words_[256];					\
									\
		snprintf(words_, sizeof(words_), __VA_ARGS__);		\
		must_follow(from, words_);				\
	})

#endif
