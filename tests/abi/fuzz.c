// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random calls of a container's owner, judged by a model of the IOVA space: after each
 * call the result, the number of mappings and buffers that are left, and every so often
 * all that can be asked about each of them, must be what the model says.
 *
 * First a long sequence of random calls; then short programs of calls, which are kept and
 * changed when they reach code of the modules that none has reached (tests/guided); then
 * several threads do it at once, of which only what is left can be judged.
 *
 * In the environment, FUZZ_SEED and FUZZ_CALLS choose another sequence and other programs,
 * FUZZ_PROGRAMS how many of them, FUZZ_PROGRAM one program, as a failure prints it; and
 * FUZZ_KEEP lets those that are worth keeping be printed to standard error.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "../guided/guided.h"

#define LIMIT 24		/* mapping_limit, as the script has it */
#define CALLS 6000
#define PROGRAMS 150
#define DECISIONS 20		/* of a call */
#define IOVA (1ULL << 32)
#define MSI 0xfee00000ULL
#define MEMORY (16 * MIB)
#define EXPORTED (2 * MIB)

/* -------------------------------------------------------------------- the model */

struct buf {
	int fd;			/* -1: closed, or never had one */
	bool writable;
	bool dead;
	unsigned int users;	/* mappings of it */
	bool listed;		/* may still be mapped by its fd */
};

struct map {
	uint64_t iova, length, offset;
	struct buf *buf;	/* NULL: RAM */
	bool write;
	uint64_t revokes;
};

static struct map maps[LIMIT];
static int nr;
static bool off;		/* the exporter does not decode its memory */
static struct buf *slot[4];

static struct map *overlap(uint64_t iova, uint64_t last)
{
	int i;

	for (i = 0; i < nr; i++)
		if (maps[i].iova <= last && iova <= maps[i].iova + maps[i].length - 1)
			return &maps[i];
	return NULL;
}

static void forget(struct buf *b)
{
	if (!b->users && !b->listed)
		free(b);
}

static void drop(struct map *m)
{
	if (m->buf) {
		m->buf->users--;
		forget(m->buf);
	}
	*m = maps[--nr];
}

static unsigned int buffers(void)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < nr; i++)
		n += maps[i].buf != NULL;
	return n;
}

/* What the IOMMU of this machine can use: 48 bits without the interrupts' window. */
static bool usable(uint64_t iova, uint64_t last)
{
	return last < 1ULL << 48 && (last < MSI || iova > MSI + MIB - 1);
}

static bool aligned(uint64_t v)
{
	return !(v & (PAGE - 1));
}

static bool bad_range(uint64_t start, uint64_t length)
{
	return !length || !aligned(start | length) || start + length - 1 < start;
}

static long place(uint64_t iova, uint64_t length)
{
	if (bad_range(iova, length))
		return -EINVAL;
	if (overlap(iova, iova + length - 1))
		return -EEXIST;
	if (nr == LIMIT)
		return -ENOSPC;
	return usable(iova, iova + length - 1) ? 0 : -EINVAL;
}

static long use(const struct buf *b, bool strict)
{
	if (b->dead)
		return -ENODEV;
	/* No route is known to work in this machine. */
	if (strict)
		return -EOPNOTSUPP;
	return off ? -ENODEV : 0;
}

static void add(uint64_t iova, uint64_t length, struct buf *b, uint64_t offset, bool write)
{
	maps[nr++] = (struct map) { iova, length, offset, b, write, 0 };
	if (b)
		b->users++;
}

/* ------------------------------------------------------------------- the machine */

static struct peerbuf_container *container, *exporter;
static struct peerbuf_device *ssd, *bar;
static unsigned char *ram, *mmio;
static int fd, group = -1;
static bool joined;
static uint64_t seed;
static unsigned int calls_made;
static char what[160];
static struct guided *guided;
static const struct guided_program *program;	/* NULL: not one of these */

#define TELL(...) snprintf(what, sizeof(what), __VA_ARGS__)

