// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VFIO_IOMMU_MAP_DMA with the address of device memory, as virtual machine monitors do
 * it: it becomes a buffer if the memory can be taken back, and is refused otherwise.
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
#define R VFIO_DMA_MAP_FLAG_READ
#define RW (R | VFIO_DMA_MAP_FLAG_WRITE)
#define PART (64 * 1024)

static struct peerbuf_container *importer, *exporter;
static struct peerbuf_device *bar;
static struct nvme *ssd;
static unsigned char *mmio;	/* 16 MiB of the BAR, from its start */
static int fd;			/* the importer's container */

static int setup(void **state)
{
	void *p;

	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	if (peerbuf_container_open(PEERBUF_IOMMU, &importer) ||
	    nvme_open(importer, getenv("SSD_BDF"), 10000, &ssd) ||
	    peerbuf_device_mmap(bar, BAR2, 0, 16 * MIB, PROT_READ | PROT_WRITE, &p))
		return 1;
	mmio = p;
	fd = peerbuf_container_fd(importer);
	return 0;
}

static int teardown(void **state)
{
	nvme_close(ssd);
	peerbuf_container_close(importer);
	munmap(mmio, 16 * MIB);
	peerbuf_device_close(bar);
	peerbuf_container_close(exporter);
	return 0;
}

static long map_in(int container, void *addr, uint64_t length, uint64_t iova, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg), .flags = flags, .vaddr = (uintptr_t)addr,
		.iova = iova, .size = length,
	};

	return call(container, VFIO_IOMMU_MAP_DMA, &arg);
}

static long map(void *addr, uint64_t length, uint32_t flags)
{
	return map_in(fd, addr, length, IOVA, flags);
}

static long unmap(uint64_t length)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .iova = IOVA, .size = length,
	};
	long ret = call(fd, VFIO_IOMMU_UNMAP_DMA, &arg);

	return ret ?: (long)arg.size;
}

static unsigned int buffers(void)
{
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };

	assert_int_equal(call(fd, PEERBUF_IOMMU_GET_INFO, &info), 0);
	return info.nr_buffers;
}

static int nothing_left(void **state)
{
	return buffers() != 0;
}

static struct peerbuf_iommu_query_buffer query_in(int container)
{
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };

	assert_int_equal(call(container, PEERBUF_IOMMU_QUERY_BUFFER, &q), 0);
	return q;
}

static struct peerbuf_iommu_query_buffer query(void)
{
	return query_in(fd);
}

/* ----------------------------------------------------------------- what works */

static void a_bar_becomes_a_buffer(void **state)
{
	unsigned long before = locked();

	assert_int_equal(map(mmio, 8 * MIB, RW), 0);
	assert_int_equal(buffers(), 1);
	assert_int_equal(locked(), before);
	assert_int_equal(query().flags, PEERBUF_QUERY_MAPPED | PEERBUF_QUERY_ENFORCED |
					PEERBUF_QUERY_READ | PEERBUF_QUERY_WRITE);
	assert_int_equal(query().length, 8 * MIB);
	assert_int_equal(query().page_sizes, 2 * MIB);
	assert_int_equal(map(mmio, 8 * MIB, RW), -EEXIST);
	assert_true(lands(ssd, IOVA, mmio, PART));
	assert_true(lands(ssd, IOVA + 8 * MIB - PART, mmio + 8 * MIB - PART, PART));
	assert_int_equal(unmap(8 * MIB), 8 * MIB);
	assert_false(lands(ssd, IOVA, mmio, PART));
}

static void a_part_is_that_part(void **state)
{
	assert_int_equal(map(mmio + 3 * MIB + PAGE, MIB, RW), 0);
	memset(mmio + 3 * MIB, 0x77, PAGE);
	memset(mmio + 4 * MIB + PAGE, 0x77, PAGE);
	assert_true(lands(ssd, IOVA, mmio + 3 * MIB + PAGE, PART));
	assert_true(lands(ssd, IOVA + MIB - PART, mmio + 4 * MIB + PAGE - PART, PART));
	assert_true(all(mmio + 3 * MIB, PAGE, 0x77));
	assert_true(all(mmio + 4 * MIB + PAGE, PAGE, 0x77));
	assert_int_equal(unmap(MIB), MIB);
}

