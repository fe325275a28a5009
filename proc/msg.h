// SPDX-License-Identifier: MIT
/*
 * System V message queues (msgget(2), msgop(2), msgctl(2)): messages of up to msgmax bytes, each with a positive type by which
 * receivers choose. A message is kernel memory that its sender has filled and its receiver frees.
 *
 * All may sleep. -EINVAL: no such queue; -EIDRM: it was removed meanwhile.
 */
#pragma once

#include "lib/list.h"
#include "proc/ipc.h"

enum : int { MSG_NOERROR = 010000, MSG_EXCEPT = 020000, MSG_COPY = 040000 };

struct msg {
	struct list node;
	s64 type;
	u64 size;
	char text[];
};

/* A copy of what is known of a queue. */
struct msg_status {
	struct ipc_entry ipc;
	s64 stime, rtime, ctime;
	u64 bytes, messages, max_bytes;
	int lspid, lrpid;
};

struct msg_usage { u32 queues, messages; u64 bytes; int highest; };
struct msg_limits { u32 size, queue_bytes, queues; };	/* /proc/sys/kernel/msgmax, msgmnb, msgmni */
extern struct msg_limits msg_limits;			/* (a) */

/* flags: IPC_CREAT, IPC_EXCL, mode. The number or -errno. */
long msg_get(int key, int flags);
/* nullptr without memory; kfree. */
[[nodiscard]] struct msg *msg_new(u64 size);
/* Sends m, and takes it over unless it fails. -EAGAIN: full (IPC_NOWAIT); -EACCES, -EIDRM, -ERESTARTNOHAND. */
[[nodiscard]] int msg_send(int id, struct msg *m, int flags);
/* The first message of that type (0: any; negative: the lowest up to -type; MSG_EXCEPT: any other), which becomes the caller's.
 * -E2BIG: longer than size, and not MSG_NOERROR; -ENOMSG (IPC_NOWAIT); -EACCES, -EIDRM, -ERESTARTNOHAND. */
[[nodiscard]] int msg_receive(int id, u64 size, s64 type, int flags, struct msg **out);
/* MSG_COPY: what the message at `place` says, into *copy, whose size is what fits. */
[[nodiscard]] int msg_peek(int id, u64 size, s64 place, int flags, struct msg *copy);

/* By number, or by place in the table. any: without permission to read. */
[[nodiscard]] int msg_status(int id, bool place, bool any, struct msg_status *out);
/* The first at or behind *place, for lists; false: none. */
bool msg_next(u64 *place, struct msg_status *out);
/* IPC_SET. -EPERM: also for more bytes than queue_bytes without CAP_SYS_RESOURCE. */
long msg_set(int id, u32 uid, u32 gid, u32 mode, u64 max_bytes);
long msg_remove(int id);
void msg_usage(struct msg_usage *out);
