// SPDX-License-Identifier: MIT
/* Who a process acts for (credentials(7)): immutable, counted; changed by replacing. */
#pragma once

#include "lib/base.h"

struct task;

constexpr unsigned GROUPS_MAX = 32;

/* What is counted for each real user, over all its processes. */
struct user {
	u32 refs;			/* (a) */
	u32 uid;			/* (i) */
	struct user *next;		/* (users_lock) chain of the hash table */
	u32 processes;			/* (a) RLIMIT_NPROC: threads */
	u32 sigpending;			/* (a) RLIMIT_SIGPENDING: queued signals */
	u32 inotifies, watches;		/* (a) inotify(7)'s limits */
	u32 in_flight;			/* (a) files in messages of its sockets: RLIMIT_NOFILE */
};

struct cred {
	u32 refs;			/* (a) */
	struct user *user;		/* (i) of uid; a reference */
	struct cred *next_old;		/* task->old_creds */
	u32 uid, euid, suid, fsuid;
	u32 gid, egid, sgid, fsgid;
	u32 ngroups, groups[GROUPS_MAX];
	u64 cap_permitted, cap_effective, cap_inheritable, cap_bounding;	/* capabilities(7) */
	u32 securebits;
};

const struct cred *cred_current(void);	/* of the current task; kernel threads: root's. Valid while the call runs */
void cred_get(const struct cred *c);
void cred_put(const struct cred *c);
/* Of another task, with a reference. Takes task->siglock. */
const struct cred *cred_of(struct task *t);
/* A private copy of the current task's to change; nullptr without memory. refs 1. */
[[nodiscard]] struct cred *cred_copy(void);
/* Gives c another real user (and counts there); 0 or -ENOMEM. Only between cred_copy and cred_commit. */
[[nodiscard]] int cred_set_uid(struct cred *c, u32 uid);
/* Makes c the current task's; takes the reference. Cannot fail. */
void cred_commit(struct cred *c);
bool cred_in_group(const struct cred *c, u32 gid);	/* fsgid or supplementary */
bool cred_capable(const struct cred *c, int cap);
enum { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID,
	CAP_SETPCAP, CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_ADMIN, CAP_NET_RAW,
	CAP_IPC_LOCK, CAP_IPC_OWNER, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_CHROOT, CAP_SYS_PTRACE, CAP_SYS_PACCT,
	CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_NICE, CAP_SYS_RESOURCE, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG, CAP_MKNOD,
	CAP_LEASE, CAP_LAST = 40 };
constexpr u64 CAP_ALL = (2ul << CAP_LAST) - 1;
