// SPDX-License-Identifier: GPL-2.0-or-later
#include "iommufd_abi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

long iommufd_new_ioas(int iommufd)
{
	struct ioas_alloc alloc = { .size = sizeof(alloc) };

	return ioctl(iommufd, IOAS_ALLOC, &alloc) ? -errno : (long)alloc.id;
}

/* What is in its directory is named as its file is. */
static int open_cdev(const char *bdf)
{
	struct dirent *entry;
	char path[512];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return -errno;
	do
		entry = readdir(dir);
	while (entry && entry->d_name[0] == '.');
	if (entry)
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
	fd = entry ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		fd = entry ? -errno : -ENOENT;
	closedir(dir);
	return fd;
}

int iommufd_open_device(const char *bdf, int iommufd, uint32_t ioas)
{
	struct bind bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	struct attach attach = { .argsz = sizeof(attach), .id = ioas };
	int fd = open_cdev(bdf), err;

	if (fd < 0)
		return fd;
	if (ioctl(fd, DEVICE_BIND, &bind) || (ioas && ioctl(fd, DEVICE_ATTACH, &attach))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}
