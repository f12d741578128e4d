// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Buffers made of memfds. The SSD imports them into a container, by the IOMMU type; EDU is
 * the device of kernel importers, which want scatterlists.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"
#include "dma.h"
#include "../kmod/peerbuf_test.h"

#define IOVA (1ULL << 32)
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)
#define HUGE_PAGE (2 * MIB)

static struct peerbuf_container *container;
static struct peerbuf_ram *ram;
static struct nvme *ssd;

static int setup(void **state)
{
	return peerbuf_ram_open(&ram) || peerbuf_container_open(PEERBUF_IOMMU, &container) ||
	       nvme_open(container, getenv("SSD_BDF"), 10000, &ssd);
}

static int teardown(void **state)
{
	nvme_close(ssd);
	peerbuf_container_close(container);
	peerbuf_ram_close(ram);
	return 0;
}

/* A memfd that can be exported, and its mapping in @p if that is not NULL. */
static int memfd(unsigned int flags, size_t length, unsigned char **p)
{
	int fd = sealed_memfd(length, flags);

	if (p) {
		*p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		assert_ptr_not_equal(*p, MAP_FAILED);
	}
	return fd;
}

/* All of a new memfd as a buffer. */
static int buffer(uint32_t flags, size_t length, unsigned char **p)
{
	int mem = memfd(0, length, p);
	int fd = peerbuf_ram_export(ram, mem, O_RDWR, 0, length, flags);

	assert_true(fd >= 0);
	close(mem);
	return fd;
}

static int map(int fd, uint64_t offset, uint64_t length)
{
	return peerbuf_container_map_buffer(container, fd, -1, offset, length, IOVA, RW);
}

static void unmap(void)
{
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
}

/* ------------------------------------------------------------------- importers */

static void a_device_of_a_container_reaches_the_memory(void **state)
{
	unsigned char *p;
	int fd = buffer(0, 4 * MIB, &p);

	memset(p, 0xa5, 4 * MIB);
	assert_int_equal(map(fd, 0, 4 * MIB), 0);
	assert_true(query_buffer(container, IOVA).flags & PEERBUF_QUERY_ENFORCED);
	assert_int_equal(query_buffer(container, IOVA).route, PEERBUF_ROUTE_UNKNOWN);
	dma(ssd, IOVA + MIB, 64 * 1024);
	assert_true(all(p, MIB, 0xa5));
	assert_true(all(p + MIB, 64 * 1024, 0));
	assert_true(all(p + MIB + 64 * 1024, 3 * MIB - 64 * 1024, 0xa5));
	unmap();
	/* It is RAM, so no route has to be known. */
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, PAGE, MIB, IOVA,
						      RW | PEERBUF_MAP_STRICT), 0);
	dma(ssd, IOVA, 4096);
	assert_true(all(p + PAGE, PAGE, 0));
	assert_true(all(p, PAGE, 0xa5));
	unmap();
	munmap(p, 4 * MIB);
	close(fd);
}

static void a_part_of_the_file_is_the_buffer(void **state)
{
	unsigned char *p, *b;
	int mem = memfd(0, 8 * MIB, &p);
	int fd = peerbuf_ram_export(ram, mem, O_RDWR, 3 * PAGE, 5 * MIB, 0);

	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 5 * MIB);
	b = mmap(NULL, 5 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(b, MAP_FAILED);
	p[3 * PAGE] = 1;
	p[3 * PAGE + 5 * MIB - 1] = 2;
	assert_int_equal(b[0], 1);
	assert_int_equal(b[5 * MIB - 1], 2);
	b[MIB] = 3;
	assert_int_equal(p[3 * PAGE + MIB], 3);
	munmap(b, 5 * MIB);
	munmap(p, 8 * MIB);
	close(mem);
	close(fd);
}

static uint32_t edu_bdf(void)
{
	unsigned int d, b, s, f;

	assert_int_equal(sscanf(getenv("EDU_BDF"), "%x:%x:%x.%x", &d, &b, &s, &f), 4);
	return d << 16 | b << 8 | s << 3 | f;
}

