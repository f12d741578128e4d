// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The recording of this machine. It has what decides about routes and what a person needs to
 * recognise a device, and nothing that tells one machine of a kind from another: no serial
 * numbers, no network addresses, no host name, no address of a BAR.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "machine.h"

#define CONFIG_SIZE	4096
#define CAP_PCIE	0x10
#define CAP_ACS		0x0d

/* Config space, as far as it could be read: 64 bytes is what everybody may. */
struct config {
	uint8_t bytes[CONFIG_SIZE];
	size_t size;
};

static unsigned int config16(const struct config *c, size_t at)
{
	return c->size >= 2 && at <= c->size - 2 ? c->bytes[at] | (unsigned int)c->bytes[at + 1] << 8 : 0;
}

static uint32_t config32(const struct config *c, size_t at)
{
	return config16(c, at) | (uint32_t)config16(c, at + 2) << 16;
}

static void read_config(const struct tool *tool, const char *bdf, struct config *c)
{
	char path[PATH_SIZE];
	ssize_t got = 0;
	int fd;

	memset(c, 0, sizeof(*c));
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/config", tool->sysfs, bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (c->size < CONFIG_SIZE) {
		got = read(fd, c->bytes + c->size, CONFIG_SIZE - c->size);
		if (got <= 0)
			break;
		c->size += (size_t)got;
	}
	close(fd);
}

/* Position of a capability, 0 if there is none. A list that runs in circles ends, too. */
static size_t find_capability(const struct config *c, unsigned int id)
{
	size_t at = config16(c, 0x06) & 0x10 ? config16(c, 0x34) & 0xfc : 0;
	int limit;

	for (limit = 48; at >= 0x40 && limit; limit--) {
		if ((config16(c, at) & 0xff) == id)
			return at;
		at = config16(c, at) >> 8 & 0xfc;
	}
	return 0;
}

static size_t find_extended(const struct config *c, unsigned int id)
{
	size_t at = 0x100;
	int limit;

	for (limit = 480; at >= 0x100 && at + 4 <= c->size && limit; limit--) {
		uint32_t header = config32(c, at);

		if (!header || header == UINT32_MAX)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = header >> 20 & 0xffc;
	}
	return 0;
}

static const char *port_type(const struct config *c)
{
	static const char *const names[16] = {
		[0] = "endpoint", [1] = "legacy endpoint", [4] = "root port",
		[5] = "upstream port", [6] = "downstream port", [7] = "PCIe-to-PCI bridge",
		[8] = "PCI-to-PCIe bridge", [9] = "integrated endpoint",
		[10] = "event collector",
	};
	size_t at = find_capability(c, CAP_PCIE);

	return at ? names[config16(c, at + 2) >> 4 & 0xf] : NULL;
}

static void add_acs(struct json_object *row, const struct config *c)
{
	size_t at = find_extended(c, CAP_ACS);
	struct json_object *acs = NULL;
	char text[8];

	/* Not permitted to look. */
	if (c->size <= 64)
		return;
	if (at) {
		acs = json_object_new_object();
		snprintf(text, sizeof(text), "%04x", config16(c, at + 4));
		json_object_object_add(acs, "supports", json_text(text));
		snprintf(text, sizeof(text), "%04x", config16(c, at + 6));
		json_object_object_add(acs, "enabled", json_text(text));
	}
	json_object_object_add(row, "acs", acs);
}

/* What the bus says less what the processor says, of the first memory BAR. */
static int64_t bus_offset(const struct tool *tool, const char *bdf, const struct config *c)
{
	char path[PATH_SIZE];
	int64_t offset = 0;
	FILE *file;
	int i;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/resource", tool->sysfs, bdf);
	file = fopen(path, "re");
	for (i = 0; file && i < 6; i++) {
		uint64_t start, end, flags, bus;

		if (fscanf(file, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &flags) != 3)
			break;
		if (!(flags & 0x200) || end < start)
			continue;
		bus = config32(c, 0x10 + 4 * (size_t)i) & ~0xfu;
		if (flags & 0x100000)
			bus |= (uint64_t)config32(c, 0x14 + 4 * (size_t)i) << 32;
		/* Virtual functions have no BARs of their own in config space. */
		if (bus)
			offset = (int64_t)(bus - start);
		break;
	}
	if (file)
		fclose(file);
	return offset;
}

/* From its registers as the NVMe driver shows them, where the kernel has peer-to-peer DMA. */
static struct json_object *controller_memory(const struct tool *tool, const char *bdf)
{
	char location[NAME_SIZE], size[NAME_SIZE];
	struct json_object *cmb = NULL;
	unsigned long where, much;
	char **names;
	size_t nr;

	if (sysfs_names(tool, &names, &nr, "bus/pci/devices/%s/nvme", bdf))
		return NULL;
	if (nr && !sysfs_read(tool, location, sizeof(location),
			      "bus/pci/devices/%s/nvme/%s/cmbloc", bdf, names[0]) &&
	    !sysfs_read(tool, size, sizeof(size), "bus/pci/devices/%s/nvme/%s/cmbsz", bdf,
			names[0])) {
		where = strtoul(location, NULL, 10);
		much = strtoul(size, NULL, 10);
		cmb = json_object_new_object();
		json_object_object_add(cmb, "bar", json_object_new_int((int)(where & 7)));
		/* A number of units, which are 4 KiB and then sixteen times as large each. */
		json_object_object_add(cmb, "size", json_number(
			(uint64_t)(much >> 12 & 0xfffff) << (12 + 4 * (much >> 8 & 0xf))));
	}
	sysfs_free_names(names, nr);
	return cmb;
}

/* ------------------------------------------------------------------------- place */

