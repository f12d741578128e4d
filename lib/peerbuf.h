/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpeerbuf: PCI devices that share memory, from user space
 *
 * Three objects and a few free functions:
 *
 *   container	an IOVA space (/dev/vfio/vfio) and the VFIO groups in it; maps RAM
 *		and dma-bufs for the devices of those groups;
 *   device	an open PCI device of a container; exports parts of its BARs;
 *   ram	makes dma-bufs of memfds (/dev/peerbuf_ram).
 *
 * Conventions of the whole library:
 *
 *   Result	0 or a useful value >= 0, or a negative errno. An errno that is not
 *		listed comes from the kernel and means what <linux/peerbuf.h> and
 *		<linux/vfio.h> say. Outputs are written on success only.
 *   Output	nothing is printed, nothing exits, no signal handler is installed and
 *		there is no global state.
 *   Ownership	what an _open function stores is freed by the _close function of the
 *		same object, which accepts NULL and cannot fail. A returned fd belongs
 *		to the caller and has O_CLOEXEC. Strings and arrays passed in are not
 *		kept.
 *   Units	addresses, offsets and lengths are bytes; `last` is inclusive.
 *   Threads	different objects may be used by different threads at the same time.
 *		One object is used by one thread at a time, and a container counts as
 *		in use while one of its devices is opened.
 *
 * Everything here is there since version 0.1 unless it says otherwise. Structures
 * shared with the kernel (those with argsz) grow at their end: set argsz to the size
 * that the program was compiled with.
 */
#ifndef PEERBUF_H
#define PEERBUF_H

#include <stddef.h>
#include <stdint.h>

#include <linux/peerbuf.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library that runs, such as "0.1.0". Static; do not free. */
const char *peerbuf_version(void);

/*
 * Words for enum peerbuf_buffer_state ("live"), enum peerbuf_route ("bus-address") and
 * enum peerbuf_route_reason ("same-switch"), as tracepoints and debugfs have them.
 * Static; do not free. A number that this library does not know is "unknown".
 */
const char *peerbuf_buffer_state_name(uint32_t state);
const char *peerbuf_route_name(uint32_t route);
const char *peerbuf_route_reason_name(uint32_t reason);

/* ------------------------------------------------------------------- topology */

/**
 * struct peerbuf_pair_route - how one device reaches another one's memory
 * @route: enum peerbuf_route
 * @reason: enum peerbuf_route_reason
 * @refused: the reason without the override, if @reason is PEERBUF_REASON_OVERRIDE
 * @distance: PCI functions from one to the other; smaller is better
 * @bus_offset: bus address minus the processor's address of the provider's memory
 * @meet: PCI address of the first function that is above both; empty if there is none
 */
struct peerbuf_pair_route {
	uint32_t route;
	uint32_t reason;
	uint32_t refused;
	uint32_t distance;
	int64_t bus_offset;
	char meet[24];
};

/**
 * peerbuf_route_between - what the kernel decides about a pair of devices, at this moment
 * @provider: PCI address of the one with the memory, such as "0000:02:00.0"
 * @client: PCI address of the one that is to reach it
 *
 * It is asked by debugfs, as root. Why two devices do not reach each other, and what could be
 * done about it, "peerbuf topo check" explains.
 *
 * EINVAL: one is no PCI address, or both are the same. ENODEV: one is not there. ENOENT:
 * peerbuf_core is not loaded, or debugfs not mounted. EACCES: not for this user. EPROTO: an
 * answer that this library does not understand.
 */
int peerbuf_route_between(const char *provider, const char *client,
			  struct peerbuf_pair_route *route);

/* ------------------------------------------------------------------ container */

struct peerbuf_container;

/* An inclusive range of I/O virtual addresses. */
struct peerbuf_iova_range {
	uint64_t start;
	uint64_t last;
};

/**
 * peerbuf_container_open - a new, empty IOVA space
 * @iommu_type: PEERBUF_IOMMU, or an IOMMU type of <linux/vfio.h> such as
 *	VFIO_TYPE1v2_IOMMU, which maps RAM only
 * @container: the new object
 *
 * The type takes effect when the first group joins; until then nothing can be mapped.
 *
 * EOPNOTSUPP: no loaded module offers this type, or the kernel's VFIO has another API
 * version. ENOENT, EACCES: /dev/vfio/vfio is absent or not for this user.
 */
int peerbuf_container_open(uint32_t iommu_type, struct peerbuf_container **container);

/*
 * Close the container; its mappings end with it. Close its devices first: a device
 * that is still open keeps its group, and with it the mappings, alive.
 */
void peerbuf_container_close(struct peerbuf_container *container);

/* The /dev/vfio/vfio fd, for ioctls of one's own. Remains the container's. */
int peerbuf_container_fd(const struct peerbuf_container *container);

