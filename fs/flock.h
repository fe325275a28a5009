// SPDX-License-Identifier: MIT
/*
 * Advisory locks: fcntl's (of a process, POSIX, or of an open file, OFD) and flock's.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct file;
struct file_lock_list;
struct files;
struct inode;
struct text;

/* struct flock as programs pass it. */
struct flock {
	s16 type, whence;
	s32 pad;
	s64 start, len;
	s32 pid, pad2;
};
static_assert(sizeof(struct flock) == 32);
enum { F_RDLCK, F_WRLCK, F_UNLCK };
enum { LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8 };

/* F_SETLK, F_SETLKW and the OFD forms; ofd: the owner is f, not the process. 0, -EAGAIN, -EDEADLK,
 * -ERESTARTSYS … */
long flock_set(struct file *f, const struct flock *l, bool ofd, bool wait);
/* F_GETLK: *l is what stands in the way, or type F_UNLCK. */
long flock_test(struct file *f, struct flock *l, bool ofd);
/* flock(2). */
long flock_whole(struct file *f, int op);
/* close: the process' locks on the file go (files: whose). The last reference: the file's own
 * go. */
void flock_close(struct file *f, struct files *owner);
void flock_release(struct file *f);
void file_locks_free(struct file_lock_list *l);
