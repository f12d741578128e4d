// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several groups and several domains in one container. The module peerbuf_fault makes a
 * domain refuse a device, as IOMMUs of different kinds in one machine do.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "dma.h"

/* What the SSD writes at a time. */
#define PART (64 * 1024)

#define IOVA (1ULL << 32)
#define RAM_IOVA (1ULL << 33)
#define MSI 0xfee00000ULL
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)

/* ------------------------------------------------------------ devices by hand */

static void parameter(const char *name, const char *value)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/peerbuf_fault/parameters/%s", name);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

static unsigned long told(const char *name)
{
	char path[96];
	unsigned long value;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/peerbuf_fault/parameters/%s", name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &value), 1);
	fclose(f);
	return value;
}

static const char *name_of(const char *role)
{
	char name[32];

	snprintf(name, sizeof(name), "%s_BDF", role);
	assert_non_null(getenv(name));
	return getenv(name);
}

static int open_group(const char *role)
{
	char path[96], target[256] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", name_of(role));
	assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(target, '/'));
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

/* Without opening a device; the group's fd, or why it stays out. */
static int join(int container, const char *role)
{
	int group = open_group(role);
	long ret = call(group, VFIO_GROUP_SET_CONTAINER, &container);

	if (ret) {
		close(group);
		return ret;
	}
	return group;
}

static void leave(int group)
{
	assert_int_equal(call(group, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	close(group);
}

static int container_of_group(const char *role, int *group)
{
	int fd = open("/dev/vfio/vfio", O_RDWR);

	assert_true(fd >= 0);
	*group = join(fd, role);
	assert_true(*group >= 0);
	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)(unsigned long)PEERBUF_IOMMU), 0);
	return fd;
}

static int device_of(int group, const char *role)
{
	int fd = call(group, VFIO_GROUP_GET_DEVICE_FD, (void *)name_of(role));

	assert_true(fd >= 0);
	return fd;
}

static int export_of(int device, uint64_t offset, uint64_t length)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_dma_buf buf;
		struct vfio_region_dma_range range;
	} __attribute__((packed)) arg = {
		.head = { .argsz = sizeof(arg),
			  .flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF },
		.buf = { .region_index = BAR2, .open_flags = O_RDWR, .nr_ranges = 1 },
		.range = { .offset = offset, .length = length },
	};
	int fd = call(device, VFIO_DEVICE_FEATURE, &arg);

	assert_true(fd >= 0);
	return fd;
}

static long map_buffer(int fd, int buffer, uint64_t iova, uint64_t length, uint32_t flags)
{
	struct peerbuf_iommu_map_buffer arg = {
		.argsz = sizeof(arg), .flags = flags, .dmabuf_fd = buffer, .event_fd = -1,
		.length = length, .iova = iova,
	};

	return call(fd, PEERBUF_IOMMU_MAP_BUFFER, &arg);
}

static struct peerbuf_iommu_query_buffer query(int fd)
{
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };

	assert_int_equal(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), 0);
	return q;
}

static uint64_t unmap_all(int fd)
{
	struct vfio_iommu_type1_dma_unmap all = {
		.argsz = sizeof(all), .flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};

	assert_int_equal(call(fd, VFIO_IOMMU_UNMAP_DMA, &all), 0);
	return all.size;
}

static long map_ram(int fd, void *p, uint64_t length)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg), .flags = RW, .vaddr = (uintptr_t)p, .iova = RAM_IOVA,
		.size = length,
	};

	return call(fd, VFIO_IOMMU_MAP_DMA, &arg);
}

/* ------------------------------------------------------------------ one domain */

