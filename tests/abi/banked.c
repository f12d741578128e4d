// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device whose memory is not where its BAR says, with the example's driver: banks of 64 KiB,
 * in reverse. What its user sees in read(), write(), mmap() and buffers is the same, and what
 * an SSD writes goes to the right bank of the BAR, at which a driver looks afterwards that
 * knows nothing of banks.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "dma.h"

#define BANK	(64 * 1024ULL)
#define SIZE	(64 * MIB)	/* of BAR 2 */
#define IOVA	(1ULL << 32)
#define RW	(PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)

static struct peerbuf_container *exporter, *importer;
static struct peerbuf_device *device;
static struct nvme *ssd;

static int setup(void **state)
{
	device = open_role("BAR2", PEERBUF_IOMMU, &exporter);
	return peerbuf_container_open(PEERBUF_IOMMU, &importer) ||
	       nvme_open(importer, getenv("SSD_BDF"), 30000, &ssd);
}

static int teardown(void **state)
{
	nvme_close(ssd);
	peerbuf_container_close(importer);
	peerbuf_device_close(device);
	peerbuf_container_close(exporter);
	return 0;
}

static void fill(uint64_t offset, size_t length, unsigned char byte)
{
	void *bytes = malloc(length);

	assert_non_null(bytes);
	memset(bytes, byte, length);
	assert_int_equal(peerbuf_device_write(device, BAR2, offset, bytes, length), 0);
	free(bytes);
}

static bool reads(uint64_t offset, size_t length, unsigned char byte)
{
	void *bytes = malloc(length);
	bool good;

	assert_non_null(bytes);
	assert_int_equal(peerbuf_device_read(device, BAR2, offset, bytes, length), 0);
	good = all(bytes, length, byte);
	free(bytes);
	return good;
}

static char *map_buffer(int fd, size_t length)
{
	char *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

/* The same device with another driver. */
static void reopen_with(const char *driver)
{
	const char *bdf = getenv("BAR2_BDF");
	char command[256];

	peerbuf_device_close(device);
	peerbuf_container_close(exporter);
	snprintf(command, sizeof(command),
		 "cd /sys/bus/pci/devices/%s && echo %s >driver_override && echo %s >driver/unbind && "
		 "echo %s >/sys/bus/pci/drivers_probe && [ -e driver ]", bdf, driver, bdf, bdf);
	assert_int_equal(system(command), 0);
	device = open_role("BAR2", PEERBUF_IOMMU, &exporter);
}

static void a_buffer_is_of_the_banks_that_its_user_means(void **state)
{
	/* From inside bank 3 into bank 6, and a page of bank 0 */
	struct vfio_region_dma_range range[] = {
		{ 3 * BANK + 2 * PAGE, 3 * BANK }, { 5 * PAGE, PAGE },
	};
	int fd = peerbuf_device_export(device, BAR2, O_RDWR, range, 2);
	uint64_t length = 3 * BANK + PAGE;

	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), length);
	assert_int_equal(peerbuf_container_map_buffer(importer, fd, -1, 0, length, IOVA, RW), 0);
	/* The ends of three banks and of one that is whole: none continues another. */
	assert_int_equal(query_buffer(importer, IOVA).nr_ranges, 5);

	fill(0, 8 * BANK, 0xff);
	/* The last two pages of bank 3, and the first of bank 4 */
	dma(ssd, IOVA + BANK - 4 * PAGE, 3 * PAGE);
	dma(ssd, IOVA + 3 * BANK, PAGE);
	assert_true(reads(0, 5 * PAGE, 0xff));
	assert_true(reads(5 * PAGE, PAGE, 0));
	assert_true(reads(6 * PAGE, 4 * BANK - 8 * PAGE, 0xff));
	assert_true(reads(4 * BANK - 2 * PAGE, 3 * PAGE, 0));
	assert_true(reads(4 * BANK + PAGE, 4 * BANK - PAGE, 0xff));
	assert_int_equal(peerbuf_container_unmap_buffer(importer, IOVA), 0);
	close(fd);

	reopen_with("vfio_pci_peerbuf");
	/* Bank 0 is the BAR's last one, bank 3 its fourth from the end. */
	assert_true(reads(SIZE - BANK, 5 * PAGE, 0xff));
	assert_true(reads(SIZE - BANK + 5 * PAGE, PAGE, 0));
	assert_true(reads(SIZE - BANK + 6 * PAGE, BANK - 6 * PAGE, 0xff));
	assert_true(reads(SIZE - 4 * BANK, BANK - 2 * PAGE, 0xff));
	assert_true(reads(SIZE - 3 * BANK - 2 * PAGE, 2 * PAGE, 0));
	assert_true(reads(SIZE - 5 * BANK, PAGE, 0));
	assert_true(reads(SIZE - 5 * BANK + PAGE, BANK - PAGE, 0xff));
	assert_true(reads(SIZE - 8 * BANK, 3 * BANK, 0xff));
	reopen_with("banked_vfio");
}

