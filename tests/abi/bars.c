// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Device memory of every kind and shape: large BARs, buffers of many pieces, single
 * pages, an SSD's controller memory buffer and persistent memory. The SSD reads zeros from
 * its disk into memory that holds something else, and the device's owner looks.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"
#include "dma.h"

#define GIB (1ULL << 30)
#define IOVA (1ULL << 40)
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)
#define MANY 10000

static struct peerbuf_container *container, *exporter;
static struct peerbuf_device *big;
static struct nvme *ssd;
static uint64_t big_size;

static int setup(void **state)
{
	struct peerbuf_region region;

	big = open_role("BIG", PEERBUF_IOMMU, &exporter);
	if (peerbuf_device_region(big, BAR2, &region))
		return 1;
	big_size = region.size;
	return peerbuf_container_open(PEERBUF_IOMMU, &container) ||
	       nvme_open(container, getenv("SSD_BDF"), 30000, &ssd);
}

static int teardown(void **state)
{
	nvme_close(ssd);
	peerbuf_container_close(container);
	peerbuf_device_close(big);
	peerbuf_container_close(exporter);
	return 0;
}

/* A DMA that the IOMMU stops is no success for the SSD. */
static void dma_is_stopped(uint64_t iova, uint64_t bytes)
{
	struct nvme_stats stats;

	assert_int_equal(nvme_read(ssd, 0, bytes, iova, &stats), 0);
}

static void map(int fd, uint64_t length, uint64_t iova)
{
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, length, iova, RW), 0);
}

static void unmap(uint64_t iova)
{
	assert_int_equal(peerbuf_container_unmap_buffer(container, iova), 0);
}

/* The owner's own view of a part of a BAR. */
static volatile uint64_t *view(struct peerbuf_device *device, unsigned int bar,
			       uint64_t offset, uint64_t length)
{
	void *p;

	assert_int_equal(peerbuf_device_mmap(device, bar, offset, length,
					     PROT_READ | PROT_WRITE, &p), 0);
	return p;
}

static void paint(volatile uint64_t *p, uint64_t length)
{
	uint64_t i;

	for (i = 0; i < length / 8; i++)
		p[i] = ~0ULL;
}

static bool all_words(volatile uint64_t *p, uint64_t length, uint64_t word)
{
	uint64_t i;

	for (i = 0; i < length / 8 && p[i] == word; i++)
		;
	return i == length / 8;
}

/* Exports ranges that are made by a function of their number. */
static int export_many(uint32_t nr, void (*fill)(struct vfio_region_dma_range *, uint32_t))
{
	struct vfio_region_dma_range *ranges = calloc(nr, sizeof(*ranges));
	int fd;
	uint32_t i;

	assert_non_null(ranges);
	for (i = 0; i < nr; i++)
		fill(&ranges[i], i);
	fd = peerbuf_device_export(big, BAR2, O_RDWR | O_CLOEXEC, ranges, nr);
	free(ranges);
	return fd;
}

static void a_whole_bar_is_one_buffer_and_one_mapping(void **state)
{
	uint64_t middle_offset = big_size / 8 * 5;
	int fd = export_range(big, O_RDWR | O_CLOEXEC, 0, big_size);
	volatile uint64_t *last = view(big, BAR2, big_size - MIB, MIB);
	volatile uint64_t *middle = view(big, BAR2, middle_offset, MIB);
	struct peerbuf_iommu_query_buffer q;

	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), big_size);
	map(fd, big_size, IOVA);
	q = query_buffer(container, IOVA);
	assert_int_equal(q.length, big_size);
	assert_int_equal(q.nr_ranges, 1);
	/* Not one page table entry for each 4 KiB: address and IOVA are congruent. */
	assert_false(q.page_sizes & PAGE);

	paint(last, MIB);
	paint(middle, MIB);
	dma(ssd, IOVA + big_size - PAGE, PAGE);
	dma(ssd, IOVA + middle_offset, PAGE);
	assert_true(all_words(last, MIB - PAGE, ~0ULL));
	assert_true(all_words(last + (MIB - PAGE) / 8, PAGE, 0));
	assert_true(all_words(middle, PAGE, 0));
	assert_true(all_words(middle + PAGE / 8, MIB - PAGE, ~0ULL));

	unmap(IOVA);
	munmap((void *)last, MIB);
	munmap((void *)middle, MIB);
	close(fd);
}

