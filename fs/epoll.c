// SPDX-License-Identifier: MIT
/*
 * An item joins a file with a set. It lies in its file's wait queues, and when woken puts itself on
 * the set's ready list; epoll_wait() takes items off the list one by one, asks the file, and puts a
 * level-triggered one back.
 *
 * Items hold no reference on their file: the last file_put() takes them out, before the file's own
 * release.
 *
 * Locks, in order: epoll_mutex (all changes of sets) < epoll->mutex (who asks files; outer sets
 * before inner ones) < a file's queue < epoll->lock (the ready list; irq-safe) . The set's own
 * queues are woken without epoll->lock.
 */
#include "fs/epoll.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "lib/rbtree.h"
#include "mm/kmem.h"
#include "proc/unknown.h"
#include "proc/wait.h"

constexpr unsigned NESTING_MAX = 5;	/* a wake-up goes up by recursion */
constexpr unsigned PATHS_MAX = 1000;	/* ways up from a file by sets in sets: a wake-up goes all */
constexpr u32 MODE_BITS = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP;

struct epoll {
	struct mutex mutex;
	struct rb_tree items;		/* (epoll_mutex and mutex) by file and number */
	struct spinlock lock;
	struct list ready;		/* (lock) */
	struct wait_queue sleepers;	/* in epoll_wait() */
	struct wait_queue pollers;	/* the set is itself waited for */
	struct file *file;		/* (i) its own, no reference */
	u64 walk;			/* (epoll_mutex) the last search that came here, */
	unsigned depth;			/* and how deep it was then */
};

struct item_waiter {
	struct waiter waiter;
	struct wait_queue *queue;
	struct epoll_item *item;
	struct item_waiter *next;
};

struct epoll_item {
	struct rb_node node;
	struct list ready;		/* (set->lock) */
	struct epoll *set;		/* (i) */
	struct file *file;		/* (i) */
	int fd;				/* (i) */
	struct epoll_event event;	/* (set->mutex; events also read by notify) */
	struct item_waiter *waiters;	/* (epoll_mutex) */
	struct epoll_item *next_of_file;	/* (epoll_mutex) */
};

static struct mutex epoll_mutex = MUTEX_INIT(epoll_mutex);
static u64 walk;			/* (epoll_mutex) the current search */
static const struct file_ops epoll_fops;

static struct epoll *epoll_of(const struct file *f)
{
	return f->ops == &epoll_fops ? f->data : nullptr;
}

/* ---- the ready list */

static void make_ready(struct epoll_item *item)
{
	struct epoll *e = item->set;
	u64 flags = spin_lock_irq(&e->lock);

	if (list_empty(&item->ready))
		list_push_back(&e->ready, &item->ready);
	spin_unlock_irq(&e->lock, flags);
}

static void wake_set(struct epoll *e)
{
	wake_up_all(&e->sleepers, 0);
	wake_up_all(&e->pollers, POLLIN | POLLRDNORM);
}

static struct epoll_item *take_ready(struct epoll *e)
{
	u64 flags = spin_lock_irq(&e->lock);
	struct list *n = list_pop_front(&e->ready);

	spin_unlock_irq(&e->lock, flags);
	return n ? container_of(n, struct epoll_item, ready) : nullptr;
}

static unsigned count_ready(struct epoll *e)
{
	unsigned n = 0;
	u64 flags = spin_lock_irq(&e->lock);

	list_for_each(item, &e->ready, struct epoll_item, ready)
		n++;
	spin_unlock_irq(&e->lock, flags);
	return n;
}

static bool item_notify(struct waiter *w, u64 key)
{
	struct epoll_item *item = container_of(w, struct item_waiter, waiter)->item;
	u32 events = load_relaxed(&item->event.events) & ~MODE_BITS;

	if (!events || (key && !(key & events)))
		return false;
	make_ready(item);
	wake_set(item->set);
	return true;
}

/* ---- asking files */

struct item_table {
	struct poll_table table;	/* first */
	struct epoll_item *item;
};

static void item_add_queue(struct poll_table *pt, struct wait_queue *q)
{
	struct epoll_item *item = container_of(pt, struct item_table, table)->item;
	struct item_waiter *w = kzalloc(sizeof(*w));

	if (!w) {
		pt->err = -ENOMEM;
		return;
	}
	w->waiter.notify = item_notify;
	w->queue = q;
	w->item = item;
	w->next = item->waiters;
	item->waiters = w;
	wait_add(q, &w->waiter);
}

static u32 item_poll(struct epoll_item *item, struct poll_table *pt)
{
	return file_poll(item->file, pt) & item->event.events & ~MODE_BITS;
}

/* set->mutex is held. What to tell of an item just taken off the ready list; 0: nothing after
 * all. */
