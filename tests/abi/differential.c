// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The same calls on stock type1 and on the backend, compared one by one.
 *
 * A sequence follows from its seed alone. A child process makes its calls on one
 * container, another child the same ones on the other, each with memory, limits and
 * an account of locked memory of its own. Results, error numbers, what was unmapped,
 * what is left to be mapped, what GET_INFO tells and what is locked must be the same.
 * Where they are to differ is listed in this file; docs/container.md has the reasons.
 *
 * Loaded with type1=1; type1 itself is loaded here, once the backend's containers are
 * open, and asked first from then on.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/capability.h>
#include <unistd.h>

#include "abi.h"

#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define IOVA (1ULL << 32)
#define MSI 0xfee00000ULL
#define OPS 250
#define SEEDS 8

/* Where the children have their memory; both at the same addresses. */
#define POOL ((char *)0x100000000000ULL)
#define PART (4 * MIB)

enum part { ANON, THP, HUGE, MEMFD, READONLY, PRIVATE_FILE, HOLES, NR_PARTS };

enum { MAP, UNMAP, INFO, LIMIT };

struct op {
	int kind;
	uint32_t argsz, flags;
	uint64_t vaddr, iova, size;
};

struct result {
	int ret;
	uint32_t avail;		/* mappings that are left */
	uint64_t size;		/* unmapped */
	uint64_t info;		/* a digest of what GET_INFO told */
	uint64_t locked;	/* KiB */
};

struct run {
	struct result op[OPS];
	struct result end;	/* of the call that unmaps all */
};

static struct run *runs;	/* shared; one of each backend */

/* ------------------------------------------------------------- the sequences */

/* Few places, so that ranges meet: neighbours, overlaps, the same again. */
static uint64_t some_iova(void)
{
	switch (rnd(16)) {
	case 0:
		return PICK(MSI, MSI - PAGE, MSI + 0xff000, 0, ~0ULL - PAGE + 1,
			    1ULL << 48, (1ULL << 48) - PAGE, 1ULL << 39, 1ULL << 63);
	case 1:
		return IOVA + rnd(64) * PAGE + 1 + rnd(PAGE - 1);
	case 2:
	case 3:
		return 2 * IOVA + rnd(4) * 2 * MIB;
	default:
		return IOVA + rnd(64) * PAGE;
	}
}

static uint64_t some_size(void)
{
	switch (rnd(16)) {
	case 0:
		return PICK(0, 1, PAGE - 1, PAGE + 1, ~0ULL, ~0ULL - PAGE + 1, 1ULL << 63,
			    1ULL << 48, 64 * PART);
	case 1:
	case 2:
		return PICK(2 * MIB, 2 * MIB + PAGE, MIB, PART);
	default:
		return (1 + rnd(16)) * PAGE;
	}
}

/* @whole: nothing that cannot be pinned; see the listed differences. */
static uint64_t some_vaddr(bool whole)
{
	enum part part = rnd(whole ? READONLY : NR_PARTS);

	if (!whole && !rnd(12))
		return PICK(0, PAGE, ~0ULL - PAGE + 1, 1ULL << 47, 0xffff888000000000ULL,
			    (uintptr_t)POOL + 1, (uintptr_t)POOL - PAGE);
	/* Half of them from the first half: what is long stays inside. */
	return (uintptr_t)POOL + part * 2 * PART + rnd(2) * rnd(512) * PAGE;
}

static struct op some_op(bool limited)
{
	struct op op = { .kind = PICK(MAP, MAP, MAP, MAP, UNMAP, UNMAP, UNMAP, INFO) };

	op.argsz = rnd(24) ? 64 : PICK(0, 4, 16, 23, 24, 31, 32, 40);
	op.iova = some_iova();
	op.size = some_size();
	if (op.kind == MAP) {
		op.vaddr = some_vaddr(limited);
		op.flags = PICK(RW, RW, RW, VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE);
		if (!rnd(16))
			op.flags = PICK(0, RW | 1U << 3, 1U << 31);
		/* More than all of the memory is a matter of the system, not of the call. */
		if (limited && op.size > 2 * PART && op.size < 1ULL << 47)
			op.size = PART;
	} else if (op.kind == UNMAP) {
		if (!rnd(8)) {
			op.flags = PICK(VFIO_DMA_UNMAP_FLAG_ALL, 1U << 3, 1U << 31);
			if (rnd(4))
				op.iova = op.size = 0;
		} else if (!rnd(6)) {
			op.iova = PICK(0, IOVA, IOVA + 8 * PAGE);
			op.size = PICK(1ULL << 40, 1ULL << 33, 64 * PAGE);
		}
	}
	if (limited && !rnd(16))
		op = (struct op){ .kind = LIMIT, .size = PICK(0, 1, 64, 640, 2048) * 1024 };
	return op;
}

