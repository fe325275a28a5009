// SPDX-License-Identifier: MIT
/*
 * inotify: an instance is a file with watches, each on an inode, and a queue of events. A watch keeps its inode alive while
 * that has a name; then it only lies in the inode's list, and ends with it (IN_DELETE_SELF).
 *
 * Locks: inotify_lock (spin) for every list, queue and mask: events come from places that hold inodes' locks, and are
 * short. References on inodes are dropped after it.
 */
#include "fs/inotify.h"
#include "fs/inode.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "lib/rbtree.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/cred.h"
#include "proc/wait.h"

constexpr u32 FLAGS_KEPT = IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK;
constexpr unsigned FIONREAD = 0x541b;

/* struct inotify_event, as programs have it. */
struct header {
	s32 wd;
	u32 mask, cookie, len;
};

struct event {
	struct list node;
	struct header head;
	char name[];
};

struct inotify {
	struct list watches;		/* (inotify_lock) */
	struct list events;		/* (inotify_lock) */
	u32 nevents, bytes;		/* (inotify_lock); read without */
	s32 last_wd;			/* (inotify_lock) */
	bool overflowed;		/* (inotify_lock) IN_Q_OVERFLOW is the last to be read */
	const struct cred *cred;	/* (i) a reference: whose it is, for the limits */
	struct wait_queue readers;
};

struct watch {
	struct list in_instance;
	struct list all;
	struct watch *next;		/* of the inode's */
	struct inotify *owner;
	struct inode *inode;
	bool keeps;			/* a reference on it */
	s32 wd;
	u32 mask;
};

u32 notify_watches;
static struct spinlock inotify_lock;
static struct list all_watches = LIST_INIT(all_watches);

/* ---- the queue; inotify_lock is held */

static bool same_as_last(struct inotify *in, const struct header *h, const char *name)
{
	if (list_empty(&in->events))
		return false;
	struct event *last = container_of(in->events.prev, struct event, node);

	return !memcmp(&last->head, h, sizeof(*h)) && (!h->len || !strcmp(last->name, name));
}

static void queue(struct inotify *in, s32 wd, u32 mask, u32 cookie, const char *name)
{
	struct header h = { wd, mask, cookie, name ? (u32)align_up(strlen(name) + 1, sizeof(h)) : 0 };

	if (in->overflowed || same_as_last(in, &h, name))
		return;
	struct event *e = in->nevents < INOTIFY_QUEUE_MAX ? kmalloc_nowait(sizeof(*e) + h.len) : nullptr;

	if (e) {
		e->head = h;
		memset(e->name, 0, h.len);
		if (name)
			memcpy(e->name, name, strlen(name));
		list_push_back(&in->events, &e->node);
		store_relaxed(&in->nevents, in->nevents + 1);
		store_relaxed(&in->bytes, in->bytes + (u32)sizeof(h) + h.len);
	} else {
		store_relaxed(&in->overflowed, true);
	}
	wake_up_all(&in->readers, POLLIN | POLLRDNORM);
}

/* ---- watches; inotify_lock is held */

/* Takes w out of all lists; the caller lets go of it when the lock is free. */
static void detach(struct watch *w)
{
	struct watch **link = (struct watch **)&w->inode->watches;

	while (*link != w)
		link = &(*link)->next;
	store_relaxed(link, w->next);
	list_remove(&w->in_instance);
	list_remove(&w->all);
	__atomic_fetch_sub(&w->owner->cred->user->watches, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&notify_watches, 1, __ATOMIC_RELAXED);
}

static void end_watch(struct watch *w, struct list *done)
{
	queue(w->owner, w->wd, IN_IGNORED, 0, nullptr);
	detach(w);
	list_push_back(done, &w->all);
}

/* Without the lock. */
static void let_go(struct list *done)
{
	while (!list_empty(done)) {
		struct watch *w = list_first(done, struct watch, all);

		list_remove(&w->all);
		if (w->keeps)
			inode_put(w->inode);
		kfree(w);
	}
}

void inotify_event(struct inode *i, u32 mask, u32 cookie, const char *name, bool unlinked)
{
	struct list done = LIST_INIT(done);

	spin_lock(&inotify_lock);
	for (struct watch *w = i->watches, *next; w; w = next) {
		next = w->next;
		if (!(w->mask & mask & IN_ALL_EVENTS) || (unlinked && (w->mask & IN_EXCL_UNLINK)))
			continue;
		queue(w->owner, w->wd, mask, cookie, name);
		if (w->mask & IN_ONESHOT)
			end_watch(w, &done);
	}
	spin_unlock(&inotify_lock);
	let_go(&done);
}

