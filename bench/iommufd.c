// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * map_container, map_iommufd: the same BARs by what the kernel itself has since 6.19, its own
 * export of them and its own iommufd.
 */
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "iommufd_abi.h"

#define IOVA (64 * GIB)

/* An address space of an iommufd of its own, with the SSD in it. */
struct ioas {
	int fd;
	int ssd;
	uint32_t id;
};

static struct ioas ioas_open(void)
{
	struct ioas at = { .fd = (int)must(open("/dev/iommu", O_RDWR | O_CLOEXEC), "iommufd") };

	at.id = (uint32_t)must(iommufd_new_ioas(at.fd), "IOAS_ALLOC");
	at.ssd = (int)must(iommufd_open_device(bdf_of("SSD"), at.fd, at.id), "the SSD's cdev");
	return at;
}

static void by_iommufd(const struct mapped *what, double *map, double *unmap)
{
	struct ioas at = ioas_open();
	struct ioas_map_file arg = {
		.size = sizeof(arg), .flags = FIXED_RW, .ioas = at.id,
		.fd = what->buffer, .length = what->length, .iova = IOVA,
	};
	struct ioas_unmap undo = {
		.size = sizeof(undo), .ioas = at.id, .iova = IOVA, .length = what->length,
	};
	double begin = now(), middle;

	must(ioctl(at.fd, IOAS_MAP_FILE, &arg), "IOAS_MAP_FILE");
	middle = now();
	must(ioctl(at.fd, IOAS_UNMAP, &undo), "IOAS_UNMAP");
	*unmap = now() - middle;
	*map = middle - begin;
	close(at.ssd);
	close(at.fd);
}

static void against_stock(void (*way)(const struct mapped *what, double *map, double *unmap),
			  int ours, int stock, uint64_t length, const char *name, const char *goal)
{
	static const char peer[] = "stock vfio-pci's dma-buf, stock iommufd";
	const struct mapped what[] = {
		[OURS] = { .by = way, .buffer = ours, .length = length },
		[PEER] = { .by = by_iommufd, .buffer = stock, .length = length },
	};

	declare("us", "less", goal, peer, "map_%s", name);
	declare("us", "less", goal, peer, "unmap_%s", name);
	for (unsigned int r = 0; r < many_rounds(); r++)
		map_in_turns(r, what, name);
}

void measure_iommufd(struct peerbuf_device *big)
{
	int ours, stock;

	if (access("/dev/iommu", F_OK)) {
		absent("*_container_*g, *_iommufd_*g", "this kernel has no iommufd");
		return;
	}
	for (unsigned int i = 0; i < nr_bars; i++) {
		struct vfio_region_dma_range range = { .length = bars[i] * GIB };
		char name[32];

		stock = peerbuf_device_export(plain_device(), BAR2, O_RDWR, &range, 1);
		if (stock == -ENOTTY) {
			absent("*_container_*g, *_iommufd_*g",
			       "this kernel's vfio-pci does not export dma-bufs");
			break;
		}
		must(stock, "export by stock vfio-pci");
		ours = (int)must(peerbuf_device_export(big, BAR2, O_RDWR, &range, 1), "export");
		snprintf(name, sizeof(name), "container_%ug", bars[i]);
		against_stock(by_container, ours, stock, range.length, name, "1.0");
		if (!access("/sys/module/peerbuf_iommufd", F_OK)) {
			snprintf(name, sizeof(name), "iommufd_%ug", bars[i]);
			/* All that the stock way does, and more: it cannot be as fast. */
			against_stock(by_iommufd, ours, stock, range.length, name, "");
		} else if (!i) {
			absent("*_iommufd_*g", "peerbuf_iommufd is not loaded");
		}
		close(ours);
		close(stock);
	}
}
