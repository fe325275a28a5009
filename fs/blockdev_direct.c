// SPDX-License-Identifier: MIT
/*
 * O_DIRECT (open(2)) on block devices, by way of the page cache: what is dirty in the range goes to the device first, so that a
 * read brings what the device has; what is written is on its way before write returns; and neither leaves pages behind, unless
 * somebody maps them. It does not say that the device has it for good: that is fsync's.
 *
 * As on Linux position, length and every piece of memory must be multiples of the device's block.
 */
#include "fs/blockdev.h"
#include "fs/file.h"
#include "fs/io.h"

static bool pieces_aligned(const struct io *io, u64 mask)
{
	const struct iovec *next = io->next;
	size_t piece = min(io->piece, io->left);
	va_t at = io->at;

	for (size_t left = io->left; left; next++) {
		if ((at | piece) & mask)
			return false;
		left -= piece;
		if (!left)
			break;
		at = next->base;
		piece = min(next->len, left);
	}
	return true;
}

static int store_and_drop(struct object *o, u64 start, u64 n)
{
	u64 first = start >> PAGE_SHIFT, last = (start + n - 1) >> PAGE_SHIFT;
	int err = object_writeback(o, first, last);

	(void)object_drop_clean(o, first, last, ~0ul);
	return err;
}

long blockdev_direct(struct file *f, struct io *io, u64 *pos, long (*cached)(struct file *, struct io *, u64 *))
{
	struct blockdev *b = f->data;
	u64 start = *pos, n = io->left, mask = b->disk->block_size - 1;

	if ((start & mask) || !pieces_aligned(io, mask))
		return -EINVAL;
	long done = store_and_drop(&b->object, start, n) ?: cached(f, io, pos);
	int err = done > 0 ? store_and_drop(&b->object, start, (u64)done) : 0;

	return err ? err : done;
}
