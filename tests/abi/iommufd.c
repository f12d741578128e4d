// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Buffers of vfio_pci_peerbuf in the kernel's own iommufd, which an SSD uses that is bound
 * to the kernel's own vfio-pci. Devices are opened as programs of today do, without groups.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "iommufd.h"
#include "trace.h"
#include "../kmod/peerbuf_test.h"

#define IOVA (1ULL << 32)
#define LENGTH (4 * MIB)
#define RW (O_RDWR | O_CLOEXEC)

static struct ioas at;
static struct peerbuf_device *bar;
static struct nvme *ssd;
static unsigned char *p;

static unsigned char *window(struct peerbuf_device *device)
{
	void *memory;

	assert_int_equal(peerbuf_device_mmap(device, BAR2, 0, LENGTH, PROT_READ | PROT_WRITE,
					     &memory), 0);
	return memory;
}

static int setup(void **state)
{
	at = ioas_open();
	bar = cdev_open("BAR", (struct ioas){ .fd = at.fd });
	p = window(bar);
	ssd = cdev_ssd(at);
	return 0;
}

static int teardown(void **state)
{
	nvme_close(ssd);
	munmap(p, LENGTH);
	peerbuf_device_close(bar);
	close(at.fd);
	return 0;
}

static int buffer(void)
{
	int fd = export_range(bar, RW, 0, LENGTH);

	assert_true(fd >= 0);
	return fd;
}

/* One that is mapped, and by nothing else kept. */
static void mapped(uint64_t iova)
{
	int fd = buffer();

	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, iova), 0);
	close(fd);
}

static void unmap(uint64_t iova, uint64_t length)
{
	assert_int_equal(ioas_unmap(at, iova, length), length);
}

static void modules(const char *command)
{
	assert_int_equal(system(command), 0);
}

/* What is written to the first MiB but one arrives there, and nowhere else. */
static void a_dma_lands(uint64_t iova, unsigned char *memory)
{
	memset(memory, 0xa5, LENGTH);
	dma(ssd, iova + MIB, 64 * 1024);
	assert_true(all(memory, MIB, 0xa5));
	assert_true(all(memory + MIB, 64 * 1024, 0));
	assert_true(all(memory + MIB + 64 * 1024, MIB, 0xa5));
}

/* The SSD says that it has written, as it cannot know. */
static void a_dma_moves_nothing(uint64_t iova)
{
	memset(p, 0xa5, LENGTH);
	dma(ssd, iova + MIB, 64 * 1024);
	assert_true(all(p, LENGTH, 0xa5));
}

static struct peerbuf_device_query_buffer query(int fd)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q), .dmabuf_fd = fd };

	assert_int_equal(peerbuf_device_query_buffer(bar, &q), 0);
	return q;
}

static void a_buffer_is_mapped(void **state)
{
	int fd = buffer();

	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), 0);
	assert_int_equal(query(fd).attachments, 1);
	a_dma_lands(IOVA, p);
	unmap(IOVA, LENGTH);
	assert_int_equal(query(fd).attachments, 0);
	a_dma_moves_nothing(IOVA);
	close(fd);
}

static void a_part_of_it_is_that_part_only(void **state)
{
	int fd = buffer();

	assert_int_equal(ioas_map_file(at, fd, MIB + PAGE, PAGE, IOVA), 0);
	memset(p, 0xa5, LENGTH);
	dma(ssd, IOVA, 3 * PAGE);
	assert_true(all(p, MIB + PAGE, 0xa5));
	assert_true(all(p + MIB + PAGE, PAGE, 0));
	assert_true(all(p + MIB + 2 * PAGE, MIB, 0xa5));
	unmap(IOVA, PAGE);
	close(fd);
}

