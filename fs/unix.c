// SPDX-License-Identifier: MIT
/*
 * Unix sockets: names and connections. A path name is an inode of type S_IFSOCK that the socket
 * remembers; abstract names are only in the list of bound sockets. Both are found by searching that
 * list, which is short.
 *
 * Locks: unix_lock for all of this; sockets' own locks are for messages.
 */
#include "fs/mount.h"
#include "fs/name.h"
#include "fs/poll.h"
#include "fs/unix_sock.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/cred.h"
#include "proc/wait.h"

struct mutex unix_lock = MUTEX_INIT(unix_lock);
static struct list bound = LIST_INIT(bound);	/* (unix_lock) */
static const struct file_ops unix_fops;
static void sock_close(struct unix_sock *s);

struct unix_sock *unix_of(struct file *f)
{
	return f->ops == &unix_fops ? f->data : nullptr;
}

void unix_get(struct unix_sock *s)
{
	__atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
}

void unix_put(struct unix_sock *s)
{
	if (s && __atomic_fetch_sub(&s->refs, 1, __ATOMIC_ACQ_REL) == 1)
		kfree(s);
}

static struct unix_sock *sock_new(int type)
{
	struct unix_sock *s = kzalloc(sizeof(*s));

	if (!s)
		return nullptr;
	s->refs = 1;
	s->type = type;
	s->name.len = sizeof(u16);
	s->name.family = AF_UNIX;
	list_init(&s->bound);
	list_init(&s->pending);
	list_init(&s->messages);
	mutex_init(&s->lock);
	wait_queue_init(&s->readable);
	wait_queue_init(&s->writable);
	s->owner = (struct unix_peer){ task_current()->pid, cred_current()->euid,
				       cred_current()->egid };
	return s;
}

static int file_for(struct unix_sock *s, u32 flags, struct file **out)
{
	struct inode *i = inode_new(mount_anon->sb, S_IFSOCK | 0777, nullptr, nullptr, nullptr);

	*out = i ? file_new_anon(i, &unix_fops, s, O_RDWR | (flags & O_NONBLOCK)) : nullptr;
	if (!*out)
		return -ENOMEM;
	(*out)->mode |= FILE_STREAM;
	s->file = *out;
	return 0;
}

int unix_new(int type, u32 flags, struct file **out)
{
	struct unix_sock *s = sock_new(type);
	int err = s ? file_for(s, flags, out) : -ENOMEM;

	if (err)
		unix_put(s);
	return err;
}

static void join(struct unix_sock *a, struct unix_sock *b)
{
	unix_get(a);
	unix_get(b);
	a->peer = b;
	b->peer = a;
	a->connector = b->owner;
	b->connector = a->owner;
}

int unix_pair(int type, u32 flags, struct file *out[2])
{
	int err = unix_new(type, flags, &out[0]);

	if (err)
		return err;
	err = unix_new(type, flags, &out[1]);
	if (err) {
		file_put(out[0]);
		return err;
	}
	scoped_mutex(&unix_lock);
	join(out[0]->data, out[1]->data);
	return 0;
}

/* ---- names */

static bool is_path(const struct unix_address *a) { return a->len > sizeof(u16) && a->path[0]; }

static int bind_path(struct unix_sock *s, const char *path)
{
	int err = name_create(AT_FDCWD, path, S_IFSOCK | 0777, 0, nullptr);

	if (err)
		return err == -EEXIST ? -EADDRINUSE : err;
	return path_lookup(AT_FDCWD, path, 0, &s->place);
}

static struct unix_sock *find_abstract(const struct unix_address *a)
{
	list_for_each(s, &bound, struct unix_sock, bound)
		if (!is_path(&s->name) && s->name.len == a->len &&
		    !memcmp(s->name.path, a->path, a->len - sizeof(u16)))
			return s;
	return nullptr;
}

int unix_bind(struct file *f, const struct unix_address *a)
{
	struct unix_sock *s = unix_of(f);
	static u32 last_auto;
	struct unix_address name = *a;

	if (!s)
		return -ENOTSOCK;
	scoped_mutex(&unix_lock);
	if (s->name.len > sizeof(u16))
		return -EINVAL;
	if (name.len == sizeof(u16)) {	/* any free abstract name */
		snprintf(name.path + 1, 8, "%05x", ++last_auto & 0xfffff);
		name.path[0] = '\0';
		name.len = sizeof(u16) + 6;
	}
	int err = is_path(&name) ? bind_path(s, name.path) : find_abstract(&name) ? -EADDRINUSE : 0;

	if (err)
		return err;
	s->name = name;
	list_push_back(&bound, &s->bound);
	return 0;
}

