// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The container backend's ioctls: every errno of the table in <linux/peerbuf.h>, and
 * that a refused call changes nothing. SSD is the importing device, BAR the exporter.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/capability.h>
#include <unistd.h>

#include "abi.h"

#define IOVA (1ULL << 32)
#define MSI 0xfee00000ULL

static struct peerbuf_container *importer, *exporter;
static struct peerbuf_device *ssd, *bar;
static int fd;		/* the importer's container */
static int buffer;	/* 8 MiB, read and write */

static int setup(void **state)
{
	ssd = open_role("SSD", PEERBUF_IOMMU, &importer);
	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	fd = peerbuf_container_fd(importer);
	buffer = export_range(bar, O_RDWR, 16 * MIB, 8 * MIB);
	return buffer < 0;
}

static int teardown(void **state)
{
	close(buffer);
	peerbuf_device_close(ssd);
	peerbuf_container_close(importer);
	peerbuf_device_close(bar);
	peerbuf_container_close(exporter);
	return 0;
}

/* After each test nothing may be mapped. */
static int nothing_left(void **state)
{
	struct vfio_iommu_type1_dma_unmap all = {
		.argsz = sizeof(all), .flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };

	if (call(fd, PEERBUF_IOMMU_GET_INFO, &info) || info.nr_buffers)
		return 1;
	return call(fd, VFIO_IOMMU_UNMAP_DMA, &all) || all.size;
}

static struct peerbuf_iommu_map_buffer map_arg(void)
{
	return (struct peerbuf_iommu_map_buffer) {
		.argsz = sizeof(struct peerbuf_iommu_map_buffer),
		.flags = PEERBUF_MAP_READ | PEERBUF_MAP_WRITE,
		.dmabuf_fd = buffer,
		.event_fd = -1,
		.length = 8 * MIB,
		.iova = IOVA,
	};
}

static long map(struct peerbuf_iommu_map_buffer *arg)
{
	return call(fd, PEERBUF_IOMMU_MAP_BUFFER, arg);
}

static long unmap(uint64_t iova)
{
	struct peerbuf_iommu_unmap_buffer arg = { .argsz = sizeof(arg), .iova = iova };

	return call(fd, PEERBUF_IOMMU_UNMAP_BUFFER, &arg);
}

static long map_ram(void *addr, uint64_t length, uint64_t iova, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg), .flags = flags, .vaddr = (uintptr_t)addr,
		.iova = iova, .size = length,
	};

	return call(fd, VFIO_IOMMU_MAP_DMA, &arg);
}

#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static long unmap_range(uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .iova = iova, .size = length,
	};
	long ret = call(fd, VFIO_IOMMU_UNMAP_DMA, &arg);

	if (unmapped)
		*unmapped = arg.size;
	return ret;
}

/* ------------------------------------------------------------------- buffers */

static void a_buffer_is_mapped_queried_and_unmapped(void **state)
{
	struct peerbuf_iommu_map_buffer arg = map_arg();
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };

	assert_int_equal(map(&arg), 0);
	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), 0);
	assert_int_equal(q.flags, PEERBUF_QUERY_MAPPED | PEERBUF_QUERY_ENFORCED |
				  PEERBUF_QUERY_READ | PEERBUF_QUERY_WRITE);
	assert_int_equal(q.state, PEERBUF_STATE_LIVE);
	assert_int_equal(q.length, 8 * MIB);
	assert_int_equal(q.nr_ranges, 1);
	assert_int_equal(q.page_sizes, 2 * MIB);
	assert_int_equal(q.revokes, 0);
	assert_int_equal(call(fd, PEERBUF_IOMMU_GET_INFO, &info), 0);
	assert_int_equal(info.abi_version, PEERBUF_ABI_VERSION);
	assert_int_equal(info.nr_buffers, 1);
	assert_int_equal(info.features, 7);
	assert_int_equal(unmap(IOVA), 0);
	assert_int_equal(unmap(IOVA), -ENOENT);
	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), -EINVAL);
	q = (struct peerbuf_iommu_query_buffer) { .argsz = sizeof(q), .iova = IOVA };
	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), -ENOENT);
}

