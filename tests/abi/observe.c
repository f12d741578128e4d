// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be watched from outside, read as an operator would: the tracepoints, all of
 * them in the instance TRACE, and the files in debugfs. BAR is the exporter, the SSD a
 * device of a container, EDU the device of kernel importers.
 */
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace.h"
#include "../kmod/peerbuf_test.h"

#define IOVA (1ULL << 32)
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)
#define DEBUGFS "/sys/kernel/debug/peerbuf/"

static struct peerbuf_container *container, *exporter;
static struct peerbuf_device *bar, *ssd;
static struct peerbuf_ram *ram;
static uint64_t bar_start;

static int setup(void **state)
{
	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	ssd = open_role("SSD", PEERBUF_IOMMU, &container);
	bar_start = bar_start_of("BAR");
	return peerbuf_ram_open(&ram);
}

static int teardown(void **state)
{
	peerbuf_ram_close(ram);
	peerbuf_device_close(ssd);
	peerbuf_device_close(bar);
	peerbuf_container_close(container);
	peerbuf_container_close(exporter);
	return 0;
}

/* -------------------------------------------------------------------- buffers */

static unsigned long inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* The number that a buffer has in all the places. */
static unsigned long long id_of(int fd)
{
	unsigned long long id = 0;
	char word[64];
	char *line;

	snprintf(word, sizeof(word), "ino=%lu", inode(fd));
	for (line = strtok(slurp(DEBUGFS "buffers"), "\n"); line; line = strtok(NULL, "\n"))
		if (line[0] != '\t' && has_words(line, strlen(line), word))
			assert_int_equal(sscanf(line, "id=%llu", &id), 1);
	assert_int_not_equal(id, 0);
	return id;
}

/* --------------------------------------------------------------------- actors */

static int two_ranges(void)
{
	struct vfio_region_dma_range range[] = {
		{ 32 * MIB, 2 * MIB }, { 8 * MIB, MIB },
	};
	int fd = peerbuf_device_export(bar, BAR2, O_RDWR, range, 2);

	assert_true(fd >= 0);
	return fd;
}

static int ram_buffer(uint32_t flags)
{
	int mem = sealed_memfd(MIB, 0), fd = peerbuf_ram_export(ram, mem, O_RDWR, 0, MIB, flags);

	assert_true(fd >= 0);
	close(mem);
	return fd;
}

static int import(int fd, uint32_t flags, uint32_t slow_ms, long *err)
{
	struct pbt_import im = {
		.dmabuf_fd = fd, .bdf = bdf_of("EDU"), .flags = flags, .slow_ms = slow_ms,
	};
	int test = test_open();

	*err = call(test, PBT_IMPORT, &im);
	return test;
}

static void memory(bool on)
{
	assert_true(peerbuf_device_command(bar, on ? 2 : 0, on ? 0 : 2) >= 0);
}

/* ---------------------------------------------------------------- tracepoints */

static void a_refusal_shows_every_candidate_and_the_route(void **state)
{
	int fd = two_ranges(), test;
	unsigned long long id = id_of(fd);
	const char *p;
	long err;

	trace_clear();
	test = import(fd, PBT_TYPED, 0, &err);
	assert_int_equal(err, -EINVAL);
	close(test);
	p = trace();
	p = FOLLOWS(p, "peerbuf_match: buffer=%llu ino=%lu offer=pal origin=pal request=sgt verdict=-95",
		    id, inode(fd));
	p = FOLLOWS(p, "peerbuf_match: buffer=%llu offer=iommu origin=pal request=sgt verdict=-95", id);
	p = FOLLOWS(p, "peerbuf_route: provider=%s client=%s route=not-supported reason=host-not-listed",
		    getenv("BAR_BDF"), getenv("EDU_BDF"));
	p = FOLLOWS(p, "peerbuf_match: buffer=%llu offer=sgt origin=pal request=sgt verdict=-95", id);
	p = FOLLOWS(p, "peerbuf_attach: buffer=%llu importer=%s type=none typed=1 error=-22", id,
		    getenv("EDU_BDF"));
	assert_null(after(p, "peerbuf_match:"));

	/* One that cannot be told is not even negotiated with. */
	trace_clear();
	test = import(fd, PBT_STATIC, 0, &err);
	assert_int_equal(err, -EOPNOTSUPP);
	close(test);
	p = FOLLOWS(trace(), "peerbuf_attach: buffer=%llu type=none typed=0 error=-95", id);
	assert_null(after(trace(), "peerbuf_match:"));
	close(fd);
}