static void more_than_4_gib_in_the_middle_is_mapped(void **state)
{
	uint64_t skip = 3 * GIB + PAGE, length = 9 * GIB + 3 * PAGE;
	volatile uint64_t *end;
	int fd;

	if (big_size < 2 * length)
		skip();
	fd = export_range(big, O_RDWR | O_CLOEXEC, 0, big_size);
	end = view(big, BAR2, skip + length - PAGE, 2 * PAGE);
	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, skip, length,
						      IOVA + PAGE, RW), 0);
	paint(end, 2 * PAGE);
	dma(ssd, IOVA + PAGE + length - PAGE, PAGE);
	assert_true(all_words(end, PAGE, 0));
	assert_true(all_words(end + PAGE / 8, PAGE, ~0ULL));
	unmap(IOVA + PAGE);
	munmap((void *)end, 2 * PAGE);
	close(fd);
}

/* From the last page of the BAR's first part to its first, no two of them adjacent. */
static void backwards(struct vfio_region_dma_range *range, uint32_t i)
{
	range->offset = (MANY - 1 - i) * 2 * PAGE;
	range->length = PAGE;
}

static void many_pieces_are_one_run_of_iova(void **state)
{
	static const unsigned int pieces[] = { 0, 1, MANY / 2, MANY - 2, MANY - 1 };
	volatile uint64_t *p = view(big, BAR2, 0, MANY * 2 * PAGE);
	int fd = export_many(MANY, backwards);
	size_t i;

	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), MANY * PAGE);
	map(fd, MANY * PAGE, IOVA);
	assert_int_equal(query_buffer(container, IOVA).nr_ranges, MANY);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		volatile uint64_t *piece = p + (MANY - 1 - pieces[i]) * 2 * PAGE / 8;

		paint(piece, 2 * PAGE);
		dma(ssd, IOVA + pieces[i] * PAGE, PAGE);
		assert_true(all_words(piece, PAGE, 0));
		assert_true(all_words(piece + PAGE / 8, PAGE, ~0ULL));
	}
	/* One DMA over many of them. */
	paint(p, 64 * PAGE);
	dma(ssd, IOVA + (MANY - 32) * PAGE, 32 * PAGE);
	for (i = 0; i < 32; i++) {
		assert_true(all_words(p + i * 2 * PAGE / 8, PAGE, 0));
		assert_true(all_words(p + (i * 2 + 1) * PAGE / 8, PAGE, ~0ULL));
	}
	unmap(IOVA);
	munmap((void *)p, MANY * 2 * PAGE);
	close(fd);
}

static void adjacent(struct vfio_region_dma_range *range, uint32_t i)
{
	range->offset = i * PAGE;
	range->length = PAGE;
}

static void adjacent_pieces_are_one(void **state)
{
	int fd = export_many(512, adjacent);

	assert_true(fd >= 0);
	map(fd, 512 * PAGE, IOVA);
	assert_int_equal(query_buffer(container, IOVA).nr_ranges, 1);
	assert_int_equal(query_buffer(container, IOVA).page_sizes, 512 * PAGE);
	unmap(IOVA);
	close(fd);
}

static void twice(struct vfio_region_dma_range *range, uint32_t i)
{
	range->offset = MIB;
	range->length = 4 * PAGE;
}

static void the_same_range_can_be_there_twice(void **state)
{
	int one = export_many(2, twice), other = export_range(big, O_RDWR, MIB, 4 * PAGE);
	volatile uint64_t *p = view(big, BAR2, MIB, 4 * PAGE);

	assert_true(one >= 0 && other >= 0);
	map(one, 8 * PAGE, IOVA);
	map(other, 4 * PAGE, IOVA + GIB);
	paint(p, 4 * PAGE);
	dma(ssd, IOVA, PAGE);
	assert_true(all_words(p, PAGE, 0) && all_words(p + PAGE / 8, PAGE, ~0ULL));
	dma(ssd, IOVA + 5 * PAGE, PAGE);
	assert_true(all_words(p, 2 * PAGE, 0) && all_words(p + 2 * PAGE / 8, PAGE, ~0ULL));
	dma(ssd, IOVA + GIB + 2 * PAGE, PAGE);
	assert_true(all_words(p, 3 * PAGE, 0) && all_words(p + 3 * PAGE / 8, PAGE, ~0ULL));

	/* Either can go without the other. */
	unmap(IOVA);
	close(one);
	paint(p, 4 * PAGE);
	dma_is_stopped(IOVA, PAGE);
	assert_true(all_words(p, 4 * PAGE, ~0ULL));
	dma(ssd, IOVA + GIB, PAGE);
	assert_true(all_words(p, PAGE, 0));
	unmap(IOVA + GIB);
	munmap((void *)p, 4 * PAGE);
	close(other);
}

