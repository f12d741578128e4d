// SPDX-License-Identifier: GPL-2.0-or-later
#include "guided.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROGRAMS 1024
#define EDGES (1U << 16)
#define COVER (256UL << 10)

#define KCOV_INIT_TRACE _IOR('c', 1, unsigned long)
#define KCOV_ENABLE _IO('c', 100)

struct guided {
	struct guided_program program[PROGRAMS];
	unsigned int nr, kept, calls, bytes;
	uint8_t edge[EDGES];
	int lock;
};

/* Of this thread. */
static __thread unsigned long *cover;

struct guided *guided_new(unsigned int calls, unsigned int bytes)
{
	struct guided *g = mmap(NULL, sizeof(*g), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (g == MAP_FAILED || calls > GUIDED_CALLS || bytes > GUIDED_BYTES)
		return NULL;
	g->calls = calls;
	g->bytes = bytes;
	return g;
}

/* ---------------------------------------------------------------------- text */

void guided_print(const struct guided *g, const struct guided_program *p, FILE *f)
{
	unsigned int i, j;

	for (i = 0; i < p->nr; i++) {
		for (j = 0; j < g->bytes; j++)
			fprintf(f, "%02x", p->call[i][j]);
		fputc(i + 1 < p->nr ? ' ' : '\n', f);
	}
}

bool guided_parse(const struct guided *g, const char *line, struct guided_program *p)
{
	unsigned int j;
	int used;

	memset(p, 0, sizeof(*p));
	while (line[strspn(line, " \n")]) {
		if (p->nr == g->calls)
			return false;
		line += strspn(line, " ");
		for (j = 0; j < g->bytes; j++, line += used)
			if (sscanf(line, "%2hhx%n", &p->call[p->nr][j], &used) != 1 || used != 2)
				return false;
		p->nr++;
	}
	return p->nr;
}

unsigned int guided_read(struct guided *g, const char *path)
{
	unsigned int n = 0;
	size_t size = 0;
	char *line = NULL;
	FILE *f = fopen(path, "r");

	while (f && g->nr < PROGRAMS && getline(&line, &size, f) > 0)
		if (guided_parse(g, line, &g->program[g->nr])) {
			g->nr++;
			n++;
		}
	free(line);
	if (f)
		fclose(f);
	return n;
}

void guided_write(struct guided *g, FILE *f)
{
	unsigned int i;

	for (i = 0; i < g->nr; i++)
		guided_print(g, &g->program[i], f);
}

/* ------------------------------------------------------------------- coverage */

bool guided_open(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	void *p = MAP_FAILED;

	if (fd >= 0 && !ioctl(fd, KCOV_INIT_TRACE, COVER))
		p = mmap(NULL, COVER * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* It is on until the thread ends, for which the descriptor has to stay. */
	cover = p == MAP_FAILED || ioctl(fd, KCOV_ENABLE, 0) ? NULL : p;
	if (fd >= 0 && !cover)
		close(fd);
	return cover;
}

void guided_begin(void)
{
	if (cover)
		__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
}

static unsigned int new_edges(struct guided *g)
{
	unsigned long i, last = 0, n = cover ? __atomic_load_n(&cover[0], __ATOMIC_RELAXED) : 0;
	unsigned int new = 0;

	for (i = 1; i <= n && i < COVER; i++) {
		uint32_t edge = (cover[i] ^ last * 31) % EDGES;

		last = cover[i];
		if (!__atomic_exchange_n(&g->edge[edge], 1, __ATOMIC_RELAXED))
			new++;
	}
	return new;
}

bool guided_end(struct guided *g, const struct guided_program *p)
{
	if (!new_edges(g))
		return false;
	while (__atomic_exchange_n(&g->lock, 1, __ATOMIC_ACQUIRE))
		usleep(10);
	if (g->nr < PROGRAMS)
		g->program[g->nr++] = *p;
	g->kept++;
	__atomic_store_n(&g->lock, 0, __ATOMIC_RELEASE);
	return true;
}

unsigned int guided_programs(const struct guided *g)
{
	return __atomic_load_n(&g->nr, __ATOMIC_RELAXED);
}

unsigned int guided_kept(const struct guided *g)
{
	return g->kept;
}

unsigned int guided_edges(const struct guided *g)
{
	unsigned int i, n = 0;

	for (i = 0; i < EDGES; i++)
		n += g->edge[i];
	return n;
}

/* -------------------------------------------------------------------- changes */

static void fill(void *p, size_t n, uint64_t (*pick)(uint64_t))
{
	unsigned char *bytes = p;

	while (n--)
		*bytes++ = pick(256);
}

static void change(struct guided *g, struct guided_program *p, uint64_t (*pick)(uint64_t))
{
	const struct guided_program *other = &g->program[pick(guided_programs(g))];
	unsigned int i = pick(p->nr), j;

	switch (pick(5)) {
	case 0:	/* another call */
		fill(p->call[i], g->bytes, pick);
		break;
	case 1:	/* one byte */
		p->call[i][pick(g->bytes)] = pick(256);
		break;
	case 2:	/* one more */
		if (p->nr < g->calls) {
			memmove(&p->call[i + 1], &p->call[i], (p->nr - i) * GUIDED_BYTES);
			fill(p->call[i], g->bytes, pick);
			p->nr++;
		}
		break;
	case 3:	/* one less */
		if (p->nr > 1) {
			p->nr--;
			memmove(&p->call[i], &p->call[i + 1], (p->nr - i) * GUIDED_BYTES);
		}
		break;
	default: /* the end of another one */
		j = pick(other->nr);
		p->nr = i + other->nr - j < g->calls ? i + other->nr - j : g->calls;
		memmove(&p->call[i], &other->call[j], (p->nr - i) * GUIDED_BYTES);
	}
}

void guided_make(struct guided *g, struct guided_program *p, uint64_t (*pick)(uint64_t))
{
	unsigned int nr = guided_programs(g), changes;

	if (!nr || !pick(4)) {
		memset(p, 0, sizeof(*p));
		p->nr = 1 + pick(g->calls);
		for (nr = 0; nr < p->nr; nr++)
			fill(p->call[nr], g->bytes, pick);
		return;
	}
	*p = g->program[pick(nr)];
	for (changes = 1 + pick(4); changes; changes--)
		change(g, p, pick);
}

static int by_length(const void *a, const void *b)
{
	const struct guided_program *p = a, *q = b;

	return p->nr < q->nr ? -1 : p->nr > q->nr;
}

void guided_replay(struct guided *g, void (*run)(const struct guided_program *p))
{
	unsigned int i, nr = g->nr, kept = g->kept;
	struct guided_program *all = malloc(sizeof(*all) * (nr + 1));

	if (!all)
		return;
	memcpy(all, g->program, sizeof(*all) * nr);
	qsort(all, nr, sizeof(*all), by_length);
	memset(g->edge, 0, sizeof(g->edge));
	if (cover)
		g->nr = 0;
	for (i = 0; i < nr; i++)
		run(&all[i]);
	g->kept = kept;
	free(all);
}