static int import(int fd, uint32_t flags, long *result)
{
	struct pbt_import im = { .dmabuf_fd = fd, .bdf = edu_bdf(), .flags = flags };
	int test = test_open();

	*result = call(test, PBT_IMPORT, &im);
	return test;
}

/* Physical address of a page of this process. */
static uint64_t physical(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	assert_int_equal(pread(fd, &entry, 8, (uintptr_t)p / PAGE * 8), 8);
	close(fd);
	assert_true(entry >> 63);
	return (entry & ((1ULL << 55) - 1)) * PAGE;
}

/* Of whatever kind: dynamic or not, with types or without, that copes with device memory
 * or not.
 */
static void every_importer_of_scatterlists_gets_the_pages(void **state)
{
	static const uint32_t kinds[] = {
		PBT_STATIC, 0, PBT_NO_P2P, PBT_TYPED, PBT_TYPED | PBT_NO_P2P,
	};
	unsigned char *p;
	int fd = buffer(0, MIB, &p), test;
	size_t i;
	long err;

	memset(p, 1, MIB);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct pbt_status status;
		struct pbt_map sgt;

		test = import(fd, kinds[i], &err);
		assert_int_equal(err, 0);
		assert_int_equal(call(test, PBT_MAP, &sgt), 0);
		assert_int_equal(sgt.total, MIB);
		/* With pages, unlike device memory. */
		assert_true(sgt.orig_nents > 0 && sgt.pages > 0);
		assert_int_equal(sgt.entry[0].phys, physical(p));
		assert_int_equal(call(test, PBT_STATUS, &status), 0);
		/* The device's domain translates, so unmapping shuts it out. */
		assert_int_equal(status.enforced, 1);
		assert_int_equal(status.route, PEERBUF_ROUTE_UNKNOWN);
		assert_int_equal(call(test, PBT_UNMAP, NULL), 0);
		assert_int_equal(call(test, PBT_MAP, &sgt), 0);
		close(test);
	}
	/* Physical addresses, for a module that may see them. */
	test = import(fd, PBT_TYPED | PBT_RAW_PAL, &err);
	assert_int_equal(err, 0);
	close(test);
	munmap(p, MIB);
	close(fd);
}

