// SPDX-License-Identifier: GPL-2.0-or-later
/* The library with modules that are older or newer than itself, or not there. */
#include <fcntl.h>
#include <unistd.h>

#include "lib_tap.h"
#include "lib_fake.h"

static struct peerbuf_container *container;
static struct peerbuf_device *device;

static void open_all(void)
{
	is(peerbuf_container_open(PEERBUF_IOMMU, &container), 0, "a container");
	is(peerbuf_device_open(container, "01:00.0", &device), 0, "and a device in it");
}

static void close_all(void)
{
	peerbuf_device_close(device);
	peerbuf_container_close(container);
	fake_reset();
}

static void test_absent(void)
{
	struct peerbuf_ram *ram;

	fake.no_vfio = true;
	is(peerbuf_container_open(PEERBUF_IOMMU, &container), -ENOENT, "no VFIO is told");
	fake.no_vfio = false;
	fake.no_backend = true;
	is(peerbuf_container_open(PEERBUF_IOMMU, &container), -EOPNOTSUPP, "so is no backend");
	is(peerbuf_container_open(VFIO_TYPE1v2_IOMMU, &container), 0, "type1 serves on");
	is(peerbuf_container_supports(container, PEERBUF_FEATURE_BUFFERS), 0,
	   "and supports no buffers");
	peerbuf_container_close(container);
	fake.no_ram = true;
	is(peerbuf_ram_open(&ram), -ENOENT, "no module for RAM");
	fake_reset();
}

static void test_same(void)
{
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };

	is(peerbuf_container_open(PEERBUF_IOMMU, &container), 0, "a container");
	is(peerbuf_container_supports(container, PEERBUF_FEATURE_BUFFERS), -ENODEV,
	   "a container without a group cannot tell yet");
	is(peerbuf_device_open(container, "01:00.0", &device), 0, "a device");
	is(peerbuf_container_supports(container, PEERBUF_FEATURE_BUFFERS | PEERBUF_FEATURE_EVENTS),
	   1, "features that are there");
	is(peerbuf_container_supports(container, 1ULL << 60), 0, "one that nobody has");
	is(peerbuf_container_supports(container, PEERBUF_FEATURE_BUFFERS | 1ULL << 60), 0,
	   "nor counts one of two");
	is(peerbuf_container_get_info(container, &info), 0, "the whole answer");
	is(info.abi_version, PEERBUF_ABI_VERSION, "with the version");
	is(peerbuf_device_can_export(device), 1, "the device can export");
	close_all();
}

/* A library of today with modules of yesterday. */
static void test_older(void)
{
	struct peerbuf_device_query_buffer query = { .argsz = sizeof(query) };
	struct vfio_region_dma_range range = { 0, 4096 };
	int buffer;

	open_all();
	fake.features = PEERBUF_FEATURE_BUFFERS;
	is(peerbuf_container_supports(container, PEERBUF_FEATURE_BUFFERS), 1, "what older ones have");
	is(peerbuf_container_supports(container, PEERBUF_FEATURE_STRICT), 0, "what came later");
	fake.no_info = true;
	is(peerbuf_container_supports(container, PEERBUF_FEATURE_BUFFERS), 0,
	   "modules that cannot be asked support nothing");
	fake.no_owner = true;
	buffer = peerbuf_device_export(device, 2, O_RDWR, &range, 1);
	ok(buffer >= 0, "a driver without ioctls for owners exports");
	is(peerbuf_device_revoke_buffer(device, buffer), -ENOTTY, "and says so of a revoke");
	is(peerbuf_device_query_buffer(device, &query), -ENOTTY, "and of a query");
	close(buffer);
	fake.no_export = true;
	is(peerbuf_device_can_export(device), 0, "a driver that cannot export");
	is(peerbuf_device_export(device, 2, O_RDWR, &range, 1), -ENOTTY, "does not");
	close_all();
}

/* A library of yesterday with modules of today: longer structures, unknown numbers. */
static void test_newer(void)
{
	struct {
		struct peerbuf_device_query_buffer query;
		uint64_t guard;
	} q = { .query.argsz = sizeof(q.query), .guard = 0x600d };
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };

	open_all();
	fake.more = 64;
	fake.abi_version = PEERBUF_ABI_VERSION + 1;
	fake.features |= 1ULL << 60;
	fake.state = 99;
	is(peerbuf_container_supports(container, PEERBUF_FEATURE_BUFFERS), 1, "old features stay");
	is(peerbuf_container_get_info(container, &info), 0, "the answer is understood");
	is(info.abi_version, PEERBUF_ABI_VERSION + 1, "with a version that is newer");
	is(peerbuf_device_query_buffer(device, &q.query), 0, "a query");
	is((long long)q.guard, 0x600d, "that writes no further than it was told");
	ok(!strcmp(peerbuf_buffer_state_name(q.query.state), "unknown"), "a state of tomorrow");
	ok(!strcmp(peerbuf_route_name(99), "unknown"), "a route of tomorrow");
	ok(!strcmp(peerbuf_route_reason_name(99), "unknown"), "a reason of tomorrow");
	close_all();
}

int main(void)
{
	fake_reset();
	test_absent();
	test_same();
	test_older();
	test_newer();
	return tap_end();
}
