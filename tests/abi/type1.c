// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The backend in place of type1: loaded with type1=1 and, at first, alone. Who is asked
 * when both are there, what is as type1's first and second version have it, and what
 * is not there. The tests run in this order.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

#define IOVA (1ULL << 32)
#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static char *ram;

static int setup(void **state)
{
	ram = pages(4 * MIB);
	return 0;
}

static void shell(const char *command)
{
	assert_int_equal(system(command), 0);
}

static long extension(int fd, unsigned long what)
{
	return call(fd, VFIO_CHECK_EXTENSION, (void *)what);
}

static long map(int fd, uint64_t iova, uint64_t length, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg), .flags = flags, .vaddr = (uintptr_t)ram,
		.iova = iova, .size = length,
	};

	return call(fd, VFIO_IOMMU_MAP_DMA, &arg);
}

static long unmap(int fd, uint64_t iova, uint64_t length, uint32_t flags, uint64_t *n)
{
	struct {
		struct vfio_iommu_type1_dma_unmap arg;
		struct vfio_bitmap bitmap;
	} u = { .arg = { .argsz = sizeof(u), .flags = flags, .iova = iova, .size = length } };
	long ret;

	u.bitmap.pgsize = PAGE;
	ret = call(fd, VFIO_IOMMU_UNMAP_DMA, &u);
	if (n)
		*n = u.arg.size;
	return ret;
}

/* Ours answers to its own ioctls; type1 has not heard of them. */
static bool is_ours(int fd)
{
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };
	long ret = call(fd, PEERBUF_IOMMU_GET_INFO, &info);

	assert_true(ret == 0 || ret == -ENOTTY);
	return ret == 0;
}

static bool chosen_is_ours(uint32_t type)
{
	struct peerbuf_container *c;
	struct peerbuf_device *d = open_role("EDU", type, &c);
	bool ours = is_ours(peerbuf_container_fd(c));

	peerbuf_device_close(d);
	peerbuf_container_close(c);
	return ours;
}

/* ------------------------------------------------- the two versions of type1 */

static void extensions_are_those_of_type1(void **state)
{
	int fd = open("/dev/vfio/vfio", O_RDWR);

	assert_int_equal(extension(fd, PEERBUF_IOMMU), 1);
	assert_int_equal(extension(fd, VFIO_TYPE1_IOMMU), 1);
	assert_int_equal(extension(fd, VFIO_TYPE1v2_IOMMU), 1);
	assert_int_equal(extension(fd, VFIO_UNMAP_ALL), 1);
	assert_int_equal(extension(fd, VFIO_TYPE1_NESTING_IOMMU), 0);
	assert_int_equal(extension(fd, VFIO_UPDATE_VADDR), 0);
	assert_int_equal(extension(fd, VFIO_DMA_CC_IOMMU), 0);
	assert_int_equal(extension(fd, VFIO_SPAPR_TCE_IOMMU), 0);
	close(fd);
}

static void version_2_refuses_to_cut_a_mapping(void **state)
{
	struct peerbuf_container *c;
	struct peerbuf_device *d = open_role("SSD", VFIO_TYPE1v2_IOMMU, &c);
	int fd = peerbuf_container_fd(c);
	uint64_t n;

	assert_true(is_ours(fd));
	assert_int_equal(extension(fd, VFIO_TYPE1v2_IOMMU), 1);
	assert_int_equal(extension(fd, VFIO_UPDATE_VADDR), 0);
	assert_int_equal(extension(fd, VFIO_UNMAP_ALL), 1);
	assert_int_equal(map(fd, IOVA, 2 * MIB, RW), 0);
	assert_int_equal(unmap(fd, IOVA, MIB, 0, NULL), -EINVAL);
	assert_int_equal(unmap(fd, IOVA + MIB, 4 * MIB, 0, NULL), -EINVAL);
	assert_int_equal(unmap(fd, IOVA, 4 * MIB, 0, &n), 0);
	assert_int_equal(n, 2 * MIB);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
}