static void a_cpu_access_is_announced_with_importers_and_without(void **state)
{
	struct dma_buf_sync begin = { DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	struct dma_buf_sync end = { DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW };
	struct pbt_map sgt;
	unsigned char *p;
	int fd = buffer(0, MIB, &p), test;
	long err;

	assert_int_equal(call(fd, DMA_BUF_IOCTL_SYNC, &begin), 0);
	assert_int_equal(call(fd, DMA_BUF_IOCTL_SYNC, &end), 0);
	test = import(fd, PBT_STATIC, &err);
	assert_int_equal(err, 0);
	assert_int_equal(call(test, PBT_MAP, &sgt), 0);
	assert_int_equal(map(fd, 0, MIB), 0);
	assert_int_equal(call(fd, DMA_BUF_IOCTL_SYNC, &begin), 0);
	memset(p, 0xa5, MIB);
	assert_int_equal(call(fd, DMA_BUF_IOCTL_SYNC, &end), 0);
	dma(ssd, IOVA, 4096);
	assert_int_equal(call(fd, DMA_BUF_IOCTL_SYNC, &begin), 0);
	assert_true(all(p, 4096, 0));
	assert_int_equal(call(fd, DMA_BUF_IOCTL_SYNC, &end), 0);
	close(test);
	unmap();
	munmap(p, MIB);
	close(fd);
}

static void made_read_only_it_is_so_for_everybody(void **state)
{
	unsigned char *p;
	int mem = memfd(0, MIB, &p), test;
	int fd = peerbuf_ram_export(ram, mem, O_RDONLY, 0, MIB, 0);
	struct pbt_map sgt;
	long err;
	void *b;

	assert_true(fd >= 0);
	assert_ptr_equal(mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(errno, EACCES);
	b = mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(b, MAP_FAILED);
	assert_int_equal(mprotect(b, MIB, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(map(fd, 0, MIB), -EACCES);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, MIB, IOVA,
						      PEERBUF_MAP_READ), 0);
	memset(p, 0xa5, MIB);
	dma(ssd, IOVA, 4096);
	assert_true(all(p, MIB, 0xa5));
	unmap();
	/* A kernel importer that wants to write. */
	test = import(fd, PBT_STATIC, &err);
	if (!err)
		err = call(test, PBT_MAP, &sgt);
	assert_int_equal(err, -EACCES);
	close(test);
	munmap(b, MIB);
	munmap(p, MIB);
	close(mem);
	close(fd);
}

static void huge_pages_stay_huge(void **state)
{
	unsigned char *p;
	int mem = memfd(MFD_HUGETLB, 4 * HUGE_PAGE, &p), fd;

	memset(p, 0xa5, 4 * HUGE_PAGE);
	fd = peerbuf_ram_export(ram, mem, O_RDWR, 0, 4 * HUGE_PAGE, 0);
	assert_true(fd >= 0);
	assert_int_equal(map(fd, 0, 4 * HUGE_PAGE), 0);
	assert_true(query_buffer(container, IOVA).nr_ranges <= 4);
	assert_int_equal(query_buffer(container, IOVA).page_sizes & PAGE, 0);
	dma(ssd, IOVA + 3 * HUGE_PAGE - 4096, 8192);
	assert_true(all(p + 3 * HUGE_PAGE - 4096, 8192, 0));
	assert_true(all(p, 3 * HUGE_PAGE - 4096, 0xa5));
	unmap();
	close(fd);

	/* From the middle of one to the middle of another. */
	fd = peerbuf_ram_export(ram, mem, O_RDWR, HUGE_PAGE + PAGE, HUGE_PAGE, 0);
	assert_true(fd >= 0);
	memset(p, 0xa5, 4 * HUGE_PAGE);
	assert_int_equal(map(fd, 0, HUGE_PAGE), 0);
	dma(ssd, IOVA, HUGE_PAGE);
	assert_true(all(p, HUGE_PAGE + PAGE, 0xa5));
	assert_true(all(p + HUGE_PAGE + PAGE, HUGE_PAGE, 0));
	assert_true(all(p + 2 * HUGE_PAGE + PAGE, 2 * HUGE_PAGE - PAGE, 0xa5));
	unmap();
	close(fd);
	munmap(p, 4 * HUGE_PAGE);
	close(mem);
}

static unsigned long reserved_huge_pages(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long value = 1;
	char line[128];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "HugePages_Rsvd: %lu", &value) != 1)
		;
	fclose(f);
	return value;
}

/* The kernel's count of reserved ones would go wrong. */
static void huge_pages_that_are_not_there_are_not_taken(void **state)
{
	int mem = memfd(MFD_HUGETLB, 64 * HUGE_PAGE, NULL), fd;

	assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR, 0, 64 * HUGE_PAGE, 0), -ENXIO);
	assert_int_equal(fallocate(mem, 0, HUGE_PAGE, 2 * HUGE_PAGE), 0);
	assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR, 0, 2 * HUGE_PAGE, 0), -ENXIO);
	assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR, HUGE_PAGE - PAGE, 2 * PAGE, 0),
			 -ENXIO);
	assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR, 3 * HUGE_PAGE - PAGE, 2 * PAGE, 0),
			 -ENXIO);
	fd = peerbuf_ram_export(ram, mem, O_RDWR, HUGE_PAGE, 2 * HUGE_PAGE, 0);
	assert_true(fd >= 0);
	close(fd);
	close(mem);
	assert_int_equal(reserved_huge_pages(), 0);
}

/* ------------------------------------------------------------- hostile callers */