static void what_is_no_part_of_it_is_refused(void **state)
{
	static const struct { uint64_t start, length, iova; } bad[] = {
		{ 0, 0, IOVA },
		{ 0, LENGTH + PAGE, IOVA },
		{ LENGTH, PAGE, IOVA },
		{ PAGE, LENGTH, IOVA },
		{ 0, PAGE, IOVA + 1 },
		{ 512, PAGE, IOVA },
		{ 0, 512, IOVA },
	};
	int fd = buffer();
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ioas_map_file(at, fd, bad[i].start, bad[i].length, bad[i].iova),
				 -EINVAL);
	assert_int_equal(ioas_map_file(at, fd, UINT64_MAX, PAGE, IOVA), -EOVERFLOW);
	assert_int_equal(ioas_map_file(at, fd, 0, PAGE, IOVA), 0);
	assert_int_equal(ioas_map_file(at, fd, 0, PAGE, IOVA), -EEXIST);
	unmap(IOVA, PAGE);
	assert_int_equal(query(fd).attachments, 0);
	close(fd);
}

static int two_ranges(uint64_t first, uint64_t second)
{
	struct vfio_region_dma_range range[] = { { first, MIB }, { second, MIB } };
	int fd = peerbuf_device_export(bar, BAR2, RW, range, 2);

	assert_true(fd >= 0);
	return fd;
}

static void ranges_that_are_not_one_are_refused(void **state)
{
	int fd = two_ranges(0, 2 * MIB);

	assert_int_equal(ioas_map_file(at, fd, 0, MIB, IOVA), -EOPNOTSUPP);
	assert_int_equal(query(fd).attachments, 0);
	close(fd);
	fd = two_ranges(MIB, 2 * MIB);
	assert_int_equal(ioas_map_file(at, fd, 0, 2 * MIB, IOVA), 0);
	memset(p, 0xa5, LENGTH);
	dma(ssd, IOVA + MIB - PAGE, 2 * PAGE);
	assert_true(all(p + 2 * MIB - PAGE, 2 * PAGE, 0));
	unmap(IOVA, 2 * MIB);
	close(fd);
}

/* iommufd does not look at how a buffer was opened. */
static void a_read_only_buffer_is_refused(void **state)
{
	int fd = export_range(bar, O_RDONLY | O_CLOEXEC, 0, LENGTH);

	assert_true(fd >= 0);
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), -EACCES);
	assert_int_equal(query(fd).attachments, 0);
	close(fd);
}

static int ram_buffer(void)
{
	int mem = sealed_memfd(MIB, 0), fd;
	struct peerbuf_ram *ram;

	assert_int_equal(peerbuf_ram_open(&ram), 0);
	fd = peerbuf_ram_export(ram, mem, O_RDWR, 0, PAGE, 0);
	assert_true(fd >= 0);
	peerbuf_ram_close(ram);
	close(mem);
	return fd;
}

/* It would map them as memory of a device. */
static void buffers_of_ram_are_refused(void **state)
{
	int fd = ram_buffer();

	assert_int_equal(ioas_map_file(at, fd, 0, PAGE, IOVA), -EOPNOTSUPP);
	close(fd);
}

static int pretend(int fd)
{
	FILE *f = fopen("/sys/module/peerbuf_pretend/parameters/ask", "w");

	assert_non_null(f);
	fprintf(f, "%d", fd);
	return fclose(f) ? -errno : 0;
}

/* As iommufd does it, with a device that is called as its. */
static void a_name_does_not_make_an_iommufd(void **state)
{
	int fd = buffer(), ram = ram_buffer();

	modules("modprobe peerbuf_pretend");
	assert_int_equal(pretend(fd), -EOPNOTSUPP);
	assert_int_equal(pretend(ram), -EOPNOTSUPP);
	modules("rmmod peerbuf_pretend");
	close(ram);
	close(fd);
}

static void the_kernel_s_own_buffers_are_still_mapped(void **state)
{
	struct peerbuf_device *bar2 = cdev_open("BAR2", (struct ioas){ .fd = at.fd });
	unsigned char *memory = window(bar2);
	int fd = export_range(bar2, RW, 0, LENGTH);

	assert_true(fd >= 0);
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), 0);
	a_dma_lands(IOVA, memory);
	/* And refused where they were. */
	close(fd);
	assert_int_equal(peerbuf_device_reset(bar2), 0);
	memset(memory, 0xa5, LENGTH);
	dma(ssd, IOVA, PAGE);
	assert_true(all(memory, PAGE, 0xa5));
	unmap(IOVA, LENGTH);
	munmap(memory, LENGTH);
	peerbuf_device_close(bar2);
}

