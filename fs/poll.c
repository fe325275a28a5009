// SPDX-License-Identifier: MIT
/*
 * One thread that waits for many queues. Each queue holds an entry that, when woken, marks the set
 * and wakes the thread; nothing is re-scanned that was not asked for again.
 *
 * Lock order: a file's queue, then the set's own.
 */
#include "fs/poll.h"
#include "fs/file.h"
#include "lib/lock.h"
#include "mm/kmem.h"

static bool entry_notify(struct waiter *w, u64 key)
{
	struct poll_entry *e = container_of(w, struct poll_entry, waiter);
	struct poll_set *s = e->set;

	if (key && !(key & (e->events | POLLERR | POLLHUP)))
		return false;
	store_release(&s->triggered, 1);
	wake_up_all(&s->woken, 0);
	return true;
}

static struct poll_entry *entry_new(struct poll_set *s)
{
	if (s->used < POLL_INLINE)
		return &s->entries[s->used++];
	struct poll_entry *e = kmalloc(sizeof(*e));

	if (!e)
		return nullptr;
	e->next = s->more;
	s->more = e;
	return e;
}

static void set_add(struct poll_table *pt, struct wait_queue *q)
{
	struct poll_set *s = container_of(pt, struct poll_set, table);
	struct poll_entry *e = entry_new(s);

	if (!e) {
		pt->err = -ENOMEM;
		return;
	}
	e->waiter = (struct waiter){ .notify = entry_notify };
	e->set = s;
	e->queue = q;
	e->events = pt->events;
	e->file = pt->file;
	file_get(e->file);
	wait_add(q, &e->waiter);
}

void poll_set_init(struct poll_set *s)
{
	s->table = (struct poll_table){ .add = set_add };
	wait_queue_init(&s->woken);
	s->triggered = 0;
	s->used = 0;
	s->more = nullptr;
}

static void entry_leave(struct poll_entry *e)
{
	wait_remove(e->queue, &e->waiter);
	file_put(e->file);
}

void poll_set_end(struct poll_set *s)
{
	for (unsigned i = 0; i < s->used; i++)
		entry_leave(&s->entries[i]);
	while (s->more) {
		struct poll_entry *e = s->more;

		s->more = e->next;
		entry_leave(e);
		kfree(e);
	}
}

int poll_set_sleep(struct poll_set *s, u64 deadline_ns)
{
	int err = wait_event_deadline(&s->woken, load_acquire(&s->triggered), deadline_ns);

	store_relaxed(&s->triggered, 0);
	/* Between this and the next look at the files a waker may set it again: that costs one look
	 * too many. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}