/* The type that peerbuf_container_open() was given. */
uint32_t peerbuf_container_type(const struct peerbuf_container *container);

/**
 * peerbuf_container_add_group - let the devices of an IOMMU group use this IOVA space
 * @group: number of the group, as in /dev/vfio/@group
 *
 * A group that is in the container already is success. peerbuf_device_open() does this
 * by itself. The group stays until the container is closed.
 *
 * ENOENT: no device of the group is bound to a VFIO driver. EPERM: the group is not
 * viable, as another device of it is still bound to a driver of the host. EBUSY: the
 * group is in use elsewhere.
 */
int peerbuf_container_add_group(struct peerbuf_container *container, unsigned int group);

/* Bitmap of the IOMMU page sizes; 0 before the first group. */
uint64_t peerbuf_container_page_sizes(const struct peerbuf_container *container);

/*
 * The usable IOVA ranges, ascending and disjoint; returns how many. *ranges belongs to
 * the container and is valid until the next group is added or the container is closed.
 * A kernel that does not tell counts as one range of everything.
 */
size_t peerbuf_container_iova_ranges(const struct peerbuf_container *container,
				     const struct peerbuf_iova_range **ranges);

/**
 * peerbuf_container_get_info - version and features of the peerbuf backend
 * @info: set argsz, and flags to 0
 *
 * ENOTTY: the container has another type. ENODEV: it has no group yet.
 */
int peerbuf_container_get_info(struct peerbuf_container *container,
			       struct peerbuf_iommu_info *info);

/**
 * peerbuf_container_supports - ask whether the loaded modules can do something
 * @features: PEERBUF_FEATURE_* bits
 *
 * Returns 1 if all of @features are there and 0 if not: also when the container has
 * another type, or when the modules are too old to be asked. A program that is to run
 * with modules of any version asks before it relies on what came later.
 *
 * ENODEV: it has no group yet.
 */
int peerbuf_container_supports(struct peerbuf_container *container, uint64_t features);

/**
 * peerbuf_container_pick_iova - find free IOVAs
 * @length: how many are needed
 * @align: a power of two, at least the smallest IOMMU page
 * @residue: the result modulo @align; a multiple of the smallest IOMMU page
 * @iova: the lowest fitting address, never 0
 *
 * A buffer is mapped with large IOMMU pages where its IOVA and its physical address are
 * congruent. BARs are aligned to their own size, so with @align 1 GiB and @residue the
 * offset of the first exported range modulo 1 GiB they are.
 *
 * Nothing is reserved: the addresses stay free until the next map call. Only mappings
 * made through this object are known to it.
 *
 * EINVAL: @length, @align or @residue. ENODEV: no group yet. ENOSPC: no hole is large
 * enough.
 */
int peerbuf_container_pick_iova(const struct peerbuf_container *container, uint64_t length,
				uint64_t align, uint64_t residue, uint64_t *iova);

/**
 * peerbuf_container_map_ram - map memory of this process
 * @addr: page aligned; stays pinned until it is unmapped
 * @flags: PEERBUF_MAP_READ and PEERBUF_MAP_WRITE, for the device
 *
 * EEXIST: part of the IOVA range is taken. ENOMEM: also RLIMIT_MEMLOCK.
 */
int peerbuf_container_map_ram(struct peerbuf_container *container, void *addr,
			      uint64_t length, uint64_t iova, uint32_t flags);

/**
 * peerbuf_container_unmap - unmap every mapping, RAM or buffer, inside a range
 * @unmapped: bytes that were unmapped, or NULL; 0 is not an error
 *
 * EINVAL: the range would cut a mapping in two.
 */
int peerbuf_container_unmap(struct peerbuf_container *container, uint64_t iova,
			    uint64_t length, uint64_t *unmapped);

/**
 * peerbuf_container_map_buffer - map a dma-buf, or a part of it
 * @dmabuf_fd: may be closed afterwards
 * @event_fd: an eventfd, see peerbuf_event_open(), or -1
 * @flags: PEERBUF_MAP_*
 *
 * Errors and life time: struct peerbuf_iommu_map_buffer. ENOTTY: the container's type
 * is not PEERBUF_IOMMU.
 */
int peerbuf_container_map_buffer(struct peerbuf_container *container, int dmabuf_fd,
				 int event_fd, uint64_t offset, uint64_t length,
				 uint64_t iova, uint32_t flags);

/* Unmap the buffer mapping that starts at @iova. ENOENT: there is none. */
int peerbuf_container_unmap_buffer(struct peerbuf_container *container, uint64_t iova);

/**
 * peerbuf_container_query_buffer - state of the buffer mapping that starts at @query->iova
 * @query: set argsz and iova, and everything else to 0
 */
