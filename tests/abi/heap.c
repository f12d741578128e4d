// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A buffer of another exporter's, the system heap, held by a descriptor and by a mapping, with a
 * name that a terminal must not be given: prints a line, and stays until its input ends.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE	65536

int main(void)
{
	struct dma_heap_allocation_data heap = { .len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };
	int fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &heap)) {
		perror("heap");
		return EXIT_FAILURE;
	}
	if (ioctl(heap.fd, DMA_BUF_SET_NAME, "red\033[31m") || fstat(heap.fd, &st) ||
	    mmap(NULL, SIZE, PROT_READ, MAP_SHARED, (int)heap.fd, 0) == MAP_FAILED) {
		perror("buffer");
		return EXIT_FAILURE;
	}
	printf("%lu\n", (unsigned long)st.st_ino);
	fflush(stdout);
	while (getchar() != EOF)
		;
	return EXIT_SUCCESS;
}
