// SPDX-License-Identifier: MIT
/*
 * procfs: the directory of a process, /proc/PID, and of its threads, /proc/PID/task. What the
 * entries show is in the other files; here is which there are, whom they are about, and who may
 * look.
 */
#include "fs/procfs_tree.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/vm.h"

/* ---- whom an inode is about */

struct task *pid_task(const struct inode *i)
{
	struct task *t = task_find((int)(i->arg[0] >> 32));

	if (t && t->start_ns != i->arg[1]) {
		task_put(t);
		return nullptr;
	}
	return t;
}

int pid_ref_get(const struct inode *i, struct pid_ref *out)
{
	*out = (struct pid_ref){ .task = pid_task(i) };
	if (!out->task)
		return -ESRCH;
	out->thread = thread_find(pid_arg_number(i));
	if (out->thread && out->thread->task == out->task)
		return 0;
	pid_ref_put(out);
	return -ESRCH;
}

void pid_ref_put(struct pid_ref *r)
{
	if (r->thread)
		thread_put(r->thread);
	if (r->task)
		task_put(r->task);
	*r = (struct pid_ref){};
}

int pid_vm(const struct inode *i, struct vm **out)
{
	scoped_task *t = pid_task(i);

	if (!t)
		return -ESRCH;
	*out = task_vm(t);
	return 0;
}

void vm_put_scope(struct vm **vm)
{
	if (*vm)
		vm_put(*vm);
}

/* ---- who may look */

bool pid_may_inspect(struct task *t)
{
	const struct cred *c = cred_current();

	if (t == task_current())
		return true;
	const struct cred *of = cred_of(t);
	bool same = c->fsuid == of->uid && c->fsuid == of->euid && c->fsuid == of->suid &&
		    c->fsgid == of->gid && c->fsgid == of->egid && c->fsgid == of->sgid;

	same = same && !(of->cap_permitted & ~c->cap_effective);
	cred_put(of);
	return (same && load_relaxed(&t->dumpable)) || cred_capable(c, CAP_SYS_PTRACE);
}

int pid_private_open(struct file *f)
{
	scoped_task *t = pid_task(f->inode);

	if (!t)
		return -ESRCH;
	return pid_may_inspect(t) ? 0 : -EACCES;
}

static int private_text_open(struct file *f)
{
	int err = pid_private_open(f);

	return err ? err : pseudo_text_fops.open(f);
}

static void text_release(struct file *f)
{
	pseudo_text_fops.release(f);
}

static long text_read(struct file *f, struct io *io, u64 *pos)
{
	return pseudo_text_fops.read(f, io, pos);
}

const struct file_ops pid_private_fops = {
	.open = private_text_open, .release = text_release, .read = text_read,
};

void pid_refresh(struct inode *i)
{
	scoped_task *t = pid_task(i);

	if (!t)
		return;
	const struct cred *c = cred_of(t);
	bool hidden = i->mode != (S_IFDIR | 0555) && !load_relaxed(&t->dumpable);

	store_relaxed(&i->uid, hidden ? 0 : c->euid);
	store_relaxed(&i->gid, hidden ? 0 : c->egid);
	cred_put(c);
}

static int pid_resize(struct inode *i, u64 size)
{
	return 0;
}

const struct inode_ops pid_file_ops = { .refresh = pid_refresh, .resize = pid_resize };

/* ---- what there is */

#define FILE_ENTRY(n, m, fn) { .name = n, .mode = S_IFREG | m, .ops = &pid_file_ops, .show = fn }
#define STORE_ENTRY(n, m, fn, st) \
	{ .name = n, .mode = S_IFREG | m, .ops = &pid_file_ops, .show = fn, .store = st }
#define PRIVATE_ENTRY(n, m, fn) \
	{ .name = n, .mode = S_IFREG | m, .ops = &pid_file_ops, .fops = &pid_private_fops, \
	  .show = fn }
#define LINK_ENTRY(n, o) { .name = n, .mode = S_IFLNK | 0777, .ops = o }
#define DIR_ENTRY(n, m, o, f) { .name = n, .mode = S_IFDIR | m, .ops = o, .fops = f }
#define STREAM_ENTRY(n, m, f) { .name = n, .mode = S_IFREG | m, .ops = &pid_file_ops, .fops = f }