static void the_life_of_a_mapping_in_a_domain_is_traced_in_order(void **state)
{
	int fd = two_ranges();
	unsigned long long id = id_of(fd);
	const char *p;

	trace_clear();
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, 3 * MIB, IOVA, RW), 0);
	memory(false);
	memory(true);
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);

	p = trace();
	p = FOLLOWS(p, "peerbuf_match: buffer=%llu offer=iommu origin=pal request=iommu verdict=0", id);
	p = FOLLOWS(p, "peerbuf_attach: buffer=%llu importer=%s type=iommu origin=pal typed=1 "
		    "route=not-supported reason=host-not-listed enforced=1 error=0", id,
		    getenv("SSD_BDF"));
	p = FOLLOWS(p, "peerbuf_map: buffer=%llu importer=%s type=iommu addr=%#llx length=0x300000 "
		    "pieces=2 error=0", id, getenv("SSD_BDF"), IOVA);
	p = FOLLOWS(p, "peerbuf_revoke: buffer=%llu ino=%lu provider=%s", id, inode(fd),
		    getenv("BAR_BDF"));
	p = FOLLOWS(p, "peerbuf_unmap: buffer=%llu type=iommu addr=%#llx length=0x300000", id, IOVA);
	p = FOLLOWS(p, "peerbuf_state: buffer=%llu revoking -> revoked", id);
	p = FOLLOWS(p, "peerbuf_state: buffer=%llu revoked -> live", id);
	p = FOLLOWS(p, "peerbuf_map: buffer=%llu type=iommu addr=%#llx pieces=2 error=0", id, IOVA);
	p = FOLLOWS(p, "peerbuf_restore: buffer=%llu importer=%s type=iommu error=0", id,
		    getenv("SSD_BDF"));
	p = FOLLOWS(p, "peerbuf_unmap: buffer=%llu type=iommu addr=%#llx", id, IOVA);
	p = FOLLOWS(p, "peerbuf_detach: buffer=%llu importer=%s type=iommu", id,
		    getenv("SSD_BDF"));
	close(fd);
}

static void why_a_buffer_is_revoked_is_traced(void **state)
{
	int fd = two_ranges();
	unsigned long long id = id_of(fd);

	trace_clear();
	memory(false);
	/* The write that takes it away is seen before it is done. */
	FOLLOWS(trace(), "peerbuf_revoke: buffer=%llu reset=0 config=1 power=0 error=0 gone=0 "
		"withdrawn=0", id);
	memory(true);
	trace_clear();
	assert_int_equal(peerbuf_device_reset(bar), 0);
	FOLLOWS(trace(), "peerbuf_revoke: buffer=%llu reset=1 config=0 gone=0 withdrawn=0", id);
	trace_clear();
	assert_int_equal(peerbuf_device_revoke_buffer(bar, fd), 0);
	FOLLOWS(trace(), "peerbuf_revoke: buffer=%llu reset=0 config=0 decoding=1 gone=0 "
		"withdrawn=1", id);
	close(fd);
}

static void scatterlists_and_raw_lists_are_traced_too(void **state)
{
	static const struct { uint32_t flags; const char *type, *origin; } kinds[] = {
		{ 0, "sgt", "pal" }, { PBT_TYPED, "sgt", "pal" },
		{ PBT_TYPED | PBT_RAW_PAL, "pal", "pal" },
		{ PBT_RAW_PAL, "pal", "pal" },	/* through an agent */
	};
	int fd = ram_buffer(0), test;
	unsigned long long id = id_of(fd);
	struct pbt_map map;
	const char *p;
	size_t i;
	long err;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		trace_clear();
		test = import(fd, kinds[i].flags, 0, &err);
		assert_int_equal(err, 0);
		assert_int_equal(call(test, PBT_MAP, &map), 0);
		close(test);
		p = FOLLOWS(trace(), "peerbuf_attach: buffer=%llu importer=%s type=%s origin=%s "
			    "typed=%d route=unknown error=0", id,
			    i == 2 ? "peerbuf" : getenv("EDU_BDF"), kinds[i].type,
			    kinds[i].origin, !!(kinds[i].flags & PBT_TYPED));
		p = FOLLOWS(p, "peerbuf_map: buffer=%llu type=%s length=0x100000 pieces=%u error=0",
			    id, kinds[i].type, map.nr);
		p = FOLLOWS(p, "peerbuf_unmap: buffer=%llu type=%s length=0x100000", id,
			    kinds[i].type);
		FOLLOWS(p, "peerbuf_detach: buffer=%llu type=%s", id, kinds[i].type);
	}
	close(fd);
}

