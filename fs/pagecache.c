// SPDX-License-Identifier: MIT
/*
 * Reading, writing and sizing files whose bytes are the pages of their inode's object. Holes read
 * as zeros and cost no page. A write raises the size after its bytes are there, so that nobody sees
 * anything else.
 *
 * Locks: inode->lock for all that writes; readers take none. User memory is touched under it, which
 * may fault on the very same file: the fault path takes vm and object locks only.
 */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "lib/string.h"
#include "mm/page.h"
#include "proc/task.h"
#include "proc/unknown.h"


/* One page's part of a read: bytes moved, 0 for a bad address, -errno. */
static long read_part(struct inode *i, struct io *io, u64 pos, size_t n)
{
	size_t skip = pos & ~PAGE_MASK, part = min(n, PAGE_SIZE - skip);
	struct page *p;
	int err =
		object_page(&i->object, pos >> PAGE_SHIFT, i->object.ops->fill ? OP_CREATE : 0, &p);

	if (err == -ENOENT)
		return (long)io_zero(io, part);
	if (err)
		return err;
	size_t done = io_put(io, (char *)page_address(p) + skip, part);

	page_put(p);
	return (long)done;
}

long pagecache_read(struct file *f, struct io *io, u64 *pos)
{
	struct inode *i = f->inode;
	u64 size = inode_size(i);
	long total = 0, got = 0;

	if (*pos >= size)
		return 0;
	size_t n = min(io->left, size - *pos);

	while (n) {
		size_t want = min(n, PAGE_SIZE - (*pos & ~PAGE_MASK));

		got = read_part(i, io, *pos, n);
		if (got <= 0)
			break;
		*pos += (u64)got;
		total += got;
		n -= (size_t)got;
		if ((size_t)got < want)
			break;
	}
	if (!(f->flags & O_NOATIME) && !mount_keeps_atime(f->path.mount))
		inode_touch_read(i);
	if (total)
		notify_file(f, IN_ACCESS);
	if (total || !n)
		return total;
	if (got == -EFAULT)
		return 0;	/* truncated meanwhile: the end */
	return got < 0 ? got : -EFAULT;
}

/* Bytes behind the end of the last page's part may have been written through a mapping: they must
 * be zero once they come to lie inside the file. */
static void clear_tail(struct inode *i)
{
	u64 size = inode_size(i);
	size_t keep = size & ~PAGE_MASK;
	struct page *p;

	if (!keep || object_page(&i->object, size >> PAGE_SHIFT, OP_WRITE, &p))
		return;
	memset((char *)page_address(p) + keep, 0, PAGE_SIZE - keep);
	page_put(p);
}

static long write_part(struct inode *i, struct io *io, u64 pos)
{
	size_t skip = pos & ~PAGE_MASK, part = min(io->left, PAGE_SIZE - skip);
	/* A whole page behind the end is seen by nobody until the size says so: it need not be
	 * cleared first. */
	bool fresh = part == PAGE_SIZE && pos >= inode_size(i);
	struct page *p;
	int err = object_page(&i->object, pos >> PAGE_SHIFT,
			      OP_CREATE | OP_WRITE | OP_BEYOND | (fresh ? OP_NOFILL : 0), &p);

	if (err)
		return err;
	char *bytes = page_address(p);
	size_t done = io_take(io, bytes + skip, part);

	if (fresh && done < part)
		memset(bytes + done, 0, PAGE_SIZE - done);
	object_page_written(p);
	page_put(p);
	if (pos + done > inode_size(i))
		store_release(&i->object.size, pos + done);
	return done ? (long)done : -EFAULT;
}

/* How much of n bytes at pos may be written; 0 and SIGXFSZ at the limit. */
static size_t clip_to_limit(u64 pos, size_t n)
{
	u64 limit = min(load_relaxed(&task_current()->limits[RLIM_FSIZE].cur), FILE_SIZE_MAX);

	if (pos < limit)
		return min(n, limit - pos);
	if (limit < FILE_SIZE_MAX)
		signal_thread(thread_current(), SIGXFSZ, nullptr);
	return 0;
}

long pagecache_write(struct file *f, struct io *io, u64 *pos)
{
	scoped_mutex(&f->inode->lock);
	return pagecache_write_locked(f, io, pos);
}

long pagecache_write_locked(struct file *f, struct io *io, u64 *pos)
{
	struct inode *i = f->inode;
	long total = 0, got = 0;

	if (load_relaxed(&f->flags) & O_APPEND)
		*pos = inode_size(i);
	size_t allowed = task_current() ? clip_to_limit(*pos, io->left) : io->left;

	if (!allowed)
		return -EFBIG;
	if (allowed < io->left) {	/* a short write, then the signal */
		io->left = allowed;
		io->piece = min(io->piece, allowed);
	}
	inode_drop_setid(i);
	if (*pos > inode_size(i))
		clear_tail(i);
	while (io->left) {
		got = write_part(i, io, *pos);
		if (got < 0)
			break;
		*pos += (u64)got;
		total += got;
	}
	if (!total)
		return got;
	inode_touch_modified(i);
	notify_file(f, IN_MODIFY);
	return total;
}

