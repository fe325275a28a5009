// SPDX-License-Identifier: MIT
/*
 * System V IPC: tables of things that programs name by key and number (sysvipc(7)). A number is a place in the table
 * and how often places have been used again, so that a stale one is told.
 *
 * Lock: table->lock, a leaf among spinlocks; it guards the table and the common part of its entries.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/lock.h"
#include "lib/radix.h"

enum : int { IPC_CREAT = 01000, IPC_EXCL = 02000, IPC_NOWAIT = 04000, IPC_PRIVATE = 0 };

struct ipc_entry {
	int key;			/* (l) IPC_PRIVATE: found by number only */
	int id;				/* (i) */
	u32 uid, gid, cuid, cgid;	/* (l) owner; creator (i) */
	u32 mode;			/* (l) permissions, and flags of the kind */
};

struct ipc_table {
	struct spinlock lock;
	struct radix entries;		/* (l) by place */
	u32 count, max;			/* (l) entries; the most there may be */
	u32 seq, last;			/* (l) what makes numbers differ */
};

constexpr unsigned IPC_PLACES = 32768;

/* The entry of that key / number / place, or nullptr. Lock held. */
struct ipc_entry *ipc_find_key(struct ipc_table *t, int key);
struct ipc_entry *ipc_find(struct ipc_table *t, int id);
struct ipc_entry *ipc_at(struct ipc_table *t, u64 *place);	/* the first at or behind *place */
/* The highest place in use, 0 also if there is none. Lock held. */
int ipc_highest(struct ipc_table *t);
/* Gives e a number and enters it; owner and creator are the current process. 0, -ENOSPC, -ENOMEM. Lock held. */
[[nodiscard]] int ipc_enter(struct ipc_table *t, struct ipc_entry *e, int key, int flags);
void ipc_leave(struct ipc_table *t, struct ipc_entry *e);	/* lock held */
/* May the current process use it so? want: mode bits of any class. 0 or -EACCES. */
[[nodiscard]] int ipc_permitted(const struct ipc_entry *e, u32 want);
/* May it change or remove it? 0 or -EPERM. */
[[nodiscard]] int ipc_owned(const struct ipc_entry *e);
/* IPC_SET. Lock held. */
void ipc_set(struct ipc_entry *e, u32 uid, u32 gid, u32 mode);
