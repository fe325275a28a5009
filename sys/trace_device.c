// SPDX-License-Identifier: MIT
/*
 * Where the tracer's text goes: /dev/trace, a ring that its one reader empties. Nothing is lost
 * while it is open: who finds the ring full waits for the reader, and lines that a dying thread
 * cannot wait for are counted and announced. Without a reader the lines go to the kernel's log.
 *
 * The reader must not be traced, or it would wait for itself: who opens it to read is refused if it is traced, and traces itself
 * in vain later; and a traced thread that has come by the reader's descriptor may not read.
 */
#include "fs/chardev.h"
#include "fs/io.h"
#include "fs/poll.h"
#include "lib/lock.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "proc/trace.h"
#include "sys/trace.h"

constexpr size_t RING = 64 * KiB, LOG_ROOM = 400, EXTRA = 160;
constexpr size_t FOR_DYING = 8 * KiB;	/* what only threads use that cannot wait */
constexpr u64 RETRY_NS = 10'000'000;

/* (l) lock */
static struct spinlock lock;
static char ring[RING];			/* (l) byte n is at n % RING */
static u64 written, taken;		/* (l) */
static u64 lost;			/* (l) lines that are not announced yet */
static int open_tid;			/* (l) whose line has no end yet, 0: nobody's */
static struct file *reader;		/* (l) */
static int reader_tid;			/* (l) the thread that opened it */
static struct wait_queue readers, writers;

static size_t room(void)
{
	return RING - (load_relaxed(&written) - load_relaxed(&taken));
}

static bool may_write(bool dying)
{
	return !load_relaxed(&reader) || room() >= sizeof(struct trace_line) + EXTRA + (dying ? 0 : FOR_DYING);
}

static void put(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ring[(written + i) % RING] = s[i];
	store_relaxed(&written, written + n);
}

static void put_string(const char *s)
{
	put(s, strlen(s));
}

/* The line, behind what makes it readable after others' lines. */
static void put_locked(const struct trace_line *l, enum trace_part part, const char *call)
{
	int tid = thread_current()->tid;
	char head[EXTRA / 2];

	if (lost) {
		snprintf(head, sizeof(head), "%s... %lu lines lost\n", open_tid ? " <unfinished ...>\n" : "", lost);
		put_string(head);
		lost = 0;
		open_tid = 0;
	}
	if (open_tid && (open_tid != tid || part != TRACE_END))
		put_string(" <unfinished ...>\n");
	if (part == TRACE_END && open_tid != tid)
		snprintf(head, sizeof(head), "[%d] <... %s resumed>", tid, call ? call : "call");
	else if (part != TRACE_END)
		snprintf(head, sizeof(head), "[%d] ", tid);
	else
		head[0] = 0;
	put_string(head);
	put(l->text, l->n);
	open_tid = part == TRACE_BEGIN ? tid : 0;
	if (part != TRACE_BEGIN)
		put_string("\n");
}

/* Without a reader: a line of its own at the start of a call, so that one that hangs is seen. */
static void to_log(const struct trace_line *l, enum trace_part part, const char *call)
{
	int tid = thread_current()->tid;

	if (part == TRACE_END)
		log_info("[%d] <... %s>%.*s", tid, call ? call : "call", (int)LOG_ROOM, l->text);
	else
		log_info("[%d] %.*s%s", tid, (int)LOG_ROOM, l->text, part == TRACE_BEGIN ? " ..." : "");
}

enum outcome { WRITTEN, NO_READER, FULL };

static enum outcome try_write(const struct trace_line *l, enum trace_part part, const char *call, bool dying)
{
	enum outcome done = NO_READER;

	spin_lock(&lock);
	if (reader && may_write(dying)) {
		put_locked(l, part, call);
		done = WRITTEN;
	} else if (reader) {
		lost += dying;
		done = dying ? WRITTEN : FULL;
	}
	spin_unlock(&lock);
	return done;
}

void trace_write(const struct trace_line *l, enum trace_part part, const char *call)
{
	enum outcome done;

	while ((done = try_write(l, part, call, signal_pending_fatal())) == FULL)
		if (wait_event(&writers, may_write(false)) && !signal_pending_fatal())
			(void)sleep_until(arch_clock_ns() + RETRY_NS, false);	/* a signal that is not for now */
	if (done == NO_READER)
		to_log(l, part, call);
	else
		wake_up_all(&readers, POLLIN);
}

/* ---- /dev/trace */

static int device_open(struct file *f)
{
	int err = 0;

	if (!(f->mode & FILE_READ))
		return 0;
	spin_lock(&lock);
	if (reader || thread_traced()) {
		err = -EBUSY;
	} else {
		store_relaxed(&reader, f);
		store_relaxed(&reader_tid, thread_current()->tid);
		taken = written;
		lost = 0;
		open_tid = 0;
	}
	spin_unlock(&lock);
	return err;
}

static void device_release(struct file *f)
{
	spin_lock(&lock);
	if (reader == f)
		store_relaxed(&reader, nullptr);
	spin_unlock(&lock);
	wake_up_all(&writers, 0);
}

static size_t take(char *buf, size_t size)
{
	spin_lock(&lock);
	size_t n = min(written - taken, size);

	for (size_t i = 0; i < n; i++)
		buf[i] = ring[(taken + i) % RING];
	store_relaxed(&taken, taken + n);
	spin_unlock(&lock);
	return n;
}

static long device_read(struct file *f, struct io *io, u64 *pos)
{
	char buf[512];
	size_t n, done = 0;

	if (thread_traced())
		return -EBUSY;
	while (!(n = take(buf, min(io->left, sizeof(buf))))) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		int err = wait_event(&readers, load_relaxed(&written) != load_relaxed(&taken));

		if (err)
			return err;
	}
	while (n) {
		size_t put = io_put(io, buf, n);

		done += put;
		n = put < n ? 0 : take(buf, min(io->left, sizeof(buf)));
	}
	wake_up_all(&writers, 0);
	return done ? (long)done : -EFAULT;
}

static long device_write(struct file *f, struct io *io, u64 *pos)
{
	char what;
	size_t n = io->left;

	if (io_take(io, &what, 1) != 1)
		return -EFAULT;
	if (what == '1' && load_relaxed(&reader) && load_relaxed(&reader_tid) == thread_current()->tid)
		return -EBUSY;
	if (what == '1')
		thread_trace_on(THREAD_LOG);
	else if (what == '0')
		thread_trace_off(THREAD_LOG);
	else
		return -EINVAL;
	return (long)n;
}

static u32 device_poll(struct file *f, struct poll_table *pt)
{
	poll_wait(pt, &readers);
	return POLLOUT | (load_relaxed(&written) != load_relaxed(&taken) ? POLLIN | POLLRDNORM : 0);
}

void trace_device_init(void)
{
	static const struct file_ops ops = { .open = device_open, .release = device_release,
					     .read = device_read, .write = device_write, .poll = device_poll };
	static struct chardev device = { .dev = 10u << 20 | 60, .name = "trace", .mode = 0600, .ops = &ops };

	wait_queue_init(&readers);
	wait_queue_init(&writers);
	if (chardev_register(&device))
		log_err("trace: cannot make /dev/trace");
}
