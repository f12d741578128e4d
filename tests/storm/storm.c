// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * storm KIND COUNT [SEED]: one thing, very often. Prints a test point, what was seen, and the
 * seed, with which it does the same again.
 *
 *   resets       the device is reset while the SSD writes into its memory
 *   attachments  so many on one buffer, which is then revoked, restored and withdrawn
 *   maps         user memory and buffers are mapped and unmapped at random places
 *   kills        processes that import, or own the device, are killed at random moments
 *   pressure     buffers are made, mapped and revoked while there is next to no memory
 *   unplug       the device is written to, mapped, switched off and on until it is unplugged,
 *                which somebody else does, within COUNT seconds
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <peerbuf.h>

#include "nvme.h"

#define PAGE 4096ULL
#define MIB (1ULL << 20)
#define BAR2 VFIO_PCI_BAR2_REGION_INDEX
#define RW (PEERBUF_MAP_READ | PEERBUF_MAP_WRITE)
#define BASE (1ULL << 32)

/* The device: what the SSD may write to, then a guard that nothing may. */
#define TARGET (4 * MIB)
#define GUARD (4 * MIB)
#define GUARD_BYTE 0x5a

/* What all processes of a storm count. */
struct tally {
	uint64_t reads, in_vain, steps, refused;
	bool stop, gone;
};

static struct tally *tally;
static uint64_t state;
static char trouble[256];

static uint64_t pick(uint64_t below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % below;
}

/* Remembers the first thing that went wrong. */
static bool wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!trouble[0])
		vsnprintf(trouble, sizeof(trouble), format, args);
	va_end(args);
	return false;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static const char *bdf_of(const char *role)
{
	char name[32];

	snprintf(name, sizeof(name), "%s_BDF", role);
	return getenv(name);
}

/* One that has just ended may still be letting go of the device. */
static bool open_device(const char *role, struct peerbuf_container **c, struct peerbuf_device **d)
{
	int tries, err = 0;

	for (tries = 0; tries < 3000; tries++) {
		if (!peerbuf_container_open(PEERBUF_IOMMU, c)) {
			err = peerbuf_device_open(*c, bdf_of(role), d);
			if (!err)
				return true;
			peerbuf_container_close(*c);
		}
		usleep(10000);
	}
	return wrong("%s cannot be opened: %d", role, -err);
}

static int export(struct peerbuf_device *d, uint64_t offset, uint64_t length)
{
	struct vfio_region_dma_range range = { .offset = offset, .length = length };

	return peerbuf_device_export(d, BAR2, O_RDWR | O_CLOEXEC, &range, 1);
}

static bool memory(struct peerbuf_device *d, bool on)
{
	return peerbuf_device_command(d, on ? PCI_COMMAND_MEMORY : 0,
				      on ? 0 : PCI_COMMAND_MEMORY) >= 0;
}

static bool holds(const volatile unsigned char *p, uint64_t length, unsigned char byte)
{
	uint64_t i;

	for (i = 0; i < length; i += 64)
		if (p[i] != byte)
			return false;
	return true;
}

static bool no_buffer_left(void)
{
	FILE *f = fopen("/sys/kernel/debug/peerbuf/buffers", "r");
	int c = f ? fgetc(f) : 'x';

	if (f)
		fclose(f);
	return c == EOF || wrong("a buffer is left in the kernel");
}

/* --------------------------------------------------------------------- resets */

/* The SSD writes, and writes, wherever it may. In a process of its own. */
static void write_always(int buffer)
{
	struct peerbuf_container *c;
	struct nvme_stats stats;
	struct nvme *ssd;
	int ret;

	if (peerbuf_container_open(PEERBUF_IOMMU, &c) ||
	    nvme_open(c, bdf_of("SSD"), 30000, &ssd))
		_exit(1);
	/* The owner may be about to switch its memory on again. */
	do
		ret = peerbuf_container_map_buffer(c, buffer, -1, 0, TARGET, BASE, RW);
	while (ret == -ENODEV);
	if (ret)
		_exit(1);
	while (!__atomic_load_n(&tally->stop, __ATOMIC_SEQ_CST)) {
		uint64_t bytes = (1 + pick(32)) * PAGE;

		if (nvme_read(ssd, pick(1024), bytes, BASE + pick((TARGET - bytes) / PAGE) * PAGE,
			      &stats))
			_exit(2);
		__atomic_add_fetch(&tally->reads, 1, __ATOMIC_SEQ_CST);
	}
	nvme_close(ssd);
	peerbuf_container_close(c);
	_exit(0);
}

