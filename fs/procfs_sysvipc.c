// SPDX-License-Identifier: MIT
/* procfs: /proc/sysvipc, and the limits in /proc/sys/kernel: what ipcs(1) reads. */
#include "fs/procfs_tree.h"
#include "lib/string.h"
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

const struct pseudo_entry proc_sysvipc_table[] = {
	{ .name = "shm", .mode = S_IFREG | 0444, .show = show_shm },
	{},
};

/* ---- limits */

static long store_number(const char *buf, size_t n, u64 max, u64 *out)
{
	const char *end;
	u64 value = str_number(buf, &end);

	if (!cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	if (end == buf || value > max)
		return -EINVAL;
	*out = value;
	return (long)n;
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
	u64 value;
	long res = store_number(buf, n, IPC_PLACES, &value);

	if (res > 0)
		store_relaxed(&shm_limits.count, (u32)value);
	return res;
}