static void other_importers_are_not_concerned(void **state)
{
	int fd = buffer(), test = test_open();
	struct pbt_import im = { .dmabuf_fd = fd, .bdf = bdf_of("EDU") };
	struct pbt_status status;

	assert_int_equal(call(test, PBT_IMPORT, &im), 0);
	assert_int_equal(call(test, PBT_STATUS, &status), 0);
	assert_true(status.typed_sgt);
	close(test);
	close(fd);
}

/* ------------------------------------------------------------------------ revoke */

static void a_reset_takes_it_away_for_good(void **state)
{
	int fd = buffer();

	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), 0);
	assert_int_equal(peerbuf_device_reset(bar), 0);
	assert_int_equal(query(fd).state, PEERBUF_STATE_LIVE);
	a_dma_moves_nothing(IOVA);
	/* The addresses stay taken; elsewhere it is mapped again. */
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), -EEXIST);
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, 2 * IOVA), 0);
	a_dma_lands(2 * IOVA, p);
	a_dma_moves_nothing(IOVA);
	unmap(IOVA, LENGTH);
	unmap(2 * IOVA, LENGTH);
	close(fd);
}

/*
 * Nothing can be seen of a mapping while the reset goes on, as it is over too soon; but what
 * happened when can: access is REVOKED, which is what the reset waits for, after iommufd
 * has unmapped.
 */
static void it_is_unmapped_before_the_reset_goes_on(void **state)
{
	mapped(IOVA);
	trace_clear();
	assert_int_equal(peerbuf_device_reset(bar), 0);
	FOLLOWS(FOLLOWS(FOLLOWS(trace(), "peerbuf_state: -> revoking"),
			"unmap: iova=0x%016llx", IOVA), "peerbuf_state: -> revoked");
	unmap(IOVA, LENGTH);
}

static void without_memory_decoding_it_is_gone(void **state)
{
	int fd = buffer();

	memset(p, 0xa5, LENGTH);
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), 0);
	assert_true(peerbuf_device_command(bar, 0, PCI_COMMAND_MEMORY) >= 0);
	dma(ssd, IOVA, 64 * 1024);
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, 2 * IOVA), -ENODEV);
	assert_true(peerbuf_device_command(bar, PCI_COMMAND_MEMORY, 0) >= 0);
	assert_true(all(p, LENGTH, 0xa5));
	a_dma_moves_nothing(IOVA);
	unmap(IOVA, LENGTH);
	close(fd);
}

static void its_owner_can_take_it_back(void **state)
{
	int fd = buffer();

	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), 0);
	assert_int_equal(peerbuf_device_revoke_buffer(bar, fd), 0);
	a_dma_moves_nothing(IOVA);
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, 2 * IOVA), -ENODEV);
	unmap(IOVA, LENGTH);
	close(fd);
}

/* ------------------------------------------------------------- many, and any order */

static void it_is_mapped_for_whoever_joins_later(void **state)
{
	nvme_close(ssd);
	mapped(IOVA);
	ssd = cdev_ssd(at);
	a_dma_lands(IOVA, p);
	/* What was taken away is not for them. */
	nvme_close(ssd);
	assert_int_equal(peerbuf_device_reset(bar), 0);
	ssd = cdev_ssd(at);
	a_dma_moves_nothing(IOVA);
	unmap(IOVA, LENGTH);
}

