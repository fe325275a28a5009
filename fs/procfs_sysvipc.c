// SPDX-License-Identifier: MIT
/* procfs: /proc/sysvipc, and the limits in /proc/sys/kernel: what ipcs(1) reads. */
#include "fs/number.h"
#include "fs/procfs_tree.h"
#include "proc/msg.h"
#include "proc/sem.h"
#include "proc/shm.h"

static int show_shm(struct inode *i, struct text *t)
{
	struct shm_status s;

	text_puts(t, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
		     "      atime      dtime      ctime                   rss                  swap\n");
	for (u64 place = 0; shm_next(&place, &s);) {
		text_printf(t, "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10ld %10ld %10ld", s.ipc.key,
			    s.ipc.id, s.ipc.mode, s.size, s.cpid, s.lpid, s.attached, s.ipc.uid, s.ipc.gid,
			    s.ipc.cuid, s.ipc.cgid, s.atime, s.dtime, s.ctime);
		text_printf(t, " %21lu %21lu\n", s.resident * PAGE_SIZE, 0ul);
	}
	return 0;
}

static int show_sem(struct inode *i, struct text *t)
{
	struct sem_status s;

	text_puts(t, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
	for (u64 place = 0; sem_next(&place, &s);)
		text_printf(t, "%10d %10d  %4o %10u %5u %5u %5u %5u %10ld %10ld\n", s.ipc.key, s.ipc.id, s.ipc.mode,
			    s.n, s.ipc.uid, s.ipc.gid, s.ipc.cuid, s.ipc.cgid, s.otime, s.ctime);
	return 0;
}

static int show_msg(struct inode *i, struct text *t)
{
	struct msg_status s;

	text_puts(t, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
		     "      stime      rtime      ctime\n");
	for (u64 place = 0; msg_next(&place, &s);) {
		text_printf(t, "%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u", s.ipc.key, s.ipc.id, s.ipc.mode,
			    s.bytes, s.messages, s.lspid, s.lrpid, s.ipc.uid, s.ipc.gid, s.ipc.cuid, s.ipc.cgid);
		text_printf(t, " %10ld %10ld %10ld\n", s.stime, s.rtime, s.ctime);
	}
	return 0;
}

const struct pseudo_entry proc_sysvipc_table[] = {
	{ .name = "msg", .mode = S_IFREG | 0444, .show = show_msg },
	{ .name = "sem", .mode = S_IFREG | 0444, .show = show_sem },
	{ .name = "shm", .mode = S_IFREG | 0444, .show = show_shm },
	{},
};

/* ---- limits */

static long store_number(const char *buf, size_t n, u64 max, u64 *out)
{
	return cred_capable(cred_current(), CAP_SYS_ADMIN) ? number_first(buf, n, max, out) : -EPERM;
}

static long store_small(const char *buf, size_t n, u64 max, u32 *out)
{
	u64 value;
	long res = store_number(buf, n, max, &value);

	if (res > 0)
		store_relaxed(out, (u32)value);
	return res;
}

int sysctl_show_shmmax(struct inode *i, struct text *t)
{
	text_printf(t, "%lu\n", load_relaxed(&shm_limits.max));
	return 0;
}

long sysctl_store_shmmax(struct inode *i, const char *buf, size_t n)
{
	return store_number(buf, n, ~0ul, &shm_limits.max);
}

int sysctl_show_shmall(struct inode *i, struct text *t)
{
	text_printf(t, "%lu\n", load_relaxed(&shm_limits.all));
	return 0;
}

long sysctl_store_shmall(struct inode *i, const char *buf, size_t n)
{
	return store_number(buf, n, ~0ul, &shm_limits.all);
}

int sysctl_show_shmmni(struct inode *i, struct text *t)
{
	text_printf(t, "%u\n", load_relaxed(&shm_limits.count));
	return 0;
}

long sysctl_store_shmmni(struct inode *i, const char *buf, size_t n)
{
	return store_small(buf, n, IPC_PLACES, &shm_limits.count);
}

/* kernel/sem: four numbers in a line. */
int sysctl_show_sem(struct inode *i, struct text *t)
{
	text_printf(t, "%u\t%u\t%u\t%u\n", sem_limits.per_set, sem_limits.all, sem_limits.per_call, sem_limits.sets);
	return 0;
}

int sysctl_show_msgmax(struct inode *i, struct text *t)
{
	text_printf(t, "%u\n", load_relaxed(&msg_limits.size));
	return 0;
}

long sysctl_store_msgmax(struct inode *i, const char *buf, size_t n)
{
	return store_small(buf, n, INT32_MAX, &msg_limits.size);
}

int sysctl_show_msgmnb(struct inode *i, struct text *t)
{
	text_printf(t, "%u\n", load_relaxed(&msg_limits.queue_bytes));
	return 0;
}

long sysctl_store_msgmnb(struct inode *i, const char *buf, size_t n)
{
	return store_small(buf, n, INT32_MAX, &msg_limits.queue_bytes);
}

int sysctl_show_msgmni(struct inode *i, struct text *t)
{
	text_printf(t, "%u\n", load_relaxed(&msg_limits.queues));
	return 0;
}

long sysctl_store_msgmni(struct inode *i, const char *buf, size_t n)
{
	return store_small(buf, n, IPC_PLACES, &msg_limits.queues);
}