int peerbuf_container_query_buffer(struct peerbuf_container *container,
				   struct peerbuf_iommu_query_buffer *query);

/* --------------------------------------------------------------------- device */

struct peerbuf_device;

/* A region of a device: a BAR, the configuration space, the ROM. */
struct peerbuf_region {
	uint64_t size;		/* bytes; 0 if the device does not have the region */
	uint64_t offset;	/* of its first byte in the device fd */
	uint32_t flags;		/* VFIO_REGION_INFO_FLAG_* */
	uint32_t reserved;
};

/**
 * peerbuf_device_open - open a PCI device and put its group into a container
 * @bdf: "0000:01:00.0" or "01:00.0"; for a physical function with virtual ones that are
 *	bound to VFIO drivers, and for those, followed by " vf_token=" and the UUID on which
 *	their users have agreed
 *
 * VFIO resets a device when it is opened, if it can. The container must stay open
 * longer than the device.
 *
 * EINVAL: @bdf is no PCI address, or what follows it is no token. EACCES: the token is
 * wrong, or missing. ENODEV: there is no such device, or it is not bound
 * to a VFIO driver. ENXIO: it has no IOMMU group. And those of
 * peerbuf_container_add_group().
 */
int peerbuf_device_open(struct peerbuf_container *container, const char *bdf,
			struct peerbuf_device **device);

/*
 * Close the device fd. The kernel closes the device, and revokes what it exported,
 * once its last mapping by peerbuf_device_mmap() is gone too.
 */
void peerbuf_device_close(struct peerbuf_device *device);

/* The VFIO device fd, for ioctls of one's own. Remains the device's. */
int peerbuf_device_fd(const struct peerbuf_device *device);

/* Describe a region: VFIO_PCI_BAR0_REGION_INDEX and so on. EINVAL: no such index. */
int peerbuf_device_region(struct peerbuf_device *device, uint32_t index,
			  struct peerbuf_region *region);

/*
 * Read or write all of @length bytes of a region, such as
 * VFIO_PCI_CONFIG_REGION_INDEX. ERANGE: beyond the region's end. EIO: the device took
 * only a part.
 */
int peerbuf_device_read(struct peerbuf_device *device, uint32_t index, uint64_t offset,
			void *data, size_t length);
int peerbuf_device_write(struct peerbuf_device *device, uint32_t index, uint64_t offset,
			 const void *data, size_t length);

/**
 * peerbuf_device_mmap - map a part of a BAR into this process
 * @offset: page aligned
 * @prot: PROT_READ, PROT_WRITE
 * @addr: the mapping; end it with munmap(2)
 *
 * Access while the device's memory is off raises SIGBUS.
 *
 * ERANGE: beyond the BAR's end. EOPNOTSUPP: the BAR cannot be mapped.
 */
int peerbuf_device_mmap(struct peerbuf_device *device, uint32_t index, uint64_t offset,
			size_t length, int prot, void **addr);

/**
 * peerbuf_device_command - change bits of the PCI COMMAND register
 * @set: bits to set, such as PCI_COMMAND_MASTER of <linux/pci_regs.h>
 * @clear: bits to clear; wins over @set
 *
 * Returns the register as it reads afterwards. With both 0 it only reads.
 */
int peerbuf_device_command(struct peerbuf_device *device, uint16_t set, uint16_t clear);

/*
 * Reset the device. Returns when the reset is done; buffers exported from it are
 * revoked before it begins and restored after it. ENOTTY, EINVAL: it cannot be reset.
 */
int peerbuf_device_reset(struct peerbuf_device *device);

/* 1 if the device's driver can export BARs as dma-bufs, 0 if not. */
int peerbuf_device_can_export(struct peerbuf_device *device);

/**
 * peerbuf_device_export - export parts of a BAR as one dma-buf
 * @index: VFIO_PCI_BAR0_REGION_INDEX .. VFIO_PCI_BAR5_REGION_INDEX
 * @open_flags: O_RDWR or O_RDONLY; O_CLOEXEC is added
 * @ranges: the buffer is their concatenation, in this order
 *
 * Returns the dma-buf fd. ENOTTY: the device's driver cannot export; see
 * peerbuf_device_can_export(). Others: struct vfio_device_feature_dma_buf.
 */
int peerbuf_device_export(struct peerbuf_device *device, uint32_t index, int open_flags,
			  const struct vfio_region_dma_range *ranges, uint32_t nr_ranges);

/**
 * peerbuf_device_revoke_buffer - take one exported buffer back for good
 * @dmabuf_fd: exported by this device object's device since it was opened
 *
 * When it returns no importer and no process reaches the memory. Errors:
 * struct peerbuf_device_revoke_buffer. ENOTTY: see peerbuf_device_can_export().
 */
