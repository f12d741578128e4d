/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every allocation on every path fails once. The kernel counts the places of a task where
 * an allocation, or a copy from or to user space, may fail, and lets the n-th fail:
 * /proc/self/fail-nth. For n = 1, 2, ... a path is taken until it has no n-th place.
 */
#ifndef PEERBUF_FAILNTH_H
#define PEERBUF_FAILNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An ioctl, or a VFIO device feature. */
struct command {
	const char *name;
	unsigned long nr;
};

#define FEATURE(nr) (1UL << 32 | (nr))

struct function {
	const char *module;
	const char *name;
};

/**
 * struct path - something that user space can make the kernel do
 * @part: of the table; one run of the program takes the paths of one part. NULL: it is taken,
 *	but nothing fails on it
 * @name: what it is
 * @before: what has to be there first; nothing fails in it; may be NULL
 * @act: the calls; 0 or a negative errno. Called once for each place that can fail
 * @undo: takes back what @act did, also if only in part, and what @before did
 * @holds: what must be true after @act, whatever it returned; may be NULL
 * @silent: @act has no way to say that something failed; @holds looks
 * @also: what the kernel around us makes of some failures: another errno, or 0
 * @slow: it takes a second: after a failure it is not tried once more, but with the next one
 */
struct path {
	const char *part;
	const char *name;
	void (*before)(void);
	int (*act)(void);
	void (*undo)(void);
	bool (*holds)(int result);
	bool silent;
	int also;
	bool slow;
};

extern const struct path paths[];
extern const size_t nr_paths;

/* The machine as every path finds it; the modules are loaded. */
void paths_setup(void);
void paths_teardown(void);

/* A step that must work, or the test is over. */
#define must(condition) must_be((condition), #condition, __LINE__)
void must_be(bool good, const char *what, int line);

/* Remark for whoever reads the log. */
void diag(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
