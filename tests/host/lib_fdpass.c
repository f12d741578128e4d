// SPDX-License-Identifier: GPL-2.0-or-later
/* Passing file descriptors, with well-behaved and other senders; and events. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib_tap.h"
#include "peerbuf.h"

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nr = 0;

	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

/* Send nr descriptors of the same file, or none, with a message. */
static void send_raw(int sock, const int *fds, size_t nr, const char *msg, size_t length)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = (void *)msg, .iov_len = length };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	memset(&control, 0, sizeof(control));
	if (nr) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nr * sizeof(int));
	}
	if (sendmsg(sock, &header, 0) < 0)
		ok(false, "the test could send");
}

static void good(int type, const char *name)
{
	struct stat sent, received;
	char msg[16] = "";
	int sock[2], fd, got = -1;

	if (socketpair(AF_UNIX, type, 0, sock))
		return;
	fd = open("/dev/null", O_RDONLY);
	fstat(fd, &sent);
	is(peerbuf_send_fd(sock[0], fd, "hello", 6), 0, name);
	is(peerbuf_recv_fd(sock[1], &got, msg, sizeof(msg)), 6, "the message has its length");
	ok(!strcmp(msg, "hello"), "the message is the same");
	ok(got >= 0 && got != fd && !fstat(got, &received) && received.st_rdev == sent.st_rdev,
	   "the descriptor is of the same file");
	ok(fcntl(got, F_GETFD) & FD_CLOEXEC, "it has close-on-exec");
	ok(fcntl(fd, F_GETFD) >= 0, "the sender's own is still open");
	close(got);
	close(sock[1]);
	is(peerbuf_send_fd(sock[0], fd, "hello", 6), -EPIPE,
	   "a receiver that has gone is EPIPE, not a signal");
	close(fd);
	close(sock[0]);
}

static void bad_senders(void)
{
	char msg[8];
	int sock[2], fds[8], got = -77, i, before;

	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock);
	for (i = 0; i < 8; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	before = count_fds();

	send_raw(sock[0], fds, 0, "plain", 5);
	is(peerbuf_recv_fd(sock[1], &got, msg, sizeof(msg)), -ENOMSG,
	   "a message without a descriptor is ENOMSG");
	send_raw(sock[0], fds, 2, "two", 3);
	is(peerbuf_recv_fd(sock[1], &got, msg, sizeof(msg)), -EPROTO, "two descriptors are EPROTO");
	send_raw(sock[0], fds, 8, "eight", 5);
	is(peerbuf_recv_fd(sock[1], &got, msg, sizeof(msg)), -EPROTO, "eight are EPROTO, too");
	send_raw(sock[0], fds, 1, "longer than eight", 17);
	is(peerbuf_recv_fd(sock[1], &got, msg, sizeof(msg)), -EMSGSIZE,
	   "a message that is too long is EMSGSIZE");
	is(count_fds(), before, "none of them left a descriptor behind");
	is(got, -77, "none of them wrote the result");
	is(peerbuf_send_fd(sock[0], 9999, "x", 1), -EBADF, "a bad descriptor is EBADF");
	is(peerbuf_send_fd(sock[0], fds[0], "x", 0), -EINVAL, "an empty message is EINVAL");

	close(sock[0]);
	is(peerbuf_recv_fd(sock[1], &got, msg, sizeof(msg)), -ECONNRESET,
	   "a sender that has gone is ECONNRESET");
	close(sock[1]);
	for (i = 0; i < 8; i++)
		close(fds[i]);
}

static void events(void)
{
	uint64_t count = 0, one = 1;
	int pipes[2], fd = peerbuf_event_open();

	ok(fd >= 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC, "an event has close-on-exec");
	is(peerbuf_event_wait(fd, 0, &count), -ETIMEDOUT, "a quiet event times out");
	ok(write(fd, &one, 8) == 8 && write(fd, &one, 8) == 8, "it can be signalled");
	is(peerbuf_event_wait(fd, 1000, &count), 0, "a signalled event ends the wait");
	is((long long)count, 2, "signals are counted");
	is(peerbuf_event_wait(fd, 0, &count), -ETIMEDOUT, "waiting resets it");
	close(fd);
	is(peerbuf_event_wait(fd, 0, &count), -EBADF, "a closed one is EBADF");
	if (pipe(pipes) == 0 && write(pipes[1], "x", 1) == 1)
		is(peerbuf_event_wait(pipes[0], 0, &count), -EINVAL, "a pipe is EINVAL");
	ok(*peerbuf_version() >= '0' && *peerbuf_version() <= '9', "the library has a version");
}

int main(void)
{
	good(SOCK_SEQPACKET, "a descriptor goes through a sequenced-packet socket");
	good(SOCK_STREAM, "a descriptor goes through a stream socket");
	bad_senders();
	events();
	return tap_end();
}
