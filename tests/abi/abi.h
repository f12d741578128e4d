/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the ABI tests share. Devices come from the environment that vm/run sets; both
 * are bound to their drivers by the script that starts the program.
 */
#ifndef PEERBUF_TESTS_ABI_H
#define PEERBUF_TESTS_ABI_H

#include "unit.h"

#include <sys/ioctl.h>
#include <linux/vfio.h>

#include <peerbuf.h>

#define MIB (1ULL << 20)
#define PAGE 4096ULL
#define BAR2 VFIO_PCI_BAR2_REGION_INDEX

/* 0 or the result of an ioctl; its negative errno when it fails. */
long call(int fd, unsigned long request, void *arg);

/* Open the device of a role, such as "BAR", in a container of its own. */
struct peerbuf_device *open_role(const char *role, uint32_t iommu_type,
				 struct peerbuf_container **container);

/* A dma-buf of one range of BAR 2. */
int export_range(struct peerbuf_device *device, int flags, uint64_t offset,
		 uint64_t length);

/* What is known of the buffer that is mapped at an address of a container. */
struct peerbuf_iommu_query_buffer query_buffer(struct peerbuf_container *container, uint64_t iova);

/* The PCI address of a role, as the test's kernel module wants it. */
uint32_t bdf_of(const char *role);

/* Physical address of a role's BAR 2. */
uint64_t bar_start_of(const char *role);

/* The test's kernel module. */
int test_open(void);

/* The kernel is a 6.12, of whose own drivers more is expected than of later ones'. */
bool is_612(void);

/* A buffer of one range of a role's BAR 2, made by that module with flags of pbt_export. */
int test_export(const char *role, uint64_t offset, uint64_t length, uint32_t flags);

/* Memory of this process. */
void *pages(size_t length);

/* The first address from there on where a large page can be. */
void *align_2m(void *p);

/* A new memfd that buffers can be made of. */
int sealed_memfd(size_t length, unsigned int flags);

/* Is each byte this one? */
bool all(const volatile void *p, size_t length, unsigned char byte);

/* Does a read of this byte raise SIGBUS? */
bool sigbus(const volatile void *p);

/* KiB of this process that count as locked. */
unsigned long locked(void);

/* Milliseconds of the monotonic clock. */
uint64_t now_ms(void);

/* Numbers that look random, the same for each seed, which is what rng is set to. */
extern uint64_t rng;
uint32_t rnd(uint32_t n);

/* As long as there are some, these bytes decide instead, one for each number below 257. */
extern const uint8_t *rnd_bytes;
extern size_t rnd_left;
uint64_t pick(const uint64_t *of, size_t n);
#define PICK(...) pick((const uint64_t[]){ __VA_ARGS__ },			\
		       sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

#endif
