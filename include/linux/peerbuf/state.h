/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a buffer and what decides it. Pure logic; also compiled in user
 * space.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_STATE_H
#define _LINUX_PEERBUF_STATE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#endif
#include <uapi/linux/peerbuf.h>

#define PEERBUF_NR_STATES	4

/**
 * enum peerbuf_cause - why a provider's memory may be out of reach
 * @PEERBUF_CAUSE_RESET: a reset is under way; nests
 * @PEERBUF_CAUSE_CONFIG: a config write that takes memory away is under way
 * @PEERBUF_CAUSE_POWER: the user asked for a low power state
 * @PEERBUF_CAUSE_ERROR: the bus reported an error and recovery has not ended
 * @PEERBUF_NR_CAUSES: number of causes
 *
 * RESET and CONFIG are counters, so that events that overlap in time need not know of
 * each other; POWER and ERROR are conditions, 0 or 1. Access comes back when all are
 * 0 and the device agrees.
 */
enum peerbuf_cause {
	PEERBUF_CAUSE_RESET,
	PEERBUF_CAUSE_CONFIG,
	PEERBUF_CAUSE_POWER,
	PEERBUF_CAUSE_ERROR,
	PEERBUF_NR_CAUSES,
};

/**
 * struct peerbuf_facts - all that decides whether a buffer is accessible
 * @blocked: depth, or presence, of each cause
 * @decoding: the device itself answers: powered, memory decode on, BARs in place
 * @gone: the device was closed, unbound or unplugged; final
 * @withdrawn: the owner has revoked this one buffer; final
 */
struct peerbuf_facts {
	unsigned int blocked[PEERBUF_NR_CAUSES];
	bool decoding;
	bool gone;
	bool withdrawn;
};

/**
 * peerbuf_accessible - may importers reach the memory?
 * @f: the facts
 *
 * The only place where this is decided.
 *
 * Return: whether they may.
 */
bool peerbuf_accessible(const struct peerbuf_facts *f);

/**
 * peerbuf_final - can access never come back?
 * @f: the facts
 *
 * Return: whether it never can.
 */
bool peerbuf_final(const struct peerbuf_facts *f);

/**
 * peerbuf_state_legal - may a buffer go from one state to another?
 * @from: state before
 * @to: state after
 *
 * The table of arcs; docs/states.md shows it.
 *
 * Return: whether it may; false also for values that are no states.
 */
bool peerbuf_state_legal(enum peerbuf_buffer_state from,
			 enum peerbuf_buffer_state to);

/**
 * peerbuf_state_next - the next step towards what the facts demand
 * @now: state of the buffer
 * @f: the facts
 * @drained: no mapping is left and no fence is waited for
 *
 * Return: the state to go to; @now when there is nothing to do.
 */
enum peerbuf_buffer_state peerbuf_state_next(enum peerbuf_buffer_state now,
					     const struct peerbuf_facts *f,
					     bool drained);

/**
 * peerbuf_state_name - the name of a state, for people
 * @state: any value
 *
 * Return: "live", "revoking", "revoked", "dead", or "?".
 */
const char *peerbuf_state_name(enum peerbuf_buffer_state state);

#endif /* _LINUX_PEERBUF_STATE_H */
