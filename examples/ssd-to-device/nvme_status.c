// SPDX-License-Identifier: GPL-2.0-or-later
/* Completion status codes in words. */
#include "nvme.h"

/* Status code type and status code; the "more" and "do not retry" bits are left out. */
#define STATUS_CODE(status)	((status) & 0x7ff)

const char *nvme_status_text(uint16_t status)
{
	static const struct {
		uint16_t code;
		const char *text;
	} known[] = {
		{ 0x000, "success" },
		{ 0x001, "invalid command opcode" },
		{ 0x002, "invalid field in command" },
		{ 0x003, "command id in use" },
		{ 0x004, "data transfer error" },
		{ 0x005, "aborted by power loss" },
		{ 0x006, "internal error" },
		{ 0x007, "abort requested" },
		{ 0x008, "aborted as its queue was deleted" },
		{ 0x00b, "invalid namespace" },
		{ 0x013, "invalid PRP offset" },
		{ 0x080, "block out of range" },
		{ 0x081, "capacity exceeded" },
		{ 0x082, "namespace not ready" },
		{ 0x100, "completion queue invalid" },
		{ 0x101, "invalid queue number" },
		{ 0x102, "invalid queue size" },
		{ 0x281, "unrecovered read error" },
		{ 0x286, "access denied" },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == STATUS_CODE(status))
			return known[i].text;
	return "a status this program has no words for";
}
