// SPDX-License-Identifier: LGPL-2.1-or-later
/* Passing a file descriptor to another process over a Unix socket. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "peerbuf.h"

int peerbuf_send_fd(int sock, int fd, const void *msg, size_t length)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	/* sendmsg() does not write to it; the structure cannot say so. */
	struct iovec iov = { .iov_base = (void *)msg, .iov_len = length };
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t sent;

	/* A descriptor without a byte of data gets lost on a stream socket. */
	if (length == 0)
		return -EINVAL;
	memset(&control, 0, sizeof(control));
	cmsg = CMSG_FIRSTHDR(&header);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	do {
		sent = sendmsg(sock, &header, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == length ? 0 : -EMSGSIZE;
}

/*
 * Take the descriptors out of a control message: the first one goes to *fd, the others
 * are closed. Returns how many there were.
 */
static size_t take_descriptors(struct msghdr *header, int *fd)
{
	size_t seen = 0;
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
		size_t i, nr;

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < nr; i++) {
			int got;

			memcpy(&got, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (seen++ == 0)
				*fd = got;
			else
				close(got);
		}
	}
	return seen;
}

int peerbuf_recv_fd(int sock, int *fd, void *msg, size_t length)
{
	/* Room for a second one, so that a sender of two is told from a sender of one. */
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = msg, .iov_len = length };
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	size_t descriptors;
	int received = -1;
	int err = 0;
	ssize_t got;

	if (length == 0)
		return -EINVAL;
	do {
		got = recvmsg(sock, &header, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	descriptors = take_descriptors(&header, &received);
	if (got == 0 && descriptors == 0)
		return -ECONNRESET;
	if (descriptors == 0)
		return -ENOMSG;
	if (descriptors > 1 || header.msg_flags & MSG_CTRUNC)
		err = -EPROTO;
	else if (header.msg_flags & MSG_TRUNC)
		err = -EMSGSIZE;
	if (err) {
		close(received);
		return err;
	}
	*fd = received;
	return (int)got;
}
