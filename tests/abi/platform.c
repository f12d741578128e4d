// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An IOMMU that isolates no interrupts, and has DMA snoop: what type1 and the backend make of it.
 * The tests run in this order.
 */
#include <stdio.h>
#include <stdlib.h>

#include "abi.h"

static void accept_unsafe(const char *module, const char *yes)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/allow_unsafe_interrupts", module);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(yes, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int open_in(uint32_t type, const char *role, struct peerbuf_container **c,
		   struct peerbuf_device **device)
{
	char name[32];
	int ret;

	snprintf(name, sizeof(name), "%s_BDF", role);
	assert_int_equal(peerbuf_container_open(type, c), 0);
	ret = peerbuf_device_open(*c, getenv(name), device);
	if (ret)
		peerbuf_container_close(*c);
	return ret;
}

static void interrupts_that_are_not_isolated_are_refused(void **state)
{
	struct peerbuf_container *c;
	struct peerbuf_device *device;

	assert_int_equal(open_in(PEERBUF_IOMMU, "BAR", &c, &device), -EPERM);
	assert_int_equal(open_in(VFIO_TYPE1v2_IOMMU, "BAR", &c, &device), -EPERM);
}

static void dma_that_snoops_is_told(void **state)
{
	static const uint32_t types[] = { PEERBUF_IOMMU, VFIO_TYPE1v2_IOMMU };
	struct peerbuf_container *c[2];
	struct peerbuf_device *device[2];
	unsigned int i;

	accept_unsafe("vfio_iommu_peerbuf", "Y");
	accept_unsafe("vfio_iommu_type1", "Y");
	for (i = 0; i < 2; i++) {
		assert_int_equal(open_in(types[i], i ? "BAR2" : "BAR", &c[i], &device[i]), 0);
		assert_int_equal(call(peerbuf_container_fd(c[i]), VFIO_CHECK_EXTENSION,
				      (void *)VFIO_DMA_CC_IOMMU), 1);
	}
	for (i = 0; i < 2; i++) {
		peerbuf_device_close(device[i]);
		peerbuf_container_close(c[i]);
	}
	accept_unsafe("vfio_iommu_peerbuf", "N");
	assert_int_equal(open_in(PEERBUF_IOMMU, "BAR", &c[0], &device[0]), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts_that_are_not_isolated_are_refused),
		cmocka_unit_test(dma_that_snoops_is_told),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("platform", tests, NULL, NULL);
}
