/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Routes between two PCI devices: the decision and the pairs that are excepted from it
 * (pure logic, route.c and override.c, which are also compiled into the command), and
 * the kernel's view of the tree that is decided about (topology.c).
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
typedef uint64_t u64;
typedef int64_t s64;
#endif
#include <uapi/linux/peerbuf.h>

struct device;
struct pci_dev;

/* ACS control bits that send peer traffic to the root complex instead. */
#define PEERBUF_ACS_REDIRECT	0x002c	/* Request, Completion Redirect; Egress Control */

/* Deeper trees than this are refused with PEERBUF_REASON_NO_COMMON_BRIDGE. */
#define PEERBUF_MAX_DEPTH	32

/* Number of a function: domain << 16 | bus << 8 | devfn. Domains may have 32 bits. */
#define PEERBUF_PCI_ID(domain, bus, devfn) \
	((u64)(u32)(domain) << 16 | (u64)(bus) << 8 | (devfn))

/**
 * struct peerbuf_hop - one PCI function on the way to the root
 * @id: PEERBUF_PCI_ID()
 * @acs_ctrl: its ACS control register, read live; 0 without ACS
 *
 * Small, because two paths are on the stack at a time.
 */
struct peerbuf_hop {
	u64 id : 48;
	u64 acs_ctrl : 16;
};

/**
 * struct peerbuf_host - what stands for a host bridge in the list of known ones
 * @id: tells host bridges apart: PEERBUF_PCI_ID() of the domain and the root bus
 * @vendor: of the first device on the root bus; 0xffff when that one does not identify
 *	the bridge
 * @device: likewise
 */
struct peerbuf_host {
	u64 id;
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
 * @refused: the reason without the override, if @reason is PEERBUF_REASON_OVERRIDE
 * @distance: hops between the two; smaller is better
 * @meet: the first function that is above both, or is one of both; 0 if there is none,
 *	see @met
 * @met: there is one
 * @provider_redirects: bit n: hop n of the provider's path redirects; only those up to
 *	@meet, and none without it
 * @client_redirects: likewise, of the client's path; @meet is not among them
 * @host: the host bridge that was asked about, and refused, if that decided
 * @bus_offset: PCI bus address minus CPU physical address of the provider's
 *	memory; for PEERBUF_ROUTE_BUS_ADDRESS
 */
struct peerbuf_verdict {
	u32 route;
	u32 reason;
	u32 refused;
	u32 distance;
	u64 meet;
	bool met;
	u32 provider_redirects;
	u32 client_redirects;
	struct peerbuf_host host;
	s64 bus_offset;
};

/**
 * peerbuf_route_decide - the rules
 * @provider: path of the device whose memory is used
 * @client: path of the device that does DMA
 * @cpu_routes: the CPU is known to route peer traffic: peerbuf_cpu_routes()
 * @v: receives the verdict, except bus_offset
 */
void peerbuf_route_decide(const struct peerbuf_path *provider,
			  const struct peerbuf_path *client, bool cpu_routes,
			  struct peerbuf_verdict *v);

/**
 * peerbuf_cpu_routes - is this CPU known to route peer traffic between its root ports?
 * @amd: an x86 processor of vendor AuthenticAMD
 * @family: its family, the extended one included
 *
 * Return: whether it is.
 */
bool peerbuf_cpu_routes(bool amd, unsigned int family);

/**
 * peerbuf_host_identify - set @host->vendor and @host->device
 * @host: the host bridge
 * @devfn: of the first device on its root bus
 * @root_port: that device is a PCIe root port
 * @vendor: that device's
 * @device: that device's
 */
void peerbuf_host_identify(struct peerbuf_host *host, unsigned int devfn, bool root_port,
			   u16 vendor, u16 device);

/* What the list of host bridges says about one. */
enum peerbuf_host_class {
	PEERBUF_HOST_UNKNOWN,	/* not in it */
	PEERBUF_HOST_SAME_ONLY,	/* routes between its own ports */
	PEERBUF_HOST_ROUTES,	/* also to other host bridges that are in it */
};

/**
 * peerbuf_host_classify - is this host bridge known to route peer traffic?
 * @host: the host bridge, identified
 *
 * Return: what the list says about it.
 */
enum peerbuf_host_class peerbuf_host_classify(const struct peerbuf_host *host);

/* ---------------------------------------------------------- pairs that are excepted */

#define PEERBUF_MAX_OVERRIDES	64

/**
 * struct peerbuf_override - two functions that an administrator says can talk
 * @a: PEERBUF_PCI_ID()
 * @b: likewise; which of both is which does not matter
 */
struct peerbuf_override {
	u64 a;
	u64 b;
};

/**
 * peerbuf_override_parse - read a list of pairs
 * @text: "0000:01:00.0-0000:02:00.0,0000:01:00.0-0000:03:00.0"; the domain may be left
 *	out. A line feed may end it; empty is no pair
 * @pairs: array of PEERBUF_MAX_OVERRIDES
 *
 * Return: number of pairs, -EINVAL for anything else, -E2BIG for too many of them.
 */
int peerbuf_override_parse(const char *text, struct peerbuf_override *pairs);

/**
 * peerbuf_override_has - is a pair in the list?
 * @pairs: from peerbuf_override_parse()
 * @nr: how many
 * @a: PEERBUF_PCI_ID()
 * @b: likewise; which of both is which does not matter
 *
 * Return: whether it is.
 */
bool peerbuf_override_has(const struct peerbuf_override *pairs, size_t nr, u64 a, u64 b);

/**
 * peerbuf_override_apply - let a pair through the host bridge that the rules refuse
 * @v: its verdict; one that is not refused stays as it is
 */
void peerbuf_override_apply(struct peerbuf_verdict *v);

#ifdef __KERNEL__
/**
 * peerbuf_route - how a device reaches a PCI device's memory, as things are now
 * @provider: whose memory; the caller holds a reference
 * @client: who does DMA; the caller holds a reference
 * @v: receives the verdict; UNKNOWN with NOT_PCI when @client is no PCI device.
 *	Pairs that the administrator has excepted are let through
 *
 * Context: process, may sleep; a reservation lock may be held.
 */
void peerbuf_route(struct pci_dev *provider, struct device *client,
		   struct peerbuf_verdict *v);
#endif

#endif /* _LINUX_PEERBUF_P2P_H */
