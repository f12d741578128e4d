// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routes: reads the tree of PCI devices, live, into what route.c decides about, and keeps
 * the list of pairs that the administrator has excepted.
 */
#define pr_fmt(fmt) "peerbuf: " fmt

#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#ifdef CONFIG_X86
#include <asm/processor.h>
#endif

#include <linux/peerbuf/p2p.h>

#include "../core/trace.h"

static u64 hop_id(struct pci_dev *pdev)
{
	return PEERBUF_PCI_ID(pci_domain_nr(pdev->bus), pdev->bus->number, pdev->devfn);
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

/*
 * The device that stands for the host bridge; see struct peerbuf_host. It is looked for in
 * config space: to ask the kernel's list of the bus takes pci_bus_sem, which error recovery
 * holds while it takes the locks that our callers hold.
 */
static void read_host(struct pci_dev *pdev, struct peerbuf_host *host)
{
	struct pci_bus *bus = root_bus(pdev);
	u16 vendor, device, flags;
	unsigned int slot, devfn;
	bool root_port;
	u8 pos;

	*host = (struct peerbuf_host) {
		.id = PEERBUF_PCI_ID(pci_domain_nr(bus), bus->number, 0),
		.vendor = 0xffff,
		.device = 0xffff,
	};
	for (slot = 0; slot < 32; slot++) {
		devfn = PCI_DEVFN(slot, 0);
		if (pci_bus_read_config_word(bus, devfn, PCI_VENDOR_ID, &vendor) ||
		    PCI_POSSIBLE_ERROR(vendor))
			continue;
		pci_bus_read_config_word(bus, devfn, PCI_DEVICE_ID, &device);
		pos = pci_bus_find_capability(bus, devfn, PCI_CAP_ID_EXP);
		root_port = pos &&
			    !pci_bus_read_config_word(bus, devfn, pos + PCI_EXP_FLAGS, &flags) &&
			    (flags & PCI_EXP_FLAGS_TYPE) >> 4 == PCI_EXP_TYPE_ROOT_PORT;
		peerbuf_host_identify(host, devfn, root_port, vendor, device);
		return;
	}
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
	return peerbuf_cpu_routes(cpu_data(0).x86_vendor == X86_VENDOR_AMD,
				  cpu_data(0).x86);
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

/* --------------------------------------------------------------------- overrides */

static DEFINE_MUTEX(overrides_lock);
static struct peerbuf_override overrides[PEERBUF_MAX_OVERRIDES];
static size_t nr_overrides;

#define NAME_SIZE	sizeof("12345678:00:00.0")

static const char *id_name(u64 id, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%04x:%02x:%02x.%x", (u32)(id >> 16), (u8)(id >> 8),
		 (u32)PCI_SLOT(id & 0xff), (u32)PCI_FUNC(id & 0xff));
	return name;
}

/* The list as a whole; what it had before is forgotten. The taint stays. */
static int overrides_set(const char *text, const struct kernel_param *kp)
{
	struct peerbuf_override *pairs;
	char a[NAME_SIZE], b[NAME_SIZE];
	int i, nr;

	pairs = kcalloc(PEERBUF_MAX_OVERRIDES, sizeof(*pairs), GFP_KERNEL);
	if (!pairs)
		return -ENOMEM;
	nr = peerbuf_override_parse(text, pairs);
	if (nr < 0)
		goto out;

	mutex_lock(&overrides_lock);
	memcpy(overrides, pairs, nr * sizeof(*pairs));
	nr_overrides = nr;
	mutex_unlock(&overrides_lock);
	if (nr)
		add_taint(TAINT_USER, LOCKDEP_STILL_OK);
	for (i = 0; i < nr; i++)
		pr_warn("route override: %s and %s are said to reach each other; if they do not, data is lost or corrupted silently\n",
			id_name(pairs[i].a, a), id_name(pairs[i].b, b));
out:
	kfree(pairs);
	return min(nr, 0);
}

static int overrides_get(char *text, const struct kernel_param *kp)
{
	char a[NAME_SIZE], b[NAME_SIZE];
	const char *comma = "";
	int used = 0;
	size_t i;

	mutex_lock(&overrides_lock);
	for (i = 0; i < nr_overrides; i++) {
		used += scnprintf(text + used, PAGE_SIZE - used, "%s%s-%s", comma,
				  id_name(overrides[i].a, a), id_name(overrides[i].b, b));
		comma = ",";
	}
	mutex_unlock(&overrides_lock);
	used += scnprintf(text + used, PAGE_SIZE - used, "\n");
	return used;
}

static const struct kernel_param_ops overrides_ops = {
	.set = overrides_set,
	.get = overrides_get,
};
module_param_cb(route_override, &overrides_ops, NULL, 0644);
MODULE_PARM_DESC(route_override,
		 "Pairs of PCI devices, A-B,C-D, that reach each other although they are not known to; taints the kernel (none)");

static bool is_overridden(struct pci_dev *a, struct pci_dev *b)
{
	bool found;

	mutex_lock(&overrides_lock);
	found = peerbuf_override_has(overrides, nr_overrides, hop_id(a), hop_id(b));
	mutex_unlock(&overrides_lock);
	return found;
}

/* ------------------------------------------------------------------------ routes */

static void find_route(struct pci_dev *provider, struct device *client,
		       struct peerbuf_verdict *v)
{
	struct peerbuf_path p, c;

	*v = (struct peerbuf_verdict) {};
	if (!dev_is_pci(client)) {
		v->reason = PEERBUF_REASON_NOT_PCI;
		return;
	}
	if (read_path(provider, &p) && read_path(to_pci_dev(client), &c)) {
		peerbuf_route_decide(&p, &c, cpu_routes(), v);
	} else {
		v->route = PEERBUF_ROUTE_NOT_SUPPORTED;
		v->reason = PEERBUF_REASON_NO_COMMON_BRIDGE;
	}
	if (is_overridden(provider, to_pci_dev(client)))
		peerbuf_override_apply(v);
	v->bus_offset = bus_offset(provider);
}

void peerbuf_route(struct pci_dev *provider, struct device *client,
		   struct peerbuf_verdict *v)
{
	find_route(provider, client, v);
	trace_peerbuf_route(&provider->dev, client, v);
}
