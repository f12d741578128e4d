// SPDX-License-Identifier: LGPL-2.1-or-later
/* The device: one PCI device of a container, its regions and its reset. */
#include <errno.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "private.h"

/* "0000:01:00.0" and its end */
#define BDF_SIZE	13

/* What may follow it, as VFIO wants it: a UUID. */
#define TOKEN		" vf_token="
#define TOKEN_SIZE	(sizeof(TOKEN) + 36)

/* Complete "01:00.0" to "0000:01:00.0" and check the form of either, up to a space. */
static int complete_bdf(const char *bdf, char full[BDF_SIZE])
{
	static const char form[] = "xxxx:xx:xx.x";
	size_t i, length = strcspn(bdf, " ");

	if (length != 12 && length != 7)
		return -EINVAL;
	memcpy(full, "0000:", 5);
	memcpy(full + (BDF_SIZE - 1 - length), bdf, length);
	full[BDF_SIZE - 1] = '\0';
	for (i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] != 'x') {
			if (full[i] != form[i])
				return -EINVAL;
		} else if (!strchr("0123456789abcdefABCDEF", full[i])) {
			return -EINVAL;
		} else if (full[i] >= 'A' && full[i] <= 'F') {
			/* sysfs writes them in lower case */
			full[i] += 'a' - 'A';
		}
	}
	return 0;
}

/* Number of the IOMMU group of a device. */
static int find_group(const char *bdf, unsigned int *group)
{
	char path[PATH_MAX], target[PATH_MAX], *number, *end;
	unsigned long value;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	if (access(path, F_OK))
		return errno == ENOENT ? -ENODEV : -errno;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return errno == ENOENT ? -ENXIO : -errno;
	target[length] = '\0';
	number = strrchr(target, '/');
	number = number ? number + 1 : target;
	errno = 0;
	value = strtoul(number, &end, 10);
	if (errno || end == number || *end || value > UINT_MAX)
		return -ENXIO;
	*group = (unsigned int)value;
	return 0;
}

int peerbuf_device_open(struct peerbuf_container *container, const char *bdf,
			struct peerbuf_device **device)
{
	struct peerbuf_device *d;
	char full[BDF_SIZE], name[BDF_SIZE + TOKEN_SIZE];
	const char *token = bdf + strcspn(bdf, " ");
	unsigned int group;
	int err;

	err = complete_bdf(bdf, full);
	if (!err && *token && (strncmp(token, TOKEN, sizeof(TOKEN) - 1) ||
			       strlen(token) != TOKEN_SIZE - 1))
		err = -EINVAL;
	if (!err)
		err = find_group(full, &group);
	if (!err)
		err = peerbuf_container_add_group(container, group);
	if (err)
		return err;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	snprintf(name, sizeof(name), "%s%s", full, token);
	d->fd = ioctl(peerbuf_container_group_fd(container, group),
		      VFIO_GROUP_GET_DEVICE_FD, name);
	if (d->fd < 0) {
		err = -errno;
		free(d);
		return err;
	}
	*device = d;
	return 0;
}

void peerbuf_device_close(struct peerbuf_device *device)
{
	if (!device)
		return;
	close(device->fd);
	free(device);
}

int peerbuf_device_fd(const struct peerbuf_device *device)
{
	return device->fd;
}

int peerbuf_device_region(struct peerbuf_device *device, uint32_t index,
			  struct peerbuf_region *region)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		return -errno;
	memset(region, 0, sizeof(*region));
	region->size = info.size;
	region->offset = info.offset;
	region->flags = info.flags;
	return 0;
}

/* Where a part of a region lies in the device fd. */
static int locate(struct peerbuf_device *device, uint32_t index, uint64_t offset,
		  uint64_t length, struct peerbuf_region *region, off_t *at)
{
	int err = peerbuf_device_region(device, index, region);

	if (err)
		return err;
	if (offset > region->size || length > region->size - offset)
		return -ERANGE;
	*at = (off_t)(region->offset + offset);
	return 0;
}

int peerbuf_device_read(struct peerbuf_device *device, uint32_t index, uint64_t offset,
			void *data, size_t length)
{
	struct peerbuf_region region;
	ssize_t got;
	off_t at;
	int err;

	err = locate(device, index, offset, length, &region, &at);
	if (err)
		return err;
	got = pread(device->fd, data, length, at);
	if (got < 0)
		return -errno;
	return (size_t)got == length ? 0 : -EIO;
}

int peerbuf_device_write(struct peerbuf_device *device, uint32_t index, uint64_t offset,
			 const void *data, size_t length)
{
	struct peerbuf_region region;
	ssize_t put;
	off_t at;
	int err;

	err = locate(device, index, offset, length, &region, &at);
	if (err)
		return err;
	put = pwrite(device->fd, data, length, at);
	if (put < 0)
		return -errno;
	return (size_t)put == length ? 0 : -EIO;
}

int peerbuf_device_mmap(struct peerbuf_device *device, uint32_t index, uint64_t offset,
			size_t length, int prot, void **addr)
{
	struct peerbuf_region region;
	void *mapped;
	off_t at;
	int err;

	err = locate(device, index, offset, length, &region, &at);
	if (err)
		return err;
	if (!(region.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return -EOPNOTSUPP;
	mapped = mmap(NULL, length, prot, MAP_SHARED, device->fd, at);
	if (mapped == MAP_FAILED)
		return -errno;
	*addr = mapped;
	return 0;
}

int peerbuf_device_command(struct peerbuf_device *device, uint16_t set, uint16_t clear)
{
	const uint32_t config = VFIO_PCI_CONFIG_REGION_INDEX;
	uint8_t raw[2];
	uint16_t command;
	int err;

	err = peerbuf_device_read(device, config, PCI_COMMAND, raw, sizeof(raw));
	if (err)
		return err;
	command = (uint16_t)(raw[0] | raw[1] << 8);
	if (set == 0 && clear == 0)
		return command;
	command = (uint16_t)((command | set) & ~clear);
	/* Configuration space is little endian whatever the machine is. */
	raw[0] = (uint8_t)command;
	raw[1] = (uint8_t)(command >> 8);
	err = peerbuf_device_write(device, config, PCI_COMMAND, raw, sizeof(raw));
	if (!err)
		err = peerbuf_device_read(device, config, PCI_COMMAND, raw, sizeof(raw));
	return err ? err : raw[0] | raw[1] << 8;
}

int peerbuf_device_reset(struct peerbuf_device *device)
{
	return ioctl(device->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}
