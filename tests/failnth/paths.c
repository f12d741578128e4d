// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The paths. BAR exports; BAR2 is in the container that imports; EDU joins it, and is bound
 * anew; the SSD is a driver's that imports scatterlists, which peerbuf_test plays.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <peerbuf.h>

#include "../kmod/peerbuf_test.h"
#include "failnth.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define PAGE 4096ULL
#define MIB (1ULL << 20)
#define IOVA (1ULL << 32)
#define RAM_IOVA (1ULL << 33)
#define BAR2 VFIO_PCI_BAR2_REGION_INDEX
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)

/*
 * More ranges than a page of any list holds; and so many that their pages fill page tables of the
 * IOMMU whole: an unmap frees these, and what fails next time is the second one's allocation.
 */
#define MANY 1024

static struct peerbuf_container *owner, *importer;
static struct peerbuf_device *bar;

/* What a path makes goes here, and is undone from here. */
static int fd = -1, fd2 = -1, fd3 = -1, memfd = -1, buffer = -1;
static void *window = MAP_FAILED;
static size_t window_size;

static long result_of(long ret)
{
	return ret < 0 ? -errno : ret;
}

static void shut(int *f)
{
	if (*f >= 0)
		close(*f);
	*f = -1;
}

static void shut_all(void)
{
	if (window != MAP_FAILED)
		munmap(window, window_size);
	window = MAP_FAILED;
	shut(&fd3);
	shut(&fd2);
	shut(&fd);
	shut(&memfd);
	shut(&buffer);
}

static uint32_t bdf_of(const char *role)
{
	char name[32];
	unsigned int domain, bus, dev, fn;

	snprintf(name, sizeof(name), "%s_BDF", role);
	must(sscanf(getenv(name), "%x:%x:%x.%x", &domain, &bus, &dev, &fn) == 4);
	return domain << 16 | bus << 8 | dev << 3 | fn;
}

static unsigned int group_of(const char *role)
{
	char name[32], path[128], target[256];
	ssize_t len;

	snprintf(name, sizeof(name), "%s_BDF", role);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", getenv(name));
	len = readlink(path, target, sizeof(target) - 1);
	must(len > 0);
	target[len] = '\0';
	return strtoul(strrchr(target, '/') + 1, NULL, 10);
}

static char edu_group[64], bar_group[64], bar2_group[64];

/* ----------------------------------------------- the device that is not open yet */

static char bar_bdf[32];

static void close_bar(void)
{
	/* Whoever opens it again finds the same container and group. */
	peerbuf_device_close(bar);
	bar = NULL;
}

static void reopen_bar(void)
{
	shut_all();
	if (!bar)
		must(!peerbuf_device_open(owner, bar_bdf, &bar));
}

static int export_by(int device, uint32_t nr, uint64_t stride)
{
	static char space[sizeof(struct vfio_device_feature) +
			  sizeof(struct vfio_device_feature_dma_buf) +
			  MANY * sizeof(struct vfio_region_dma_range)];
	struct vfio_device_feature *feature = (void *)space;
	struct vfio_device_feature_dma_buf *get = (void *)feature->data;
	uint32_t i;

	memset(space, 0, sizeof(space));
	feature->argsz = sizeof(*feature) + sizeof(*get) + nr * sizeof(*get->dma_ranges);
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	get->region_index = BAR2;
	get->open_flags = O_RDWR | O_CLOEXEC;
	get->nr_ranges = nr;
	for (i = 0; i < nr; i++)
		get->dma_ranges[i] = (struct vfio_region_dma_range) {
			.offset = i * stride, .length = nr == 1 ? MIB : PAGE,
		};
	return result_of(ioctl(device, VFIO_DEVICE_FEATURE, feature));
}

/* This process's descriptor of a group that the library has opened. */
static int group_fd(const char *group)
{
	char path[64], target[64];
	ssize_t len;
	int i;

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
		len = readlink(path, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = '\0';
		if (!strcmp(target, group))
			return i;
	}
	must(false);
	return -1;
}

static void have_closed_device(void)
{
	if (bar)
		close_bar();
}

/* The VFIO core opens a device for the first of its files only. */
static int open_device(void)
{
	fd = result_of(ioctl(group_fd(bar_group), VFIO_GROUP_GET_DEVICE_FD, bar_bdf));
	return fd < 0 ? fd : 0;
}

static void have_new_device(void)
{
	have_closed_device();
	must(!open_device());
}

