// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A buffer in a process's address space, and what its owner can do with it. BAR is the
 * exporter, SSD an importer.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"
#include "../kmod/peerbuf_test.h"

#define IOVA (1ULL << 32)

static struct peerbuf_container *importer, *exporter;
static struct peerbuf_device *ssd, *bar;
static char *whole;	/* 64 MiB of the BAR, through the device fd */

static int setup(void **state)
{
	void *p;

	ssd = open_role("SSD", PEERBUF_IOMMU, &importer);
	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	if (peerbuf_device_mmap(bar, BAR2, 0, 64 * MIB, PROT_READ | PROT_WRITE, &p))
		return 1;
	whole = p;
	return 0;
}

static int teardown(void **state)
{
	munmap(whole, 64 * MIB);
	peerbuf_device_close(ssd);
	peerbuf_container_close(importer);
	peerbuf_device_close(bar);
	peerbuf_container_close(exporter);
	return 0;
}

/* 4 MiB at 16 MiB, then 1 MiB at 2 MiB */
static int two_ranges(int flags)
{
	struct vfio_region_dma_range range[] = {
		{ 16 * MIB, 4 * MIB }, { 2 * MIB, MIB },
	};
	int fd = peerbuf_device_export(bar, BAR2, flags, range, 2);

	assert_true(fd >= 0);
	return fd;
}

static char *map_buffer(int fd, size_t length)
{
	char *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static void memory(bool on)
{
	assert_true(peerbuf_device_command(bar, on ? 2 : 0, on ? 0 : 2) >= 0);
}

/* ----------------------------------------------------------------------- mmap */

static void a_mapped_buffer_shows_its_ranges_in_order(void **state)
{
	int fd = two_ranges(O_RDWR);
	volatile char *p = map_buffer(fd, 5 * MIB);

	p[0] = 1;
	p[4 * MIB - 1] = 2;
	p[4 * MIB] = 3;
	p[5 * MIB - 1] = 4;
	assert_int_equal(whole[16 * MIB], 1);
	assert_int_equal(whole[20 * MIB - 1], 2);
	assert_int_equal(whole[2 * MIB], 3);
	assert_int_equal(whole[3 * MIB - 1], 4);
	munmap((void *)p, 5 * MIB);

	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 4 * MIB);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(p[0], 3);
	munmap((void *)p, PAGE);
	close(fd);
}

static void what_cannot_be_mapped_is_refused(void **state)
{
	int fd = two_ranges(O_RDWR), ro = two_ranges(O_RDONLY);
	void *p;

	assert_ptr_equal(mmap(NULL, 5 * MIB + PAGE, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 5 * MIB), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0),
			 MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0),
			 MAP_FAILED);
	assert_int_equal(errno, EACCES);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(mprotect(p, PAGE, PROT_READ | PROT_WRITE), -1);
	/* It cannot grow over the buffer's end afterwards. */
	assert_ptr_equal(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), MAP_FAILED);
	munmap(p, PAGE);
	close(fd);
	close(ro);
}