/* A foreign buffer has no number; it moves, and cannot be mapped where it is then. */
static void a_foreign_buffer_that_cannot_come_back_is_traced(void **state)
{
	int test = test_open(), fd = test_export("BAR", MIB, MIB, PBT_FOREIGN);
	struct pbt_move move = { .fd = fd, .by = 1LL << 40 };
	const char *p;

	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, MIB, IOVA, RW), 0);
	trace_clear();
	assert_int_equal(call(test, PBT_MOVE, &move), 0);
	while (!after(trace(), "peerbuf_restore:"))
		usleep(1000);
	p = FOLLOWS(trace(), "peerbuf_unmap: buffer=0 ino=%lu importer=%s:direct type=iommu",
		    inode(fd), getenv("SSD_BDF"));
	p = FOLLOWS(p, "peerbuf_map: buffer=0 ino=%lu type=iommu origin=sgt addr=%#llx pieces=0 "
		    "error=-95", inode(fd), IOVA);
	FOLLOWS(p, "peerbuf_restore: buffer=0 ino=%lu type=iommu error=-95", inode(fd));
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	close(fd);
	close(test);
}

/* Of a buffer that has been taken back. */
static void a_table_that_cannot_be_had_is_told_with_its_error(void **state)
{
	int fd = ram_buffer(PEERBUF_RAM_REVOCABLE), test;
	unsigned long long id = id_of(fd);
	struct pbt_map map;
	long err;

	test = import(fd, 0, 0, &err);
	assert_int_equal(err, 0);
	assert_int_equal(peerbuf_ram_revoke_buffer(ram, fd), 0);
	trace_clear();
	assert_int_equal(call(test, PBT_MAP, &map), -ENODEV);
	FOLLOWS(trace(), "peerbuf_map: buffer=%llu importer=%s type=sgt addr=0x0 pieces=0 error=%d",
		id, getenv("EDU_BDF"), -ENODEV);
	close(test);
	close(fd);
}

/* -------------------------------------------------------------------- debugfs */

static void a_buffer_is_shown_with_its_ranges_and_importers(void **state)
{
	int fd = two_ranges();
	unsigned long long id = id_of(fd);
	const char *p;

	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, 3 * MIB, IOVA, RW), 0);
	p = FOLLOWS(slurp(DEBUGFS "buffers"),
		    "id=%llu ino=%lu exporter=vfio_pci_peerbuf size=0x300000 state=live "
		    "attachments=1 revokes=0 restores=0 waiting=0 held=0 ranges=2", id, inode(fd));
	assert_int_equal(*p, '\t');
	FOLLOWS(p, "type=iommu origin=pal importer=%s typed=1 route=3 reason=5 enforced=1 "
		"iova=%#llx length=0x300000 mapped=1 pieces=2", getenv("SSD_BDF"), IOVA);

	p = FOLLOWS(slurp(DEBUGFS "ranges"), "id=%llu", id);
	p = FOLLOWS(p, "\toffset=0x0 address=%#llx length=0x200000",
		    (unsigned long long)(bar_start + 32 * MIB));
	FOLLOWS(p, "\toffset=0x200000 address=%#llx length=0x100000",
		(unsigned long long)(bar_start + 8 * MIB));

	memory(false);
	p = FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu state=revoked revokes=1 restores=0", id);
	FOLLOWS(p, "type=iommu importer=%s mapped=0", getenv("SSD_BDF"));
	memory(true);
	FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu state=live revokes=1 restores=1", id);
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu attachments=0", id);
	assert_int_equal(peerbuf_device_revoke_buffer(bar, fd), 0);
	FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu state=dead", id);
	close(fd);
	assert_null(after(slurp(DEBUGFS "buffers"), "state=dead"));
}

