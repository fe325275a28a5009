// SPDX-License-Identifier: MIT
/*
 * Files in flight: those in messages that nobody has received yet.
 *
 * They count for their sender's user, who may have as many as RLIMIT_NOFILE says. A file whose message is dropped may be a
 * socket with messages, and so on, deeper than any stack: one thread closes them one after the other.
 *
 * Sockets whose files are only in flight, in each other's queues, nobody can ever receive. They are looked for when there are
 * twice as many as were left the last time: a socket is a candidate if its file has no references but those in
 * messages. If some of these are in queues of others than candidates, it can be received, and what is in its queue too. All
 * other candidates lose their messages, and so go.
 *
 * Why no candidate can come alive meanwhile: it would have to be received, which waits for flight_lock.
 *
 * Locks: flight_lock, then unix_lock, then any socket's lock; but who receives takes flight_lock under the socket's lock.
 * That one's file has a reference of the receiver's, so it is no candidate, and its lock is not taken here.
 */
#include "fs/unix_sock.h"
#include "mm/kmem.h"
#include "proc/cred.h"
#include "proc/task.h"

constexpr u32 COLLECT_LEAST = 64;

static struct mutex flight_lock = MUTEX_INIT(flight_lock);
static struct list flying = LIST_INIT(flying);	/* (flight_lock) sockets in flight */
static u32 nr_flying, collect_at = COLLECT_LEAST;	/* (flight_lock) */

static struct spinlock dropped_lock;
static struct unix_extra *dropped;		/* (dropped_lock) whose files are to be closed */
static bool dropping;				/* (dropped_lock) somebody does */

/* ---- counting; under flight_lock */

static u32 next_collection(void) { return max(2 * nr_flying, COLLECT_LEAST); }

static void count_socket(struct unix_sock *s, bool begins)
{
	if (!s)
		return;
	if (begins && !s->in_flight++) {
		list_push_back(&flying, &s->flying);
		nr_flying++;
	} else if (!begins && !--s->in_flight) {
		list_remove(&s->flying);
		nr_flying--;
		collect_at = min(collect_at, next_collection());
	}
}

static void count_files(struct unix_extra *e, bool begins)
{
	u32 *count = &e->sender->user->in_flight;

	for (unsigned i = 0; i < e->nfiles; i++)
		count_socket(unix_of(e->files[i]), begins);
	__atomic_fetch_add(count, begins ? e->nfiles : -e->nfiles, __ATOMIC_RELAXED);
}

/* ---- looking for those that nobody can receive; under flight_lock and unix_lock */

typedef void visit_fn(struct unix_sock *s, struct list *reached);

static void visit_queue(struct unix_sock *s, visit_fn *visit, struct list *reached)
{
	scoped_mutex(&s->lock);
	list_for_each(m, &s->messages, struct unix_message, node) {
		for (unsigned i = 0; m->extra && i < m->extra->nfiles; i++) {
			struct unix_sock *t = unix_of(m->extra->files[i]);

			if (t && t->candidate)
				visit(t, reached);
		}
	}
}

/* What is received through s lies in its own queue, and in those of connections that it has not accepted. The one behind `at`, which
 * is s first, or nullptr. */
static struct unix_sock *next_queue(struct unix_sock *s, struct unix_sock *at)
{
	struct list *next = at->pending.next;	/* of s the line's head */

	return s->listening && next != &s->pending ? container_of(next, struct unix_sock, pending) : nullptr;
}

static void visit_queues(struct unix_sock *s, visit_fn *visit, struct list *reached)
{
	for (struct unix_sock *q = s; q; q = next_queue(s, q))
		visit_queue(q, visit, reached);
}

static void count_inner(struct unix_sock *s, struct list *reached)
{
	s->inner++;
}

static void reach(struct unix_sock *s, struct list *reached)
{
	s->candidate = false;
	list_push_back(reached, &s->reached);
}

static void mark_candidates(void)
{
	list_for_each(s, &flying, struct unix_sock, flying) {
		s->candidate = load_relaxed(&s->file->refs) == s->in_flight;
		s->inner = 0;
	}
	list_for_each(s, &flying, struct unix_sock, flying)
		if (s->candidate)
			visit_queues(s, count_inner, nullptr);
}

static void unmark_reached(void)
{
	struct list reached = LIST_INIT(reached), *n;

	list_for_each(s, &flying, struct unix_sock, flying)
		if (s->candidate && s->inner < s->in_flight)
			reach(s, &reached);
	while ((n = list_pop_front(&reached)))
		visit_queues(container_of(n, struct unix_sock, reached), reach, &reached);
}

static void take_messages(struct unix_sock *s, struct list *lost)
{
	scoped_mutex(&s->lock);
	list_splice_back(lost, &s->messages);
	store_relaxed(&s->queued, 0);
}

static void collect(void)
{
	struct list lost = LIST_INIT(lost);

	mutex_lock(&flight_lock);
	mutex_lock(&unix_lock);
	mark_candidates();
	unmark_reached();
	list_for_each(s, &flying, struct unix_sock, flying) {
		if (!s->candidate)
			continue;
		s->candidate = false;
		for (struct unix_sock *q = s; q; q = next_queue(s, q))
			take_messages(q, &lost);
	}
	mutex_unlock(&unix_lock);
	mutex_unlock(&flight_lock);
	unix_messages_free(&lost);
	scoped_mutex(&flight_lock);
	collect_at = next_collection();
}

/* ---- beginning and end */

static bool too_many(const struct cred *c)
{
	return load_relaxed(&c->user->in_flight) > load_relaxed(&task_current()->limits[RLIM_NOFILE].cur) &&
	       !cred_capable(c, CAP_SYS_RESOURCE) && !cred_capable(c, CAP_SYS_ADMIN);
}

int unix_flight_begin(struct unix_extra *e)
{
	const struct cred *sender = cred_current();

	if (too_many(sender) || load_relaxed(&nr_flying) >= load_relaxed(&collect_at))
		collect();
	if (too_many(sender))
		return -ETOOMANYREFS;
	cred_get(sender);
	e->sender = sender;
	scoped_mutex(&flight_lock);
	count_files(e, true);
	return 0;
}

void unix_flight_end(struct unix_extra *e)
{
	mutex_lock(&flight_lock);
	count_files(e, false);
	mutex_unlock(&flight_lock);
	cred_put(e->sender);
	e->sender = nullptr;
}

/* Under the lock: nobody may be looking whether all references to a file are in messages. */
void unix_flight_peek(const struct unix_extra *e, struct unix_extra *out)
{
	scoped_mutex(&flight_lock);
	*out = *e;
	out->sender = nullptr;
	for (unsigned i = 0; i < e->nfiles; i++)
		file_get(out->files[i]);
}

static struct unix_extra *next_dropped(void)
{
	scoped_spin(&dropped_lock);
	struct unix_extra *e = dropped;

	if (e)
		dropped = e->next;
	else
		dropping = false;
	return e;
}

void unix_flight_drop(struct unix_extra *e)
{
	unix_flight_end(e);
	spin_lock(&dropped_lock);
	bool mine = !dropping;

	dropping = true;
	e->next = dropped;
	dropped = e;
	spin_unlock(&dropped_lock);
	while (mine && (e = next_dropped())) {
		for (unsigned i = 0; i < e->nfiles; i++)
			file_put(e->files[i]);
		kfree(e);
	}
}
