// SPDX-License-Identifier: MIT
/* Directories: reading them, and where the task stands among them. */
#include "sys/syscall.h"
#include "fs/file.h"
#include "fs/notify.h"
#include "fs/mount.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/task.h"

/* struct linux_dirent64; the old struct linux_dirent has its type in the record's last byte. */
struct record {
	u64 ino;
	s64 next;
	u16 size;
	char rest[NAME_MAX + 8];
};
constexpr size_t RECORD_HEAD = offsetof(struct record, rest);

struct getdents {
	struct dir_sink sink;	/* first */
	va_t at;
	size_t left;
	bool old;		/* getdents(2) of x86-64 */
	int err;
};

static bool emit(struct dir_sink *sink, const char *name, size_t len, u64 ino, u32 mode,
		 u64 next_pos)
{
	struct getdents *g = container_of(sink, struct getdents, sink);
	size_t size = align_up(RECORD_HEAD + 1 + len + 1, 8ul);
	char type = (char)(mode >> 12 & 15);
	struct record r = { .ino = ino, .next = (s64)next_pos, .size = (u16)size };

	if (size > g->left) {
		g->err = -EINVAL;	/* seen only if nothing fitted */
		return false;
	}
	memcpy(g->old ? r.rest : r.rest + 1, name, len);
	if (g->old)
		((char *)&r)[size - 1] = type;
	else
		r.rest[0] = type;
	if (copy_to_user(g->at, &r, size)) {
		g->err = -EFAULT;
		return false;
	}
	g->at += size;
	g->left -= size;
	return true;
}

static long read_entries(struct file *file, struct getdents *g)
{
	scoped_mutex(&file->pos_lock);
	scoped_mutex(&file->inode->lock);
	if (file->path.dentry->flags & DENTRY_DELETED)
		return -ENOENT;
	int err = file->ops->iterate(file, &g->sink);

	if (!err)
		notify_file(file, IN_ACCESS);
	return err;
}

static long getdents(struct trapframe *f, bool old)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	size_t size = ARG_UINT(2);
	struct getdents g = { .sink.entry = emit, .at = ARG_PTR(1), .left = size, .old = old };

	if (!fd.file)
		return -EBADF;
	if (!fd.file->ops->iterate)
		return -ENOTDIR;
	long err = read_entries(fd.file, &g);

	if (err)
		return err;
	inode_touch_read(fd.file->inode);
	return g.left < size ? (long)(size - g.left) : g.err;
}

SYSCALL(getdents64) { return getdents(f, false); }
SYSCALL(getdents) { return getdents(f, true); }

/* ---- where we are */

static void move_to(struct path *which, const struct path *to)
{
	struct fs_context *c = fs_context_current();
	struct path old;

	path_get(to);
	spin_lock(&c->lock);
	old = *which;
	*which = *to;
	spin_unlock(&c->lock);
	path_put(&old);
}

static long enter(const struct path *p, struct path *which)
{
	if (!inode_is_dir(path_inode(p)))
		return -ENOTDIR;
	int err = inode_permission(path_inode(p), MAY_EXEC);

	if (!err)
		move_to(which, p);
	return err;
}

SYSCALL(chdir)
{
	scoped_path p = {};
	int err = path_lookup_user(AT_FDCWD, ARG_PTR(0), WALK_FOLLOW | WALK_DIRECTORY, &p);

	return err ? err : enter(&p, &fs_context_current()->cwd);
}

SYSCALL(fchdir)
{
	scoped_fd fd = fd_get_any(ARG_INT(0));

	if (!fd.file)
		return -EBADF;
	return fd.file->path.dentry ? enter(&fd.file->path, &fs_context_current()->cwd) : -ENOTDIR;
}

SYSCALL(chroot)
{
	scoped_path p = {};
	int err = path_lookup_user(AT_FDCWD, ARG_PTR(0), WALK_FOLLOW | WALK_DIRECTORY, &p);

	if (err)
		return err;
	if (!cred_capable(cred_current(), CAP_SYS_CHROOT))
		return -EPERM;
	return enter(&p, &fs_context_current()->root);
}

SYSCALL(getcwd)
{
	scoped_path cwd = {};

	fs_cwd(&cwd);
	if (cwd.dentry->flags & DENTRY_DELETED)
		return -ENOENT;
	char *buf = kmalloc(PATH_MAX);

	if (!buf)
		return -ENOMEM;
	char *name = path_name(&cwd, buf, PATH_MAX);
	long n = name ? (long)strlen(name) + 1 : -ENAMETOOLONG;

	if (n > 0 && (u64)n > ARG_U64(1))
		n = -ERANGE;
	if (n > 0 && copy_to_user(ARG_PTR(0), name, (size_t)n))
		n = -EFAULT;
	kfree(buf);
	return n;
}

SYSCALL(umask)
{
	return __atomic_exchange_n(&fs_context_current()->umask, ARG_UINT(0) & 0777,
				   __ATOMIC_RELAXED);
}