static void a_part_is_mapped_at_a_page_that_is_not_congruent(void **state)
{
	struct peerbuf_iommu_map_buffer arg = map_arg();
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA + PAGE };

	arg.iova = IOVA + PAGE;
	arg.offset = 2 * MIB;
	arg.length = 2 * MIB;
	assert_int_equal(map(&arg), 0);
	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), 0);
	assert_int_equal(q.offset, 2 * MIB);
	assert_int_equal(q.length, 2 * MIB);
	assert_int_equal(q.page_sizes, PAGE);
	assert_int_equal(unmap(IOVA + PAGE), 0);
}

static void bad_structures_are_refused(void **state)
{
	struct {
		struct peerbuf_iommu_map_buffer arg;
		uint64_t more;
	} big = { .arg = map_arg() };
	struct peerbuf_iommu_map_buffer arg = map_arg();
	struct peerbuf_iommu_info info = { .argsz = sizeof(info), .flags = 1 };
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };
	struct peerbuf_iommu_unmap_buffer u = { .argsz = sizeof(u), .iova = IOVA };

	arg.argsz--;
	assert_int_equal(map(&arg), -EINVAL);
	arg = map_arg();
	arg.flags |= 1U << 3;
	assert_int_equal(map(&arg), -EINVAL);
	arg = map_arg();
	arg.flags = PEERBUF_MAP_STRICT;
	assert_int_equal(map(&arg), -EINVAL);
	assert_int_equal(map((void *)8), -EFAULT);

	/* A later, larger structure: fine as long as it asks for nothing new. */
	big.arg.argsz = sizeof(big);
	big.more = 1;
	assert_int_equal(map(&big.arg), -E2BIG);
	big.more = 0;
	assert_int_equal(map(&big.arg), 0);
	assert_int_equal(unmap(IOVA), 0);
	arg.argsz = ~0U;
	assert_int_equal(map(&arg), -E2BIG);

	assert_int_equal(call(fd, PEERBUF_IOMMU_GET_INFO, &info), -EINVAL);
	info = (struct peerbuf_iommu_info) { .argsz = 4 };
	assert_int_equal(call(fd, PEERBUF_IOMMU_GET_INFO, &info), -EINVAL);
	q.__reserved = 1;
	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), -EINVAL);
	u.flags = 1;
	assert_int_equal(call(fd, PEERBUF_IOMMU_UNMAP_BUFFER, &u), -EINVAL);
	assert_int_equal(call(fd, PEERBUF_IOC(99), &u), -ENOTTY);
}

static void bad_ranges_are_einval(void **state)
{
	static const struct { uint64_t offset, length, iova; } bad[] = {
		{ 0, 0, IOVA }, { 1, PAGE, IOVA }, { 0, PAGE + 1, IOVA },
		{ 0, PAGE, IOVA + 1 }, { 8 * MIB, PAGE, IOVA }, { 0, 8 * MIB + PAGE, IOVA },
		{ PAGE, 8 * MIB, IOVA }, { ~0ULL - PAGE + 1, PAGE, IOVA },
		{ PAGE, ~0ULL - PAGE + 1, IOVA }, { 0, 2 * PAGE, ~0ULL - PAGE + 1 },
		/* Beyond what a 48-bit IOMMU translates. */
		{ 0, PAGE, 1ULL << 48 }, { 0, 2 * PAGE, (1ULL << 48) - PAGE },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct peerbuf_iommu_map_buffer arg = map_arg();

		arg.offset = bad[i].offset;
		arg.length = bad[i].length;
		arg.iova = bad[i].iova;
		assert_int_equal(map(&arg), -EINVAL);
	}
}

