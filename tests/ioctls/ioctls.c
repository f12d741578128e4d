// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ioctls SECONDS CORPUS [SEED]: programs of calls on devices, containers and buffers, made up
 * at random, and kept and changed when they reach code of the modules that none has reached
 * (tests/guided). With PEERBUF_IOCTLS_KEEP in the environment, those that are worth keeping
 * are printed to standard error in the end.
 *
 * A program is a list of calls; each names what it works on by a slot, of which there are
 * few, so that calls meet. Several processes run one program each at the same time, on the
 * same devices and with the same buffers.
 *
 * Wrong is: an errno that the user ABI does not know; a buffer that is LIVE while its device's
 * memory is off; and anything that is left when the last process has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/pci_regs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <peerbuf.h>

#include "../guided/guided.h"
#include "../kmod/peerbuf_test.h"

#define PAGE 4096ULL
#define MIB (1ULL << 20)
#define BAR2 VFIO_PCI_BAR2_REGION_INDEX

#define WORKERS 3
#define CALLS 24
#define SLOTS 6

struct call {
	uint8_t op, slot, other, flags;
	uint8_t offset, length, iova, wild;
};

/* Shared by all processes. */
struct shared {
	uint64_t programs, calls, good, wrong;
	/* What each worker runs now: when the kernel dies this is not seen, but in a hang it is. */
	struct guided_program now[WORKERS];
};

static struct guided *guided;
static struct shared *sh;
static uint64_t state;

/* Of this process. */
static struct peerbuf_container *owner, *importer;
static struct peerbuf_device *device;
static struct peerbuf_ram *ram;
static int buffer[SLOTS], test[SLOTS], event = -1;
static void *window[SLOTS];
static unsigned char *memory;
static bool memory_is_off, alone;

static uint64_t pick(uint64_t below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % below;
}

static void wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# wrong: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	__atomic_add_fetch(&sh->wrong, 1, __ATOMIC_RELAXED);
}

/* --------------------------------------------------------------------- calls */

static uint64_t number(uint8_t n, uint8_t wild)
{
	static const uint64_t edges[] = {
		0, 1, PAGE - 1, PAGE + 1, 1ULL << 31, 1ULL << 32, 1ULL << 47, 1ULL << 63, ~0ULL,
		~0ULL - PAGE + 1, 0xfee00000,
	};

	return wild % 16 == 1 ? edges[n % (sizeof(edges) / sizeof(*edges))] : n % 32 * PAGE;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int put(int *fd, int ret)
{
	if (ret < 0)
		return ret;
	drop(fd);
	*fd = ret;
	return 0;
}

static int do_export(const struct call *c)
{
	struct vfio_region_dma_range r[3];
	uint32_t i, nr = 1 + c->flags % 3;

	for (i = 0; i < nr; i++)
		r[i] = (struct vfio_region_dma_range) {
			.offset = number(c->offset + i * c->other, c->wild),
			.length = number(c->length, c->wild) ?: PAGE,
		};
	return put(&buffer[c->slot % SLOTS],
		   peerbuf_device_export(device, c->wild % 32 == 3 ? c->other % 12 : BAR2,
					 c->flags & 4 ? O_RDONLY : O_RDWR, r, nr));
}

static int do_ram(const struct call *c)
{
	int ret, fd = memfd_create("ioctls", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, 64 * PAGE) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)) {
		drop(&fd);
		return 0;
	}
	ret = put(&buffer[c->slot % SLOTS],
		  peerbuf_ram_export(ram, fd, O_RDWR, number(c->offset, c->wild),
				     number(c->length, c->wild), c->flags & 1));
	close(fd);
	return ret;
}

static int do_map(const struct call *c)
{
	return peerbuf_container_map_buffer(importer, buffer[c->slot % SLOTS],
					    c->flags & 8 ? event : -1, number(c->offset, c->wild),
					    number(c->length, c->wild),
					    (1ULL << 32) + number(c->iova, c->wild), c->flags % 8);
}

static int do_import(const struct call *c)
{
	int *fd = &test[c->other % SLOTS];
	struct pbt_import arg = {
		.dmabuf_fd = buffer[c->slot % SLOTS],
		/* It does not hold on: nobody would wait for it for ever. */
		.flags = c->flags & (PBT_STATIC | PBT_NO_P2P | PBT_TYPED | PBT_RAW_PAL),
		.fence_ms = c->length % 4,
	};
	unsigned int domain, bus, dev, fn;

	sscanf(getenv("SSD_BDF"), "%x:%x:%x.%x", &domain, &bus, &dev, &fn);
	arg.bdf = domain << 16 | bus << 8 | dev << 3 | fn;
	put(fd, open("/dev/peerbuf_test", O_RDWR | O_CLOEXEC));
	return ioctl(*fd, PBT_IMPORT, &arg) ? -errno : 0;
}

