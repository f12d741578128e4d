/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * peerbuf: user ABI
 *
 * Four file descriptors take part:
 *
 *   device fd     of a PCI device bound to vfio_pci_peerbuf: exports memory BARs
 *                 as dma-bufs through VFIO_DEVICE_FEATURE_DMA_BUF, below;
 *   ram fd        an open /dev/peerbuf_ram: makes dma-bufs of a memfd's pages;
 *   dma-buf fd    the buffer itself; any process may hold it;
 *   container fd  an open /dev/vfio/vfio whose IOMMU backend was chosen with
 *                 ioctl(fd, VFIO_SET_IOMMU, PEERBUF_IOMMU): maps user memory
 *                 with VFIO_IOMMU_MAP_DMA and dma-bufs with the ioctls below.
 *
 * Conventions of every structure here: argsz is the size that the caller knows
 * and is checked first; a caller with a larger structure is accepted, and what
 * lies beyond the kernel's structure must be zero (E2BIG otherwise). Unknown flag
 * bits and padding that is not zero are EINVAL. Addresses, offsets and lengths
 * are bytes and multiples of the page size. Nothing changes when a call fails.
 *
 * Error numbers of PEERBUF_IOMMU_* ioctls:
 *
 *   EINVAL      argsz too small, unknown flag, padding set, unaligned or zero
 *               or overflowing range, range beyond the end of the buffer,
 *               neither READ nor WRITE asked for, IOVA outside the usable
 *               ranges or inside a reserved one (MSI window, firmware)
 *   E2BIG       bytes beyond the kernel's structure are not zero, or argsz is
 *               larger than a page
 *   EFAULT      the structure could not be read or written
 *   EBADF       dmabuf_fd is not an open file, or event_fd is not
 *   EOPNOTSUPP  no common mapping type with the exporter, an
 *               exporter whose buffers cannot be revoked, or a route that strict
 *               mode refuses
 *   EACCES      READ or WRITE asked for through a dma-buf fd that was not opened
 *               for it
 *   EEXIST      part of the IOVA range is taken
 *   ENOENT      no buffer mapping starts at this IOVA
 *   ENODEV      the buffer is revoked or dead, or the container has no device
 *   ENOSPC      the container's limit of mappings is reached
 *   ENOMEM      memory for the mapping or its page tables ran out
 *   ENOTTY      the ioctl is not known to this version
 *
 * A dmabuf_fd that is open but is no dma-buf, and an event_fd that is no
 * eventfd, are EINVAL, as dma_buf_get() and eventfd_ctx_fdget() have it.
 */
#ifndef _UAPI_LINUX_PEERBUF_H
#define _UAPI_LINUX_PEERBUF_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/vfio.h>

/* Version of this ABI; grows when something is added, nothing is ever removed. */
#define PEERBUF_ABI_VERSION	1

/*
 * State of a buffer. LIVE: the exporter gives access. REVOKING: access is being
 * taken away; a device that does not keep its word is being waited for. REVOKED:
 * nobody has access; it may come back. DEAD: it will not come back.
 */
enum peerbuf_buffer_state {
	PEERBUF_STATE_LIVE	= 0,
	PEERBUF_STATE_REVOKING	= 1,
	PEERBUF_STATE_REVOKED	= 2,
	PEERBUF_STATE_DEAD	= 3,
};

/* How a device reaches the memory of another one. */
enum peerbuf_route {
	PEERBUF_ROUTE_UNKNOWN		= 0,	/* not device memory, or not PCI */
	PEERBUF_ROUTE_BUS_ADDRESS	= 1,	/* inside a PCIe switch */
	PEERBUF_ROUTE_HOST_BRIDGE	= 2,	/* through a root complex known to route */
	PEERBUF_ROUTE_NOT_SUPPORTED	= 3,	/* not known to work; see the reason */
};

/* Why the route is what it is. */
enum peerbuf_route_reason {
	PEERBUF_REASON_NONE		= 0,
	PEERBUF_REASON_SAME_DEVICE	= 1,	/* both are the same function */
	PEERBUF_REASON_SAME_SWITCH	= 2,	/* no redirection on the way */
	PEERBUF_REASON_ACS_REDIRECT	= 3,	/* a bridge redirects to the root complex */
	PEERBUF_REASON_NO_COMMON_BRIDGE	= 4,	/* they meet above the root ports only */
	PEERBUF_REASON_HOST_NOT_LISTED	= 5,	/* host bridge not known to route */
	PEERBUF_REASON_HOSTS_DIFFER	= 6,	/* known to route inside one bridge only */
	PEERBUF_REASON_NOT_PCI		= 7,	/* one of the two is not a PCI device */
	PEERBUF_REASON_OVERRIDE		= 8,	/* refused, but the administrator allowed it */
};

