// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory of a virtual function while things happen to its physical function, whose user
 * is another one. Both are bound to vfio_pci_peerbuf; an edu device does the DMA: it
 * copies a register of the virtual function to RAM.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "../../tools/peerbuf/test.h"
#include "../kmod/peerbuf_test.h"

#define BAR0		VFIO_PCI_BAR0_REGION_INDEX
#define CONFIG		VFIO_PCI_CONFIG_REGION_INDEX
#define TOKEN		" vf_token=5c3b6ad4-5b0e-4a39-8f0e-2a7c5b8f4d11"
#define STATUS		0x1c		/* CSTS: not 0 in a function that is not online */
#define PAINT		0xa5a5a5a5u
#define UNWRITTEN	0x5a5a5a5au
#define STOPPED		0u		/* what a device of QEMU's reads that the IOMMU stops */
#define COUNT		64

/* Where the edu device can reach */
#define RAM_IOVA	(1ULL << 20)
#define BUFFER_IOVA	(2ULL << 20)

static struct peerbuf_container *physical_container, *virtual_container;
static struct peerbuf_device *physical, *virtual;
static struct engine edu;
static uint32_t *ram;

static struct peerbuf_device *open_function(const char *role, const char *token,
					    struct peerbuf_container **container)
{
	struct peerbuf_device *device;
	char name[96];

	snprintf(name, sizeof(name), "%s_BDF", role);
	assert_non_null(getenv(name));
	snprintf(name, sizeof(name), "%s%s", getenv(name), token);
	assert_int_equal(peerbuf_container_open(PEERBUF_IOMMU, container), 0);
	assert_int_equal(peerbuf_device_open(*container, name, &device), 0);
	return device;
}

static void write_sysfs(const char *role, const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s_BDF", role);
	assert_non_null(getenv(path));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", getenv(path), file);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Virtual functions have their physical function's driver: who uses it has them to give. */
static void assert_driver(const char *role)
{
	char path[96], target[256] = "";

	snprintf(path, sizeof(path), "%s_BDF", role);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", getenv(path));
	assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	assert_string_equal(strrchr(target, '/'), "/vfio_pci_peerbuf");
}

static int setup(void **state)
{
	struct vfio_region_dma_range range = { .offset = 0, .length = PAGE };
	int fd;

	/* Its user decides about the token; the virtual function's must know it. */
	physical = open_function("PF", TOKEN, &physical_container);
	/* Not earlier: opening a device resets it. */
	write_sysfs("PF", "sriov_numvfs", "2");
	assert_driver("VF0");
	assert_driver("VF1");
	virtual = open_function("VF0", TOKEN, &virtual_container);

	edu.kind = find_engine(0x1234, 0x11e8, 0xff);
	assert_non_null(edu.kind);
	assert_int_equal(peerbuf_container_open(PEERBUF_IOMMU, &edu.container), 0);
	assert_int_equal(edu.kind->open(&edu, getenv("EDU_BDF")), 0);
	ram = pages(2 * PAGE);
	assert_int_equal(peerbuf_container_map_ram(edu.container, ram, 2 * PAGE, RAM_IOVA,
						   PEERBUF_MAP_READ | PEERBUF_MAP_WRITE), 0);

	fd = peerbuf_device_export(virtual, BAR0, O_RDWR, &range, 1);
	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(edu.container, fd, -1, 0, PAGE,
						      BUFFER_IOVA, PEERBUF_MAP_READ), 0);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	edu.kind->close(&edu);
	peerbuf_container_close(edu.container);
	peerbuf_device_close(virtual);
	peerbuf_container_close(virtual_container);
	write_sysfs("PF", "sriov_numvfs", "0");
	peerbuf_device_close(physical);
	peerbuf_container_close(physical_container);
	munmap(ram, 2 * PAGE);
	return 0;
}

static struct peerbuf_iommu_query_buffer query(void)
{
	return query_buffer(edu.container, BUFFER_IOVA);
}