/* The SSD does not use the address space that it is mapped in, but the one it is copied to. */
static void a_copy_is_revoked_with_it(void **state)
{
	struct ioas other = ioas_alloc(at.fd);
	int fd = buffer();

	assert_int_equal(ioas_map_file(other, fd, 0, LENGTH, IOVA), 0);
	assert_int_equal(ioas_copy(other, at, IOVA, LENGTH), 0);
	assert_int_equal(query(fd).attachments, 1);
	a_dma_lands(IOVA, p);
	assert_int_equal(ioas_unmap(other, IOVA, LENGTH), LENGTH);
	a_dma_lands(IOVA, p);
	assert_int_equal(peerbuf_device_reset(bar), 0);
	a_dma_moves_nothing(IOVA);
	unmap(IOVA, LENGTH);
	assert_int_equal(query(fd).attachments, 0);
	close(fd);
}

#define MANY 1000

static void a_thousand_mappings_of_one_buffer(void **state)
{
	int fd = buffer();
	unsigned int i;

	for (i = 0; i < MANY; i++)
		assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA + i * LENGTH), 0);
	assert_int_equal(query(fd).attachments, MANY);
	a_dma_lands(IOVA + (MANY - 1) * LENGTH, p);
	assert_int_equal(peerbuf_device_reset(bar), 0);
	for (i = 0; i < MANY; i += MANY / 5)
		a_dma_moves_nothing(IOVA + i * LENGTH);
	unmap(IOVA, MANY * LENGTH);
	assert_int_equal(query(fd).attachments, 0);
	close(fd);
}

static void its_device_can_be_closed_first(void **state)
{
	int fd = buffer();

	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), 0);
	munmap(p, LENGTH);
	peerbuf_device_close(bar);
	bar = cdev_open("BAR", (struct ioas){ .fd = at.fd });
	p = window(bar);
	a_dma_moves_nothing(IOVA);
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, 2 * IOVA), -ENODEV);
	unmap(IOVA, LENGTH);
	close(fd);
}

/* One that had it mapped, in an iommufd of its own, and is killed, or says farewell. */
static void its_importer_can_be_killed(void **state)
{
	int fd = buffer(), ends[2], status;
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		struct ioas own = ioas_open();

		byte = !ioas_map_file(own, fd, 0, LENGTH, IOVA);
		_exit(write(ends[1], &byte, 1) == 1 ? pause() : 1);
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	assert_int_equal(query(fd).attachments, 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(query(fd).attachments, 0);
	assert_int_equal(peerbuf_device_reset(bar), 0);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

/* ------------------------------------------------------------------------- races */

static bool stop;

static void *decode_off_and_on(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		peerbuf_device_command(bar, 0, PCI_COMMAND_MEMORY);
		peerbuf_device_command(bar, PCI_COMMAND_MEMORY, 0);
		usleep(500);
	}
	return NULL;
}

static void it_is_mapped_while_it_is_taken_away_all_the_time(void **state)
{
	unsigned int i, good = 0, refused = 0;
	int fd = buffer();
	pthread_t thread;

	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, decode_off_and_on, NULL), 0);
	for (i = 0; i < 400 || !good || !refused; i++) {
		long ret = ioas_map_file(at, fd, 0, LENGTH, IOVA);

		if (ret) {
			assert_int_equal(ret, -ENODEV);
			refused++;
			continue;
		}
		good++;
		unmap(IOVA, LENGTH);
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	assert_int_equal(query(fd).attachments, 0);
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), 0);
	a_dma_lands(IOVA, p);
	unmap(IOVA, LENGTH);
	close(fd);
}

static void mappings_do_not_need_the_module(void **state)
{
	int fd = buffer();

	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, IOVA), 0);
	modules("rmmod peerbuf_iommufd");
	a_dma_lands(IOVA, p);
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, 2 * IOVA), -EOPNOTSUPP);
	assert_int_equal(peerbuf_device_reset(bar), 0);
	a_dma_moves_nothing(IOVA);
	modules("modprobe peerbuf_iommufd");
	assert_int_equal(ioas_map_file(at, fd, 0, LENGTH, 2 * IOVA), 0);
	a_dma_lands(2 * IOVA, p);
	unmap(IOVA, LENGTH);
	unmap(2 * IOVA, LENGTH);
	close(fd);
}