void inotify_unlinked(struct inode *i)
{
	u32 kept = 0;

	spin_lock(&inotify_lock);
	for (struct watch *w = i->watches; w; w = w->next) {
		kept += w->keeps;
		w->keeps = false;
	}
	spin_unlock(&inotify_lock);
	while (kept--)
		inode_put(i);
}

/* Nobody else has the inode, and no watch keeps it. */
void notify_inode_gone(struct inode *i)
{
	struct list done = LIST_INIT(done);

	spin_lock(&inotify_lock);
	while (i->watches) {
		struct watch *w = i->watches;

		if (w->mask & IN_DELETE_SELF)
			queue(w->owner, w->wd, IN_DELETE_SELF, 0, nullptr);
		end_watch(w, &done);
	}
	spin_unlock(&inotify_lock);
	let_go(&done);
}

void inotify_unmounted(struct super *sb)
{
	struct list done = LIST_INIT(done);

	spin_lock(&inotify_lock);
	list_for_each_safe(w, &all_watches, struct watch, all) {
		if (w->inode->sb != sb)
			continue;
		queue(w->owner, w->wd, IN_UNMOUNT, 0, nullptr);
		end_watch(w, &done);
	}
	spin_unlock(&inotify_lock);
	let_go(&done);
}

static struct watch *watch_of(struct inotify *in, struct inode *i)
{
	struct watch *w = i->watches;

	while (w && w->owner != in)
		w = w->next;
	return w;
}

static int change(struct watch *w, u32 mask)
{
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	w->mask = (mask & IN_MASK_ADD ? w->mask : 0) | (mask & FLAGS_KEPT);
	return w->wd;
}

/* Under the inode's lock: who changes its link count later sees the watch. */
static int attach(struct inotify *in, struct watch *w, struct inode *i, u32 mask)
{
	*w = (struct watch){ .owner = in, .inode = i, .keeps = load_relaxed(&i->nlink) != 0,
			     .wd = ++in->last_wd, .mask = mask & FLAGS_KEPT, .next = i->watches };
	if (w->keeps)
		inode_get(i);
	store_relaxed(&i->watches, (void *)w);
	list_push_back(&in->watches, &w->in_instance);
	list_push_back(&all_watches, &w->all);
	__atomic_fetch_add(&notify_watches, 1, __ATOMIC_RELAXED);
	return w->wd;
}

/* ---- the file */

static const struct file_ops inotify_fops;

static struct inotify *inotify_of(const struct file *f)
{
	return f->ops == &inotify_fops ? f->data : nullptr;
}

int inotify_add(struct file *f, struct inode *i, u32 mask)
{
	struct inotify *in = inotify_of(f);
	struct watch *fresh = kmalloc(sizeof(*fresh));

	if (!in || !fresh) {
		kfree(fresh);
		return in ? -ENOMEM : -EINVAL;
	}
	u32 *count = &in->cred->user->watches;

	/* Its link count stays, and who changes it later sees the watch. */
	scoped_mutex(&i->lock);
	spin_lock(&inotify_lock);
	struct watch *w = watch_of(in, i);
	int res = w ? change(w, mask) : load_relaxed(count) >= INOTIFY_WATCHES_MAX ? -ENOSPC : 0;

	if (!res) {
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
		res = attach(in, fresh, i, mask);
		fresh = nullptr;
	}
	spin_unlock(&inotify_lock);
	kfree(fresh);
	return res;
}

int inotify_remove(struct file *f, int wd)
{
	struct inotify *in = inotify_of(f);
	struct list done = LIST_INIT(done);

	if (!in)
		return -EINVAL;
	spin_lock(&inotify_lock);
	list_for_each_safe(w, &in->watches, struct watch, in_instance)
		if (w->wd == wd)
			end_watch(w, &done);
	spin_unlock(&inotify_lock);
	int err = list_empty(&done) ? -EINVAL : 0;

	let_go(&done);
	return err;
}