static uint64_t some_iova(void)
{
	if (!rnd(16))
		return PICK(MSI, MSI - PAGE, MSI + MIB - PAGE, 0, ~0ULL - PAGE + 1, 1ULL << 48,
			    (1ULL << 48) - PAGE, 1ULL << 63, IOVA + 1, IOVA + PAGE / 2, ~0ULL);
	if (nr && !rnd(3)) {
		const struct map *m = &maps[rnd(nr)];

		return m->iova + PICK(0, 0, m->length, m->length - PAGE, PAGE, -PAGE);
	}
	return IOVA + rnd(64) * 64 * 1024 + (rnd(2) ? 0 : rnd(16) * PAGE);
}

static uint64_t some_length(void)
{
	if (!rnd(16))
		return PICK(0, 1, PAGE + 1, ~0ULL, ~0ULL - PAGE + 1, 1ULL << 63, 1ULL << 48,
			    EXPORTED + PAGE);
	if (nr && !rnd(4))
		return maps[rnd(nr)].length;
	return (1 + rnd(32)) * PAGE;
}

static void check(long got, long wanted)
{
	if (got == wanted)
		return;
	if (program) {
		print_message("# FUZZ_PROGRAM=");
		guided_print(guided, program, stderr);
	}
	fail_msg("seed %llu, call %u: %s: %ld, the model says %ld", (unsigned long long)seed,
		 calls_made, what, got, wanted);
}

/* ------------------------------------------------------------------------- calls */

static void map_dma(void)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg), .iova = some_iova(), .size = some_length(),
		.flags = rnd(16) ? PICK(1, 3, 3, 3, 2) : PICK(0, 4, 8, 1U << 31),
	};
	bool device = !rnd(3), hole = false, foreign = false;
	uint64_t most = device ? MEMORY : 4 * MIB;
	struct buf *b = NULL;
	long want;

	/* What begins inside ends inside, or is refused for its length before. */
	arg.vaddr = (uintptr_t)(device ? mmio : ram) + rnd(256) * PAGE;
	if (!rnd(12)) {
		arg.vaddr = (uintptr_t)(device ? mmio : ram) + most - PAGE;
		if (rnd(2))
			arg.size = 2 * PAGE;
		hole = !device && arg.size > PAGE;
		foreign = device && arg.size > PAGE;
	}
	if (!rnd(24))
		arg.vaddr++;
	TELL("MAP_DMA flags %#x vaddr %#llx (%s) iova %#llx size %#llx", arg.flags,
	     (unsigned long long)arg.vaddr, device ? "BAR" : "RAM", (unsigned long long)arg.iova,
	     (unsigned long long)arg.size);
	if (!arg.flags || (arg.flags & ~3U) || !arg.size || !aligned(arg.vaddr | arg.size) ||
	    arg.vaddr + arg.size - 1 < arg.vaddr)
		want = -EINVAL;
	else
		want = place(arg.iova, arg.size);
	if (!want && arg.size > most)
		want = device ? -EOPNOTSUPP : -EFAULT;
	else if (!want && hole)
		want = -EFAULT;
	else if (!want && foreign)
		want = -EOPNOTSUPP;
	else if (!want && device && off)
		want = -ENODEV;
	/* More than there is of memory is a matter of the machine. */
	if (want == -EFAULT && arg.size > 64 * MIB)
		return;
	check(call(fd, VFIO_IOMMU_MAP_DMA, &arg), want);
	if (want)
		return;
	if (device) {
		b = calloc(1, sizeof(*b));
		b->fd = -1;
	}
	add(arg.iova, arg.size, b, 0, arg.flags & 2);
}

