// SPDX-License-Identifier: MIT
/*
 * procfs: the root directory. Processes are entries that are made up when somebody looks;
 * everything else is in the table below. Formats are Linux's (proc(5)), since programs parse them;
 * what Linux does not have is in /proc/quire.
 *
 * Left out: what nobody here has yet (net, sysvipc, ns), and numbers that would have to be
 * invented.
 */
#include "fs/procfs.h"
#include "fs/blockdev.h"
#include "fs/chardev.h"
#include "fs/procfs_tree.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/swap.h"
#include "proc/sched.h"
#include "proc/system.h"

constexpr u64 PROC_MAGIC = 0x9fa0;

static const char *cmdline = "";

void procfs_set_cmdline(const char *line)
{
	cmdline = line;
}

/* ---- small files */

static int show_version(struct inode *i, struct text *t)
{
	text_printf(t, "%s version %s (quire) (clang version %s) %s\n", SYSTEM_NAME, SYSTEM_RELEASE,
		    __clang_version__, SYSTEM_VERSION);
	return 0;
}

static int show_cmdline(struct inode *i, struct text *t)
{
	text_printf(t, "%s\n", cmdline);
	return 0;
}

static int show_filesystems(struct inode *i, struct text *t)
{
	fs_show_all(t);
	return 0;
}

/* One line for each major number and name, as Linux has them. */
static int show_devices(struct inode *i, struct text *t)
{
	u32 last = ~0u;

	text_puts(t, "Character devices:\n");
	for (struct chardev *c = chardev_next(nullptr); c; c = chardev_next(c)) {
		u32 major = dev_major(c->dev);

		if (major == 5)	/* named as files, each */
			text_printf(t, "%3u /dev/%s\n", major, c->name);
		else if (major != last)
			text_printf(t, "%3u %s\n", major, major == 1 ? "mem" : c->driver ?: c->name);
		last = major;
	}
	text_puts(t, "\nBlock devices:\n");
	block_show_majors(t);
	return 0;
}

static int show_partitions(struct inode *i, struct text *t)
{
	block_show_partitions(t);
	return 0;
}

static int show_diskstats(struct inode *i, struct text *t)
{
	block_show_diskstats(t);
	return 0;
}

static int show_swaps(struct inode *i, struct text *t)
{
	struct swap_stats s;

	swap_stats(&s);
	text_puts(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	if (s.slots)		/* no file: it cannot be taken away */
		text_printf(t, "compressed\t\t\t\tmemory\t\t%lu\t\t%lu\t\t0\n", s.slots * (PAGE_SIZE / KiB),
			    s.used * (PAGE_SIZE / KiB));
	return 0;
}

/* ---- self */

static long self_readlink(struct inode *i, char *buf, size_t size)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d", task_current()->pid);

	memcpy(buf, text, min((size_t)n, size));
	return (long)min((size_t)n, size);
}

static long thread_self_readlink(struct inode *i, char *buf, size_t size)
{
	char text[48];
	int n = snprintf(text, sizeof(text), "%d/task/%d", task_current()->pid,
			 thread_current()->tid);

	memcpy(buf, text, min((size_t)n, size));
	return (long)min((size_t)n, size);
}

static const struct inode_ops self_ops = { .readlink = self_readlink };
static const struct inode_ops thread_self_ops = { .readlink = thread_self_readlink };

static const struct pseudo_entry root_table[] = {
	{ .name = "self", .mode = S_IFLNK | 0777, .ops = &self_ops },
	{ .name = "thread-self", .mode = S_IFLNK | 0777, .ops = &thread_self_ops },
	{ .name = "cmdline", .mode = S_IFREG | 0444, .show = show_cmdline },
	{ .name = "cpuinfo", .mode = S_IFREG | 0444, .show = proc_show_cpuinfo },
	{ .name = "devices", .mode = S_IFREG | 0444, .show = show_devices },
	{ .name = "diskstats", .mode = S_IFREG | 0444, .show = show_diskstats },
	{ .name = "filesystems", .mode = S_IFREG | 0444, .show = show_filesystems },
	{ .name = "interrupts", .mode = S_IFREG | 0444, .show = proc_show_interrupts },
	{ .name = "loadavg", .mode = S_IFREG | 0444, .show = proc_show_loadavg },
	{ .name = "meminfo", .mode = S_IFREG | 0444, .show = proc_show_meminfo },
	{ .name = "mounts", .mode = S_IFLNK | 0777, .link = "self/mounts" },
	{ .name = "partitions", .mode = S_IFREG | 0444, .show = show_partitions },
	{ .name = "quire", .mode = S_IFDIR | 0555, .children = proc_quire_table },
	{ .name = "slabinfo", .mode = S_IFREG | 0400, .show = proc_show_slabinfo },
	{ .name = "stat", .mode = S_IFREG | 0444, .show = proc_show_stat },
	{ .name = "swaps", .mode = S_IFREG | 0444, .show = show_swaps },
	{ .name = "sys", .mode = S_IFDIR | 0555, .children = proc_sys_table },
	{ .name = "sysvipc", .mode = S_IFDIR | 0555, .children = proc_sysvipc_table },
	{ .name = "uptime", .mode = S_IFREG | 0444, .show = proc_show_uptime },
	{ .name = "version", .mode = S_IFREG | 0444, .show = show_version },
	{ .name = "vmstat", .mode = S_IFREG | 0444, .show = proc_show_vmstat },
	{},
};

/* ---- the directory */

bool proc_number(const char *s, size_t len, int *out)
{
	int n = 0;

	if (len == 0 || len > 9 || (s[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		n = n * 10 + (s[i] - '0');
	}
	*out = n;
	return true;
}

/* The number of any thread leads to its process, as on Linux; only the processes are listed. */
static int root_lookup(struct dentry *dir, struct dentry *child)
{
	int err = pseudo_lookup(dir, child), number;

	if (err != -ENOENT || !proc_number(child->name, child->len, &number))
		return err;
	struct thread *t = thread_find(number);

	if (!t)
		return -ENOENT;
	err = pseudo_instantiate(child, &pid_entry, pid_arg(t->task, t->task->pid),
				 t->task->start_ns);
	thread_put(t);
	return err;
}

/* Behind the table: position PSEUDO_STATIC_END + the pid that came last. */
static int root_iterate(struct file *f, struct dir_sink *sink)
{
	if (f->pos < PSEUDO_STATIC_END && pseudo_iterate(f, sink))
		return 0;
	for (;;) {
		scoped_task *t = task_next((int)(f->pos - PSEUDO_STATIC_END));
		char name[16];

		if (!t)
			return 0;
		u64 next = PSEUDO_STATIC_END + (u64)t->pid;
		int len = snprintf(name, sizeof(name), "%d", t->pid);

		if (!sink->entry(sink, name, (size_t)len, (u64)t->pid << 32 | 1, S_IFDIR, next))
			return 0;
		f->pos = next;
	}
}

static const struct inode_ops root_ops = { .lookup = root_lookup };
static const struct file_ops root_fops = { .iterate = root_iterate };

static const struct pseudo_entry root = {
	.name = "/", .mode = S_IFDIR | 0555, .children = root_table,
	.ops = &root_ops, .fops = &root_fops,
};

static int fill(struct super *sb, const char *source, const char *options)
{
	return pseudo_fill(sb, &root, PROC_MAGIC);
}

static struct fs_type type = { .name = "proc", .fill = fill };

void procfs_init(void)
{
	fs_register(&type);
}
