// SPDX-License-Identifier: GPL-2.0-or-later
/* What the ABI tests share. */
#include "abi.h"
#include "../kmod/peerbuf_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>

long call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

struct peerbuf_device *open_role(const char *role, uint32_t iommu_type,
				 struct peerbuf_container **container)
{
	struct peerbuf_device *device;
	char name[32];
	int err;

	snprintf(name, sizeof(name), "%s_BDF", role);
	assert_non_null(getenv(name));
	err = peerbuf_container_open(iommu_type, container);
	assert_int_equal(err, 0);
	err = peerbuf_device_open(*container, getenv(name), &device);
	assert_int_equal(err, 0);
	return device;
}

int export_range(struct peerbuf_device *device, int flags, uint64_t offset,
		 uint64_t length)
{
	struct vfio_region_dma_range range = { .offset = offset, .length = length };

	return peerbuf_device_export(device, BAR2, flags, &range, 1);
}

void *pages(size_t length)
{
	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

void *align_2m(void *p)
{
	return (void *)(((uintptr_t)p + 2 * MIB - 1) & ~(2 * MIB - 1));
}

int sealed_memfd(size_t length, unsigned int flags)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC | flags);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)length), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

struct peerbuf_iommu_query_buffer query_buffer(struct peerbuf_container *container, uint64_t iova)
{
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = iova };

	assert_int_equal(peerbuf_container_query_buffer(container, &q), 0);
	return q;
}

uint32_t bdf_of(const char *role)
{
	unsigned int d, b, s, f;
	char name[32];

	snprintf(name, sizeof(name), "%s_BDF", role);
	assert_int_equal(sscanf(getenv(name), "%x:%x:%x.%x", &d, &b, &s, &f), 4);
	return d << 16 | b << 8 | s << 3 | f;
}

uint64_t bar_start_of(const char *role)
{
	char path[128], name[32], line[128];
	FILE *f;
	int i;

	snprintf(name, sizeof(name), "%s_BDF", role);
	assert_non_null(getenv(name));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", getenv(name));
	f = fopen(path, "r");
	assert_non_null(f);
	for (i = 0; i < 3; i++)
		assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	return strtoull(line, NULL, 16);
}

int test_open(void)
{
	int fd = open("/dev/peerbuf_test", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

int test_export(const char *role, uint64_t offset, uint64_t length, uint32_t flags)
{
	struct { uint64_t offset, length; } range = { offset, length };
	struct pbt_export ex = {
		.bdf = bdf_of(role), .nr = 1, .size = length, .ranges = (uintptr_t)&range,
		.flags = flags,
	};
	int test = test_open();

	assert_int_equal(call(test, PBT_EXPORT, &ex), 0);
	close(test);
	return ex.fd;
}

bool is_612(void)
{
	struct utsname name;

	assert_int_equal(uname(&name), 0);
	return !strncmp(name.release, "6.12.", 5);
}

bool all(const volatile void *p, size_t length, unsigned char byte)
{
	const volatile unsigned char *bytes = p;
	size_t i;

	for (i = 0; i < length; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}

static sigjmp_buf caught;

static void on_sigbus(int sig)
{
	siglongjmp(caught, 1);
}

bool sigbus(const volatile void *p)
{
	struct sigaction act = { .sa_handler = on_sigbus }, old;
	bool raised = true;

	sigaction(SIGBUS, &act, &old);
	if (!sigsetjmp(caught, 1)) {
		(void)*(const volatile char *)p;
		raised = false;
	}
	sigaction(SIGBUS, &old, NULL);
	return raised;
}

unsigned long locked(void)
{
	char line[128];
	unsigned long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t rng;
const uint8_t *rnd_bytes;
size_t rnd_left;

uint32_t rnd(uint32_t n)
{
	if (rnd_left) {
		rnd_left--;
		return *rnd_bytes++ % n;
	}
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 11) % n;
}

uint64_t pick(const uint64_t *of, size_t n)
{
	return of[rnd(n)];
}
