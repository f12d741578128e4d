// SPDX-License-Identifier: GPL-2.0-only
/* The state of a buffer. Pure logic. */
#include "pure.h"

#include <linux/peerbuf/state.h>

static const bool legal[PEERBUF_NR_STATES][PEERBUF_NR_STATES] = {
	[PEERBUF_STATE_LIVE]	 = { [PEERBUF_STATE_REVOKING] = true },
	[PEERBUF_STATE_REVOKING] = { [PEERBUF_STATE_REVOKED] = true },
	[PEERBUF_STATE_REVOKED]	 = { [PEERBUF_STATE_LIVE] = true,
				     [PEERBUF_STATE_DEAD] = true },
};

bool peerbuf_final(const struct peerbuf_facts *f)
{
	return f->gone || f->withdrawn;
}

bool peerbuf_accessible(const struct peerbuf_facts *f)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(f->blocked); i++)
		if (f->blocked[i])
			return false;
	return f->decoding && !peerbuf_final(f);
}

bool peerbuf_state_legal(enum peerbuf_buffer_state from,
			 enum peerbuf_buffer_state to)
{
	return (unsigned int)from < PEERBUF_NR_STATES &&
	       (unsigned int)to < PEERBUF_NR_STATES && legal[from][to];
}

enum peerbuf_buffer_state peerbuf_state_next(enum peerbuf_buffer_state now,
					     const struct peerbuf_facts *f,
					     bool drained)
{
	switch (now) {
	case PEERBUF_STATE_LIVE:
		return peerbuf_accessible(f) ? now : PEERBUF_STATE_REVOKING;
	case PEERBUF_STATE_REVOKING:
		/* A revoke that has begun is finished, even if access is back. */
		return drained ? PEERBUF_STATE_REVOKED : now;
	case PEERBUF_STATE_REVOKED:
		if (peerbuf_final(f))
			return PEERBUF_STATE_DEAD;
		return peerbuf_accessible(f) ? PEERBUF_STATE_LIVE : now;
	case PEERBUF_STATE_DEAD:
		break;
	}
	return now;
}

const char *peerbuf_state_name(enum peerbuf_buffer_state state)
{
	static const char * const names[PEERBUF_NR_STATES] = {
		[PEERBUF_STATE_LIVE]	 = "live",
		[PEERBUF_STATE_REVOKING] = "revoking",
		[PEERBUF_STATE_REVOKED]	 = "revoked",
		[PEERBUF_STATE_DEAD]	 = "dead",
	};

	return (unsigned int)state < PEERBUF_NR_STATES ? names[state] : "?";
}
EXPORT_SYMBOL_GPL(peerbuf_state_name);
