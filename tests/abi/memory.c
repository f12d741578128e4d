// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every kind of memory that a process can have mapped, whose account it goes to, what
 * happens when that process forks, execs or ends, and what happens when memory runs out.
 * The SSD's reads show where a mapping leads.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"
#include "dma.h"

#define IOVA (1ULL << 32)
#define HUGE_IOVA (1ULL << 34)
#define R VFIO_DMA_MAP_FLAG_READ
#define RW (R | VFIO_DMA_MAP_FLAG_WRITE)
#define PART (64 * 1024)

static struct peerbuf_container *container;
static struct nvme *ssd;
static int fd;

static int setup(void **state)
{
	int err;

	err = peerbuf_container_open(PEERBUF_IOMMU, &container);
	fd = peerbuf_container_fd(container);
	return err ?: nvme_open(container, getenv("SSD_BDF"), 10000, &ssd);
}

static int teardown(void **state)
{
	nvme_close(ssd);
	peerbuf_container_close(container);
	return 0;
}

static long map(void *addr, uint64_t length, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg), .flags = flags, .vaddr = (uintptr_t)addr,
		.iova = IOVA, .size = length,
	};

	return call(fd, VFIO_IOMMU_MAP_DMA, &arg);
}

static long unmap(uint64_t length)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .iova = IOVA, .size = length,
	};
	long ret = call(fd, VFIO_IOMMU_UNMAP_DMA, &arg);

	return ret ?: (long)arg.size;
}

static void write_part(uint64_t at)
{
	struct nvme_stats stats;

	assert_int_equal(nvme_read(ssd, 0, PART, IOVA + at, &stats), 0);
}

/* Runs in another process; it says what was wrong by its exit status. */
static int child_says(int (*f)(unsigned char *p), unsigned char *p)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(f(p));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ------------------------------------------------------------ kinds of memory */

/* Maps it, as a whole and from its second page, and has it written at both ends. */
static void works(unsigned char *p, size_t length)
{
	unsigned long before = locked();

	assert_int_equal(map(p, length, RW), 0);
	assert_int_equal(locked() - before, length >> 10);
	assert_true(lands(ssd, IOVA, p, PART));
	assert_true(lands(ssd, IOVA + length - PART, p + length - PART, PART));
	assert_int_equal(unmap(length), length);
	assert_int_equal(locked(), before);
	memset(p, 0x5a, PART);
	write_part(0);
	assert_true(all(p, PART, 0x5a));
	assert_int_equal(map(p + PAGE, length - 2 * PAGE, RW), 0);
	assert_true(lands(ssd, IOVA, p + PAGE, PART));
	assert_int_equal(unmap(length - 2 * PAGE), length - 2 * PAGE);
}

static void small_pages(void **state)
{
	unsigned char *p = pages(4 * MIB);

	madvise(p, 4 * MIB, MADV_NOHUGEPAGE);
	/* Nothing of it has been touched yet. */
	assert_int_equal(map(p, 4 * MIB, RW), 0);
	assert_true(lands(ssd, IOVA + MIB, p + MIB, PART));
	assert_int_equal(unmap(4 * MIB), 4 * MIB);
	works(p, 4 * MIB);
	munmap(p, 4 * MIB);
}

static void transparent_huge_pages(void **state)
{
	unsigned char *p = pages(8 * MIB);
	unsigned char *q = align_2m(p);

	madvise(p, 8 * MIB, MADV_HUGEPAGE);
	memset(q, 1, 4 * MIB);
	works(q, 4 * MIB);
	works(q + MIB, 2 * MIB);
	munmap(p, 8 * MIB);
}

static void hugetlb_pages(void **state)
{
	unsigned char *p = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	works(p, 4 * MIB);
	works(p + PAGE, 2 * MIB);
	munmap(p, 4 * MIB);
}

static void a_memfd(void **state)
{
	int file = memfd_create("memory", 0);
	unsigned char *p, *q;

	assert_int_equal(ftruncate(file, 4 * MIB), 0);
	p = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	q = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	works(p, 4 * MIB);
	/* It is the file's memory, wherever it is mapped, and stays so. */
	assert_int_equal(map(p, MIB, RW), 0);
	munmap(p, 4 * MIB);
	assert_true(lands(ssd, IOVA, q, PART));
	assert_int_equal(unmap(MIB), MIB);
	munmap(q, 4 * MIB);
	close(file);
}