static void map_buffer(void)
{
	struct buf *b = slot[rnd(4)];
	struct peerbuf_iommu_map_buffer arg = {
		.argsz = sizeof(arg), .dmabuf_fd = b->fd, .event_fd = -1, .iova = some_iova(),
		.length = some_length(), .offset = rnd(16) ? rnd(64) * PAGE : PICK(1, ~0ULL, EXPORTED),
		.flags = rnd(16) ? PICK(1, 3, 3, 3) : PICK(0, 4, 7, 8, 1U << 31),
	};
	bool bad_fd = !rnd(32), bad_event = !rnd(32);
	long want;

	if (bad_fd)
		arg.dmabuf_fd = PICK(-1, 9999, fd);
	if (bad_event)
		arg.event_fd = PICK(-2, 9999, fd);
	TELL("MAP_BUFFER flags %#x fd %d offset %#llx iova %#llx length %#llx", arg.flags,
	     arg.dmabuf_fd, (unsigned long long)arg.offset, (unsigned long long)arg.iova,
	     (unsigned long long)arg.length);
	if ((arg.flags & ~7U) || !(arg.flags & 3) || bad_range(arg.iova, arg.length) ||
	    !aligned(arg.offset) || arg.offset + arg.length < arg.offset)
		want = -EINVAL;
	else if (bad_fd)
		want = arg.dmabuf_fd == fd ? -EINVAL : -EBADF;
	else if ((arg.flags & 2) && !b->writable)
		want = -EACCES;
	else if (arg.offset + arg.length > EXPORTED)
		want = -EINVAL;
	else if (bad_event)
		want = arg.event_fd == fd ? -EINVAL : -EBADF;
	else
		want = place(arg.iova, arg.length) ?: use(b, arg.flags & PEERBUF_MAP_STRICT);
	check(call(fd, PEERBUF_IOMMU_MAP_BUFFER, &arg), want);
	if (!want)
		add(arg.iova, arg.length, b, arg.offset, arg.flags & 2);
}

static void unmap_dma(void)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .iova = some_iova(), .size = some_length(),
	};
	uint64_t last, sum = 0;
	struct map *m;
	long want = 0;

	if (!rnd(10))
		arg.flags = PICK(VFIO_DMA_UNMAP_FLAG_ALL, VFIO_DMA_UNMAP_FLAG_ALL, 1, 4, 8);
	if (arg.flags && rnd(3))
		arg.iova = arg.size = 0;
	TELL("UNMAP_DMA flags %#x iova %#llx size %#llx", arg.flags,
	     (unsigned long long)arg.iova, (unsigned long long)arg.size);
	last = arg.iova + arg.size - 1;
	if (arg.flags & ~VFIO_DMA_UNMAP_FLAG_ALL) {
		want = -EINVAL;
	} else if (arg.flags) {
		want = arg.iova || arg.size ? -EINVAL : 0;
		last = ~0ULL;
	} else if (bad_range(arg.iova, arg.size)) {
		want = -EINVAL;
	} else {
		m = overlap(arg.iova, arg.iova);
		if (m && m->iova != arg.iova)
			want = -EINVAL;
		m = overlap(last, last);
		if (m && m->iova + m->length - 1 != last)
			want = -EINVAL;
	}
	while (!want && (m = overlap(arg.iova, last))) {
		sum += m->length;
		drop(m);
	}
	check(call(fd, VFIO_IOMMU_UNMAP_DMA, &arg), want);
	if (!want)
		assert_int_equal(arg.size, sum);
}

static struct map *buffer_at(uint64_t iova)
{
	struct map *m = overlap(iova, iova);

	return m && m->buf && m->iova == iova ? m : NULL;
}

static void unmap_buffer(void)
{
	struct peerbuf_iommu_unmap_buffer arg = {
		.argsz = sizeof(arg), .iova = some_iova(), .flags = !rnd(24),
	};
	struct map *m = buffer_at(arg.iova);

	TELL("UNMAP_BUFFER iova %#llx flags %u", (unsigned long long)arg.iova, arg.flags);
	check(call(fd, PEERBUF_IOMMU_UNMAP_BUFFER, &arg),
	      arg.flags ? -EINVAL : m ? 0 : -ENOENT);
	if (m && !arg.flags)
		drop(m);
}