/* The first export of a BAR since it was opened claims it. */
static int export_first(void)
{
	buffer = export_by(fd, 1, 0);
	return buffer < 0 ? buffer : 0;
}

/* --------------------------------------------------------------------- exports */

static int export_one(void)
{
	buffer = export_by(peerbuf_device_fd(bar), 1, 0);
	return buffer < 0 ? buffer : 0;
}

static int export_many(void)
{
	buffer = export_by(peerbuf_device_fd(bar), MANY, 2 * PAGE);
	return buffer < 0 ? buffer : 0;
}

static void have_buffer(void)
{
	must(!export_one());
}

static void have_many(void)
{
	must(!export_many());
}

static void memory_off(void)
{
	must(peerbuf_device_command(bar, 0, 2) >= 0);
}

static void memory_on(void)
{
	shut_all();
	must(peerbuf_device_command(bar, 2, 0) >= 0);
}

static int import(uint32_t flags)
{
	struct pbt_import arg = {
		.dmabuf_fd = buffer, .bdf = bdf_of("SSD"), .flags = flags,
	};

	return result_of(ioctl(fd, PBT_IMPORT, &arg));
}

static int map_import(void)
{
	static struct pbt_map map;

	return result_of(ioctl(fd, PBT_MAP, &map));
}

static int map_at(uint64_t length, uint32_t flags)
{
	struct peerbuf_iommu_map_buffer map = {
		.argsz = sizeof(map), .flags = RW | flags, .dmabuf_fd = buffer,
		.event_fd = fd2, .length = length, .iova = IOVA,
	};

	return result_of(ioctl(peerbuf_container_fd(importer), PEERBUF_IOMMU_MAP_BUFFER, &map));
}

static void unmap_at(void)
{
	peerbuf_container_unmap_buffer(importer, IOVA);
}

/* With a mapping in the container, a driver's scatterlist and a process's window. */
static void have_users(uint32_t flags)
{
	fd = open("/dev/peerbuf_test", O_RDWR);
	fd2 = eventfd(0, 0);
	must(fd >= 0 && fd2 >= 0 && !import(flags) && !map_import());
	must(!map_at(MIB, 0));
	window_size = MIB;
	window = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	must(window != MAP_FAILED);
	*(volatile int *)window = 1;
}

static void have_used_buffer(void)
{
	have_buffer();
	have_users(PBT_TYPED);
}

/* Its page tables go when it is unmapped, and need memory when it comes back. */
static void have_used_ranges(void)
{
	have_many();
	fd2 = eventfd(0, 0);
	must(fd2 >= 0 && !map_at(MANY * PAGE, 0));
}

static void undo_users(void)
{
	unmap_at();
	shut_all();
}

static int query_device(void)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q), .dmabuf_fd = buffer };

	return result_of(ioctl(peerbuf_device_fd(bar), PEERBUF_DEVICE_QUERY_BUFFER, &q));
}

static int combine_by_device(void)
{
	struct peerbuf_device_set_caching set = {
		.argsz = sizeof(set), .dmabuf_fd = buffer,
		.caching = PEERBUF_CACHING_WRITE_COMBINING,
	};

	return result_of(ioctl(peerbuf_device_fd(bar), PEERBUF_DEVICE_SET_CACHING, &set));
}

static int revoke_by_device(void)
{
	struct peerbuf_device_revoke_buffer r = { .argsz = sizeof(r), .dmabuf_fd = buffer };

	return result_of(ioctl(peerbuf_device_fd(bar), PEERBUF_DEVICE_REVOKE_BUFFER, &r));
}

static struct peerbuf_iommu_query_buffer mapping(void)
{
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };

	must(!peerbuf_container_query_buffer(importer, &q));
	return q;
}

/* All or nothing: the device reaches it, or nobody does. */
static bool revoked_if_done(int result)
{
	struct peerbuf_iommu_query_buffer q = mapping();

	return result ? q.state == PEERBUF_STATE_LIVE && (q.flags & PEERBUF_QUERY_MAPPED) :
			q.state == PEERBUF_STATE_DEAD && !(q.flags & PEERBUF_QUERY_MAPPED);
}

/* -------------------------------------------------- events that cannot be refused */

static int off_and_on(void)
{
	/* The write may be refused; then nothing has happened. */
	if (peerbuf_device_command(bar, 0, 2) >= 0)
		peerbuf_device_command(bar, 2, 0);
	return 0;
}