static void bad_arguments_are_refused(void **state)
{
	static const struct { uint64_t offset, size; } bad[] = {
		{ 0, 0 }, { 0, 1 }, { 0, PAGE - 1 }, { 0, PAGE + 1 }, { 1, PAGE },
		{ 0, MIB + PAGE }, { MIB, PAGE }, { PAGE, MIB }, { 0, ~0ULL }, { 0, -PAGE },
		{ -PAGE, PAGE }, { -PAGE, 2 * PAGE }, { 1ULL << 63, 1ULL << 63 },
		{ PAGE, 1ULL << 63 }, { 0, 5ULL << 30 },
	};
	struct peerbuf_ram_create create = { .argsz = sizeof(create), .size = MIB };
	struct { struct peerbuf_ram_create c; uint64_t more; } larger = {};
	int mem = memfd(0, MIB, NULL), fd, dev = peerbuf_ram_fd(ram);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR, bad[i].offset, bad[i].size,
						    0), -EINVAL);
	assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR, 0, MIB, 2), -EINVAL);
	assert_int_equal(peerbuf_ram_export(ram, mem, O_WRONLY, 0, MIB, 0), -EINVAL);
	assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR | O_NONBLOCK, 0, MIB, 0), -EINVAL);
	assert_int_equal(peerbuf_ram_export(ram, -1, O_RDWR, 0, MIB, 0), -EBADF);
	assert_int_equal(peerbuf_ram_export(ram, 999, O_RDWR, 0, MIB, 0), -EBADF);

	create.memfd = mem;
	create.argsz = sizeof(create) - 1;
	assert_int_equal(call(dev, PEERBUF_RAM_CREATE, &create), -EINVAL);
	create.argsz = 5000;
	assert_int_equal(call(dev, PEERBUF_RAM_CREATE, &create), -E2BIG);
	assert_int_equal(call(dev, PEERBUF_RAM_CREATE, (void *)8), -EFAULT);
	assert_int_equal(call(dev, PEERBUF_IOC(33), &create), -ENOTTY);
	create.argsz = sizeof(larger);
	create.open_flags = O_RDWR;
	larger.c = create;
	fd = call(dev, PEERBUF_RAM_CREATE, &larger);
	assert_true(fd >= 0);
	close(fd);
	larger.more = 1;
	assert_int_equal(call(dev, PEERBUF_RAM_CREATE, &larger), -E2BIG);
	close(mem);
}

static void files_that_are_no_memfds_or_lack_seals_are_refused(void **state)
{
	static const int seals[] = {
		0, F_SEAL_GROW, F_SEAL_SHRINK | F_SEAL_WRITE, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE,
	};
	static const unsigned int kinds[] = { 0, MFD_HUGETLB };
	int fd, pair[2];
	char path[64];
	size_t i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < sizeof(seals) / sizeof(seals[0]); i++) {
			fd = memfd_create("seals", MFD_ALLOW_SEALING | kinds[k]);
			assert_int_equal(ftruncate(fd, HUGE_PAGE), 0);
			assert_int_equal(fcntl(fd, F_ADD_SEALS, seals[i]), 0);
			assert_int_equal(peerbuf_ram_export(ram, fd, O_RDWR, 0, MIB, 0), -EPERM);
			assert_int_equal(peerbuf_ram_export(ram, fd, O_RDONLY, 0, MIB, 0), -EPERM);
			close(fd);
		}
	}
	fd = memfd_create("no sealing", 0);
	assert_int_equal(ftruncate(fd, MIB), 0);
	assert_int_equal(peerbuf_ram_export(ram, fd, O_RDWR, 0, MIB, 0), -EPERM);
	close(fd);

	/* Who was given a descriptor for reading does not get to write. */
	fd = memfd(0, MIB, NULL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	pair[0] = open(path, O_RDONLY);
	pair[1] = open(path, O_WRONLY);
	assert_int_equal(peerbuf_ram_export(ram, pair[0], O_RDWR, 0, MIB, 0), -EACCES);
	assert_int_equal(peerbuf_ram_export(ram, pair[0], O_RDONLY, 0, MIB, 0), -EACCES);
	assert_int_equal(peerbuf_ram_export(ram, pair[1], O_RDWR, 0, MIB, 0), -EACCES);
	close(pair[0]);
	close(pair[1]);
	close(fd);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(peerbuf_ram_export(ram, pair[0], O_RDWR, 0, PAGE, 0), -EINVAL);
	close(pair[0]);
	close(pair[1]);
	fd = open("/dev/zero", O_RDWR);
	assert_int_equal(peerbuf_ram_export(ram, fd, O_RDWR, 0, PAGE, 0), -EINVAL);
	close(fd);
	fd = buffer(0, MIB, NULL);
	assert_int_equal(peerbuf_ram_export(ram, fd, O_RDWR, 0, PAGE, 0), -EINVAL);
	close(fd);
}