static const char *told(const struct op *op)
{
	static const char *const names[] = { "MAP", "UNMAP", "INFO", "LIMIT" };
	static char text[160];

	snprintf(text, sizeof(text), "%s argsz %u flags %#x vaddr %#llx iova %#llx size %#llx",
		 names[op->kind], op->argsz, op->flags, (unsigned long long)op->vaddr,
		 (unsigned long long)op->iova, (unsigned long long)op->size);
	return text;
}

/* ------------------------------------------------------- in the child process */

static void place(enum part part, int prot, int flags, int fd)
{
	char *at = POOL + part * 2 * PART;
	size_t length = part == HUGE ? PART : 2 * PART;

	if (mmap(at, length, prot, flags | MAP_FIXED_NOREPLACE, fd, 0) != at)
		_exit(100 + part);
}

static int file_of(const char *name, size_t size)
{
	int fd = name ? open(name, O_RDWR | O_CREAT | O_TRUNC, 0600) : memfd_create("pool", 0);

	if (fd < 0 || ftruncate(fd, size))
		_exit(99);
	return fd;
}

static void make_pool(void)
{
	int fd = file_of(NULL, 2 * PART), i;

	place(ANON, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memset(POOL, 1, PART);
	place(THP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	madvise(POOL + THP * 2 * PART, 2 * PART, MADV_HUGEPAGE);
	place(HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	place(MEMFD, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	place(READONLY, PROT_READ, MAP_SHARED, fd);
	place(PRIVATE_FILE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
	      file_of("/tmp/differential", 2 * PART));
	place(HOLES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (i = 7; i < 512; i += 32)
		munmap(POOL + HOLES * 2 * PART + i * PAGE, PAGE);
}

static void give_up_privilege(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { { 0 } };

	if (syscall(SYS_capset, &head, caps))
		_exit(98);
}

static uint64_t digest(uint64_t h, uint64_t value)
{
	return (h ^ value) * 0x9e3779b97f4a7c15ULL;
}

/* Everything but the migration capability, and the size that it makes a difference to. */
static uint64_t read_info(int fd, uint32_t argsz, struct result *r)
{
	char buf[4096] = { 0 };
	struct vfio_iommu_type1_info *info = (void *)buf;
	uint64_t h;
	uint32_t at;

	info->argsz = argsz;
	r->ret = call(fd, VFIO_IOMMU_GET_INFO, info);
	h = digest(digest(1, info->flags), info->iova_pgsizes);
	for (at = r->ret ? 0 : info->cap_offset; at;) {
		struct vfio_info_cap_header *cap = (void *)(buf + at);
		struct vfio_iommu_type1_info_dma_avail *avail = (void *)cap;
		struct vfio_iommu_type1_info_cap_iova_range *ranges = (void *)cap;
		uint32_t i;

		if (cap->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) {
			r->avail = avail->avail;
		} else if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			h = digest(digest(h, cap->version), ranges->nr_iovas);
			for (i = 0; i < ranges->nr_iovas; i++)
				h = digest(digest(h, ranges->iova_ranges[i].start),
					   ranges->iova_ranges[i].end);
		} else if (cap->id != VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION) {
			h = digest(h, cap->id);
		}
		at = cap->next;
	}
	return h;
}

static int do_map(int fd, const struct op *op)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = op->argsz, .flags = op->flags, .vaddr = op->vaddr,
		.iova = op->iova, .size = op->size,
	};

	return call(fd, VFIO_IOMMU_MAP_DMA, &arg);
}

static int do_unmap(int fd, const struct op *op, uint64_t *size)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = op->argsz, .flags = op->flags, .iova = op->iova, .size = op->size,
	};
	int ret = call(fd, VFIO_IOMMU_UNMAP_DMA, &arg);

	*size = arg.size;
	return ret;
}

static void perform(int fd, const struct op *op, struct result *r)
{
	struct rlimit limit = { op->size, RLIM_INFINITY };
	struct result dummy;

	switch (op->kind) {
	case MAP:
		r->ret = do_map(fd, op);
		break;
	case UNMAP:
		r->ret = do_unmap(fd, op, &r->size);
		break;
	case INFO:
		r->info = read_info(fd, op->argsz, r);
		return;
	case LIMIT:
		limit.rlim_max = 2 * MIB;
		r->ret = setrlimit(RLIMIT_MEMLOCK, &limit);
		break;
	}
	r->info = read_info(fd, 4096, &dummy);
	r->avail = dummy.avail;
	r->locked = locked();
}