static u32 item_collect(struct epoll_item *item)
{
	u32 got = item_poll(item, nullptr);

	if (!got)
		return 0;
	if (item->event.events & EPOLLONESHOT)
		store_relaxed(&item->event.events, item->event.events & MODE_BITS);
	else if (!(item->event.events & EPOLLET))
		make_ready(item);
	return got;
}

static unsigned collect(struct epoll *e, struct epoll_event *events, unsigned n)
{
	unsigned found = 0;

	scoped_mutex(&e->mutex);
	/* Each item once, although some go back to the end of the list. */
	for (unsigned left = count_ready(e); left && found < n; left--) {
		struct epoll_item *item = take_ready(e);

		if (!item)
			break;
		u64 data = item->event.data;
		u32 got = item_collect(item);

		if (got)
			events[found++] = (struct epoll_event){ got, data };
	}
	return found;
}

long epoll_wait(struct file *ep, struct epoll_event *events, unsigned n, u64 deadline_ns)
{
	struct epoll *e = epoll_of(ep);
	int err = 0;

	if (!e)
		return -EINVAL;
	for (;;) {
		unsigned found = collect(e, events, n);

		if (found)
			return found;
		if (!deadline_ns || err)
			return !err || err == -ETIMEDOUT ? 0 : -EINTR;
		err = wait_event_deadline(&e->sleepers, !list_empty(&e->ready), deadline_ns);
	}
}

static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *e = f->data;
	u32 ready = 0;

	poll_wait(pt, &e->pollers);
	scoped_mutex(&e->mutex);
	for (unsigned left = count_ready(e); left && !ready; left--) {
		struct epoll_item *item = take_ready(e);

		if (item && item_poll(item, nullptr)) {
			make_ready(item);
			ready = POLLIN | POLLRDNORM;
		}
	}
	return ready;
}

/* ---- changing sets; epoll_mutex is held */

static int item_compare(const struct epoll_item *item, const struct file *f, int fd)
{
	if (item->file != f)
		return item->file < f ? -1 : 1;
	return item->fd < fd ? -1 : item->fd > fd;
}

/* The item, or nullptr and where it would be linked. */
static struct epoll_item *item_find(struct epoll *e, const struct file *f, int fd,
				    struct rb_node **parent, struct rb_node ***link)
{
	*parent = nullptr;
	*link = &e->items.root;
	while (**link) {
		struct epoll_item *item = container_of(**link, struct epoll_item, node);
		int order = item_compare(item, f, fd);

		if (!order)
			return item;
		*parent = **link;
		*link = order < 0 ? &(*parent)->right : &(*parent)->left;
	}
	return nullptr;
}

/* Nobody can wake it afterwards. */
static void item_leave_queues(struct epoll_item *item)
{
	while (item->waiters) {
		struct item_waiter *w = item->waiters;

		item->waiters = w->next;
		wait_remove(w->queue, &w->waiter);
		kfree(w);
	}
}

static void item_remove(struct epoll_item *item)
{
	struct epoll *e = item->set;
	struct epoll_item **link = (struct epoll_item **)&item->file->watchers;

	item_leave_queues(item);
	while (*link != item)
		link = &(*link)->next_of_file;
	*link = item->next_of_file;
	mutex_lock(&e->mutex);
	rb_remove(&e->items, &item->node);
	u64 flags = spin_lock_irq(&e->lock);
	list_remove(&item->ready);
	spin_unlock_irq(&e->lock, flags);
	mutex_unlock(&e->mutex);
	kfree(item);
}

/* How many sets are above f, one in the other, at most? */
static unsigned levels_above(const struct file *f)
{
	unsigned most = 0;

	for (const struct epoll_item *i = f->watchers; i; i = i->next_of_file)
		most = max(most, 1 + levels_above(i->set->file));
	return most;
}

/* The ways up from f but for those that end in the first set. Counts little more than PATHS_MAX. */
static unsigned paths_above(const struct file *f, bool first)
{
	unsigned n = 0;

	for (const struct epoll_item *i = f->watchers; i && n <= PATHS_MAX; i = i->next_of_file)
		n += !first + paths_above(i->set->file, false);
	return n;
}

/* From f or from what is in it. */
static bool too_many_paths(const struct file *f)
{
	struct epoll *e = epoll_of(f);

	if (paths_above(f, true) > PATHS_MAX)
		return true;
	if (!e || e->walk == walk)
		return false;
	e->walk = walk;
	for (struct rb_node *n = rb_first(&e->items); n; n = rb_next(n))
		if (too_many_paths(container_of(n, struct epoll_item, node)->file))
			return true;
	return false;
}