static int reset(void)
{
	ioctl(peerbuf_device_fd(bar), VFIO_DEVICE_RESET);
	return 0;
}

/* Mapped again, or not, and then it says why; and the next event brings it back. */
static bool restored_or_told(int result)
{
	struct peerbuf_iommu_query_buffer q;
	bool told;

	(void)result;
	q = mapping();
	if (q.state == PEERBUF_STATE_REVOKED && !(q.flags & PEERBUF_QUERY_MAPPED)) {
		/* The second write was refused. */
		must(peerbuf_device_command(bar, 2, 0) >= 0);
		q = mapping();
	}
	told = q.flags & PEERBUF_QUERY_MAPPED ? !q.error : q.error == -ENOMEM;
	if (q.state != PEERBUF_STATE_LIVE || !told) {
		diag("state %u, flags %#x, error %d", q.state, q.flags, q.error);
		return false;
	}
	must(peerbuf_device_command(bar, 0, 2) >= 0);
	must(peerbuf_device_command(bar, 2, 0) >= 0);
	q = mapping();
	return q.state == PEERBUF_STATE_LIVE && (q.flags & PEERBUF_QUERY_MAPPED) && !q.error;
}

static int low_power(uint32_t feature)
{
	struct {
		struct vfio_device_feature f;
		struct vfio_device_low_power_entry_with_wakeup wakeup;
	} arg = { .f = { .argsz = sizeof(arg.f), .flags = VFIO_DEVICE_FEATURE_SET | feature } };

	if (feature == VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP) {
		arg.f.argsz = sizeof(arg);
		arg.wakeup.wakeup_eventfd = fd2;
	}
	return result_of(ioctl(peerbuf_device_fd(bar), VFIO_DEVICE_FEATURE, &arg));
}

static int low_power_entry(void)
{
	return low_power(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);
}

static int low_power_wakeup(void)
{
	return low_power(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP);
}

static int low_power_exit(void)
{
	return low_power(VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
}

static void be_asleep(void)
{
	have_used_buffer();
	must(!low_power_entry());
}

static void undo_sleep(void)
{
	low_power_exit();
	undo_users();
}

static bool asleep_if_done(int result)
{
	return mapping().state == (result ? PEERBUF_STATE_LIVE : PEERBUF_STATE_REVOKED);
}

/* ----------------------------------------------------------------- the container */

static int open_container(void)
{
	fd2 = result_of(open(edu_group, O_RDWR | O_CLOEXEC));
	if (fd2 < 0)
		return fd2;
	fd = result_of(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC));
	if (fd < 0)
		return fd;
	if (ioctl(fd, VFIO_CHECK_EXTENSION, PEERBUF_IOMMU) != 1)
		return -errno ?: -EIO;
	if (ioctl(fd2, VFIO_GROUP_SET_CONTAINER, &fd))
		return -errno;
	return result_of(ioctl(fd, VFIO_SET_IOMMU, PEERBUF_IOMMU));
}

static unsigned char *ram;	/* contiguous or not, as it comes */
static unsigned char *scattered;
#define SCATTERED 600

static int map_ram(void *at, uint64_t size, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)at, .iova = iova, .size = size,
	};

	return result_of(ioctl(peerbuf_container_fd(importer), VFIO_IOMMU_MAP_DMA, &map));
}

static int unmap_dma(uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = size,
	};

	return result_of(ioctl(peerbuf_container_fd(importer), VFIO_IOMMU_UNMAP_DMA, &unmap));
}

static int map_ram_one(void)
{
	return map_ram(ram, 64 * PAGE, RAM_IOVA);
}

static int map_ram_scattered(void)
{
	return map_ram(scattered, SCATTERED * PAGE, RAM_IOVA);
}

static int map_window(void)
{
	return map_ram(window, window_size, RAM_IOVA);
}

static void undo_ram(void)
{
	peerbuf_container_unmap(importer, RAM_IOVA, SCATTERED * PAGE, NULL);
	unmap_dma(RAM_IOVA, SCATTERED * PAGE);
	shut_all();
}

static void have_bar_window(void)
{
	window_size = MIB;
	must(!peerbuf_device_mmap(bar, BAR2, 0, MIB, PROT_READ | PROT_WRITE, &window));
}

static void have_buffer_window(void)
{
	have_buffer();
	window_size = MIB;
	window = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	must(window != MAP_FAILED);
}

static void have_mapped_ram(void)
{
	must(!map_ram_scattered());
}

