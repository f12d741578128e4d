// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peerbuf device bind and unbind: which driver a PCI device has.
 *
 * driver_override makes the kernel offer the device to one driver alone, so neither ids
 * nor the order of loading matter.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* What is known of a device before it is touched. */
struct subject {
	char bdf[NAME_SIZE];
	char driver[NAME_SIZE];		/* empty: none */
	char override[NAME_SIZE];	/* as read; "(null)": none */
	char group[NAME_SIZE];		/* empty: none */
};

static int find_subject(struct tool *tool, const char *text, struct subject *subject)
{
	memset(subject, 0, sizeof(*subject));
	if (!parse_bdf(text, subject->bdf))
		return fail_usage(tool, "\"%s\" is not a PCI address such as 0000:01:00.0",
				  text);
	if (sysfs_exists(tool, "bus/pci/devices/%s", subject->bdf))
		return fail(tool, "there is no PCI device %s", subject->bdf);
	sysfs_link(tool, subject->driver, sizeof(subject->driver),
		   "bus/pci/devices/%s/driver", subject->bdf);
	sysfs_link(tool, subject->group, sizeof(subject->group),
		   "bus/pci/devices/%s/iommu_group", subject->bdf);
	sysfs_read(tool, subject->override, sizeof(subject->override),
		   "bus/pci/devices/%s/driver_override", subject->bdf);
	return EXIT_OK;
}

