/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/peerbuf_bench: what bench/ compares with, as far as user space cannot do it: bare
 * loops of the kernel's own IOMMU functions, and importers that are drivers.
 */
#ifndef PEERBUF_BENCH_H
#define PEERBUF_BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * A domain for an IOMMU group that is bound to VFIO drivers and that nobody has open, and
 * memory of another device. One per open file; it ends with the file.
 */
struct pbb_domain {
	__u32 bdf;		/* domain << 16 | bus << 8 | devfn */
	__u32 memory_bdf;	/* whose BAR 2 it is */
	__u64 ranges;		/* pointer to { offset, length }, page aligned */
	__u64 iova;
	__u64 stride;		/* from the first IOVA of one copy to that of the next */
	__u32 nr;
	__u32 copies;
};

/* Attach, map, unmap and detach a buffer this often, as a driver does. */
struct pbb_cycle {
	__s32 dmabuf_fd;
	__u32 bdf;		/* the importing device */
	__u32 how;
#define PBB_STOCK	0	/* dma_buf_dynamic_attach() and a scatterlist */
#define PBB_SGT		1	/* negotiated, to a scatterlist */
#define PBB_IOMMU	2	/* negotiated, into the domain of PBB_DOMAIN */
#define PBB_PAL		3	/* negotiated, the list itself; raw_pal_allow=peerbuf_bench */
	__u32 count;
	__u64 ns;		/* out */
};

/* Bytes that a description of 1 GiB takes, in pieces of so much. */
struct pbb_memory {
	__u64 piece;		/* a power of two, at least a page */
	__u64 list;		/* out: a physical address list */
	__u64 table;		/* out: a scatterlist */
};

#define PBB_DOMAIN	_IOW(0xBD, 0, struct pbb_domain)
#define PBB_MAP		_IO(0xBD, 1)	/* one iommu_map() for each range */
#define PBB_UNMAP	_IO(0xBD, 2)	/* one iommu_unmap() for each copy */
#define PBB_CYCLE	_IOWR(0xBD, 3, struct pbb_cycle)
#define PBB_MEMORY	_IOWR(0xBD, 4, struct pbb_memory)

#endif
