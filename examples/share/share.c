// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share: two processes that use one piece of a device's memory.
 *
 *	share BDF BAR
 *
 * The parent owns the device BDF, bound to vfio_pci_peerbuf, and exports the first 64 KiB of its
 * BAR. The child has no right to the device: it gets the buffer, maps it, and writes a word for the
 * parent to read. When the parent revokes the buffer, the child's next access raises SIGBUS.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <peerbuf.h>

#define LENGTH	65536u
#define WORD	0x7065657262756631ULL

static int fail(const char *what, int err)
{
	fprintf(stderr, "share: %s: %s\n", what, strerror(-err));
	return EXIT_FAILURE;
}

/* One byte each way keeps the two in step. */
static void tell(int sock)
{
	if (write(sock, "", 1) != 1)
		_exit(EXIT_FAILURE);
}

static void hear(int sock)
{
	char c;

	/* Whoever waits for one that has died ends, too. */
	if (read(sock, &c, 1) != 1)
		_exit(EXIT_FAILURE);
}

/* ------------------------------------------------------------------ the child */

static sigjmp_buf access_ended;

static void on_bus_error(int number)
{
	(void)number;
	siglongjmp(access_ended, 1);
}

static int use(int sock)
{
	struct sigaction action = { .sa_handler = on_bus_error };
	volatile uint64_t *words;
	char message[8];
	int buffer, got;
	void *map;

	got = peerbuf_recv_fd(sock, &buffer, message, sizeof(message));
	if (got < 0)
		return fail("no buffer has come", got);
	map = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	if (map == MAP_FAILED)
		return fail("the buffer cannot be mapped", -errno);
	words = map;
	words[0] = WORD;
	(void)words[0];		/* so that it has arrived */
	printf("child: wrote a word into the other process's device\n");
	fflush(stdout);
	tell(sock);

	hear(sock);
	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(access_ended, 1) == 0) {
		printf("child: still reads 0x%llx\n", (unsigned long long)words[0]);
		return EXIT_FAILURE;
	}
	printf("child: SIGBUS, the buffer was revoked\n");
	return EXIT_SUCCESS;
}

/* ----------------------------------------------------------------- the parent */

static int share(struct peerbuf_device *device, uint32_t bar, int sock)
{
	struct vfio_region_dma_range part = { .offset = 0, .length = LENGTH };
	volatile uint64_t *words;
	void *map;
	int buffer, err;

	err = peerbuf_device_command(device, PCI_COMMAND_MEMORY, 0);
	buffer = err < 0 ? err : peerbuf_device_export(device, bar, O_RDWR, &part, 1);
	if (buffer < 0)
		return fail("the BAR cannot be exported", buffer);
	err = peerbuf_device_mmap(device, bar, 0, LENGTH, PROT_READ, &map);
	if (!err)
		err = peerbuf_send_fd(sock, buffer, "64 KiB", 7);
	if (err)
		return fail("the buffer cannot be shared", err);
	words = map;
	hear(sock);
	printf("parent: reads %s\n", words[0] == WORD ? "the child's word" : "something else");
	fflush(stdout);
	err = peerbuf_device_revoke_buffer(device, buffer);
	if (err)
		return fail("the buffer cannot be revoked", err);
	printf("parent: revoked the buffer, and still reads %s\n",
	       words[0] == WORD ? "the word by itself" : "something else");
	fflush(stdout);
	tell(sock);
	munmap(map, LENGTH);
	close(buffer);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct peerbuf_container *container;
	struct peerbuf_device *device;
	int socks[2], status, err;
	pid_t child;

	if (argc != 3) {
		fputs("Usage: share BDF BAR\n", stderr);
		return 2;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return fail("no socket", -errno);
	child = fork();
	if (child < 0)
		return fail("no process", -errno);
	if (child == 0) {
		close(socks[0]);
		exit(use(socks[1]));
	}
	close(socks[1]);
	err = peerbuf_container_open(PEERBUF_IOMMU, &container);
	if (err)
		return fail("VFIO", err);
	err = peerbuf_device_open(container, argv[1], &device);
	if (err)
		return fail(argv[1], err);
	err = share(device, (uint32_t)atoi(argv[2]), socks[0]);
	close(socks[0]);
	waitpid(child, &status, 0);
	peerbuf_device_close(device);
	peerbuf_container_close(container);
	return err || status ? EXIT_FAILURE : EXIT_SUCCESS;
}
