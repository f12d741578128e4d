/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Routes between two PCI devices: the decision (pure logic, route.c, also compiled
 * in user space) and the kernel's view of the tree that it decides about
 * (topology.c).
 *
 * The rules are those of drivers/pci/p2pdma.c of Linux 7.3.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_P2P_H
#define _LINUX_PEERBUF_P2P_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef uint16_t u16;
typedef uint32_t u32;
typedef int64_t s64;
#endif
#include <uapi/linux/peerbuf.h>

struct device;
struct pci_dev;

/* ACS control bits that send peer traffic to the root complex instead. */
#define PEERBUF_ACS_REDIRECT	0x002c	/* Request, Completion Redirect; Egress Control */

/* Deeper trees than this are refused with PEERBUF_REASON_NO_COMMON_BRIDGE. */
#define PEERBUF_MAX_DEPTH	32

/**
 * struct peerbuf_hop - one PCI function on the way to the root
 * @id: domain << 16 | bus << 8 | devfn
 * @acs_ctrl: its ACS control register, read live; 0 without ACS
 */
struct peerbuf_hop {
	u32 id;
	u16 acs_ctrl;
};

/**
 * struct peerbuf_host - what stands for a host bridge in the list of known ones
 * @id: tells host bridges apart: domain << 16 | root bus << 8
 * @vendor: of the first device on the root bus; 0xffff when that one is neither
 *	00.0 nor a root port, and so does not identify the bridge
 * @device: likewise
 */
struct peerbuf_host {
	u32 id;
	u16 vendor;
	u16 device;
};

/**
 * struct peerbuf_path - a device and everything above it
 * @nr: number of hops
 * @hop: the device first, then its upstream bridges
 * @host: the host bridge on top
 */
struct peerbuf_path {
	size_t nr;
	struct peerbuf_hop hop[PEERBUF_MAX_DEPTH];
	struct peerbuf_host host;
};

/**
 * struct peerbuf_verdict - how the client reaches the provider's memory
 * @route: enum peerbuf_route
 * @reason: enum peerbuf_route_reason
 * @distance: hops between the two; smaller is better
 * @blame: the hop that decided against the bus address: the first that redirects
 * @blame_acs: its ACS bits that redirect
 * @host: the host bridge that was asked about, and not known, if that decided
 * @bus_offset: PCI bus address minus CPU physical address of the provider's
 *	memory; for PEERBUF_ROUTE_BUS_ADDRESS
 */
struct peerbuf_verdict {
	u32 route;
	u32 reason;
	u32 distance;
	u32 blame;
	u16 blame_acs;
	struct peerbuf_host host;
	s64 bus_offset;
};

/**
 * peerbuf_route_decide - the rules
 * @provider: path of the device whose memory is used
 * @client: path of the device that does DMA
 * @cpu_routes: the CPU is known to route peer traffic between its root ports
 * @v: receives the verdict, except bus_offset
 */
void peerbuf_route_decide(const struct peerbuf_path *provider,
			  const struct peerbuf_path *client, bool cpu_routes,
			  struct peerbuf_verdict *v);

#ifdef __KERNEL__
/**
 * peerbuf_route - how a device reaches a PCI device's memory, as things are now
 * @provider: whose memory; the caller holds a reference
 * @client: who does DMA; the caller holds a reference
 * @v: receives the verdict; UNKNOWN with NOT_PCI when @client is no PCI device
 *
 * Context: process, may sleep; a reservation lock may be held.
 */
void peerbuf_route(struct pci_dev *provider, struct device *client,
		   struct peerbuf_verdict *v);
#endif

#endif /* _LINUX_PEERBUF_P2P_H */