static void a_reset_takes_it_and_gives_it_back(void **state)
{
	assert_int_equal(map(mmio, MIB, RW), 0);
	assert_true(lands(ssd, IOVA, mmio, PART));
	assert_int_equal(peerbuf_device_reset(bar), 0);
	assert_int_equal(query().revokes, 1);
	assert_int_equal(query().restores, 1);
	assert_true(lands(ssd, IOVA, mmio, PART));
	/* Between the two there is nothing. */
	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	assert_false(query().flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(query().state, PEERBUF_STATE_REVOKED);
	assert_int_equal(map_in(fd, mmio, MIB, 2 * IOVA, RW), -ENODEV);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	assert_true(query().flags & PEERBUF_QUERY_MAPPED);
	assert_true(lands(ssd, IOVA + MIB - PART, mmio + MIB - PART, PART));
	assert_int_equal(unmap(MIB), MIB);
}

static void it_stays_when_the_address_is_unmapped(void **state)
{
	void *p;

	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 2 * MIB, MIB, PROT_READ | PROT_WRITE, &p),
			 0);
	assert_int_equal(map(p, MIB, RW), 0);
	munmap(p, MIB);
	assert_true(lands(ssd, IOVA, mmio + 2 * MIB, PART));
	assert_int_equal(unmap(MIB), MIB);
}

static void a_mapped_dmabuf_is_that_buffer(void **state)
{
	int buffer = export_range(bar, O_RDWR, 4 * MIB, 4 * MIB);
	struct peerbuf_device_revoke_buffer revoke = {
		.argsz = sizeof(revoke), .dmabuf_fd = buffer,
	};
	unsigned char *p;

	p = mmap(NULL, 3 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, MIB);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(map(p + MIB, 2 * MIB, RW), 0);
	assert_int_equal(query().offset, 2 * MIB);
	assert_true(lands(ssd, IOVA, mmio + 6 * MIB, PART));
	/* No other buffer was made: its owner's revoke reaches it. */
	assert_int_equal(call(peerbuf_device_fd(bar), PEERBUF_DEVICE_REVOKE_BUFFER, &revoke), 0);
	assert_int_equal(query().state, PEERBUF_STATE_DEAD);
	assert_false(lands(ssd, IOVA, mmio + 6 * MIB, PART));
	assert_int_equal(unmap(2 * MIB), 2 * MIB);
	munmap(p, 3 * MIB);
	close(buffer);
}

static void a_device_may_reach_its_own_memory(void **state)
{
	int own = peerbuf_container_fd(exporter);

	assert_int_equal(map_in(own, mmio, MIB, IOVA, RW), 0);
	assert_int_equal(query_in(own).reason, PEERBUF_REASON_SAME_DEVICE);
	/* In another container at the same time; one unmap is not the other's. */
	assert_int_equal(map(mmio, MIB, RW), 0);
	assert_int_equal(peerbuf_container_unmap(exporter, IOVA, MIB, NULL), 0);
	assert_true(lands(ssd, IOVA, mmio, PART));
	assert_int_equal(unmap(MIB), MIB);
}

static void a_child_has_what_its_parent_mapped(void **state)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(map(mmio, MIB, RW) != 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(lands(ssd, IOVA, mmio, PART));
	assert_int_equal(unmap(MIB), MIB);
}

/* --------------------------------------------------------------- what is refused */

static void the_process_s_own_rights_count(void **state)
{
	int buffer = export_range(bar, O_RDONLY, 0, MIB);
	void *p;

	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 0, MIB, PROT_READ, &p), 0);
	assert_int_equal(map(p, MIB, RW), -EFAULT);
	assert_int_equal(map(p, MIB, VFIO_DMA_MAP_FLAG_WRITE), -EFAULT);
	assert_int_equal(map(p, MIB, R), 0);
	assert_false(lands(ssd, IOVA, mmio, PART));
	assert_false(query().flags & PEERBUF_QUERY_WRITE);
	assert_int_equal(unmap(MIB), MIB);
	assert_int_equal(mprotect(p, MIB, PROT_NONE), 0);
	assert_int_equal(map(p, MIB, R), -EFAULT);
	munmap(p, MIB);

	p = mmap(NULL, MIB, PROT_READ, MAP_SHARED, buffer, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(map(p, MIB, RW), -EFAULT);
	assert_int_equal(map(p, MIB, R), 0);
	assert_int_equal(unmap(MIB), MIB);
	munmap(p, MIB);
	close(buffer);
}

static void other_drivers_memory_is_refused(void **state)
{
	struct peerbuf_container *c;
	struct peerbuf_device *other = open_role("BAR2", PEERBUF_IOMMU, &c);
	char path[96];
	int resource;
	void *p;

	/* Bound to vfio-pci, which cannot take it back. */
	assert_int_equal(peerbuf_device_mmap(other, BAR2, 0, MIB, PROT_READ | PROT_WRITE, &p), 0);
	assert_int_equal(map(p, MIB, RW), -EOPNOTSUPP);
	assert_int_equal(map(p, PAGE, R), -EOPNOTSUPP);
	munmap(p, MIB);
	peerbuf_device_close(other);
	peerbuf_container_close(c);

	/* Of a device without a driver, by a way that nobody revokes. */
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", getenv("EDU_BDF"));
	resource = open(path, O_RDWR);
	assert_true(resource >= 0);
	p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, resource, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(map(p, MIB, RW), -EOPNOTSUPP);
	munmap(p, MIB);
	close(resource);
}