static void a_file_mapped_privately(void **state)
{
	int file = open("/tmp/memory", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned char *p, byte;

	assert_int_equal(ftruncate(file, MIB), 0);
	p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	works(p, MIB);
	/* None of it went to the file. */
	assert_int_equal(pread(file, &byte, 1, 0), 1);
	assert_int_equal(byte, 0);
	munmap(p, MIB);
	close(file);
}

static void read_only_memory_is_not_written(void **state)
{
	int file = memfd_create("memory", 0);
	unsigned char *p, *q;

	assert_int_equal(ftruncate(file, MIB), 0);
	p = mmap(NULL, MIB, PROT_READ, MAP_SHARED, file, 0);
	q = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	memset(q, 0x5a, MIB);
	assert_int_equal(map(p, MIB, RW), -EFAULT);
	assert_int_equal(map(p, MIB, VFIO_DMA_MAP_FLAG_WRITE), -EFAULT);
	assert_int_equal(map(p, MIB, R), 0);
	write_part(0);
	assert_true(all(q, PART, 0x5a));
	assert_int_equal(unmap(MIB), MIB);
	/* The right to write that is not asked for is not given either. */
	assert_int_equal(map(q, MIB, R), 0);
	write_part(0);
	assert_true(all(q, PART, 0x5a));
	assert_int_equal(unmap(MIB), MIB);
	munmap(p, MIB);
	munmap(q, MIB);
	close(file);
}

/* ------------------------------------------------------------------ processes */

static int maps_and_ends(unsigned char *p)
{
	return map(p, MIB, RW) != 0 || locked() != 1024;
}

static void a_mapping_outlives_its_process(void **state)
{
	unsigned char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long before = locked();

	assert_int_equal(child_says(maps_and_ends, p), 0);
	/* It was the child's account, and went with it. */
	assert_int_equal(locked(), before);
	assert_true(lands(ssd, IOVA, p, PART));
	assert_int_equal(unmap(MIB), MIB);
	assert_int_equal(locked(), before);
	munmap(p, MIB);
}

static int maps_and_execs(unsigned char *p)
{
	if (map(p, MIB, RW))
		return 1;
	/* The new program has locked nothing. */
	execl("/bin/busybox", "grep", "-q", "^VmLck:[^0-9]*0 kB", "/proc/self/status", NULL);
	return 2;
}

static void a_mapping_outlives_its_program(void **state)
{
	unsigned char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_int_equal(child_says(maps_and_execs, p), 0);
	assert_true(lands(ssd, IOVA, p, PART));
	assert_int_equal(unmap(MIB), MIB);
	munmap(p, MIB);
}

static int unmaps(unsigned char *p)
{
	unsigned long before = locked();

	return unmap(MIB) != (long)MIB || locked() != before;
}

static void who_mapped_is_given_back_whoever_unmaps(void **state)
{
	unsigned char *p = pages(MIB);
	unsigned long before = locked();

	assert_int_equal(map(p, MIB, RW), 0);
	assert_int_equal(locked(), before + 1024);
	assert_int_equal(child_says(unmaps, p), 0);
	assert_int_equal(locked(), before);
	munmap(p, MIB);
}

static int writes(unsigned char *p)
{
	/* Not locked here, and this process's own from now on. */
	if (locked())
		return 1;
	memset(p, 0x33, MIB);
	return 0;
}

static void a_fork_leaves_the_memory_with_the_parent(void **state)
{
	unsigned char *p = pages(MIB);

	memset(p, 1, MIB);
	assert_int_equal(map(p, MIB, RW), 0);
	assert_int_equal(child_says(writes, p), 0);
	assert_true(all(p, MIB, 1));
	assert_true(lands(ssd, IOVA, p, PART));
	/* Also while a child shares it. */
	memset(p, 2, MIB);
	assert_true(lands(ssd, IOVA + MIB - PART, p + MIB - PART, PART));
	assert_int_equal(unmap(MIB), MIB);
	munmap(p, MIB);
}

static void the_memory_is_not_given_away_while_it_is_mapped(void **state)
{
	unsigned char *p = pages(4 * MIB), *others;

	assert_int_equal(map(p, 4 * MIB, RW), 0);
	munmap(p, 4 * MIB);
	others = pages(64 * MIB);
	memset(others, 0x5a, 64 * MIB);
	write_part(0);
	write_part(2 * MIB);
	assert_true(all(others, 64 * MIB, 0x5a));
	assert_int_equal(unmap(4 * MIB), 4 * MIB);
	munmap(others, 64 * MIB);
}

/* ------------------------------------------------------------------- running out */

static void put(const char *path, const char *text)
{
	int f = open(path, O_WRONLY);

	assert_true(f >= 0);
	assert_int_equal(write(f, text, strlen(text)), strlen(text));
	close(f);
}

static bool can_fail(void)
{
	static const char *const which[] = { "failslab", "fail_page_alloc" };
	char path[96];
	size_t i;

	if (access("/sys/kernel/debug/failslab/verbose", W_OK) ||
	    access("/sys/kernel/debug/fail_usercopy/verbose", W_OK) ||
	    access("/proc/thread-self/fail-nth", W_OK))
		return false;
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", which[i]);
		put(path, "0");
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/ignore-gfp-wait", which[i]);
		put(path, "N");
	}
	put("/sys/kernel/debug/fail_usercopy/verbose", "0");
	put("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	return true;
}

/* Has the n-th thing in a call fail that can, for every n, until there are not that many. */
static int fail_each(const char *what, void (*prepare)(void), long (*f)(void),
		     void (*undo)(void))
{
	char text[16];
	int n, nth, left, failed = 0;

	nth = open("/proc/thread-self/fail-nth", O_RDWR);
	assert_true(nth >= 0);
	for (n = 1; n < 1000; n++) {
		long ret;

		prepare();
		snprintf(text, sizeof(text), "%d", n);
		assert_true(pwrite(nth, text, strlen(text), 0) > 0);
		ret = f();
		memset(text, 0, sizeof(text));
		/* If it was not the call that failed, it may be the question. */
		left = pread(nth, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 1;
		while (pwrite(nth, "0", 1, 0) <= 0)
			;
		if (!ret)
			undo();
		else
			/* EFAULT where it was the copying of a structure that failed. */
			assert_true(ret == -ENOMEM || ret == -EFAULT);
		failed += ret != 0;
		if (left)
			break;
	}
	close(nth);
	print_message("# %s: can fail in %d places, does in %d\n", what, n - 1, failed);
	assert_true(failed > 0);
	return failed;
}

static unsigned char *small;
static int group, buffer;

static long map_scattered(void)
{
	return map(small, 4 * MIB, RW);
}

static void undo_scattered(void)
{
	assert_int_equal(unmap(4 * MIB), 4 * MIB);
}

static long map_buffer(void)
{
	return peerbuf_container_map_buffer(container, buffer, -1, 0, 4 * MIB, HUGE_IOVA + PAGE,
					    PEERBUF_MAP_READ);
}

static void undo_buffer(void)
{
	assert_int_equal(peerbuf_container_unmap_buffer(container, HUGE_IOVA + PAGE), 0);
}

static long join(void)
{
	return call(group, VFIO_GROUP_SET_CONTAINER, &fd);
}

static void undo_join(void)
{
	assert_int_equal(call(group, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
}

/* The group gets a domain of its own, into which all is mapped. */
static void refuse_attach(void)
{
	put("/sys/module/peerbuf_fault/parameters/refuse_attach", "1");
}

static long info(void)
{
	struct vfio_iommu_type1_info arg = { .argsz = sizeof(arg) };

	return call(fd, VFIO_IOMMU_GET_INFO, &arg);
}

static void nothing(void)
{
}

static void every_allocation_can_fail(void **state)
{
	struct peerbuf_container *c;
	struct peerbuf_device *bar;
	char path[96], target[256] = "";
	unsigned long before = locked();
	int i;

	if (!can_fail())
		skip();
	small = pages(4 * MIB);
	madvise(small, 4 * MIB, MADV_NOHUGEPAGE);
	/* Backwards, so that the pages are not in a row. */
	for (i = 1023; i >= 0; i--)
		small[i * PAGE] = 1;
	bar = open_role("BAR", PEERBUF_IOMMU, &c);
	buffer = export_range(bar, O_RDWR, 0, 4 * MIB);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", getenv("EDU_BDF"));
	assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(target, '/'));
	group = open(path, O_RDWR);
	assert_true(group >= 0);

	fail_each("MAP_DMA", nothing, map_scattered, undo_scattered);
	assert_int_equal(locked(), before);
	fail_each("MAP_BUFFER", nothing, map_buffer, undo_buffer);
	fail_each("GET_INFO", nothing, info, nothing);
	assert_int_equal(map_scattered(), 0);
	assert_int_equal(map_buffer(), 0);
	fail_each("SET_CONTAINER", nothing, join, undo_join);
	fail_each("SET_CONTAINER, a new domain", refuse_attach, join, undo_join);
	assert_true(lands(ssd, IOVA, small, PART));
	assert_true(lands(ssd, IOVA + 4 * MIB - PART, small + 4 * MIB - PART, PART));
	undo_buffer();
	undo_scattered();
	assert_int_equal(locked(), before);
	close(group);
	close(buffer);
	peerbuf_device_close(bar);
	peerbuf_container_close(c);
	munmap(small, 4 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_pages),
		cmocka_unit_test(transparent_huge_pages),
		cmocka_unit_test(hugetlb_pages),
		cmocka_unit_test(a_memfd),
		cmocka_unit_test(a_file_mapped_privately),
		cmocka_unit_test(read_only_memory_is_not_written),
		cmocka_unit_test(a_mapping_outlives_its_process),
		cmocka_unit_test(a_mapping_outlives_its_program),
		cmocka_unit_test(who_mapped_is_given_back_whoever_unmaps),
		cmocka_unit_test(a_fork_leaves_the_memory_with_the_parent),
		cmocka_unit_test(the_memory_is_not_given_away_while_it_is_mapped),
		cmocka_unit_test(every_allocation_can_fail),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("memory", tests, setup, teardown);
}