static void query_at(uint64_t iova)
{
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = iova };
	struct map *m = buffer_at(iova);
	bool live;

	TELL("QUERY_BUFFER iova %#llx", (unsigned long long)iova);
	check(call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q), m ? 0 : -ENOENT);
	if (!m)
		return;
	live = !off && !m->buf->dead;
	check(q.state, m->buf->dead ? PEERBUF_STATE_DEAD :
		       off ? PEERBUF_STATE_REVOKED : PEERBUF_STATE_LIVE);
	check(q.flags & PEERBUF_QUERY_MAPPED, live ? PEERBUF_QUERY_MAPPED : 0);
	check(q.flags & PEERBUF_QUERY_WRITE, m->write ? PEERBUF_QUERY_WRITE : 0);
	check(q.length, m->length);
	check(q.offset, m->offset);
	check(q.revokes, m->revokes);
	check(q.error, 0);
}

static void count_revokes(void)
{
	int i;

	for (i = 0; i < nr; i++)
		if (maps[i].buf && !maps[i].buf->dead)
			maps[i].revokes++;
}

static void toggle(void)
{
	TELL("memory decoding %s", off ? "on" : "off");
	assert_true(peerbuf_device_command(bar, off ? 2 : 0, off ? 0 : 2) >= 0);
	off = !off;
	if (off)
		count_revokes();
}

static void reset(void)
{
	TELL("reset");
	if (!off)
		count_revokes();
	check(peerbuf_device_reset(bar), 0);
}

static void new_buffer(int i)
{
	slot[i] = calloc(1, sizeof(*slot[i]));
	slot[i]->writable = i != 3;
	slot[i]->listed = true;
	slot[i]->fd = export_range(bar, i == 3 ? O_RDONLY : O_RDWR, i * EXPORTED, EXPORTED);
	assert_true(slot[i]->fd >= 0);
}

/* Revoked for good, or only closed; another one takes its place in the list. */
static void replace(void)
{
	int i = rnd(4), m;
	struct buf *b = slot[i];
	struct peerbuf_device_revoke_buffer arg = { .argsz = sizeof(arg), .dmabuf_fd = b->fd };

	TELL("replace buffer %d", i);
	if (rnd(2)) {
		check(call(peerbuf_device_fd(bar), PEERBUF_DEVICE_REVOKE_BUFFER, &arg),
		      b->dead ? -EALREADY : 0);
		for (m = 0; !off && !b->dead && m < nr; m++)
			maps[m].revokes += maps[m].buf == b;
		b->dead = true;
	}
	if (rnd(4) && b->dead)
		return;	/* it stays in the list as a dead one */
	close(b->fd);
	b->listed = false;
	forget(b);
	new_buffer(i);
}

static int open_group(const char *bdf)
{
	char path[96], target[256] = "";
	int f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(target, '/'));
	f = open(path, O_RDWR);
	assert_true(f >= 0);
	return f;
}

/* Another device comes, to the same domain or to one of its own, and goes. */
static void join_or_leave(void)
{
	if (!joined && rnd(2)) {
		int f = open("/sys/module/peerbuf_fault/parameters/refuse_attach", O_WRONLY);

		assert_int_equal(write(f, "1", 1), 1);
		close(f);
	}
	TELL(joined ? "a group leaves" : "a group joins");
	check(call(group, joined ? VFIO_GROUP_UNSET_CONTAINER : VFIO_GROUP_SET_CONTAINER,
		   joined ? NULL : &fd), 0);
	joined = !joined;
}

