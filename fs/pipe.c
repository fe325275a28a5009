// SPDX-License-Identifier: MIT
/*
 * Pipes and fifos: a ring of bytes over pages that come and go with their contents; the first one
 * stays, so that small messages cost no allocation. An empty ring starts over at its beginning.
 *
 * A writer sleeps until PIPE_BUF bytes are free, and a reader wakes writers only then: fewer
 * switches, and writes of up to PIPE_BUF bytes are whole.
 *
 * Locks: pipe->lock (mutex) for all; user memory is touched under it. Sleepers look at `used` and
 * the counts without it.
 */
#include "fs/pipe.h"
#include "fs/file.h"
#include "fs/ioctl.h"
#include "fs/mount.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/page.h"
#include "mm/user.h"
#include "proc/cred.h"
#include "proc/wait.h"

/* (l) lock; written under it, may be read without (hints) */
struct pipe {
	struct mutex lock;
	u32 start, used;		/* (l) bytes: where the oldest is, how many */
	u32 capacity;			/* (l) a power of two of pages, in bytes */
	u32 readers, writers;		/* (l) open ends */
	u32 readers_ever, writers_ever;	/* (l) opens so far: a fifo's open waits for one */
	struct wait_queue readable, writable;
	void **slots;			/* (l) pages or nullptr */
	void *first_slots[PIPE_SIZE / PAGE_SIZE];
};

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (!p)
		return nullptr;
	mutex_init(&p->lock);
	wait_queue_init(&p->readable);
	wait_queue_init(&p->writable);
	p->capacity = PIPE_SIZE;
	p->slots = p->first_slots;
	return p;
}

static void slot_drop(struct pipe *p, unsigned slot)
{
	if (p->slots[slot])
		page_put(page_of(p->slots[slot]));
	p->slots[slot] = nullptr;
}

static void drop_all(struct pipe *p)
{
	for (unsigned i = 0; i < p->capacity / PAGE_SIZE; i++)
		slot_drop(p, i);
	p->start = p->used = 0;
}

void pipe_free(struct pipe *p)
{
	drop_all(p);
	if (p->slots != p->first_slots)
		kfree(p->slots);
	kfree(p);
}

static size_t room(const struct pipe *p)
{
	return load_relaxed(&p->capacity) - load_relaxed(&p->used);
}

/* Bytes of io into the ring, at most n and what has room: how many; *err if it stopped early. A part that lies in one page goes
 * whole or not at all: what stands before a bad address is neither in the ring then nor out of it. */
static size_t copy_in(struct pipe *p, struct io *io, size_t n, int *err)
{
	size_t done = 0;

	n = min(n, room(p));
	while (done < n) {
		u32 at = (p->start + p->used) & (p->capacity - 1), skip = at & ~PAGE_MASK;
		void **slot = &p->slots[at >> PAGE_SHIFT];
		size_t part = min(n - done, PAGE_SIZE - skip);

		if (!*slot) {
			struct page *page = page_alloc(0, PAGE_KERNEL, 0);

			if (!page) {
				*err = -ENOMEM;
				break;
			}
			*slot = page_address(page);
		}
		if (io_take(io, (char *)*slot + skip, part) < part) {
			*err = -EFAULT;
			break;
		}
		store_relaxed(&p->used, p->used + (u32)part);
		done += part;
	}
	return done;
}

static size_t copy_out(struct pipe *p, struct io *io, int *err)
{
	size_t n = min((size_t)p->used, io->left), done = 0;

	while (done < n) {
		u32 slot = p->start >> PAGE_SHIFT, skip = p->start & ~PAGE_MASK;
		size_t part = min(n - done, PAGE_SIZE - skip);

		if (io_put(io, (char *)p->slots[slot] + skip, part) < part) {
			*err = -EFAULT;
			break;
		}
		p->start = (p->start + (u32)part) & (p->capacity - 1);
		store_relaxed(&p->used, p->used - (u32)part);
		done += part;
		/* In a full ring the newest bytes lie in front of the oldest, in the same page. */
		bool page_over = skip + part == PAGE_SIZE && p->used <= p->capacity - PAGE_SIZE;

		if (slot && (page_over || !p->used))
			slot_drop(p, slot);
	}
	if (!p->used)
		p->start = 0;
	return done;
}

static void wake_readers(struct pipe *p)
{
	if (wait_queue_active(&p->readable))
		wake_up_all_sync(&p->readable, POLLIN | POLLRDNORM);
}

static void wake_writers(struct pipe *p)
{
	if (room(p) >= PIPE_BUF && wait_queue_active(&p->writable))
		wake_up_all_sync(&p->writable, POLLOUT | POLLWRNORM);
}