/* Its sealing keeps the file's length; holes can still be punched. */
static void pages_that_leave_the_file_stay_in_the_buffer(void **state)
{
	unsigned char *p, *b;
	int mem = memfd(0, MIB, &p);
	int fd = peerbuf_ram_export(ram, mem, O_RDWR, 0, MIB, 0);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(mem, 0), -1);
	b = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(p, 0xa5, MIB);
	assert_int_equal(fallocate(mem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, MIB), 0);
	assert_true(all(p, MIB, 0));
	assert_true(all(b, MIB, 0xa5));
	assert_int_equal(map(fd, 0, MIB), 0);
	dma(ssd, IOVA, 4096);
	assert_true(all(b, 4096, 0));
	assert_true(all(b + 4096, MIB - 4096, 0xa5));
	/* While it is a buffer, nobody can be promised that it will not be written to. */
	assert_int_equal(fcntl(mem, F_ADD_SEALS, F_SEAL_WRITE), -1);
	unmap();
	munmap(p, MIB);
	munmap(b, MIB);
	close(fd);
	close(mem);
}

static void a_file_larger_than_the_machine_is_enomem(void **state)
{
	int mem = memfd(0, 1ULL << 50, NULL);

	assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR, 0, 5ULL << 30, 0), -ENOMEM);
	assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR, 0, 1ULL << 50, 0), -ENOMEM);
	assert_int_equal(peerbuf_ram_export(ram, mem, O_RDWR, (1ULL << 50) - PAGE, 2 * PAGE, 0),
			 -EINVAL);
	close(mem);
}

static void a_process_without_an_fd_left_gets_emfile(void **state)
{
	int mem = memfd(0, MIB, NULL), next = dup(0), fd;
	unsigned long before = locked();
	struct rlimit old, none;

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit) { .rlim_cur = next, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	fd = peerbuf_ram_export(ram, mem, O_RDWR, 0, MIB, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(fd, -EMFILE);
	assert_int_equal(locked(), before);
	close(mem);
}

/* In a child whose user may lock 1 MiB: 0 if all was as it should be. */
static int limited_user(bool dies)
{
	struct rlimit limit = { MIB, MIB };
	int mem = memfd(0, 4 * MIB, NULL), fd, other;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresuid(1000, 1000, 1000))
		return 1;
	if (peerbuf_ram_export(ram, mem, O_RDWR, 0, MIB + PAGE, 0) != -ENOMEM)
		return 2;
	fd = peerbuf_ram_export(ram, mem, O_RDWR, 0, MIB, 0);
	if (fd < 0)
		return 3;
	/* It counts for the user, whichever buffer it is, and the same page twice. */
	if (peerbuf_ram_export(ram, mem, O_RDWR, 0, PAGE, 0) != -ENOMEM)
		return 4;
	close(fd);
	fd = peerbuf_ram_export(ram, mem, O_RDWR, 0, MIB - PAGE, 0);
	other = peerbuf_ram_export(ram, mem, O_RDWR, 0, PAGE, 0);
	if (fd < 0 || other < 0)
		return 5;
	if (dies)
		kill(getpid(), SIGKILL);
	return 0;
}

