// SPDX-License-Identifier: GPL-2.0-or-later
/* The capability chain parser, against chains that are wrong in every way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib_tap.h"
#include "private.h"

#define FIXED	sizeof(struct vfio_iommu_type1_info)

/* A growing answer in memory of exactly its size, so that the sanitizer sees overreads. */
struct answer {
	uint8_t *data;
	size_t size;
};

static struct answer new_answer(uint32_t cap_offset)
{
	struct vfio_iommu_type1_info info = {
		.argsz = FIXED,
		.flags = VFIO_IOMMU_INFO_CAPS,
		.cap_offset = cap_offset,
	};
	struct answer answer = { malloc(FIXED), FIXED };

	memcpy(answer.data, &info, FIXED);
	return answer;
}

static void append(struct answer *answer, const void *data, size_t size)
{
	uint8_t *grown = malloc(answer->size + size);

	memcpy(grown, answer->data, answer->size);
	memcpy(grown + answer->size, data, size);
	free(answer->data);
	answer->data = grown;
	answer->size += size;
}

static void append_header(struct answer *answer, uint16_t id, uint32_t next)
{
	struct vfio_info_cap_header header = { .id = id, .version = 1, .next = next };

	append(answer, &header, sizeof(header));
}

static void append_ranges(struct answer *answer, uint32_t claimed,
			  const struct peerbuf_iova_range *ranges, size_t nr)
{
	struct vfio_iommu_type1_info_cap_iova_range cap = {
		.header = { .id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, .version = 1 },
		.nr_iovas = claimed,
	};

	append(answer, &cap, sizeof(cap));
	append(answer, ranges, nr * sizeof(*ranges));
}

static int parse(struct answer *answer)
{
	struct peerbuf_iova_range *ranges = NULL;
	size_t nr = 0;
	int err;

	err = peerbuf_caps_iova_ranges(answer->data, answer->size, &ranges, &nr);
	free(ranges);
	free(answer->data);
	return err;
}

static int parse_ranges(uint32_t claimed, const struct peerbuf_iova_range *ranges, size_t nr)
{
	struct answer answer = new_answer(FIXED);

	append_ranges(&answer, claimed, ranges, nr);
	return parse(&answer);
}

static void good_chains(void)
{
	static const struct peerbuf_iova_range two[] = {
		{ 0, 0xfedfffff }, { 0xfef00000, UINT64_MAX },
	};
	struct answer answer = new_answer(FIXED);
	struct peerbuf_iova_range *ranges = NULL;
	size_t nr = 0;

	append_header(&answer, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, FIXED + 8 + 3);
	append(&answer, "odd", 3);
	append_ranges(&answer, 2, two, 2);
	is(peerbuf_caps_iova_ranges(answer.data, answer.size, &ranges, &nr), 0,
	   "ranges are found behind another capability, at an odd offset");
	ok(nr == 2 && !memcmp(ranges, two, sizeof(two)), "all ranges come out as they are");
	free(ranges);
	free(answer.data);

	answer = new_answer(0);
	is(parse(&answer), -ENOENT, "an empty chain has no ranges");
	answer = new_answer(FIXED);
	append_header(&answer, 77, 0);
	is(parse(&answer), -ENOENT, "a chain of unknown capabilities has no ranges");
	answer = new_answer(FIXED);
	((struct vfio_iommu_type1_info *)(void *)answer.data)->flags = 0;
	is(parse(&answer), -ENOENT, "without the flag the chain is not looked at");
	answer = new_answer(0);
	answer.size = 16;
	is(parse(&answer), -ENOENT, "an old kernel's short answer has no ranges");
}

static void hostile_chains(void)
{
	struct answer answer;

	answer = new_answer(FIXED);
	append_header(&answer, 77, FIXED);
	is(parse(&answer), -EPROTO, "a capability that links to itself is refused");

	answer = new_answer(FIXED);
	append_header(&answer, 77, FIXED + 8);
	append_header(&answer, 78, FIXED);
	is(parse(&answer), -EPROTO, "a loop of two is refused");

	answer = new_answer(8);
	is(parse(&answer), -EPROTO, "a chain inside the fixed part is refused");
	answer = new_answer(FIXED);
	append_header(&answer, 77, 4);
	is(parse(&answer), -EPROTO, "a link back into the fixed part is refused");

	answer = new_answer(FIXED);
	is(parse(&answer), -EPROTO, "a chain that starts at the end is refused");
	answer = new_answer(FIXED);
	append(&answer, "1234567", 7);
	is(parse(&answer), -EPROTO, "a header cut by one byte is refused");
	answer = new_answer(UINT32_MAX);
	is(parse(&answer), -EPROTO, "an offset of all ones is refused");
	answer = new_answer(FIXED);
	append_header(&answer, 77, UINT32_MAX - 7);
	is(parse(&answer), -EPROTO, "a link that would overflow 32 bits is refused");

	answer = new_answer(FIXED);
	append_header(&answer, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 0);
	is(parse(&answer), -EPROTO, "a range capability without its count is refused");
}

static void hostile_ranges(void)
{
	static const struct peerbuf_iova_range overlap[] = { { 0, 10 }, { 10, 20 } };
	static const struct peerbuf_iova_range backward[] = { { 20, 10 } };
	static const struct peerbuf_iova_range descending[] = { { 100, 200 }, { 0, 10 } };

	is(parse_ranges(0, overlap, 0), -EPROTO, "no ranges at all are refused");
	is(parse_ranges(2, overlap, 1), -EPROTO, "more ranges claimed than there are is refused");
	is(parse_ranges(UINT32_MAX, overlap, 2), -EPROTO, "an absurd count is refused");
	is(parse_ranges(2, overlap, 2), -EPROTO, "ranges that overlap are refused");
	is(parse_ranges(1, backward, 1), -EPROTO, "a range that ends before it starts is refused");
	is(parse_ranges(2, descending, 2), -EPROTO, "descending ranges are refused");
}

/* Any bytes: the sanitizers are the judge. */
static void random_answers(void)
{
	uint64_t seed = 42;
	unsigned int i;

	for (i = 0; i < 200000; i++) {
		struct answer answer = new_answer(0);
		size_t at, extra;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		extra = seed >> 58;
		append(&answer, "0123456789012345678901234567890123456789012345678901234567890123",
		       extra);
		for (at = 16; at < answer.size; at++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			/* Small values are offsets and ids that make sense now and then. */
			answer.data[at] = seed >> 63 ? 0 : (uint8_t)(seed >> 40) % 64;
		}
		parse(&answer);
	}
	ok(true, "200000 random answers do no harm");
}

int main(void)
{
	good_chains();
	hostile_chains();
	hostile_ranges();
	random_answers();
	return tap_end();
}
