// SPDX-License-Identifier: GPL-2.0-or-later
/* States and facts: any sequence of them keeps what the states promise. */
#include "fuzz.h"

#include <linux/peerbuf/state.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	enum peerbuf_buffer_state state = PEERBUF_STATE_LIVE, next;
	struct peerbuf_facts facts = { .decoding = true };
	bool drained, open, dead = false;
	unsigned int i;

	while (in.left) {
		uint64_t op = take(&in, 1);
		unsigned int *blocked = &facts.blocked[(op >> 4) % PEERBUF_NR_CAUSES];

		switch (op % 6) {
		case 0:
			++*blocked;
			break;
		case 1:
			*blocked -= !!*blocked;
			break;
		case 2:
			facts.decoding = op & 16;
			break;
		case 3:
			facts.withdrawn |= op & 16;
			break;
		case 4:
			facts.gone |= op & 32;
			break;
		}
		drained = op & 128;
		open = facts.decoding && !facts.gone && !facts.withdrawn;
		for (i = 0; i < PEERBUF_NR_CAUSES; i++)
			open &= !facts.blocked[i];
		agree(peerbuf_accessible(&facts) == open);
		agree(peerbuf_final(&facts) == (facts.gone || facts.withdrawn));

		next = peerbuf_state_next(state, &facts, drained);
		if (next != state)
			agree(peerbuf_state_legal(state, next));
		/* Never LIVE without access; nothing passes by what drains; DEAD is final. */
		agree(next != PEERBUF_STATE_LIVE || open);
		if (state == PEERBUF_STATE_REVOKING)
			agree(next == (drained ? PEERBUF_STATE_REVOKED : state));
		agree(!dead || next == PEERBUF_STATE_DEAD);
		if (state == PEERBUF_STATE_REVOKED)
			agree((next == PEERBUF_STATE_DEAD) == peerbuf_final(&facts) &&
			      (next == PEERBUF_STATE_LIVE) == open);
		dead |= next == PEERBUF_STATE_DEAD;
		state = next;
		agree(strcmp(peerbuf_state_name(state), "?"));
		/* Numbers that are no states. */
		agree(!peerbuf_state_legal(4 + op, state) && !peerbuf_state_legal(state, 4 + op));
		agree(!strcmp(peerbuf_state_name(4 + op), "?"));
	}
	return 0;
}