/* Of a process and of each of its threads alike. */
#define COMMON_ENTRIES \
	PRIVATE_ENTRY("auxv", 0400, pid_show_auxv), \
	FILE_ENTRY("cgroup", 0444, pid_show_cgroup), \
	FILE_ENTRY("cmdline", 0444, pid_show_cmdline), \
	STORE_ENTRY("comm", 0644, pid_show_comm, pid_store_comm), \
	LINK_ENTRY("cwd", &pid_cwd_ops), \
	PRIVATE_ENTRY("environ", 0400, pid_show_environ), \
	LINK_ENTRY("exe", &pid_exe_ops), \
	DIR_ENTRY("fd", 0500, &pid_fd_dir_ops, &pid_fd_dir_fops), \
	DIR_ENTRY("fdinfo", 0555, &pid_fdinfo_dir_ops, &pid_fdinfo_dir_fops), \
	FILE_ENTRY("limits", 0444, pid_show_limits), \
	FILE_ENTRY("loginuid", 0444, pid_show_no_login), \
	STREAM_ENTRY("maps", 0444, &pid_maps_fops), \
	STREAM_ENTRY("mem", 0600, &pid_mem_fops), \
	FILE_ENTRY("mountinfo", 0444, pid_show_mountinfo), \
	FILE_ENTRY("mounts", 0444, pid_show_mounts), \
	FILE_ENTRY("oom_score", 0444, pid_show_oom_score), \
	STORE_ENTRY("oom_score_adj", 0644, pid_show_oom_score_adj, pid_store_oom_score_adj), \
	STREAM_ENTRY("pagemap", 0400, &pid_pagemap_fops), \
	PRIVATE_ENTRY("pagetables", 0400, pid_show_pagetables), \
	PRIVATE_ENTRY("personality", 0400, pid_show_personality), \
	LINK_ENTRY("root", &pid_root_ops), \
	FILE_ENTRY("sessionid", 0444, pid_show_no_login), \
	STREAM_ENTRY("smaps", 0444, &pid_smaps_fops), \
	PRIVATE_ENTRY("smaps_rollup", 0444, pid_show_smaps_rollup), \
	FILE_ENTRY("statm", 0444, pid_show_statm), \
	FILE_ENTRY("status", 0444, pid_show_status), \
	PRIVATE_ENTRY("syscall", 0400, pid_show_syscall), \
	FILE_ENTRY("wchan", 0444, pid_show_wchan)

static const struct pseudo_entry thread_table[] = {
	COMMON_ENTRIES,
	FILE_ENTRY("stat", 0444, pid_show_thread_stat),
	{},
};

static const struct inode_ops dir_ops = { .lookup = pseudo_lookup, .refresh = pid_refresh };
static const struct pseudo_entry thread_entry = {
	.name = "TID", .mode = S_IFDIR | 0555, .ops = &dir_ops, .children = thread_table,
};

/* ---- /proc/PID/task */

static int task_lookup(struct dentry *dir, struct dentry *child)
{
	scoped_task *task = pid_task(dir->inode);
	int number, err = -ENOENT;

	if (!task || !proc_number(child->name, child->len, &number))
		return -ENOENT;
	struct thread *t = thread_find(number);

	if (!t)
		return -ENOENT;
	if (t->task == task)
		err = pseudo_instantiate(child, &thread_entry, pid_arg(task, number),
					 task->start_ns);
	thread_put(t);
	return err;
}

/* The thread with the lowest number above `tid`; 0: none. */
static int next_tid(struct task *task, int tid)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	int best = 0;

	list_for_each(t, &task->threads, struct thread, in_task)
		if (t->tid > tid && (!best || t->tid < best))
			best = t->tid;
	spin_unlock_irq(&tasks_lock, flags);
	return best;
}

static int task_iterate(struct file *f, struct dir_sink *sink)
{
	scoped_task *task = pid_task(f->inode);

	if (!task)
		return -ESRCH;
	if (f->pos < PSEUDO_STATIC_END && pseudo_iterate(f, sink))
		return 0;
	for (;;) {
		int tid = next_tid(task, (int)(f->pos - PSEUDO_STATIC_END));
		u64 next = PSEUDO_STATIC_END + (u64)tid;
		char name[16];

		if (!tid)
			return 0;
		int len = snprintf(name, sizeof(name), "%d", tid);

		if (!sink->entry(sink, name, (size_t)len, (u64)tid << 32 | 2, S_IFDIR, next))
			return 0;
		f->pos = next;
	}
}

static const struct inode_ops task_dir_ops = { .lookup = task_lookup, .refresh = pid_refresh };
static const struct file_ops task_dir_fops = { .iterate = task_iterate };

static const struct pseudo_entry process_table[] = {
	COMMON_ENTRIES,
	FILE_ENTRY("stat", 0444, pid_show_stat),
	STORE_ENTRY("clear_refs", 0200, nullptr, pid_store_clear_refs),
	DIR_ENTRY("task", 0555, &task_dir_ops, &task_dir_fops),
	{},
};

const struct pseudo_entry pid_entry = {
	.name = "PID", .mode = S_IFDIR | 0555, .ops = &dir_ops, .children = process_table,
};

bool inode_is_process_dir(const struct inode *i)
{
	return i->ops == &dir_ops && i->data == &pid_entry;
}
