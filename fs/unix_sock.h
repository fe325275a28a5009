// SPDX-License-Identifier: MIT
/* Between fs/unix.c (names and connections) and fs/unix_io.c (messages). */
#pragma once

#include "fs/file.h"
#include "fs/unix.h"
#include "lib/list.h"

constexpr size_t UNIX_BUFFER = 208 * KiB;	/* what a sender's messages that nobody has received may cost */
constexpr size_t UNIX_QUEUE = 4 * UNIX_BUFFER;	/* the same of a receiver of datagrams, whoever sent them */

/* One write. A stream reads across them, but not across files. */
struct unix_message {
	struct list node;
	struct unix_sock *from;		/* a reference */
	u32 cost;			/* bytes of memory, its own and the sender's: many small ones are not free */
	size_t len, at;
	struct unix_extra *extra;	/* nullptr: none */
	char data[];
};

/* (u) unix_lock  (l) lock  (f) unix_flight.c's lock  (a) atomic  (i) fixed */
struct unix_sock {
	u32 refs;			/* (a) the file, the peer, its messages, a listener's
					 * queue */
	int type;			/* (i) */
	struct unix_sock *peer;		/* (u) a reference; whom it sends to */
	struct unix_address name;	/* (u) */
	struct path place;		/* (u) of a path name */
	struct list bound;		/* (u) among those with names */
	struct list pending;		/* (u) listening: connections; else its place in such a
					 * list */
	unsigned npending, backlog;	/* (u) */
	bool listening;			/* (u) */
	struct unix_peer owner, connector;	/* (u) credentials */

	struct mutex lock;
	struct list messages;		/* (l) */
	size_t queued;			/* (l) what they cost; read without to see whether there is room */
	bool closed_read, closed_write;	/* (a) shutdown, or the peer is gone */
	bool reset;			/* (a) the peer went without reading all */
	u32 outstanding;		/* (a) cost of its messages that others have not read */
	struct wait_queue readable, writable;

	struct file *file;		/* (i) its own, no reference; nullptr: not accepted yet */
	u32 in_flight;			/* (f) references to its file in messages */
	u32 inner;			/* (f) those in queues of candidates */
	bool candidate;			/* (f) may be in flight for ever */
	struct list flying, reached;	/* (f) */
};

extern struct mutex unix_lock;		/* before any socket's lock */
struct unix_sock *unix_of(struct file *f);	/* nullptr: no socket of ours */
void unix_get(struct unix_sock *s);
void unix_put(struct unix_sock *s);
/* The socket of that name, with a reference; unix_lock not held. 0, -ECONNREFUSED, -ENOENT, … */
[[nodiscard]] int unix_find(const struct unix_address *a, int type, struct unix_sock **out);
void unix_message_free(struct unix_message *m);
void unix_messages_free(struct list *messages);
/* Files that travel; under no lock but the receiving socket's. begin: 0, or -ETOOMANYREFS. peek: out gets
 * references of its own. drop closes them and frees e. */
[[nodiscard]] int unix_flight_begin(struct unix_extra *e);
void unix_flight_end(struct unix_extra *e);
void unix_flight_peek(const struct unix_extra *e, struct unix_extra *out);
void unix_flight_drop(struct unix_extra *e);
long unix_read(struct file *f, struct io *io, u64 *pos);
long unix_write(struct file *f, struct io *io, u64 *pos);
