// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drivers of the stock kernel and buffers of peerbuf, each with each: what works, what is
 * refused and how. Prints the tables of docs/interop.md to the file INTEROP; data is looked
 * at, so that "works" does not mean "returned 0".
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <linux/usb/functionfs.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi.h"
#include "../kmod/peerbuf_test.h"
#include "../../examples/ssd-to-device/nvme.h"

#define IOVA (1ULL << 32)
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)
#define SIZE (2 * MIB)

/* The parts of DRM's user ABI that a buffer needs. */
struct dumb_create {
	uint32_t height, width, bpp, flags, handle, pitch;
	uint64_t size;
};

struct prime {
	uint32_t handle, flags;
	int32_t fd;
};

/* Newer than Debian 12's headers. */
#ifndef FUNCTIONFS_DMABUF_ATTACH
#define FUNCTIONFS_DMABUF_ATTACH _IOW('g', 131, int)
#endif

struct version {
	int major, minor, patch;
	size_t name_length;
	char *name;
	size_t date_length;
	char *date;
	size_t description_length;
	char *description;
};

#define DRM_VERSION	_IOWR('d', 0x00, struct version)
#define DRM_CREATE_DUMB	_IOWR('d', 0xb2, struct dumb_create)
#define DRM_HANDLE_TO_FD _IOWR('d', 0x2d, struct prime)
#define DRM_FD_TO_HANDLE _IOWR('d', 0x2e, struct prime)

static struct peerbuf_container *container, *exporter;
static struct peerbuf_device *bar;
static struct peerbuf_ram *ram;
static struct nvme *ssd;
static uint64_t bar_start;
static FILE *table;

static int setup(void **state)
{
	table = fopen(getenv("INTEROP"), "w");
	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	bar_start = bar_start_of("BAR");
	return !table || peerbuf_ram_open(&ram) ||
	       peerbuf_container_open(PEERBUF_IOMMU, &container) ||
	       nvme_open(container, getenv("SSD_BDF"), 10000, &ssd);
}

static int teardown(void **state)
{
	nvme_close(ssd);
	peerbuf_ram_close(ram);
	peerbuf_device_close(bar);
	peerbuf_container_close(container);
	peerbuf_container_close(exporter);
	fclose(table);
	return 0;
}

/* No errno: the importer took the buffer and makes a table of it when it needs one. */
#define NO_TABLE_YET 1

static void cell(long err, const char *note)
{
	if (!err)
		fprintf(table, " works%s |", note);
	else if (err == NO_TABLE_YET)
		fprintf(table, " taken, not mapped yet%s |", note);
	else
		fprintf(table, " refused (%s)%s |", strerrorname_np(-err), note);
}

/* References on a native buffer, as debugfs has them. */
static long references(int fd)
{
	FILE *f = fopen("/sys/kernel/debug/peerbuf/holders", "r");
	unsigned long ino;
	char line[256];
	long refs = -1, n;
	struct stat st;

	assert_non_null(f);
	assert_int_equal(fstat(fd, &st), 0);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "id=%*u ino=%lu refs=%ld", &ino, &n) == 2 && ino == st.st_ino)
			refs = n;
	fclose(f);
	return refs;
}

/* Tables of a native buffer that importers hold, likewise. */
static long held(int fd)
{
	FILE *f = fopen("/sys/kernel/debug/peerbuf/buffers", "r");
	char line[512], *p;
	unsigned long ino;
	struct stat st;
	long n = -1;

	assert_non_null(f);
	assert_int_equal(fstat(fd, &st), 0);
	while (fgets(line, sizeof(line), f)) {
		p = strstr(line, " held=");
		if (p && sscanf(line, "id=%*u ino=%lu", &ino) == 1 && ino == st.st_ino)
			n = strtol(p + strlen(" held="), NULL, 10);
	}
	fclose(f);
	return n;
}

/*
 * The importer has been closed, so nobody but us has the buffer. If somebody does, that is
 * told, and mended, so that the modules can be unloaded.
 */
static const char *leak(int fd)
{
	int test = test_open();
	const char *note = "";

	assert_true(references(fd) > 0);
	for (; references(fd) > 1; note = "; the importer leaks a reference")
		assert_int_equal(ioctl(test, PBT_PUT, fd), 0);
	close(test);
	return note;
}

/* What a process sees of it; for writing, with the CPU's access announced. */
static unsigned char *see(int fd, size_t size)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
	return p;
}

static void unsee(int fd, void *p, size_t size)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW };

	ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
	munmap(p, size);
}

/* ------------------------------------------------------------------- exporters */

