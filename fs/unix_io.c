// SPDX-License-Identifier: MIT
/*
 * Messages of Unix sockets. Bytes are copied into a message before it is queued, and out of it
 * under the receiver's lock. A sender may have so much under way; who reads it gives it back. A sender may
 * also be gone by then, so a queue of datagrams has a limit of its own, but for those of its peer.
 */
#include "fs/poll.h"
#include "fs/unix_sock.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/wait.h"

constexpr size_t CHUNK = 32 * KiB;	/* of a stream */

void unix_message_free(struct unix_message *m)
{
	struct unix_sock *from = m->from;

	if (m->extra)
		unix_flight_drop(m->extra);
	__atomic_fetch_sub(&from->outstanding, m->cost, __ATOMIC_RELAXED);
	wake_up_all(&from->writable, POLLOUT | POLLWRNORM);
	unix_put(from);
	kfree(m);
}

void unix_messages_free(struct list *messages)
{
	struct list *n;

	while ((n = list_pop_front(messages)))
		unix_message_free(container_of(n, struct unix_message, node));
}

static u32 cost_of(const struct unix_sock *from, size_t n, const struct unix_extra *extra)
{
	return (u32)(sizeof(struct unix_message) + sizeof(*from) + (extra ? sizeof(*extra) : 0) + n);
}

static struct unix_message *message_new(struct unix_sock *from, struct io *io, size_t n, u32 cost, int *err)
{
	struct unix_message *m = kmalloc(sizeof(*m) + n);

	*err = m ? 0 : -ENOMEM;
	if (m && io_take(io, m->data, n) != n) {
		kfree(m);
		*err = -EFAULT;
	}
	if (*err)
		return nullptr;
	*m = (struct unix_message){ .from = from, .len = n, .cost = cost };
	unix_get(from);
	__atomic_fetch_add(&from->outstanding, cost, __ATOMIC_RELAXED);
	return m;
}

/* Whom s sends to, with a reference. */
static int destination(struct unix_sock *s, const struct unix_address *a, struct unix_sock **to)
{
	if (a && s->type == SOCK_DGRAM)
		return unix_find(a, s->type, to);
	scoped_mutex(&unix_lock);
	*to = s->peer;
	if (*to)
		unix_get(*to);
	if (a && s->type == SOCK_STREAM)
		return *to ? -EISCONN : -EOPNOTSUPP;
	if (*to)
		return 0;
	return load_relaxed(&s->closed_write) ? -EPIPE : -ENOTCONN;
}

static int deliver(struct unix_sock *to, struct unix_message *m)
{
	scoped_mutex(&to->lock);
	if (load_relaxed(&to->closed_read))
		return to->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
	if (to->type == SOCK_DGRAM && load_relaxed(&to->peer) && load_relaxed(&to->peer) != m->from)
		return -EPERM;		/* who is connected hears nobody else */
	list_push_back(&to->messages, &m->node);
	store_relaxed(&to->queued, to->queued + m->cost);
	return 0;
}

static bool has_room(struct unix_sock *s, u32 cost)
{
	u32 used = load_relaxed(&s->outstanding);

	return !used || used + cost <= UNIX_BUFFER;
}

static bool takes(struct unix_sock *to, struct unix_sock *s, u32 cost)
{
	size_t queued = load_relaxed(&to->queued);

	return to->type != SOCK_DGRAM || load_relaxed(&to->peer) == s || !queued || queued + cost <= UNIX_QUEUE ||
	       load_relaxed(&to->closed_read);
}

static int wait_room(struct file *f, struct unix_sock *s, struct unix_sock *to, u32 cost, u32 flags)
{
	int err = 0;

	while (!err && !load_relaxed(&s->closed_write) && !(has_room(s, cost) && takes(to, s, cost))) {
		if ((flags & MSG_DONTWAIT) || (load_relaxed(&f->flags) & O_NONBLOCK))
			return -EAGAIN;
		if (has_room(s, cost))
			err = wait_event(&to->writable, takes(to, s, cost));
		else
			err = wait_event(&s->writable, has_room(s, cost) || load_relaxed(&s->closed_write));
	}
	return err;
}

