// SPDX-License-Identifier: GPL-2.0-or-later
/* See trace.h. */
#include "trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static char text[256 * 1024];

char *slurp(const char *path)
{
	size_t used = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	while ((n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += n;
	close(fd);
	assert_true(used < sizeof(text) - 1);
	text[used] = '\0';
	return text;
}

char *trace(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/trace", getenv("TRACE"));
	return slurp(path);
}

void trace_clear(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/trace", getenv("TRACE"));
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	close(fd);
}

bool has_words(const char *line, size_t length, const char *words)
{
	char copy[256], *word, *save = NULL;
	char *own = strndup(line, length);
	bool all = true;

	snprintf(copy, sizeof(copy), " %s", words);
	for (word = strtok_r(copy, " ", &save); word && all; word = strtok_r(NULL, " ", &save)) {
		const char *p = strstr(own, word);

		/* A whole word: buffer=1 is not in buffer=12. */
		while (p && !strchr(" \n\t", p[strlen(word)]) && p[strlen(word)])
			p = strstr(p + 1, word);
		all = p;
	}
	free(own);
	return all;
}

const char *after(const char *from, const char *words)
{
	while (from && *from) {
		const char *end = strchr(from, '\n');
		size_t length = end ? (size_t)(end - from) : strlen(from);

		if (has_words(from, length, words))
			return end ? end + 1 : from + length;
		from = end ? end + 1 : NULL;
	}
	return NULL;
}

const char *must_follow(const char *from, const char *words)
{
	const char *next = after(from, words);

	if (!next) {
		print_message("# no line with: %s\n# in:\n%s", words, from ? from : "");
		fail();
	}
	return next;
}
