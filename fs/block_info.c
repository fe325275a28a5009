// SPDX-License-Identifier: MIT
/* Block devices in /proc: partitions, diskstats, devices. */
#include "fs/blockdev.h"
#include "fs/inode.h"
#include "fs/text.h"

void block_show_partitions(struct text *t)
{
	text_puts(t, "major minor  #blocks  name\n\n");
	for (struct blockdev *b = blockdev_next(nullptr); b; b = blockdev_next(b))
		text_printf(t, "%4u  %7u %10lu %s\n", dev_major(b->dev), dev_minor(b->dev), b->sectors / 2, b->name);
}

/* Requests are counted for the whole disk only: a partition's line would have to be invented. Merges never happen. */
void block_show_diskstats(struct text *t)
{
	constexpr u64 MS = 1'000'000;

	for (struct blockdev *b = blockdev_next(nullptr); b; b = blockdev_next(b)) {
		struct block_stats s;

		if (b->part)
			continue;
		block_stats(b->disk, &s);
		text_printf(t, "%4u %7u %s %lu 0 %lu %lu %lu 0 %lu %lu %u %lu %lu 0 0 0 0 %lu %lu\n", dev_major(b->dev),
			    dev_minor(b->dev), b->name, s.ios[BLOCK_READ], s.sectors[BLOCK_READ], s.ns[BLOCK_READ] / MS,
			    s.ios[BLOCK_WRITE], s.sectors[BLOCK_WRITE], s.ns[BLOCK_WRITE] / MS,
			    load_relaxed(&b->disk->nrunning), s.busy_ns / MS,
			    (s.ns[BLOCK_READ] + s.ns[BLOCK_WRITE] + s.ns[BLOCK_FLUSH]) / MS, s.ios[BLOCK_FLUSH],
			    s.ns[BLOCK_FLUSH] / MS);
	}
}

/* One line for each number. */
void block_show_majors(struct text *t)
{
	u32 last = 0;

	for (struct blockdev *b = blockdev_next(nullptr); b; b = blockdev_next(b)) {
		if (!b->part && b->disk->major != last)
			text_printf(t, "%3u %s\n", b->disk->major, b->disk->major == 179 ? "mmc" : "virtblk");
		last = b->disk->major;
	}
}