static void the_msi_window_is_out_of_reach(void **state)
{
	struct peerbuf_iommu_map_buffer arg = map_arg();
	void *ram = pages(MIB);

	arg.iova = MSI;
	arg.length = PAGE;
	assert_int_equal(map(&arg), -EINVAL);
	arg.iova = MSI - PAGE;
	arg.length = 2 * PAGE;
	assert_int_equal(map(&arg), -EINVAL);
	assert_int_equal(map_ram(ram, MIB, MSI, RW), -EINVAL);
	assert_int_equal(map_ram(ram, MIB, MSI + MIB - PAGE, RW), -EINVAL);
	assert_int_equal(map_ram(ram, PAGE, MSI - PAGE, RW), 0);
	assert_int_equal(unmap_range(MSI - PAGE, PAGE, NULL), 0);
	munmap(ram, MIB);
}

static void what_is_no_buffer_is_refused(void **state)
{
	struct peerbuf_iommu_map_buffer arg = map_arg();

	arg.dmabuf_fd = -1;
	assert_int_equal(map(&arg), -EBADF);
	arg.dmabuf_fd = 999;
	assert_int_equal(map(&arg), -EBADF);
	arg.dmabuf_fd = fd;
	assert_int_equal(map(&arg), -EINVAL);
	arg = map_arg();
	arg.event_fd = 999;
	assert_int_equal(map(&arg), -EBADF);
	arg.event_fd = -2;
	assert_int_equal(map(&arg), -EBADF);
	arg.event_fd = fd;
	assert_int_equal(map(&arg), -EINVAL);
}

static void a_read_only_buffer_cannot_be_written(void **state)
{
	struct peerbuf_iommu_map_buffer arg = map_arg();
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };

	arg.dmabuf_fd = export_range(bar, O_RDONLY, 0, 8 * MIB);
	assert_true(arg.dmabuf_fd >= 0);
	assert_int_equal(map(&arg), -EACCES);
	arg.flags = PEERBUF_MAP_WRITE;
	assert_int_equal(map(&arg), -EACCES);
	arg.flags = PEERBUF_MAP_READ;
	assert_int_equal(map(&arg), 0);
	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), 0);
	assert_int_equal(q.flags & PEERBUF_QUERY_WRITE, 0);
	assert_int_equal(unmap(IOVA), 0);
	close(arg.dmabuf_fd);
	arg = map_arg();
	arg.dmabuf_fd = export_range(bar, O_WRONLY, 0, 8 * MIB);
	assert_int_equal(map(&arg), -EACCES);
	close(arg.dmabuf_fd);
}

static void a_taken_iova_is_eexist_and_stays_as_it_is(void **state)
{
	struct peerbuf_iommu_map_buffer arg = map_arg(), again;
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };
	void *ram = pages(MIB);
	uint64_t at[] = { IOVA, IOVA - 4 * MIB, IOVA + 4 * MIB, IOVA + 8 * MIB - PAGE };
	size_t i;

	assert_int_equal(map(&arg), 0);
	for (i = 0; i < 4; i++) {
		again = map_arg();
		again.iova = at[i];
		assert_int_equal(map(&again), -EEXIST);
	}
	assert_int_equal(map_ram(ram, MIB, IOVA + MIB, RW), -EEXIST);
	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), 0);
	assert_true(q.flags & PEERBUF_QUERY_MAPPED);
	/* Neighbours on both sides are welcome. */
	assert_int_equal(map_ram(ram, MIB, IOVA - MIB, RW), 0);
	assert_int_equal(map_ram(ram, MIB, IOVA + 8 * MIB, RW), 0);
	again = map_arg();
	again.iova = IOVA - MIB;
	again.length = PAGE;
	assert_int_equal(map(&again), -EEXIST);
	assert_int_equal(unmap(IOVA - MIB), -ENOENT);
	assert_int_equal(unmap(IOVA), 0);
	assert_int_equal(unmap_range(IOVA - MIB, 10 * MIB, NULL), 0);
	munmap(ram, MIB);
}

