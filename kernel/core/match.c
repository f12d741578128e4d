// SPDX-License-Identifier: GPL-2.0-only
/* Negotiation of the mapping type. Pure logic. */
#include "pure.h"

#include <linux/peerbuf/match.h>

static int match_pair(struct dma_buf_match_args *args,
		      const struct dma_buf_mapping_match *exp,
		      const struct dma_buf_mapping_match *imp)
{
	const struct dma_buf_mapping_type *type = exp->type;
	int ret;

	if (type != imp->type)
		ret = -EOPNOTSUPP;
	else
		ret = type->match ? type->match(args->dmabuf, exp, imp) : 0;
	peerbuf_match_tried(args, exp, imp, ret);
	if (ret)
		return ret;
	if (type->finish_match)
		type->finish_match(args, exp, imp);
	else
		*args->result = *exp;
	return 0;
}

int peerbuf_match_lists(struct dma_buf_match_args *args,
			const struct dma_buf_mapping_match *exp,
			size_t exp_len)
{
	size_t e, i;
	int ret;

	for (e = 0; e < exp_len; e++) {
		for (i = 0; i < args->imp_len; i++) {
			ret = match_pair(args, &exp[e], &args->imp_matches[i]);
			if (ret != -EOPNOTSUPP)
				return ret;
		}
	}
	return -EINVAL;
}