static void each_way_to_look_at_it_shows_the_same(void **state)
{
	uint64_t at = 10 * BANK - 2 * PAGE, length = 2 * BANK;
	int fd = export_range(device, O_RDWR, at, length);
	unsigned char byte;
	char *window, *p;
	void *address;
	uint64_t i;

	assert_true(fd >= 0);
	assert_int_equal(peerbuf_device_mmap(device, BAR2, at, length, PROT_READ | PROT_WRITE,
					     &address), 0);
	window = address;
	p = map_buffer(fd, length);
	for (i = 0; i < length / PAGE; i++)
		p[i * PAGE] = (char)i;
	for (i = 0; i < length / PAGE; i++) {
		assert_int_equal(window[i * PAGE], (char)i);
		assert_int_equal(peerbuf_device_read(device, BAR2, at + i * PAGE, &byte, 1), 0);
		assert_int_equal(byte, i);
	}
	munmap(p, length);
	munmap(window, length);
	close(fd);
}

static void a_window_is_revoked_and_can_be_mapped_by_its_address(void **state)
{
	unsigned char *window;
	void *address;

	assert_int_equal(peerbuf_device_mmap(device, BAR2, 20 * BANK, 2 * BANK,
					     PROT_READ | PROT_WRITE, &address), 0);
	window = address;
	window[BANK] = 7;
	assert_int_equal(peerbuf_container_map_ram(importer, window, 2 * BANK, IOVA, RW), 0);
	assert_int_equal(query_buffer(importer, IOVA).state, PEERBUF_STATE_LIVE);
	assert_true(lands(ssd, IOVA + BANK - PAGE, window + BANK - PAGE, 2 * PAGE));
	assert_true(reads(21 * BANK - PAGE, 2 * PAGE, 0));

	assert_true(peerbuf_device_command(device, 0, PCI_COMMAND_MEMORY) >= 0);
	assert_true(sigbus(window));
	assert_int_equal(query_buffer(importer, IOVA).state, PEERBUF_STATE_REVOKED);
	assert_true(peerbuf_device_command(device, PCI_COMMAND_MEMORY, 0) >= 0);
	assert_false(sigbus(window));
	assert_int_equal(query_buffer(importer, IOVA).state, PEERBUF_STATE_LIVE);
	assert_true(lands(ssd, IOVA + BANK - PAGE, window + BANK - PAGE, 2 * PAGE));

	/* The window does not keep the device open. */
	reopen_with("banked_vfio");
	assert_true(sigbus(window));
	assert_int_equal(query_buffer(importer, IOVA).state, PEERBUF_STATE_DEAD);
	assert_int_equal(peerbuf_container_unmap(importer, IOVA, 2 * BANK, NULL), 0);
	munmap(window, 2 * BANK);
}