/* A page of it is mapped, of which the rest is nobody's. */
static void a_bar_smaller_than_a_page_is_refused(void **state)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = 0 };
	void *p;

	assert_int_equal(call(peerbuf_device_fd(bar), VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	assert_in_range(info.size, 1, PAGE - 1);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, peerbuf_device_fd(bar),
		 (off_t)info.offset);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(map(p, PAGE, RW), -EOPNOTSUPP);
	munmap(p, PAGE);
}

static void a_range_must_be_in_one_mapping(void **state)
{
	unsigned char *p, *q;
	void *two;

	/* RAM, two MiB of the BAR, RAM. */
	p = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 0, 2 * MIB, PROT_READ | PROT_WRITE, &two),
			 0);
	q = mremap(two, 2 * MIB, 2 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, p + MIB);
	assert_ptr_equal(q, p + MIB);
	assert_int_equal(map(q, 2 * MIB, RW), 0);
	assert_int_equal(unmap(2 * MIB), 2 * MIB);
	assert_int_equal(map(q, 2 * MIB + PAGE, RW), -EOPNOTSUPP);
	assert_int_equal(map(p, 2 * MIB, RW), -EFAULT);
	assert_int_equal(map(p, MIB, RW), 0);
	assert_int_equal(unmap(MIB), MIB);
	/* Cut in two; each is a mapping of its own. */
	assert_int_equal(mprotect(q + MIB, MIB, PROT_READ), 0);
	assert_int_equal(map(q, 2 * MIB, R), -EOPNOTSUPP);
	assert_int_equal(map(q + MIB, MIB, R), 0);
	assert_int_equal(unmap(MIB), MIB);
	memset(mmio, 0x11, 2 * MIB);
	assert_int_equal(map(q, MIB, RW), 0);
	assert_true(lands(ssd, IOVA, mmio, PART));
	assert_int_equal(unmap(MIB), MIB);
	munmap(p, 4 * MIB);
}

static void arguments_are_checked_as_for_ram(void **state)
{
	assert_int_equal(map(mmio + 1, MIB, RW), -EINVAL);
	assert_int_equal(map(mmio, MIB + 1, RW), -EINVAL);
	assert_int_equal(map(mmio, 0, RW), -EINVAL);
	assert_int_equal(map(mmio, MIB, 0), -EINVAL);
	assert_int_equal(map_in(fd, mmio, MIB, 0xfee00000, RW), -EINVAL);
	assert_int_equal(map_in(fd, mmio, MIB, 1ULL << 48, RW), -EINVAL);
}

/* The last test: it closes the exporter. */
static void it_dies_with_the_device(void **state)
{
	void *p;

	assert_int_equal(map(mmio, MIB, RW), 0);
	munmap(mmio, 16 * MIB);
	peerbuf_device_close(bar);
	peerbuf_container_close(exporter);
	assert_int_equal(query().state, PEERBUF_STATE_DEAD);
	assert_false(query().flags & PEERBUF_QUERY_MAPPED);
	/* Its place stays taken. */
	assert_int_equal(map(pages(MIB), MIB, RW), -EEXIST);
	assert_int_equal(unmap(MIB), MIB);

	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 0, 16 * MIB, PROT_READ | PROT_WRITE, &p),
			 0);
	mmio = p;
	assert_int_equal(map(mmio, MIB, RW), 0);
	assert_true(lands(ssd, IOVA, mmio, PART));
	assert_int_equal(unmap(MIB), MIB);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, nothing_left)
	const struct CMUnitTest tests[] = {
		TEST(a_bar_becomes_a_buffer),
		TEST(a_part_is_that_part),
		TEST(a_reset_takes_it_and_gives_it_back),
		TEST(it_stays_when_the_address_is_unmapped),
		TEST(a_mapped_dmabuf_is_that_buffer),
		TEST(a_device_may_reach_its_own_memory),
		TEST(a_child_has_what_its_parent_mapped),
		TEST(the_process_s_own_rights_count),
		TEST(other_drivers_memory_is_refused),
		TEST(a_bar_smaller_than_a_page_is_refused),
		TEST(a_range_must_be_in_one_mapping),
		TEST(arguments_are_checked_as_for_ram),
		TEST(it_dies_with_the_device),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("vmm", tests, setup, teardown);
}
