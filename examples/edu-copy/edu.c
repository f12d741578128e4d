// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/sync_file.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"

static int call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int edu_open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int edu_import_buffer(int engine, int dmabuf, uint32_t *handle)
{
	struct edu_copy_import arg = { .fd = dmabuf };
	int ret = call(engine, EDU_COPY_IMPORT, &arg);

	*handle = arg.handle;
	return ret;
}

int edu_new_queue(int engine)
{
	uint32_t queue = 0;
	int ret = call(engine, EDU_COPY_CREATE_QUEUE, &queue);

	return ret < 0 ? ret : (int)queue;
}

int edu_new_buffer(int engine, uint64_t size)
{
	struct edu_copy_export arg = { .size = size };
	int ret = call(engine, EDU_COPY_EXPORT, &arg);

	return ret < 0 ? ret : arg.fd;
}

int edu_copy(int engine, uint32_t queue, struct edu_place dst, struct edu_place src,
	     uint64_t length, uint32_t flags, const int *fences, unsigned int nr)
{
	struct edu_copy_submit arg = {
		.queue = queue,
		.flags = flags,
		.src = src.handle,
		.dst = dst.handle,
		.src_offset = src.offset,
		.dst_offset = dst.offset,
		.length = length,
		.in_fences = (uintptr_t)fences,
		.nr_in_fences = nr,
	};
	int ret = call(engine, EDU_COPY_SUBMIT, &arg);

	return ret < 0 ? ret : arg.out_fence;
}

int edu_fence_status(int fence)
{
	struct sync_file_info info = { .num_fences = 0 };
	int ret = call(fence, SYNC_IOC_FILE_INFO, &info);

	return ret < 0 ? ret : info.status;
}

int edu_fence_wait(int fence, int ms)
{
	struct pollfd poller = { .fd = fence, .events = POLLIN };

	while (poll(&poller, 1, ms) < 0)
		if (errno != EINTR)
			return -errno;
	return edu_fence_status(fence);
}

/* udmabuf wants a memfd that cannot shrink. */
static int make_udmabuf(int memfd, uint64_t size)
{
	struct udmabuf_create create = {
		.memfd = memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = size,
	};
	int device, ret;

	if (ftruncate(memfd, size) || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -errno;
	device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -errno;
	ret = call(device, UDMABUF_CREATE, &create);
	close(device);
	return ret;
}

int edu_shared_memory(uint64_t size, void **map)
{
	int memfd = memfd_create("edu-copy", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	int dmabuf;

	if (memfd < 0)
		return -errno;
	dmabuf = make_udmabuf(memfd, size);
	if (dmabuf >= 0) {
		*map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
		if (*map == MAP_FAILED) {
			int error = -errno;

			close(dmabuf);
			dmabuf = error;
		}
	}
	close(memfd);
	return dmabuf;
}