static void one_page_like_a_doorbell_is_that_page_only(void **state)
{
	volatile uint64_t *p = view(big, BAR2, 500 * MIB, 3 * PAGE);
	int fd = export_range(big, O_RDWR | O_CLOEXEC, 500 * MIB + PAGE, PAGE);

	assert_true(fd >= 0);
	map(fd, PAGE, IOVA);
	paint(p, 3 * PAGE);
	dma(ssd, IOVA, PAGE);
	dma_is_stopped(IOVA + PAGE, PAGE);
	dma_is_stopped(IOVA - PAGE, PAGE);
	assert_true(all_words(p, PAGE, ~0ULL));
	assert_true(all_words(p + PAGE / 8, PAGE, 0));
	assert_true(all_words(p + 2 * PAGE / 8, PAGE, ~0ULL));
	unmap(IOVA);
	munmap((void *)p, 3 * PAGE);
	close(fd);
}

/* One that maps the buffer and does not own it, while the SSD writes. */
static int watch(int fd, uint64_t length)
{
	volatile unsigned char *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint64_t end = now_ms() + 30000;
	unsigned int n = 0;

	if (p == MAP_FAILED)
		return 1;
	while (p[length - 1] && now_ms() < end) {
		/* Its own page is nobody else's, and keeps what is written to it. */
		p[0] = ++n;
		__sync_synchronize();
		if (p[0] != (unsigned char)n)
			return 2;
	}
	return p[length - 1] ? 3 : 0;
}

static void a_process_uses_a_buffer_while_a_device_writes_to_it(void **state)
{
	static const uint32_t caching[] = {
		PEERBUF_CACHING_UNCACHED, PEERBUF_CACHING_WRITE_COMBINING,
	};
	volatile uint64_t *p = view(big, BAR2, 300 * MIB, MIB);
	int fd = export_range(big, O_RDWR, 300 * MIB, MIB), status;
	size_t i, n;

	assert_true(fd >= 0);
	map(fd, MIB, IOVA);
	for (i = 0; i < 2; i++) {
		pid_t child;

		assert_int_equal(peerbuf_device_set_caching(big, fd, caching[i]), 0);
		paint(p, MIB);
		child = fork();
		if (!child)
			_exit(watch(fd, MIB));
		for (n = 1; n < 16; n++)
			dma(ssd, IOVA + n * 64 * 1024, 64 * 1024);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	unmap(IOVA);
	munmap((void *)p, MIB);
	close(fd);
}

/* Faults of reading a buffer at an address as aligned as @page, at one byte of each @step. */
static long faults(uint64_t offset, uint64_t length, uint64_t page, uint64_t step)
{
	int fd = export_range(big, O_RDWR, offset, length);
	char *room = mmap(NULL, length + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((uintptr_t)room + page - 1) & -page);
	struct rusage before, after;
	volatile char *p;
	uint64_t i;

	assert_true(fd >= 0);
	assert_ptr_not_equal(room, MAP_FAILED);
	p = mmap(at, length, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_false(sigbus(&i)); /* what this takes for itself */
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < length; i += step)
		assert_false(sigbus(p + i));
	getrusage(RUSAGE_SELF, &after);
	munmap(room, length + page);
	close(fd);
	return after.ru_minflt - before.ru_minflt;
}

static void the_processor_uses_pages_as_large_as_fit(void **state)
{
	assert_int_equal(faults(4 * MIB, 4 * MIB, 2 * MIB, PAGE), 2);
	/* Not where the memory is aligned otherwise than its addresses. */
	assert_int_equal(faults(4 * MIB + PAGE, 2 * MIB, 2 * MIB, PAGE), 512);
	if (big_size >= 2 * GIB)
		assert_int_equal(faults(GIB, GIB, GIB, 2 * MIB), 1);
}

static void a_read_only_buffer_is_never_written(void **state)
{
	volatile uint64_t *p = view(big, BAR2, 700 * MIB, PAGE);
	int fd = export_range(big, O_RDONLY | O_CLOEXEC, 700 * MIB, PAGE);

	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, PAGE, IOVA, RW),
			 -EACCES);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, PAGE, IOVA,
						      PEERBUF_MAP_READ), 0);
	paint(p, PAGE);
	dma_is_stopped(IOVA, PAGE);
	assert_true(all_words(p, PAGE, ~0ULL));
	unmap(IOVA);
	munmap((void *)p, PAGE);
	close(fd);
}