/* @leave: die with mappings alive, for another process to unmap. */
static void child(int fd, uint64_t seed, bool limited, bool leave, struct run *run)
{
	struct op all = { .argsz = 24, .flags = VFIO_DMA_UNMAP_FLAG_ALL };
	int i;

	make_pool();
	if (limited)
		give_up_privilege();
	rng = seed;
	for (i = 0; i < OPS; i++) {
		struct op op = some_op(limited);

		perform(fd, &op, &run->op[i]);
	}
	if (!leave) {
		run->end.ret = do_unmap(fd, &all, &run->end.size);
		run->end.locked = locked();
	}
	_exit(0);
}

static void run_child(int fd, uint64_t seed, bool limited, bool leave, struct run *run)
{
	struct op all = { .argsz = 24, .flags = VFIO_DMA_UNMAP_FLAG_ALL };
	int status;
	pid_t pid;

	memset(run, 0, sizeof(*run));
	pid = fork();
	if (!pid)
		child(fd, seed, limited, leave, run);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	if (leave)
		run->end.ret = do_unmap(fd, &all, &run->end.size);
	assert_int_equal(run->end.ret, 0);
	assert_int_equal(run->end.locked, 0);
}

/* ------------------------------------------------------------------ comparing */

static unsigned int made, refused;

/* Later type1s have an errno of their own for ranges that wrap around. */
static bool same_errno(int type1, int here)
{
	return type1 == here || (!is_612() && type1 == -EOVERFLOW && here == -EINVAL);
}

static void compare(const struct op *op, const struct result *a, const struct result *b,
		    uint64_t seed, int at)
{
	if (same_errno(a->ret, b->ret) && a->avail == b->avail && a->size == b->size &&
	    a->info == b->info && a->locked == b->locked) {
		made += op->kind == MAP && !a->ret;
		refused += op->kind == MAP && a->ret;
		return;
	}
	fail_msg("seed %llu, call %d: %s: type1 %d (%llu unmapped, %u left, %llu locked, info %llx), "
		 "here %d (%llu, %u, %llu, %llx)", (unsigned long long)seed, at, told(op),
		 a->ret, (unsigned long long)a->size, a->avail, (unsigned long long)a->locked,
		 (unsigned long long)a->info, b->ret, (unsigned long long)b->size, b->avail,
		 (unsigned long long)b->locked, (unsigned long long)b->info);
}

static int stock[3], ours[3];	/* containers, by version */

static void sequences(int version, bool limited)
{
	uint64_t seed;
	int i;

	made = refused = 0;
	for (seed = 1; seed <= SEEDS; seed++) {
		uint64_t s = seed * 1000003 + version * 17 + limited;

		run_child(stock[version], s, limited, seed & 1, &runs[0]);
		run_child(ours[version], s, limited, seed & 1, &runs[1]);
		rng = s;
		for (i = 0; i < OPS; i++) {
			struct op op = some_op(limited);

			compare(&op, &runs[0].op[i], &runs[1].op[i], s, i);
		}
		assert_int_equal(runs[0].end.size, runs[1].end.size);
	}
	/* A generator whose calls all fail would compare nothing. */
	print_message("# %u calls mapped, %u were refused\n", made, refused);
	assert_true(made > SEEDS * 10);
	assert_true(refused > SEEDS * 10);
}

static void version_2_is_the_same(void **state)
{
	sequences(2, false);
}

static void version_2_is_the_same_with_limits(void **state)
{
	sequences(2, true);
}

static void version_1_is_the_same(void **state)
{
	sequences(1, false);
}

static void version_1_is_the_same_with_limits(void **state)
{
	sequences(1, true);
}

/* ----------------------------------------------------- where they are to differ */

static void unmap_all(int fd)
{
	struct op op = { .argsz = 24, .flags = VFIO_DMA_UNMAP_FLAG_ALL };
	uint64_t size;

	assert_int_equal(do_unmap(fd, &op, &size), 0);
}

static void handing_memory_to_another_process_is_type1s_alone(void **state)
{
	char *ram = pages(MIB);
	struct op map = { .argsz = 32, .flags = RW, .vaddr = (uintptr_t)ram, .iova = IOVA,
			  .size = MIB };
	struct op unmap = { .argsz = 24, .flags = VFIO_DMA_UNMAP_FLAG_VADDR, .iova = IOVA,
			    .size = MIB };
	uint64_t size;

	assert_int_equal(do_map(stock[2], &map), 0);
	assert_int_equal(do_map(ours[2], &map), 0);
	assert_int_equal(do_unmap(stock[2], &unmap, &size), 0);
	assert_int_equal(do_unmap(ours[2], &unmap, &size), -EINVAL);
	map.flags = VFIO_DMA_MAP_FLAG_VADDR;
	assert_int_equal(do_map(stock[2], &map), 0);
	assert_int_equal(do_map(ours[2], &map), -EINVAL);
	assert_int_equal(call(stock[2], VFIO_CHECK_EXTENSION, (void *)VFIO_UPDATE_VADDR), 1);
	assert_int_equal(call(ours[2], VFIO_CHECK_EXTENSION, (void *)VFIO_UPDATE_VADDR), 0);
	unmap_all(stock[2]);
	unmap_all(ours[2]);
	munmap(ram, MIB);
}