static int do_import_call(const struct call *c)
{
	static const unsigned long what[] = { PBT_MAP, PBT_UNMAP, PBT_DETACH, PBT_STATUS };
	static struct pbt_map map;

	ioctl(test[c->other % SLOTS], what[c->flags % 4], &map);
	return 0;
}

static int do_mmap(const struct call *c)
{
	int i = c->slot % SLOTS;

	if (window[i])
		munmap(window[i], 32 * PAGE);
	window[i] = mmap(NULL, 32 * PAGE, PROT_READ | (c->flags & 1 ? PROT_WRITE : 0),
			 c->flags & 2 ? MAP_PRIVATE : MAP_SHARED, buffer[i],
			 c->offset % 4 * PAGE);
	if (window[i] == MAP_FAILED)
		window[i] = NULL;
	return 0;
}

/* Through the kernel, which gets EFAULT where a process would get SIGBUS. */
static int do_touch(const struct call *c)
{
	static int null = -1;

	if (null < 0)
		null = open("/dev/zero", O_RDWR);
	if (window[c->slot % SLOTS] &&
	    read(null, (char *)window[c->slot % SLOTS] + c->offset % 32 * PAGE, PAGE) < 0)
		return 0;
	return 0;
}

static int do_map_window(const struct call *c)
{
	void *at = window[c->slot % SLOTS] && c->flags & 4 ? window[c->slot % SLOTS] : memory;

	return peerbuf_container_map_ram(importer, (char *)at + number(c->offset, c->wild),
					 number(c->length, c->wild),
					 (1ULL << 32) + number(c->iova, c->wild), 1 + c->flags % 3);
}

static int do_query(const struct call *c)
{
	struct peerbuf_device_query_buffer q = {
		.argsz = sizeof(q), .dmabuf_fd = buffer[c->slot % SLOTS],
	};
	int ret = peerbuf_device_query_buffer(device, &q);

	if (!ret && memory_is_off && q.state == PEERBUF_STATE_LIVE)
		wrong("a buffer is live while its memory is off");
	return ret;
}

static int do_query_mapping(const struct call *c)
{
	struct peerbuf_iommu_query_buffer q = {
		.argsz = sizeof(q), .iova = (1ULL << 32) + number(c->iova, c->wild),
	};
	int ret = peerbuf_container_query_buffer(importer, &q);

	if (!ret && q.state != PEERBUF_STATE_LIVE && (q.flags & PEERBUF_QUERY_MAPPED))
		wrong("a buffer in state %u is mapped", q.state);
	return ret;
}

static int do_memory(const struct call *c)
{
	bool off = c->flags & 1;
	int ret = peerbuf_device_command(device, off ? 0 : PCI_COMMAND_MEMORY,
					 off ? PCI_COMMAND_MEMORY : 0);

	if (ret >= 0)
		memory_is_off = off;
	return 0;
}

static int do_reset(const struct call *c)
{
	/* Slower than all the rest. */
	if (c->flags % 8 == 0 && !peerbuf_device_reset(device))
		memory_is_off = peerbuf_device_command(device, PCI_COMMAND_MEMORY, 0) < 0;
	return 0;
}

static int do_low_power(const struct call *c)
{
	struct vfio_device_feature f = {
		.argsz = sizeof(f),
		.flags = VFIO_DEVICE_FEATURE_SET | (c->flags & 1 ?
			 VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY : VFIO_DEVICE_FEATURE_LOW_POWER_EXIT),
	};

	ioctl(peerbuf_device_fd(device), VFIO_DEVICE_FEATURE, &f);
	return 0;
}

static int do_sync(const struct call *c)
{
	struct dma_buf_sync s = { .flags = c->flags & DMA_BUF_SYNC_VALID_FLAGS_MASK };

	ioctl(buffer[c->slot % SLOTS], DMA_BUF_IOCTL_SYNC, &s);
	return 0;
}

