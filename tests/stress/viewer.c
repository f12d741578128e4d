// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The viewer of the random machine: maps buffers into its address space, and reads and writes
 * them whether they are there or not.
 *
 * Invariants: an access gives a byte or SIGBUS, and nothing worse; and it is the exporter that
 * sees whether one arrives after a buffer was withdrawn.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define VIEWS 6

struct viewer {
	struct random random;
	volatile unsigned char *view[VIEWS];	/* or NULL */
	uint64_t length[VIEWS];
};

static sigjmp_buf caught;

static void on_sigbus(int sig)
{
	siglongjmp(caught, sig);
}

static void open_view(struct viewer *v, int place)
{
	uint64_t offset, length;
	struct gift gift;
	int fd = receive(&v->random, &gift);
	void *p;

	if (fd < 0)
		return;
	offset = pick(&v->random, gift.length / PAGE) * PAGE;
	length = (1 + pick(&v->random, (gift.length - offset) / PAGE)) * PAGE;
	p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	/* It lives on by its mapping. */
	close(fd);
	if (p == MAP_FAILED) {
		violated("a buffer cannot be mapped into a process");
		return;
	}
	v->view[place] = p;
	v->length[place] = length;
	COUNT(views);
}

static void close_view(struct viewer *v, int place)
{
	if (munmap((void *)v->view[place], v->length[place]))
		violated("a view cannot be unmapped");
	v->view[place] = NULL;
}

/* Is it there? */
static bool look(struct viewer *v, int place)
{
	uint64_t at = pick(&v->random, v->length[place]);
	bool write = pick(&v->random, 2);

	if (sigsetjmp(caught, 1)) {
		COUNT(sigbuses);
		return false;
	}
	if (write)
		v->view[place][at] = 0x77;
	else
		(void)v->view[place][at];
	COUNT(looks);
	return true;
}

void run_viewer(const char *bdf, unsigned int number, uint64_t seed)
{
	struct sigaction act = { .sa_handler = on_sigbus };
	struct viewer v = { .random.state = seed };
	int steps, place;

	(void)bdf;
	(void)number;
	sigaction(SIGBUS, &act, NULL);
	for (steps = 200 + pick(&v.random, 4000); steps; steps--, COUNT(viewer_steps)) {
		place = pick(&v.random, VIEWS);
		if (!v.view[place])
			open_view(&v, place);
		else if (!pick(&v.random, 16))
			close_view(&v, place);
		else if (!look(&v, place) && !pick(&v.random, 4))
			close_view(&v, place);	/* likely dead */
		usleep(pick(&v.random, 2000));
	}
	exit(0);
}