/* ------------------------------------------------------------------ device fd */

/*
 * The export of BARs has the numbers and layout of Linux 6.19 and later, so that
 * a program written for those kernels runs unchanged here; only older headers
 * need the definitions.
 */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF

/**
 * struct vfio_region_dma_range - a part of a region
 * @offset: first byte, counted from the start of the region
 * @length: bytes
 */
struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};

/**
 * struct vfio_device_feature_dma_buf - VFIO_DEVICE_FEATURE_GET payload
 * @region_index: VFIO_PCI_BAR0_REGION_INDEX .. VFIO_PCI_BAR5_REGION_INDEX
 * @open_flags: open(2) flags of the new fd: an access mode and O_CLOEXEC
 * @flags: must be 0
 * @nr_ranges: number of entries of @dma_ranges, at least 1
 * @dma_ranges: the buffer is their concatenation, in this order
 *
 * Returns the dma-buf fd. EINVAL: no range, flags, unaligned, empty or
 * overflowing range, beyond the BAR, total too large. EOVERFLOW: a physical address
 * overflows. ENODEV: not a memory BAR, or one that cannot be claimed, or the device is
 * closed. A buffer exported while the device's memory is off starts revoked.
 */
struct vfio_device_feature_dma_buf {
	__u32 region_index;
	__u32 open_flags;
	__u32 flags;
	__u32 nr_ranges;
	struct vfio_region_dma_range dma_ranges[];
};

#define VFIO_DEVICE_FEATURE_DMA_BUF	11
#endif

/*
 * Ioctls of the exporting device's owner, on its device fd, about one buffer that was
 * exported through that fd since it was opened; and of the owner of a ram fd, about one
 * that was made revocable through it. Error numbers beyond those above:
 *
 *   EINVAL    dmabuf_fd is no dma-buf, or not one of this device or ram fd
 *   EALREADY  (REVOKE_BUFFER) it has been revoked for good before
 *   EOPNOTSUPP (SET_CACHING) the buffer's memory cannot be mapped in this way
 *   ENOTTY    the device is bound to a driver that knows nothing of peerbuf
 */

#define PEERBUF_IOC_TYPE	0xBB
#define PEERBUF_IOC(nr)		_IO(PEERBUF_IOC_TYPE, nr)

/**
 * struct peerbuf_device_revoke_buffer - PEERBUF_DEVICE_REVOKE_BUFFER
 * @argsz: size known to the caller
 * @flags: 0
 * @dmabuf_fd: the buffer
 * @__reserved: 0
 *
 * Takes one buffer back for good: when the call returns no importer and no process can
 * reach its memory, and it is DEAD. Other buffers of the device go on. Waits for
 * importers that have to give addresses back, as every revoke does.
 */
struct peerbuf_device_revoke_buffer {
	__u32 argsz;
	__u32 flags;
	__s32 dmabuf_fd;
	__u32 __reserved;
};

#define PEERBUF_DEVICE_REVOKE_BUFFER	PEERBUF_IOC(16)

/**
 * struct peerbuf_device_query_buffer - PEERBUF_DEVICE_QUERY_BUFFER
 * @argsz: in: size known to the caller; out: size known to the kernel
 * @flags: in: 0; out: PEERBUF_DEVICE_QUERY_*
 * @dmabuf_fd: in: the buffer
 * @state: enum peerbuf_buffer_state
 * @attachments: importers, one for each of their IOMMU domains
 * @__reserved: 0
 * @revokes: how often access was taken away
 * @restores: how often it came back
 */
struct peerbuf_device_query_buffer {
	__u32 argsz;
	__u32 flags;
#define PEERBUF_DEVICE_QUERY_WAITING	(1U << 0)	/* a revoke waits for an importer */
	__s32 dmabuf_fd;
	__u32 state;
	__u32 attachments;
	__u32 __reserved;
	__u64 revokes;
	__u64 restores;
};

#define PEERBUF_DEVICE_QUERY_BUFFER	PEERBUF_IOC(17)

/*
 * How processes see device memory that they mmap(). UNCACHED: each access goes to the device,
 * in the program's order. WRITE_COMBINING: the processor may gather writes, and reorder them
 * until the program orders them (sfence on x86); reads may be speculative.
 */
