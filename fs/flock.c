// SPDX-License-Identifier: MIT
/*
 * Advisory locks. An inode that was ever locked has a list of locks; fcntl's two forms see each
 * other, flock's are a world of their own. Who must wait sleeps until some lock on the inode goes,
 * and looks again.
 *
 * Lock: the list's mutex. Deadlock is found by following who waits for whom through a global list
 * (wait_lock).
 */
#include "fs/flock.h"
#include "fs/file.h"
#include "lib/list.h"
#include "mm/kmem.h"
#include "proc/wait.h"

struct file_lock {
	struct list node;
	void *owner;			/* struct files: POSIX; struct file: OFD, flock */
	u64 start, end;			/* bytes, both inclusive */
	s16 type;			/* F_RDLCK, F_WRLCK; F_UNLCK in requests */
	bool whole;			/* flock's */
	int pid;			/* POSIX; else -1 */
};

struct file_lock_list {
	struct mutex lock;
	struct list locks;		/* (l) */
	struct wait_queue freed;
	u32 generation;			/* (l) counts removals */
};

/* A task that sleeps for a POSIX lock. */
struct lock_wait {
	struct list node;
	const void *owner, *blocker;
};
static struct spinlock wait_lock;
static struct list waits = LIST_INIT(waits);

static struct file_lock_list *list_of(struct inode *i)
{
	struct file_lock_list *l = load_acquire(&i->locks), *none = nullptr;

