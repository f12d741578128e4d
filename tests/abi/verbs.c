// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stands in for libibverbs, by LD_PRELOAD, where there is no RDMA device whose driver takes
 * dma-bufs: its one device, umem0, registers by the RDMA core's umem (tests/kmod/umem.c), as such
 * drivers do. The PCI device that does its DMA is in the environment: UMEM_BDF. The keys of a
 * region are the number of the page at which it really begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../kmod/peerbuf_test.h"

static struct ibv_device umem0 = { .name = "umem0" };
static struct ibv_context context = { .device = &umem0, .cmd_fd = -1 };
static struct ibv_pd domain = { .context = &context };

struct ibv_device **ibv_get_device_list(int *number)
{
	static struct ibv_device *list[] = { &umem0, NULL };

	if (number)
		*number = 1;
	return list;
}

void ibv_free_device_list(struct ibv_device **list)
{
	(void)list;
}

const char *ibv_get_device_name(struct ibv_device *device)
{
	return device->name;
}

struct ibv_context *ibv_open_device(struct ibv_device *device)
{
	(void)device;
	return &context;
}

int ibv_close_device(struct ibv_context *closed)
{
	(void)closed;
	return 0;
}

struct ibv_pd *ibv_alloc_pd(struct ibv_context *opened)
{
	(void)opened;
	return &domain;
}

int ibv_dealloc_pd(struct ibv_pd *pd)
{
	(void)pd;
	return 0;
}

static int register_umem(int file, size_t length, int fd, uint64_t *phys)
{
	struct pbt_umem umem = { .fd = fd, .size = length };
	const char *name = getenv("UMEM_BDF");
	unsigned int domain_nr, bus, slot, function;

	if (!name || sscanf(name, "%x:%x:%x.%x", &domain_nr, &bus, &slot, &function) != 4) {
		errno = ENXIO;
		return -1;
	}
	umem.bdf = domain_nr << 16 | bus << 8 | slot << 3 | function;
	if (ioctl(file, PBT_UMEM, &umem))
		return -1;
	*phys = umem.phys;
	return 0;
}

struct ibv_mr *ibv_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova,
				 int fd, int access)
{
	int file = open("/dev/peerbuf_umem", O_RDWR | O_CLOEXEC);
	struct ibv_mr *mr = calloc(1, sizeof(*mr));
	uint64_t phys;
	int err;

	(void)offset;
	(void)iova;
	(void)access;
	if (file < 0 || !mr || register_umem(file, length, fd, &phys)) {
		err = mr ? errno : ENOMEM;
		if (file >= 0)
			close(file);
		free(mr);
		errno = err;
		return NULL;
	}
	mr->context = pd->context;
	mr->pd = pd;
	mr->length = length;
	mr->handle = (uint32_t)file;
	mr->lkey = (uint32_t)(phys >> 12);
	mr->rkey = mr->lkey;
	return mr;
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
	close((int)mr->handle);
	free(mr);
	return 0;
}