static int memfd(unsigned int flags)
{
	int mem = sealed_memfd(SIZE, flags);
	uint64_t offset;

	/* Every other page first, so that ordinary ones are not contiguous by chance. */
	for (offset = 0; offset < SIZE && !(flags & MFD_HUGETLB); offset += 2 * PAGE)
		assert_int_equal(fallocate(mem, 0, offset, PAGE), 0);
	assert_int_equal(fallocate(mem, 0, 0, SIZE), 0);
	return mem;
}

static int by_udmabuf(void)
{
	struct udmabuf_create create = { .size = SIZE, .memfd = memfd(0) };
	int dev = open("/dev/udmabuf", O_RDWR), fd;

	assert_true(dev >= 0);
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	close(create.memfd);
	close(dev);
	return fd;
}

static int by_heap(void)
{
	struct dma_heap_allocation_data data = { .len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDWR);

	assert_true(heap >= 0);
	assert_int_equal(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data), 0);
	close(heap);
	return data.fd;
}

/* The graphics driver of this name. */
static int open_card(const char *driver)
{
	char path[32], name[32];
	int i, card;

	for (i = 0; i < 4; i++) {
		struct version version = { .name_length = sizeof(name) - 1, .name = name };

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		card = open(path, O_RDWR);
		memset(name, 0, sizeof(name));
		if (card >= 0 && !ioctl(card, DRM_VERSION, &version) && !strcmp(name, driver))
			return card;
		close(card);
	}
	fail_msg("there is no %s", driver);
	return -1;
}

static int by_card(const char *driver)
{
	struct dumb_create create = { .height = 512, .width = 1024, .bpp = 32 };
	struct prime prime = { .flags = O_RDWR | O_CLOEXEC };
	int card = open_card(driver);

	assert_int_equal(ioctl(card, DRM_CREATE_DUMB, &create), 0);
	assert_int_equal(create.size, SIZE);
	prime.handle = create.handle;
	assert_int_equal(ioctl(card, DRM_HANDLE_TO_FD, &prime), 0);
	close(card);
	return prime.fd;
}

static int by_vgem(void)
{
	return by_card("vgem");
}

static int by_virtio_gpu(void)
{
	return by_card("virtio_gpu");
}

/* The script has loaded vivid with two capture devices, one for each allocator. */
static int video(int number)
{
	struct v4l2_format format = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.fmt.pix = { .width = 640, .height = 360, .pixelformat = V4L2_PIX_FMT_YUYV },
	};
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/video%d", number);
	fd = open(path, O_RDWR | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, VIDIOC_S_FMT, &format), 0);
	assert_true(format.fmt.pix.sizeimage <= SIZE);
	return fd;
}

static int by_vivid(int number)
{
	struct v4l2_requestbuffers request = {
		.count = 2, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP,
	};
	struct v4l2_exportbuffer export = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .flags = O_RDWR | O_CLOEXEC,
	};
	int dev = video(number);

	assert_int_equal(ioctl(dev, VIDIOC_REQBUFS, &request), 0);
	assert_int_equal(ioctl(dev, VIDIOC_EXPBUF, &export), 0);
	close(dev);
	return export.fd;
}

static int by_vivid_vmalloc(void)
{
	return by_vivid(0);
}

static int by_vivid_contig(void)
{
	return by_vivid(1);
}

static int by_ram_flags(uint32_t flags, unsigned int memfd_flags)
{
	int mem = memfd(memfd_flags), fd = peerbuf_ram_export(ram, mem, O_RDWR, 0, SIZE, flags);

	close(mem);
	return fd;
}

static int by_ram(void)
{
	return by_ram_flags(0, 0);
}

static int by_huge_ram(void)
{
	return by_ram_flags(0, MFD_HUGETLB);
}

static int by_revocable_ram(void)
{
	return by_ram_flags(PEERBUF_RAM_REVOCABLE, 0);
}

static int by_bar(void)
{
	return export_range(bar, O_RDWR, 8 * MIB, SIZE);
}

/* ------------------------------------------------------------- importers with types */

static size_t size_of(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	assert_true(size > 0);
	return size;
}

/* Something that is nowhere else, in the first bytes. */
static uint64_t mark(int fd)
{
	static uint64_t last = 0x7065657262756600;
	uint64_t *p = (void *)see(fd, PAGE);

	*p = ++last;
	unsee(fd, p, PAGE);
	return last;
}

/*
 * A kernel driver's device. Where the addresses lead there is what the process has written, or
 * @phys, if it is the BAR.
 */