/* The register, as the device reads it. */
static uint32_t dma_status(void)
{
	size_t i;

	/* The device's own memory first, so that nothing is left in it of an earlier look. */
	for (i = 0; i < 2 * PAGE / sizeof(*ram); i++)
		ram[i] = PAINT;
	assert_int_equal(edu.kind->move(&edu, RAM_IOVA + PAGE, RAM_IOVA, COUNT), 0);
	ram[(PAGE + STATUS) / sizeof(*ram)] = UNWRITTEN;
	assert_int_equal(edu.kind->move(&edu, RAM_IOVA + PAGE, BUFFER_IOVA, COUNT), 0);
	return ram[(PAGE + STATUS) / sizeof(*ram)];
}

static uint32_t cpu_status(void)
{
	uint32_t status = 0;

	assert_int_equal(peerbuf_device_read(virtual, BAR0, STATUS, &status, 4), 0);
	return status;
}

static void assert_live(void)
{
	struct peerbuf_iommu_query_buffer q = query();

	assert_int_equal(q.state, PEERBUF_STATE_LIVE);
	assert_true(q.flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(dma_status(), cpu_status());
}

static void assert_revoked(uint32_t state)
{
	struct peerbuf_iommu_query_buffer q = query();

	assert_int_equal(q.state, state);
	assert_false(q.flags & PEERBUF_QUERY_MAPPED);
	assert_int_equal(dma_status(), STOPPED);
}

static void a_device_reads_a_virtual_functions_register(void **state)
{
	assert_int_not_equal(cpu_status(), STOPPED);
	assert_live();
}

static void a_wrong_token_is_refused(void **state)
{
	static const char *const wrong[] = {
		"", " vf_token=00000000-0000-0000-0000-000000000000",
		" vf_token=5c3b6ad4", " token=5c3b6ad4-5b0e-4a39-8f0e-2a7c5b8f4d11",
	};
	static const int error[] = { -EACCES, -EACCES, -EINVAL, -EINVAL };
	struct peerbuf_container *container;
	struct peerbuf_device *device;
	char name[96];
	size_t i;

	for (i = 0; i < 4; i++) {
		assert_int_equal(peerbuf_container_open(PEERBUF_IOMMU, &container), 0);
		snprintf(name, sizeof(name), "%s%s", getenv("VF1_BDF"), wrong[i]);
		assert_int_equal(peerbuf_device_open(container, name, &device), error[i]);
		peerbuf_container_close(container);
	}
}

/* As every feature of VFIO's that is not about buffers or power, it is VFIO's own. */
static void the_token_is_the_physical_functions_users_to_set(void **state)
{
	struct {
		struct vfio_device_feature head;
		uint8_t uuid[16];
	} arg = {
		.head = { .argsz = sizeof(arg),
			  .flags = VFIO_DEVICE_FEATURE_PCI_VF_TOKEN | VFIO_DEVICE_FEATURE_SET },
	};
	struct peerbuf_container *container;
	struct peerbuf_device *device;
	char name[96];

	snprintf(name, sizeof(name), "%s%s", getenv("VF1_BDF"), TOKEN);
	assert_int_equal(call(peerbuf_device_fd(virtual), VFIO_DEVICE_FEATURE, &arg), -ENOTTY);
	assert_int_equal(call(peerbuf_device_fd(physical), VFIO_DEVICE_FEATURE, &arg), 0);
	assert_int_equal(peerbuf_container_open(PEERBUF_IOMMU, &container), 0);
	assert_int_equal(peerbuf_device_open(container, name, &device), -EACCES);
	memcpy(arg.uuid, (uint8_t[]){ 0x5c, 0x3b, 0x6a, 0xd4, 0x5b, 0x0e, 0x4a, 0x39, 0x8f, 0x0e,
				      0x2a, 0x7c, 0x5b, 0x8f, 0x4d, 0x11 }, sizeof(arg.uuid));
	assert_int_equal(call(peerbuf_device_fd(physical), VFIO_DEVICE_FEATURE, &arg), 0);
	assert_int_equal(peerbuf_device_open(container, name, &device), 0);
	peerbuf_device_close(device);
	peerbuf_container_close(container);
}

/* --------------------------------------------------------------------- resets */

static int config_of(const char *role)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s_BDF", role);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", getenv(path));
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