static void strict_refuses_an_unknown_route(void **state)
{
	struct peerbuf_iommu_map_buffer arg = map_arg();

	/* q35's host bridge is not known to route between its ports. */
	arg.flags |= PEERBUF_MAP_STRICT;
	assert_int_equal(map(&arg), -EOPNOTSUPP);
}

static void a_revoked_or_dead_buffer_is_enodev(void **state)
{
	struct peerbuf_iommu_map_buffer arg = map_arg();
	struct peerbuf_container *c;
	struct peerbuf_device *d;
	int dead;

	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	assert_int_equal(map(&arg), -ENODEV);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	assert_int_equal(map(&arg), 0);
	assert_int_equal(unmap(IOVA), 0);

	d = open_role("BAR2", PEERBUF_IOMMU, &c);
	dead = export_range(d, O_RDWR, 0, 8 * MIB);
	assert_true(dead >= 0);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
	arg.dmabuf_fd = dead;
	assert_int_equal(map(&arg), -ENODEV);
	close(dead);
}

static void events_count_revoke_and_restore(void **state)
{
	struct peerbuf_iommu_map_buffer arg = map_arg();
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };
	uint64_t count;

	arg.event_fd = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(map(&arg), 0);
	assert_int_equal(read(arg.event_fd, &count, 8), -1);

	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	assert_int_equal(read(arg.event_fd, &count, 8), 8);
	assert_int_equal(count, 1);
	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), 0);
	assert_int_equal(q.state, PEERBUF_STATE_REVOKED);
	assert_false(q.flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(q.revokes, 1);

	/* The IOVA stays taken. */
	assert_int_equal(map(&arg), -EEXIST);

	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	assert_int_equal(read(arg.event_fd, &count, 8), 8);
	assert_int_equal(count, 1);
	q = (struct peerbuf_iommu_query_buffer) { .argsz = sizeof(q), .iova = IOVA };
	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), 0);
	assert_int_equal(q.state, PEERBUF_STATE_LIVE);
	assert_true(q.flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(q.restores, 1);
	assert_int_equal(q.page_sizes, 2 * MIB);

	/* Unmapping while it is revoked is fine; nothing comes back then. */
	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	assert_int_equal(unmap(IOVA), 0);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	assert_int_equal(read(arg.event_fd, &count, 8), 8);
	assert_int_equal(count, 1);
	close(arg.event_fd);
}

/* ----------------------------------------------------------------------- RAM */

static void ram_is_mapped_and_unmapped_as_type1_v2_does(void **state)
{
	char *ram = pages(4 * MIB);
	uint64_t n;

	assert_int_equal(map_ram(ram, MIB, IOVA, RW), 0);
	assert_int_equal(map_ram(ram + MIB, MIB, IOVA + MIB, RW), 0);
	assert_int_equal(map_ram(ram, MIB, IOVA + 4 * MIB, VFIO_DMA_MAP_FLAG_READ), 0);
	/* Cutting a mapping in two, at either end, is refused. */
	assert_int_equal(unmap_range(IOVA + PAGE, 2 * MIB - PAGE, NULL), -EINVAL);
	assert_int_equal(unmap_range(IOVA, 2 * MIB - PAGE, NULL), -EINVAL);
	/* A range may cover several, and holes; what was unmapped is told. */
	assert_int_equal(unmap_range(IOVA, 8 * MIB, &n), 0);
	assert_int_equal(n, 3 * MIB);
	assert_int_equal(unmap_range(IOVA, 8 * MIB, &n), 0);
	assert_int_equal(n, 0);
	munmap(ram, 4 * MIB);
}