/* An exporter that does not say it to processes says it to importers. */
static void ranges_of_an_exporter_without_mmap_are_told_when_it_has_importers(void **state)
{
	struct { uint64_t addr, len; } range[] = { { MIB, MIB }, { 4 * MIB, MIB } };
	struct pbt_export ex = {
		.bdf = bdf_of("BAR"), .nr = 2, .size = 2 * MIB, .ranges = (uintptr_t)range,
		.flags = PBT_REVOCABLE,
	};
	int test = test_open();
	unsigned long long id;

	assert_int_equal(call(test, PBT_EXPORT, &ex), 0);
	id = id_of(ex.fd);
	FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu ranges=unknown", id);
	assert_int_equal(peerbuf_container_map_buffer(container, ex.fd, -1, 0, MIB, IOVA, RW), 0);
	FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu ranges=2", id);
	FOLLOWS(FOLLOWS(slurp(DEBUGFS "ranges"), "id=%llu", id),
		"\toffset=0x100000 address=%#llx length=0x100000",
		(unsigned long long)(bar_start + 4 * MIB));
	/* Nobody may ask the exporter where memory is that it has taken away. */
	assert_int_equal(call(test, PBT_BLOCK, NULL), 0);
	FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu state=revoked attachments=1 ranges=unknown", id);
	assert_null(after(FOLLOWS(slurp(DEBUGFS "ranges"), "id=%llu", id), "offset=0x0"));
	assert_int_equal(call(test, PBT_UNBLOCK, NULL), 0);
	FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu state=live ranges=2", id);
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	close(ex.fd);
	close(test);
}

static void a_holder_of_a_table_is_shown(void **state)
{
	int fd = ram_buffer(0), test;
	unsigned long long id = id_of(fd);
	struct pbt_map map;
	long err;

	test = import(fd, 0, 0, &err);
	assert_int_equal(err, 0);
	FOLLOWS(FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu held=0", id),
		"type=sgt origin=pal importer=%s typed=0 held=0", getenv("EDU_BDF"));
	assert_int_equal(call(test, PBT_MAP, &map), 0);
	FOLLOWS(FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu held=1", id),
		"type=sgt importer=%s held=1", getenv("EDU_BDF"));
	close(test);
	close(fd);
}

/* Of a type that nobody but its drivers knows, that much is known. */
static void a_holder_of_a_private_type_is_shown(void **state)
{
	struct { uint64_t addr, len; } range = { 0, MIB };
	struct pbt_export ex = {
		.bdf = bdf_of("BAR"), .nr = 1, .size = MIB, .ranges = (uintptr_t)&range,
		.flags = PBT_OFFER_PRIVATE,
	};
	int maker = test_open(), test;
	unsigned long long id;
	struct pbt_map map;
	long err;

	assert_int_equal(call(maker, PBT_EXPORT, &ex), 0);
	id = id_of(ex.fd);
	test = import(ex.fd, PBT_TYPED | PBT_PRIVATE, 0, &err);
	assert_int_equal(err, 0);
	FOLLOWS(FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu held=0", id),
		"type=test origin=test typed=1 held=0");
	assert_int_equal(call(test, PBT_MAP, &map), 0);
	FOLLOWS(FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu held=1", id), "type=test held=1");
	close(test);
	close(ex.fd);
	close(maker);
}

static void processes_that_hold_a_buffer_are_shown(void **state)
{
	int fd = two_ranges(), copy, go[2], status;
	unsigned long long id = id_of(fd);
	pid_t child;
	char byte;
	void *p;

	FOLLOWS(FOLLOWS(slurp(DEBUGFS "holders"), "id=%llu ino=%lu refs=1 mapped=0", id, inode(fd)),
		"pid=%d fds=1 comm=observe", getpid());
	copy = dup(fd);
	p = mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(pipe(go), 0);
	FOLLOWS(FOLLOWS(slurp(DEBUGFS "holders"), "id=%llu refs=3 mapped=1", id),
		"pid=%d fds=2", getpid());
	child = fork();
	if (!child) {
		munmap(p, MIB);
		close(copy);
		close(go[1]);
		_exit(read(go[0], &byte, 1));
	}
	close(copy);
	munmap(p, MIB);
	while (!after(FOLLOWS(slurp(DEBUGFS "holders"), "id=%llu", id), "fds=1"))
		usleep(1000);
	close(fd);
	/* Gone from here, and still there. */
	FOLLOWS(FOLLOWS(slurp(DEBUGFS "holders"), "id=%llu", id), "pid=%d", child);
	close(go[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_null(after(slurp(DEBUGFS "holders"), "comm=observe"));
}

static void mappings_of_foreign_buffers_are_shown(void **state)
{
	struct udmabuf_create create = { .size = MIB, .memfd = sealed_memfd(MIB, 0) };
	int dev = open("/dev/udmabuf", O_RDWR), fd;

	fd = ioctl(dev, UDMABUF_CREATE, &create);
	assert_true(fd >= 0);
	assert_null(after(slurp(DEBUGFS "foreign"), "type=iommu"));
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, MIB, IOVA, RW), 0);
	FOLLOWS(slurp(DEBUGFS "foreign"), "ino=%lu size=0x100000 type=iommu origin=sgt "
		"importer=%s:direct typed=1 route=0 enforced=1 iova=%#llx mapped=1", inode(fd),
		getenv("SSD_BDF"), IOVA);
	/* A second one of the same buffer is a line of its own. */
	assert_int_equal(peerbuf_container_map_buffer(container, fd, -1, 0, MIB, IOVA + MIB, RW), 0);
	FOLLOWS(FOLLOWS(slurp(DEBUGFS "foreign"), "ino=%lu iova=%#llx", inode(fd), IOVA),
		"ino=%lu iova=%#llx", inode(fd), IOVA + MIB);
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA), 0);
	assert_null(after(FOLLOWS(slurp(DEBUGFS "foreign"), "ino=%lu iova=%#llx", inode(fd),
				  IOVA + MIB), "type=iommu"));
	assert_int_equal(peerbuf_container_unmap_buffer(container, IOVA + MIB), 0);
	assert_null(after(slurp(DEBUGFS "foreign"), "type=iommu"));
	close(fd);
	close(dev);
	close(create.memfd);
}