int peerbuf_device_revoke_buffer(struct peerbuf_device *device, int dmabuf_fd);

/**
 * peerbuf_device_set_caching - how processes that mmap() an exported buffer see it
 * @dmabuf_fd: exported by this device object's device since it was opened
 * @caching: PEERBUF_CACHING_UNCACHED, as in the beginning, or
 *	PEERBUF_CACHING_WRITE_COMBINING
 *
 * For mappings that are made from now on. EOPNOTSUPP: the BAR is not prefetchable. Others:
 * struct peerbuf_device_set_caching. ENOTTY: the device's driver is another one, or older.
 */
int peerbuf_device_set_caching(struct peerbuf_device *device, int dmabuf_fd, uint32_t caching);

/**
 * peerbuf_device_query_buffer - state of an exported buffer
 * @query: set argsz and dmabuf_fd, and everything else to 0
 */
int peerbuf_device_query_buffer(struct peerbuf_device *device,
				struct peerbuf_device_query_buffer *query);

/* ------------------------------------------------------------------------ ram */

struct peerbuf_ram;

/**
 * peerbuf_ram_open - an owner of buffers of RAM
 * @ram: the new object
 *
 * ENOENT: the module peerbuf_ram is not loaded. EACCES: not for this user.
 */
int peerbuf_ram_open(struct peerbuf_ram **ram);

/*
 * Close it. Buffers that it exported as revocable are revoked for good; the others go on.
 */
void peerbuf_ram_close(struct peerbuf_ram *ram);

/* The /dev/peerbuf_ram fd, for ioctls of one's own. Remains the object's. */
int peerbuf_ram_fd(const struct peerbuf_ram *ram);

/**
 * peerbuf_ram_export - a part of a memfd as a dma-buf
 * @memfd: see struct peerbuf_ram_create; may be closed afterwards
 * @open_flags: O_RDWR or O_RDONLY; O_CLOEXEC is added
 * @offset: first byte of the memfd
 * @length: bytes
 * @flags: 0 or PEERBUF_RAM_REVOCABLE
 *
 * Returns the dma-buf fd. Errors: struct peerbuf_ram_create.
 */
int peerbuf_ram_export(struct peerbuf_ram *ram, int memfd, int open_flags, uint64_t offset,
		       uint64_t length, uint32_t flags);

/**
 * peerbuf_ram_revoke_buffer - take a revocable buffer back for good
 * @dmabuf_fd: exported by this object
 *
 * When it returns no importer and no process reaches the memory through the buffer; the
 * memfd goes on. Errors: struct peerbuf_device_revoke_buffer.
 */
int peerbuf_ram_revoke_buffer(struct peerbuf_ram *ram, int dmabuf_fd);

/**
 * peerbuf_ram_query_buffer - state of a revocable buffer
 * @query: set argsz and dmabuf_fd, and everything else to 0
 */
int peerbuf_ram_query_buffer(struct peerbuf_ram *ram,
			     struct peerbuf_device_query_buffer *query);

/* --------------------------------------------------------------------- events */

/* A new eventfd for peerbuf_container_map_buffer(); close it with close(2). */
int peerbuf_event_open(void);

/**
 * peerbuf_event_wait - wait until an eventfd is signalled, and reset it
 * @timeout_ms: -1 waits for ever, 0 only looks
 * @count: signals since the last wait, at least 1
 *
 * Signals are counted, not queued: peerbuf_container_query_buffer() tells what
 * happened. ETIMEDOUT: not signalled in time. EINTR: a signal handler ran.
 */
int peerbuf_event_wait(int event_fd, int timeout_ms, uint64_t *count);

/* ----------------------------------------------------------------- fd passing */

/**
 * peerbuf_send_fd - send a file descriptor and a message over a Unix socket
 * @sock: a connected socket of type SOCK_SEQPACKET, which keeps messages apart, or
 *	SOCK_STREAM
 * @fd: stays open here
 * @msg: goes with it
 * @length: of the message; at least 1
 *
 * Never raises SIGPIPE. EPIPE: the other side is gone. EMSGSIZE: only a part of the
 * message could be sent.
 */
int peerbuf_send_fd(int sock, int fd, const void *msg, size_t length);

/**
 * peerbuf_recv_fd - receive one file descriptor and its message
 * @fd: the new descriptor, with O_CLOEXEC
 * @msg: room for @length bytes
 *
 * Returns the bytes of the message. Whatever the sender does, no descriptor is leaked.
 *
 * ECONNRESET: the other side has closed. ENOMSG: a message without a descriptor.
 * EPROTO: more than one descriptor. EMSGSIZE: the message is longer than @length.
 */
int peerbuf_recv_fd(int sock, int *fd, void *msg, size_t length);

#ifdef __cplusplus
}
#endif

#endif /* PEERBUF_H */