static void version_1_unmaps_what_begins_in_the_range(void **state)
{
	struct peerbuf_container *c;
	struct peerbuf_device *d = open_role("SSD", VFIO_TYPE1_IOMMU, &c);
	int fd = peerbuf_container_fd(c);
	uint64_t n;

	assert_true(is_ours(fd));
	assert_int_equal(map(fd, IOVA, 2 * MIB, RW), 0);
	assert_int_equal(map(fd, IOVA + 2 * MIB, MIB, RW), 0);
	assert_int_equal(map(fd, IOVA + 4 * MIB, MIB, RW), 0);
	/* Nothing goes when the range begins inside a mapping, not even what follows. */
	assert_int_equal(unmap(fd, IOVA + MIB, 8 * MIB, 0, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(map(fd, IOVA + 4 * MIB, PAGE, RW), -EEXIST);
	/* The first page takes all of its mapping with it, and nothing else. */
	assert_int_equal(unmap(fd, IOVA, PAGE, 0, &n), 0);
	assert_int_equal(n, 2 * MIB);
	assert_int_equal(map(fd, IOVA + 2 * MIB, PAGE, RW), -EEXIST);
	assert_int_equal(unmap(fd, IOVA, 4 * MIB + PAGE, 0, &n), 0);
	assert_int_equal(n, 2 * MIB);
	assert_int_equal(unmap(fd, IOVA, PAGE + 1, 0, &n), -EINVAL);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
}

static void buffers_go_into_a_container_of_type1_too(void **state)
{
	struct peerbuf_container *c, *ce;
	struct peerbuf_device *d = open_role("SSD", VFIO_TYPE1v2_IOMMU, &c);
	struct peerbuf_device *bar = open_role("BAR", VFIO_TYPE1v2_IOMMU, &ce);
	int buffer = export_range(bar, O_RDWR, 0, MIB);
	struct peerbuf_iommu_map_buffer arg = {
		.argsz = sizeof(arg), .flags = PEERBUF_MAP_READ, .dmabuf_fd = buffer,
		.event_fd = -1, .length = MIB, .iova = IOVA,
	};
	uint64_t n;

	assert_true(buffer >= 0);
	assert_int_equal(call(peerbuf_container_fd(c), PEERBUF_IOMMU_MAP_BUFFER, &arg), 0);
	assert_int_equal(unmap(peerbuf_container_fd(c), IOVA, MIB, 0, &n), 0);
	assert_int_equal(n, MIB);
	close(buffer);
	peerbuf_device_close(bar);
	peerbuf_container_close(ce);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
}

/* ------------------------------------------------------- what type1 has alone */

static bool has_capability(int fd, uint16_t id)
{
	struct vfio_iommu_type1_info probe = { .argsz = sizeof(probe) }, *info;
	struct vfio_info_cap_header *cap;
	uint32_t at;
	bool found = false;

	assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, &probe), 0);
	info = calloc(1, probe.argsz);
	info->argsz = probe.argsz;
	assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, info), 0);
	for (at = info->cap_offset; at && !found; at = cap->next) {
		cap = (void *)((char *)info + at);
		found = cap->id == id;
	}
	free(info);
	return found;
}

static void what_is_not_there_is_refused(void **state)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty), .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};
	struct peerbuf_container *c;
	struct peerbuf_device *d = open_role("SSD", VFIO_TYPE1v2_IOMMU, &c);
	int fd = peerbuf_container_fd(c);

	/* Dirty tracking. */
	assert_int_equal(call(fd, VFIO_IOMMU_DIRTY_PAGES, &dirty), -ENOTTY);
	assert_int_equal(unmap(fd, IOVA, MIB, VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, NULL),
			 -EINVAL);
	assert_false(has_capability(fd, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION));
	assert_true(has_capability(fd, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE));
	assert_true(has_capability(fd, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL));
	/* Another process takes over the memory: nothing changes when it is refused. */
	assert_int_equal(map(fd, IOVA, MIB, RW), 0);
	assert_int_equal(unmap(fd, IOVA, MIB, VFIO_DMA_UNMAP_FLAG_VADDR, NULL), -EINVAL);
	assert_int_equal(unmap(fd, 0, 0,
			       VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL, NULL),
			 -EINVAL);
	assert_int_equal(map(fd, IOVA, MIB, VFIO_DMA_MAP_FLAG_VADDR), -EINVAL);
	assert_int_equal(map(fd, IOVA, MIB, RW), -EEXIST);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
}