/* Persistent memory answers when its controller was told to: PMRCTL.EN, and PMRSTS.NRDY. */
static void enable_pmr(struct peerbuf_device *device)
{
	volatile uint32_t *regs;
	void *p;

	assert_int_equal(peerbuf_device_mmap(device, VFIO_PCI_BAR0_REGION_INDEX, 0, PAGE,
					     PROT_READ | PROT_WRITE, &p), 0);
	regs = p;
	regs[0xe04 / 4] = 1;
	while (regs[0xe08 / 4] & 1 << 8)
		usleep(1000);
	munmap(p, PAGE);
}

/* Memory in a BAR of an SSD, whose other BAR has its registers. */
static void memory_of_an_ssd(const char *role, unsigned int bar, uint64_t size,
			     void (*enable)(struct peerbuf_device *))
{
	struct peerbuf_container *c;
	struct peerbuf_device *device = open_role(role, PEERBUF_IOMMU, &c);
	struct vfio_region_dma_range range = { .offset = size / 2, .length = size / 4 };
	volatile uint64_t *p;
	int fd;

	if (enable)
		enable(device);
	fd = peerbuf_device_export(device, bar, O_RDWR | O_CLOEXEC, &range, 1);
	assert_true(fd >= 0);
	map(fd, range.length, IOVA);
	p = view(device, bar, range.offset, range.length);
	paint(p, range.length);
	dma(ssd, IOVA + 8 * PAGE, PAGE);
	assert_true(all_words(p, 8 * PAGE, ~0ULL));
	assert_true(all_words(p + 8 * PAGE / 8, PAGE, 0));
	assert_true(all_words(p + 9 * PAGE / 8, range.length - 9 * PAGE, ~0ULL));
	munmap((void *)p, range.length);

	/* Gone with its owner. */
	peerbuf_device_close(device);
	assert_int_equal(query_buffer(container, IOVA).state, PEERBUF_STATE_DEAD);
	assert_false(query_buffer(container, IOVA).flags & PEERBUF_QUERY_MAPPED);
	unmap(IOVA);
	close(fd);
	peerbuf_container_close(c);
}

static void a_controller_memory_buffer_is_memory(void **state)
{
	memory_of_an_ssd("CMB", BAR2, 4 * MIB, NULL);
}

static void a_persistent_memory_region_is_memory(void **state)
{
	memory_of_an_ssd("PMR", VFIO_PCI_BAR4_REGION_INDEX, 16 * MIB,
			 enable_pmr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_bar_is_one_buffer_and_one_mapping),
		cmocka_unit_test(more_than_4_gib_in_the_middle_is_mapped),
		cmocka_unit_test(many_pieces_are_one_run_of_iova),
		cmocka_unit_test(adjacent_pieces_are_one),
		cmocka_unit_test(the_same_range_can_be_there_twice),
		cmocka_unit_test(one_page_like_a_doorbell_is_that_page_only),
		cmocka_unit_test(a_process_uses_a_buffer_while_a_device_writes_to_it),
		cmocka_unit_test(the_processor_uses_pages_as_large_as_fit),
		cmocka_unit_test(a_read_only_buffer_is_never_written),
		cmocka_unit_test(a_controller_memory_buffer_is_memory),
		cmocka_unit_test(a_persistent_memory_region_is_memory),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("bars", tests, setup, teardown);
}