int pagecache_map(struct file *f, struct object **object)
{
	*object = &f->inode->object;
	return 0;
}

int pagecache_sync(struct file *f)
{
	return 0;	/* memory is the store */
}

int pagecache_resize(struct inode *i, u64 size)
{
	if (size > inode_size(i)) {
		clear_tail(i);
		store_release(&i->object.size, size);
	} else {
		store_release(&i->object.size, size);
		object_truncate(&i->object, size);
	}
	return 0;
}

/* ---- SEEK_DATA, SEEK_HOLE */

/* The first page index >= from that is there (data) or is not (hole). ~0: none. */
static u64 next_page(struct object *o, u64 from, bool data)
{
	scoped_spin(&o->lock);
	for (;;) {
		u64 index = from;
		struct page *p = radix_next(&o->pages, &index);

		if (data)
			return p ? index : ~0ul;
		if (!p || index != from)
			return from;
		from++;
	}
}

s64 pagecache_seek(struct file *f, s64 offset, int whence)
{
	u64 size = inode_size(f->inode);

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return file_seek_size(f, offset, whence, size);
	if (offset < 0 || (u64)offset >= size)
		return -ENXIO;
	u64 index = next_page(&f->inode->object, (u64)offset >> PAGE_SHIFT, whence == SEEK_DATA);
	u64 at = index >= (size + PAGE_SIZE - 1) >> PAGE_SHIFT
			 ? size
			 : max(index << PAGE_SHIFT, (u64)offset);

	if (at == size && whence == SEEK_DATA)
		return -ENXIO;
	f->pos = at;
	return (s64)at;
}

/* ---- fallocate */

static void clear_range(struct inode *i, u64 from, u64 to)
{
	struct page *p;

	if (from >= to || object_page(&i->object, from >> PAGE_SHIFT, OP_WRITE, &p))
		return;
	memset((char *)page_address(p) + (from & ~PAGE_MASK), 0, to - from);
	page_put(p);
}

static void punch(struct inode *i, u64 from, u64 to)
{
	u64 first = align_up(from, PAGE_SIZE), last = align_down(to, PAGE_SIZE);

	if (first > last) {	/* inside one page */
		clear_range(i, from, to);
		return;
	}
	clear_range(i, from, first);
	clear_range(i, last, to);
	if (first < last)
		object_punch(&i->object, first >> PAGE_SHIFT, (last >> PAGE_SHIFT) - 1);
}

static int fill_range(struct inode *i, u64 from, u64 to)
{
	u64 first = from >> PAGE_SHIFT, last = (to - 1) >> PAGE_SHIFT;
	struct page_stats stats;

	page_stats(&stats);	/* rather a refusal than a machine without memory */
	if (last - first >= stats.free || (i->sb->max_pages && last - first >= i->sb->max_pages))
		return -ENOSPC;
	for (u64 index = first; index <= last; index++) {
		struct page *p;
		int err = object_page(&i->object, index, OP_CREATE | OP_WRITE | OP_BEYOND, &p);

		if (err)
			return err == -ENOMEM ? -ENOSPC : err;
		page_put(p);
		if (signal_pending_fatal())
			return -EINTR;
	}
	return 0;
}

int pagecache_allocate(struct file *f, int mode, u64 offset, u64 len)
{
	scoped_mutex(&f->inode->lock);
	return pagecache_allocate_locked(f, mode, offset, len);
}

int pagecache_allocate_locked(struct file *f, int mode, u64 offset, u64 len)
{
	struct inode *i = f->inode;
	u64 end = offset + len;
	bool keep = mode & FALLOC_KEEP_SIZE;

	if (flags_unknown(mode, FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_PUNCH_HOLE) && mode != (FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!keep && end > inode_size(i) && clip_to_limit(end - 1, 1) == 0)
		return -EFBIG;
	if (!keep && end > inode_size(i))
		clear_tail(i);
	if (mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE))
		punch(i, offset, end);
	int err = mode & FALLOC_PUNCH_HOLE ? 0 : fill_range(i, offset, end);

	if (err)
		return err;
	if (!keep && end > inode_size(i))
		store_release(&i->object.size, end);
	inode_drop_setid(i);
	inode_touch_modified(i);
	notify_file(f, IN_MODIFY);
	return 0;
}
