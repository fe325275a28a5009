// SPDX-License-Identifier: MIT
/* What the calls of System V IPC share (the kernel's ABI; the same on both CPUs). */
#pragma once

#include "proc/ipc.h"

enum { IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO };

struct abi_ipc {			/* struct ipc64_perm */
	int key;
	u32 uid, gid, cuid, cgid, mode;
	u16 seq, pad;
	u64 unused[2];
};
static_assert(sizeof(struct abi_ipc) == 48);

static inline struct abi_ipc abi_ipc(const struct ipc_entry *e)
{
	return (struct abi_ipc){
		.key = e->key, .uid = e->uid, .gid = e->gid, .cuid = e->cuid, .cgid = e->cgid, .mode = e->mode,
		.seq = (u16)((u32)e->id / IPC_PLACES),
	};
}