/* One message of n bytes. *extra goes with it and is nullptr afterwards. */
static int send_one(struct file *f, struct unix_sock *s, struct unix_sock *to, struct io *io,
		    size_t n, u32 flags, struct unix_extra **extra)
{
	u32 cost = cost_of(s, n, *extra);
	int err = wait_room(f, s, to, cost, flags);

	if (err)
		return err;
	if (load_relaxed(&s->closed_write))
		return -EPIPE;
	struct unix_message *m = message_new(s, io, n, cost, &err);

	if (!m)
		return err;
	m->extra = *extra;
	err = deliver(to, m);
	if (err) {
		m->extra = nullptr;	/* the caller's still */
		unix_message_free(m);
		return err;
	}
	*extra = nullptr;
	wake_up_all(&to->readable, POLLIN | POLLRDNORM);
	return 0;
}

static long send_all(struct file *f, struct unix_sock *s, struct unix_sock *to, struct io *io,
		     u32 flags, struct unix_extra **extra)
{
	long total = 0;

	if (s->type != SOCK_STREAM) {
		size_t n = io->left;
		int err = n > UNIX_BUFFER ? -EMSGSIZE : send_one(f, s, to, io, n, flags, extra);

		return err ? err : (long)n;
	}
	while (io->left) {
		size_t n = min(io->left, CHUNK);
		int err = send_one(f, s, to, io, n, flags, extra);

		if (err)
			return total ? total : err;
		total += (long)n;
	}
	return total;
}

long unix_send(struct file *f, struct io *io, u32 flags, const struct unix_address *a,
	       struct unix_extra *extra)
{
	struct unix_sock *s = unix_of(f), *to = nullptr;
	struct unix_extra *copy = nullptr;

	if (!s)
		return -ENOTSOCK;
	long err = destination(s, a, &to);

	if (!err && extra && extra->nfiles) {
		copy = kmemdup(extra, sizeof(*extra));
		err = copy ? unix_flight_begin(copy) : -ENOMEM;
	}
	if (!err)
		err = send_all(f, s, to, io, flags, &copy);
	if (err >= 0 && extra && !copy)
		extra->nfiles = 0;	/* they travel */
	if (copy && copy->sender)
		unix_flight_end(copy);
	kfree(copy);
	unix_put(to);
	if (err == -EPIPE && s->type != SOCK_DGRAM && !(flags & MSG_NOSIGNAL))
		signal_thread(thread_current(), SIGPIPE, nullptr);
	return err;
}

/* ---- receiving; s->lock is held */

static struct unix_message *first_message(struct unix_sock *s)
{
	return list_empty(&s->messages) ? nullptr
					: list_first(&s->messages, struct unix_message, node);
}

static void give_files(struct unix_message *m, struct unix_extra *out, bool peek)
{
	if (!m->extra || !out)
		return;
	if (peek) {
		unix_flight_peek(m->extra, out);
		return;
	}
	unix_flight_end(m->extra);
	*out = *m->extra;
	kfree(m->extra);
	m->extra = nullptr;
}

static void finish(struct unix_sock *s, struct unix_message *m, struct list *done)
{
	list_remove(&m->node);
	store_relaxed(&s->queued, s->queued - m->cost);
	list_push_back(done, &m->node);
}

static long receive_packet(struct unix_sock *s, struct unix_message *m, struct io *io, u32 *flags,
			   struct unix_extra *extra, struct list *done)
{
	bool peek = *flags & MSG_PEEK;
	size_t n = min(m->len, io->left), got = io_put(io, m->data, n), len = m->len;

	give_files(m, extra, peek);
	if (!peek)
		finish(s, m, done);
	if (got < n)
		return -EFAULT;
	bool whole = *flags & MSG_TRUNC;