/* The driver as sysfs names it, for either spelling; NULL if it is not one of the two. */
static const char *driver_named(const char *text)
{
	char name[NAME_SIZE];
	char *p;

	snprintf(name, sizeof(name), "%s", text);
	for (p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	if (!strcmp(name, "vfio_pci_peerbuf"))
		return DRIVER_PEERBUF;
	return strcmp(name, "vfio_pci") ? NULL : DRIVER_STOCK;
}

static bool is_vfio(const char *driver)
{
	return driver_named(driver) != NULL;
}

static int write_override(struct tool *tool, const struct subject *subject,
			  const char *driver)
{
	return sysfs_write(tool, driver, "bus/pci/devices/%s/driver_override", subject->bdf);
}

static int detach(struct tool *tool, const struct subject *subject)
{
	if (!subject->driver[0])
		return 0;
	return sysfs_write(tool, subject->bdf, "bus/pci/drivers/%s/unbind",
			   subject->driver);
}

/* Bring back what was there before a bind that failed; best effort. */
static void put_back(struct tool *tool, const struct subject *subject)
{
	bool none = !subject->override[0] || !strcmp(subject->override, "(null)");

	write_override(tool, subject, none ? "\n" : subject->override);
	if (subject->driver[0])
		sysfs_write(tool, subject->bdf, "bus/pci/drivers/%s/bind", subject->driver);
}

bool find_blocker(const struct tool *tool, const char *bdf, char *blocker, size_t size)
{
	static const char *const harmless[] = { "pcieport", "pci-stub", "shpchp" };
	bool found = false;
	char **devices;
	size_t nr, i, j;

	if (sysfs_names(tool, &devices, &nr, "bus/pci/devices/%s/iommu_group/devices",
			bdf))
		return false;
	for (i = 0; i < nr && !found; i++) {
		char driver[NAME_SIZE];

		if (!strcmp(devices[i], bdf) ||
		    sysfs_link(tool, driver, sizeof(driver), "bus/pci/devices/%s/driver",
			       devices[i]))
			continue;
		found = strncmp(driver, "vfio", 4) != 0;
		for (j = 0; j < sizeof(harmless) / sizeof(harmless[0]); j++)
			found &= strcmp(driver, harmless[j]) != 0;
		if (found)
			snprintf(blocker, size, "%s is bound to %s", devices[i], driver);
	}
	sysfs_free_names(devices, nr);
	return found;
}

static int show_result(struct tool *tool, const struct subject *subject,
		       const char *driver)
{
	char blocker[2 * NAME_SIZE + 16];
	bool blocked = is_vfio(driver) && find_blocker(tool, subject->bdf, blocker, sizeof(blocker));
	struct json_object *document;

	if (!tool->json) {
		if (driver[0])
			printf("%s is bound to %s\n", subject->bdf, driver);
		else
			printf("%s has no driver\n", subject->bdf);
		if (blocked)
			fprintf(stderr, "peerbuf: note: VFIO will refuse IOMMU group %s while %s\n",
				subject->group, blocker);
		return EXIT_OK;
	}
	document = json_object_new_object();
	json_object_object_add(document, "bdf", json_text(subject->bdf));
	json_object_object_add(document, "driver", json_text(driver[0] ? driver : NULL));
	json_object_object_add(document, "previous",
			       json_text(subject->driver[0] ? subject->driver : NULL));
	json_object_object_add(document, "iommu_group",
			       subject->group[0] ?
			       json_number(strtoul(subject->group, NULL, 10)) : NULL);
	json_object_object_add(document, "blocked_by", json_text(blocked ? blocker : NULL));
	print_json(document);
	return EXIT_OK;
}

/* Everything that can be refused before anything has changed. */
static int check_bind(struct tool *tool, const struct subject *subject, const char *driver)
{
	if (sysfs_exists(tool, "bus/pci/drivers/%s", driver))
		return fail(tool, "the driver %s is not loaded; try: modprobe %s", driver,
			    driver);
	if (!subject->group[0])
		return fail(tool,
			    "%s has no IOMMU group; switch the IOMMU on, such as with intel_iommu=on on the kernel command line",
			    subject->bdf);
	return EXIT_OK;
}

int device_bind(struct tool *tool, unsigned int nr_args, char **args)
{
	const char *driver = nr_args > 1 ? driver_named(args[1]) : DRIVER_PEERBUF;
	char now[NAME_SIZE] = "";
	struct subject subject;
	int status, err;

	if (!driver)
		return fail_usage(tool, "\"%s\" is neither vfio-pci-peerbuf nor vfio-pci",
				  args[1]);
	status = find_subject(tool, args[0], &subject);
	if (!status)
		status = check_bind(tool, &subject, driver);
	if (status)
		return status;
	if (!strcmp(subject.driver, driver))
		return show_result(tool, &subject, driver);

	err = write_override(tool, &subject, driver);
	if (err)
		return fail(tool, "the driver of %s cannot be chosen: %s", subject.bdf,
			    strerror(-err));
	err = detach(tool, &subject);
	if (err) {
		put_back(tool, &subject);
		return fail(tool, "%s cannot be taken from %s: %s", subject.bdf,
			    subject.driver, strerror(-err));
	}
	err = sysfs_write(tool, subject.bdf, "bus/pci/drivers/%s/bind", driver);
	sysfs_link(tool, now, sizeof(now), "bus/pci/devices/%s/driver", subject.bdf);
	/* A hot-plug helper may have been quicker: what counts is who has the device. */
	if (strcmp(now, driver)) {
		put_back(tool, &subject);
		return fail(tool, "%s does not take %s: %s", driver, subject.bdf,
			    err ? strerror(-err) : "the kernel log may tell why");
	}
	return show_result(tool, &subject, driver);
}

int device_unbind(struct tool *tool, unsigned int nr_args, char **args)
{
	char now[NAME_SIZE] = "";
	struct subject subject;
	int status, err;

	(void)nr_args;
	status = find_subject(tool, args[0], &subject);
	if (status)
		return status;
	if (subject.driver[0] && !is_vfio(subject.driver))
		return fail(tool, "%s is bound to %s, which is no VFIO driver", subject.bdf,
			    subject.driver);
	err = write_override(tool, &subject, "\n");
	if (err)
		return fail(tool, "the driver of %s cannot be chosen: %s", subject.bdf,
			    strerror(-err));
	err = detach(tool, &subject);
	if (err)
		return fail(tool, "%s cannot be taken from %s: %s", subject.bdf,
			    subject.driver, strerror(-err));
	/* That no driver wants it is not an error. */
	sysfs_write(tool, subject.bdf, "bus/pci/drivers_probe");
	sysfs_link(tool, now, sizeof(now), "bus/pci/devices/%s/driver", subject.bdf);
	return show_result(tool, &subject, now);
}