/* So many commands of the SSD have begun and ended. */
static bool commands(uint64_t nr)
{
	uint64_t until = __atomic_load_n(&tally->reads, __ATOMIC_SEQ_CST) + nr + 1;
	double end = now() + 20;

	while (__atomic_load_n(&tally->reads, __ATOMIC_SEQ_CST) < until && now() < end)
		usleep(100);
	return now() < end || wrong("the SSD has stopped");
}

static bool one_reset(struct peerbuf_device *d, const volatile unsigned char *window)
{
	int err;

	if (pick(8)) {
		if (!memory(d, false))
			return wrong("memory cannot be switched off");
		/* Now and then the SSD goes on without it. */
		if (!pick(8)) {
			if (!commands(1))
				return false;
			tally->in_vain++;
		}
		if (!memory(d, true))
			return wrong("memory cannot be switched on");
	} else {
		err = peerbuf_device_reset(d);
		if (err)
			return wrong("a reset failed: %d", -err);
		if (!memory(d, true))
			return wrong("memory cannot be switched on after a reset");
	}
	return holds(window + TARGET, 64 * 64, GUARD_BYTE) || wrong("the guard changed");
}

static bool resets(uint64_t count)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q) };
	struct peerbuf_container *c;
	struct peerbuf_device *d;
	unsigned char *window;
	uint64_t i;
	int status = -1;
	bool good;
	void *p;
	pid_t ssd;

	if (!open_device("BAR", &c, &d) ||
	    peerbuf_device_mmap(d, BAR2, 0, TARGET + GUARD, PROT_READ | PROT_WRITE, &p))
		return false;
	window = p;
	memset(window + TARGET, GUARD_BYTE, GUARD);
	q.dmabuf_fd = export(d, 0, TARGET);
	fflush(stdout);
	ssd = fork();
	if (!ssd)
		write_always(q.dmabuf_fd);
	while (!tally->reads && !waitpid(ssd, &status, WNOHANG))
		usleep(1000);
	good = tally->reads || wrong("the SSD does not write");
	for (i = 0; i < count && good; i++) {
		good = one_reset(d, window) && (pick(4) || commands(1));
	}
	if (good && peerbuf_device_query_buffer(d, &q))
		good = wrong("the buffer cannot be asked about");
	if (good && (q.state != PEERBUF_STATE_LIVE || q.restores != q.revokes || q.revokes < count))
		good = wrong("state %u, %llu revokes, %llu restores", q.state,
			     (unsigned long long)q.revokes, (unsigned long long)q.restores);
	/*
	 * The SSD goes on, but nothing moves any more. What was under way may still arrive, in
	 * QEMU: let_command_end() of tests/stress has the reason.
	 */
	if (good && peerbuf_device_revoke_buffer(d, q.dmabuf_fd))
		good = wrong("the buffer cannot be withdrawn");
	good = good && commands(1);
	memset(window, 0x33, TARGET);
	good = good && commands(50);
	good = good && (holds(window, TARGET, 0x33) || wrong("a DMA came after the revoke"));
	good = good && (holds(window + TARGET, GUARD, GUARD_BYTE) || wrong("the guard changed"));
	tally->stop = true;
	if (waitpid(ssd, &status, 0) != ssd || status)
		good = wrong("the SSD's process ended with %#x", status);
	munmap(window, TARGET + GUARD);
	close(q.dmabuf_fd);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
	printf("# %llu resets, %llu commands of the SSD, %llu times without memory\n",
	       (unsigned long long)i, (unsigned long long)tally->reads,
	       (unsigned long long)tally->in_vain);
	return good;
}

/* ---------------------------------------------------------------- attachments */

