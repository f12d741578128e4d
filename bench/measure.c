// SPDX-License-Identifier: GPL-2.0-or-later
/* measure [WHAT ...]: all measurements, or those named; see measure.h. */
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "peerbuf_bench.h"

unsigned int rounds;
bool counting;
unsigned int bars[MAX_BARS];
unsigned int nr_bars;

unsigned int many_rounds(void)
{
	return counting ? rounds : 8 * rounds;
}

/* Only what takes time can be counted. */
static bool is_time(const char *unit)
{
	return !strncmp(unit, "us", 2);
}

void declare(const char *unit, const char *better, const char *goal, const char *peer,
	     const char *name, ...)
{
	va_list args;

	if (counting && !is_time(unit))
		return;
	printf("# bench ");
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	if (counting)
		printf("_instr|instr%s", unit + strlen("us"));
	else
		printf("|%s", unit);
	printf("|%s|%s|%s\n", better, goal, peer);
}

void sample(enum side side, double value, const char *name, ...)
{
	va_list args;

	printf("# sample ");
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("%s %s %.4f\n", counting ? "_instr" : "", side == OURS ? "ours" : "peer",
	       counting ? value * 1000 : value);
}

void absent(const char *names, const char *why)
{
	printf("# absent %s|%s\n", names, why);
}

long must(long result, const char *what)
{
	if (result >= 0)
		return result;
	printf("Bail out! %s: %s\n", what, strerror(result == -1 ? errno : (int)-result));
	exit(1);
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

const char *bdf_of(const char *role)
{
	char name[32];
	const char *bdf;

	snprintf(name, sizeof(name), "%s_BDF", role);
	bdf = getenv(name);
	must(bdf ? 0 : -ENODEV, name);
	return bdf;
}

uint32_t bdf_number(const char *role)
{
	unsigned int domain, bus, dev, fn;

	if (sscanf(bdf_of(role), "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4)
		must(-EINVAL, role);
	return domain << 16 | bus << 8 | dev << 3 | fn;
}

static unsigned int group_of(const char *role)
{
	char path[96], target[256] = "";

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf_of(role));
	must(readlink(path, target, sizeof(target) - 1), path);
	return (unsigned int)strtoul(strrchr(target, '/') + 1, NULL, 10);
}

struct peerbuf_container *container_of_ssd(enum side side)
{
	struct peerbuf_container *c;

	must(peerbuf_container_open(side == OURS ? PEERBUF_IOMMU : VFIO_TYPE1v2_IOMMU, &c),
	     "container");
	must(peerbuf_container_add_group(c, group_of("SSD")), "the SSD's group");
	return c;
}

void map_dma(struct peerbuf_container *c, void *addr, uint64_t length, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)addr,
		.iova = iova,
		.size = length,
	};

	must(ioctl(peerbuf_container_fd(c), VFIO_IOMMU_MAP_DMA, &map), "MAP_DMA");
}

void unmap_dma(struct peerbuf_container *c, uint64_t iova, uint64_t length)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = length,
	};

	must(ioctl(peerbuf_container_fd(c), VFIO_IOMMU_UNMAP_DMA, &unmap), "UNMAP_DMA");
	must(unmap.size == length ? 0 : -EIO, "UNMAP_DMA of all");
}

struct peerbuf_device *device_of(const char *role, uint32_t type)
{
	struct peerbuf_container *c;
	struct peerbuf_device *device;

	must(peerbuf_container_open(type, &c), "container");
	must(peerbuf_device_open(c, bdf_of(role), &device), role);
	return device;
}

struct peerbuf_device *plain_device(void)
{
	static struct peerbuf_device *plain;

	if (!plain)
		plain = device_of("PLAIN", VFIO_TYPE1v2_IOMMU);
	return plain;
}

int bare_open(const struct vfio_region_dma_range *ranges, uint32_t nr, uint64_t iova,
	      uint64_t stride, uint32_t copies)
{
	struct pbb_domain domain = {
		.bdf = bdf_number("SSD"),
		.memory_bdf = bdf_number("BIG"),
		.ranges = (uintptr_t)ranges,
		.iova = iova,
		.stride = stride,
		.nr = nr,
		.copies = copies,
	};
	int bare = (int)must(open("/dev/peerbuf_bench", O_RDWR | O_CLOEXEC),
			     "/dev/peerbuf_bench");

	must(ioctl(bare, PBB_DOMAIN, &domain), "a domain for bare loops");
	return bare;
}

void bare_map(int bare)
{
	must(ioctl(bare, PBB_MAP), "bare iommu_map()");
}

void bare_unmap(int bare)
{
	must(ioctl(bare, PBB_UNMAP), "bare iommu_unmap()");
}

/* What the IOMMU is, for what the results say about themselves. */
static void tell_machine(void)
{
	struct peerbuf_container *c = container_of_ssd(OURS);

	printf("# iommu %#llx\n", (unsigned long long)peerbuf_container_page_sizes(c));
	peerbuf_container_close(c);
}

/* bench/run has looked at them. */
static void read_settings(void)
{
	const char *number = getenv("BENCH_ROUNDS"), *sizes = getenv("BENCH_BAR_GIB");
	const char *at = sizes ? sizes : "1 4 16 32";
	char *end;

	rounds = number ? (unsigned int)atoi(number) : 7;
	counting = getenv("BENCH_COUNT");
	while (nr_bars < MAX_BARS && (bars[nr_bars] = (unsigned int)strtoul(at, &end, 10))) {
		nr_bars++;
		at = end;
	}
	must(rounds && nr_bars ? 0 : -EINVAL, "BENCH_ROUNDS, BENCH_BAR_GIB");
}

/*
 * No machine whose clock tells the time needs so much longer for instructions that do nothing;
 * interrupts may add some.
 */
static void check_counting(void)
{
	unsigned long n = 1000000;
	double begin = now(), two, ten;

	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(n));
	two = now() - begin;
	n = 1000000;
	begin = now();
	__asm__ volatile("1: nop; nop; nop; nop; nop; nop; nop; nop; dec %0; jnz 1b" : "+r"(n));
	ten = now() - begin;
	must(two >= 2e3 && two < 2.2e3 && ten >= 10e3 && ten < 11e3 ? 0 : -ETIME,
	     "BENCH_COUNT, but the machine's clock does not count instructions");
}

static bool wanted(int argc, char **argv, const char *what)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], what))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*measure)(struct peerbuf_device *big);
	} all[] = {
		{ "bar", measure_bar },
		{ "ranges", measure_ranges },
		{ "revoke", measure_revoke },
		{ "iommufd", measure_iommufd },
		{ "driver", measure_driver },
		{ "job", measure_job },
	};
	struct peerbuf_device *big;

	setvbuf(stdout, NULL, _IOLBF, 0);
	read_settings();
	if (counting)
		check_counting();
	tell_machine();
	if (wanted(argc, argv, "ram"))
		measure_ram();
	big = device_of("BIG", PEERBUF_IOMMU);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (wanted(argc, argv, all[i].name))
			all[i].measure(big);
	return 0;
}
