// SPDX-License-Identifier: GPL-2.0-or-later
/* What the example programs share: numbers, lines of commands, the checksum. */
#include <string.h>
#include <unistd.h>

#include "crc32.h"
#include "lib_tap.h"
#include "nvme.h"
#include "program.h"

static void numbers(void)
{
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "K", "1KB", "0x", "1.5", "18446744073709551616",
		"16777216T", "1k",
	};
	uint64_t value = 0;
	bool refused = true;
	size_t i;

	ok(parse_number("0", &value) && value == 0, "0 is a number");
	ok(parse_number("4096", &value) && value == 4096, "decimal numbers");
	ok(parse_number("0x1000", &value) && value == 4096, "hexadecimal numbers");
	ok(parse_number("64K", &value) && value == 65536, "K is 1024");
	ok(parse_number("3G", &value) && value == 3ULL << 30, "G is 1024 cubed");
	ok(parse_number("16777215T", &value) && value == 16777215ULL << 40, "the largest T");
	value = 5;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!parse_number(bad[i], &value))
			continue;
		printf("# taken: \"%s\"\n", bad[i]);
		refused = false;
	}
	ok(refused && value == 5, "anything else is refused");
}

static void lines_of_commands(void)
{
	struct lines lines = { .ended = false };
	char line[sizeof(lines.data)];
	int pipes[2];

	if (pipe(pipes))
		return;
	lines.fd = pipes[0];
	ok(write(pipes[1], "first\nsec", 9) == 9, "a line and a half are written");
	lines_fill(&lines);
	ok(lines_next(&lines, line, sizeof(line)) && !strcmp(line, "first"), "the line comes out");
	ok(!lines_next(&lines, line, sizeof(line)), "the half does not");
	ok(write(pipes[1], "ond\nlast", 8) == 8, "the other half and an unfinished line follow");
	lines_fill(&lines);
	ok(lines_next(&lines, line, sizeof(line)) && !strcmp(line, "second"), "the halves are joined");
	close(pipes[1]);
	lines_fill(&lines);
	ok(lines.ended && lines_next(&lines, line, sizeof(line)) && !strcmp(line, "last"),
	   "at the end the unfinished line counts");
	ok(!lines_next(&lines, line, sizeof(line)), "and then there is nothing");
	close(pipes[0]);
}

int main(void)
{
	uint32_t crc;

	numbers();
	lines_of_commands();
	is_hex(crc32_update(0, "123456789", 9), 0xcbf43926, "the checksum is the common CRC-32");
	crc = crc32_update(0, "1234", 4);
	is_hex(crc32_update(crc, "56789", 5), 0xcbf43926, "the checksum can be continued");
	ok(!strcmp(nvme_status_text(0), "success"), "NVMe status 0 is success");
	ok(!strcmp(nvme_status_text(0x4004), "data transfer error"),
	   "an NVMe status is read without its retry bit");
	return tap_end();
}
