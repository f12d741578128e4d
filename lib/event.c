// SPDX-License-Identifier: LGPL-2.1-or-later
/* Events: eventfds that the kernel signals when a mapped buffer changes. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "peerbuf.h"

int peerbuf_event_open(void)
{
	/* Not blocking: another reader may take the count between poll and read. */
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int peerbuf_event_wait(int event_fd, int timeout_ms, uint64_t *count)
{
	struct pollfd poll_fd = { .fd = event_fd, .events = POLLIN };
	uint64_t value;
	ssize_t got;
	int ready;

	ready = poll(&poll_fd, 1, timeout_ms);
	if (ready < 0)
		return -errno;
	if (ready == 0)
		return -ETIMEDOUT;
	if (poll_fd.revents & POLLNVAL)
		return -EBADF;
	got = read(event_fd, &value, sizeof(value));
	if (got < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (got != sizeof(value))
		return -EINVAL;
	*count = value;
	return 0;
}
