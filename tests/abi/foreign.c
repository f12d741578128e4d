// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Buffers of exporters that know nothing of peerbuf, in a container: the SSD reads zeros
 * from its disk into memory that holds something else.
 */
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "dma.h"
#include "../kmod/peerbuf_test.h"

#define IOVA (1ULL << 32)
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)

static struct peerbuf_container *container, *exporter;
static struct peerbuf_device *bar;
static struct nvme *ssd;
static uint32_t bar_bdf;

static int setup(void **state)
{
	unsigned int d, b, s, f;

	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	if (sscanf(getenv("BAR_BDF"), "%x:%x:%x.%x", &d, &b, &s, &f) != 4)
		return 1;
	bar_bdf = d << 16 | b << 8 | s << 3 | f;
	return peerbuf_container_open(PEERBUF_IOMMU, &container) ||
	       nvme_open(container, getenv("SSD_BDF"), 10000, &ssd);
}

static int teardown(void **state)
{
	nvme_close(ssd);
	peerbuf_container_close(container);
	peerbuf_device_close(bar);
	peerbuf_container_close(exporter);
	return 0;
}

/* The buffer's memory is @p, painted; a DMA through a mapping lands where it should. */
static void dma_lands(int fd, unsigned char *p, size_t length)
{
	size_t skip = MIB, part = 2 * MIB;

	memset(p, 0xa5, length);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, length, IOVA, RW), 0);
	assert_true(query_buffer(container, IOVA).flags & PEERBUF_QUERY_MAPPED);
	dma(ssd, IOVA + length - 64 * 1024, 64 * 1024);
	assert_true(all(p, length - 64 * 1024, 0xa5));
	assert_true(all(p + length - 64 * 1024, 64 * 1024, 0));
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);

	/* A part of it, and nothing beside that part. */
	memset(p, 0xa5, length);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, skip, part, IOVA, RW), 0);
	dma(ssd, IOVA - 64 * 1024, 64 * 1024);
	dma(ssd, IOVA + part, 64 * 1024);
	assert_true(all(p, length, 0xa5));
	dma(ssd, IOVA, part);
	assert_true(all(p, skip, 0xa5));
	assert_true(all(p + skip, part, 0));
	assert_true(all(p + skip + part, length - skip - part, 0xa5));
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
}

static int udmabuf(size_t length, unsigned char **p)
{
	struct udmabuf_create create = { .size = length };
	int dev = open("/dev/udmabuf", O_RDWR), fd;
	int memfd = sealed_memfd(length, 0);

	assert_true(dev >= 0);
	create.memfd = memfd;
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	assert_true(fd >= 0);
	*p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	assert_ptr_not_equal(*p, MAP_FAILED);
	close(memfd);
	close(dev);
	return fd;
}

static void memory_of_a_memfd_is_mapped(void **state)
{
	unsigned char *p;
	int fd = udmabuf(8 * MIB, &p);

	dma_lands(fd, p, 8 * MIB);
	munmap(p, 8 * MIB);
	close(fd);
}

/* As linux-libc-dev has them in drm/drm.h and drm/drm_mode.h, on systems that install those. */
struct drm_create_dumb {
	uint32_t height, width, bpp, flags, handle, pitch;
	uint64_t size;
};

struct drm_prime_handle {
	uint32_t handle, flags;
	int32_t fd;
};

#define DRM_CREATE_DUMB		_IOWR('d', 0xb2, struct drm_create_dumb)
#define DRM_PRIME_HANDLE_TO_FD	_IOWR('d', 0x2d, struct drm_prime_handle)

/* An exporter of the graphics kind, which has pages only while somebody is attached. */
static void memory_of_a_graphics_driver_is_mapped(void **state)
{
	struct drm_create_dumb dumb = { .height = 1024, .width = 1024, .bpp = 32 };
	struct drm_prime_handle prime = { .flags = O_RDWR | O_CLOEXEC };
	int card = open("/dev/dri/card0", O_RDWR);
	unsigned char *p;

	if (card < 0)
		skip();
	assert_int_equal(ioctl(card, DRM_CREATE_DUMB, &dumb), 0);
	assert_int_equal(dumb.size, 4 * MIB);
	prime.handle = dumb.handle;
	assert_int_equal(ioctl(card, DRM_PRIME_HANDLE_TO_FD, &prime), 0);
	p = mmap(NULL, dumb.size, PROT_READ | PROT_WRITE, MAP_SHARED, prime.fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	dma_lands(prime.fd, p, dumb.size);
	munmap(p, dumb.size);
	close(prime.fd);
	close(card);
}

static void memory_of_a_heap_is_mapped(void **state)
{
	struct dma_heap_allocation_data data = { .len = 5 * MIB, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDWR);
	unsigned char *p;

	if (heap < 0)
		skip();
	assert_int_equal(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data), 0);
	p = mmap(NULL, data.len, PROT_READ | PROT_WRITE, MAP_SHARED, data.fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	dma_lands(data.fd, p, data.len);
	munmap(p, data.len);
	close(data.fd);
	close(heap);
}

static void tens_of_thousands_of_pages_are_one_run_of_iovas(void **state)
{
	size_t length = 60 * MIB;
	unsigned char *p;
	int fd = udmabuf(length, &p);

	memset(p, 0xa5, length);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, length, IOVA, RW), 0);
	assert_true(query_buffer(container, IOVA).nr_ranges > 1);
	dma(ssd, IOVA, length);
	assert_true(all(p, length, 0));
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	munmap(p, length);
	close(fd);
}

