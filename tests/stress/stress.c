// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stress EXPORTER-BDF IMPORTER-BDF SECONDS [SEED]
 *
 * See stress.h. Prints test points; the last one is whether all invariants held.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

struct tally *tally;

uint64_t pick(struct random *r, uint64_t below)
{
	r->state = r->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (r->state >> 33) % below;
}

void violated(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# violated: ");
	vprintf(format, args);
	printf("\n");
	fflush(stdout);
	va_end(args);
	COUNT(violations);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/*
 * When a process dies, or its device is reset, is counted in steps that it made. Counted in
 * seconds, a kernel slow enough would never get further than to open the device.
 */
struct child {
	const char *bdf;
	void (*run)(const char *bdf, uint64_t seed);
	const uint64_t *steps;
	pid_t pid;
	uint64_t die_at;	/* of its steps */
	double die_by;		/* whatever it did: it may wait for what never comes */
};

static uint64_t steps_of(const struct child *c)
{
	return __atomic_load_n(c->steps, __ATOMIC_SEQ_CST);
}

static void keep_alive(struct child *c, struct random *r)
{
	uint64_t seed = pick(r, 1ULL << 31);
	int status;

	if (c->pid && waitpid(c->pid, &status, WNOHANG) == c->pid) {
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			violated("a process died of signal %d", WTERMSIG(status));
		c->pid = 0;
	}
	if (c->pid)
		return;
	/* Some die while they start. */
	c->die_at = steps_of(c) + (pick(r, 6) ? pick(r, 600) : 0);
	c->die_by = now() + 30;
	fflush(stdout);
	c->pid = fork();
	if (!c->pid)
		c->run(c->bdf, seed);
}

/*
 * QEMU 7.2 dies if its NVMe controller is reset, as VFIO does when its owner is gone, while
 * a command is under way (nvme_rw_complete_cb() uses what the reset has freed). So the
 * importer is stopped first, and killed when it is caught between two commands.
 */
static void kill_child(struct child *c)
{
	int tries;

	if (!c->pid)
		return;
	for (tries = 0; tries < 1000; tries++) {
		kill(c->pid, SIGSTOP);
		usleep(1000);
		if (c->run != run_importer || !__atomic_load_n(&tally->dma, __ATOMIC_SEQ_CST))
			break;
		kill(c->pid, SIGCONT);
		usleep(1000);
	}
	kill(c->pid, SIGKILL);
	/* Once is enough; it may take a while to let go of its devices. */
	c->die_at = UINT64_MAX;
	c->die_by = HUGE_VAL;
	COUNT(kills);
}

/* By root, behind the owner's back; in a process of its own, as it may have to wait. */
static void reset_by_sysfs(const char *bdf)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", bdf);
	__atomic_store_n(&tally->resetting, true, __ATOMIC_SEQ_CST);
	if (fork())
		return;
	fd = open(path, O_WRONLY);
	if (fd >= 0 && write(fd, "1", 1) == 1)
		COUNT(sysfs_resets);
	__atomic_store_n(&tally->resetting, false, __ATOMIC_SEQ_CST);
	_exit(0);
}

/* What the machine is for and what there was none of, or NULL. */
static const char *missing(void)
{
	return !tally->opens ? "opens" :
	       !tally->exports ? "exports" :
	       !tally->withdrawals ? "withdrawals" :
	       !tally->maps ? "maps" :
	       !tally->reads ? "reads" :
	       !tally->revoked_seen ? "revoked mappings seen" :
	       !tally->sysfs_resets ? "resets through sysfs" :
	       !tally->kills ? "kills" : NULL;
}

/* A slow kernel gets up to five times as long, until there was something of everything. */
static void chaos(struct child *child, struct random *r, double seconds)
{
	double end = now() + seconds, reset_by = now() + 2;
	uint64_t reset_at = 0;
	int i;

	while (now() < end || (missing() && now() < end + 4 * seconds)) {
		for (i = 0; i < 2; i++) {
			keep_alive(&child[i], r);
			if (steps_of(&child[i]) >= child[i].die_at ||
			    now() >= child[i].die_by)
				kill_child(&child[i]);
		}
		usleep(pick(r, 50000));
		if (__atomic_load_n(&tally->resetting, __ATOMIC_SEQ_CST))
			continue;
		if (steps_of(&child[0]) >= reset_at || now() >= reset_by) {
			reset_by_sysfs(child[0].bdf);
			reset_at = steps_of(&child[0]) + pick(r, 100);
			reset_by = now() + 2 + pick(r, 8);
		}
	}
	kill_child(&child[0]);
	kill_child(&child[1]);
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

static void point(bool good, int *count, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++*count, name);
}

int main(int argc, char **argv)
{
	struct child child[2] = { { .run = run_exporter }, { .run = run_importer } };
	struct random r;
	int count = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: stress EXPORTER-BDF IMPORTER-BDF SECONDS [SEED]\n");
		return 2;
	}
	child[0].bdf = argv[1];
	child[1].bdf = argv[2];
	r.state = argc > 4 ? strtoull(argv[4], NULL, 0) : (uint64_t)time(NULL);
	printf("# seed %llu\n", (unsigned long long)r.state);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);

	child[0].steps = &tally->exporter_steps;
	child[1].steps = &tally->importer_steps;

	chaos(child, &r, atof(argv[3]));

#define SHOW(what) printf("# " #what " %llu\n", (unsigned long long)tally->what)
	SHOW(opens);
	SHOW(exports);
	SHOW(withdrawals);
	SHOW(toggles);
	SHOW(resets);
	SHOW(sysfs_resets);
	SHOW(maps);
	SHOW(refused);
	SHOW(unmaps);
	SHOW(queries);
	SHOW(revoked_seen);
	SHOW(reads);
	SHOW(kills);
	SHOW(exporter_steps);
	SHOW(importer_steps);
	if (missing())
		fprintf(stderr, "stress: there were no %s\n", missing());
	point(!missing(), &count, "the machine did something of everything");
	point(!tally->violations, &count, "every invariant held");
	return tally->violations ? 1 : 0;
}
