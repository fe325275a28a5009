// SPDX-License-Identifier: MIT
/* Message queues as proc/msg.c (who they are) and proc/msg_op.c (what goes through them) share them. */
#pragma once

#include "proc/msg.h"

struct msg_queue {
	struct ipc_entry ipc;		/* first */
	s64 stime, rtime, ctime;	/* (l) */
	u64 bytes, messages, max_bytes;	/* (l) */
	int lspid, lrpid;		/* (l) */
	struct list list;		/* (l) msg */
	struct list senders, receivers;	/* (l) msg_waiter, in order of arrival */
};

extern struct ipc_table msg_table;	/* (l) is its lock */

/* All with the table's lock held. */
struct msg_queue *msg_find(int id);
/* There is room: lets senders go on. */
void msg_settle(struct msg_queue *q);
/* The queue goes: everybody who waits is told. */
void msg_abandon(struct msg_queue *q);
void msg_count(s64 messages, s64 bytes);	/* in all queues */
s64 msg_now(void);