static long pipe_read(struct file *f, struct io *io, u64 *pos)
{
	struct pipe *p = f->data;
	int err = 0;

	for (;;) {
		mutex_lock(&p->lock);
		size_t got = copy_out(p, io, &err);
		bool over = !p->writers;

		mutex_unlock(&p->lock);
		if (got) {
			wake_writers(p);
			return (long)got;
		}
		if (err || over)
			return err;
		if (load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event(&p->readable,
				 load_relaxed(&p->used) || !load_relaxed(&p->writers));
		if (err)
			return err;
	}
}

/* One try: how many bytes, 0 for no room; *err: there will be no more. */
static size_t write_some(struct pipe *p, struct io *io, bool whole, int *err)
{
	scoped_mutex(&p->lock);
	if (!p->readers) {
		*err = -EPIPE;
		return 0;
	}
	return whole && room(p) < io->left ? 0 : copy_in(p, io, io->left, err);
}

/* What was written counts more than why it ended; but of a pipe that broke the signal tells. */
static long end_write(long total, int err)
{
	if (err == -EPIPE)
		signal_thread(thread_current(), SIGPIPE, nullptr);
	return total ? total : err;
}

static long pipe_write(struct file *f, struct io *io, u64 *pos)
{
	struct pipe *p = f->data;
	bool whole = io->left <= PIPE_BUF;
	long total = 0;
	int err = 0;

	for (;;) {
		size_t got = write_some(p, io, whole, &err);

		if (got) {
			total += (long)got;
			wake_readers(p);
		}
		if (!io->left)
			return total;
		if (!err)
			err = load_relaxed(&f->flags) & O_NONBLOCK ? -EAGAIN :
			      wait_event(&p->writable, room(p) >= PIPE_BUF || !load_relaxed(&p->readers));
		if (err)
			return end_write(total, err);
	}
}

/* file->arg of a reading end: the count of writers' opens that it has not hung up from. */
constexpr u64 NO_HANGUP_BEFORE = ~0ul;

static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->data;
	u32 ready = 0;

	if (f->mode & FILE_READ) {
		poll_wait(pt, &p->readable);
		if (load_relaxed(&p->used))
			ready |= POLLIN | POLLRDNORM;
		/* A fifo that never had a writer has not hung up. */
		if (!load_relaxed(&p->writers) && load_relaxed(&p->writers_ever) != f->arg)
			ready |= POLLHUP;
	}
	if (f->mode & FILE_WRITE) {
		poll_wait(pt, &p->writable);
		if (room(p) >= PIPE_BUF)
			ready |= POLLOUT | POLLWRNORM;
		if (!load_relaxed(&p->readers))
			ready |= POLLERR;
	}
	return ready;
}

static long pipe_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct pipe *p = f->data;
	int used = (int)load_relaxed(&p->used);

	return cmd == FIONREAD ? put_user(arg, used) : -ENOTTY;
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->data;

	mutex_lock(&p->lock);
	p->readers -= !!(f->mode & FILE_READ);
	p->writers -= !!(f->mode & FILE_WRITE);
	if (!p->readers && !p->writers)
		drop_all(p);
	mutex_unlock(&p->lock);
	if (wait_queue_active(&p->readable))
		wake_up_all(&p->readable, POLLIN | POLLRDNORM | POLLHUP);
	if (wait_queue_active(&p->writable))
		wake_up_all(&p->writable, POLLOUT | POLLWRNORM | POLLERR);
}

/* ---- opening a fifo */

/* Counts the new end. *seen: the other side's opens so far. Is the other side there? It may have
 * come and gone by the time that we would wait for it, but then the count of opens differs. */
static bool fifo_join(struct pipe *p, u32 mode, u32 *seen)
{
	scoped_mutex(&p->lock);
	bool met = mode & FILE_READ ? p->writers : p->readers;

	*seen = mode & FILE_READ ? p->writers_ever : p->readers_ever;
	if (mode & FILE_READ) {
		store_relaxed(&p->readers, p->readers + 1);
		p->readers_ever++;
	}
	if (mode & FILE_WRITE) {
		store_relaxed(&p->writers, p->writers + 1);
		p->writers_ever++;
	}
	return met;
}

static int fifo_wait_partner(struct pipe *p, u32 mode, u32 seen)
{
	if (mode & FILE_READ)
		return wait_event(&p->readable, load_relaxed(&p->writers_ever) != seen);
	return wait_event(&p->writable, load_relaxed(&p->readers_ever) != seen);
}

static struct pipe *fifo_pipe(struct inode *i)
{
	scoped_mutex(&i->lock);
	if (!i->pipe)
		i->pipe = pipe_alloc();
	return i->pipe;
}

