// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Other processes: what they have open, and copies of it.
 *
 * Buffers, devices and containers belong to processes. A user who may trace a process may have
 * copies of its descriptors, and so do with them what the process itself could do.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buffers.h"

/* Names that are numbers, without a sign or anything else. */
static bool number_name(const char *name, int *number)
{
	char *end;
	long value;

	if (!isdigit((unsigned char)name[0]))
		return false;
	value = strtol(name, &end, 10);
	*number = (int)value;
	return !*end && value >= 0 && value <= INT32_MAX;
}

static bool each_fd_of(const struct tool *tool, pid_t pid,
		       bool (*see)(void *context, const struct seen_fd *fd), void *context)
{
	struct seen_fd seen = { .pid = pid };
	char path[PATH_SIZE], target[PATH_SIZE];
	const struct dirent *entry;
	bool stop = false;
	ssize_t got;
	DIR *fds;

	snprintf(path, sizeof(path), "%s/proc/%d/fd", tool->root, pid);
	fds = opendir(path);
	if (!fds)
		return false;
	while (!stop && (entry = readdir(fds))) {
		if (!number_name(entry->d_name, &seen.fd))
			continue;
		got = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);
		if (got < 0)
			continue;
		target[got] = '\0';
		seen.target = target;
		stop = see(context, &seen);
	}
	closedir(fds);
	return stop;
}

bool each_process(const struct tool *tool, bool (*see)(void *context, pid_t pid), void *context)
{
	const struct dirent *entry;
	char path[PATH_SIZE];
	bool stop = false;
	DIR *processes;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/proc", tool->root);
	processes = opendir(path);
	if (!processes)
		return false;
	while (!stop && (entry = readdir(processes)))
		if (number_name(entry->d_name, &pid))
			stop = see(context, pid);
	closedir(processes);
	return stop;
}

struct fd_search {
	const struct tool *tool;
	bool (*see)(void *context, const struct seen_fd *fd);
	void *context;
};

static bool search_process(void *context, pid_t pid)
{
	const struct fd_search *s = context;

	return each_fd_of(s->tool, pid, s->see, s->context);
}

bool each_fd(const struct tool *tool, bool (*see)(void *context, const struct seen_fd *fd),
	     void *context)
{
	struct fd_search search = { .tool = tool, .see = see, .context = context };

	return each_process(tool, search_process, &search);
}

void process_name(const struct tool *tool, pid_t pid, char *text, size_t size)
{
	char path[PATH_SIZE], raw[NAME_SIZE] = "?";
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/%d/comm", tool->root, pid);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(raw, sizeof(raw), file))
			strcpy(raw, "?");
		fclose(file);
	}
	raw[strcspn(raw, "\n")] = '\0';
	make_printable(raw, text, size, 0);
}

int borrow_fd(const struct tool *tool, pid_t pid, int fd)
{
	int pidfd, copy;

	/* Numbers of processes in a tree of files are not those of this machine. */
	if (*tool->root)
		return -EOPNOTSUPP;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return -errno;
	copy = pidfd_getfd(pidfd, fd, 0);
	if (copy < 0)
		copy = -errno;
	close(pidfd);
	return copy;
}

struct wanted {
	const struct tool *tool;
	uint64_t ino;
	int fd;			/* or why there is none */
};

static bool see_buffer(void *context, const struct seen_fd *seen)
{
	struct wanted *w = context;
	struct stat st;
	int fd;

	if (strncmp(seen->target, "/dmabuf:", 8))
		return false;
	fd = borrow_fd(w->tool, seen->pid, seen->fd);
	if (fd < 0) {
		w->fd = fd;
		return false;
	}
	/* Looked at once more in the copy: the process may have opened something else. */
	if (fstat(fd, &st) || st.st_ino != w->ino) {
		close(fd);
		return false;
	}
	w->fd = fd;
	return true;
}

int borrow_buffer(const struct tool *tool, uint64_t ino)
{
	struct wanted wanted = { .tool = tool, .ino = ino, .fd = -ENOENT };

	if (each_fd(tool, see_buffer, &wanted))
		return wanted.fd;
	return wanted.fd == -EPERM ? -EPERM : -ENOENT;
}

/* ------------------------------------------------------------------- staying */

static int signals = -1;

int stay_begin(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	if (signals < 0)
		signals = signalfd(-1, &set, SFD_CLOEXEC);
	return signals < 0 ? -errno : 0;
}

bool stay_for_ms(int ms)
{
	struct pollfd end = { .fd = signals, .events = POLLIN };

	return poll(&end, 1, ms) > 0;
}

bool stay(int fd, bool *readable)
{
	struct pollfd fds[2] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	*readable = false;
	if (poll(fds, 2, 1000) < 0)
		return false;
	*readable = fds[1].revents & POLLIN;
	return fds[0].revents & POLLIN;
}