static int unmap_ram(void)
{
	return unmap_dma(RAM_IOVA, SCATTERED * PAGE);
}

/* A second group, and devices behind both; what is mapped appears for it, too. */
static void have_full_container(void)
{
	have_used_buffer();
	must(!map_ram_scattered());
	fd3 = open(edu_group, O_RDWR | O_CLOEXEC);
	must(fd3 >= 0);
}

static int join(void)
{
	int c = peerbuf_container_fd(importer);

	return result_of(ioctl(fd3, VFIO_GROUP_SET_CONTAINER, &c));
}

static void undo_join(void)
{
	ioctl(fd3, VFIO_GROUP_UNSET_CONTAINER);
	unmap_dma(RAM_IOVA, SCATTERED * PAGE);
	undo_users();
}

/* As join, but where the buffer has no access: it is mapped for later. */
static void have_revoked_container(void)
{
	have_full_container();
	memory_off();
}

/* The IOMMU takes the next group into no domain that there is. */
static void refuse_attach(int times)
{
	const char *file = "/sys/module/peerbuf_fault/parameters/refuse_attach";
	FILE *f = fopen(file, "w");

	must(f && fprintf(f, "%d", times) > 0);
	must(!fclose(f));
}

static void have_other_domain(void)
{
	have_full_container();
	refuse_attach(1);
}

static void have_revoked_other_domain(void)
{
	have_revoked_container();
	refuse_attach(1);
}

static void undo_other_domain(void)
{
	refuse_attach(0);
	undo_join();
}

static void undo_revoked_join(void)
{
	refuse_attach(0);
	undo_join();
	must(peerbuf_device_command(bar, 2, 0) >= 0);
}

static void have_two_groups(void)
{
	have_full_container();
	must(!join());
}

static int leave(void)
{
	return result_of(ioctl(fd3, VFIO_GROUP_UNSET_CONTAINER));
}

static int first;	/* the group that the container had before the other one joined */

static void have_first_group(void)
{
	have_two_groups();
	first = group_fd(bar2_group);
}

/* The device that stands for the domain is another one afterwards. */
static int leave_first(void)
{
	return result_of(ioctl(first, VFIO_GROUP_UNSET_CONTAINER));
}

static void undo_leave_first(void)
{
	int c = peerbuf_container_fd(importer);

	ioctl(first, VFIO_GROUP_SET_CONTAINER, &c);
	undo_join();
}

static void have_event(void)
{
	fd2 = eventfd(0, 0);
	must(fd2 >= 0);
}

static void have_buffer_and_event(void)
{
	have_buffer();
	have_event();
}

static int map_one(void)
{
	return map_at(MIB, 0);
}

static int map_strict(void)
{
	return map_at(MIB, PEERBUF_MAP_STRICT);
}

/* One piece that takes small pages, and so several page tables of the IOMMU's last level. */
static void have_unaligned_and_event(void)
{
	struct vfio_region_dma_range range = { PAGE, 5 * MIB };

	buffer = peerbuf_device_export(bar, BAR2, O_RDWR | O_CLOEXEC, &range, 1);
	must(buffer >= 0);
	have_event();
}

/* What a failure has left behind in the domain the kernel finds when the same is mapped again. */
static int map_unaligned(void)
{
	int ret = map_at(5 * MIB, 0);

	if (ret && !map_at(5 * MIB, 0))
		unmap_at();
	return ret;
}

static void have_many_and_event(void)
{
	have_many();
	have_event();
}

static int map_many(void)
{
	return map_at(MANY * PAGE, 0);
}

static void have_mapped(void)
{
	have_buffer_and_event();
	must(!map_one());
}

static int unmap_buffer(void)
{
	struct peerbuf_iommu_unmap_buffer unmap = { .argsz = sizeof(unmap), .iova = IOVA };

	return result_of(ioctl(peerbuf_container_fd(importer), PEERBUF_IOMMU_UNMAP_BUFFER,
			       &unmap));
}

static int query_buffer(void)
{
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = IOVA };

	return result_of(ioctl(peerbuf_container_fd(importer), PEERBUF_IOMMU_QUERY_BUFFER, &q));
}

static int get_info(void)
{
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };

	return result_of(ioctl(peerbuf_container_fd(importer), PEERBUF_IOMMU_GET_INFO, &info));
}