static int fifo_open(struct file *f)
{
	struct pipe *p = fifo_pipe(f->inode);
	u32 seen, ends = f->mode & (FILE_READ | FILE_WRITE);
	bool nonblock = f->flags & O_NONBLOCK;
	/* The other end of a pipe without a name cannot come: opening it again never waits. */
	bool named = f->inode->sb != mount_anon->sb;

	if (!p)
		return -ENOMEM;
	if (ends == FILE_WRITE && named && nonblock && !load_relaxed(&p->readers))
		return -ENXIO;
	f->data = p;
	f->mode |= FILE_STREAM;
	bool met = fifo_join(p, ends, &seen) || !named;

	f->arg = met ? NO_HANGUP_BEFORE : seen;
	wake_up_all(&p->readable, POLLIN);
	wake_up_all(&p->writable, POLLOUT);
	if (met || nonblock || ends == (FILE_READ | FILE_WRITE))
		return 0;
	int err = fifo_wait_partner(p, ends, seen);

	if (err)
		pipe_release(f);
	return err;
}

static void pipe_describe(struct file *f, char *buf, size_t size)
{
	snprintf(buf, size, "pipe:[%lu]", f->inode->ino);
}

const struct file_ops fifo_fops = {
	.open = fifo_open,
	.release = pipe_release,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.describe = pipe_describe,
};

/* ---- pipe(2) */

static struct file *pipe_end(struct inode *i, u32 flags)
{
	inode_get(i);
	struct file *f = file_new_anon(i, &fifo_fops, i->pipe, flags);

	if (f) {
		f->mode |= FILE_STREAM;
		f->arg = NO_HANGUP_BEFORE;
	}
	return f;
}

int pipe_new(u32 flags, struct file **in, struct file **out)
{
	struct inode *i = inode_new(mount_anon->sb, S_IFIFO | 0600, nullptr, nullptr, nullptr);

	if (!i)
		return -ENOMEM;
	struct pipe *p = i->pipe = pipe_alloc();

	*in = *out = nullptr;
	if (p) {
		p->readers = p->writers = p->readers_ever = p->writers_ever = 1;
		*in = pipe_end(i, O_RDONLY | (flags & O_NONBLOCK));
		*out = *in ? pipe_end(i, O_WRONLY | (flags & O_NONBLOCK)) : nullptr;
	}
	inode_put(i);
	if (*out)
		return 0;
	file_put(*in);
	return -ENOMEM;
}

/* ---- capacity */

static struct pipe *pipe_of(struct file *f)
{
	return f->ops == &fifo_fops ? f->data : nullptr;
}

long pipe_capacity(struct file *f)
{
	struct pipe *p = pipe_of(f);

	return p ? (long)load_relaxed(&p->capacity) : -EBADF;
}

/* The contents move to the beginning of a new ring: whole pages change hands only if they are
 * aligned, so bytes are copied; this is rare. */
static int ring_move(struct pipe *p, void **slots, u32 capacity)
{
	struct pipe new = { .capacity = capacity, .slots = slots };
	int err = 0;

	while (new.used < p->used && !err) {
		u32 at = (p->start + new.used) & (p->capacity - 1);
		size_t part = min((size_t)(p->used - new.used), PAGE_SIZE - (at & ~PAGE_MASK));
		struct io io;

		io_kernel(&io, (char *)p->slots[at >> PAGE_SHIFT] + (at & ~PAGE_MASK), part);
		copy_in(&new, &io, part, &err);
	}
	u32 used = new.used;

	if (err) {
		drop_all(&new);
		return err;
	}
	drop_all(p);
	if (p->slots != p->first_slots)
		kfree(p->slots);
	p->slots = slots;
	p->used = used;
	p->capacity = capacity;
	return 0;
}

long pipe_set_capacity(struct file *f, size_t size)
{
	struct pipe *p = pipe_of(f);
	u32 capacity = PAGE_SIZE;

	if (!p)
		return -EBADF;
	if (size > 1u << 31)
		return -EINVAL;
	while (capacity < size)
		capacity *= 2;
	if (capacity > PIPE_SIZE_MAX && !cred_capable(cred_current(), CAP_SYS_RESOURCE))
		return -EPERM;
	scoped_mutex(&p->lock);
	if (p->used > capacity)
		return -EBUSY;
	void **slots = kzalloc(capacity / PAGE_SIZE * sizeof(void *));

	if (!slots)
		return -ENOMEM;
	int err = ring_move(p, slots, capacity);

	if (err)
		kfree(slots);
	return err ? err : (long)capacity;
}