static void unmap_all_takes_ram_and_buffers(void **state)
{
	struct vfio_iommu_type1_dma_unmap all = {
		.argsz = sizeof(all), .flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};
	struct peerbuf_iommu_map_buffer arg = map_arg();
	void *ram = pages(MIB);

	assert_int_equal(map(&arg), 0);
	assert_int_equal(map_ram(ram, MIB, IOVA - MIB, RW), 0);
	all.size = PAGE;
	assert_int_equal(call(fd, VFIO_IOMMU_UNMAP_DMA, &all), -EINVAL);
	all.size = 0;
	assert_int_equal(call(fd, VFIO_IOMMU_UNMAP_DMA, &all), 0);
	assert_int_equal(all.size, 9 * MIB);
	munmap(ram, MIB);
}

static void bad_ram_arguments_are_refused(void **state)
{
	char *ram = pages(MIB);
	struct vfio_iommu_type1_dma_map arg = { .argsz = 8 };
	struct vfio_iommu_type1_dma_unmap u = { .argsz = sizeof(u), .iova = IOVA,
						.size = PAGE };

	assert_int_equal(map_ram(ram + 1, MIB, IOVA, RW), -EINVAL);
	assert_int_equal(map_ram(ram, MIB + 1, IOVA, RW), -EINVAL);
	assert_int_equal(map_ram(ram, 0, IOVA, RW), -EINVAL);
	assert_int_equal(map_ram(ram, MIB, IOVA + 1, RW), -EINVAL);
	assert_int_equal(map_ram(ram, MIB, IOVA, 0), -EINVAL);
	assert_int_equal(map_ram(ram, MIB, IOVA, RW | 1U << 2), -EINVAL);
	assert_int_equal(map_ram(ram, MIB, IOVA, 1U << 31 | RW), -EINVAL);
	assert_int_equal(map_ram((void *)~0xfffULL, 2 * PAGE, IOVA, RW), -EINVAL);
	assert_int_equal(map_ram(ram, MIB, ~0ULL - PAGE + 1, RW), -EINVAL);
	assert_int_equal(call(fd, VFIO_IOMMU_MAP_DMA, &arg), -EINVAL);
	u.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	assert_int_equal(call(fd, VFIO_IOMMU_UNMAP_DMA, &u), -EINVAL);
	munmap(ram, MIB);
	/* Nothing there to pin: the whole call fails. */
	assert_int_equal(map_ram(ram, MIB, IOVA, RW), -EFAULT);
}

static void a_hole_in_ram_undoes_the_call(void **state)
{
	char *ram = pages(MIB);

	munmap(ram + MIB / 2, PAGE);
	assert_int_equal(map_ram(ram, MIB, IOVA, RW), -EFAULT);
	assert_int_equal(map_ram(ram, MIB / 2, IOVA, RW), 0);
	assert_int_equal(unmap_range(IOVA, MIB / 2, NULL), 0);
	/* The last page of all addresses, and the kernel's. */
	assert_int_equal(map_ram((void *)~0xfffULL, PAGE, IOVA, RW), -EFAULT);
	assert_int_equal(map_ram((void *)0xffff888000000000ULL, PAGE, IOVA, RW), -EFAULT);
	munmap(ram, MIB);
}

/* Without CAP_IPC_LOCK the limit counts; done in a child, which loses the right. */
static void locked_memory_is_limited(void **state)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { { 0 } };
	struct rlimit limit = { .rlim_cur = 2 * MIB, .rlim_max = 2 * MIB };
	int status;
	pid_t child = fork();

	if (!child) {
		char *ram = pages(4 * MIB);
		int bad = 0;

		bad |= setrlimit(RLIMIT_MEMLOCK, &limit) != 0;
		bad |= syscall(SYS_capset, &head, caps) != 0;
		bad |= (map_ram(ram, 2 * MIB + PAGE, IOVA, RW) != -ENOMEM) << 1;
		bad |= (map_ram(ram, 2 * MIB, IOVA, RW) != 0) << 2;
		bad |= (map_ram(ram, PAGE, IOVA + 4 * MIB, RW) != -ENOMEM) << 3;
		bad |= (unmap_range(IOVA, 2 * MIB, NULL) != 0) << 4;
		bad |= (map_ram(ram, MIB, IOVA, RW) != 0) << 5;
		_exit(bad);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* The mapping outlives the process that made it; so does its end. */
	assert_int_equal(unmap_range(IOVA, MIB, NULL), 0);
}

