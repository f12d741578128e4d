/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/peerbuf_test: the kernel's side of tests that user space cannot do by itself:
 * importing as a driver does, and exporting what no driver would.
 */
#ifndef PEERBUF_TEST_H
#define PEERBUF_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PBT_MAX_ENTRIES	16

/* Attach a buffer to a PCI device. One import per open file. */
struct pbt_import {
	__s32 dmabuf_fd;
	__u32 bdf;		/* domain << 16 | bus << 8 | devfn */
	__u32 flags;
#define PBT_STATIC	1	/* like a driver that cannot be told to let go */
#define PBT_NO_P2P	2	/* one that cannot cope with device memory */
#define PBT_TYPED	4	/* through dma_buf_mapping_attach() */
#define PBT_RAW_PAL	8	/* asking for physical addresses; not typed, through an agent */
#define PBT_IOV		32	/* typed, as the driver of the physical function that bdf is */
#define PBT_PRIVATE	64	/* typed, asking for a type of the test's own */
#define PBT_LAST_JOB	16	/* a DMA runs in order to unmap, and after it: fence_ms */
#define PBT_UNLOCKED	128	/* typed, by the calls that take the lock themselves */
#define PBT_MASK_24	256	/* its device addresses the first 16 MiB only */
	__u32 slow_ms;		/* after an invalidation, unmap this much later */
	__u32 fence_ms;		/* the DMA that is "running" ends this much later */
};

/* Map it; what the scatterlist has. */
struct pbt_map {
	__u32 nr;		/* entries; the first PBT_MAX_ENTRIES are told */
	__u32 orig_nents;
	__u32 pages;		/* entries that have a page or a CPU length */
	__u32 where;		/* PBT_IOV: number of the virtual function << 8 | BAR */
	__u64 total;		/* bytes */
	__u64 digest;		/* of phys and len of all that is physically in one piece */
	__u64 first;		/* what is in RAM where the first entry leads, 8 bytes; or 0 */
	struct {
		__u64 addr;	/* PBT_IOV: offset in the BAR */
		__u64 len;
		__u64 phys;	/* where its first byte is, as the IOMMU has it */
	} entry[PBT_MAX_ENTRIES];
};

static inline __u64 pbt_digest(__u64 digest, __u64 phys, __u64 len)
{
	digest = (digest ^ phys) * 0x100000001b3ULL;
	return (digest ^ len) * 0x100000001b3ULL;
}

struct pbt_status {
	__u32 notified;		/* invalidations so far */
	__u32 restored;
	__u32 mapped;
	__u32 enforced;
	__u32 route;
	__u32 typed_sgt;	/* the negotiated type is SGT */
	__u32 p2p;		/* it was told that device memory may come */
	__u32 one_run;		/* here the DMA API puts many ranges at one run of IOVAs */
};

/* Make a native buffer of a list of physical ranges of a PCI device's BAR 2. */
struct pbt_export {
	__u32 bdf;
	__u32 nr;
	__u64 size;		/* what the exporter says it is */
	__u64 ranges;		/* pointer to { offset, length } */
	__u32 flags;
#define PBT_RAW_ADDRESSES 1	/* offsets are physical addresses */
#define PBT_FOREIGN	2	/* by an exporter that knows nothing of peerbuf */
#define PBT_FOREIGN_STATIC 4	/* which, besides, cannot move or revoke */
#define PBT_NATIVE_SGT	8	/* a native one that fills scatterlists itself */
#define PBT_OFFER_PRIVATE 16	/* it prefers the test's own type */
#define PBT_REVOCABLE	32	/* PBT_BLOCK and so on revoke it */
#define PBT_OFFER_IOV	64	/* it claims to be a virtual function with the memory in BAR 2 */
#define PBT_SLOW_LIST	128	/* it takes a second to say where the memory is */
	__s32 fd;		/* out */
};

/* Move a PBT_FOREIGN buffer's memory. */
struct pbt_move {
	__s32 fd;
	__u32 pad;
	__s64 by;		/* bytes */
};

/* Map a buffer into the kernel's own address space, add up its bytes, and unmap it. */
struct pbt_vmap {
	__s32 fd;
	__u32 pad;
	__u64 sum;		/* out */
};

#define PBT_IMPORT	_IOW(0xBC, 0, struct pbt_import)
#define PBT_MAP		_IOR(0xBC, 1, struct pbt_map)
#define PBT_UNMAP	_IO(0xBC, 2)
#define PBT_DETACH	_IO(0xBC, 3)
#define PBT_STATUS	_IOR(0xBC, 4, struct pbt_status)
#define PBT_EXPORT	_IOWR(0xBC, 5, struct pbt_export)

#define PBT_MOVE	_IOW(0xBC, 6, struct pbt_move)
#define PBT_VMAP	_IOWR(0xBC, 7, struct pbt_vmap)

/* What the provider of PBT_REVOCABLE buffers, the module itself, goes through. */
#define PBT_BLOCK	_IO(0xBC, 7)	/* argument: enum peerbuf_cause */
#define PBT_UNBLOCK	_IO(0xBC, 8)	/* likewise */
#define PBT_REOPEN	_IO(0xBC, 9)	/* closed, and opened again */

/* Drop a reference that somebody else has leaked; argument: the dma-buf's fd. */
#define PBT_PUT		_IO(0xBC, 11)

/* How a page of the caller's is cached, which it has touched; argument: its address. */
#define PBT_CACHING	_IO(0xBC, 12)
#define PBT_UNCACHED	0
#define PBT_COMBINED	1
#define PBT_CACHED	2	/* or in another way */

/* /dev/peerbuf_umem: register a dma-buf with the RDMA core; one per open file. */
struct pbt_umem {
	__s32 fd;
	__u32 bdf;
	__u64 size;
	__u32 pinned;
	__u32 pad;
	__u64 phys;		/* out: where its first byte is */
	__u64 first;		/* out: what is there, if that is RAM: 8 bytes */
};

#define PBT_UMEM	_IOWR(0xBC, 10, struct pbt_umem)

#ifdef __KERNEL__
#include <linux/io.h>
#include <linux/mm.h>

/* What devices see: what is in memory, whoever maps it. */
static inline u64 pbt_peek(u64 phys)
{
	return page_is_ram(PHYS_PFN(phys)) ? READ_ONCE(*(u64 *)phys_to_virt(phys)) : 0;
}

struct dma_buf;
struct dma_buf_mapping_type;
struct import;
struct import *import_create(void);
void import_destroy(struct import *im);
long import_ioctl(struct import *im, unsigned int cmd, void __user *arg);
long vmap_ioctl(struct pbt_vmap __user *arg);
long export_ioctl(struct pbt_export __user *arg);
struct dma_buf *foreign_export(const struct pbt_export *arg, u64 base);
long foreign_move(struct pbt_move __user *arg);
extern const struct dma_buf_mapping_type test_private_type;
long provider_ioctl(unsigned int cmd, unsigned long cause);
void provider_start(void);
void provider_stop(void);
#endif

#endif
