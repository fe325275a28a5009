// SPDX-License-Identifier: MIT
/* ioctl(2) on block devices: numbers and meanings as in Linux's <linux/fs.h>. */
#include "fs/blockdev.h"
#include "fs/file.h"
#include "mm/user.h"
#include "proc/cred.h"

enum : unsigned {
	HDIO_GETGEO = 0x301, BLKROSET = 0x125d, BLKROGET, BLKRRPART, BLKGETSIZE, BLKFLSBUF, BLKRASET, BLKRAGET,
	BLKSSZGET = 0x1268, BLKSECTGET = 0x1267, BLKIOMIN = 0x1278, BLKIOOPT, BLKALIGNOFF, BLKPBSZGET,
	BLKROTATIONAL = 0x127e, BLKBSZGET = 0x80081270, BLKBSZSET = 0x40081271, BLKGETSIZE64 = 0x80081272,
};

struct hd_geometry {
	u8 heads, sectors;
	u16 cylinders;
	u64 start;
};

static long put_number(u64 to, const void *v, size_t n)
{
	return copy_to_user(to, v, n) ? -EFAULT : 0;
}

static long put_int(u64 to, u32 v) { return put_number(to, &v, sizeof(v)); }
static long put_short(u64 to, u16 v) { return put_number(to, &v, sizeof(v)); }
static long put_long(u64 to, u64 v) { return put_number(to, &v, sizeof(v)); }

/* There are no heads: what everybody agreed to pretend. */
static long get_geometry(const struct blockdev *b, u64 to)
{
	struct hd_geometry g = { .heads = 255, .sectors = 63, .start = b->start };

	g.cylinders = (u16)min(b->sectors / (255 * 63), 0xfffful);
	return put_number(to, &g, sizeof(g));
}

static long flush_buffers(struct blockdev *b)
{
	if (!cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EACCES;
	int err = blockdev_sync(b);

	object_drop_clean(&b->object, 0, ~0ul, ~0ul);
	return err;
}

static long rescan(struct blockdev *b)
{
	return cred_capable(cred_current(), CAP_SYS_ADMIN) ? blockdev_rescan(b) : -EACCES;
}

static long set_block_size(u64 from)
{
	u32 size;

	if (copy_from_user(&size, from, sizeof(size)))
		return -EFAULT;
	return size == PAGE_SIZE || (size >= SECTOR_SIZE && size < PAGE_SIZE && !(size & (size - 1))) ? 0 : -EINVAL;
}

long blockdev_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct blockdev *b = f->data;
	const struct disk *d = b->disk;

	switch (cmd) {
	case BLKGETSIZE64: return put_long(arg, load_acquire(&b->object.size));
	case BLKGETSIZE: return put_long(arg, load_acquire(&b->object.size) >> SECTOR_SHIFT);
	case BLKSSZGET:
	case BLKPBSZGET:
	case BLKIOMIN: return put_int(arg, d->block_size);
	case BLKBSZGET: return put_int(arg, PAGE_SIZE);
	case BLKBSZSET: return set_block_size(arg);
	case BLKIOOPT:
	case BLKALIGNOFF: return put_int(arg, 0);
	case BLKSECTGET: return put_short(arg, (u16)min(d->max_sectors, 0xffffu));
	case BLKROTATIONAL: return put_short(arg, d->rotational);
	case BLKROGET: return put_int(arg, d->read_only);
	case BLKRAGET: return put_long(arg, OBJECT_RUN * PAGE_SECTORS);
	case BLKFLSBUF: return flush_buffers(b);
	case BLKRRPART: return rescan(b);
	case HDIO_GETGEO: return get_geometry(b, arg);
	default: return -ENOTTY;
	}
}
