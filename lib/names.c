// SPDX-License-Identifier: LGPL-2.1-or-later
/* Words for the numbers of <linux/peerbuf.h>, the same as in tracepoints and debugfs. */
#include "peerbuf.h"

static const char *name_of(const char *const *names, size_t nr, uint32_t value)
{
	/* A module that is newer than the library has numbers that are not known here. */
	return value < nr ? names[value] : "unknown";
}

#define NAME_OF(names, value)	name_of(names, sizeof(names) / sizeof((names)[0]), value)

const char *peerbuf_buffer_state_name(uint32_t state)
{
	static const char *const names[] = {
		[PEERBUF_STATE_LIVE] = "live",
		[PEERBUF_STATE_REVOKING] = "revoking",
		[PEERBUF_STATE_REVOKED] = "revoked",
		[PEERBUF_STATE_DEAD] = "dead",
	};

	return NAME_OF(names, state);
}

const char *peerbuf_route_name(uint32_t route)
{
	static const char *const names[] = {
		[PEERBUF_ROUTE_UNKNOWN] = "unknown",
		[PEERBUF_ROUTE_BUS_ADDRESS] = "bus-address",
		[PEERBUF_ROUTE_HOST_BRIDGE] = "host-bridge",
		[PEERBUF_ROUTE_NOT_SUPPORTED] = "not-supported",
	};

	return NAME_OF(names, route);
}

const char *peerbuf_route_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[PEERBUF_REASON_NONE] = "none",
		[PEERBUF_REASON_SAME_DEVICE] = "same-device",
		[PEERBUF_REASON_SAME_SWITCH] = "same-switch",
		[PEERBUF_REASON_ACS_REDIRECT] = "acs-redirect",
		[PEERBUF_REASON_NO_COMMON_BRIDGE] = "no-common-bridge",
		[PEERBUF_REASON_HOST_NOT_LISTED] = "host-not-listed",
		[PEERBUF_REASON_HOSTS_DIFFER] = "hosts-differ",
		[PEERBUF_REASON_NOT_PCI] = "not-pci",
		[PEERBUF_REASON_OVERRIDE] = "override",
	};

	return NAME_OF(names, reason);
}
