// SPDX-License-Identifier: MIT
/*
 * procfs: places a process holds: its open files (fd/, fdinfo/), its program, working directory and
 * root. The links lead to the place itself, not to a name, so that they work for pipes and for
 * files that have been deleted.
 */
#include "fs/file.h"
#include "fs/procfs_tree.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/vm.h"

/* ---- exe, cwd, root */

/* The process, if the current task may see where it is. */
static int inspect(const struct inode *i, struct task **out)
{
	struct task *t = pid_task(i);

	if (!t)
		return -ESRCH;
	if (!pid_may_inspect(t)) {
		task_put(t);
		return -EACCES;
	}
	*out = t;
	return 0;
}

static int exe_follow(struct inode *i, struct path *out)
{
	scoped_task *t = nullptr;
	int err = inspect(i, &t);

	if (err)
		return err;
	scoped_vm *vm = task_vm(t);

	if (!vm)
		return -ENOENT;
	*out = *(const struct path *)vm->image->exe_path;
	path_get(out);
	return 0;
}

static int task_place(struct inode *i, bool root, struct path *out)
{
	scoped_task *t = nullptr;
	int err = inspect(i, &t);

	if (!err)
		err = task_path(t, root, out);
	return err == -ESRCH ? -ENOENT : err;
}

static int cwd_follow(struct inode *i, struct path *out) { return task_place(i, false, out); }
static int root_follow(struct inode *i, struct path *out) { return task_place(i, true, out); }

/* readlink of a link that leads to a place: the place's name. */
static long place_readlink(struct inode *i, char *to, size_t size)
{
	scoped_path p = {};
	int err = i->ops->follow(i, &p);

	if (err)
		return err;
	char *buf = kmalloc(PATH_MAX);
	char *name = buf ? path_name(&p, buf, PATH_MAX) : nullptr;
	size_t n = name ? min(strlen(name), size) : 0;

	if (name)
		memcpy(to, name, n);
	kfree(buf);
	return name ? (long)n : buf ? -ENAMETOOLONG : -ENOMEM;
}

const struct inode_ops pid_exe_ops = {
	.readlink = place_readlink, .follow = exe_follow, .refresh = pid_refresh,
};
const struct inode_ops pid_cwd_ops = {
	.readlink = place_readlink, .follow = cwd_follow, .refresh = pid_refresh,
};
const struct inode_ops pid_root_ops = {
	.readlink = place_readlink, .follow = root_follow, .refresh = pid_refresh,
};

/* ---- fd/N */

static struct file *fd_file(const struct inode *i, int *err)
{
	scoped_task *t = nullptr;
	struct file *f = nullptr;

	*err = inspect(i, &t);
	if (!*err)
		f = task_file(t, (unsigned)pid_arg_number(i));
	if (!*err && !f)
		*err = -ENOENT;
	return f;
}

static int fd_follow(struct inode *i, struct path *out)
{
	int err;
	struct file *f = fd_file(i, &err);

	if (f)
		err = file_path(f, out);
	file_put(f);
	return err;
}

static long fd_readlink(struct inode *i, char *to, size_t size)
{
	int err;
	struct file *f = fd_file(i, &err);
	char *buf = f ? kmalloc(PATH_MAX) : nullptr;
	long n = !f ? err : buf ? file_name(f, buf, PATH_MAX) : -ENOMEM;

	if (n > 0) {
		n = min(n, (long)size);
		memcpy(to, buf, (size_t)n);
	}
	kfree(buf);
	file_put(f);
	return n;
}

/* The permissions of the link say how the file is open. */
static u32 fd_mode(const struct file *f)
{
	u32 mode = load_relaxed(&f->mode);

	return S_IFLNK | 0100 | (mode & FILE_READ ? 0400 : 0) | (mode & FILE_WRITE ? 0200 : 0);
}

static void fd_refresh(struct inode *i)
{
	int err;
	struct file *f = fd_file(i, &err);

	pid_refresh(i);
	if (f)
		store_relaxed(&i->mode, fd_mode(f));
	file_put(f);
}

static const struct inode_ops fd_ops = {
	.readlink = fd_readlink, .follow = fd_follow, .refresh = fd_refresh,
};
static const struct pseudo_entry fd_entry = {
	.name = "FD", .mode = S_IFLNK | 0700, .ops = &fd_ops,
};