/* That is for the exporter to allow. */
static void a_buffer_without_memory_for_the_cpu_is_not_mapped(void **state)
{
	int fd = test_export("BAR", 0, PAGE, 0);

	assert_ptr_equal(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	close(fd);
}

static void while_revoked_access_is_sigbus_and_afterwards_the_data_is_there(void **state)
{
	int fd = two_ranges(O_RDWR), i;
	volatile char *p = map_buffer(fd, 5 * MIB);

	for (i = 0; i < 3; i++) {
		p[0] = 10 + i;
		p[4 * MIB] = 20 + i;
		memory(false);
		assert_true(sigbus(&p[0]));
		assert_true(sigbus(&p[4 * MIB]));
		/* One that was never touched before, too. */
		assert_true(sigbus(&p[MIB]));
		memory(true);
		assert_int_equal(p[0], 10 + i);
		assert_int_equal(p[4 * MIB], 20 + i);
	}
	assert_int_equal(peerbuf_device_reset(bar), 0);
	assert_int_equal(p[0], 12);
	munmap((void *)p, 5 * MIB);
	close(fd);
}

static void mapping_while_revoked_works_once_it_is_back(void **state)
{
	int fd = two_ranges(O_RDWR);
	volatile char *p;

	whole[16 * MIB] = 77;
	memory(false);
	p = map_buffer(fd, 5 * MIB);
	assert_true(sigbus(&p[0]));
	memory(true);
	assert_int_equal(p[0], 77);
	munmap((void *)p, 5 * MIB);
	close(fd);
}

static void a_child_shares_it_and_a_revoke_reaches_both(void **state)
{
	int fd = two_ranges(O_RDWR), status, go[2], done[2];
	volatile char *p = map_buffer(fd, 5 * MIB);
	char byte = 0;
	pid_t child;

	assert_int_equal(pipe(go) | pipe(done), 0);
	p[0] = 5;
	child = fork();
	if (!child) {
		bool good = p[0] == 5;

		write(done[1], &byte, 1);
		read(go[0], &byte, 1);
		_exit(good && sigbus(&p[0]) ? 0 : 1);
	}
	read(done[0], &byte, 1);
	memory(false);
	write(go[1], &byte, 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(sigbus(&p[0]));
	memory(true);
	munmap((void *)p, 5 * MIB);
	close(fd);
}

static long faults_of_touching(volatile char *p, size_t length)
{
	struct rusage before, after;
	size_t i;

	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < length; i += PAGE)
		(void)p[i];
	getrusage(RUSAGE_SELF, &after);
	return after.ru_minflt - before.ru_minflt;
}

/* Memory aligned for large pages faults in 512 times less often. */
static void aligned_memory_is_mapped_by_large_pages(void **state)
{
	int fd = export_range(bar, O_RDWR, 32 * MIB, 16 * MIB);
	char *space = mmap(NULL, 32 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = align_2m(space);
	char *p;

	p = mmap(at, 16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	assert_ptr_equal(p, at);
	assert_in_range(faults_of_touching(p, 16 * MIB), 8, 40);
	/* A page off, the same memory needs small ones. */
	p = mmap(at + PAGE, 14 * MIB, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	assert_ptr_equal(p, at + PAGE);
	assert_in_range(faults_of_touching(p, 14 * MIB), 3584, 4000);
	munmap(space, 32 * MIB);
	close(fd);
}

/* The first range is aligned for a large page, and too short. */
static void no_large_page_reaches_over_the_end_of_a_range(void **state)
{
	struct vfio_region_dma_range range[] = {
		{ 32 * MIB, MIB }, { 48 * MIB, 3 * MIB },
	};
	int fd = peerbuf_device_export(bar, BAR2, O_RDWR, range, 2);
	char *space = mmap(NULL, 8 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = align_2m(space);
	volatile char *p;

	assert_true(fd >= 0);
	p = mmap(at, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	assert_ptr_equal(p, at);
	whole[33 * MIB] = 1;
	whole[48 * MIB] = 2;
	p[0] = 3;
	assert_int_equal(p[MIB], 2);
	assert_int_equal(whole[32 * MIB], 3);
	munmap(space, 8 * MIB);
	close(fd);
}

/* Nor over the ends of the mapping, where it would be in somebody else's way. */
static void no_large_page_reaches_over_the_end_of_a_mapping(void **state)
{
	int fd = export_range(bar, O_RDWR, 32 * MIB, 16 * MIB);
	char *space = pages(8 * MIB);
	char *at = align_2m(space);
	volatile char *p;

	memset(whole + 32 * MIB, 1, 4 * MIB);
	p = mmap(at + MIB, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, MIB);
	assert_ptr_equal(p, at + MIB);
	assert_int_equal(p[0], 1);
	assert_int_equal(p[2 * MIB - 1], 1);
	assert_int_equal(at[MIB - 1], 0);
	assert_int_equal(at[3 * MIB], 0);
	munmap(space, 8 * MIB);
	close(fd);
}

/* ----------------------------------------------------------- write combining */

static long caching(volatile char *p)
{
	int test = test_open();
	long how;

	(void)*p;
	how = ioctl(test, PBT_CACHING, (unsigned long)p);
	close(test);
	return how;
}

static void combine(int fd, bool on)
{
	assert_int_equal(peerbuf_device_set_caching(bar, fd,
						    on ? PEERBUF_CACHING_WRITE_COMBINING :
							 PEERBUF_CACHING_UNCACHED), 0);
}

static void write_combining_is_for_mappings_that_are_made_afterwards(void **state)
{
	int fd = two_ranges(O_RDWR), other = export_range(bar, O_RDWR, 16 * MIB + PAGE, PAGE);
	volatile char *before = map_buffer(fd, PAGE), *p, *after, *q;

	assert_int_equal(caching(before), PBT_UNCACHED);
	combine(fd, true);
	p = map_buffer(fd, PAGE);
	q = map_buffer(other, PAGE);
	assert_int_equal(caching(p), PBT_COMBINED);
	assert_int_equal(caching(before), PBT_UNCACHED);
	/* Not even the same memory in another buffer. */
	assert_int_equal(caching(q), PBT_UNCACHED);
	combine(fd, false);
	after = map_buffer(fd, PAGE);
	assert_int_equal(caching(after), PBT_UNCACHED);
	assert_int_equal(caching(p), PBT_COMBINED);
	munmap((void *)before, PAGE);
	munmap((void *)p, PAGE);
	munmap((void *)q, PAGE);
	munmap((void *)after, PAGE);
	close(other);
	close(fd);
}

/* Wherever in it the first access is, and however the mapping is cut and placed. */
static void a_combining_mapping_shows_its_ranges_in_order(void **state)
{
	static const struct { uint64_t from, length; } part[] = {
		{ 0, 5 * MIB }, { PAGE, 4 * MIB }, { 3 * MIB + PAGE, 2 * MIB - PAGE },
		{ 4 * MIB - PAGE, 2 * PAGE }, { 4 * MIB, MIB },
	};
	int fd = two_ranges(O_RDWR);
	uint32_t i, page, pages, n;

	for (page = 0; page < 5 * MIB / PAGE; page++)
		*(uint32_t *)(whole + (page < 1024 ? 16 * MIB + page * PAGE :
				       2 * MIB + (page - 1024) * PAGE)) = page;
	combine(fd, true);
	/* Each part twice: the first access is to its first page, and to its last one. */
	for (i = 0; i < 2 * sizeof(part) / sizeof(part[0]); i++) {
		uint64_t from = part[i / 2].from, length = part[i / 2].length;
		char *p = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, from);

		assert_ptr_not_equal(p, MAP_FAILED);
		pages = length / PAGE;
		for (n = 0; n < pages; n++) {
			page = n * 7919 % pages;
			if (i & 1)
				page = pages - 1 - page;
			assert_int_equal(*(uint32_t *)(p + page * PAGE), page + from / PAGE);
		}
		munmap(p, length);
	}
	close(fd);
}

static void a_combining_mapping_is_revoked_and_restored(void **state)
{
	int fd = two_ranges(O_RDWR);
	volatile char *p;

	combine(fd, true);
	p = map_buffer(fd, 5 * MIB);
	p[0] = 31;
	p[4 * MIB] = 32;
	memory(false);
	assert_true(sigbus(&p[0]));
	assert_true(sigbus(&p[4 * MIB]));
	assert_true(sigbus(&p[MIB]));
	memory(true);
	assert_int_equal(p[0], 31);
	assert_int_equal(p[4 * MIB], 32);
	assert_int_equal(caching(p), PBT_COMBINED);
	/* What is written arrives, at the latest when it is read. */
	p[1] = 33;
	__sync_synchronize();
	assert_int_equal(whole[16 * MIB + 1], 33);
	munmap((void *)p, 5 * MIB);
	close(fd);
}

static void a_combining_mapping_takes_few_faults(void **state)
{
	int fd = export_range(bar, O_RDWR, 32 * MIB + PAGE, 16 * MIB);
	char *p;

	combine(fd, true);
	p = map_buffer(fd, 16 * MIB);
	assert_in_range(faults_of_touching(p, 16 * MIB), 8, 40);
	munmap(p, 16 * MIB);
	close(fd);
}

static void what_cannot_combine_is_refused(void **state)
{
	struct peerbuf_device_set_caching s = { .argsz = sizeof(s) };
	struct vfio_region_dma_range page = { 0, PAGE };
	struct peerbuf_container *c, *c2;
	struct peerbuf_device *other = open_role("BAR2", PEERBUF_IOMMU, &c);
	struct peerbuf_device *edu = open_role("EDU", PEERBUF_IOMMU, &c2);
	int fd = two_ranges(O_RDWR), dev = peerbuf_device_fd(bar);
	int registers = peerbuf_device_export(edu, 0, O_RDWR, &page, 1);
	volatile char *p;

	/* Not prefetchable */
	assert_true(registers >= 0);
	assert_int_equal(peerbuf_device_set_caching(edu, registers,
						    PEERBUF_CACHING_WRITE_COMBINING),
			 -EOPNOTSUPP);
	assert_int_equal(peerbuf_device_set_caching(edu, registers,
						    PEERBUF_CACHING_UNCACHED), 0);
	p = map_buffer(registers, PAGE);
	assert_int_equal(caching(p), PBT_UNCACHED);
	munmap((void *)p, PAGE);

	assert_int_equal(peerbuf_device_set_caching(bar, fd, 2), -EINVAL);
	assert_int_equal(peerbuf_device_set_caching(bar, -1, 1), -EBADF);
	assert_int_equal(peerbuf_device_set_caching(bar, dev, 1), -EINVAL);
	assert_int_equal(peerbuf_device_set_caching(other, fd, 1), -EINVAL);
	assert_int_equal(peerbuf_device_set_caching(ssd, fd, 1), -ENOTTY);
	s.dmabuf_fd = fd;
	s.caching = 1;
	s.flags = 1;
	assert_int_equal(call(dev, PEERBUF_DEVICE_SET_CACHING, &s), -EINVAL);
	s.flags = 0;
	s.argsz = 8;
	assert_int_equal(call(dev, PEERBUF_DEVICE_SET_CACHING, &s), -EINVAL);
	assert_int_equal(call(dev, PEERBUF_DEVICE_SET_CACHING, (void *)8), -EFAULT);
	p = map_buffer(fd, PAGE);
	assert_int_equal(caching(p), PBT_UNCACHED);
	munmap((void *)p, PAGE);

	peerbuf_device_close(edu);
	peerbuf_container_close(c2);
	peerbuf_device_close(other);
	peerbuf_container_close(c);
	close(registers);
	close(fd);
}

/* ------------------------------------------------------------ life of a mapping */

static void a_mapping_does_not_keep_the_device_open(void **state)
{
	struct peerbuf_container *c;
	struct peerbuf_device *d = open_role("BAR2", PEERBUF_IOMMU, &c);
	int fd = export_range(d, O_RDWR, 0, MIB);
	volatile char *p = map_buffer(fd, MIB);

	p[0] = 1;
	peerbuf_device_close(d);
	assert_true(sigbus(&p[0]));
	peerbuf_container_close(c);
	/* Whoever opens the device next starts anew; what is dead stays so. */
	d = open_role("BAR2", PEERBUF_IOMMU, &c);
	assert_true(sigbus(&p[0]));
	peerbuf_device_close(d);
	peerbuf_container_close(c);
	munmap((void *)p, MIB);
	close(fd);
}

/* ------------------------------------------------------ the owner and a buffer */

static int withdraw(struct peerbuf_device *device, int fd)
{
	return peerbuf_device_revoke_buffer(device, fd);
}

static struct peerbuf_device_query_buffer query(int fd)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q), .dmabuf_fd = fd };

	assert_int_equal(peerbuf_device_query_buffer(bar, &q), 0);
	return q;
}

static void the_owner_revokes_one_buffer_for_good_and_no_other(void **state)
{
	int fd = two_ranges(O_RDWR), other = two_ranges(O_RDWR);
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };
	volatile char *p = map_buffer(fd, 5 * MIB);
	int event = eventfd(0, EFD_NONBLOCK);
	uint64_t count;

	assert_int_equal(peerbuf_container_map_buffer(importer, fd, event, 0, 5 * MIB, IOVA,
						      PEERBUF_MAP_READ), 0);
	assert_int_equal(peerbuf_container_map_buffer(importer, other, -1, 0, 5 * MIB,
						      IOVA + 8 * MIB, PEERBUF_MAP_READ), 0);
	p[0] = 1;
	assert_int_equal(withdraw(bar, fd), 0);
	assert_true(sigbus(&p[0]));
	assert_int_equal(peerbuf_container_query_buffer(importer, &q), 0);
	assert_int_equal(q.state, PEERBUF_STATE_DEAD);
	assert_false(q.flags & PEERBUF_QUERY_MAPPED);
	/* Told of the revoke and of the death. */
	assert_int_equal(read(event, &count, 8), 8);
	assert_int_equal(count, 2);

	q = (struct peerbuf_iommu_query_buffer) { .argsz = sizeof(q), .iova = IOVA + 8 * MIB };
	assert_int_equal(peerbuf_container_query_buffer(importer, &q), 0);
	assert_int_equal(q.state, PEERBUF_STATE_LIVE);
	assert_int_equal(q.revokes, 0);

	/* A reset brings the other back and leaves this one dead. */
	assert_int_equal(peerbuf_device_reset(bar), 0);
	assert_int_equal(query(fd).state, PEERBUF_STATE_DEAD);
	assert_int_equal(query(other).state, PEERBUF_STATE_LIVE);
	assert_true(sigbus(&p[0]));

	assert_int_equal(withdraw(bar, fd), -EALREADY);
	assert_int_equal(peerbuf_container_unmap(importer, IOVA, 16 * MIB, NULL), 0);
	munmap((void *)p, 5 * MIB);
	close(event);
	close(fd);
	close(other);
}

static void a_revoked_buffer_can_be_revoked_for_good(void **state)
{
	int fd = two_ranges(O_RDWR);

	memory(false);
	assert_int_equal(query(fd).state, PEERBUF_STATE_REVOKED);
	assert_int_equal(withdraw(bar, fd), 0);
	assert_int_equal(query(fd).state, PEERBUF_STATE_DEAD);
	memory(true);
	assert_int_equal(query(fd).state, PEERBUF_STATE_DEAD);
	close(fd);
}

static void a_query_tells_what_happened(void **state)
{
	int fd = two_ranges(O_RDWR);
	struct peerbuf_device_query_buffer q = query(fd);

	assert_int_equal(q.state, PEERBUF_STATE_LIVE);
	assert_int_equal(q.attachments, 0);
	assert_int_equal(q.flags, 0);
	assert_int_equal(peerbuf_container_map_buffer(importer, fd, -1, 0, 5 * MIB, IOVA,
						      PEERBUF_MAP_READ), 0);
	memory(false);
	memory(true);
	q = query(fd);
	assert_int_equal(q.attachments, 1);
	assert_int_equal(q.revokes, 1);
	assert_int_equal(q.restores, 1);
	assert_int_equal(peerbuf_container_unmap_buffer(importer, IOVA), 0);
	close(fd);
}

static void bad_arguments_are_refused(void **state)
{
	struct peerbuf_container *c;
	struct peerbuf_device *other = open_role("BAR2", PEERBUF_IOMMU, &c);
	struct peerbuf_device_revoke_buffer r = { .argsz = sizeof(r) };
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q) };
	int fd = two_ranges(O_RDWR), dev = peerbuf_device_fd(bar);

	assert_int_equal(withdraw(bar, -1), -EBADF);
	assert_int_equal(withdraw(bar, dev), -EINVAL);
	/* Not yours. */
	assert_int_equal(withdraw(other, fd), -EINVAL);
	assert_int_equal(query(fd).state, PEERBUF_STATE_LIVE);

	r.dmabuf_fd = q.dmabuf_fd = fd;
	r.flags = 1;
	assert_int_equal(call(dev, PEERBUF_DEVICE_REVOKE_BUFFER, &r), -EINVAL);
	r.flags = 0;
	r.__reserved = 1;
	assert_int_equal(call(dev, PEERBUF_DEVICE_REVOKE_BUFFER, &r), -EINVAL);
	r.__reserved = 0;
	r.argsz = 8;
	assert_int_equal(call(dev, PEERBUF_DEVICE_REVOKE_BUFFER, &r), -EINVAL);
	assert_int_equal(call(dev, PEERBUF_DEVICE_REVOKE_BUFFER, (void *)8), -EFAULT);
	q.flags = 1;
	assert_int_equal(call(dev, PEERBUF_DEVICE_QUERY_BUFFER, &q), -EINVAL);
	q.flags = 0;
	q.argsz = 4;
	assert_int_equal(call(dev, PEERBUF_DEVICE_QUERY_BUFFER, &q), -EINVAL);
	q.argsz = sizeof(q);
	q.dmabuf_fd = 999;
	assert_int_equal(call(dev, PEERBUF_DEVICE_QUERY_BUFFER, &q), -EBADF);
	assert_int_equal(query(fd).state, PEERBUF_STATE_LIVE);
	/* A driver that knows nothing of it. */
	assert_int_equal(withdraw(ssd, fd), -ENOTTY);

	peerbuf_device_close(other);
	peerbuf_container_close(c);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapped_buffer_shows_its_ranges_in_order),
		cmocka_unit_test(what_cannot_be_mapped_is_refused),
		cmocka_unit_test(a_buffer_without_memory_for_the_cpu_is_not_mapped),
		cmocka_unit_test(while_revoked_access_is_sigbus_and_afterwards_the_data_is_there),
		cmocka_unit_test(mapping_while_revoked_works_once_it_is_back),
		cmocka_unit_test(a_child_shares_it_and_a_revoke_reaches_both),
		cmocka_unit_test(aligned_memory_is_mapped_by_large_pages),
		cmocka_unit_test(no_large_page_reaches_over_the_end_of_a_range),
		cmocka_unit_test(no_large_page_reaches_over_the_end_of_a_mapping),
		cmocka_unit_test(write_combining_is_for_mappings_that_are_made_afterwards),
		cmocka_unit_test(a_combining_mapping_shows_its_ranges_in_order),
		cmocka_unit_test(a_combining_mapping_is_revoked_and_restored),
		cmocka_unit_test(a_combining_mapping_takes_few_faults),
		cmocka_unit_test(what_cannot_combine_is_refused),
		cmocka_unit_test(a_mapping_does_not_keep_the_device_open),
		cmocka_unit_test(the_owner_revokes_one_buffer_for_good_and_no_other),
		cmocka_unit_test(a_revoked_buffer_can_be_revoked_for_good),
		cmocka_unit_test(a_query_tells_what_happened),
		cmocka_unit_test(bad_arguments_are_refused),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("buffer", tests, setup, teardown);
}