static bool all_are(struct peerbuf_container *c, uint64_t count, uint32_t want, bool mapped)
{
	uint64_t i;

	for (i = 0; i < count; i++) {
		struct peerbuf_iommu_query_buffer q = {
			.argsz = sizeof(q), .iova = BASE + i * PAGE,
		};

		if (peerbuf_container_query_buffer(c, &q) || q.state != want || q.error ||
		    !(q.flags & PEERBUF_QUERY_MAPPED) != !mapped)
			return wrong("mapping %llu: state %u, flags %#x, error %d",
				     (unsigned long long)i, q.state, q.flags, q.error);
	}
	return true;
}

static bool attachments(uint64_t count)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q) };
	struct peerbuf_container *c, *importer;
	struct peerbuf_device *d, *device;
	double begin, off, on;
	uint64_t i;
	bool good = true;

	if (!open_device("BAR", &c, &d) || !open_device("BAR2", &importer, &device))
		return false;
	q.dmabuf_fd = export(d, 0, PAGE);
	for (i = 0; i < count && good; i++)
		if (peerbuf_container_map_buffer(importer, q.dmabuf_fd, -1, 0, PAGE,
						 BASE + i * PAGE, RW))
			good = wrong("attachment %llu failed", (unsigned long long)i);
	if (good && (peerbuf_device_query_buffer(d, &q) || q.attachments != count))
		good = wrong("%u attachments", q.attachments);
	begin = now();
	good = good && (memory(d, false) || wrong("memory off"));
	off = now() - begin;
	good = good && all_are(importer, count, PEERBUF_STATE_REVOKED, false);
	begin = now();
	good = good && (memory(d, true) || wrong("memory on"));
	on = now() - begin;
	good = good && all_are(importer, count, PEERBUF_STATE_LIVE, true);
	if (good && peerbuf_device_revoke_buffer(d, q.dmabuf_fd))
		good = wrong("it cannot be withdrawn");
	good = good && all_are(importer, count, PEERBUF_STATE_DEAD, false);
	/* Half are unmapped one by one, half with the container. */
	for (i = 0; i < count && good; i += 2)
		if (peerbuf_container_unmap_buffer(importer, BASE + i * PAGE))
			good = wrong("unmap");
	peerbuf_device_close(device);
	peerbuf_container_close(importer);
	if (good && (peerbuf_device_query_buffer(d, &q) || q.attachments))
		good = wrong("%u attachments are left", q.attachments);
	close(q.dmabuf_fd);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
	printf("# revoked in %.1f ms, restored in %.1f ms\n", off * 1e3, on * 1e3);
	return good;
}

/* ----------------------------------------------------------------------- maps */

#define SLOTS 64
#define SLOT (2 * MIB)

static bool maps(uint64_t count)
{
	struct peerbuf_iommu_info info = { .argsz = sizeof(info) };
	struct peerbuf_container *c, *importer;
	struct peerbuf_device *d, *device;
	unsigned char *ram = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool taken[SLOTS] = { false }, good = true;
	uint64_t i, made = 0, length, iova, done;
	unsigned int slot;
	int buffer;

	if (!open_device("BAR", &c, &d) || !open_device("BAR2", &importer, &device))
		return false;
	buffer = export(d, 0, MIB);
	for (i = 0; i < count && good; i++) {
		slot = pick(SLOTS);
		iova = BASE + slot * SLOT;
		length = (1 + pick(32)) * PAGE;
		if (taken[slot]) {
			/* All of it, or in the middle, which is refused. */
			if (!pick(8) && peerbuf_container_unmap_buffer(importer, iova + SLOT / 2) !=
					-ENOENT)
				good = wrong("unmap in a hole");
			if (peerbuf_container_unmap(importer, iova, SLOT, &done) || !done)
				good = wrong("unmap");
		} else if (pick(2)) {
			if (peerbuf_container_map_ram(importer, ram, length, iova, RW))
				good = wrong("map of memory");
		} else if (peerbuf_container_map_buffer(importer, buffer, -1,
							pick((MIB - length) / PAGE) * PAGE,
							length, iova, RW)) {
			good = wrong("map of a buffer");
		}
		made += !taken[slot];
		taken[slot] = !taken[slot];
		if (!pick(500) && (!memory(d, false) || !memory(d, true)))
			good = wrong("memory off and on");
	}
	for (slot = 0; slot < SLOTS; slot++)
		if (taken[slot] && peerbuf_container_unmap(importer, BASE + slot * SLOT, SLOT, NULL))
			good = wrong("the last unmap");
	if (peerbuf_container_get_info(importer, &info) || info.nr_buffers)
		good = wrong("%u buffers are mapped", info.nr_buffers);
	close(buffer);
	munmap(ram, MIB);
	peerbuf_device_close(device);
	peerbuf_container_close(importer);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
	printf("# %llu mappings were made\n", (unsigned long long)made);
	return good;
}

