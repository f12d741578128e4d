// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf device: the PCI devices of this machine. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define NR_BARS		6

/* Bits of the flags in a device's sysfs file "resource", from <linux/ioport.h> */
#define RESOURCE_MEM		0x200u
#define RESOURCE_PREFETCH	0x2000u
#define RESOURCE_MEM_64		0x100000u

/* From lines of start, end and flags. */
struct json_object *read_bars(const struct tool *tool, const char *bdf)
{
	struct json_object *bars = json_object_new_array();
	char path[PATH_SIZE];
	FILE *file;
	int i;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/resource", tool->sysfs, bdf);
	file = fopen(path, "re");
	for (i = 0; file && i < NR_BARS; i++) {
		uint64_t start, end, flags;
		struct json_object *bar;

		if (fscanf(file, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end,
			   &flags) != 3)
			break;
		if (!(flags & RESOURCE_MEM) || end < start)
			continue;
		bar = json_object_new_object();
		json_object_object_add(bar, "index", json_object_new_int(i));
		json_object_object_add(bar, "size", json_number(end - start + 1));
		json_object_object_add(bar, "prefetchable",
				       json_object_new_boolean(!!(flags & RESOURCE_PREFETCH)));
		json_object_object_add(bar, "width",
				       json_object_new_int(flags & RESOURCE_MEM_64 ? 64 : 32));
		json_object_array_add(bars, bar);
	}
	if (file)
		fclose(file);
	return bars;
}

unsigned int read_id(const struct tool *tool, const char *bdf, const char *file)
{
	char text[NAME_SIZE];

	if (sysfs_read(tool, text, sizeof(text), "bus/pci/devices/%s/%s", bdf, file))
		return 0;
	return (unsigned int)strtoul(text, NULL, 16);
}

static struct json_object *describe(const struct tool *tool, const char *bdf,
				    struct names *names)
{
	struct json_object *row = json_object_new_object();
	unsigned int vendor = read_id(tool, bdf, "vendor");
	unsigned int device = read_id(tool, bdf, "device");
	char driver[NAME_SIZE], group[NAME_SIZE], name[160], id[16];
	bool bound, grouped, named;

	bound = !sysfs_link(tool, driver, sizeof(driver), "bus/pci/devices/%s/driver", bdf);
	grouped = !sysfs_link(tool, group, sizeof(group), "bus/pci/devices/%s/iommu_group",
			      bdf);
	named = names_lookup(names, vendor, device, name, sizeof(name));
	snprintf(id, sizeof(id), "%04x:%04x", vendor & 0xffff, device & 0xffff);

	json_object_object_add(row, "bdf", json_text(bdf));
	json_object_object_add(row, "id", json_text(id));
	json_object_object_add(row, "driver", json_text(bound ? driver : NULL));
	json_object_object_add(row, "iommu_group",
			       grouped ? json_number(strtoul(group, NULL, 10)) : NULL);
	json_object_object_add(row, "exportable",
			       json_object_new_boolean(bound &&
						       !strcmp(driver, DRIVER_PEERBUF)));
	json_object_object_add(row, "bars", read_bars(tool, bdf));
	json_object_object_add(row, "name", json_text(named ? name : NULL));
	return row;
}

void format_bars(struct json_object *bars, char *text, size_t size)
{
	size_t i, used = 0, nr;

	text[0] = '\0';
	/* A recording may say anything here, or nothing. */
	nr = json_object_is_type(bars, json_type_array) ? json_object_array_length(bars) : 0;
	for (i = 0; i < nr && used < size; i++) {
		struct json_object *bar = json_object_array_get_idx(bars, i);
		char amount[NAME_SIZE];

		format_size_json(json_object_object_get(bar, "size"), amount, sizeof(amount));
		used += (size_t)snprintf(text + used, size - used, "%s%d:%s", i ? " " : "",
			json_object_get_int(json_object_object_get(bar, "index")), amount);
	}
}

const char *device_reason(int err)
{
	switch (-err) {
	case ENODEV:
		return "it is not bound to a VFIO driver; see peerbuf device bind";
	case ENXIO:
		return "it has no IOMMU group; the IOMMU is absent or switched off";
	case ENOENT:
		return "no device of its IOMMU group is bound to a VFIO driver; see peerbuf device "
		       "bind";
	case EPERM:
		return "another device of its IOMMU group is bound to a driver of the host";
	case EBUSY:
		return "its IOMMU group is in use by another process";
	case ENOTTY:
		return "it cannot export; bind it to vfio_pci_peerbuf: see peerbuf device bind";
	default:
		return strerror(-err);
	}
}