enum peerbuf_caching {
	PEERBUF_CACHING_UNCACHED	= 0,
	PEERBUF_CACHING_WRITE_COMBINING	= 1,
};

/**
 * struct peerbuf_device_set_caching - PEERBUF_DEVICE_SET_CACHING
 * @argsz: size known to the caller
 * @flags: 0
 * @dmabuf_fd: the buffer
 * @caching: enum peerbuf_caching; a new buffer is UNCACHED
 *
 * For every mmap() of the buffer, by any process, from now on; mappings that are there keep
 * what they have. WRITE_COMBINING is for memory without side effects: EOPNOTSUPP for a BAR
 * that is not prefetchable, and for RAM, which is cached. Importers are not concerned.
 *
 * EINVAL: unknown caching. Since ABI version 1, release 0.1.0.
 */
struct peerbuf_device_set_caching {
	__u32 argsz;
	__u32 flags;
	__s32 dmabuf_fd;
	__u32 caching;
};

#define PEERBUF_DEVICE_SET_CACHING	PEERBUF_IOC(18)

/* --------------------------------------------------------------------- ram fd */

/**
 * struct peerbuf_ram_create - PEERBUF_RAM_CREATE
 * @argsz: size known to the caller
 * @flags: PEERBUF_RAM_*
 * @memfd: a memfd, of ordinary or huge pages, open for reading and writing, with
 *	F_SEAL_SHRINK and without F_SEAL_WRITE and F_SEAL_FUTURE_WRITE; the buffer keeps
 *	the pages, the fd may be closed
 * @open_flags: open(2) flags of the new fd: O_RDONLY or O_RDWR, and O_CLOEXEC
 * @offset: first byte of the memfd
 * @size: bytes; the size of the buffer
 *
 * Returns the dma-buf fd. Ordinary pages are allocated where the file has none. Pages stay in
 * their place, and count as the user's locked memory until the last reference on the buffer is
 * gone. Its mmap() is cached; DMA_BUF_IOCTL_SYNC does what there is to do.
 *
 * Without PEERBUF_RAM_REVOCABLE the buffer has no owner: nothing takes it back, and every
 * importer in the kernel is welcome. With it, the ram fd owns the buffer:
 * PEERBUF_DEVICE_REVOKE_BUFFER and PEERBUF_DEVICE_QUERY_BUFFER work on it, closing the last
 * copy of the ram fd revokes it for good, and importers that cannot be told are refused.
 *
 * Error numbers:
 *
 *   EINVAL    argsz too small, unknown flags; @memfd is no memfd; an empty or unaligned
 *             part of it, or one beyond its end
 *   E2BIG     as above
 *   EFAULT    as above
 *   EBADF     @memfd is not an open file
 *   EACCES    @memfd is not open for reading and writing
 *   EPERM     it has not the seals that it must have, or one that it must not
 *   ENXIO     a huge page of the part is not there yet: fallocate(2) or touch it before
 *   ENOMEM    RLIMIT_MEMLOCK, without CAP_IPC_LOCK; memory
 *   EINTR     the process is being killed
 *   EMFILE    it has no fd left
 */
struct peerbuf_ram_create {
	__u32 argsz;
	__u32 flags;
#define PEERBUF_RAM_REVOCABLE	(1U << 0)	/* the ram fd can take it back */
	__s32 memfd;
	__u32 open_flags;
	__u64 offset;
	__u64 size;
};

#define PEERBUF_RAM_CREATE	PEERBUF_IOC(32)

/* --------------------------------------------------------------- container fd */

/*
 * The backend's number for VFIO_CHECK_EXTENSION and VFIO_SET_IOMMU: "PB" and the
 * ABI's generation. Upstream's own numbers are small and counted upwards.
 */
#define PEERBUF_IOMMU		0x50420001

/**
 * struct peerbuf_iommu_info - PEERBUF_IOMMU_GET_INFO
 * @argsz: in: size known to the caller; out: size known to the kernel
 * @flags: in: 0; out: 0
 * @abi_version: PEERBUF_ABI_VERSION of the running modules
 * @nr_buffers: buffers mapped now
 * @features: PEERBUF_FEATURE_* bits
 */