/* Below the switch the route is known; from anywhere else it is not. */
static void strict_judges_every_device_that_joins(void **state)
{
	int sw, ssd, edu, device, buffer, fd = container_of_group("SWITCH_BAR", &sw);

	device = device_of(sw, "SWITCH_BAR");
	buffer = export_of(device, 0, MIB);
	assert_int_equal(map_buffer(fd, buffer, IOVA, MIB, RW | PEERBUF_MAP_STRICT), 0);
	assert_int_equal(query(fd).route, PEERBUF_ROUTE_BUS_ADDRESS);
	/* To the same domain, and to one of its own. */
	assert_int_equal(join(fd, "SSD"), -EOPNOTSUPP);
	parameter("refuse_attach", "1");
	assert_int_equal(join(fd, "SSD"), -EOPNOTSUPP);
	assert_true(query(fd).flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(unmap_all(fd), MIB);

	ssd = join(fd, "SSD");
	assert_true(ssd >= 0);
	assert_int_equal(map_buffer(fd, buffer, IOVA, MIB, RW | PEERBUF_MAP_STRICT), -EOPNOTSUPP);
	assert_int_equal(map_buffer(fd, buffer, IOVA, MIB, RW), 0);
	/* What was not strict does not care who joins. */
	edu = join(fd, "EDU");
	assert_true(edu >= 0);
	leave(edu);
	leave(ssd);
	assert_int_equal(unmap_all(fd), MIB);
	assert_int_equal(map_buffer(fd, buffer, IOVA, MIB, RW | PEERBUF_MAP_STRICT), 0);
	close(buffer);
	close(device);
	leave(sw);
	close(fd);
}

static void the_route_is_told_from_a_device_that_is_there(void **state)
{
	int ssd, sw, edu, device, buffer, fd = container_of_group("SSD", &ssd);

	sw = join(fd, "SWITCH_BAR");
	assert_true(sw >= 0);
	edu = join(fd, "EDU");
	assert_true(edu >= 0);
	device = device_of(sw, "SWITCH_BAR");
	buffer = export_of(device, 0, MIB);
	assert_int_equal(map_buffer(fd, buffer, IOVA, MIB, RW), 0);
	assert_int_equal(query(fd).route, PEERBUF_ROUTE_NOT_SUPPORTED);
	/* One that does not stand for the domain leaves: nothing is different. */
	leave(edu);
	assert_int_equal(query(fd).route, PEERBUF_ROUTE_NOT_SUPPORTED);
	leave(ssd);
	assert_int_equal(query(fd).route, PEERBUF_ROUTE_BUS_ADDRESS);
	assert_true(query(fd).flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(query(fd).revokes, 0);
	/* A domain of its own is told about first now: the oldest. */
	parameter("refuse_attach", "1");
	ssd = join(fd, "SSD");
	assert_true(ssd >= 0);
	assert_int_equal(query(fd).route, PEERBUF_ROUTE_BUS_ADDRESS);
	assert_int_equal(unmap_all(fd), MIB);
	close(buffer);
	close(device);
	leave(sw);
	leave(ssd);
	close(fd);
}

/* ------------------------------------------------------------- several domains */

static struct peerbuf_container *container, *exporter;
static struct peerbuf_device *bar, *edu;
static unsigned char *ram, *memory;
static int buffer, fd;

static int open_two(void **state)
{
	int err;

	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	buffer = export_range(bar, O_RDWR, 4 * MIB, 4 * MIB);
	memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	err = peerbuf_container_open(PEERBUF_IOMMU, &container);
	if (buffer < 0 || memory == MAP_FAILED || err)
		return 1;
	fd = peerbuf_container_fd(container);
	ram = pages(4 * MIB);
	return peerbuf_device_open(container, name_of("EDU"), &edu);
}

static int close_two(void **state)
{
	peerbuf_device_close(edu);
	peerbuf_container_close(container);
	munmap(memory, 4 * MIB);
	close(buffer);
	peerbuf_device_close(bar);
	peerbuf_container_close(exporter);
	munmap(ram, 4 * MIB);
	return 0;
}

static void a_domain_that_joins_has_all_that_is_mapped(void **state)
{
	struct nvme *ssd;

	memset(ram, 1, 4 * MIB);
	assert_int_equal(map_ram(fd, ram, 4 * MIB), 0);
	assert_int_equal(map_buffer(fd, buffer, IOVA, 4 * MIB, RW), 0);
	parameter("refuse_attach", "1");
	assert_int_equal(nvme_open(container, name_of("SSD"), 10000, &ssd), 0);
	assert_int_equal(told("refuse_attach"), 0);
	assert_true(lands(ssd, RAM_IOVA, ram, PART));
	assert_true(lands(ssd, RAM_IOVA + 3 * MIB, ram + 3 * MIB, PART));
	assert_true(lands(ssd, IOVA, memory, PART));
	assert_true(lands(ssd, IOVA + 3 * MIB, memory + 3 * MIB, PART));
	assert_true(query(fd).flags & PEERBUF_QUERY_MAPPED);

	/* A revoke shuts both out; a restore lets both in. */
	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	assert_false(query(fd).flags & PEERBUF_QUERY_MAPPED);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	assert_true(query(fd).flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(query(fd).revokes, 1);
	assert_int_equal(query(fd).restores, 1);
	assert_true(lands(ssd, IOVA + MIB, memory + MIB, PART));

	/* Made while there are two, and gone from both. */
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	assert_false(lands(ssd, IOVA, memory, PART));
	assert_int_equal(map_buffer(fd, buffer, IOVA, 4 * MIB, RW), 0);
	assert_true(lands(ssd, IOVA, memory, PART));
	nvme_close(ssd);
}

static void a_revoked_buffer_appears_in_it_at_the_restore(void **state)
{
	struct nvme *ssd;

	assert_int_equal(map_buffer(fd, buffer, IOVA, 4 * MIB, RW), 0);
	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	parameter("refuse_attach", "1");
	assert_int_equal(nvme_open(container, name_of("SSD"), 10000, &ssd), 0);
	assert_false(query(fd).flags & PEERBUF_QUERY_MAPPED);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	assert_true(query(fd).flags & PEERBUF_QUERY_MAPPED);
	assert_true(lands(ssd, IOVA, memory, PART));
	nvme_close(ssd);
}

static void a_dead_buffer_is_no_obstacle(void **state)
{
	struct peerbuf_device_revoke_buffer revoke = {
		.argsz = sizeof(revoke), .dmabuf_fd = buffer,
	};
	int ssd;

	assert_int_equal(map_ram(fd, ram, MIB), 0);
	assert_int_equal(map_buffer(fd, buffer, IOVA, 4 * MIB, RW | PEERBUF_MAP_STRICT),
			 -EOPNOTSUPP);
	assert_int_equal(map_buffer(fd, buffer, IOVA, 4 * MIB, RW), 0);
	assert_int_equal(call(peerbuf_device_fd(bar), PEERBUF_DEVICE_REVOKE_BUFFER, &revoke), 0);
	parameter("refuse_attach", "1");
	ssd = join(fd, "SSD");
	assert_true(ssd >= 0);
	assert_int_equal(query(fd).state, PEERBUF_STATE_DEAD);
	leave(ssd);
	/* Its place stays taken until it is unmapped. */
	assert_int_equal(map_buffer(fd, buffer, IOVA, MIB, RW), -EEXIST);
	assert_int_equal(unmap_all(fd), 5 * MIB);
}

static void a_group_that_cannot_join_changes_nothing(void **state)
{
	int ssd;

	assert_int_equal(map_ram(fd, ram, MIB), 0);
	assert_int_equal(map_buffer(fd, buffer, IOVA, 4 * MIB, RW), 0);
	/* Neither the domain that is there nor one of its own takes it. */
	parameter("refuse_attach", "2");
	assert_int_equal(join(fd, "SSD"), -EINVAL);
	assert_int_equal(told("refuse_attach"), 0);
	assert_true(query(fd).flags & PEERBUF_QUERY_MAPPED);
	ssd = join(fd, "SSD");
	assert_true(ssd >= 0);
	leave(ssd);
	assert_int_equal(unmap_all(fd), 5 * MIB);
}

/* Whether it would share page tables or have its own. */
static void a_group_that_has_what_is_mapped_reserved_stays_out(void **state)
{
	int own, ssd;

	assert_int_equal(map_ram(fd, ram, MIB), 0);
	assert_int_equal(map_buffer(fd, buffer, IOVA, 4 * MIB, RW), 0);
	for (own = 0; own <= 1; own++) {
		parameter("reserved", "0x100200000");
		parameter("refuse_attach", own ? "1" : "0");
		assert_int_equal(join(fd, "SSD"), -EINVAL);
		assert_int_equal(told("refuse_attach"), 0);
		assert_true(query(fd).flags & PEERBUF_QUERY_MAPPED);
		parameter("reserved", "0");
		ssd = join(fd, "SSD");
		assert_true(ssd >= 0);
		leave(ssd);
	}
	assert_int_equal(unmap_all(fd), 5 * MIB);
}

static void mappings_live_on_in_the_domain_that_is_left(void **state)
{
	struct nvme *ssd;
	int group, again;

	/* The device that came first leaves. */
	peerbuf_device_close(edu);
	peerbuf_container_close(container);
	fd = container_of_group("EDU", &group);
	assert_int_equal(map_buffer(fd, buffer, IOVA, 4 * MIB, RW), 0);
	parameter("refuse_attach", "1");
	again = join(fd, "SSD");
	assert_true(again >= 0);
	leave(group);
	assert_true(query(fd).flags & PEERBUF_QUERY_MAPPED);
	assert_true(peerbuf_device_command(bar, 0, 2) >= 0);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	assert_true(query(fd).flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(unmap_all(fd), 4 * MIB);
	/* Mappings end with the last group: another time begins with none. */
	assert_int_equal(map_buffer(fd, buffer, IOVA, 4 * MIB, RW), 0);
	leave(again);
	close(fd);

	assert_int_equal(peerbuf_container_open(PEERBUF_IOMMU, &container), 0);
	assert_int_equal(nvme_open(container, name_of("SSD"), 10000, &ssd), 0);
	assert_int_equal(map_buffer(peerbuf_container_fd(container), buffer, IOVA, MIB, RW), 0);
	assert_true(lands(ssd, IOVA, memory, PART));
	nvme_close(ssd);
	assert_int_equal(peerbuf_device_open(container, name_of("EDU"), &edu), 0);
}

/* ------------------------------------------------------ windows for interrupts */

static long map_at_window(int fd)
{
	return map_buffer(fd, buffer, MSI, PAGE, RW);
}

static void the_window_of_interrupts_is_set_up_once_for_a_domain(void **state)
{
	int group, ssd, sw;

	peerbuf_device_close(edu);
	peerbuf_container_close(container);
	parameter("cookies", "0");
	fd = container_of_group("EDU", &group);
	assert_int_equal(told("cookies"), 0);
	/* One that needs a window does not go where there is none, */
	parameter("sw_msi", "Y");
	ssd = join(fd, "SSD");
	assert_true(ssd >= 0);
	assert_int_equal(told("cookies"), 1);
	assert_int_equal(told("cookie_base"), MSI);
	/* the next one shares it, */
	sw = join(fd, "SWITCH_BAR");
	assert_true(sw >= 0);
	assert_int_equal(told("cookies"), 1);
	/* and its addresses are nobody's. */
	assert_int_equal(map_at_window(fd), -EINVAL);
	leave(group);
	assert_int_equal(map_at_window(fd), -EINVAL);
	/* One that needs none goes anywhere. */
	parameter("sw_msi", "N");
	group = join(fd, "EDU");
	assert_true(group >= 0);
	assert_int_equal(told("cookies"), 1);
	leave(sw);
	leave(group);
	leave(ssd);
	close(fd);
	assert_int_equal(peerbuf_container_open(PEERBUF_IOMMU, &container), 0);
	assert_int_equal(peerbuf_device_open(container, name_of("EDU"), &edu), 0);
}

static int reset_faults(void **state)
{
	parameter("refuse_attach", "0");
	parameter("reserved", "0");
	parameter("sw_msi", "N");
	return close_two(state);
}

int main(void)
{
#define TWO(f) cmocka_unit_test_setup_teardown(f, open_two, reset_faults)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_judges_every_device_that_joins),
		cmocka_unit_test(the_route_is_told_from_a_device_that_is_there),
		TWO(a_domain_that_joins_has_all_that_is_mapped),
		TWO(a_revoked_buffer_appears_in_it_at_the_restore),
		TWO(a_dead_buffer_is_no_obstacle),
		TWO(a_group_that_cannot_join_changes_nothing),
		TWO(a_group_that_has_what_is_mapped_reserved_stays_out),
		TWO(mappings_live_on_in_the_domain_that_is_left),
		TWO(the_window_of_interrupts_is_set_up_once_for_a_domain),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