static int device_list(struct tool *tool, unsigned int nr_args, char **args)
{
	static const struct column columns[] = {
		{ "bdf", "DEVICE", false, NULL },
		{ "id", "ID", false, NULL },
		{ "driver", "DRIVER", false, NULL },
		{ "iommu_group", "GROUP", true, NULL },
		{ "exportable", "EXPORTABLE", false, format_yes_no },
		{ "bars", "BARS", false, format_bars },
		{ "name", "NAME", false, NULL },
	};
	struct json_object *rows;
	struct names *names;
	char **devices;
	size_t nr, i;
	int err;

	(void)nr_args;
	(void)args;
	err = sysfs_names(tool, &devices, &nr, "bus/pci/devices");
	if (err)
		return fail(tool, "the PCI devices cannot be listed: %s/bus/pci/devices: %s",
			    tool->sysfs, strerror(-err));
	names = names_open();
	rows = json_object_new_array();
	for (i = 0; i < nr; i++)
		json_object_array_add(rows, describe(tool, devices[i], names));
	names_close(names);
	sysfs_free_names(devices, nr);
	print_rows(tool, rows, columns, sizeof(columns) / sizeof(columns[0]),
		   "There are no PCI devices.");
	return EXIT_OK;
}

static struct json_object *group_devices(const struct tool *tool, const char *bdf)
{
	struct json_object *list = json_object_new_array();
	char **devices;
	size_t nr, i;

	if (sysfs_names(tool, &devices, &nr, "bus/pci/devices/%s/iommu_group/devices", bdf))
		return list;
	for (i = 0; i < nr; i++)
		json_object_array_add(list, json_text(devices[i]));
	sysfs_free_names(devices, nr);
	return list;
}

static void show_text(struct json_object *row)
{
	struct json_object *bars = json_object_object_get(row, "bars"), *value;
	static const char *const keys[][2] = {
		{ "bdf", "Device:" }, { "id", "Id:" }, { "name", "Name:" },
		{ "driver", "Driver:" }, { "iommu_group", "IOMMU group:" },
		{ "blocked_by", "Blocked:" },
	};
	char text[160];
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		value = json_object_object_get(row, keys[i][0]);
		if (value)
			printf("%-14s%s\n", keys[i][1], json_object_get_string(value));
	}
	value = json_object_object_get(row, "group_devices");
	printf("%-14s", "In the group:");
	for (i = 0; i < json_object_array_length(value); i++)
		printf("%s%s", i ? " " : "",
		       json_object_get_string(json_object_array_get_idx(value, i)));
	putchar('\n');
	for (i = 0; i < json_object_array_length(bars); i++) {
		struct json_object *bar = json_object_array_get_idx(bars, i);

		format_size_json(json_object_object_get(bar, "size"), text, sizeof(text));
		printf("BAR %d:        %s, %d bits%s\n",
		       json_object_get_int(json_object_object_get(bar, "index")), text,
		       json_object_get_int(json_object_object_get(bar, "width")),
		       json_object_get_boolean(json_object_object_get(bar, "prefetchable")) ?
		       ", prefetchable" : "");
	}
	printf("%-14s%s\n", "Exports:",
	       json_object_get_boolean(json_object_object_get(row, "exportable")) ?
	       "yes" : "no; see peerbuf device bind");
}

static int device_show(struct tool *tool, unsigned int nr_args, char **args)
{
	char bdf[NAME_SIZE], blocker[2 * NAME_SIZE + 16];
	struct json_object *row;
	struct names *names;

	(void)nr_args;
	if (!parse_bdf(args[0], bdf))
		return fail_usage(tool, "\"%s\" is not a PCI address such as 0000:01:00.0",
				  args[0]);
	if (sysfs_exists(tool, "bus/pci/devices/%s", bdf))
		return fail(tool, "there is no PCI device %s", bdf);
	names = names_open();
	row = describe(tool, bdf, names);
	names_close(names);
	json_object_object_add(row, "group_devices", group_devices(tool, bdf));
	json_object_object_add(row, "blocked_by",
			       json_text(find_blocker(tool, bdf, blocker, sizeof(blocker)) ?
					 blocker : NULL));
	if (tool->json) {
		print_json(row);
		return EXIT_OK;
	}
	show_text(row);
	json_object_put(row);
	return EXIT_OK;
}

const struct command device_commands[] = {
	{ "device", "list", "", 0, 0,
	  "show PCI devices, their drivers and memory BARs", device_list },
	{ "device", "show", "BDF", 1, 1,
	  "show a device, its BARs and its IOMMU group", device_show },
	{ "device", "bind", "BDF [DRIVER]", 1, 2,
	  "bind a device to vfio-pci-peerbuf, or to vfio-pci", device_bind },
	{ "device", "unbind", "BDF", 1, 1,
	  "give a device back to its usual driver", device_unbind },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