/* ---------------------------------------------------------------------- kills */

static void import_step(struct peerbuf_container *c, int buffer, unsigned char *window)
{
	uint64_t iova = BASE + pick(8) * SLOT;
	struct peerbuf_iommu_query_buffer q = { .argsz = sizeof(q), .iova = iova };
	int event;

	switch (pick(5)) {
	case 0:
		event = peerbuf_event_open();
		peerbuf_container_map_buffer(c, buffer, event, 0, MIB, iova, RW);
		close(event);
		break;
	case 1:
		peerbuf_container_unmap_buffer(c, iova);
		break;
	case 2:
		peerbuf_container_map_ram(c, window, MIB, iova, RW);
		break;
	case 3:
		peerbuf_container_query_buffer(c, &q);
		break;
	default:
		/* Or dies of SIGBUS, which is fine, too. */
		window[pick(TARGET)] = 1;
	}
	__atomic_add_fetch(&tally->steps, 1, __ATOMIC_RELAXED);
}

/* Maps, asks, unmaps and looks until it is killed. */
static void import_always(int buffer)
{
	struct peerbuf_container *c;
	struct peerbuf_device *d;
	unsigned char *window;

	if (!open_device("BAR2", &c, &d))
		_exit(1);
	window = mmap(NULL, TARGET, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	for (;;)
		import_step(c, buffer, window);
}

/* Exports, withdraws and switches memory off and on until it is killed. */
static void own_always(void)
{
	struct peerbuf_container *c;
	struct peerbuf_device *d;
	int buffer[4] = { -1, -1, -1, -1 };

	if (!open_device("BAR", &c, &d))
		_exit(1);
	for (;;) {
		int i = pick(4);

		if (buffer[i] < 0) {
			buffer[i] = export(d, i * MIB, MIB);
		} else if (pick(2)) {
			peerbuf_device_revoke_buffer(d, buffer[i]);
			close(buffer[i]);
			buffer[i] = -1;
		} else {
			memory(d, false);
			memory(d, true);
		}
		__atomic_add_fetch(&tally->steps, 1, __ATOMIC_RELAXED);
	}
}

static bool kill_one(pid_t child)
{
	int status;

	usleep(pick(20000));
	kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) ||
	    (WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGBUS))
		return wrong("a process ended with %#x", status);
	return true;
}

/* Importers under an owner that goes on; then owners. */
static bool kills(uint64_t count)
{
	struct peerbuf_device_query_buffer q = { .argsz = sizeof(q) };
	struct peerbuf_container *c;
	struct peerbuf_device *d;
	uint64_t i, owners = count / 10;
	bool good = true;
	pid_t child;

	if (!open_device("BAR", &c, &d))
		return false;
	q.dmabuf_fd = export(d, 0, TARGET);
	for (i = owners; i < count && good; i++) {
		uint64_t steps = tally->steps, patience = pick(200);
		double end = now() + 5;

		state += i;
		fflush(stdout);
		child = fork();
		if (!child)
			import_always(q.dmabuf_fd);
		/* Some die while they start, and some have done much. */
		while (pick(4) && tally->steps < steps + patience && now() < end) {
			usleep(500);
			if (!pick(20) && (!memory(d, false) || !memory(d, true)))
				good = wrong("memory off and on");
		}
		good &= kill_one(child);
	}
	if (good && (peerbuf_device_query_buffer(d, &q) || q.attachments ||
		     q.state != PEERBUF_STATE_LIVE))
		good = wrong("%u attachments, state %u", q.attachments, q.state);
	close(q.dmabuf_fd);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
	for (i = 0; i < owners && good; i++) {
		uint64_t steps = tally->steps, patience = pick(50);
		double end = now() + 5;

		state += i;
		fflush(stdout);
		child = fork();
		if (!child)
			own_always();
		while (pick(4) && tally->steps < steps + patience && now() < end)
			usleep(500);
		good &= kill_one(child);
	}
	printf("# %llu steps before they died\n", (unsigned long long)tally->steps);
	return good;
}

