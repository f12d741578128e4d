// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Is a module's file signed? The signature stands at its end, and where the kernel's own modules
 * are compressed, so are those that DKMS makes: the end can only be seen unpacked.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

extern char **environ;

#define MAGIC	"~Module signature appended~\n"

/* Have a program write to @out what it unpacks of @path. */
static int start_unpacking(const char *const *argv, const char *path, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, path, O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

/* Keeps the last bytes of what can be read; false if there are fewer. */
static bool read_end(int fd, char *end, size_t size)
{
	char chunk[65536];
	size_t total = 0, kept;
	ssize_t got;

	while ((got = read(fd, chunk, sizeof(chunk))) > 0 || (got < 0 && errno == EINTR)) {
		if (got < 0)
			continue;
		kept = (size_t)got < size ? size - (size_t)got : 0;
		memmove(end, end + size - kept, kept);
		memcpy(end + kept, chunk + got - (size - kept), size - kept);
		total += (size_t)got;
	}
	return !got && total >= size;
}

static const char *const *unpacker(const char *path)
{
	static const struct {
		const char *suffix;
		const char *const argv[3];
	} known[] = {
		{ ".xz", { "xz", "-dc", NULL } },
		{ ".zst", { "zstd", "-dc", NULL } },
		{ ".gz", { "gzip", "-dc", NULL } },
	};
	const char *dot = strrchr(path, '.');
	size_t i;

	for (i = 0; dot && i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(dot, known[i].suffix))
			return known[i].argv;
	return NULL;
}

static enum signature end_of(const char *end, bool whole)
{
	return whole && !memcmp(end, MAGIC, sizeof(MAGIC) - 1) ? SIGNED : NOT_SIGNED;
}

static enum signature unpacked_signature(const char *const *argv, const char *path)
{
	char end[sizeof(MAGIC) - 1] = "";
	int ends[2], status;
	bool whole;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return UNKNOWN_SIGNATURE;
	if (start_unpacking(argv, path, ends[1], &pid)) {
		close(ends[0]);
		close(ends[1]);
		return UNKNOWN_SIGNATURE;
	}
	close(ends[1]);
	whole = read_end(ends[0], end, sizeof(end));
	close(ends[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return UNKNOWN_SIGNATURE;
	return end_of(end, whole);
}

enum signature module_signature(const char *path)
{
	const char *const *argv = unpacker(path);
	char end[sizeof(MAGIC) - 1] = "";
	bool whole;
	int fd;

	if (argv)
		return unpacked_signature(argv, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return UNKNOWN_SIGNATURE;
	whole = read_end(fd, end, sizeof(end));
	close(fd);
	return end_of(end, whole);
}