static int get_type1_info(void)
{
	struct {
		struct vfio_iommu_type1_info info;
		char more[512];
	} arg = { .info.argsz = sizeof(arg) };

	return result_of(ioctl(peerbuf_container_fd(importer), VFIO_IOMMU_GET_INFO, &arg));
}

/* ------------------------------------------------------------- foreign exporters */

/* peerbuf_test makes it: ranges of the BAR, by an exporter of some kind. */
static int test_export(uint32_t flags)
{
	struct { uint64_t offset, length; } range[] = { { 0, MIB / 2 }, { MIB, MIB / 2 } };
	struct pbt_export arg = {
		.bdf = bdf_of("BAR"), .nr = 2, .size = MIB, .ranges = (uintptr_t)range,
		.flags = flags,
	};

	must(!ioctl(fd, PBT_EXPORT, &arg));
	return arg.fd;
}

static void have_test_buffer(uint32_t flags)
{
	fd = open("/dev/peerbuf_test", O_RDWR);
	must(fd >= 0);
	buffer = test_export(flags);
	have_event();
}

static void have_foreign(void)
{
	have_test_buffer(PBT_FOREIGN);
}

static void have_native_sgt(void)
{
	have_test_buffer(PBT_NATIVE_SGT);
}

static void have_private(void)
{
	have_test_buffer(PBT_OFFER_PRIVATE);
	fd3 = fd;	/* the importer opens its own */
	fd = -1;
}

static void have_iov(void)
{
	have_test_buffer(PBT_OFFER_IOV);
}

static void have_memfd(void)
{
	memfd = memfd_create("failnth", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	/* Its pages are there: a path would have a place for each of them. */
	must(memfd >= 0 && !posix_fallocate(memfd, 0, 3 * MIB) &&
	     !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK));
}

static void have_udmabuf(void)
{
	struct udmabuf_create create = { .size = MIB };

	have_memfd();
	have_event();
	create.memfd = memfd;
	fd = open("/dev/udmabuf", O_RDWR);
	must(fd >= 0);
	buffer = ioctl(fd, UDMABUF_CREATE, &create);
	must(buffer >= 0);
}

/* -------------------------------------------------------------------------- RAM */

static int ram_open(void)
{
	fd2 = result_of(open("/dev/peerbuf_ram", O_RDWR));
	return fd2 < 0 ? fd2 : 0;
}

/* And a few pages that are not. */
static void have_empty_memfd(void)
{
	memfd = memfd_create("failnth", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	must(memfd >= 0 && !ftruncate(memfd, 8 * PAGE) &&
	     !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	must(!ram_open());
}

static void have_ram_fd(void)
{
	have_memfd();
	must(!ram_open());
}

static int ram_create(uint64_t size, uint32_t flags)
{
	struct peerbuf_ram_create create = {
		.argsz = sizeof(create), .flags = flags, .memfd = memfd, .open_flags = O_RDWR,
		.size = size,
	};

	buffer = result_of(ioctl(fd2, PEERBUF_RAM_CREATE, &create));
	return buffer < 0 ? buffer : 0;
}

static int ram_create_for_all(void)
{
	return ram_create(3 * MIB, 0);
}

static int ram_create_revocable(void)
{
	return ram_create(3 * MIB, PEERBUF_RAM_REVOCABLE);
}

static int ram_create_few(void)
{
	return ram_create(8 * PAGE, 0);
}

static void have_ram_buffer(void)
{
	have_ram_fd();
	must(!ram_create_for_all());
}

static void have_revocable_ram(void)
{
	have_ram_fd();
	must(!ram_create_revocable());
}

static int ram_query(void)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q), .dmabuf_fd = buffer };

	return result_of(ioctl(fd2, PEERBUF_DEVICE_QUERY_BUFFER, &q));
}

static int ram_revoke(void)
{
	struct peerbuf_device_revoke_buffer r = { .argsz = sizeof(r), .dmabuf_fd = buffer };

	return result_of(ioctl(fd2, PEERBUF_DEVICE_REVOKE_BUFFER, &r));
}

static int ram_vmap(void)
{
	struct pbt_vmap arg = { .fd = buffer };

	return result_of(ioctl(fd, PBT_VMAP, &arg));
}

static void have_ram_to_vmap(void)
{
	have_ram_buffer();
	fd = open("/dev/peerbuf_test", O_RDWR);
	must(fd >= 0);
}