static long by_sgt(int fd, uint64_t phys)
{
	uint64_t first = mark(fd);
	struct pbt_import im = { .dmabuf_fd = fd, .bdf = bdf_of("EDU"), .flags = PBT_TYPED };
	int test = test_open();
	struct pbt_map map;
	long err;

	err = call(test, PBT_IMPORT, &im);
	if (!err)
		err = call(test, PBT_MAP, &map);
	if (!err) {
		assert_int_equal(map.total, size_of(fd));
		if (phys)
			assert_int_equal(map.entry[0].phys, phys);
		else
			assert_int_equal(map.first, first);
	}
	close(test);
	return err;
}

/* A device in a container, which writes zeros. */
static long by_iommu(int fd)
{
	size_t size = size_of(fd);
	struct nvme_stats stats;
	unsigned char *p;
	long err;

	err = peerbuf_container_map_buffer(container, fd, -1, 0, size, IOVA, RW);
	if (err)
		return err;
	p = see(fd, size);
	memset(p, 0xa5, size);
	unsee(fd, p, size);
	assert_int_equal(nvme_read(ssd, 0, 4096, IOVA + size - 8192, &stats), 0);
	p = see(fd, size);
	assert_true(all(p, size - 8192, 0xa5));
	assert_true(all(p + size - 8192, 4096, 0));
	assert_true(all(p + size - 4096, 4096, 0xa5));
	unsee(fd, p, size);
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	return 0;
}

static void exporters_of_the_stock_kernel_for_importers_with_types(void **state)
{
	static const struct { const char *name; int (*export)(void); } exporters[] = {
		{ "udmabuf", by_udmabuf },
		{ "dma-heap `system`", by_heap },
		{ "vgem (DRM PRIME, dumb buffer)", by_vgem },
		{ "virtio-gpu (DRM PRIME, dumb buffer)", by_virtio_gpu },
		{ "vivid (V4L2, vb2 vmalloc, `EXPBUF`)", by_vivid_vmalloc },
		{ "vivid (V4L2, vb2 dma-contig, `EXPBUF`)", by_vivid_contig },
		{ "peerbuf_ram", by_ram },
		{ "peerbuf_ram, huge pages", by_huge_ram },
		{ "peerbuf_ram, revocable", by_revocable_ram },
		{ "vfio_pci_peerbuf, a BAR", by_bar },
	};
	size_t i;

	fputs("| exporter | SGT type | IOMMU type |\n|---|---|---|\n", table);
	for (i = 0; i < sizeof(exporters) / sizeof(exporters[0]); i++) {
		int fd = exporters[i].export();

		if (fd < 0)
			print_message("# %s: %s\n", exporters[i].name, strerrorname_np(-fd));
		assert_true(fd >= 0);
		fprintf(table, "| %s |", exporters[i].name);
		cell(by_sgt(fd, exporters[i].export == by_bar ? bar_start + 8 * MIB : 0), "");
		cell(by_iommu(fd), "");
		fputc('\n', table);
		close(fd);
	}
	fputc('\n', table);
}

/* ------------------------------------------------------- importers of the stock kernel */

/*
 * Graphics drivers have no engine here that would touch the memory: what can be seen is that
 * they hold its table.
 */
static long to_card(const char *driver, int fd)
{
	struct prime prime = { .fd = fd };
	int card = open_card(driver);
	long err = call(card, DRM_FD_TO_HANDLE, &prime);

	if (!err && references(fd) > 0 && held(fd) != 1)
		err = NO_TABLE_YET;
	close(card);
	return err;
}

static long to_vgem(int fd)
{
	return to_card("vgem", fd);
}

static long to_virtio_gpu(int fd)
{
	return to_card("virtio_gpu", fd);
}

static long queue(int dev, enum v4l2_memory memory, int fd, void *p, unsigned int index)
{
	struct v4l2_buffer buffer = {
		.index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = memory,
		.length = SIZE,
	};

	if (memory == V4L2_MEMORY_DMABUF)
		buffer.m.fd = fd;
	else
		buffer.m.userptr = (unsigned long)p;
	return call(dev, VIDIOC_QBUF, &buffer);
}

/* A picture must appear in the buffer. vivid does not begin with less than two of them. */
static long capture(int fd, int number, enum v4l2_memory memory)
{
	struct v4l2_requestbuffers request = {
		.count = 2, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = memory,
	};
	struct v4l2_buffer done = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = memory };
	enum v4l2_buf_type type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	int other = by_huge_ram(), dev = video(number);
	unsigned char *p = see(fd, SIZE), *after = see(other, SIZE);
	long err;

	memset(p, 0, SIZE);
	err = call(dev, VIDIOC_REQBUFS, &request);
	if (!err)
		err = queue(dev, memory, fd, p, 0);
	if (!err)
		err = queue(dev, memory, other, after, 1);
	if (!err)
		err = call(dev, VIDIOC_STREAMON, &type);
	if (!err) {
		struct pollfd wait = { .fd = dev, .events = POLLIN };

		assert_int_equal(poll(&wait, 1, 20000), 1);
		err = call(dev, VIDIOC_DQBUF, &done);
		assert_int_equal(ioctl(dev, VIDIOC_STREAMOFF, &type), 0);
		assert_false(all(p, 4096, 0));
	}
	close(dev);
	unsee(other, after, SIZE);
	unsee(fd, p, SIZE);
	close(other);
	return err;
}