static int status_of(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void locked_memory_is_limited_and_given_back(void **state)
{
	bool dies;
	pid_t child;

	for (dies = true; ; dies = false) {
		child = fork();
		if (!child)
			_exit(limited_user(dies));
		assert_int_equal(status_of(child), dies ? SIGKILL : 0);
		if (!dies)
			break;
	}
}

static void a_process_that_is_killed_while_it_pins_leaves_nothing(void **state)
{
	size_t length = 300 * MIB;
	int i, mem, fd;
	pid_t child;

	for (i = 0; i < 4; i++) {
		child = fork();
		if (!child) {
			mem = memfd(0, length, NULL);
			for (;;)
				close(peerbuf_ram_export(ram, mem, O_RDWR, 0, length, 0));
		}
		usleep(20000 + 70000 * i);
		kill(child, SIGKILL);
		assert_int_equal(status_of(child), SIGKILL);
	}
	/* There would be no memory for this one. */
	fd = buffer(0, length, NULL);
	close(fd);
}

/* Each bit of @order is who goes first: the fd, the mapping, the owner, the memfd. */
static void everything_can_be_closed_in_any_order(void **state)
{
	static const unsigned int orders[][4] = {
		{ 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 2, 0, 1, 3 }, { 1, 2, 3, 0 }, { 0, 3, 2, 1 },
		{ 2, 3, 0, 1 },
	};
	uint32_t flags;
	size_t i, k;

	for (flags = 0; flags <= PEERBUF_RAM_REVOCABLE; flags++) {
		for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
			struct peerbuf_ram *own;
			unsigned char *b;
			int mem = memfd(0, MIB, NULL), fd;

			assert_int_equal(peerbuf_ram_open(&own), 0);
			fd = peerbuf_ram_export(own, mem, O_RDWR, 0, MIB, flags);
			assert_true(fd >= 0);
			assert_int_equal(map(fd, 0, MIB), 0);
			b = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			for (k = 0; k < 4; k++) {
				if (orders[i][k] == 0)
					close(fd);
				else if (orders[i][k] == 1)
					munmap(b, MIB);
				else if (orders[i][k] == 2)
					peerbuf_ram_close(own);
				else
					close(mem);
			}
			assert_int_equal(query_buffer(container, IOVA).state,
					 flags ? PEERBUF_STATE_DEAD : PEERBUF_STATE_LIVE);
			unmap();
		}
	}
}

/* ------------------------------------------------------------------- the owner */

static void the_owner_takes_a_buffer_back(void **state)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q) };
	unsigned char *p, *b;
	int fd = buffer(PEERBUF_RAM_REVOCABLE, MIB, &p), other;

	other = buffer(PEERBUF_RAM_REVOCABLE, MIB, NULL);
	b = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(b, 0xa5, MIB);
	assert_int_equal(map(fd, 0, MIB), 0);
	q.dmabuf_fd = fd;
	assert_int_equal(peerbuf_ram_query_buffer(ram, &q), 0);
	assert_int_equal(q.state, PEERBUF_STATE_LIVE);
	assert_int_equal(q.attachments, 1);

	assert_int_equal(peerbuf_ram_revoke_buffer(ram, fd), 0);
	assert_int_equal(query_buffer(container, IOVA).state, PEERBUF_STATE_DEAD);
	assert_false(query_buffer(container, IOVA).flags & PEERBUF_QUERY_MAPPED);
	assert_true(sigbus(b));
	/* The DMA faults, and the memory goes on as the file's. */
	nvme_read(ssd, 0, 4096, IOVA, &(struct nvme_stats) {});
	assert_true(all(p, MIB, 0xa5));
	p[0] = 1;
	assert_int_equal(peerbuf_ram_revoke_buffer(ram, fd), -EALREADY);
	unmap();
	assert_int_equal(map(fd, 0, MIB), -ENODEV);
	assert_int_equal(map(other, 0, MIB), 0);
	unmap();
	munmap(b, MIB);
	munmap(p, MIB);
	close(fd);
	close(other);
}

