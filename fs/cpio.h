// SPDX-License-Identifier: MIT
/*
 * The "newc" cpio format (cpio(5)): what an initial file system comes in. Pure: reads bytes, trusts
 * none of them.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct cpio_entry {
	const char *name;	/* in the archive; terminated, without leading "/" and "./" */
	size_t name_len;
	u32 ino, mode, uid, gid, nlink, mtime;
	u32 dev_major, dev_minor, rdev_major, rdev_minor;
	const u8 *data;		/* in the archive */
	size_t size;
};

enum cpio_kind { CPIO_END, CPIO_ENTRY, CPIO_TRAILER };

/* What stands at *at: an entry (in *out), the trailer of one archive, or the end of the bytes;
 * moves *at behind it. Zeros between archives are skipped. Returns a cpio_kind, or -EINVAL. */
int cpio_next(const void *archive, size_t n, size_t *at, struct cpio_entry *out);