/* ---- fdinfo/N */

static bool fd_cloexec_of(struct task *t, unsigned n)
{
	bool set = false;

	scoped_spin(&t->lock);
	if (t->files) {
		scoped_spin(&t->files->lock);
		const struct fd_table *table = t->files->table;

		set = n < table->capacity && table->cloexec[n / 64] >> n % 64 & 1;
	}
	return set;
}

static int fdinfo_show(struct inode *i, struct text *t)
{
	scoped_task *task = nullptr;
	unsigned n = (unsigned)pid_arg_number(i);
	int err = inspect(i, &task);

	if (err)
		return err;
	struct file *f = task_file(task, n);

	if (!f)
		return -ENOENT;
	u32 flags = load_relaxed(&f->flags) | (fd_cloexec_of(task, n) ? O_CLOEXEC : 0);

	text_printf(t, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n", load_relaxed(&f->pos),
		    flags, f->path.mount ? f->path.mount->id : mount_anon->id, f->inode->ino);
	if (f->ops->info)
		f->ops->info(f, t);
	file_put(f);
	return 0;
}

static const struct pseudo_entry fdinfo_entry = {
	.name = "FD", .mode = S_IFREG | 0444, .ops = &pid_file_ops, .show = fdinfo_show,
};

/* ---- the two directories */

static int lookup(struct dentry *dir, struct dentry *child, const struct pseudo_entry *e)
{
	scoped_task *t = nullptr;
	int n, err = inspect(dir->inode, &t);

	if (err)
		return err;
	if (!proc_number(child->name, child->len, &n))
		return -ENOENT;
	struct file *f = task_file(t, (unsigned)n);

	if (!f)
		return -ENOENT;
	err = pseudo_instantiate(child, e, pid_arg(t, n), t->start_ns);
	if (!err && e == &fd_entry)
		child->inode->mode = fd_mode(f);
	file_put(f);
	return err;
}

static int fd_lookup(struct dentry *dir, struct dentry *child)
{
	return lookup(dir, child, &fd_entry);
}

static int fdinfo_lookup(struct dentry *dir, struct dentry *child)
{
	return lookup(dir, child, &fdinfo_entry);
}

/* Positions: PSEUDO_STATIC_END + the next descriptor. */
static int iterate(struct file *f, struct dir_sink *sink, u32 type)
{
	scoped_task *t = nullptr;
	int err = inspect(f->inode, &t);

	if (err)
		return err;
	if (f->pos < PSEUDO_STATIC_END && pseudo_iterate(f, sink))
		return 0;
	for (;;) {
		unsigned n = (unsigned)(f->pos - PSEUDO_STATIC_END);
		struct file *open = task_file_next(t, &n);
		char name[16];

		if (!open)
			return 0;
		file_put(open);
		int len = snprintf(name, sizeof(name), "%u", n);
		u64 next = PSEUDO_STATIC_END + n + 1;

		if (!sink->entry(sink, name, (size_t)len, (u64)t->pid << 32 | (n + 16), type, next))
			return 0;
		f->pos = next;
	}
}

static int fd_iterate(struct file *f, struct dir_sink *sink) { return iterate(f, sink, S_IFLNK); }

static int fdinfo_iterate(struct file *f, struct dir_sink *sink)
{
	return iterate(f, sink, S_IFREG);
}

/* A process may always list its own. */
static int fd_permission(struct inode *i, u32 may)
{
	scoped_task *t = pid_task(i);

	return t == task_current() ? 0 : 1;
}

/* Its mode lets all in, so who may not look is turned away here. */
static int fdinfo_permission(struct inode *i, u32 may)
{
	scoped_task *t = nullptr;
	int err = inspect(i, &t);

	return err == -EACCES ? err : 1;
}

const struct inode_ops pid_fd_dir_ops = { .lookup = fd_lookup, .refresh = pid_refresh, .permission = fd_permission };
const struct inode_ops pid_fdinfo_dir_ops = {
	.lookup = fdinfo_lookup, .refresh = pid_refresh, .permission = fdinfo_permission,
};
const struct file_ops pid_fd_dir_fops = { .iterate = fd_iterate };
const struct file_ops pid_fdinfo_dir_fops = { .iterate = fdinfo_iterate };