static int find_path(const char *path, struct unix_sock **out)
{
	scoped_path p = {};
	int err = path_lookup(AT_FDCWD, path, WALK_FOLLOW, &p);

	if (!err)
		err = inode_permission(path_inode(&p), MAY_WRITE);
	if (err)
		return err;
	scoped_mutex(&unix_lock);
	list_for_each(s, &bound, struct unix_sock, bound) {
		if (s->place.dentry && path_inode(&s->place) == path_inode(&p)) {
			unix_get(s);
			*out = s;
			return 0;
		}
	}
	return -ECONNREFUSED;
}

int unix_find(const struct unix_address *a, int type, struct unix_sock **out)
{
	int err = 0;

	if (a->len <= sizeof(u16))
		return -EINVAL;
	if (is_path(a)) {
		err = find_path(a->path, out);
	} else {
		scoped_mutex(&unix_lock);
		*out = find_abstract(a);
		if (*out)
			unix_get(*out);
		else
			err = -ECONNREFUSED;
	}
	if (!err && (*out)->type != type) {
		unix_put(*out);
		*out = nullptr;
		err = -EPROTOTYPE;
	}
	return err;
}

int unix_name(struct file *f, bool peer, struct unix_address *out)
{
	struct unix_sock *s = unix_of(f);

	if (!s)
		return -ENOTSOCK;
	scoped_mutex(&unix_lock);
	if (peer && !s->peer)
		return -ENOTCONN;
	*out = peer ? s->peer->name : s->name;
	return 0;
}

/* ---- connections */

int unix_listen(struct file *f, int backlog)
{
	struct unix_sock *s = unix_of(f);

	if (!s)
		return -ENOTSOCK;
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	scoped_mutex(&unix_lock);
	if (s->name.len <= sizeof(u16) || s->peer)
		return -EINVAL;
	s->listening = true;
	s->backlog = backlog < 0 || backlog > 4096 ? 4096 : (unsigned)backlog + 1;
	return 0;
}

/* The listener's queue takes the other end over. -EAGAIN: it is full. */
static int enqueue(struct unix_sock *s, struct unix_sock *listener, struct unix_sock *other)
{
	scoped_mutex(&unix_lock);
	if (s->peer)
		return -EISCONN;
	if (s->listening)
		return -EINVAL;
	if (!listener->listening)
		return -ECONNREFUSED;
	if (listener->npending >= listener->backlog)
		return -EAGAIN;
	other->name = listener->name;
	other->owner = listener->owner;
	join(s, other);
	list_push_back(&listener->pending, &other->pending);
	store_relaxed(&listener->npending, listener->npending + 1);
	return 0;
}

static int connect_stream(struct file *f, struct unix_sock *s, struct unix_sock *listener)
{
	struct unix_sock *other = sock_new(s->type);
	int err;

	if (!other)
		return -ENOMEM;
	while ((err = enqueue(s, listener, other)) == -EAGAIN &&
	       !(load_relaxed(&f->flags) & O_NONBLOCK)) {
		err = wait_event(&listener->writable,
				 load_relaxed(&listener->npending) < listener->backlog ||
					 !listener->listening);
		if (err)
			break;
	}
	if (err)
		unix_put(other);
	else
		wake_up_all(&listener->readable, POLLIN | POLLRDNORM);
	return err;
}

int unix_connect(struct file *f, const struct unix_address *a)
{
	struct unix_sock *s = unix_of(f), *to;

	if (!s)
		return -ENOTSOCK;
	int err = unix_find(a, s->type, &to);

	if (err)
		return err;
	if (s->type != SOCK_DGRAM) {
		err = connect_stream(f, s, to);
		unix_put(to);
		return err;
	}
	mutex_lock(&unix_lock);
	struct unix_sock *old = s->peer;

	s->peer = to;
	mutex_unlock(&unix_lock);
	unix_put(old);
	return 0;
}

static struct unix_sock *dequeue(struct unix_sock *s)
{
	scoped_mutex(&unix_lock);
	struct list *n = list_pop_front(&s->pending);

	if (n)
		store_relaxed(&s->npending, s->npending - 1);
	return n ? container_of(n, struct unix_sock, pending) : nullptr;
}

