// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Device memory that the kernel's own vfio-pci exports, in a container of ours: the SSD
 * reads zeros from its disk into a BAR that holds something else.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "dma.h"

#define IOVA (1ULL << 32)
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)
#define LENGTH (4 * MIB)

static struct peerbuf_container *container, *exporter;
static struct peerbuf_device *bar;
static struct nvme *ssd;
static unsigned char *p;
static int fd;

static int setup(void **state)
{
	void *memory;

	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	assert_int_equal(peerbuf_device_mmap(bar, BAR2, 0, LENGTH, PROT_READ | PROT_WRITE,
					     &memory), 0);
	p = memory;
	fd = export_range(bar, O_RDWR | O_CLOEXEC, 0, LENGTH);
	return peerbuf_container_open(PEERBUF_IOMMU, &container) ||
	       nvme_open(container, getenv("SSD_BDF"), 10000, &ssd);
}

static int teardown(void **state)
{
	nvme_close(ssd);
	peerbuf_container_close(container);
	close(fd);
	munmap(p, LENGTH);
	peerbuf_device_close(bar);
	peerbuf_container_close(exporter);
	return 0;
}

static bool mapped(void)
{
	return query_buffer(container, IOVA).flags & PEERBUF_QUERY_MAPPED;
}

/* vfio-pci calls before it gives access back; nobody says when it has. */
static void comes_back(void)
{
	int ms;

	for (ms = 0; !mapped() && ms < 10000; ms += 10)
		usleep(10000);
	assert_true(mapped());
}

static void a_dma_lands(void)
{
	memset(p, 0xa5, LENGTH);
	dma(ssd, IOVA + MIB, 64 * 1024);
	assert_true(all(p, MIB, 0xa5));
	assert_true(all(p + MIB, 64 * 1024, 0));
	assert_true(all(p + MIB + 64 * 1024, MIB, 0xa5));
}

static void its_memory_is_mapped(void **state)
{
	assert_true(fd >= 0);
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, LENGTH, IOVA, RW), 0);
	assert_true(mapped());
	a_dma_lands();
}

static void a_reset_takes_it_away_and_it_comes_back(void **state)
{
	int i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(peerbuf_device_reset(bar), 0);
		comes_back();
		a_dma_lands();
	}
	assert_true(query_buffer(container, IOVA).restores >= 3);
}

static void without_memory_decoding_it_is_gone(void **state)
{
	memset(p, 0xa5, LENGTH);
	assert_true(peerbuf_device_command(bar, 0, PCI_COMMAND_MEMORY) >= 0);
	assert_false(mapped());
	/* Nothing of it arrives. */
	dma(ssd, IOVA, 64 * 1024);
	assert_true(peerbuf_device_command(bar, PCI_COMMAND_MEMORY, 0) >= 0);
	comes_back();
	assert_true(all(p, 64 * 1024, 0xa5));
	a_dma_lands();
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_memory_is_mapped),
		cmocka_unit_test(a_reset_takes_it_away_and_it_comes_back),
		cmocka_unit_test(without_memory_decoding_it_is_gone),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("stock", tests, setup, teardown);
}