/* ------------------------------------------------------------------- pressure */

static uint64_t available_kib(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* Takes all memory but a little, and gives some back and takes it again. */
static void hog(uint64_t keep_kib)
{
	static unsigned char *block[4096];
	size_t n = 0;

	for (;;) {
		if (available_kib() > keep_kib && n < 4096) {
			block[n] = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
			n += block[n] != MAP_FAILED;
		} else {
			__atomic_store_n(&tally->stop, true, __ATOMIC_SEQ_CST);
			usleep(1000);
			if (n && !pick(4))
				munmap(block[--n], MIB);
		}
	}
}

static bool works_or_no_memory(int ret)
{
	tally->refused += ret == -ENOMEM;
	return ret >= 0 || ret == -ENOMEM || wrong("it returned %d", ret);
}

static bool pressure(uint64_t count)
{
	static struct vfio_region_dma_range range[1024];
	struct peerbuf_container *c, *importer;
	struct peerbuf_device *d, *device;
	unsigned char *ram;
	bool good = true;
	uint64_t i;
	pid_t child;
	int buffer, ret;

	if (!open_device("BAR", &c, &d) || !open_device("BAR2", &importer, &device))
		return false;
	for (i = 0; i < 1024; i++)
		range[i] = (struct vfio_region_dma_range) { 2 * i * PAGE, PAGE };
	fflush(stdout);
	child = fork();
	if (!child)
		hog(48 << 10);
	while (!__atomic_load_n(&tally->stop, __ATOMIC_SEQ_CST))
		usleep(1000);
	for (i = 0; i < count && good; i++) {
		buffer = peerbuf_device_export(d, BAR2, O_RDWR, range, 1 + pick(1024));
		good = works_or_no_memory(buffer);
		ram = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ret = ram == MAP_FAILED ? -ENOMEM :
		      peerbuf_container_map_ram(importer, ram, 8 * MIB, BASE, RW);
		good &= works_or_no_memory(ret);
		if (buffer >= 0) {
			ret = peerbuf_container_map_buffer(importer, buffer, -1, 0, PAGE,
							   BASE + 16 * MIB, RW);
			good &= works_or_no_memory(ret);
			/* This cannot be refused, memory or not. */
			good &= memory(d, false) && memory(d, true);
			good &= !peerbuf_device_revoke_buffer(d, buffer);
			close(buffer);
		}
		peerbuf_container_unmap(importer, BASE, 32 * MIB, NULL);
		if (ram != MAP_FAILED)
			munmap(ram, 8 * MIB);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	peerbuf_device_close(device);
	peerbuf_container_close(importer);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
	printf("# refused for want of memory: %llu\n", (unsigned long long)tally->refused);
	return good;
}

/* --------------------------------------------------------------------- unplug */

static int request_event(struct peerbuf_device *d)
{
	struct {
		struct vfio_irq_set head;
		int32_t fd;
	} set = {
		.head = {
			.argsz = sizeof(set), .count = 1, .index = VFIO_PCI_REQ_IRQ_INDEX,
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		},
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
	};

	return ioctl(peerbuf_device_fd(d), VFIO_DEVICE_SET_IRQS, &set) ? -1 : set.fd;
}

/* Switches memory off and on until it is to let go; then it does, or dies. */
static void own_until_asked(int sock)
{
	struct peerbuf_container *c;
	struct peerbuf_device *d;
	int buffer, event;
	uint64_t asked;

	if (!open_device("BAR", &c, &d))
		_exit(1);
	buffer = export(d, 0, TARGET);
	event = request_event(d);
	if (buffer < 0 || event < 0 || peerbuf_send_fd(sock, buffer, "", 1) < 0)
		_exit(2);
	while (read(event, &asked, sizeof(asked)) < 0) {
		memory(d, false);
		memory(d, true);
		usleep(pick(5000));
	}
	if (pick(2))
		raise(SIGKILL);
	peerbuf_device_close(d);
	peerbuf_container_close(c);
	_exit(0);
}

/* What it has mapped when the device has gone is dead, and cannot be mapped any more. */
static void import_until_gone(int buffer)
{
	struct peerbuf_container *c;
	struct peerbuf_device *d;
	unsigned char *window;
	unsigned int i;

	if (!open_device("BAR2", &c, &d))
		_exit(1);
	/* Memory that is no device's: nothing here is to die. */
	window = mmap(NULL, TARGET, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	while (!__atomic_load_n(&tally->gone, __ATOMIC_SEQ_CST))
		import_step(c, buffer, window);
	for (i = 0; i < 8; i++) {
		struct peerbuf_iommu_query_buffer q = {
			.argsz = sizeof(q), .iova = BASE + i * SLOT,
		};

		if (!peerbuf_container_query_buffer(c, &q) &&
		    (q.state != PEERBUF_STATE_DEAD || (q.flags & PEERBUF_QUERY_MAPPED)))
			_exit(2);
	}
	if (peerbuf_container_map_buffer(c, buffer, -1, 0, MIB, BASE + 8 * SLOT, RW) != -ENODEV)
		_exit(3);
	_exit(0);
}

static bool ended_with(pid_t child, const char *what, bool may_be_killed)
{
	int status = -1;

	if (waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	if (may_be_killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	return wrong("%s ended with %#x", what, status);
}

static bool unplug(uint64_t seconds)
{
	pid_t owner, ssd, importer;
	double end = now() + seconds;
	int post[2], buffer = -1;
	char path[96], byte;
	bool good;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf_of("BAR"));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, post))
		return wrong("no socket");
	owner = fork();
	if (!owner)
		own_until_asked(post[0]);
	close(post[0]);
	if (peerbuf_recv_fd(post[1], &buffer, &byte, 1) < 0 || buffer < 0)
		return wrong("no buffer");
	ssd = fork();
	if (!ssd)
		write_always(buffer);
	importer = fork();
	if (!importer)
		import_until_gone(buffer);
	while (!tally->reads && now() < end)
		usleep(1000);
	/* Whoever unplugs it waits for this. */
	printf("# the device is in use\n");
	fflush(stdout);
	while (!access(path, F_OK) && now() < end)
		usleep(10000);
	good = access(path, F_OK) || wrong("the device was not unplugged");
	tally->gone = true;
	good &= ended_with(importer, "the importer", false);
	good = good && (commands(20) || wrong("the SSD has stopped"));
	tally->stop = true;
	good &= ended_with(ssd, "the SSD's process", false);
	good &= ended_with(owner, "the owner", true);
	close(buffer);
	printf("# %llu steps, %llu commands of the SSD\n", (unsigned long long)tally->steps,
	       (unsigned long long)tally->reads);
	return good;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool (*run)(uint64_t count);
	} kinds[] = {
		{ "resets", resets }, { "attachments", attachments }, { "maps", maps },
		{ "kills", kills }, { "pressure", pressure }, { "unplug", unplug },
	};
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	double begin = now();
	size_t i;
	bool good;

	for (i = 0; argc > 2 && i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, argv[1]))
			continue;
		state = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);
		printf("# seed %llu\n", (unsigned long long)state);
		tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		good = kinds[i].run(count) && no_buffer_left();
		printf("# %s: %llu in %.1f seconds\n", argv[1], (unsigned long long)count,
		       now() - begin);
		if (!good)
			printf("# %s\n", trouble[0] ? trouble : "it could not begin");
		return good ? 0 : 1;
	}
	fprintf(stderr, "usage: storm resets|attachments|maps|kills|pressure|unplug COUNT [SEED]\n");
	return 2;
}