/* Any ioctl, with bytes as they come. */
static int do_raw(const struct call *c)
{
	static const unsigned long what[] = {
		PEERBUF_DEVICE_REVOKE_BUFFER, PEERBUF_DEVICE_QUERY_BUFFER, PEERBUF_RAM_CREATE,
		PEERBUF_IOMMU_GET_INFO, PEERBUF_IOMMU_MAP_BUFFER, PEERBUF_IOMMU_UNMAP_BUFFER,
		PEERBUF_IOMMU_QUERY_BUFFER, VFIO_IOMMU_GET_INFO, VFIO_IOMMU_UNMAP_DMA,
		VFIO_DEVICE_FEATURE, VFIO_CHECK_EXTENSION,
		PEERBUF_DEVICE_SET_CACHING,
	};
	unsigned long request = what[c->other % (sizeof(what) / sizeof(*what))];
	int fds[] = { peerbuf_device_fd(device), peerbuf_container_fd(importer),
		      peerbuf_ram_fd(ram), buffer[c->slot % SLOTS] };
	unsigned char bytes[256];
	uint32_t argsz = c->length;
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 8 < 4 && c->flags & 1 ? c->offset * i : 0;
	memcpy(bytes, &argsz, sizeof(argsz));
	if (request == VFIO_DEVICE_FEATURE) {
		argsz = VFIO_DEVICE_FEATURE_GET << c->iova % 3 |
			(c->iova & 8 ? VFIO_DEVICE_FEATURE_DMA_BUF : c->iova % 16);
		memcpy(bytes + 4, &argsz, sizeof(argsz));
	}
	ioctl(fds[c->wild % 4], request, c->flags & 2 ? (void *)8 : bytes);
	return 0;
}

static int do_close(const struct call *c)
{
	drop(c->flags & 1 ? &test[c->slot % SLOTS] : &buffer[c->slot % SLOTS]);
	return 0;
}

static int do_revoke(const struct call *c)
{
	return c->flags & 1 ? peerbuf_ram_revoke_buffer(ram, buffer[c->slot % SLOTS]) :
			      peerbuf_device_revoke_buffer(device, buffer[c->slot % SLOTS]);
}

static int do_unmap(const struct call *c)
{
	uint64_t iova = (1ULL << 32) + number(c->iova, c->wild);

	return c->flags & 1 ? peerbuf_container_unmap_buffer(importer, iova) :
			      peerbuf_container_unmap(importer, iova, number(c->length, c->wild),
						      NULL);
}

static int post[2];	/* buffers on their way from one process to another */

static int do_send(const struct call *c)
{
	char what = 0;

	if (buffer[c->slot % SLOTS] >= 0)
		peerbuf_send_fd(post[0], buffer[c->slot % SLOTS], &what, 1);
	return 0;
}

static int do_receive(const struct call *c)
{
	int fd = -1;
	char what;

	if (peerbuf_recv_fd(post[1], &fd, &what, 1) >= 0 && fd >= 0)
		put(&buffer[c->slot % SLOTS], fd);
	return 0;
}

/* It may be somebody's turn who is not here: another process's, one that dies. */
static int do_die(const struct call *c)
{
	if (c->flags % 64 == 63 && !alone)
		raise(SIGKILL);
	return 0;
}

static int (*const ops[])(const struct call *c) = {
	do_export, do_export, do_map, do_map, do_map, do_unmap, do_import, do_import,
	do_import_call, do_import_call, do_mmap, do_touch, do_touch, do_map_window, do_query,
	do_query_mapping, do_memory, do_memory, do_reset, do_low_power, do_sync, do_raw, do_raw,
	do_close, do_revoke, do_ram, do_ram, do_send, do_receive, do_receive, do_die,
};

/* As include/uapi/linux/peerbuf.h has them, and those of mmap()ed memory and files. */
static bool known(int err)
{
	static const int errnos[] = {
		EINVAL, E2BIG, EFAULT, EBADF, EOPNOTSUPP, EACCES, EEXIST, ENOENT, ENODEV, ENOSPC,
		ENOMEM, ENOTTY, EALREADY, EPERM, EOVERFLOW, EINTR, EMFILE,
	};
	size_t i;

	for (i = 0; i < sizeof(errnos) / sizeof(*errnos); i++)
		if (errnos[i] == err)
			return true;
	return false;
}

/* ------------------------------------------------------------------- programs */

/* Nothing is kept from one program to the next but what others hold. */
static void clean(void)
{
	int i;

	for (i = 0; i < SLOTS; i++) {
		if (window[i])
			munmap(window[i], 32 * PAGE);
		window[i] = NULL;
		drop(&test[i]);
		drop(&buffer[i]);
	}
	peerbuf_container_unmap(importer, 1ULL << 32, 64 * MIB, NULL);
	peerbuf_device_command(device, PCI_COMMAND_MEMORY, 0);
	memory_is_off = false;
}