static void what_is_not_there_is_refused(void **state)
{
	static const struct { uint64_t offset, length; } bad[] = {
		{ 0, 0 }, { 1, PAGE }, { 0, SIZE + PAGE }, { SIZE, PAGE },
		{ SIZE - PAGE, 2 * PAGE }, { ~0ULL - PAGE + 1, PAGE },
		{ ~0ULL - PAGE + 1, 2 * PAGE },
	};
	struct vfio_region_dma_range page = { 0, PAGE };
	void *p;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(export_range(device, O_RDWR, bad[i].offset, bad[i].length),
				 -EINVAL);
	/* Registers, no BAR, configuration space, and no region at all */
	assert_int_equal(peerbuf_device_export(device, 0, O_RDWR, &page, 1), -ENODEV);
	assert_int_equal(peerbuf_device_export(device, 4, O_RDWR, &page, 1), -ENODEV);
	assert_int_equal(peerbuf_device_export(device, VFIO_PCI_CONFIG_REGION_INDEX, O_RDWR,
					       &page, 1), -ENODEV);
	assert_int_equal(peerbuf_device_export(device, ~0U, O_RDWR, &page, 1), -ENODEV);
	/* A private mapping could be written without the device. */
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, peerbuf_device_fd(device),
		 (off_t)BAR2 << 40);
	assert_ptr_equal(p, MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, peerbuf_device_fd(device),
		 ((off_t)BAR2 << 40) + (off_t)SIZE);
	assert_ptr_equal(p, MAP_FAILED);
	assert_int_equal(errno, EINVAL);
}

/* Each range is within bounds, and so is their number; what they are made of is not. */
static void more_pieces_than_can_be_are_refused(void **state)
{
	uint32_t nr = 1 << 18, i;
	struct vfio_region_dma_range *ranges = calloc(nr, sizeof(*ranges));

	assert_non_null(ranges);
	for (i = 0; i < nr; i++)
		ranges[i].length = 5 * BANK;
	assert_int_equal(peerbuf_device_export(device, BAR2, O_RDWR, ranges, nr), -EINVAL);
	free(ranges);
}

/* Registers are where their BAR is. */
static void what_is_not_translated_is_mapped_as_ever(void **state)
{
	volatile uint32_t *registers;
	uint32_t mask = 0;
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, peerbuf_device_fd(device),
		       0);

	assert_ptr_not_equal(p, MAP_FAILED);
	registers = p;
	/* The interrupt mask, which the device keeps for its driver. */
	*registers = 0x5a5a;
	assert_int_equal(peerbuf_device_read(device, 0, 0, &mask, 4), 0);
	assert_int_equal(mask, 0x5a5a);
	*registers = 0;
	munmap(p, PAGE);
}

/* Without pieces that continue each other there are more of them than ranges. */
static void the_whole_region_is_one_buffer(void **state)
{
	int fd = export_range(device, O_RDWR, 0, SIZE);

	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(importer, fd, -1, 0, SIZE, IOVA, RW), 0);
	assert_int_equal(query_buffer(importer, IOVA).nr_ranges, SIZE / BANK);
	fill(SIZE - PAGE, PAGE, 0xff);
	fill(0, PAGE, 0xff);
	dma(ssd, IOVA + SIZE - PAGE, PAGE);
	assert_true(reads(SIZE - PAGE, PAGE, 0));
	assert_true(reads(0, PAGE, 0xff));
	assert_int_equal(peerbuf_container_unmap_buffer(importer, IOVA), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_is_of_the_banks_that_its_user_means),
		cmocka_unit_test(each_way_to_look_at_it_shows_the_same),
		cmocka_unit_test(a_window_is_revoked_and_can_be_mapped_by_its_address),
		cmocka_unit_test(what_is_not_there_is_refused),
		cmocka_unit_test(more_pieces_than_can_be_are_refused),
		cmocka_unit_test(what_is_not_translated_is_mapped_as_ever),
		cmocka_unit_test(the_whole_region_is_one_buffer),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("banked", tests, setup, teardown);
}