/* Structures that are too small, memory that is not there, calls that do not exist. */
static void nonsense(void)
{
	const unsigned long known[] = {
		VFIO_IOMMU_MAP_DMA, VFIO_IOMMU_UNMAP_DMA, VFIO_IOMMU_GET_INFO,
		PEERBUF_IOMMU_GET_INFO, PEERBUF_IOMMU_MAP_BUFFER, PEERBUF_IOMMU_UNMAP_BUFFER,
		PEERBUF_IOMMU_QUERY_BUFFER,
	};
	unsigned long cmd = known[rnd(7)];
	uint32_t words[32], i;

	for (i = 0; i < 32; i++)
		words[i] = rng >> rnd(32);
	switch (rnd(4)) {
	case 0:
		words[0] = rnd(8);
		TELL("call %#lx with %u bytes", cmd, words[0]);
		check(call(fd, cmd, words), -EINVAL);
		break;
	case 1:
		TELL("call %#lx without memory", cmd);
		check(call(fd, cmd, (void *)PICK(0, 8, 0xffff888000000000ULL, ~0ULL - 7)), -EFAULT);
		break;
	case 2:
		cmd = _IO(PEERBUF_IOC_TYPE, 4 + rnd(250));
		TELL("call %#lx", cmd);
		check(call(fd, cmd, words), -ENOTTY);
		break;
	case 3:
		/* The upper half of what a later version may have is set. */
		words[0] = sizeof(words);
		words[31] |= 1;
		cmd = known[3 + rnd(4)];
		TELL("call %#lx of a later version", cmd);
		check(call(fd, cmd, words), -E2BIG);
		break;
	}
}

static void compare(bool everything)
{
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };
	char buf[1024] = { 0 };
	struct vfio_iommu_type1_info *t = (void *)buf;
	uint32_t at, left = ~0U;
	int i;

	t->argsz = sizeof(buf);
	assert_int_equal(call(fd, PEERBUF_IOMMU_GET_INFO, &info), 0);
	assert_int_equal(call(fd, VFIO_IOMMU_GET_INFO, t), 0);
	for (at = t->cap_offset; at; at = ((struct vfio_info_cap_header *)(buf + at))->next) {
		struct vfio_iommu_type1_info_dma_avail *a = (void *)(buf + at);

		if (a->header.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			left = a->avail;
	}
	check(info.nr_buffers, buffers());
	check(left, LIMIT - nr);
	for (i = 0; everything && i < nr; i++)
		query_at(maps[i].iova);
}

static void one_call(void)
{
	static void (*const calls[])(void) = {
		map_dma, map_dma, map_dma, map_dma, map_buffer, map_buffer, map_buffer,
		unmap_dma, unmap_dma, unmap_dma, unmap_buffer, nonsense,
	};

	switch (rnd(40)) {
	case 0:
		toggle();
		break;
	case 1:
		replace();
		break;
	case 2:
		join_or_leave();
		break;
	case 3:
		reset();
		break;
	case 4:
	case 5:
		query_at(some_iova());
		break;
	default:
		calls[rnd(sizeof(calls) / sizeof(calls[0]))]();
	}
}