/* --------------------------------------------------------------- information */

static void info_lists_usable_iovas_without_the_msi_window(void **state)
{
	const struct peerbuf_iova_range *range;
	size_t i, nr = peerbuf_container_iova_ranges(importer, &range);

	assert_true(nr >= 2);
	for (i = 0; i < nr; i++) {
		assert_true(range[i].start <= range[i].last);
		assert_true(range[i].last < MSI || range[i].start > MSI + 0xfffff);
	}
	assert_int_equal(range[nr - 1].last, (1ULL << 48) - 1);
}

static void info_tells_the_size_it_needs(void **state)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	uint64_t *big;

	assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, &info), 0);
	assert_true(info.flags & VFIO_IOMMU_INFO_PGSIZES);
	assert_int_equal(info.iova_pgsizes & (PAGE - 1), 0);
	assert_true(info.iova_pgsizes & PAGE);
	assert_true(info.argsz > sizeof(info));
	big = calloc(1, info.argsz + 8);
	((struct vfio_iommu_type1_info *)big)->argsz = info.argsz;
	assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, big), 0);
	assert_int_equal(((struct vfio_iommu_type1_info *)big)->cap_offset, sizeof(info));
	free(big);
	info.argsz = 4;
	assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, &info), -EINVAL);
}

static void extensions_are_told(void **state)
{
	int empty = open("/dev/vfio/vfio", O_RDWR);

	assert_int_equal(call(empty, VFIO_CHECK_EXTENSION, (void *)PEERBUF_IOMMU), 1);
	assert_int_equal(call(empty, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU), 1);
	assert_int_equal(call(fd, VFIO_CHECK_EXTENSION, (void *)PEERBUF_IOMMU), 1);
	assert_int_equal(call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU), 0);
	assert_int_equal(call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_UNMAP_ALL), 1);
	assert_int_equal(call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_UPDATE_VADDR), 0);
	assert_int_equal(call(fd, VFIO_IOMMU_DIRTY_PAGES, NULL), -ENOTTY);
	/* Without a group there is no backend to ask. */
	assert_int_equal(call(empty, PEERBUF_IOMMU_GET_INFO, NULL), -EINVAL);
	close(empty);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, nothing_left)
	const struct CMUnitTest tests[] = {
		TEST(a_buffer_is_mapped_queried_and_unmapped),
		TEST(a_part_is_mapped_at_a_page_that_is_not_congruent),
		TEST(bad_structures_are_refused),
		TEST(bad_ranges_are_einval),
		TEST(the_msi_window_is_out_of_reach),
		TEST(what_is_no_buffer_is_refused),
		TEST(a_read_only_buffer_cannot_be_written),
		TEST(a_taken_iova_is_eexist_and_stays_as_it_is),
		TEST(strict_refuses_an_unknown_route),
		TEST(a_revoked_or_dead_buffer_is_enodev),
		TEST(events_count_revoke_and_restore),
		TEST(ram_is_mapped_and_unmapped_as_type1_v2_does),
		TEST(unmap_all_takes_ram_and_buffers),
		TEST(bad_ram_arguments_are_refused),
		TEST(a_hole_in_ram_undoes_the_call),
		TEST(locked_memory_is_limited),
		TEST(info_lists_usable_iovas_without_the_msi_window),
		TEST(info_tells_the_size_it_needs),
		TEST(extensions_are_told),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("container", tests, setup, teardown);
}