/* Mediated devices have their memory pinned by the page. */
static int emulated_group(void)
{
	char path[64];
	int group = -1, fd;
	FILE *f = fopen("/sys/module/peerbuf_emulated/parameters/group", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &group), 1);
	fclose(f);
	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

static long choose(int fd, unsigned long type)
{
	return call(fd, VFIO_SET_IOMMU, (void *)type);
}

static void a_mediated_device_is_refused(void **state)
{
	int group = emulated_group(), fd = open("/dev/vfio/vfio", O_RDWR), joined;
	struct peerbuf_container *c;
	struct peerbuf_device *d;

	assert_int_equal(call(group, VFIO_GROUP_SET_CONTAINER, &fd), 0);
	assert_int_equal(choose(fd, VFIO_TYPE1v2_IOMMU), -EOPNOTSUPP);
	assert_int_equal(choose(fd, PEERBUF_IOMMU), -EOPNOTSUPP);
	close(group);
	close(fd);

	d = open_role("SSD", VFIO_TYPE1v2_IOMMU, &c);
	joined = peerbuf_container_fd(c);
	group = emulated_group();
	assert_int_equal(call(group, VFIO_GROUP_SET_CONTAINER, &joined), -EOPNOTSUPP);
	close(group);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
}

/* ------------------------------------------------------------ who is asked */

static void the_backend_loaded_last_is_asked_first(void **state)
{
	int group, fd;

	assert_true(chosen_is_ours(VFIO_TYPE1v2_IOMMU));
	assert_true(chosen_is_ours(VFIO_TYPE1_IOMMU));
	shell("modprobe vfio_iommu_type1");
	assert_false(chosen_is_ours(VFIO_TYPE1v2_IOMMU));
	assert_false(chosen_is_ours(VFIO_TYPE1_IOMMU));
	assert_true(chosen_is_ours(PEERBUF_IOMMU));

	shell("rmmod vfio_iommu_peerbuf");
	assert_false(chosen_is_ours(VFIO_TYPE1v2_IOMMU));
	shell("modprobe vfio_iommu_peerbuf type1=1");
	assert_true(chosen_is_ours(VFIO_TYPE1v2_IOMMU));
	assert_true(chosen_is_ours(VFIO_TYPE1_IOMMU));
	/* What ours does not take goes to the next. */
	group = emulated_group();
	fd = open("/dev/vfio/vfio", O_RDWR);
	assert_int_equal(extension(fd, VFIO_TYPE1_NESTING_IOMMU), is_612());
	assert_int_equal(call(group, VFIO_GROUP_SET_CONTAINER, &fd), 0);
	assert_int_equal(choose(fd, VFIO_TYPE1v2_IOMMU), 0);
	assert_false(is_ours(fd));
	close(group);
	close(fd);

	shell("rmmod vfio_iommu_peerbuf && modprobe vfio_iommu_peerbuf");
	assert_false(chosen_is_ours(VFIO_TYPE1v2_IOMMU));
	assert_true(chosen_is_ours(PEERBUF_IOMMU));
	shell("rmmod vfio_iommu_type1");
	fd = open("/dev/vfio/vfio", O_RDWR);
	assert_int_equal(extension(fd, VFIO_TYPE1v2_IOMMU), 0);
	assert_int_equal(extension(fd, VFIO_UNMAP_ALL), 0);
	close(fd);
	/* It says so, and only when it does. */
	shell("test $(dmesg | grep -c 'vfio_iommu_peerbuf: serves type1 containers') -eq 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extensions_are_those_of_type1),
		cmocka_unit_test(version_2_refuses_to_cut_a_mapping),
		cmocka_unit_test(version_1_unmaps_what_begins_in_the_range),
		cmocka_unit_test(buffers_go_into_a_container_of_type1_too),
		cmocka_unit_test(what_is_not_there_is_refused),
		cmocka_unit_test(a_mediated_device_is_refused),
		cmocka_unit_test(the_backend_loaded_last_is_asked_first),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("type1", tests, setup, NULL);
}