struct peerbuf_iommu_info {
	__u32 argsz;
	__u32 flags;
	__u32 abi_version;
	__u32 nr_buffers;
	__u64 features;
#define PEERBUF_FEATURE_BUFFERS		(1ULL << 0)	/* MAP_BUFFER, UNMAP_BUFFER, QUERY_BUFFER */
#define PEERBUF_FEATURE_EVENTS		(1ULL << 1)	/* event_fd of MAP_BUFFER */
#define PEERBUF_FEATURE_STRICT		(1ULL << 2)	/* PEERBUF_MAP_STRICT */
};

#define PEERBUF_IOMMU_GET_INFO		PEERBUF_IOC(0)

/**
 * struct peerbuf_iommu_map_buffer - PEERBUF_IOMMU_MAP_BUFFER
 * @argsz: size known to the caller
 * @flags: PEERBUF_MAP_*
 * @dmabuf_fd: the buffer; the mapping keeps its own reference, the fd may be closed
 * @event_fd: an eventfd that is signalled at each revoke, restore and death of the
 *	buffer, or -1; read the counters of PEERBUF_IOMMU_QUERY_BUFFER to know what
 *	happened
 * @offset: first byte of the buffer to map
 * @length: bytes to map
 * @iova: where in the container's address space; all ranges of the buffer appear
 *	as one contiguous run
 *
 * The mapping lasts until it is unmapped or the container's last group leaves.
 * While the buffer is revoked nothing is mapped at @iova but it stays taken; on
 * restore the kernel maps the same memory at the same @iova again.
 */
struct peerbuf_iommu_map_buffer {
	__u32 argsz;
	__u32 flags;
#define PEERBUF_MAP_READ		(1U << 0)	/* the device may read */
#define PEERBUF_MAP_WRITE		(1U << 1)	/* the device may write */
#define PEERBUF_MAP_STRICT		(1U << 2)	/* refuse a route not known to work */
	__s32 dmabuf_fd;
	__s32 event_fd;
	__u64 offset;
	__u64 length;
	__u64 iova;
};

#define PEERBUF_IOMMU_MAP_BUFFER	PEERBUF_IOC(1)

/**
 * struct peerbuf_iommu_unmap_buffer - PEERBUF_IOMMU_UNMAP_BUFFER
 * @argsz: size known to the caller
 * @flags: 0
 * @iova: the mapping that starts here, as a whole
 *
 * VFIO_IOMMU_UNMAP_DMA unmaps buffers too, as it does any mapping in its range.
 */
struct peerbuf_iommu_unmap_buffer {
	__u32 argsz;
	__u32 flags;
	__u64 iova;
};

#define PEERBUF_IOMMU_UNMAP_BUFFER	PEERBUF_IOC(2)

/**
 * struct peerbuf_iommu_query_buffer - PEERBUF_IOMMU_QUERY_BUFFER
 * @argsz: in: size known to the caller; out: size known to the kernel
 * @flags: in: 0; out: PEERBUF_QUERY_*
 * @iova: in: start of the mapping
 * @offset: first byte of the buffer that is mapped
 * @length: bytes mapped
 * @state: enum peerbuf_buffer_state
 * @route: enum peerbuf_route, from the first device of the container, as it is now;
 *	PEERBUF_ROUTE_UNKNOWN unless @state is PEERBUF_STATE_LIVE
 * @reason: enum peerbuf_route_reason
 * @nr_ranges: physically contiguous ranges behind the mapping
 * @page_sizes: bitmap of the IOMMU page sizes that the mapping uses when mapped
 * @revokes: how often access was taken away
 * @restores: how often the buffer came back, also when @error tells that the
 *	mapping did not
 * @error: 0, or the negative errno with which the last restore failed; the
 *	mapping then stays absent until the next restore
 * @__reserved: 0
 */
struct peerbuf_iommu_query_buffer {
	__u32 argsz;
	__u32 flags;
#define PEERBUF_QUERY_MAPPED		(1U << 0)	/* the device can access it now */
#define PEERBUF_QUERY_ENFORCED		(1U << 1)	/* revoke is enforced by the IOMMU */
#define PEERBUF_QUERY_READ		(1U << 2)
#define PEERBUF_QUERY_WRITE		(1U << 3)
	__u64 iova;
	__u64 offset;
	__u64 length;
	__u32 state;
	__u32 route;
	__u32 reason;
	__u32 nr_ranges;
	__u64 page_sizes;
	__u64 revokes;
	__u64 restores;
	__s32 error;
	__u32 __reserved;
};

#define PEERBUF_IOMMU_QUERY_BUFFER	PEERBUF_IOC(3)

#endif /* _UAPI_LINUX_PEERBUF_H */