static void a_mapping_keeps_the_memory_when_the_fd_is_gone(void **state)
{
	unsigned char *p;
	int fd = udmabuf(4 * MIB, &p);

	memset(p, 0xa5, 4 * MIB);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, 4 * MIB, IOVA, RW), 0);
	close(fd);
	dma(ssd, IOVA, MIB);
	assert_true(all(p, MIB, 0));
	munmap(p, 4 * MIB);
	dma(ssd, IOVA, MIB);
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
}

/* --------------------------------------------- exporters that must not be believed */

struct range {
	uint64_t addr, len;
};

static long foreign(uint32_t flags, const struct range *range, uint32_t nr, uint64_t size)
{
	int test = test_open();
	struct pbt_export ex = {
		.bdf = bar_bdf, .nr = nr, .size = size, .ranges = (uintptr_t)range,
		.flags = PBT_FOREIGN | flags,
	};
	long ret;

	ret = call(test, PBT_EXPORT, &ex);
	close(test);
	return ret ? ret : ex.fd;
}

static void a_table_that_points_elsewhere_is_refused(void **state)
{
	static const struct { struct range range[2]; uint32_t nr; uint64_t size; } bad[] = {
		/* the MSI window, the IOMMU's registers, the I/O APIC */
		{ { { 0xfee00000, PAGE } }, 1, PAGE },
		{ { { 0xfed90000, PAGE } }, 1, PAGE },
		{ { { 0xfec00000, PAGE } }, 1, PAGE },
		/* nothing at all, and beyond everything */
		{ { { 1ULL << 45, PAGE } }, 1, PAGE },
		{ { { ~0ULL - PAGE + 1, PAGE } }, 1, PAGE },
		{ { { ~0ULL - PAGE + 1, 2 * PAGE } }, 1, 2 * PAGE },
		/* RAM first, then not */
		{ { { MIB, PAGE }, { 0xfee00000, PAGE } }, 2, 2 * PAGE },
		/* not whole pages */
		{ { { MIB + 512, PAGE } }, 1, PAGE },
		{ { { MIB, PAGE - 1 } }, 1, PAGE },
		{ { { MIB, PAGE + 1 } }, 1, PAGE },
		{ { { MIB, 0 } }, 1, PAGE },
		{ { { MIB, PAGE }, { 4 * MIB, 0 } }, 2, PAGE },
		/* shorter and longer than the buffer says it is */
		{ { { MIB, PAGE } }, 1, 2 * PAGE },
		{ { { MIB, 4 * PAGE } }, 1, 2 * PAGE },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = foreign(PBT_RAW_ADDRESSES, bad[i].range, bad[i].nr, bad[i].size);

		assert_true(fd >= 0);
		assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, bad[i].size,
							      IOVA, RW), -EOPNOTSUPP);
		close(fd);
	}
}

/* The rest of the last page belongs to somebody else. */
static void what_ends_within_a_page_is_refused(void **state)
{
	static const int deltas[] = { -1, 1 };
	size_t i, j;

	for (i = 0; i < 2; i++) {
		uint64_t size = 3 * PAGE + deltas[i];
		struct range exact[] = { { 8 * PAGE, 2 * PAGE }, { 0, PAGE + deltas[i] } };
		struct range whole[] = { { 8 * PAGE, 2 * PAGE }, { 0, PAGE * (1 + i) } };

		for (j = 0; j < 2; j++) {
			int fd = foreign(0, j ? exact : whole, 2, size);

			assert_true(fd >= 0);
			/* Whole pages of it, all of its bytes, and all of its pages. */
			assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, 2 * PAGE,
								      IOVA, RW), -EOPNOTSUPP);
			assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, size,
								      IOVA, RW), -EINVAL);
			assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0,
								      (3 + i) * PAGE, IOVA, RW),
					 -EINVAL);
			close(fd);
		}
	}
}