static void run(const struct guided_program *p)
{
	unsigned int i;
	int ret;

	guided_begin();
	for (i = 0; i < p->nr; i++) {
		const struct call *c = (const void *)p->call[i];
		unsigned int op = c->op % (sizeof(ops) / sizeof(*ops));

		ret = ops[op](c);
		if (ret < 0 && !known(-ret))
			wrong("call %u returned %d", op, ret);
		__atomic_add_fetch(&sh->calls, 1, __ATOMIC_RELAXED);
		if (ret >= 0)
			__atomic_add_fetch(&sh->good, 1, __ATOMIC_RELAXED);
	}
	guided_end(guided, p);
	clean();
}

static bool setup(int worker)
{
	static const char *const roles[WORKERS] = { "BAR", "BAR2", "EDU" };
	char name[32];
	int i, tries;

	memset(buffer, -1, sizeof(buffer));
	memset(test, -1, sizeof(test));
	snprintf(name, sizeof(name), "%s_BDF", roles[worker]);
	memory = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	/* Who was here before may still be letting go. */
	for (tries = 0; tries < 1000; tries++, usleep(10000)) {
		if (peerbuf_container_open(PEERBUF_IOMMU, &owner))
			continue;
		if (!peerbuf_device_open(owner, getenv(name), &device))
			break;
		peerbuf_container_close(owner);
	}
	if (tries == 1000 || peerbuf_ram_open(&ram))
		return false;
	/* Each maps its own buffers, and those that it was sent, for its own device. */
	importer = owner;
	for (i = 0; i < SLOTS; i++)
		window[i] = NULL;
	return true;
}

static void work(int worker, double seconds)
{
	struct guided_program *p = &sh->now[worker];
	time_t end = time(NULL) + seconds + 1;
	unsigned int lives = 50 + pick(100);

	signal(SIGBUS, SIG_DFL);
	if (!setup(worker)) {
		wrong("process %d cannot begin", worker);
		_exit(1);
	}
	guided_open();
	/* Some processes end in order, so that what they leave to the kernel differs. */
	while (time(NULL) < end && lives--) {
		guided_make(guided, p, pick);
		run(p);
		__atomic_add_fetch(&sh->programs, 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

/* By one process, which has no other to meet. */
static void replay(uint64_t seed)
{
	pid_t pid = fork();

	if (!pid) {
		state = seed;
		alone = true;
		if (!setup(0))
			_exit(1);
		guided_open();
		guided_replay(guided, run);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	pid_t pid[WORKERS] = { 0 };
	uint64_t seed;
	const char *keep = getenv("PEERBUF_IOCTLS_KEEP");
	unsigned int i;
	double seconds;
	time_t end;

	if (argc < 3) {
		fprintf(stderr, "usage: ioctls SECONDS CORPUS [SEED]\n");
		return 2;
	}
	seconds = atof(argv[1]);
	seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, post))
		return 2;
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	guided = guided_new(CALLS, sizeof(struct call));
	if (sh == MAP_FAILED || !guided)
		return 2;
	if (!guided_read(guided, argv[2])) {
		fprintf(stderr, "ioctls: no programs in %s\n", argv[2]);
		return 2;
	}
	printf("# seed %llu, %u programs to begin with\n", (unsigned long long)seed,
	       guided_programs(guided));
	fflush(stdout);
	replay(seed);
	end = time(NULL) + seconds;
	do {
		for (i = 0; i < WORKERS; i++) {
			if (pid[i] && waitpid(pid[i], NULL, WNOHANG) != pid[i])
				continue;
			state = ++seed * 0x9e3779b97f4a7c15ULL;
			pid[i] = fork();
			if (!pid[i])
				work(i, end - time(NULL));
		}
		usleep(20000);
	} while (time(NULL) < end);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	printf("# %llu programs, %llu calls, %llu of them successful\n",
	       (unsigned long long)sh->programs, (unsigned long long)sh->calls,
	       (unsigned long long)sh->good);
	printf("# %u edges, %u programs, %u of them new\n", guided_edges(guided),
	       guided_programs(guided), guided_kept(guided));
	if (keep) {
		replay(seed);
		printf("# %u programs reach %u edges\n", guided_programs(guided),
		       guided_edges(guided));
		guided_write(guided, stderr);
	}
	/* With it go the buffers that nobody has fetched. */
	close(post[0]);
	close(post[1]);
	printf("%s 1 - many calls were made, and a part of them worked\n",
	       sh->calls > 500 && sh->good > sh->calls / 20 ? "ok" : "not ok");
	printf("%s 2 - nothing was wrong\n", sh->wrong ? "not ok" : "ok");
	return sh->wrong ? 1 : 0;
}