static int sync_ram(void)
{
	struct dma_buf_sync begin = { DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	struct dma_buf_sync end = { DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW };
	int ret = result_of(ioctl(buffer, DMA_BUF_IOCTL_SYNC, &begin));

	return ret ?: result_of(ioctl(buffer, DMA_BUF_IOCTL_SYNC, &end));
}

static void have_imported_ram(void)
{
	have_ram_to_vmap();
	must(!import(0) && !map_import());
}

static int map_ram_buffer(void)
{
	return map_at(3 * MIB, 0);
}

static void have_ram_and_event(void)
{
	have_ram_buffer();
	shut(&fd2);
	have_event();
}

/* -------------------------------------------------------------- kernel importers */

static uint32_t import_flags;

static int import_and_map(void)
{
	struct pbt_status status;
	int ret;

	fd = result_of(open("/dev/peerbuf_test", O_RDWR));
	if (fd < 0)
		return fd;
	ret = import(import_flags);
	if (!ret)
		ret = map_import();
	if (!ret)
		ret = result_of(ioctl(fd, PBT_STATUS, &status));
	if (!ret)
		ret = result_of(ioctl(fd, PBT_UNMAP));
	return ret ?: result_of(ioctl(fd, PBT_DETACH));
}

#define IMPORTER(name, flags)			\
static int import_##name(void)			\
{						\
	import_flags = flags;			\
	return import_and_map();		\
}

IMPORTER(untyped, 0)
IMPORTER(typed, PBT_TYPED)
IMPORTER(unlocked, PBT_TYPED | PBT_UNLOCKED)
IMPORTER(raw, PBT_TYPED | PBT_RAW_PAL)
IMPORTER(agent, PBT_RAW_PAL)
IMPORTER(static, PBT_STATIC)
IMPORTER(private, PBT_TYPED | PBT_PRIVATE)

/* Of a function that is no virtual one: what can fail is to find that out. */
static int refuse_iov(void)
{
	int ret, test = result_of(open("/dev/peerbuf_test", O_RDWR));
	struct pbt_import arg = {
		.dmabuf_fd = buffer, .bdf = bdf_of("SSD"), .flags = PBT_TYPED | PBT_IOV,
	};

	if (test < 0)
		return test;
	ret = result_of(ioctl(test, PBT_IMPORT, &arg));
	close(test);
	return ret == -EINVAL ? 0 : ret ?: -EIO;
}

/* -------------------------------------------------------------------- processes */

static int map_and_touch(void)
{
	window_size = MIB;
	window = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	if (window == MAP_FAILED)
		return -errno;
	/* A fault that finds no memory is tried again by the kernel. */
	*(volatile char *)window = 1;
	((volatile char *)window)[window_size - 1] = 1;
	return 0;
}

static void have_combining_buffer(void)
{
	have_buffer();
	must(!combine_by_device());
}

static int map_bar_and_touch(void)
{
	off_t offset = (off_t)BAR2 << 40;

	window_size = MIB;
	window = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, peerbuf_device_fd(bar),
		      offset);
	if (window == MAP_FAILED)
		return -errno;
	*(volatile int *)window = 1;
	return 0;
}

#define DEBUGFS "/sys/kernel/debug/peerbuf/"

static int read_debugfs(const char *file)
{
	char text[4096];
	ssize_t len;

	fd3 = result_of(open(file, O_RDONLY));
	if (fd3 < 0)
		return fd3;
	len = result_of(read(fd3, text, sizeof(text)));
	return len < 0 ? len : 0;
}

static int read_buffers(void)
{
	return read_debugfs(DEBUGFS "buffers");
}

static int read_foreign(void)
{
	return read_debugfs(DEBUGFS "foreign");
}

static void have_foreign_user(void)
{
	have_udmabuf();
	must(!map_one());
}

static int ask_for_route(void)
{
	char text[128];
	ssize_t len;

	len = snprintf(text, sizeof(text), "%s-%s", getenv("BAR_BDF"), getenv("SSD_BDF"));
	fd3 = result_of(open(DEBUGFS "route", O_RDWR));
	if (fd3 < 0)
		return fd3;
	len = result_of(write(fd3, text, len));
	if (len >= 0)
		len = result_of(read(fd3, text, sizeof(text)));
	return len < 0 ? len : 0;
}

/* ---------------------------------------------------------------- driver binding */

static int write_bdf(const char *file)
{
	const char *bdf = getenv("EDU_BDF");
	int ret, f = open(file, O_WRONLY);

	if (f < 0)
		return -errno;
	ret = result_of(write(f, bdf, strlen(bdf)));
	close(f);
	return ret < 0 ? ret : 0;
}

