// SPDX-License-Identifier: GPL-2.0-or-later
/* Negotiation: the first pair, in the exporter's order, that agrees or fails for good. */
#include "fuzz.h"

#include <linux/peerbuf/match.h>

#define MAX 6

static int verdict[MAX][MAX];
static unsigned int asked;

static size_t number(const struct dma_buf_mapping_match *m)
{
	return (uintptr_t)m->private_data;
}

static int asks(struct dma_buf *dmabuf, const struct dma_buf_mapping_match *exp,
		const struct dma_buf_mapping_match *imp)
{
	(void)dmabuf;
	asked++;
	return verdict[number(exp)][number(imp)];
}

static void finishes(struct dma_buf_match_args *args, const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp)
{
	*args->result = *exp;
	args->result->private_data = (void *)(number(exp) * MAX + number(imp) + 100);
}

static const struct dma_buf_mapping_type types[] = {
	{ .name = "plain" },
	{ .name = "asks", .match = asks },
	{ .name = "finishes", .finish_match = finishes },
	{ .name = "both", .match = asks, .finish_match = finishes },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int errnos[] = { 0, -EOPNOTSUPP, -EOPNOTSUPP, -ENOMEM, -EINVAL };
	struct dma_buf_mapping_match exp[MAX] = { { 0 } }, imp[MAX] = { { 0 } }, result = { 0 };
	struct dma_buf_match_args args = { .imp_matches = imp, .result = &result };
	struct input in = { data, size };
	size_t e, i, nr = take(&in, 1) % (MAX + 1);
	unsigned int asks_expected = 0;
	int ret, want = -EINVAL;
	const void *left = NULL;

	args.imp_len = take(&in, 1) % (MAX + 1);
	for (i = 0; i < MAX; i++) {
		exp[i].type = &types[take(&in, 1) % 4];
		imp[i].type = &types[take(&in, 1) % 4];
		exp[i].private_data = imp[i].private_data = (void *)i;
		for (e = 0; e < MAX; e++)
			verdict[i][e] = errnos[take(&in, 1) % 5];
	}
	asked = 0;
	ret = peerbuf_match_lists(&args, exp, nr);

	for (e = 0; e < nr; e++) {
		for (i = 0; i < args.imp_len; i++) {
			if (exp[e].type != imp[i].type)
				continue;
			asks_expected += !!exp[e].type->match;
			want = exp[e].type->match ? verdict[e][i] : 0;
			if (want == -EOPNOTSUPP) {
				want = -EINVAL;
				continue;
			}
			left = (void *)(exp[e].type->finish_match ? e * MAX + i + 100 : e);
			goto decided;
		}
	}
decided:
	agree(ret == want && asked == asks_expected);
	if (ret)
		agree(!result.type);
	else
		agree(result.type == exp[e].type && result.private_data == left);
	return 0;
}