static unsigned int number(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

static void the_model_agrees(void **state)
{
	unsigned int n = number("FUZZ_CALLS", CALLS), most = 0;

	rng = seed;
	for (calls_made = 0; calls_made < n; calls_made++) {
		one_call();
		compare(calls_made % 64 == 0);
		if (nr > (int)most)
			most = nr;
	}
	print_message("# seed %llu: %u calls, up to %u mappings\n", (unsigned long long)seed, n,
		      most);
	/* The limit must have been reached, and room been found again. */
	assert_int_equal(most, LIMIT);
}

static void clear(void)
{
	struct vfio_iommu_type1_dma_unmap all = {
		.argsz = sizeof(all), .flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};

	TELL("UNMAP_DMA of all");
	check(call(fd, VFIO_IOMMU_UNMAP_DMA, &all), 0);
	while (nr)
		drop(&maps[0]);
	compare(true);
}

/* As it was before the first call. */
static void afresh(void)
{
	int i;

	if (off)
		toggle();
	if (joined)
		join_or_leave();
	clear();
	for (i = 0; i < 4; i++)
		if (slot[i]->dead) {
			close(slot[i]->fd);
			slot[i]->listed = false;
			forget(slot[i]);
			new_buffer(i);
		}
}

/* Each call's decisions are its bytes; where they do not suffice, others that follow from them. */
static void run_program(const struct guided_program *p)
{
	unsigned int i;

	afresh();
	program = p;
	guided_begin();
	for (i = 0; i < p->nr; i++) {
		calls_made = i;
		rng = 1;
		for (rnd_left = 0; rnd_left < DECISIONS; rnd_left++)
			rng = rng * 31 + p->call[i][rnd_left];
		rnd_bytes = p->call[i];
		one_call();
		rnd_left = 0;
		compare(i + 1 == p->nr);
	}
	guided_end(guided, p);
	program = NULL;
}

static uint64_t programs_rng;

static uint64_t pick_for_programs(uint64_t below)
{
	programs_rng = programs_rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (programs_rng >> 33) % below;
}

static void the_model_agrees_on_programs_that_reach_more(void **state)
{
	unsigned int n = number("FUZZ_PROGRAMS", PROGRAMS), i;
	const char *one = getenv("FUZZ_PROGRAM");
	struct guided_program p;
	bool told;

	guided = guided_new(GUIDED_CALLS, DECISIONS);
	assert_non_null(guided);
	if (one) {
		assert_true(guided_parse(guided, one, &p));
		run_program(&p);
		return;
	}
	assert_true(guided_read(guided, "tests/abi/fuzz.corpus"));
	told = guided_open();
	guided_replay(guided, run_program);
	print_message("# %u programs to begin with; what is reached is %stold\n",
		      guided_programs(guided), told ? "" : "not ");
	programs_rng = seed;
	for (i = 0; i < n; i++) {
		guided_make(guided, &p, pick_for_programs);
		run_program(&p);
	}
	print_message("# %u programs made, %u kept, %u edges\n", n, guided_kept(guided),
		      guided_edges(guided));
	assert_true(!told || guided_edges(guided));
	if (getenv("FUZZ_KEEP")) {
		guided_replay(guided, run_program);
		guided_write(guided, stderr);
	}
	afresh();
}

/* ---------------------------------------------------------------- all at once */

static volatile bool stop;

static void *maps_ram(void *arg)
{
	uint64_t at = 3 * IOVA + (uintptr_t)arg * MIB;

	while (!stop) {
		struct vfio_iommu_type1_dma_map map = {
			.argsz = sizeof(map), .flags = 3, .vaddr = (uintptr_t)ram, .iova = at,
			.size = 64 * PAGE,
		};
		struct vfio_iommu_type1_dma_unmap unmap = {
			.argsz = sizeof(unmap), .iova = at, .size = 64 * PAGE,
		};
		struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

		call(fd, VFIO_IOMMU_MAP_DMA, &map);
		call(fd, VFIO_IOMMU_GET_INFO, &info);
		call(fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
	}
	return NULL;
}

static void *maps_buffers(void *arg)
{
	uint64_t at = 4 * IOVA + (uintptr_t)arg * EXPORTED;

	while (!stop) {
		struct peerbuf_iommu_map_buffer map = {
			.argsz = sizeof(map), .flags = 1, .dmabuf_fd = slot[(uintptr_t)arg]->fd,
			.event_fd = -1, .length = EXPORTED, .iova = at,
		};
		struct vfio_iommu_type1_dma_map bar_map = {
			.argsz = sizeof(bar_map), .flags = 3, .vaddr = (uintptr_t)mmio,
			.iova = at + IOVA, .size = MIB,
		};
		struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = at };
		struct peerbuf_iommu_unmap_buffer unmap = { .argsz = sizeof(unmap), .iova = at };

		call(fd, PEERBUF_IOMMU_MAP_BUFFER, &map);
		call(fd, VFIO_IOMMU_MAP_DMA, &bar_map);
		call(fd, PEERBUF_IOMMU_QUERY_BUFFER, &q);
		call(fd, PEERBUF_IOMMU_UNMAP_BUFFER, &unmap);
		unmap.iova = at + IOVA;
		call(fd, PEERBUF_IOMMU_UNMAP_BUFFER, &unmap);
	}
	return NULL;
}

static void *revokes(void *arg)
{
	while (!stop) {
		peerbuf_device_command(bar, 0, 2);
		peerbuf_device_command(bar, 2, 0);
	}
	return NULL;
}

static void *joins(void *arg)
{
	while (!stop) {
		int f = open("/sys/module/peerbuf_fault/parameters/refuse_attach", O_WRONLY);

		if (rand() % 2)
			(void)!write(f, "1", 1);
		close(f);
		if (!call(group, VFIO_GROUP_SET_CONTAINER, &fd))
			call(group, VFIO_GROUP_UNSET_CONTAINER, NULL);
	}
	return NULL;
}

static void run(void *(*const f[])(void *), size_t n, unsigned int seconds)
{
	pthread_t thread[8];
	size_t i;

	stop = false;
	for (i = 0; i < n; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, f[i], (void *)(i % 3)), 0);
	sleep(seconds);
	stop = true;
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
}