/* Is `what` in the set e, or in one that is in it? Too deep counts as yes. */
static bool reaches(struct epoll *e, const struct epoll *what, unsigned depth)
{
	if (e == what || depth > NESTING_MAX)
		return true;
	if (e->walk == walk && e->depth >= depth)
		return false;
	e->walk = walk;
	e->depth = depth;
	for (struct rb_node *n = rb_first(&e->items); n; n = rb_next(n)) {
		struct epoll *inner = epoll_of(container_of(n, struct epoll_item, node)->file);

		if (inner && reaches(inner, what, depth + 1))
			return true;
	}
	return false;
}

static int item_insert(struct epoll *e, struct file *f, int fd, const struct epoll_event *event,
		       struct rb_node *parent, struct rb_node **link)
{
	struct epoll_item *item = kzalloc(sizeof(*item));

	if (!item)
		return -ENOMEM;
	item->set = e;
	item->file = f;
	item->fd = fd;
	item->event = (struct epoll_event){ event->events | POLLERR | POLLHUP, event->data };
	list_init(&item->ready);
	mutex_lock(&e->mutex);
	rb_insert(&e->items, &item->node, parent, link);
	mutex_unlock(&e->mutex);
	item->next_of_file = f->watchers;
	f->watchers = item;
	struct item_table t = {
		.table = { .add = item_add_queue, .file = f, .events = item->event.events },
		.item = item
	};
	u32 got = item_poll(item, &t.table);

	if (t.table.err) {
		item_remove(item);
		return t.table.err;
	}
	if (got) {
		make_ready(item);
		wake_set(e);
	}
	return 0;
}

static void item_modify(struct epoll_item *item, const struct epoll_event *event)
{
	mutex_lock(&item->set->mutex);
	item->event.data = event->data;
	store_relaxed(&item->event.events, event->events | POLLERR | POLLHUP);
	u32 got = item_poll(item, nullptr);
	mutex_unlock(&item->set->mutex);
	if (got) {
		make_ready(item);
		wake_set(item->set);
	}
}

/* -ELOOP, -EINVAL: sets would be in themselves, too deep, or in each other in too many ways. */
static int item_add(struct epoll *e, struct file *f, int fd, const struct epoll_event *event,
		    struct rb_node *parent, struct rb_node **link)
{
	struct epoll *inner = epoll_of(f);

	walk++;
	if (inner && reaches(inner, e, 1 + levels_above(e->file)))
		return -ELOOP;
	int err = item_insert(e, f, fd, event, parent, link);

	if (err || (!inner && !e->file->watchers))
		return err;
	walk++;
	if (!too_many_paths(f))
		return 0;
	item_remove(item_find(e, f, fd, &parent, &link));
	return -EINVAL;
}

int epoll_control(struct file *ep, int op, struct file *f, int fd, const struct epoll_event *event)
{
	struct epoll *e = epoll_of(ep);
	struct rb_node *parent, **link;

	if (!f->ops->poll)
		return -EPERM;
	if (!e || ep == f)
		return -EINVAL;
	scoped_mutex(&epoll_mutex);
	struct epoll_item *item = item_find(e, f, fd, &parent, &link);

	switch (op) {
	case EPOLL_CTL_ADD:
		if (item)
			return -EEXIST;
		return item_add(e, f, fd, event, parent, link);
	case EPOLL_CTL_DEL:
		if (!item)
			return -ENOENT;
		item_remove(item);
		return 0;
	case EPOLL_CTL_MOD:
		if (!item)
			return -ENOENT;
		item_modify(item, event);
		return 0;
	default:
		return -EINVAL;
	}
}

void epoll_file_closed(struct file *f)
{
	scoped_mutex(&epoll_mutex);
	while (f->watchers)
		item_remove(f->watchers);
}

/* ---- the file */

static void epoll_release(struct file *f)
{
	struct epoll *e = f->data;

	mutex_lock(&epoll_mutex);
	while (e->items.root)
		item_remove(container_of(e->items.root, struct epoll_item, node));
	mutex_unlock(&epoll_mutex);
	kfree(e);
}

static void epoll_describe(struct file *f, char *buf, size_t size)
{
	snprintf(buf, size, "anon_inode:[eventpoll]");
}

static const struct file_ops epoll_fops = {
	.release = epoll_release,
	.poll = epoll_poll,
	.describe = epoll_describe,
};

int epoll_new(u32 flags, struct file **out)
{
	if (flags_unknown(flags, O_CLOEXEC))
		return -EINVAL;
	struct epoll *e = kzalloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	mutex_init(&e->mutex);
	list_init(&e->ready);
	wait_queue_init(&e->sleepers);
	wait_queue_init(&e->pollers);
	*out = file_new_anon(inode_anon(), &epoll_fops, e, O_RDWR);
	if (!*out) {
		kfree(e);
		return -ENOMEM;
	}
	(*out)->mode |= FILE_STREAM;
	e->file = *out;
	return 0;
}