static void *map_slowly(void *arg)
{
	return (void *)ioas_map_file(at, *(int *)arg, 0, MIB, IOVA);
}

/* An exporter that sleeps while the module waits for its answer. */
static void the_module_stays_while_it_is_at_work(void **state)
{
	int fd = test_export("BAR", MIB, MIB, PBT_REVOCABLE | PBT_SLOW_LIST), tries;
	pthread_t thread;
	void *ret;

	assert_int_equal(pthread_create(&thread, NULL, map_slowly, &fd), 0);
	for (tries = 0; system("grep -q '^peerbuf_iommufd [0-9]* 1 ' /proc/modules"); tries++)
		assert_true(tries < 1000);
	assert_int_not_equal(system("rmmod peerbuf_iommufd 2>/dev/null"), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_null(ret);
	modules("rmmod peerbuf_iommufd");
	modules("modprobe peerbuf_iommufd");
	unmap(IOVA, MIB);
	close(fd);
}

static unsigned int mapped_it, refused_it, wrong;

static void *map_all_the_time(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		long ret = ioas_map_file(at, *(int *)arg, 0, LENGTH, IOVA);

		if (!ret)
			ret = ioas_unmap(at, IOVA, LENGTH);
		if (ret == LENGTH)
			__atomic_add_fetch(&mapped_it, 1, __ATOMIC_SEQ_CST);
		else if (ret == -EOPNOTSUPP)
			__atomic_add_fetch(&refused_it, 1, __ATOMIC_SEQ_CST);
		else
			__atomic_add_fetch(&wrong, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

#define LOADS 10

/* While the module is there, and while it is not, some are tried. */
static void await(unsigned int *count)
{
	unsigned int before = __atomic_load_n(count, __ATOMIC_SEQ_CST);

	while (__atomic_load_n(count, __ATOMIC_SEQ_CST) < before + 2 &&
	       !__atomic_load_n(&wrong, __ATOMIC_SEQ_CST))
		usleep(100);
}

static void the_module_comes_and_goes_meanwhile(void **state)
{
	int fd = buffer(), i;
	pthread_t thread;

	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, map_all_the_time, &fd), 0);
	for (i = 0; i < LOADS; i++) {
		await(&mapped_it);
		/* A call that is in it now keeps it a moment. */
		modules("until rmmod peerbuf_iommufd 2>/dev/null; do :; done");
		await(&refused_it);
		modules("modprobe peerbuf_iommufd");
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(query(fd).attachments, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_is_mapped),
		cmocka_unit_test(a_part_of_it_is_that_part_only),
		cmocka_unit_test(what_is_no_part_of_it_is_refused),
		cmocka_unit_test(ranges_that_are_not_one_are_refused),
		cmocka_unit_test(a_read_only_buffer_is_refused),
		cmocka_unit_test(buffers_of_ram_are_refused),
		cmocka_unit_test(a_name_does_not_make_an_iommufd),
		cmocka_unit_test(the_kernel_s_own_buffers_are_still_mapped),
		cmocka_unit_test(other_importers_are_not_concerned),
		cmocka_unit_test(a_reset_takes_it_away_for_good),
		cmocka_unit_test(it_is_unmapped_before_the_reset_goes_on),
		cmocka_unit_test(without_memory_decoding_it_is_gone),
		cmocka_unit_test(its_owner_can_take_it_back),
		cmocka_unit_test(it_is_mapped_for_whoever_joins_later),
		cmocka_unit_test(a_copy_is_revoked_with_it),
		cmocka_unit_test(a_thousand_mappings_of_one_buffer),
		cmocka_unit_test(its_device_can_be_closed_first),
		cmocka_unit_test(its_importer_can_be_killed),
		cmocka_unit_test(it_is_mapped_while_it_is_taken_away_all_the_time),
		cmocka_unit_test(mappings_do_not_need_the_module),
		cmocka_unit_test(the_module_stays_while_it_is_at_work),
		cmocka_unit_test(the_module_comes_and_goes_meanwhile),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("iommufd", tests, setup, teardown);
}
