// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The importer of the random machine: maps what it is given, has the SSD read into it
 * whether it is there or not, and lets go again.
 *
 * Invariants: a mapping that is not LIVE is not mapped; an IOVA that was mapped by us can
 * be asked about and unmapped; a command of the SSD always ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nvme.h"
#include "stress.h"

#define PLACES 6
#define STRIDE (32 * MIB)
#define BASE (1ULL << 33)

struct importer {
	struct random random;
	struct peerbuf_container *container;
	struct nvme *ssd;
	uint64_t length[PLACES];	/* 0: nothing is mapped there */
	int event;
};

static uint64_t iova_of(int place)
{
	return BASE + place * STRIDE;
}

static void do_map(struct importer *im, int place)
{
	uint64_t offset, length, shift;
	struct gift gift;
	int fd = receive(&im->random, &gift), err;

	if (fd < 0)
		return;
	offset = pick(&im->random, gift.length / PAGE) * PAGE;
	length = (1 + pick(&im->random, (gift.length - offset) / PAGE)) * PAGE;
	shift = pick(&im->random, 2) * PAGE;
	err = peerbuf_container_map_buffer(im->container, fd, im->event, offset, length,
					   iova_of(place) + shift,
					   PEERBUF_MAP_READ | PEERBUF_MAP_WRITE);
	close(fd);
	if (!err && shift) {
		/* Only to have been there: what stays is at the place itself. */
		if (peerbuf_container_unmap_buffer(im->container, iova_of(place) + shift))
			violated("a fresh mapping cannot be unmapped");
	} else if (!err) {
		im->length[place] = length;
	}
	if (!err)
		COUNT(maps);
	else if (err == -ENODEV)
		COUNT(refused);
	else
		violated("a buffer could not be mapped: %d", -err);
}

static void do_unmap(struct importer *im, int place)
{
	if (peerbuf_container_unmap_buffer(im->container, iova_of(place)))
		violated("a mapping cannot be unmapped");
	im->length[place] = 0;
	COUNT(unmaps);
}

static void do_query(struct importer *im, int place)
{
	struct peerbuf_iommu_query_buffer q = {
		.argsz = sizeof(q), .iova = iova_of(place),
	};
	int err = peerbuf_container_query_buffer(im->container, &q);

	COUNT(queries);
	if (err)
		violated("a mapping cannot be asked about: %d", -err);
	else if (q.state != PEERBUF_STATE_LIVE && (q.flags & PEERBUF_QUERY_MAPPED))
		violated("a mapping is there though its buffer is in state %u", q.state);
	else if (q.state == PEERBUF_STATE_LIVE && !(q.flags & PEERBUF_QUERY_MAPPED))
		violated("a mapping is absent though its buffer is live, error %d", q.error);
	else if (q.length != im->length[place])
		violated("a mapping has another length than it was given");
	if (!err && q.state != PEERBUF_STATE_LIVE)
		COUNT(revoked_seen);
}

static bool do_read(struct importer *im, int place)
{
	uint64_t bytes = (1 + pick(&im->random, 32)) * PAGE, offset;
	struct nvme_stats stats;
	int err;

	if (bytes > im->length[place])
		bytes = im->length[place];
	offset = pick(&im->random, (im->length[place] - bytes) / PAGE + 1) * PAGE;
	__atomic_store_n(&tally->dma, true, __ATOMIC_SEQ_CST);
	err = nvme_read(im->ssd, pick(&im->random, 1024), bytes, iova_of(place) + offset,
			&stats);
	__atomic_store_n(&tally->dma, false, __ATOMIC_SEQ_CST);
	COUNT(reads);
	if (!err && stats.failed)
		COUNT(faulted);
	if (err)
		violated("the SSD did not end a command: %d", -err);
	return !err;
}

static bool start(struct importer *im, const char *bdf)
{
	if (peerbuf_container_open(PEERBUF_IOMMU, &im->container))
		return false;
	if (nvme_open(im->container, bdf, 30000, &im->ssd)) {
		peerbuf_container_close(im->container);
		im->ssd = NULL;
		return false;
	}
	return true;
}

void run_importer(const char *bdf, unsigned int number, uint64_t seed)
{
	struct importer im = { .random.state = seed };
	int steps, place;

	(void)number;
	im.event = peerbuf_event_open();
	/* The one before us may still be closing. */
	for (steps = 0; !start(&im, bdf); steps++) {
		if (steps == 1000) {
			violated("the importer cannot open its device");
			exit(1);
		}
		usleep(10000);
	}
	for (steps = 200 + pick(&im.random, 4000); steps; steps--, COUNT(importer_steps)) {
		place = pick(&im.random, PLACES);
		if (!im.length[place]) {
			do_map(&im, place);
			continue;
		}
		switch (pick(&im.random, 8)) {
		case 0:
			do_unmap(&im, place);
			break;
		case 1 ... 2:
			do_query(&im, place);
			break;
		default:
			if (!do_read(&im, place))
				exit(1);
		}
	}
	/* Half of the time everything is left to the kernel. */
	if (pick(&im.random, 2)) {
		nvme_close(im.ssd);
		peerbuf_container_close(im.container);
	}
	exit(0);
}
