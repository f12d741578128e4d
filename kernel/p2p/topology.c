// SPDX-License-Identifier: GPL-2.0-only
/* Routes: reads the tree of PCI devices, live, into what route.c decides about. */
#include <linux/pci.h>
#ifdef CONFIG_X86
#include <asm/processor.h>
#endif

#include <linux/peerbuf/p2p.h>

#include "../core/trace.h"

static u32 hop_id(struct pci_dev *pdev)
{
	return pci_domain_nr(pdev->bus) << 16 | pci_dev_id(pdev);
}

/* What is set now, not what the kernel remembers to have set. */
static u16 acs_control(struct pci_dev *pdev)
{
	int pos = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_ACS);
	u16 ctrl = 0;

	if (pos)
		pci_read_config_word(pdev, pos + PCI_ACS_CTRL, &ctrl);
	return PCI_POSSIBLE_ERROR(ctrl) ? 0 : ctrl;
}

static struct pci_bus *root_bus(struct pci_dev *pdev)
{
	struct pci_bus *bus = pdev->bus;

	while (!pci_is_root_bus(bus))
		bus = bus->parent;
	return bus;
}

/* The device that stands for the host bridge; see struct peerbuf_host. */
static void read_host(struct pci_dev *pdev, struct peerbuf_host *host)
{
	struct pci_bus *bus = root_bus(pdev);
	struct pci_dev *first = NULL;
	unsigned int devfn;

	*host = (struct peerbuf_host) {
		.id = pci_domain_nr(bus) << 16 | bus->number << 8,
		.vendor = 0xffff,
		.device = 0xffff,
	};
	for (devfn = 0; devfn < 256 && !first; devfn++)
		first = pci_get_slot(bus, devfn);
	if (!first)
		return;
	if (first->devfn == PCI_DEVFN(0, 0) ||
	    (pci_is_pcie(first) &&
	     pci_pcie_type(first) == PCI_EXP_TYPE_ROOT_PORT)) {
		host->vendor = first->vendor;
		host->device = first->device;
	}
	pci_dev_put(first);
}

static bool read_path(struct pci_dev *pdev, struct peerbuf_path *path)
{
	path->nr = 0;
	for (; pdev; pdev = pci_upstream_bridge(pdev)) {
		if (path->nr == PEERBUF_MAX_DEPTH)
			return false;
		path->hop[path->nr++] = (struct peerbuf_hop) {
			.id = hop_id(pdev),
			.acs_ctrl = acs_control(pdev),
		};
		if (!pci_upstream_bridge(pdev))
			read_host(pdev, &path->host);
	}
	return true;
}

static bool cpu_routes(void)
{
#ifdef CONFIG_X86
	return cpu_data(0).x86_vendor == X86_VENDOR_AMD &&
	       cpu_data(0).x86 >= 0x17;
#else
	return false;
#endif
}

/* One offset for a device: its bridge translates memory windows as a whole. */
static s64 bus_offset(struct pci_dev *pdev)
{
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		if (pci_resource_flags(pdev, bar) & IORESOURCE_MEM)
			return pci_bus_address(pdev, bar) -
			       pci_resource_start(pdev, bar);
	return 0;
}

static void find_route(struct pci_dev *provider, struct device *client,
		       struct peerbuf_verdict *v)
{
	struct peerbuf_path p, c;

	*v = (struct peerbuf_verdict) {};
	if (!dev_is_pci(client)) {
		v->reason = PEERBUF_REASON_NOT_PCI;
		return;
	}
	if (!read_path(provider, &p) || !read_path(to_pci_dev(client), &c)) {
		v->route = PEERBUF_ROUTE_NOT_SUPPORTED;
		v->reason = PEERBUF_REASON_NO_COMMON_BRIDGE;
		return;
	}
	peerbuf_route_decide(&p, &c, cpu_routes(), v);
	v->bus_offset = bus_offset(provider);
}

void peerbuf_route(struct pci_dev *provider, struct device *client,
		   struct peerbuf_verdict *v)
{
	find_route(provider, client, v);
	trace_peerbuf_route(&provider->dev, client, v);
}