/* The next event, if it fits: 0 nothing there, -EINVAL too small, else its size; *out is the caller's (nullptr: the
 * overflow, whose header alone is told). */
static long take(struct inotify *in, size_t room, struct event **out)
{
	long size = 0;

	*out = nullptr;
	scoped_spin(&inotify_lock);
	if (!list_empty(&in->events)) {
		struct event *e = list_first(&in->events, struct event, node);

		size = (long)(sizeof(e->head) + e->head.len);
		if ((size_t)size > room)
			return -EINVAL;
		list_remove(&e->node);
		store_relaxed(&in->nevents, in->nevents - 1);
		store_relaxed(&in->bytes, in->bytes - (u32)size);
		*out = e;
	} else if (in->overflowed) {
		size = sizeof(struct header);
		if ((size_t)size > room)
			return -EINVAL;
		store_relaxed(&in->overflowed, false);
	}
	return size;
}

static bool any_event(const struct inotify *in)
{
	return load_relaxed(&in->nevents) || load_relaxed(&in->overflowed);
}

static bool give(struct io *io, const struct event *e)
{
	struct header overflow = { .wd = -1, .mask = IN_Q_OVERFLOW };
	const struct header *h = e ? &e->head : &overflow;

	return io_put(io, h, sizeof(*h)) == sizeof(*h) && (!h->len || io_put(io, e->name, h->len) == h->len);
}

static long inotify_read(struct file *f, struct io *io, u64 *pos)
{
	struct inotify *in = f->data;
	long done = 0;

	for (;;) {
		struct event *e;
		long n = take(in, io->left, &e);

		if (n > 0) {
			bool good = give(io, e);

			kfree(e);
			if (!good)
				return -EFAULT;
			done += n;
			continue;
		}
		if (done || n)
			return done ? done : n;
		if (load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		int err = wait_event(&in->readers, any_event(in));

		if (err)
			return err;
	}
}

static u32 inotify_poll(struct file *f, struct poll_table *pt)
{
	struct inotify *in = f->data;

	poll_wait(pt, &in->readers);
	return any_event(in) ? POLLIN | POLLRDNORM : 0;
}

static long inotify_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	const struct inotify *in = f->data;
	u32 bytes = load_relaxed(&in->bytes) + (load_relaxed(&in->overflowed) ? (u32)sizeof(struct header) : 0);

	return cmd == FIONREAD ? put_user(arg, bytes) : -ENOTTY;
}

static void inotify_release(struct file *f)
{
	struct inotify *in = f->data;
	struct list done = LIST_INIT(done);

	spin_lock(&inotify_lock);
	list_for_each_safe(w, &in->watches, struct watch, in_instance) {
		detach(w);
		list_push_back(&done, &w->all);
	}
	spin_unlock(&inotify_lock);
	let_go(&done);
	while (!list_empty(&in->events)) {
		struct event *e = list_first(&in->events, struct event, node);

		list_remove(&e->node);
		kfree(e);
	}
	__atomic_fetch_sub(&in->cred->user->inotifies, 1, __ATOMIC_RELAXED);
	cred_put(in->cred);
	kfree(in);
}

static void inotify_describe(struct file *f, char *buf, size_t size)
{
	snprintf(buf, size, "anon_inode:inotify");
}

static const struct file_ops inotify_fops = {
	.release = inotify_release,
	.even_none = true,
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.describe = inotify_describe,
};

int inotify_new(u32 flags, struct file **out)
{
	const struct cred *c = cred_current();

	if (__atomic_add_fetch(&c->user->inotifies, 1, __ATOMIC_RELAXED) > INOTIFY_INSTANCES_MAX) {
		__atomic_fetch_sub(&c->user->inotifies, 1, __ATOMIC_RELAXED);
		return -EMFILE;
	}
	struct inotify *in = kzalloc(sizeof(*in));

	*out = in ? file_new_anon(inode_anon(), &inotify_fops, in, O_RDONLY | (flags & O_NONBLOCK)) : nullptr;
	if (!*out) {
		__atomic_fetch_sub(&c->user->inotifies, 1, __ATOMIC_RELAXED);
		kfree(in);
		return -ENOMEM;
	}
	(*out)->mode |= FILE_STREAM;
	list_init(&in->watches);
	list_init(&in->events);
	wait_queue_init(&in->readers);
	in->cred = c;
	cred_get(c);
	return 0;
}