static void set_override(const char *driver)
{
	char path[128];
	int f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
		 getenv("EDU_BDF"));
	f = open(path, O_WRONLY);
	must(f >= 0 && write(f, driver, strlen(driver)) == (ssize_t)strlen(driver));
	close(f);
}

static void unbound(void)
{
	write_bdf("/sys/bus/pci/drivers/vfio-pci/unbind");
	set_override("vfio_pci_peerbuf");
}

static int bind(void)
{
	return write_bdf("/sys/bus/pci/drivers/vfio_pci_peerbuf/bind");
}

static void undo_bind(void)
{
	write_bdf("/sys/bus/pci/drivers/vfio_pci_peerbuf/unbind");
	set_override("vfio-pci");
	must(!write_bdf("/sys/bus/pci/drivers/vfio-pci/bind"));
}

/* ------------------------------------------------------------------------ tables */

const struct path paths[] = {
	/* What may fail here is all VFIO's, and much; some of it, it takes with a warning. */
	{ NULL, "open a device", have_closed_device, open_device, reopen_bar },
	{ NULL, "bind a device", unbound, bind, undo_bind },
	/* A region that cannot be noted for want of memory is told as one that is taken. */
	{ "exporter", "export first", have_new_device, export_first, reopen_bar,
	  .also = -ENODEV, .slow = true },
	{ "exporter", "export one range", NULL, export_one, shut_all },
	{ "exporter", "export many ranges", NULL, export_many, shut_all },
	{ "exporter", "export memory that is off", memory_off, export_one, memory_on },
	{ "exporter", "query a buffer of the device", have_used_buffer, query_device, undo_users },
	{ "exporter", "have a buffer of the device combine writes", have_used_buffer,
		combine_by_device, undo_users },
	{ "exporter", "revoke a buffer of the device", have_used_buffer, revoke_by_device, undo_users,
	  revoked_if_done },
	{ "exporter", "memory off and on", have_used_ranges, off_and_on, undo_users,
	  restored_or_told, true },
	{ "exporter", "reset", have_used_ranges, reset, undo_users,
	  restored_or_told, true },
	{ "exporter", "low power entry", have_used_buffer, low_power_entry, undo_sleep,
	  asleep_if_done },
	{ "exporter", "low power entry with wakeup", have_used_buffer, low_power_wakeup, undo_sleep,
	  asleep_if_done },
	{ "exporter", "low power exit", be_asleep, low_power_exit, undo_sleep },
	{ "exporter", "mmap a BAR", NULL, map_bar_and_touch, shut_all },
	{ "container", "open a container", NULL, open_container, shut_all },
	{ "container", "join a container", have_full_container, join, undo_join },
	{ "container", "join a container with a revoked buffer", have_revoked_container, join,
	  undo_revoked_join },
	{ "container", "join with page tables of one's own", have_other_domain, join,
	  undo_other_domain },
	{ "container", "the same with a revoked buffer", have_revoked_other_domain, join,
	  undo_revoked_join },
	{ "container", "leave a container first", have_first_group, leave_first, undo_leave_first },
	{ "container", "leave a container", have_two_groups, leave, undo_join },
	{ "container", "map user memory", NULL, map_ram_one, undo_ram },
	{ "container", "map scattered user memory", NULL, map_ram_scattered, undo_ram },
	{ "container", "map a BAR by its address", have_bar_window, map_window, undo_ram },
	{ "container", "map a buffer by its address", have_buffer_window, map_window, undo_ram },
	{ "container", "unmap user memory", have_mapped_ram, unmap_ram, undo_ram },
	{ "container", "ask for type1's information", NULL, get_type1_info, shut_all },
	{ "container", "ask for information", NULL, get_info, shut_all },
	{ "container", "map a buffer", have_buffer_and_event, map_one, undo_users },
	{ "container", "map a buffer strictly", have_buffer_and_event, map_strict, undo_users },
	{ "container", "map a buffer by small pages", have_unaligned_and_event, map_unaligned, undo_users },
	{ "container", "map a buffer of many ranges", have_many_and_event, map_many, undo_users },
	{ "container", "map a foreign buffer", have_foreign, map_one, undo_users },
	{ "container", "map a foreign buffer of RAM", have_udmabuf, map_one, undo_users },
	{ "container", "map a native buffer that fills scatterlists", have_native_sgt, map_one, undo_users },
	{ "container", "map a buffer of RAM", have_ram_and_event, map_ram_buffer, undo_users },
	{ "container", "unmap a buffer", have_mapped, unmap_buffer, undo_users },
	{ "container", "query a mapping", have_mapped, query_buffer, undo_users },
	{ "memory", "open peerbuf_ram", NULL, ram_open, shut_all },
	{ "memory", "make a buffer of RAM", have_ram_fd, ram_create_for_all, shut_all },
	{ "memory", "make a buffer of pages that are not there", have_empty_memfd, ram_create_few,
	  shut_all },
	{ "memory", "make a revocable buffer of RAM", have_ram_fd, ram_create_revocable, shut_all },
	{ "memory", "query a buffer of RAM", have_revocable_ram, ram_query, shut_all },
	{ "memory", "revoke a buffer of RAM", have_revocable_ram, ram_revoke, shut_all },
	{ "memory", "map RAM into the kernel", have_ram_to_vmap, ram_vmap, shut_all },
	{ "memory", "synchronize RAM", have_imported_ram, sync_ram, shut_all },
	{ "importers", "import a BAR by scatterlist", have_buffer, import_untyped, shut_all },
	{ "importers", "import a BAR by typed scatterlist", have_buffer, import_typed, shut_all },
	{ "importers", "import a BAR, lock not held", have_buffer, import_unlocked, shut_all },
	{ "importers", "import a BAR's physical addresses", have_buffer, import_raw, shut_all },
	{ "importers", "import a BAR's physical addresses by an agent", have_buffer, import_agent, shut_all },
	{ "importers", "import many ranges", have_many, import_typed, shut_all },
	{ "importers", "import RAM by scatterlist", have_ram_buffer, import_untyped, shut_all },
	{ "importers", "import RAM by typed scatterlist", have_ram_buffer, import_typed, shut_all },
	{ "importers", "import RAM for good", have_ram_buffer, import_static, shut_all },
	{ "importers", "import by a type of a driver's own", have_private, import_private, shut_all },
	{ "importers", "be no driver of a physical function", have_iov, refuse_iov, shut_all },
	{ "processes", "mmap a buffer", have_buffer, map_and_touch, shut_all },
	{ "processes", "mmap a buffer that combines writes", have_combining_buffer, map_and_touch,
		shut_all },
	{ "processes", "mmap RAM", have_ram_buffer, map_and_touch, shut_all },
	{ "processes", "read the buffers of debugfs", have_used_buffer, read_buffers, undo_users },
	{ "processes", "read the foreign buffers of debugfs", have_foreign_user, read_foreign,
	  undo_users },
	{ "processes", "ask debugfs for a route", NULL, ask_for_route, shut_all },
};