/* ------------------------------------------------------------------ a slow one */

static void *revoke_it(void *fd)
{
	return (void *)(intptr_t)peerbuf_ram_revoke_buffer(ram, *(int *)fd);
}

/* That a revoke waits is told at once, long before the first report. */
static void a_revoke_that_waits_is_shown_at_once_and_reported_later(void **state)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q) };
	int fd = ram_buffer(PEERBUF_RAM_REVOCABLE), test;
	unsigned long long id = id_of(fd);
	struct pbt_map map;
	pthread_t thread;
	unsigned int n;
	char words[64];
	void *ret;
	long err;

	q.dmabuf_fd = fd;
	test = import(fd, 0, 3600000, &err);
	assert_int_equal(err, 0);
	assert_int_equal(call(test, PBT_MAP, &map), 0);
	trace_clear();
	assert_int_equal(pthread_create(&thread, NULL, revoke_it, &fd), 0);
	snprintf(words, sizeof(words), "id=%llu state=revoking waiting=1 held=1", id);
	while (!after(slurp(DEBUGFS "buffers"), words))
		usleep(1000);
	assert_int_equal(peerbuf_ram_query_buffer(ram, &q), 0);
	assert_true(q.flags & PEERBUF_DEVICE_QUERY_WAITING);
	/* After report_ms; the importer does not let go before that. */
	for (n = 0; n < 300 && !after(trace(), "peerbuf_wait:"); n++)
		usleep(100000);
	assert_int_equal(call(test, PBT_UNMAP, NULL), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_int_equal((intptr_t)ret, 0);
	FOLLOWS(trace(), "peerbuf_wait: buffer=%llu importer=%s held=1", id, getenv("EDU_BDF"));
	FOLLOWS(slurp(DEBUGFS "buffers"), "id=%llu state=dead waiting=0 held=0", id);
	close(test);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_shows_every_candidate_and_the_route),
		cmocka_unit_test(the_life_of_a_mapping_in_a_domain_is_traced_in_order),
		cmocka_unit_test(why_a_buffer_is_revoked_is_traced),
		cmocka_unit_test(scatterlists_and_raw_lists_are_traced_too),
		cmocka_unit_test(a_foreign_buffer_that_cannot_come_back_is_traced),
		cmocka_unit_test(a_table_that_cannot_be_had_is_told_with_its_error),
		cmocka_unit_test(a_buffer_is_shown_with_its_ranges_and_importers),
		cmocka_unit_test(ranges_of_an_exporter_without_mmap_are_told_when_it_has_importers),
		cmocka_unit_test(a_holder_of_a_table_is_shown),
		cmocka_unit_test(a_holder_of_a_private_type_is_shown),
		cmocka_unit_test(processes_that_hold_a_buffer_are_shown),
		cmocka_unit_test(mappings_of_foreign_buffers_are_shown),
		cmocka_unit_test(a_revoke_that_waits_is_shown_at_once_and_reported_later),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("observe", tests, setup, teardown);
}
