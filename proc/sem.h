// SPDX-License-Identifier: MIT
/*
 * System V semaphores (semget(2), semop(2), semctl(2)): sets of small numbers. A call changes any number of one set at
 * once, or sleeps until it can; SEM_UNDO has the end of the process take its changes back.
 *
 * All may sleep. -EINVAL: no such set; -EIDRM: it was removed meanwhile.
 */
#pragma once

#include "proc/ipc.h"

enum : int { SEM_UNDO = 0x1000, SEM_VALUE_MAX = 32767 };

struct sem_op { u16 number; s16 change, flags; };	/* the kernel's ABI: struct sembuf */

/* A copy of what is known of a set. */
struct sem_status {
	struct ipc_entry ipc;
	u32 n;
	s64 otime, ctime;
};

struct sem_usage { u32 sets, semaphores; int highest; };
struct sem_limits { u32 per_set, all, per_call, sets; };	/* /proc/sys/kernel/sem */
extern struct sem_limits sem_limits;			/* (a) */

/* flags: IPC_CREAT, IPC_EXCL, mode. The set's number or -errno. */
long sem_get(int key, int n, int flags);
/* Does all of ops at once. 0; -EAGAIN: it would have to wait, or the time is over; -EINTR; -EFBIG, -EACCES, -ERANGE,
 * -ENOMEM, -EIDRM. */
long sem_operate(int id, const struct sem_op *ops, unsigned n, u64 deadline_ns);
/* By number, or by place in the table. any: without permission to read. */
[[nodiscard]] int sem_status(int id, bool place, bool any, struct sem_status *out);
/* The first at or behind *place, for lists; false: none. */
bool sem_next(u64 *place, struct sem_status *out);
enum sem_question : u8 { SEM_ASK_VALUE, SEM_ASK_PID, SEM_ASK_WAIT_MORE, SEM_ASK_WAIT_ZERO };
long sem_ask(int id, int number, enum sem_question what);
long sem_set_value(int id, int number, int value);
/* All values of a set of n (-EINVAL if it has another number of them). */
long sem_get_values(int id, u16 *values, u32 n);
long sem_set_values(int id, const u16 *values, u32 n);
long sem_set_owner(int id, u32 uid, u32 gid, u32 mode);
long sem_remove(int id);
void sem_usage(struct sem_usage *out);

/* ---- what processes owe to semaphores */
struct task;
/* clone(CLONE_SYSVSEM): both owe together. 0 or -ENOMEM. */
[[nodiscard]] int sem_undo_share(struct task *from, struct task *to);
/* The task ends: the last who shares the debt pays it. */
void sem_undo_end(struct task *t);
