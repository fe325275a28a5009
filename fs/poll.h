// SPDX-License-Identifier: MIT
/*
 * Waiting for files to become ready: poll, select, epoll. A file's poll operation calls poll_wait()
 * for each queue that it wakes and returns what is ready now; the wakers pass what became ready as
 * wake_up's key.
 */
#pragma once

#include "lib/base.h"
#include "proc/wait.h"

struct file;

enum : u32 {
	POLLIN = 1,
	POLLPRI = 2,
	POLLOUT = 4,
	POLLERR = 8,
	POLLHUP = 16,
	POLLNVAL = 32,
	POLLRDNORM = 64,
	POLLRDBAND = 128,
	POLLWRNORM = 256,
	POLLWRBAND = 512,
	POLLMSG = 1024,
	POLLRDHUP = 0x2000,
};

struct poll_table {
	/* Enters the queue; called by poll_wait. */
	void (*add)(struct poll_table *pt, struct wait_queue *q);
	struct file *file;		/* whose poll runs */
	u32 events;			/* what is asked for */
	int err;
};

/* pt nullptr: only ask. */
static inline void poll_wait(struct poll_table *pt, struct wait_queue *q)
{
	if (pt)
		pt->add(pt, q);
}

/* What f is ready for now: POLL*. */
u32 file_poll(struct file *f, struct poll_table *pt);

/* One thread that waits for many queues. */
struct poll_set;
struct poll_entry;
constexpr unsigned POLL_INLINE = 8;

struct poll_entry {
	struct waiter waiter;
	struct poll_set *set;
	struct wait_queue *queue;
	u32 events;			/* POLL* that count */
	struct file *file;		/* a reference */
	struct poll_entry *next;
};

struct poll_set {
	struct poll_table table;	/* first */
	struct wait_queue woken;	/* the thread sleeps here */
	u32 triggered;			/* (a) */
	unsigned used;
	struct poll_entry *more;
	struct poll_entry entries[POLL_INLINE];
};

void poll_set_init(struct poll_set *s);
/* Leaves all queues. */
void poll_set_end(struct poll_set *s);
/* Sleeps until one of the queues was woken since the last call: 0, -ETIMEDOUT, -ERESTARTNOHAND for
 * a signal. */
int poll_set_sleep(struct poll_set *s, u64 deadline_ns);
