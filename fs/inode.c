// SPDX-License-Identifier: MIT
/*
 * Inodes: birth and death, who may do what, times, sizes, writers against running programs.
 */
#include "fs/attr.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/pipe.h"
#include "fs/flock.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/cred.h"
#include "proc/task.h"
#include "proc/timer.h"

static struct slab_cache *inode_cache;

static const struct object_ops memory_object_ops = { .release = inode_object_release };

s64 inode_now(void)
{
	return (s64)clock_realtime_ns();
}

void inode_cache_init(void)
{
	inode_cache = slab_create("inode", sizeof(struct inode), 16);
}

struct inode *inode_new(struct super *sb, u32 mode, const struct inode_ops *ops,
			const struct file_ops *fops, const struct object_ops *oops)
{
	struct inode *i = slab_zalloc(inode_cache);

	if (!i)
		return nullptr;
	object_init(&i->object, oops ? oops : &memory_object_ops, i);
	mutex_init(&i->lock);
	i->ops = ops;
	i->fops = fops;
	i->sb = sb;
	__atomic_fetch_add(&sb->refs, 1, __ATOMIC_RELAXED);
	i->ino = super_new_ino(sb);
	i->mode = mode;
	i->uid = cred_current()->fsuid;
	i->gid = cred_current()->fsgid;
	i->nlink = 1;
	i->atime = i->mtime = i->ctime = inode_now();
	return i;
}

void inode_object_release(struct object *o)
{
	struct inode *i = object_inode(o);

	if (unlikely(i->watches))
		notify_inode_gone(i);
	if (i->ops && i->ops->release)
		i->ops->release(i);
	if (i->pipe)
		pipe_free(i->pipe);
	file_locks_free(i->locks);
	super_put(i->sb);
	slab_free(inode_cache, i);
}

/* The permission bits that apply to the current task, as MAY_*. */
static u32 granted_bits(const struct inode *i, const struct cred *c)
{
	if (c->fsuid == i->uid)
		return i->mode >> 6 & 7;
	if (cred_in_group(c, i->gid))
		return i->mode >> 3 & 7;
	return i->mode & 7;
}

static bool override_allows(const struct inode *i, const struct cred *c, u32 may)
{
	bool some_exec = inode_is_dir(i) || (i->mode & 0111);

	if (cred_capable(c, CAP_DAC_OVERRIDE))
		return !(may & MAY_EXEC) || some_exec;
	bool harmless = inode_is_dir(i) ? !(may & MAY_WRITE) : may == MAY_READ;

	return harmless && cred_capable(c, CAP_DAC_READ_SEARCH);
}

static int permission_as(const struct inode *i, const struct cred *c, u32 may)
{
	return (granted_bits(i, c) & may) == may || override_allows(i, c, may) ? 0 : -EACCES;
}

/* The file system's own: 0 or -EACCES, or 1: it has none. */
static int own_permission(struct inode *i, u32 may)
{
	if (i->ops->refresh)
		i->ops->refresh(i);
	return i->ops->permission ? i->ops->permission(i, may) : 1;
}

int inode_permission(struct inode *i, u32 may)
{
	if (unlikely(i->ops && (i->ops->refresh || i->ops->permission))) {
		int err = own_permission(i, may);

		if (err <= 0)
			return err;
	}
	u32 mode = load_relaxed(&i->mode);

	/* What everybody may do needs no look at who asks. */
	if ((mode & mode >> 3 & mode >> 6 & may) == may)
		return 0;
	return permission_as(i, cred_current(), may);
}

int inode_permission_real(struct inode *i, u32 may)
{
	struct cred real = *cred_current();

	real.fsuid = real.uid;
	real.fsgid = real.gid;
	real.cap_effective = real.uid ? 0 : real.cap_permitted;
	int err = i->ops ? own_permission(i, may) : 1;

	return err > 0 ? permission_as(i, &real, may) : err;
}

bool inode_owned(const struct inode *i)
{
	const struct cred *c = cred_current();

	return c->fsuid == i->uid || cred_capable(c, CAP_FOWNER);
}

void inode_touch_modified(struct inode *i)
{
	i->mtime = i->ctime = inode_now();
}

void inode_touch_changed(struct inode *i)
{
	i->ctime = inode_now();
}

/* relatime without its once-a-day rule: a read after a change is seen, and repeated reads cost
 * nothing. */
void inode_touch_read(struct inode *i)
{
	if (i->atime <= i->mtime || i->atime <= i->ctime)
		store_relaxed(&i->atime, inode_now());
}

void inode_drop_setid(struct inode *i)
{
	if (likely(!(i->mode & (S_ISUID | S_ISGID))) || cred_capable(cred_current(), CAP_FSETID))
		return;
	u32 drop = S_ISUID;

	if (i->mode & 0010)	/* without group execution S_ISGID means mandatory locking */
		drop |= S_ISGID;
	i->mode &= ~drop;
}

void inode_init_owner(struct inode *i, const struct inode *dir)
{
	if (!(dir->mode & S_ISGID))
		return;
	i->gid = dir->gid;
	if (inode_is_dir(i))
		i->mode |= S_ISGID;
}

int inode_truncate(struct inode *i, u64 size)
{
	if (inode_is_dir(i))
		return -EISDIR;
	if (!inode_is_regular(i) || !i->ops->resize)
		return -EINVAL;
	if (size > FILE_SIZE_MAX)
		return -EINVAL;
	if (size > inode_size(i) && size > load_relaxed(&task_current()->limits[RLIM_FSIZE].cur)) {
		signal_thread(thread_current(), SIGXFSZ, nullptr);
		return -EFBIG;
	}
	scoped_mutex(&i->lock);
	int err = size == inode_size(i) ? 0 : i->ops->resize(i, size);

	if (err)
		return err;
	inode_drop_setid(i);
	inode_touch_modified(i);
	notify_inode(i, IN_MODIFY);
	return 0;
}

/* Moves the count by `step` unless it has the other sign. */
static int writers_move(struct inode *i, s32 step)
{
	s32 old = load_relaxed(&i->writers);

	do {
		if (step > 0 ? old < 0 : old > 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&i->writers, &old, old + step, true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return 0;
}

int inode_write_begin(struct inode *i) { return writers_move(i, 1); }
int inode_exec_begin(struct inode *i) { return writers_move(i, -1); }
void inode_write_end(struct inode *i) { __atomic_fetch_sub(&i->writers, 1, __ATOMIC_RELEASE); }
void inode_exec_end(struct inode *i) { __atomic_fetch_add(&i->writers, 1, __ATOMIC_RELEASE); }