/* The device's memory. */
static unsigned char *see_bar(size_t length)
{
	void *p;

	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 0, length, PROT_READ | PROT_WRITE, &p), 0);
	return p;
}

static void a_hundred_thousand_scattered_pages_are_one_run(void **state)
{
	const size_t nr = 100000, pages_in_bar = (1ULL << 30) / PAGE;
	struct range *range = calloc(nr, sizeof(*range));
	static const size_t tried[] = { 0, 12345, 99999 };
	unsigned char *p = see_bar(1ULL << 30);
	size_t i;
	int fd;

	/* Each one once, and none behind the one before it. */
	for (i = 0; i < nr; i++)
		range[i] = (struct range) { i * 7 % pages_in_bar * PAGE, PAGE };
	fd = foreign(0, range, nr, nr * PAGE);
	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, nr * PAGE, IOVA, RW), 0);
	assert_int_equal(query_buffer(container, IOVA).nr_ranges, nr);
	for (i = 0; i < 3; i++) {
		unsigned char *page = p + range[tried[i]].addr;

		memset(page, 0xa5, PAGE);
		memset(page + PAGE, 0xa5, PAGE);
		dma(ssd, IOVA + tried[i] * PAGE, PAGE);
		assert_true(all(page, PAGE, 0));
		assert_true(all(page + PAGE, PAGE, 0xa5));
	}
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	close(fd);
	munmap(p, 1ULL << 30);
	free(range);
}

/* The same memory five times. */
static void five_gibibytes_are_mapped(void **state)
{
	const uint64_t gib = 1ULL << 30;
	struct range range[] = { { 0, gib }, { 0, gib }, { 0, gib }, { 0, gib }, { 0, gib } };
	unsigned char *end = see_bar(gib) + gib;
	int fd = foreign(0, range, 5, 5 * gib);

	assert_true(fd >= 0);
	memset(end - 2 * PAGE, 0xa5, 2 * PAGE);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, 5 * gib, IOVA, RW), 0);
	assert_int_equal(query_buffer(container, IOVA).nr_ranges, 5);
	dma(ssd, IOVA + 5 * gib - PAGE, PAGE);
	assert_true(all(end - 2 * PAGE, PAGE, 0xa5));
	assert_true(all(end - PAGE, PAGE, 0));
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);

	/* A part beyond what 32 bits can count. */
	memset(end - 2 * PAGE, 0xa5, 2 * PAGE);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 5 * gib - 2 * PAGE,
						      2 * PAGE, IOVA, RW), 0);
	dma(ssd, IOVA, PAGE);
	assert_true(all(end - 2 * PAGE, PAGE, 0));
	assert_true(all(end - PAGE, PAGE, 0xa5));
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	close(fd);
	munmap(end - gib, gib);
}

/* RAM and device memory want different page table entries. */
static void a_mixture_of_ram_and_device_memory_is_refused(void **state)
{
	struct range range[2] = { { bar_start_of("BAR"), PAGE }, { MIB, PAGE } };
	int fd;

	fd = foreign(PBT_RAW_ADDRESSES, range, 2, 2 * PAGE);
	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, 2 * PAGE, IOVA, RW),
			 -EOPNOTSUPP);
	close(fd);
}

static void device_memory_that_cannot_be_revoked_is_refused(void **state)
{
	struct range range = { 0, MIB };
	int fd = foreign(PBT_FOREIGN_STATIC, &range, 1, MIB);

	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, MIB, IOVA, RW),
			 -EOPNOTSUPP);
	close(fd);
}

/* Whose memory it is cannot be told, so no route to it is known. */
static void strict_refuses_foreign_device_memory_and_not_foreign_ram(void **state)
{
	struct range range = { 0, MIB };
	int fd = foreign(0, &range, 1, MIB);
	unsigned char *p;

	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, MIB, IOVA,
						      RW | PEERBUF_MAP_STRICT), -EOPNOTSUPP);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, MIB, IOVA, RW), 0);
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	close(fd);

	fd = udmabuf(MIB, &p);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, MIB, IOVA,
						      RW | PEERBUF_MAP_STRICT), 0);
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	munmap(p, MIB);
	close(fd);
}