int unix_accept(struct file *f, u32 flags, struct file **out)
{
	struct unix_sock *s = unix_of(f), *other;

	if (!s)
		return -ENOTSOCK;
	if (!load_relaxed(&s->listening))
		return -EINVAL;
	while (!(other = dequeue(s))) {
		if (load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		int err = wait_event(&s->readable, load_relaxed(&s->npending));

		if (err)
			return err;
	}
	wake_up_all(&s->writable, POLLOUT);
	int err = file_for(other, flags, out);

	if (err)
		sock_close(other);
	return err;
}

/* ---- ends */

/* The other side learns that nothing comes or is read any more. */
static void hang_up(struct unix_sock *s, bool unread)
{
	store_relaxed(&s->reset, unread);
	store_relaxed(&s->closed_read, true);
	store_relaxed(&s->closed_write, true);
	wake_up_all(&s->readable, POLLIN | POLLRDNORM | POLLHUP | POLLRDHUP);
	wake_up_all(&s->writable, POLLOUT | POLLWRNORM | POLLHUP);
}

static bool drop_messages(struct unix_sock *s)
{
	struct list lost = LIST_INIT(lost);

	mutex_lock(&s->lock);
	list_splice_back(&lost, &s->messages);
	store_relaxed(&s->queued, 0);
	mutex_unlock(&s->lock);
	bool any = !list_empty(&lost);

	unix_messages_free(&lost);
	return any;
}

/* Out of all lists; its peer with our reference. */
static struct unix_sock *part(struct unix_sock *s)
{
	scoped_mutex(&unix_lock);
	struct unix_sock *peer = s->peer;

	list_remove(&s->bound);
	s->listening = false;
	s->peer = nullptr;
	if (peer && peer->peer == s && s->type != SOCK_DGRAM) {
		peer->peer = nullptr;
		unix_put(s);
	}
	return peer;
}

static void sock_close(struct unix_sock *s)
{
	struct unix_sock *peer = part(s), *waiting;
	bool unread;

	store_relaxed(&s->closed_read, true);	/* nothing is delivered from here on */
	unread = drop_messages(s);
	if (peer && s->type != SOCK_DGRAM)
		hang_up(peer, unread);
	unix_put(peer);
	while ((waiting = dequeue(s)))
		sock_close(waiting);
	wake_up_all(&s->writable, 0);
	path_put(&s->place);
	unix_put(s);
}

static void unix_release(struct file *f)
{
	sock_close(f->data);
}

int unix_shutdown(struct file *f, int how)
{
	struct unix_sock *s = unix_of(f);

	if (!s)
		return -ENOTSOCK;
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	scoped_mutex(&unix_lock);
	if (!s->peer && s->type != SOCK_DGRAM)
		return -ENOTCONN;
	bool read = how != SHUT_WR, write = how != SHUT_RD;

	store_relaxed(&s->closed_read, s->closed_read || read);
	store_relaxed(&s->closed_write, s->closed_write || write);
	wake_up_all(&s->readable, 0);
	wake_up_all(&s->writable, 0);
	if (s->type == SOCK_DGRAM)
		return 0;	/* whom it sends to may be anybody's */
	store_relaxed(&s->peer->closed_write, s->peer->closed_write || read);
	store_relaxed(&s->peer->closed_read, s->peer->closed_read || write);
	wake_up_all(&s->peer->readable, 0);
	wake_up_all(&s->peer->writable, 0);
	return 0;
}

int unix_info(struct file *f, int *type, bool *listens, struct unix_peer *peer)
{
	struct unix_sock *s = unix_of(f);

	if (!s)
		return -ENOTSOCK;
	scoped_mutex(&unix_lock);
	*type = s->type;
	*listens = s->listening;
	*peer = s->connector.pid ? s->connector : (struct unix_peer){ 0, ~0u, ~0u };
	return 0;
}

static u32 unix_poll(struct file *f, struct poll_table *pt)
{
	struct unix_sock *s = f->data;
	bool no_read = load_relaxed(&s->closed_read), no_write = load_relaxed(&s->closed_write);
	u32 ready = 0;

	poll_wait(pt, &s->readable);
	poll_wait(pt, &s->writable);
	if (load_relaxed(&s->npending) || load_relaxed(&s->messages.next) != &s->messages ||
	    no_read)
		ready |= POLLIN | POLLRDNORM;
	if (no_read)
		ready |= POLLRDHUP;
	if (no_read && no_write)
		ready |= POLLHUP;
	if (!load_relaxed(&s->listening) &&
	    (load_relaxed(&s->outstanding) < UNIX_BUFFER / 2 || no_write))
		ready |= POLLOUT | POLLWRNORM;
	return ready;
}

static void unix_describe(struct file *f, char *buf, size_t size)
{
	snprintf(buf, size, "socket:[%lu]", f->inode->ino);
}

static const struct file_ops unix_fops = {
	.release = unix_release,
	.even_none = true,
	.read = unix_read,
	.write = unix_write,
	.poll = unix_poll,
	.describe = unix_describe,
};