static void only_its_own_revocable_buffers_are_the_owners(void **state)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q) };
	struct peerbuf_device_set_caching set = {
		.argsz = sizeof(set), .caching = PEERBUF_CACHING_WRITE_COMBINING,
	};
	int fd = buffer(PEERBUF_RAM_REVOCABLE, MIB, NULL), free_fd = buffer(0, MIB, NULL);
	struct peerbuf_ram *other;

	assert_int_equal(peerbuf_ram_open(&other), 0);
	assert_int_equal(peerbuf_ram_revoke_buffer(other, fd), -EINVAL);
	assert_int_equal(peerbuf_ram_revoke_buffer(ram, free_fd), -EINVAL);
	assert_int_equal(peerbuf_ram_revoke_buffer(ram, -1), -EBADF);
	q.dmabuf_fd = free_fd;
	assert_int_equal(peerbuf_ram_query_buffer(ram, &q), -EINVAL);
	q.dmabuf_fd = fd;
	assert_int_equal(peerbuf_ram_query_buffer(other, &q), -EINVAL);
	/* RAM is cached, and stays so. */
	set.dmabuf_fd = fd;
	assert_int_equal(call(peerbuf_ram_fd(ram), PEERBUF_DEVICE_SET_CACHING, &set), -EOPNOTSUPP);
	set.caching = PEERBUF_CACHING_UNCACHED;
	assert_int_equal(call(peerbuf_ram_fd(ram), PEERBUF_DEVICE_SET_CACHING, &set), 0);
	peerbuf_ram_close(other);
	assert_int_equal(peerbuf_ram_query_buffer(ram, &q), 0);
	assert_int_equal(q.state, PEERBUF_STATE_LIVE);
	close(free_fd);
	close(fd);
}

static void who_cannot_be_told_is_refused_what_can_be_revoked(void **state)
{
	int fd = buffer(PEERBUF_RAM_REVOCABLE, MIB, NULL), test;
	struct pbt_status status;
	struct pbt_map sgt;
	long err;

	test = import(fd, PBT_STATIC, &err);
	assert_int_equal(err, -EOPNOTSUPP);
	close(test);
	test = import(fd, 0, &err);
	assert_int_equal(err, 0);
	assert_int_equal(call(test, PBT_MAP, &sgt), 0);
	assert_int_equal(peerbuf_ram_revoke_buffer(ram, fd), 0);
	assert_int_equal(call(test, PBT_STATUS, &status), 0);
	assert_int_equal(status.notified, 1);
	assert_int_equal(status.mapped, 0);
	assert_int_equal(call(test, PBT_MAP, &sgt), -ENODEV);
	close(test);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_of_a_container_reaches_the_memory),
		cmocka_unit_test(a_part_of_the_file_is_the_buffer),
		cmocka_unit_test(every_importer_of_scatterlists_gets_the_pages),
		cmocka_unit_test(a_cpu_access_is_announced_with_importers_and_without),
		cmocka_unit_test(made_read_only_it_is_so_for_everybody),
		cmocka_unit_test(huge_pages_stay_huge),
		cmocka_unit_test(huge_pages_that_are_not_there_are_not_taken),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(files_that_are_no_memfds_or_lack_seals_are_refused),
		cmocka_unit_test(pages_that_leave_the_file_stay_in_the_buffer),
		cmocka_unit_test(a_file_larger_than_the_machine_is_enomem),
		cmocka_unit_test(a_process_without_an_fd_left_gets_emfile),
		cmocka_unit_test(locked_memory_is_limited_and_given_back),
		cmocka_unit_test(a_process_that_is_killed_while_it_pins_leaves_nothing),
		cmocka_unit_test(everything_can_be_closed_in_any_order),
		cmocka_unit_test(the_owner_takes_a_buffer_back),
		cmocka_unit_test(only_its_own_revocable_buffers_are_the_owners),
		cmocka_unit_test(who_cannot_be_told_is_refused_what_can_be_revoked),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("ram", tests, setup, teardown);
}
