// SPDX-License-Identifier: MIT
/*
 * procfs: /proc/sys, the kernel's parameters (sysctl). Most are constants here and refuse to be
 * written.
 */
#include "fs/file.h"
#include "fs/inotify.h"
#include "fs/number.h"
#include "fs/pipe.h"
#include "fs/procfs_tree.h"
#include "fs/pty.h"
#include "lib/printf.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/kmem.h"
#include "mm/map.h"
#include "mm/page.h"
#include "proc/cred.h"
#include "proc/sched.h"
#include "proc/system.h"
#include "proc/unknown.h"

#define CONSTANT(name, format, ...)                                  \
	static int show_##name(struct inode *i, struct text *t)      \
	{                                                            \
		text_printf(t, format "\n", ##__VA_ARGS__);          \
		return 0;                                            \
	}

CONSTANT(ostype, "%s", SYSTEM_NAME)
CONSTANT(osrelease, "%s", SYSTEM_RELEASE)
CONSTANT(version, "%s", SYSTEM_VERSION)
CONSTANT(pid_max, "%d", 4194304)
CONSTANT(threads_max, "%u", threads_max())
CONSTANT(randomize_va_space, "2")
CONSTANT(cap_last_cap, "%d", CAP_LAST)
CONSTANT(ngroups_max, "%u", GROUPS_MAX)
CONSTANT(sched_rr_timeslice_ms, "%lu", SCHED_RR_SLICE_NS / 1000000)
CONSTANT(sched_rt_period_us, "%lu", SCHED_RT_PERIOD_NS / 1000)
CONSTANT(sched_rt_runtime_us, "%lu", SCHED_RT_MOST_NS / 1000)
CONSTANT(entropy_avail, "256")
CONSTANT(poolsize, "256")
CONSTANT(overcommit_memory, "%u", load_relaxed(&commit_policy.mode))
CONSTANT(overcommit_ratio, "%u", load_relaxed(&commit_policy.ratio))
CONSTANT(overcommit_kbytes, "%lu", load_relaxed(&commit_policy.kbytes))
CONSTANT(max_map_count, "%u", REGIONS_MAX)
CONSTANT(mmap_min_addr, "%lu", PAGE_SIZE)
CONSTANT(drop_caches, "0")
CONSTANT(file_max, "%lu", ~0ul >> 1)
CONSTANT(nr_open, "%u", FILES_MAX)
CONSTANT(pipe_max_size, "%zu", PIPE_SIZE_MAX)
CONSTANT(pty_max, "%u", load_relaxed(&pty_limit))
CONSTANT(inotify_events, "%u", INOTIFY_QUEUE_MAX)
CONSTANT(inotify_instances, "%u", INOTIFY_INSTANCES_MAX)
CONSTANT(inotify_watches, "%u", INOTIFY_WATCHES_MAX)
CONSTANT(pty_nr, "%u", pty_count())

/* ---- names of the machine */

static int show_hostname(struct inode *i, struct text *t)
{
	char name[SYSTEM_NAME_MAX + 1];

	system_hostname(name);
	text_printf(t, "%s\n", name);
	return 0;
}

static int show_domainname(struct inode *i, struct text *t)
{
	char name[SYSTEM_NAME_MAX + 1];

	system_domainname(name);
	text_printf(t, "%s\n", name);
	return 0;
}

/* Up to the first newline, cut to what fits, as on Linux. */
static long store_name(const char *buf, size_t n, void (*set)(const char *name, size_t n))
{
	const char *end = strchr(buf, '\n');
	size_t len = end ? (size_t)(end - buf) : strlen(buf);

	if (!cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	set(buf, min(len, SYSTEM_NAME_MAX));
	return (long)n;
}

static long store_hostname(struct inode *i, const char *buf, size_t n)
{
	return store_name(buf, n, system_set_hostname);
}

static long store_domainname(struct inode *i, const char *buf, size_t n)
{
	return store_name(buf, n, system_set_domainname);
}

/* What is written to a sysctl, by who may do that. */
static long store_limited(const char *buf, size_t n, u64 most, u64 *out)
{
	return cred_capable(cred_current(), CAP_SYS_ADMIN) ? number_first(buf, n, most, out) : -EPERM;
}

/* ---- the log's level: console, default, lowest, at boot */

static int show_printk(struct inode *i, struct text *t)
{
	text_printf(t, "%d\t4\t1\t7\n", console_level());
	return 0;
}

/* The numbers behind the first are passed over. */
static long store_printk(struct inode *i, const char *buf, size_t n)
{
	u64 level;
	long taken = store_limited(buf, n, 15, &level);

	if (taken > 0)
		console_set_level((int)level);
	return taken > 0 ? (long)n : taken;
}

static int show_log_unknown(struct inode *i, struct text *t)
{
	text_printf(t, "%d\n", load_relaxed(&unknown_logged));
	return 0;
}

static long store_log_unknown(struct inode *i, const char *buf, size_t n)
{
	u64 on;
	long taken = store_limited(buf, n, 1, &on);

	if (taken > 0)
		store_relaxed(&unknown_logged, on);
	return taken;
}

/* ---- random/ (RFC 4122, version 4) */

static void show_id(struct text *t, u8 id[16])
{
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
	for (unsigned k = 0; k < 16; k++)
		text_printf(t, "%s%02x", k == 4 || k == 6 || k == 8 || k == 10 ? "-" : "", id[k]);
	text_puts(t, "\n");
}

static int show_uuid(struct inode *i, struct text *t)
{
	u8 id[16];

	random_bytes(id, sizeof(id));
	show_id(t, id);
	return 0;
}

static int show_boot_id(struct inode *i, struct text *t)
{
	static struct mutex lock = MUTEX_INIT(lock);
	static u8 id[16];	/* (lock) */

	scoped_mutex(&lock);
	if (!id[6])		/* never 0 once its version bits are set */
		random_bytes(id, sizeof(id));
	show_id(t, id);
	return 0;
}

/* Nothing that can be dropped is ever kept: files have no store but memory. */
static long store_drop_caches(struct inode *i, const char *buf, size_t n)
{
	u64 what;
	long taken = number_first(buf, n, 4, &what);

	return taken > 0 && !what ? -EINVAL : taken;
}

static long store_pty_max(struct inode *i, const char *buf, size_t n)
{
	u64 max;
	long taken = number_first(buf, n, PTYS_MAX, &max);

	if (taken > 0)
		store_relaxed(&pty_limit, (unsigned)max);
	return taken;
}

static int show_file_nr(struct inode *i, struct text *t)
{
	struct slab_info s;

	for (unsigned n = 0; slab_info(n, &s); n++)
		if (!strcmp(s.name, "file"))
			text_printf(t, "%lu\t0\t%lu\n", s.in_use, ~0ul >> 1);
	return 0;
}

/* ---- vm/ */

static int show_min_free_kbytes(struct inode *i, struct text *t)
{
	struct page_watermarks w;

	page_watermarks(&w);
	text_printf(t, "%lu\n", w.min * (PAGE_SIZE / KiB));
	return 0;
}

static long store_overcommit_memory(struct inode *i, const char *buf, size_t n)
{
	u64 mode;
	long res = store_limited(buf, n, COMMIT_NEVER, &mode);

	if (res > 0)
		store_relaxed(&commit_policy.mode, (u32)mode);
	return res;
}

/* Of ratio and kbytes the one that was written last counts, as on Linux. */
static long store_overcommit_ratio(struct inode *i, const char *buf, size_t n)
{
	u64 ratio;
	long res = store_limited(buf, n, ~0u >> 1, &ratio);

	if (res > 0) {
		store_relaxed(&commit_policy.ratio, (u32)ratio);
		store_relaxed(&commit_policy.kbytes, 0);
	}
	return res;
}

static long store_overcommit_kbytes(struct inode *i, const char *buf, size_t n)
{
	u64 kbytes;
	long res = store_limited(buf, n, ~0ul, &kbytes);

	if (res > 0) {
		store_relaxed(&commit_policy.kbytes, kbytes);
		store_relaxed(&commit_policy.ratio, 0);
	}
	return res;
}

#define RO(n, fn) { .name = n, .mode = S_IFREG | 0444, .show = show_##fn }
#define WRITABLE(n, sh, st) { .name = n, .mode = S_IFREG | 0644, .show = sh, .store = st, .first_only = true }
#define SYSCTL(n, fn) WRITABLE(n, sysctl_show_##fn, sysctl_store_##fn)
#define RW(n, fn) WRITABLE(n, show_##fn, store_##fn)

static const struct pseudo_entry random_table[] = {
	RO("boot_id", boot_id),
	RO("entropy_avail", entropy_avail),
	RO("poolsize", poolsize),
	RO("uuid", uuid),
	{},
};

static const struct pseudo_entry pty_table[] = {
	RW("max", pty_max),
	RO("nr", pty_nr),
	{},
};

static const struct pseudo_entry kernel_table[] = {
	RO("cap_last_cap", cap_last_cap),
	RW("domainname", domainname),
	RW("hostname", hostname),
	RW("log_unknown", log_unknown),
	SYSCTL("msgmax", msgmax),
	SYSCTL("msgmnb", msgmnb),
	SYSCTL("msgmni", msgmni),
	RO("ngroups_max", ngroups_max),
	RO("osrelease", osrelease),
	RO("ostype", ostype),
	RO("pid_max", pid_max),
	RW("printk", printk),
	{ .name = "pty", .mode = S_IFDIR | 0555, .children = pty_table },
	{ .name = "random", .mode = S_IFDIR | 0555, .children = random_table },
	RO("randomize_va_space", randomize_va_space),
	RO("sched_rr_timeslice_ms", sched_rr_timeslice_ms),
	RO("sched_rt_period_us", sched_rt_period_us),
	RO("sched_rt_runtime_us", sched_rt_runtime_us),
	{ .name = "sem", .mode = S_IFREG | 0444, .show = sysctl_show_sem },
	SYSCTL("shmall", shmall),
	SYSCTL("shmmax", shmmax),
	SYSCTL("shmmni", shmmni),
	RO("threads-max", threads_max),
	RO("version", version),
	{},
};

static const struct pseudo_entry vm_table[] = {
	RW("drop_caches", drop_caches),
	RO("max_map_count", max_map_count),
	RO("mmap_min_addr", mmap_min_addr),
	RO("min_free_kbytes", min_free_kbytes),
	RW("overcommit_kbytes", overcommit_kbytes),
	RW("overcommit_memory", overcommit_memory),
	RW("overcommit_ratio", overcommit_ratio),
	{},
};

static const struct pseudo_entry inotify_table[] = {
	RO("max_queued_events", inotify_events),
	RO("max_user_instances", inotify_instances),
	RO("max_user_watches", inotify_watches),
	{},
};

static const struct pseudo_entry fs_table[] = {
	RO("file-max", file_max),
	RO("file-nr", file_nr),
	{ .name = "inotify", .mode = S_IFDIR | 0555, .children = inotify_table },
	RO("nr_open", nr_open),
	RO("pipe-max-size", pipe_max_size),
	{},
};

const struct pseudo_entry proc_sys_table[] = {
	{ .name = "fs", .mode = S_IFDIR | 0555, .children = fs_table },
	{ .name = "kernel", .mode = S_IFDIR | 0555, .children = kernel_table },
	{ .name = "vm", .mode = S_IFDIR | 0555, .children = vm_table },
	{},
};