static void dirty_pages_are_type1s_alone(void **state)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = { .argsz = sizeof(dirty) };
	struct op unmap = { .argsz = 64, .flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
			    .iova = IOVA, .size = MIB };
	uint64_t size;

	dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
	assert_int_equal(call(stock[2], VFIO_IOMMU_DIRTY_PAGES, &dirty), 0);
	assert_int_equal(call(ours[2], VFIO_IOMMU_DIRTY_PAGES, &dirty), -ENOTTY);
	dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	assert_int_equal(call(stock[2], VFIO_IOMMU_DIRTY_PAGES, &dirty), 0);
	assert_int_equal(call(stock[1], VFIO_IOMMU_DIRTY_PAGES, &dirty), -EACCES);
	assert_int_equal(call(ours[1], VFIO_IOMMU_DIRTY_PAGES, &dirty), -ENOTTY);
	assert_int_equal(do_unmap(ours[2], &unmap, &size), -EINVAL);
}

static void snooping_is_told_alike(void **state)
{
	assert_int_equal(call(ours[2], VFIO_CHECK_EXTENSION, (void *)VFIO_DMA_CC_IOMMU),
			 call(stock[2], VFIO_CHECK_EXTENSION, (void *)VFIO_DMA_CC_IOMMU));
}

/* And not even that of later kernels'. */
static void nesting_is_type1s_alone(void **state)
{
	assert_int_equal(call(stock[2], VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1_NESTING_IOMMU),
			 is_612());
	assert_int_equal(call(ours[2], VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1_NESTING_IOMMU),
			 0);
}

/*
 * type1 counts pages as it pins them, and so meets the hole or the limit, whichever
 * comes first; here all are counted before any is pinned.
 */
static int over_the_limit_with_a_hole(int fd)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct rlimit limit = { 8 * PAGE, 8 * PAGE };
		char *ram = pages(64 * PAGE);
		struct op op = { .argsz = 32, .flags = RW, .vaddr = (uintptr_t)ram,
				 .iova = IOVA, .size = 64 * PAGE };

		munmap(ram + 4 * PAGE, PAGE);
		setrlimit(RLIMIT_MEMLOCK, &limit);
		give_up_privilege();
		_exit(-do_map(fd, &op));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void the_limit_is_met_before_a_hole(void **state)
{
	assert_int_equal(over_the_limit_with_a_hole(stock[2]), EFAULT);
	assert_int_equal(over_the_limit_with_a_hole(ours[2]), ENOMEM);
}

/* ---------------------------------------------------------------------- setup */

static int container(const char *role, uint32_t type)
{
	struct peerbuf_container *c;

	/* They stay open until the end. */
	open_role(role, type, &c);
	return peerbuf_container_fd(c);
}

static int setup(void **state)
{
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };

	runs = mmap(NULL, 2 * sizeof(*runs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	ours[1] = container("SSD", VFIO_TYPE1_IOMMU);
	ours[2] = container("BAR", VFIO_TYPE1v2_IOMMU);
	if (system("modprobe vfio_iommu_type1"))
		return 1;
	stock[1] = container("EDU", VFIO_TYPE1_IOMMU);
	stock[2] = container("BAR2", VFIO_TYPE1v2_IOMMU);
	return call(ours[1], PEERBUF_IOMMU_GET_INFO, &info) ||
	       call(ours[2], PEERBUF_IOMMU_GET_INFO, &info) ||
	       call(stock[1], PEERBUF_IOMMU_GET_INFO, &info) != -ENOTTY ||
	       call(stock[2], PEERBUF_IOMMU_GET_INFO, &info) != -ENOTTY;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_2_is_the_same),
		cmocka_unit_test(version_2_is_the_same_with_limits),
		cmocka_unit_test(version_1_is_the_same),
		cmocka_unit_test(version_1_is_the_same_with_limits),
		cmocka_unit_test(handing_memory_to_another_process_is_type1s_alone),
		cmocka_unit_test(dirty_pages_are_type1s_alone),
		cmocka_unit_test(snooping_is_told_alike),
		cmocka_unit_test(nesting_is_type1s_alone),
		cmocka_unit_test(the_limit_is_met_before_a_hole),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("differential", tests, setup, NULL);
}
