// SPDX-License-Identifier: GPL-2.0-or-later
/* Usable addresses of the container backend, against one flag for each address. */
#include "fuzz.h"

#include <linux/peerbuf/iova.h>

#define SPAN 128
#define CAP 10

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct peerbuf_iova_range range[CAP] = { { 0, SPAN - 1 } };
	struct peerbuf_iova_set set = { .nr = 1, .cap = CAP, .range = range };
	bool usable[SPAN], old[SPAN];
	uint64_t base = take(&in, 1) & 1 ? UINT64_MAX - (SPAN - 1) : 0, i, a, b;
	bool fits;

	/* At either end of all addresses. */
	range[0].start += base;
	range[0].last += base;
	memset(usable, true, sizeof(usable));
	while (in.left) {
		uint64_t op = take(&in, 1), runs = 0;

		a = take(&in, 1) % SPAN;
		b = a + take(&in, 1) % (SPAN - a);
		memcpy(old, usable, sizeof(old));
		for (i = 0; i < SPAN; i++) {
			if ((i >= a && i <= b) != (op % 8 == 0))
				usable[i] = false;
			runs += usable[i] && (!i || !usable[i - 1]);
		}
		if (op % 8 == 0) {
			peerbuf_iova_clip(&set, base + a, base + b);
		} else {
			fits = peerbuf_iova_exclude(&set, base + a, base + b);
			agree(fits == (runs <= CAP));
			if (!fits)
				memcpy(usable, old, sizeof(old));
		}
		agree(set.nr <= CAP);
		for (i = 0; i < SPAN; i++)
			agree(peerbuf_iova_contains(&set, base + i, base + i) == usable[i]);
		a = take(&in, 1) % SPAN;
		b = a + take(&in, 1) % (SPAN - a);
		for (i = a; i <= b && usable[i]; i++)
			;
		agree(peerbuf_iova_contains(&set, base + a, base + b) == (i > b));
	}
	return 0;
}
