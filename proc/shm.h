// SPDX-License-Identifier: MIT
/*
 * System V shared memory: objects that have a number (shmget(2), shmat(2), shmctl(2)). A segment is an object like that of
 * MAP_SHARED|MAP_ANONYMOUS; the table holds a reference until IPC_RMID, and what maps it holds the others, so that a
 * removed segment goes with its last mapping.
 *
 * Times and lpid change with shmat and shmdt, not with munmap, fork and exit. All may sleep.
 */
#pragma once

#include "proc/ipc.h"

enum : u32 { SHM_DEST = 01000, SHM_LOCKED = 02000 };	/* in ipc_entry.mode */

/* A copy of what is known of a segment. */
struct shm_status {
	struct ipc_entry ipc;
	u64 size, resident;		/* bytes; pages */
	s64 atime, dtime, ctime;
	int cpid, lpid;
	u64 attached;			/* regions that map it */
};

struct shm_usage { u32 segments; u64 pages, resident; int highest; };
struct shm_limits { u64 max, all; u32 count; };	/* /proc/sys/kernel/shmmax, shmall, shmmni */

/* flags: IPC_CREAT, IPC_EXCL, mode. The number or -errno. */
long shm_get(int key, u64 size, int flags);
/* The segment's object with a reference, and its size, if it may be used so (mode bits). */
struct object;
[[nodiscard]] int shm_open(int id, u32 want, struct object **out);
void shm_attached(struct object *o);	/* atime, lpid: after it has been mapped */
/* shmdt(2). */
long shm_detach(va_t addr);
/* By number, or by place in the table. any: without permission to read. The number in out->ipc.id. */
[[nodiscard]] int shm_status(int id, bool place, bool any, struct shm_status *out);
/* The first at or behind *place, for lists; false: none. */
bool shm_next(u64 *place, struct shm_status *out);
long shm_set(int id, u32 uid, u32 gid, u32 mode);
long shm_remove(int id);
long shm_lock(int id, bool lock);
void shm_usage(struct shm_usage *out);
extern struct shm_limits shm_limits;	/* (a) */