static bool answers(void)
{
	int fd = config_of("VF0");
	uint16_t command = 0xffff;

	assert_int_equal(pread(fd, &command, 2, PCI_COMMAND), 2);
	close(fd);
	return command != 0xffff;
}

/* Where the physical function's SR-IOV capability is. */
static off_t sriov_capability(int fd)
{
	uint32_t header;
	off_t at = 256;

	do {
		assert_int_equal(pread(fd, &header, 4, at), 4);
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_SRIOV)
			return at;
		at = PCI_EXT_CAP_NEXT(header);
	} while (at);
	fail_msg("there is no such capability");
	return 0;
}

/*
 * QEMU 7.2 takes the virtual functions away at a reset, and their number, and leaves the bit
 * set that says that they are there, so that the kernel does not restore them. A 0, the
 * number and a 1 help.
 */
static void enable_again(void)
{
	int fd = config_of("PF");
	off_t at = sriov_capability(fd);
	uint16_t control, number = 2;

	assert_int_equal(pread(fd, &control, 2, at + PCI_SRIOV_CTRL), 2);
	control &= (uint16_t)~PCI_SRIOV_CTRL_VFE;
	assert_int_equal(pwrite(fd, &control, 2, at + PCI_SRIOV_CTRL), 2);
	assert_int_equal(pwrite(fd, &number, 2, at + PCI_SRIOV_NUM_VF), 2);
	control |= PCI_SRIOV_CTRL_VFE;
	assert_int_equal(pwrite(fd, &control, 2, at + PCI_SRIOV_CTRL), 2);
	close(fd);
}

static void *reset_physical(void *done)
{
	int err = (int)call(peerbuf_device_fd(physical), VFIO_DEVICE_RESET, NULL);

	__atomic_store_n((int *)done, err ? err : 1, __ATOMIC_RELEASE);
	return NULL;
}