	if (l)
		return l;
	l = kzalloc(sizeof(*l));
	if (!l)
		return nullptr;
	mutex_init(&l->lock);
	list_init(&l->locks);
	wait_queue_init(&l->freed);
	if (__atomic_compare_exchange_n(&i->locks, &none, l, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return l;
	kfree(l);
	return none;
}

void file_locks_free(struct file_lock_list *l)
{
	assert(!l || list_empty(&l->locks));
	kfree(l);
}

static bool same_world(const struct file_lock *a, const struct file_lock *b)
{
	return a->whole == b->whole;
}

static bool touches(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}

static struct file_lock *conflict(struct file_lock_list *l, const struct file_lock *want)
{
	list_for_each(k, &l->locks, struct file_lock, node)
		if (same_world(k, want) && k->owner != want->owner && touches(k, want) &&
		    (k->type == F_WRLCK || want->type == F_WRLCK))
			return k;
	return nullptr;
}

static void drop(struct file_lock_list *l, struct file_lock *k)
{
	list_remove(&k->node);
	kfree(k);
	l->generation++;
}

/* Cuts [cut->start, cut->end] out of the owner's locks. A lock around it falls in two: the second
 * is *spare. */
static void carve(struct file_lock_list *l, const struct file_lock *cut, struct file_lock **spare)
{
	list_for_each_safe(k, &l->locks, struct file_lock, node) {
		if (!same_world(k, cut) || k->owner != cut->owner || !touches(k, cut))
			continue;
		l->generation++;
		if (k->start < cut->start && k->end > cut->end) {
			struct file_lock *right = *spare;

			*spare = nullptr;
			*right = *k;
			right->start = cut->end + 1;
			k->end = cut->start - 1;
			list_push_back(&k->node, &right->node);
			return;	/* the owner's locks do not overlap: no other is touched */
		}
		if (k->start < cut->start)
			k->end = cut->start - 1;
		else if (k->end > cut->end)
			k->start = cut->end + 1;
		else
			drop(l, k);
	}
}

/* Would waiting for `blocker` close a circle? wait_lock held. */
static bool waits_for(const void *blocker, const void *owner)
{
	for (unsigned hops = 0; hops < 64; hops++) {
		const void *next = nullptr;

		if (blocker == owner)
			return true;
		list_for_each(w, &waits, struct lock_wait, node)
			if (w->owner == blocker)
				next = w->blocker;
		if (!next)
			return false;
		blocker = next;
	}
	return true;
}

/* Sleeps until a lock has gone. l->lock is held, and held again afterwards. */
static int wait_for(struct file_lock_list *l, const struct file_lock *want,
		    const struct file_lock *blocker)
{
	struct lock_wait w = { .owner = want->owner, .blocker = blocker->owner };
	u32 seen = l->generation;

	spin_lock(&wait_lock);
	bool circle = !want->whole && waits_for(w.blocker, w.owner);

	if (!circle)
		list_push_back(&waits, &w.node);
	spin_unlock(&wait_lock);
	if (circle)
		return -EDEADLK;
	mutex_unlock(&l->lock);
	int err = wait_event(&l->freed, load_relaxed(&l->generation) != seen);

	spin_lock(&wait_lock);
	list_remove(&w.node);
	spin_unlock(&wait_lock);
	mutex_lock(&l->lock);
	return err;
}

static int acquire_locked(struct file_lock_list *l, const struct file_lock *want, bool wait,
			  struct file_lock *fresh, struct file_lock **spare)
{
	struct file_lock *k;

	while (want->type != F_UNLCK && (k = conflict(l, want))) {
		int err = wait ? wait_for(l, want, k) : -EAGAIN;

		if (err)
			return err;
	}
	carve(l, want, spare);
	if (want->type != F_UNLCK) {
		*fresh = *want;
		list_push_back(&l->locks, &fresh->node);
	}
	return 0;
}

static long acquire(struct file *f, const struct file_lock *want, bool wait)
{
	struct file_lock_list *l = list_of(f->inode);
	struct file_lock *fresh = kmalloc(sizeof(*fresh)), *spare = kmalloc(sizeof(*spare));
	int err = l && fresh && spare ? 0 : -ENOLCK;

	if (!err) {
		mutex_lock(&l->lock);
		err = acquire_locked(l, want, wait, fresh, &spare);
		mutex_unlock(&l->lock);
		/* What was given up, or weakened to a read lock. */
		wake_up_all(&l->freed, 0);
	}
	if (err || want->type == F_UNLCK)
		kfree(fresh);
	kfree(spare);
	return err;
}

/* ---- fcntl */

static int decode(struct file *f, const struct flock *l, bool ofd, struct file_lock *out)
{
	s64 base = l->whence == SEEK_SET   ? 0
		   : l->whence == SEEK_CUR ? (s64)f->pos
					   : (s64)inode_size(f->inode);
	s64 start, end;

	if (l->whence < SEEK_SET || l->whence > SEEK_END || l->type < F_RDLCK || l->type > F_UNLCK)
		return -EINVAL;
	if (__builtin_add_overflow(base, l->start, &start))
		return -EOVERFLOW;
	if (l->len < 0) {	/* the bytes before start */
		end = start - 1;
		start += l->len;
	} else if (!l->len) {
		end = INT64_MAX;
	} else if (__builtin_add_overflow(start, l->len - 1, &end)) {
		return -EOVERFLOW;
	}
	if (start < 0)
		return -EINVAL;
	*out = (struct file_lock){
		.owner = ofd ? (void *)f : files_current(),
		.start = (u64)start,
		.end = (u64)end,
		.type = l->type,
		.pid = ofd ? -1 : task_current()->pid,
	};
	return 0;
}

long flock_set(struct file *f, const struct flock *l, bool ofd, bool wait)
{
	struct file_lock want;
	int err = decode(f, l, ofd, &want);

	if (err)
		return err;
	if ((want.type == F_RDLCK && !(f->mode & FILE_READ)) ||
	    (want.type == F_WRLCK && !(f->mode & FILE_WRITE)))
		return -EBADF;
	return acquire(f, &want, wait);
}

long flock_test(struct file *f, struct flock *l, bool ofd)
{
	struct file_lock_list *list = load_acquire(&f->inode->locks);
	struct file_lock want;

	if (l->type == F_UNLCK)
		return -EINVAL;
	int err = decode(f, l, ofd, &want);

	if (err)
		return err;
	l->type = F_UNLCK;
	if (!list)
		return 0;
	scoped_mutex(&list->lock);
	const struct file_lock *k = conflict(list, &want);

	if (k)
		*l = (struct flock){ .type = k->type,
				     .whence = SEEK_SET,
				     .start = (s64)k->start,
				     .pid = k->pid,
				     .len = k->end == INT64_MAX ? 0
								: (s64)(k->end - k->start + 1) };
	return 0;
}

/* ---- flock */

long flock_whole(struct file *f, int op)
{
	static const s16 types[] = {
		[LOCK_SH] = F_RDLCK, [LOCK_EX] = F_WRLCK, [LOCK_UN] = F_UNLCK
	};
	int kind = op & ~LOCK_NB;

	if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
		return -EINVAL;
	struct file_lock want = {
		.owner = f, .end = INT64_MAX, .type = types[kind], .whole = true, .pid = -1
	};

	return acquire(f, &want, !(op & LOCK_NB));
}

/* ---- ends */

static void drop_owner(struct inode *i, const void *owner)
{
	struct file_lock_list *l = load_acquire(&i->locks);

	if (!l)
		return;
	mutex_lock(&l->lock);
	list_for_each_safe(k, &l->locks, struct file_lock, node)
		if (k->owner == owner)
			drop(l, k);
	mutex_unlock(&l->lock);
	wake_up_all(&l->freed, 0);
}

void flock_close(struct file *f, struct files *owner) { drop_owner(f->inode, owner); }
void flock_release(struct file *f) { drop_owner(f->inode, f); }