static long to_vivid_vmalloc(int fd)
{
	return capture(fd, 0, V4L2_MEMORY_DMABUF);
}

static long to_vivid_contig(int fd)
{
	return capture(fd, 1, V4L2_MEMORY_DMABUF);
}

static long to_vivid_userptr(int fd)
{
	return capture(fd, 0, V4L2_MEMORY_USERPTR);
}

static long to_vivid_contig_userptr(int fd)
{
	return capture(fd, 1, V4L2_MEMORY_USERPTR);
}

static uint64_t bar_phys;	/* of the buffer that is tried, if it is the BAR's */

static long to_umem(int fd, bool pinned)
{
	uint64_t first = mark(fd);
	struct pbt_umem umem = {
		.fd = fd, .bdf = bdf_of("EDU"), .size = SIZE, .pinned = pinned,
	};
	int test = open("/dev/peerbuf_umem", O_RDWR);
	long err;

	assert_true(test >= 0);
	err = call(test, PBT_UMEM, &umem);
	if (!err && bar_phys)
		assert_int_equal(umem.phys, bar_phys);
	else if (!err)
		assert_int_equal(umem.first, first);
	close(test);
	return err;
}

static long to_umem_dynamic(int fd)
{
	return to_umem(fd, false);
}

static long to_umem_pinned(int fd)
{
	return to_umem(fd, true);
}

static long to_functionfs(int fd)
{
	int ep = open(getenv("FUNCTIONFS_EP"), O_RDWR);
	long err;

	assert_true(ep >= 0);
	err = call(ep, FUNCTIONFS_DMABUF_ATTACH, &fd);
	close(ep);
	return err;
}

static void native_buffers_for_importers_of_the_stock_kernel(void **state)
{
	static const struct {
		const char *name;
		long (*import)(int fd);
		bool picky;	/* may take no buffers at all */
	} importers[] = {
		{ "DRM PRIME (vgem)", to_vgem, false },
		{ "DRM PRIME (virtio-gpu)", to_virtio_gpu, true },
		{ "V4L2 `DMABUF`, vb2 vmalloc (vivid)", to_vivid_vmalloc, false },
		{ "V4L2 `DMABUF`, vb2 dma-contig (vivid)", to_vivid_contig, false },
		{ "V4L2 `USERPTR` of the buffer's `mmap()`, vb2 vmalloc (vivid)",
		  to_vivid_userptr, false },
		{ "V4L2 `USERPTR` of the buffer's `mmap()`, vb2 dma-contig (vivid)",
		  to_vivid_contig_userptr, true },
		{ "RDMA umem, dynamic", to_umem_dynamic, false },
		{ "RDMA umem, pinned", to_umem_pinned, false },
		{ "USB FunctionFS (dummy_hcd)", to_functionfs, true },
	};
	static int (*const exporters[])(void) = {
		by_ram, by_huge_ram, by_revocable_ram, by_bar,
	};
	size_t i, j;

	fputs("| importer | RAM | RAM, huge pages | revocable RAM | a BAR |\n"
	      "|---|---|---|---|---|\n", table);
	for (i = 0; i < sizeof(importers) / sizeof(importers[0]); i++) {
		fprintf(table, "| %s |", importers[i].name);
		for (j = 0; j < 4; j++) {
			int fd = exporters[j](), other = by_udmabuf();
			long err, anybody = 0;

			assert_true(fd >= 0 && other >= 0);
			bar_phys = exporters[j] == by_bar ? bar_start + 8 * MIB : 0;
			err = importers[i].import(fd);
			/* A driver that refuses a buffer of the kernel's own says nothing of ours. */
			if (err && importers[i].picky)
				anybody = importers[i].import(other);
			if (anybody)
				fprintf(table, " n.a.: takes nobody's buffers (%s) |",
					strerrorname_np(-anybody));
			else
				cell(err, leak(fd));
			close(other);
			close(fd);
		}
		fputc('\n', table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exporters_of_the_stock_kernel_for_importers_with_types),
		cmocka_unit_test(native_buffers_for_importers_of_the_stock_kernel),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("interop", tests, setup, teardown);
}