/* Components of a device's real path, from its end on: the bridge above, or the root bus. */
static bool find_place(const struct tool *tool, const char *bdf, char *parent, char *host)
{
	char link[PATH_SIZE], path[PATH_MAX];
	uint64_t id;
	char *slash;

	parent[0] = host[0] = '\0';
	snprintf(link, sizeof(link), "%s/bus/pci/devices/%s", tool->sysfs, bdf);
	if (!realpath(link, path))
		return false;
	while ((slash = strrchr(path, '/'))) {
		const char *word = slash + 1;

		if (!strncmp(word, "pci", 3) && isxdigit((unsigned char)word[3])) {
			snprintf(host, NAME_SIZE, "%.15s", word + 3);
			return true;
		}
		if (!parent[0] && strcmp(word, bdf) && parse_address(word, &id))
			snprintf(parent, NAME_SIZE, "%.31s", word);
		*slash = '\0';
	}
	return false;
}

static void add_place(struct json_object *row, const struct tool *tool, const char *bdf)
{
	char parent[NAME_SIZE], host[NAME_SIZE], physical[NAME_SIZE];
	bool is_vf = !sysfs_link(tool, physical, sizeof(physical),
				 "bus/pci/devices/%s/physfn", bdf);

	/* Without a path that tells, the function is on its own bus. */
	if (!find_place(tool, bdf, parent, host)) {
		parent[0] = '\0';
		snprintf(host, sizeof(host), "%.*s", (int)strlen(bdf) - 5, bdf);
	}
	json_object_object_add(row, "host", json_text(host));
	json_object_object_add(row, "parent", json_text(parent[0] ? parent : NULL));
	json_object_object_add(row, "physical_function", json_text(is_vf ? physical : NULL));
}

static void add_iommu(struct json_object *row, const struct tool *tool, const char *bdf)
{
	char group[NAME_SIZE], type[NAME_SIZE], driver[NAME_SIZE];
	bool grouped = !sysfs_link(tool, group, sizeof(group),
				   "bus/pci/devices/%s/iommu_group", bdf);
	bool typed = grouped && !sysfs_read(tool, type, sizeof(type),
					    "kernel/iommu_groups/%s/type", group);
	bool bound = !sysfs_link(tool, driver, sizeof(driver), "bus/pci/devices/%s/driver", bdf);

	json_object_object_add(row, "driver", json_text(bound ? driver : NULL));
	json_object_object_add(row, "iommu_group",
			       grouped ? json_number(strtoul(group, NULL, 10)) : NULL);
	json_object_object_add(row, "iommu", json_text(typed ? type : NULL));
}

static struct json_object *record_function(const struct tool *tool, const char *bdf,
					   struct names *names)
{
	struct json_object *row = json_object_new_object();
	unsigned int vendor = read_id(tool, bdf, "vendor"), device = read_id(tool, bdf, "device");
	char text[160];
	struct config c;

	read_config(tool, bdf, &c);
	json_object_object_add(row, "address", json_text(bdf));
	add_place(row, tool, bdf);
	snprintf(text, sizeof(text), "%04x:%04x", vendor & 0xffff, device & 0xffff);
	json_object_object_add(row, "id", json_text(text));
	snprintf(text, sizeof(text), "%06x", read_id(tool, bdf, "class") & 0xffffff);
	json_object_object_add(row, "class", json_text(text));
	json_object_object_add(row, "name", json_text(
		names_lookup(names, vendor, device, text, sizeof(text)) ? text : NULL));
	json_object_object_add(row, "port", json_text(port_type(&c)));
	add_acs(row, &c);
	json_object_object_add(row, "bars", read_bars(tool, bdf));
	json_object_object_add(row, "bus_offset",
			       json_object_new_int64(bus_offset(tool, bdf, &c)));
	json_object_object_add(row, "cmb", controller_memory(tool, bdf));
	add_iommu(row, tool, bdf);
	return row;
}

/* ----------------------------------------------------------------------- machine */

/* Of the first processor; null where /proc/cpuinfo has other words. */
static struct json_object *record_cpu(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256], vendor[32] = "";
	struct json_object *cpu = NULL;
	unsigned int family;

	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "vendor_id : %31s", vendor);
		if (!vendor[0] || sscanf(line, "cpu family : %u", &family) != 1)
			continue;
		cpu = json_object_new_object();
		json_object_object_add(cpu, "vendor", json_text(vendor));
		json_object_object_add(cpu, "family", json_object_new_int((int)family));
		break;
	}
	if (file)
		fclose(file);
	return cpu;
}

struct json_object *record_machine(struct tool *tool)
{
	struct json_object *machine, *functions;
	char override[4096];
	struct names *names;
	struct utsname uts;
	char **devices;
	size_t nr, i;
	int err;

	err = sysfs_names(tool, &devices, &nr, "bus/pci/devices");
	if (err) {
		fail(tool, "the PCI devices cannot be listed: %s/bus/pci/devices: %s",
		     tool->sysfs, strerror(-err));
		return NULL;
	}
	machine = json_object_new_object();
	json_object_object_add(machine, "peerbuf_recording", json_object_new_int(1));
	json_object_object_add(machine, "kernel", json_text(uname(&uts) ? NULL : uts.release));
	json_object_object_add(machine, "cpu", record_cpu());
	json_object_object_add(machine, "route_override", json_text(
		sysfs_read(tool, override, sizeof(override),
			   "module/peerbuf_core/parameters/route_override") ? NULL : override));
	functions = json_object_new_array();
	json_object_object_add(machine, "functions", functions);
	names = names_open();
	for (i = 0; i < nr; i++)
		json_object_array_add(functions, record_function(tool, devices[i], names));
	names_close(names);
	sysfs_free_names(devices, nr);
	return machine;
}
