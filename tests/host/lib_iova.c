// SPDX-License-Identifier: GPL-2.0-or-later
/* The IOVA picker: cases, and a comparison with a search that tries every address. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib_tap.h"
#include "private.h"

#define PAGE	0x1000ULL
#define MIB	0x100000ULL

static void usable(struct peerbuf_iova_space *space, const struct peerbuf_iova_range *from,
		   size_t nr)
{
	struct peerbuf_iova_range *ranges = calloc(nr, sizeof(*ranges));

	memcpy(ranges, from, nr * sizeof(*ranges));
	peerbuf_iova_set_usable(space, ranges, nr);
}

static void take(struct peerbuf_iova_space *space, uint64_t start, uint64_t length)
{
	if (peerbuf_iova_reserve(space))
		abort();
	peerbuf_iova_take(space, start, length);
}

static uint64_t find(const struct peerbuf_iova_space *space, uint64_t length,
		     uint64_t align, uint64_t residue)
{
	uint64_t iova = UINT64_MAX;
	int err = peerbuf_iova_find(space, length, align, residue, &iova);

	return err ? (uint64_t)(int64_t)err : iova;
}

#define ERR(e)	((uint64_t)(int64_t)-(e))

static void cases(void)
{
	/* As an x86 machine has them: the MSI window is missing. */
	static const struct peerbuf_iova_range x86[] = {
		{ 0, 0xfedfffff }, { 0xfef00000, 0xffffffffffff },
	};
	struct peerbuf_iova_space space = { 0 };

	is_hex(find(&space, PAGE, PAGE, 0), ERR(ENOSPC), "without usable ranges nothing fits");
	usable(&space, x86, 2);
	is_hex(find(&space, PAGE, PAGE, 0), PAGE, "address 0 is left alone");
	is_hex(find(&space, PAGE, 2 * MIB, 0), 2 * MIB, "the alignment is kept");
	is_hex(find(&space, PAGE, 2 * MIB, 3 * PAGE), 3 * PAGE, "the residue is kept");
	is_hex(find(&space, 0xfee00000, PAGE, 0), 0xfef00000,
	       "what does not fit below the MSI window goes above it");
	is_hex(find(&space, 1ULL << 48, PAGE, 0), ERR(ENOSPC), "more than there is does not fit");
	is_hex(find(&space, UINT64_MAX, PAGE, 0), ERR(ENOSPC), "a length near 2^64 does not wrap");

	take(&space, PAGE, PAGE);
	is_hex(find(&space, PAGE, PAGE, 0), 2 * PAGE, "a taken page is not given again");
	take(&space, 4 * PAGE, 4 * PAGE);
	is_hex(find(&space, 2 * PAGE, PAGE, 0), 2 * PAGE, "a hole that just fits is used");
	is_hex(find(&space, 3 * PAGE, PAGE, 0), 8 * PAGE, "a hole that is too small is not");
	peerbuf_iova_release(&space, 0, 8 * PAGE);
	is_hex(find(&space, 4 * PAGE, PAGE, 0), PAGE, "released addresses are given again");
	take(&space, PAGE, 4 * PAGE);
	peerbuf_iova_release(&space, 2 * PAGE, PAGE);
	is_hex(find(&space, PAGE, PAGE, 0), 5 * PAGE, "a release inside a taken range is ignored");
	peerbuf_iova_release_at(&space, PAGE);
	is_hex(find(&space, PAGE, PAGE, 0), PAGE, "a taken range is released by its start");
	is_hex(find(&space, 0, PAGE, 0), ERR(EINVAL), "a length of 0 is refused");
	is_hex(find(&space, PAGE, 3 * PAGE, 0), ERR(EINVAL), "an alignment of 3 pages is refused");
	is_hex(find(&space, PAGE, 0, 0), ERR(EINVAL), "an alignment of 0 is refused");
	is_hex(find(&space, PAGE, PAGE, PAGE), ERR(EINVAL), "a residue like the alignment is refused");
	peerbuf_iova_destroy(&space);
}

static void top_of_the_space(void)
{
	static const struct peerbuf_iova_range all[] = { { 0, UINT64_MAX } };
	static const struct peerbuf_iova_range top[] = { { UINT64_MAX - PAGE + 1, UINT64_MAX } };
	struct peerbuf_iova_space space = { 0 };

	usable(&space, top, 1);
	is_hex(find(&space, PAGE, PAGE, 0), UINT64_MAX - PAGE + 1, "the last page can be used");
	take(&space, UINT64_MAX - PAGE + 1, PAGE);
	is_hex(find(&space, PAGE, PAGE, 0), ERR(ENOSPC), "nothing is behind the last page");
	is_hex(find(&space, PAGE, 1ULL << 63, 0), ERR(ENOSPC), "aligning does not wrap");
	peerbuf_iova_release(&space, 0, 0);
	usable(&space, all, 1);
	is_hex(find(&space, PAGE, 1ULL << 63, 0), 1ULL << 63, "half of the space is an alignment");
	peerbuf_iova_destroy(&space);
}

/* ------------------------------------------------------------ against a model */

#define NR	64	/* addresses of the small world */

struct model {
	bool usable[NR];
	bool used[NR];
};

static uint64_t model_find(const struct model *model, uint64_t length, uint64_t align,
			   uint64_t residue)
{
	uint64_t at, i;

	for (at = 1; at < NR; at++) {
		if (at % align != residue)
			continue;
		for (i = at; i < at + length; i++)
			if (i >= NR || !model->usable[i] || model->used[i])
				break;
		if (i == at + length)
			return at;
	}
	return ERR(ENOSPC);
}

static uint64_t seed = 7;

static uint64_t roll(uint64_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

/* Two usable ranges with an unusable one between. */
static void small_world(struct peerbuf_iova_space *space, struct model *model)
{
	uint64_t hole = 1 + roll(NR - 3), end = hole + 1 + roll(NR - hole - 2);
	struct peerbuf_iova_range ranges[2] = { { 0, hole - 1 }, { end, NR - 1 } };
	uint64_t i;

	memset(model, 0, sizeof(*model));
	for (i = 0; i < NR; i++)
		model->usable[i] = i < hole || i >= end;
	usable(space, ranges, 2);
}

static bool one_round(void)
{
	struct peerbuf_iova_space space = { 0 };
	struct model model;
	bool same = true;
	int step;

	small_world(&space, &model);
	for (step = 0; step < 30 && same; step++) {
		uint64_t length = 1 + roll(9), align = 1ULL << roll(4), residue = roll(align);
		uint64_t got = find(&space, length, align, residue);

		same = got == model_find(&model, length, align, residue);
		if (same && got < NR) {
			take(&space, got, length);
			memset(&model.used[got], 1, length);
		} else if (same && space.nr_used) {
			struct peerbuf_iova_range gone = space.used[roll(space.nr_used)];

			peerbuf_iova_release_at(&space, gone.start);
			memset(&model.used[gone.start], 0, gone.last - gone.start + 1);
		}
	}
	peerbuf_iova_destroy(&space);
	return same;
}

int main(void)
{
	bool same = true;
	int i;

	cases();
	top_of_the_space();
	for (i = 0; i < 5000 && same; i++)
		same = one_round();
	ok(same, "5000 random histories agree with a search of every address");
	return tap_end();
}
