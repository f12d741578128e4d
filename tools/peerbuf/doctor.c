// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peerbuf doctor: is this machine ready, and if not, what is to be changed.
 *
 * Each check finds one thing, says it in one sentence, and, unless all is well, the remedy in
 * another one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <peerbuf.h>

#include "tool.h"

/* Less locked memory than this keeps most user-space drivers from starting. */
#define MEMLOCK_LITTLE	(64ULL << 20)

enum verdict { FINE, WARNING, PROBLEM };

struct doctor {
	struct tool *tool;
	struct json_object *rows;
	char release[NAME_SIZE];	/* of the kernel; empty if not known */
	bool problem;
	bool warned;
};

static struct json_object *sentence(const char *format, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, args);
	return json_text(text);
}

/* What was found; remedy() may follow. */
static void found(struct doctor *d, enum verdict verdict, const char *check,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

static void found(struct doctor *d, enum verdict verdict, const char *check,
		  const char *format, ...)
{
	static const char *const words[] = { "ok", "warning", "problem" };
	struct json_object *row = json_object_new_object();
	va_list args;

	d->problem |= verdict == PROBLEM;
	d->warned |= verdict == WARNING;
	va_start(args, format);
	json_object_object_add(row, "check", json_text(check));
	json_object_object_add(row, "status", json_text(words[verdict]));
	json_object_object_add(row, "finding", sentence(format, args));
	json_object_object_add(row, "remedy", NULL);
	va_end(args);
	json_object_array_add(d->rows, row);
}

static void remedy(struct doctor *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void remedy(struct doctor *d, const char *format, ...)
{
	size_t last = json_object_array_length(d->rows) - 1;
	va_list args;

	va_start(args, format);
	json_object_object_add(json_object_array_get_idx(d->rows, last), "remedy",
			       sentence(format, args));
	va_end(args);
}

/* A file outside of sysfs. */
static FILE *open_file(const struct doctor *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static FILE *open_file(const struct doctor *d, const char *format, ...)
{
	char path[PATH_SIZE];
	int length = snprintf(path, sizeof(path), "%s", d->tool->root);
	va_list args;

	va_start(args, format);
	vsnprintf(path + length, sizeof(path) - (size_t)length, format, args);
	va_end(args);
	return fopen(path, "re");
}

/* ----------------------------------------------------------------------- kernel */

static void check_kernel(struct doctor *d)
{
	FILE *file = open_file(d, "/proc/sys/kernel/osrelease");
	unsigned int major = 0, minor = 0;

	if (file) {
		if (!fgets(d->release, sizeof(d->release), file))
			d->release[0] = '\0';
		fclose(file);
	}
	d->release[strcspn(d->release, "\n")] = '\0';
	if (sscanf(d->release, "%u.%u", &major, &minor) != 2) {
		found(d, WARNING, "kernel", "The version of the kernel cannot be read.");
		remedy(d, "Mount proc at /proc.");
	} else if (major < 6 || (major == 6 && minor < 12)) {
		found(d, PROBLEM, "kernel", "The kernel %s is older than 6.12.", d->release);
		remedy(d, "Install a kernel of 6.12 or later, such as Debian's linux-image-6.12-amd64, and boot it.");
	} else {
		found(d, FINE, "kernel", "The kernel is %s.", d->release);
	}
}

static FILE *open_config(const struct doctor *d)
{
	FILE *file = open_file(d, "/boot/config-%s", d->release);

	if (!file)
		file = open_file(d, "/lib/modules/%s/config", d->release);
	return file ? file : open_file(d, "/lib/modules/%s/build/.config", d->release);
}

static void check_config(struct doctor *d)
{
	static const char *const needed[] = {
		"CONFIG_DMA_SHARED_BUFFER", "CONFIG_IOMMU_SUPPORT", "CONFIG_MODULES",
		"CONFIG_VFIO", "CONFIG_VFIO_CONTAINER", "CONFIG_VFIO_GROUP",
		"CONFIG_VFIO_PCI_CORE",
	};
	enum { NR = sizeof(needed) / sizeof(needed[0]) };
	bool seen[NR] = { false };
	char line[256], missing[256] = "";
	FILE *file = open_config(d);
	size_t i, used = 0;

	if (!file) {
		found(d, WARNING, "config", "The kernel's configuration is not on this machine.");
		remedy(d, "Look for %s and the like in the configuration the kernel was built with.",
		       needed[3]);
		return;
	}
	while (fgets(line, sizeof(line), file))
		for (i = 0; i < NR; i++) {
			size_t length = strlen(needed[i]);

			if (!strncmp(line, needed[i], length) && line[length] == '=')
				seen[i] = true;
		}
	fclose(file);
	for (i = 0; i < NR; i++)
		if (!seen[i] && used < sizeof(missing))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s%s",
						 used ? ", " : "", needed[i]);
	if (!used) {
		found(d, FINE, "config", "The kernel was built with all that is needed.");
		return;
	}
	found(d, PROBLEM, "config", "The kernel was built without %s.", missing);
	remedy(d, "Boot a kernel that has them, such as Debian's own.");
}

/* ------------------------------------------------------------------------ IOMMU */

/* Has a file in /proc this word? */
static bool has_word(const struct doctor *d, const char *path, const char *word)
{
	FILE *file = open_file(d, "%s", path);
	char *line = NULL, *next, *rest;
	bool is = false;
	size_t room = 0;

	while (file && !is && getline(&line, &room, file) >= 0)
		for (next = strtok_r(line, " \n", &rest); next && !is;
		     next = strtok_r(NULL, " \n", &rest))
			is = !strcmp(next, word);
	free(line);
	if (file)
		fclose(file);
	return is;
}

static void no_iommu(struct doctor *d)
{
	static const char *const off[] = { "iommu=off", "intel_iommu=off", "amd_iommu=off" };
	size_t i;

	found(d, PROBLEM, "iommu", "No IOMMU is at work: no device has an IOMMU group.");
	for (i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		if (has_word(d, "/proc/cmdline", off[i])) {
			remedy(d, "Boot without %s, which is on the kernel's command line.", off[i]);
			return;
		}
	if (has_word(d, "/proc/cpuinfo", "hypervisor"))
		remedy(d, "This is a virtual machine: have its host give it an IOMMU, such as QEMU's -device intel-iommu, and boot with intel_iommu=on.");
	else
		remedy(d, "Switch VT-d or AMD-Vi on in the firmware, and on Intel boot with intel_iommu=on.");
}

static void check_iommu(struct doctor *d)
{
	unsigned int identity = 0;
	char type[NAME_SIZE];
	char **groups;
	size_t nr, i;

	if (sysfs_names(d->tool, &groups, &nr, "kernel/iommu_groups"))
		nr = 0, groups = NULL;
	for (i = 0; i < nr; i++)
		if (!sysfs_read(d->tool, type, sizeof(type), "kernel/iommu_groups/%s/type",
				groups[i]))
			identity += !strcmp(type, "identity");
	if (groups)
		sysfs_free_names(groups, nr);
	if (!nr) {
		no_iommu(d);
	} else if (identity) {
		found(d, WARNING, "iommu",
		      "The IOMMU is on, but does not translate for host drivers of %u of %zu groups.",
		      identity, nr);
		remedy(d, "Boot without iommu=pt if host drivers import buffers: without translation a revoke depends on their word.");
	} else {
		found(d, FINE, "iommu", "The IOMMU is on, with %zu groups.", nr);
	}
}

/* ---------------------------------------------------------------------- modules */

/* Path of a module's file below /lib/modules/RELEASE; false if depmod knows none. */
static bool module_file(const struct doctor *d, const char *name, char *path, size_t size)
{
	FILE *file = open_file(d, "/lib/modules/%s/modules.dep", d->release);
	size_t length = strlen(name);
	bool there = false;
	char *line = NULL;
	size_t room = 0;

	while (file && !there && getline(&line, &room, file) >= 0) {
		const char *base;
		size_t i;

		line[strcspn(line, ":")] = '\0';
		base = strrchr(line, '/');
		base = base ? base + 1 : line;
		for (i = 0; i < length; i++)
			if (base[i] != name[i] && !(name[i] == '_' && base[i] == '-'))
				break;
		there = i == length && !strncmp(base + length, ".ko", 3);
		if (there)
			snprintf(path, size, "/lib/modules/%s/%s", d->release, line);
	}
	free(line);
	if (file)
		fclose(file);
	return there;
}

static bool loaded(const struct doctor *d, const char *name)
{
	return !sysfs_exists(d->tool, "module/%s", name);
}

/* What of that which makes the modules is not there? */
static void not_built(struct doctor *d)
{
	char headers[PATH_SIZE], dkms[PATH_SIZE];

	snprintf(dkms, sizeof(dkms), "%s/var/lib/dkms/peerbuf", d->tool->root);
	snprintf(headers, sizeof(headers), "%s/lib/modules/%s/build", d->tool->root, d->release);
	if (access(dkms, F_OK))
		remedy(d, "Install peerbuf-dkms and linux-headers-%s.", d->release);
	else if (access(headers, F_OK))
		remedy(d, "Install linux-headers-%s: DKMS has the source, but not what it is compiled with.",
		       d->release);
	else
		remedy(d, "dkms autoinstall; if it fails, /var/lib/dkms/peerbuf has its log.");
}

static void check_module(struct doctor *d, const char *name, bool ours)
{
	char path[2 * NAME_SIZE + 128], version[NAME_SIZE];

	if (loaded(d, name)) {
		if (ours && !sysfs_read(d->tool, version, sizeof(version), "module/%s/version", name) &&
		    strcmp(version, peerbuf_version())) {
			found(d, WARNING, name, "The module %s is of version %s, this command of %s.",
			      name, version, peerbuf_version());
			remedy(d, "Install both in one version, and load the module anew.");
			return;
		}
		found(d, FINE, name, "The module %s is loaded.", name);
	} else if (module_file(d, name, path, sizeof(path))) {
		found(d, WARNING, name, "The module %s is installed, but not loaded.", name);
		remedy(d, "modprobe %s", name);
	} else {
		found(d, PROBLEM, name, "The module %s is not installed for this kernel.", name);
		if (ours)
			not_built(d);
		else
			remedy(d, "Install linux-image-%s, or another kernel that has it.",
			       d->release);
	}
}

/* The kernel's own iommufd maps our buffers if root wants it; most kernels have none. */
static void check_iommufd(struct doctor *d)
{
	static const char name[] = "peerbuf_iommufd";
	char path[2 * NAME_SIZE + 128];

	if (loaded(d, name))
		check_module(d, name, true);
	else if (module_file(d, name, path, sizeof(path)))
		found(d, FINE, name, "The kernel's own iommufd does not map buffers; modprobe %s lets it.", name);
}

/* What keeps modules out that are not signed; NULL: nothing. */
static const char *enforcer(const struct doctor *d)
{
	static const char variable[] =
		"firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	char text[NAME_SIZE];

	if (!sysfs_read(d->tool, text, sizeof(text), "kernel/security/lockdown") &&
	    !strstr(text, "[none]"))
		return strstr(text, "[integrity]") ? "lockdown (integrity)" :
		       "lockdown (confidentiality)";
	if (!sysfs_read(d->tool, text, sizeof(text), "module/module/parameters/sig_enforce") &&
	    text[0] == 'Y')
		return "module.sig_enforce";
	/* Four bytes of attributes, then the value. */
	text[4] = 0;
	if (!sysfs_read(d->tool, text, sizeof(text), variable) && text[4] == 1)
		return "Secure Boot";
	return NULL;
}

static void check_signature(struct doctor *d)
{
	const char *who = enforcer(d);
	char path[2 * NAME_SIZE + 128], file[PATH_SIZE];

	if (!who) {
		found(d, FINE, "signature", "The kernel loads modules that are not signed.");
		return;
	}
	if (loaded(d, "peerbuf_core")) {
		found(d, FINE, "signature", "%s asks for signed modules, and the kernel took ours.", who);
		return;
	}
	if (!module_file(d, "peerbuf_core", path, sizeof(path))) {
		found(d, WARNING, "signature", "%s asks for signed modules.", who);
		remedy(d, "Have DKMS sign them with a key that mokutil has enrolled; see docs/packages.md.");
		return;
	}
	snprintf(file, sizeof(file), "%s%s", d->tool->root, path);
	switch (module_signature(file)) {
	case SIGNED:
		found(d, WARNING, "signature",
		      "%s asks for signed modules; peerbuf_core is signed, but not loaded.", who);
		remedy(d, "Load it, and if the kernel says \"Key was rejected by service\", enrol the key: mokutil --import /var/lib/dkms/mok.pub");
		break;
	case NOT_SIGNED:
		found(d, PROBLEM, "signature", "%s asks for signed modules, and peerbuf_core is not signed.",
		      who);
		remedy(d, "Have DKMS sign them with a key that mokutil has enrolled; see docs/packages.md.");
		break;
	default:
		found(d, WARNING, "signature",
		      "%s asks for signed modules; whether peerbuf_core is signed cannot be read here.", who);
		remedy(d, "modinfo -F signer peerbuf_core: it names the key, if there is one.");
	}
}

/* ---------------------------------------------------------------------- devices */

static void check_node(struct doctor *d)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/dev/vfio/vfio", d->tool->root);
	if (access(path, F_OK)) {
		found(d, PROBLEM, "vfio", "/dev/vfio/vfio is not there.");
		remedy(d, "modprobe vfio-pci");
	} else if (access(path, R_OK | W_OK)) {
		found(d, PROBLEM, "vfio", "This user may not open /dev/vfio/vfio.");
		remedy(d, "Ask as the user that is to use VFIO, or: chmod 0666 /dev/vfio/vfio, which gives access to no device.");
	} else {
		found(d, FINE, "vfio", "/dev/vfio/vfio can be opened.");
	}
}

static void check_group(struct doctor *d, const char *bdf)
{
	char blocker[2 * NAME_SIZE + 16], group[NAME_SIZE], path[PATH_SIZE];

	if (sysfs_link(d->tool, group, sizeof(group), "bus/pci/devices/%s/iommu_group", bdf))
		return;
	if (find_blocker(d->tool, bdf, blocker, sizeof(blocker))) {
		found(d, PROBLEM, "group", "IOMMU group %s of %s cannot be used: %s.", group, bdf,
		      blocker);
		remedy(d, "peerbuf device bind %.12s vfio-pci", blocker);
		return;
	}
	snprintf(path, sizeof(path), "%s/dev/vfio/%.32s", d->tool->root, group);
	if (!access(path, F_OK) && access(path, R_OK | W_OK)) {
		found(d, WARNING, "group", "This user may not open /dev/vfio/%s, the group of %s.",
		      group, bdf);
		remedy(d, "chown USER /dev/vfio/%s", group);
		return;
	}
	found(d, FINE, "group", "%s can be used, in IOMMU group %s.", bdf, group);
}

static void check_devices(struct doctor *d)
{
	unsigned int exporting = 0, importing = 0;
	char driver[NAME_SIZE];
	char **devices;
	size_t nr, i;

	if (sysfs_names(d->tool, &devices, &nr, "bus/pci/devices"))
		return;
	for (i = 0; i < nr; i++) {
		if (sysfs_link(d->tool, driver, sizeof(driver), "bus/pci/devices/%s/driver",
			       devices[i]))
			continue;
		exporting += !strcmp(driver, DRIVER_PEERBUF);
		importing += !strcmp(driver, DRIVER_STOCK);
		if (!strcmp(driver, DRIVER_PEERBUF) || !strcmp(driver, DRIVER_STOCK))
			check_group(d, devices[i]);
	}
	sysfs_free_names(devices, nr);
	if (exporting) {
		found(d, FINE, "devices", "%u can export, %u are for import only.", exporting,
		      importing);
		return;
	}
	found(d, WARNING, "devices", "No device is bound to vfio_pci_peerbuf: none exports its memory.");
	remedy(d, "peerbuf device bind BDF");
}

static void check_override(struct doctor *d)
{
	char text[256];

	if (sysfs_read(d->tool, text, sizeof(text), "module/peerbuf_core/parameters/route_override") ||
	    !text[0] || !strcmp(text, "(null)"))
		return;
	found(d, WARNING, "route", "Routes are overridden: %s.", text);
	remedy(d, "Believe them after \"peerbuf test\" only; take them back by: echo > /sys/module/peerbuf_core/parameters/route_override");
}

/* ------------------------------------------------------------------------- user */

static void check_memlock(struct doctor *d)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	if (geteuid() == 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= MEMLOCK_LITTLE) {
		found(d, FINE, "memlock", "Enough memory may be locked for DMA.");
		return;
	}
	found(d, WARNING, "memlock", "This user may lock %" PRIu64 " KiB of memory.",
	      (uint64_t)limit.rlim_cur >> 10);
	remedy(d, "Raise memlock in /etc/security/limits.conf, or LimitMEMLOCK= of the service.");
}

static void check_debugfs(struct doctor *d)
{
	if (!sysfs_exists(d->tool, "kernel/debug/dma_buf") || geteuid() != 0) {
		found(d, FINE, "debugfs", geteuid() ? "What debugfs shows, only root can see." :
		      "debugfs is mounted.");
		return;
	}
	found(d, WARNING, "debugfs", "debugfs is not mounted: \"peerbuf buffer list\" knows less.");
	remedy(d, "mount -t debugfs debugfs /sys/kernel/debug");
}

/* ---------------------------------------------------------------------- command */

static void print_findings(const struct doctor *d)
{
	size_t i, nr = json_object_array_length(d->rows);

	for (i = 0; i < nr; i++) {
		struct json_object *row = json_object_array_get_idx(d->rows, i), *text;
		const char *status = json_object_get_string(json_object_object_get(row, "status"));
		const char *colour = colour_of(d->tool, status);
		char line[512];

		make_printable(json_object_get_string(json_object_object_get(row, "finding")), line,
			       sizeof(line), 0);
		printf("%s%-7s%s  %s\n", colour, status, COLOUR_END(colour), line);
		text = json_object_object_get(row, "remedy");
		if (!text)
			continue;
		make_printable(json_object_get_string(text), line, sizeof(line), 0);
		printf("         -> %s\n", line);
	}
	puts(d->problem ? "This machine is not ready." :
	     d->warned ? "This machine can be made ready." : "This machine is ready.");
}

static int doctor(struct tool *tool, unsigned int nr_args, char **args)
{
	struct doctor d = { .tool = tool, .rows = json_object_new_array() };

	(void)nr_args;
	(void)args;
	check_kernel(&d);
	check_config(&d);
	check_iommu(&d);
	check_module(&d, "peerbuf_core", true);
	check_module(&d, "vfio_pci_peerbuf", true);
	check_module(&d, "vfio_iommu_peerbuf", true);
	check_module(&d, "vfio_pci", false);
	check_iommufd(&d);
	check_signature(&d);
	check_node(&d);
	check_devices(&d);
	check_override(&d);
	check_memlock(&d);
	check_debugfs(&d);
	if (tool->json) {
		print_json(d.rows);
		return d.problem ? EXIT_FAILED : EXIT_OK;
	}
	print_findings(&d);
	json_object_put(d.rows);
	return d.problem ? EXIT_FAILED : EXIT_OK;
}

const struct command doctor_commands[] = {
	{ "doctor", NULL, "", 0, 0,
	  "is this machine ready, and if not, what is to be changed", doctor },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