/* A native exporter of scatterlists is mapped in the same way, and checked as well. */
static void a_native_scatterlist_is_mapped_and_checked_too(void **state)
{
	struct range range[] = { { 8 * MIB, MIB }, { 2 * MIB, MIB } }, msi = { 0xfee00000, PAGE };
	int fd = foreign(PBT_NATIVE_SGT, range, 2, 2 * MIB);
	unsigned char *p;
	void *v;

	assert_true(fd >= 0);
	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 0, 64 * MIB, PROT_READ | PROT_WRITE, &v),
			 0);
	p = v;
	memset(p, 0xa5, 64 * MIB);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, 2 * MIB, IOVA, RW), 0);
	assert_int_equal(query_buffer(container, IOVA).nr_ranges, 2);
	dma(ssd, IOVA, 2 * MIB);
	assert_true(all(p + 8 * MIB, MIB, 0));
	assert_true(all(p + 2 * MIB, MIB, 0));
	assert_true(all(p + 3 * MIB, 5 * MIB, 0xa5));
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	munmap(v, 64 * MIB);
	close(fd);

	fd = foreign(PBT_NATIVE_SGT | PBT_RAW_ADDRESSES, &msi, 1, PAGE);
	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, PAGE, IOVA, RW),
			 -EOPNOTSUPP);
	close(fd);
}

/* ------------------------------------------------------------- one that moves */

static void a_buffer_that_moves_is_followed(void **state)
{
	struct range range[] = { { 8 * MIB, MIB }, { 2 * MIB, MIB } };
	int fd = foreign(0, range, 2, 2 * MIB), test = test_open();
	struct pbt_move move = { .fd = fd, .by = 32 * MIB };
	int event = eventfd(0, 0);
	unsigned char *p;
	uint64_t count;
	void *v;

	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 0, 64 * MIB, PROT_READ | PROT_WRITE, &v),
			 0);
	p = v;
	assert_int_equal(peerbuf_container_map_buffer(container, fd, event, 0, 2 * MIB, IOVA, RW),
			 0);
	memset(p + 2 * MIB, 0xa5, MIB);
	memset(p + 8 * MIB, 0xa5, MIB);
	memset(p + 34 * MIB, 0xa5, MIB);
	memset(p + 40 * MIB, 0xa5, MIB);
	dma(ssd, IOVA + MIB, 4096);
	assert_true(all(p + 2 * MIB, 4096, 0));

	assert_int_equal(call(test, PBT_MOVE, &move), 0);
	/* Gone at once; back when the kernel has mapped it anew. */
	while (query_buffer(container, IOVA).restores == 0)
		usleep(1000);
	assert_int_equal(query_buffer(container, IOVA).error, 0);
	assert_int_equal(query_buffer(container, IOVA).revokes, 1);
	assert_true(query_buffer(container, IOVA).flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(read(event, &count, 8), 8);

	dma(ssd, IOVA, 2 * MIB);
	assert_true(all(p + 40 * MIB, MIB, 0));
	assert_true(all(p + 34 * MIB, MIB, 0));
	assert_true(all(p + 8 * MIB, MIB, 0xa5));
	assert_true(all(p + 2 * MIB + 4096, MIB - 4096, 0xa5));

	/* It moves where nothing may be mapped: the mapping stays absent, and says why. */
	move.by = 1LL << 40;
	assert_int_equal(call(test, PBT_MOVE, &move), 0);
	while (query_buffer(container, IOVA).restores == 1)
		usleep(1000);
	assert_int_equal(query_buffer(container, IOVA).error, -EOPNOTSUPP);
	assert_false(query_buffer(container, IOVA).flags & PEERBUF_QUERY_MAPPED);
	move.by = -move.by;
	assert_int_equal(call(test, PBT_MOVE, &move), 0);
	while (query_buffer(container, IOVA).restores == 2)
		usleep(1000);
	assert_int_equal(query_buffer(container, IOVA).error, 0);
	assert_true(query_buffer(container, IOVA).flags & PEERBUF_QUERY_MAPPED);

	/* Ended in the middle of a move. */
	assert_int_equal(call(test, PBT_MOVE, &move), 0);
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	munmap(v, 64 * MIB);
	close(event);
	close(test);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_a_memfd_is_mapped),
		cmocka_unit_test(memory_of_a_heap_is_mapped),
		cmocka_unit_test(memory_of_a_graphics_driver_is_mapped),
		cmocka_unit_test(tens_of_thousands_of_pages_are_one_run_of_iovas),
		cmocka_unit_test(a_mapping_keeps_the_memory_when_the_fd_is_gone),
		cmocka_unit_test(a_table_that_points_elsewhere_is_refused),
		cmocka_unit_test(what_ends_within_a_page_is_refused),
		cmocka_unit_test(a_hundred_thousand_scattered_pages_are_one_run),
		cmocka_unit_test(five_gibibytes_are_mapped),
		cmocka_unit_test(a_mixture_of_ram_and_device_memory_is_refused),
		cmocka_unit_test(device_memory_that_cannot_be_revoked_is_refused),
		cmocka_unit_test(strict_refuses_foreign_device_memory_and_not_foreign_ram),
		cmocka_unit_test(a_native_scatterlist_is_mapped_and_checked_too),
		cmocka_unit_test(a_buffer_that_moves_is_followed),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("foreign", tests, setup, teardown);
}