static void threads_leave_nothing_behind(void **state)
{
	static void *(*const f[])(void *) = {
		maps_ram, maps_buffers, maps_buffers, maps_ram, revokes, joins,
	};

	afresh();
	run(f, 6, 6);
	assert_true(peerbuf_device_command(bar, 2, 0) >= 0);
	off = false;
	clear();
}

/* The container loses its backend, and gets one again, while it is being used. */
static void *takes_the_backend(void *arg)
{
	while (!stop) {
		call(group, VFIO_GROUP_SET_CONTAINER, &fd);
		call(fd, VFIO_SET_IOMMU, (void *)(unsigned long)PEERBUF_IOMMU);
		call(group, VFIO_GROUP_UNSET_CONTAINER, NULL);
	}
	return NULL;
}

static void a_call_may_come_too_late(void **state)
{
	static void *(*const f[])(void *) = {
		takes_the_backend, maps_ram, maps_buffers, maps_ram,
	};
	int old = fd, f2 = open("/sys/module/peerbuf_fault/parameters/refuse_attach", O_WRONLY);

	assert_int_equal(write(f2, "0", 1), 1);
	close(f2);
	fd = open("/dev/vfio/vfio", O_RDWR);
	run(f, 4, 4);
	/* Without a group it has no backend. */
	TELL("GET_INFO of a container without a group");
	check(call(fd, PEERBUF_IOMMU_GET_INFO, &(struct peerbuf_iommu_info){ .argsz = 32 }),
	      -EINVAL);
	close(fd);
	fd = old;
}

static int setup(void **state)
{
	const char *which = getenv("FUZZ_SEED");
	void *p;
	int i;

	/* The generator stays at 0 for ever. */
	seed = (which ? strtoull(which, NULL, 0) : 20) ?: 1;
	ssd = open_role("SSD", PEERBUF_IOMMU, &container);
	fd = peerbuf_container_fd(container);
	bar = open_role("BAR", PEERBUF_IOMMU, &exporter);
	for (i = 0; i < 4; i++)
		new_buffer(i);
	/* What follows each of them is nothing. */
	ram = mmap(NULL, 4 * MIB + 16 * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED || munmap(ram + 4 * MIB, 16 * PAGE) ||
	    peerbuf_device_mmap(bar, BAR2, 0, MEMORY, PROT_READ | PROT_WRITE, &p))
		return 1;
	mmio = p;
	group = open_group(getenv("EDU_BDF"));
	return 0;
}

static int teardown(void **state)
{
	munmap(mmio, MEMORY);
	peerbuf_device_close(ssd);
	peerbuf_container_close(container);
	close(group);
	peerbuf_device_close(bar);
	peerbuf_container_close(exporter);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_model_agrees),
		cmocka_unit_test(the_model_agrees_on_programs_that_reach_more),
		cmocka_unit_test(threads_leave_nothing_behind),
		cmocka_unit_test(a_call_may_come_too_late),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
	return cmocka_run_group_tests_name("fuzz", tests, setup, teardown);
}