	*flags = n < len ? MSG_TRUNC : 0;
	return (long)(whole ? len : n);
}

static long receive_stream(struct unix_sock *s, struct io *io, bool peek, struct unix_extra *extra,
			   struct list *done)
{
	struct list *node = s->messages.next;
	long total = 0;

	while (node != &s->messages && io->left) {
		struct unix_message *m = container_of(node, struct unix_message, node);

		if (m->extra && total)
			break;	/* files mark a border */
		struct io before = *io;
		size_t n = min(m->len - m->at, io->left);
		bool had_files = m->extra;

		if (io_put(io, m->data + m->at, n) < n) {
			*io = before;	/* nothing of it has been received */
			return total ? total : -EFAULT;
		}
		give_files(m, extra, peek);
		total += (long)n;
		node = node->next;
		if (!peek) {
			m->at += n;
			if (m->at == m->len)
				finish(s, m, done);
		}
		if (had_files)
			break;
	}
	return total;
}

static long receive_locked(struct unix_sock *s, struct io *io, u32 *flags, struct unix_address *from,
			   struct unix_extra *extra, struct list *done)
{
	struct unix_message *m = first_message(s);

	if (!m) {
		if (__atomic_exchange_n(&s->reset, false, __ATOMIC_RELAXED))
			return -ECONNRESET;
		return load_relaxed(&s->closed_read) ? 0 : -EAGAIN;
	}
	if (from)
		*from = m->from->name;
	if (s->type != SOCK_STREAM)
		return receive_packet(s, m, io, flags, extra, done);
	return receive_stream(s, io, *flags & MSG_PEEK, extra, done);
}

/* What is there now; -EAGAIN: nothing, and more may come. Files in what is done with are closed without the lock. */
static long receive_now(struct unix_sock *s, struct io *io, u32 *flags, struct unix_address *from,
			struct unix_extra *extra)
{
	struct list done = LIST_INIT(done);

	mutex_lock(&s->lock);
	long n = receive_locked(s, io, flags, from, extra, &done);

	mutex_unlock(&s->lock);
	if (s->type == SOCK_DGRAM && !list_empty(&done))
		wake_up_all(&s->writable, POLLOUT | POLLWRNORM);
	unix_messages_free(&done);
	return n;
}

long unix_receive(struct file *f, struct io *io, u32 *flags, struct unix_address *from,
		  struct unix_extra *extra)
{
	struct unix_sock *s = unix_of(f);
	bool all = *flags & MSG_WAITALL, nonblock = *flags & MSG_DONTWAIT;
	u32 in = *flags;
	long total = 0;

	if (!s)
		return -ENOTSOCK;
	if (s->type != SOCK_DGRAM && !s->peer && !load_relaxed(&s->closed_read))
		return s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
	for (;;) {
		*flags = in;
		long n = receive_now(s, io, flags, from, extra);

		if (s->type == SOCK_STREAM)
			*flags = 0;
		if (n > 0)
			total += n;
		bool more = all && s->type == SOCK_STREAM && n > 0 && io->left && !(in & MSG_PEEK);

		if (n != -EAGAIN && !more)
			return n > 0 || !total ? (n > 0 ? total : n) : total;
		if (n == -EAGAIN && (nonblock || (load_relaxed(&f->flags) & O_NONBLOCK)))
			return total ? total : -EAGAIN;
		int err =
			wait_event(&s->readable, load_relaxed(&s->messages.next) != &s->messages ||
							 load_relaxed(&s->closed_read));

		if (err)
			return total ? total : err;
	}
}

long unix_read(struct file *f, struct io *io, u64 *pos)
{
	u32 flags = 0;

	if (!io->left)
		return 0;
	return unix_receive(f, io, &flags, nullptr, nullptr);
}

long unix_write(struct file *f, struct io *io, u64 *pos)
{
	return unix_send(f, io, 0, nullptr, nullptr);
}