static void a_reset_of_the_physical_function_revokes_first(void **state)
{
	struct vfio_region_dma_range range = { .offset = 0, .length = PAGE };
	struct pbt_import import = { .flags = PBT_TYPED | PBT_IOV, .slow_ms = 3600000 };
	struct peerbuf_iommu_query_buffer before = query();
	unsigned int n;
	struct pbt_map map;
	pthread_t thread;
	int test, done = 0;

	/* A driver that does not let go holds the reset up, so that it can be looked at. */
	import.bdf = bdf_of("PF");
	import.dmabuf_fd = peerbuf_device_export(virtual, BAR0, O_RDWR, &range, 1);
	assert_true(import.dmabuf_fd >= 0);
	test = test_open();
	assert_int_equal(call(test, PBT_IMPORT, &import), 0);
	assert_int_equal(call(test, PBT_MAP, &map), 0);

	assert_int_equal(pthread_create(&thread, NULL, reset_physical, &done), 0);
	for (n = 0; n < 1000 && query().state != PEERBUF_STATE_REVOKED; n++)
		usleep(10000);
	/* The register can still be read, but not by another device. */
	assert_int_not_equal(cpu_status(), STOPPED);
	assert_revoked(PEERBUF_STATE_REVOKED);
	assert_int_equal(__atomic_load_n(&done, __ATOMIC_ACQUIRE), 0);

	assert_int_equal(call(test, PBT_UNMAP, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(done, 1);
	close(test);
	close(import.dmabuf_fd);
	assert_int_equal(query().revokes, before.revokes + 1);
	/* Where it has not come back, there is no access. */
	if (!answers()) {
		assert_revoked(PEERBUF_STATE_REVOKED);
		enable_again();
		assert_true(answers());
		assert_int_equal(call(peerbuf_device_fd(virtual), VFIO_DEVICE_RESET, NULL), 0);
	}
	assert_int_equal(query().restores, before.restores + 1);
	assert_live();
}

/* The physical function lends its virtual ones their memory, or no longer. */
static void lend_memory(bool on)
{
	int fd = config_of("PF");
	off_t at = sriov_capability(fd) + PCI_SRIOV_CTRL;
	uint16_t control;

	assert_int_equal(pread(fd, &control, 2, at), 2);
	control &= (uint16_t)~PCI_SRIOV_CTRL_MSE;
	control |= on ? PCI_SRIOV_CTRL_MSE : 0;
	assert_int_equal(pwrite(fd, &control, 2, at), 2);
	close(fd);
	/* Nobody is told; it is seen when something else makes the driver look. */
	assert_true(peerbuf_device_command(virtual, PCI_COMMAND_MASTER, 0) >= 0);
}

static void memory_that_is_not_lent_is_not_there(void **state)
{
	lend_memory(false);
	assert_revoked(PEERBUF_STATE_REVOKED);
	lend_memory(true);
	assert_live();
}

static void its_own_reset_revokes(void **state)
{
	struct peerbuf_iommu_query_buffer before = query();

	assert_int_equal(call(peerbuf_device_fd(virtual), VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(query().revokes, before.revokes + 1);
	assert_live();
}

/* ---------------------------------------------------------------------- power */

static uint8_t power_capability(void)
{
	uint8_t at = 0, header[2];
	int n;

	assert_int_equal(peerbuf_device_read(physical, CONFIG, PCI_CAPABILITY_LIST, &at, 1), 0);
	for (n = 0; at && n < 48; n++, at = header[1]) {
		assert_int_equal(peerbuf_device_read(physical, CONFIG, at, header, 2), 0);
		if (header[0] == PCI_CAP_ID_PM)
			return at;
	}
	return 0;
}

static void set_power(uint16_t power)
{
	uint8_t at = power_capability();
	uint16_t control;

	assert_int_not_equal(at, 0);
	assert_int_equal(peerbuf_device_read(physical, CONFIG, at + PCI_PM_CTRL, &control, 2), 0);
	control = (uint16_t)((control & ~PCI_PM_CTRL_STATE_MASK) | power);
	assert_int_equal(peerbuf_device_write(physical, CONFIG, at + PCI_PM_CTRL, &control, 2), 0);
}

/* VFIO does not let it; what it would take away stays. */
static void a_physical_function_with_virtual_ones_does_not_sleep(void **state)
{
	struct peerbuf_iommu_query_buffer before = query();

	set_power(3);
	assert_live();
	set_power(0);
	assert_live();
	assert_int_equal(query().revokes, before.revokes);
}

static void its_memory_is_not_the_physical_functions(void **state)
{
	struct peerbuf_iommu_query_buffer before = query();

	assert_true(peerbuf_device_command(physical, 0, PCI_COMMAND_MEMORY) >= 0);
	assert_live();
	assert_true(peerbuf_device_command(physical, PCI_COMMAND_MEMORY, 0) >= 0);
	assert_live();
	assert_int_equal(query().revokes, before.revokes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_reads_a_virtual_functions_register),
		cmocka_unit_test(a_wrong_token_is_refused),
		cmocka_unit_test(the_token_is_the_physical_functions_users_to_set),
		cmocka_unit_test(memory_that_is_not_lent_is_not_there),
		cmocka_unit_test(its_own_reset_revokes),
		cmocka_unit_test(a_physical_function_with_virtual_ones_does_not_sleep),
		cmocka_unit_test(its_memory_is_not_the_physical_functions),
		cmocka_unit_test(a_reset_of_the_physical_function_revokes_first),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("sriov", tests, setup, teardown);
}