const size_t nr_paths = N(paths);

/* Pages that follow each other in memory nowhere: the file's, in reverse. */
static unsigned char *make_scattered(void)
{
	unsigned char *p = mmap(NULL, SCATTERED * PAGE, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i, f = memfd_create("scattered", MFD_CLOEXEC);

	must(p != MAP_FAILED && f >= 0 && !ftruncate(f, SCATTERED * PAGE));
	for (i = 0; i < SCATTERED; i++) {
		must(mmap(p + i * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, f,
			  (SCATTERED - 1 - i) * PAGE) != MAP_FAILED);
		p[i * PAGE] = 1;
	}
	close(f);
	return p;
}

void paths_setup(void)
{
	snprintf(bar_bdf, sizeof(bar_bdf), "%s", getenv("BAR_BDF"));
	snprintf(edu_group, sizeof(edu_group), "/dev/vfio/%u", group_of("EDU"));
	snprintf(bar_group, sizeof(bar_group), "/dev/vfio/%u", group_of("BAR"));
	snprintf(bar2_group, sizeof(bar2_group), "/dev/vfio/%u", group_of("BAR2"));
	must(!peerbuf_container_open(PEERBUF_IOMMU, &owner));
	must(!peerbuf_device_open(owner, bar_bdf, &bar));
	must(!peerbuf_container_open(PEERBUF_IOMMU, &importer));
	must(!peerbuf_container_add_group(importer, group_of("BAR2")));
	ram = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(ram != MAP_FAILED);
	scattered = make_scattered();
}

void paths_teardown(void)
{
	peerbuf_device_close(bar);
	peerbuf_container_close(owner);
	peerbuf_container_close(importer);
}
