// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rdma-register: a device's memory as a memory region of an RDMA device, through rdma-core.
 *
 *	rdma-register RDMA BDF BAR
 *
 * BDF is bound to vfio_pci_peerbuf. The first 64 KiB of its BAR are exported and registered with
 * the RDMA device RDMA, such as mlx5_0, which can then send and receive them.
 *
 * Exit status: 0 registered; 1 an error; 3 the RDMA device's driver takes no dma-bufs, which is so
 * for those made of software, such as rxe.
 */
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <peerbuf.h>

#define LENGTH	65536u

static int fail(const char *what, int err)
{
	fprintf(stderr, "rdma-register: %s: %s\n", what, strerror(err));
	return EXIT_FAILURE;
}

static struct ibv_context *open_rdma(const char *name)
{
	struct ibv_device **devices = ibv_get_device_list(NULL);
	struct ibv_context *context = NULL;
	int i = 0;

	while (devices && devices[i] && strcmp(ibv_get_device_name(devices[i]), name))
		i++;
	if (devices && devices[i])
		context = ibv_open_device(devices[i]);
	else
		errno = ENODEV;
	if (devices)
		ibv_free_device_list(devices);
	return context;
}

/* The mapping lasts as long as the region; when it is revoked, the driver stops the device. */
static int register_buffer(struct ibv_context *rdma, int buffer)
{
	int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;
	struct ibv_pd *pd = ibv_alloc_pd(rdma);
	struct ibv_mr *mr;
	int err;

	if (!pd)
		return fail("no protection domain", errno);
	mr = ibv_reg_dmabuf_mr(pd, 0, LENGTH, 0, buffer, access);
	err = errno;
	if (mr) {
		printf("registered: lkey 0x%x, rkey 0x%x, %u bytes\n", mr->lkey, mr->rkey, LENGTH);
		ibv_dereg_mr(mr);
	}
	ibv_dealloc_pd(pd);
	if (mr)
		return EXIT_SUCCESS;
	if (err != EOPNOTSUPP && err != EPROTONOSUPPORT)
		return fail("the buffer cannot be registered", err);
	printf("%s takes no dma-bufs: its driver has no such call\n",
	       ibv_get_device_name(rdma->device));
	return 3;
}

static int export_buffer(const char *bdf, uint32_t bar, struct peerbuf_container **container,
			 struct peerbuf_device **device)
{
	struct vfio_region_dma_range part = { .offset = 0, .length = LENGTH };
	int err;

	err = peerbuf_container_open(PEERBUF_IOMMU, container);
	if (!err)
		err = peerbuf_device_open(*container, bdf, device);
	if (!err)
		err = peerbuf_device_command(*device, PCI_COMMAND_MEMORY, 0);
	return err < 0 ? err : peerbuf_device_export(*device, bar, O_RDWR, &part, 1);
}

int main(int argc, char **argv)
{
	struct peerbuf_container *container = NULL;
	struct peerbuf_device *device = NULL;
	struct ibv_context *rdma;
	int buffer, status;

	if (argc != 4) {
		fputs("Usage: rdma-register RDMA BDF BAR\n", stderr);
		return 2;
	}
	rdma = open_rdma(argv[1]);
	if (!rdma)
		return fail(argv[1], errno);
	buffer = export_buffer(argv[2], (uint32_t)atoi(argv[3]), &container, &device);
	status = buffer < 0 ? fail(argv[2], -buffer) : register_buffer(rdma, buffer);
	if (buffer >= 0)
		close(buffer);
	peerbuf_device_close(device);
	peerbuf_container_close(container);
	ibv_close_device(rdma);
	return status;
}
