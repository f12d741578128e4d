// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Structures of the user ABI, read from memory that somebody else may be changing: the shim
 * changes it between the two times that it is read.
 */
#include "fuzz.h"

#include <linux/uaccess.h>

#include SOURCE	/* kernel/uarg.h */

#define KNOWN 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t user[2 * PAGE_SIZE], seen[2 * PAGE_SIZE];
	struct input in = { data, size };
	uint32_t argsz = take(&in, 2), min = 8 + take(&in, 1) % (KNOWN - 8 + 1), told = 0;
	uint8_t dst[KNOWN], back[KNOWN];
	size_t i, copied;
	int ret, want = 0;
	bool changes = take(&in, 1) & 1;

	shim_bad = take(&in, 1) % 8 == 7 ? take(&in, 2) : sizeof(user);
	shim_size = sizeof(user);
	shim_user = user;
	shim_second_argsz = changes ? take(&in, 4) : argsz;
	for (i = 0; i < sizeof(user); i++)
		user[i] = in.left ? take(&in, 1) : 0;
	memcpy(user, &argsz, sizeof(argsz));
	memset(dst, 0xee, sizeof(dst));
	ret = peerbuf_read_arg(dst, sizeof(dst), min, (unsigned long)user, &told);
	memcpy(seen, user, sizeof(seen));

	if (shim_bad < sizeof(argsz))
		want = -EFAULT;
	else if (argsz < min)
		want = -EINVAL;
	else if (argsz > PAGE_SIZE)
		want = -E2BIG;
	else if (shim_bad < argsz)
		want = -EFAULT;	/* or what lies before it is not zero */
	for (i = KNOWN; !want && i < argsz; i++)
		if (seen[i])
			want = -E2BIG;
	agree(ret == want || (want == -EFAULT && ret == -E2BIG));
	agree(shim_bad < sizeof(argsz) || told == argsz);
	if (ret)
		return 0;
	/* What was checked is what is used. */
	agree(!memcmp(dst, &argsz, sizeof(argsz)));
	for (i = sizeof(argsz); i < KNOWN; i++)
		agree(dst[i] == (i < argsz ? seen[i] : 0));

	memset(back, 0x77, sizeof(back));
	ret = peerbuf_write_arg(back, sizeof(back), (unsigned long)user, argsz);
	copied = argsz < KNOWN ? argsz : KNOWN;
	agree(ret == (shim_bad < copied ? -EFAULT : 0));
	for (i = 0; !ret && i < sizeof(user); i++)
		agree(user[i] == (i < copied ? 0x77 : seen[i]));
	return 0;
}
