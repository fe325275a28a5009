// SPDX-License-Identifier: MIT
/*
 * Places: references, pathnames from programs, what a task's names start from, and a place's name.
 */
#include "fs/path.h"
#include "fs/mount.h"
#include "fs/walk.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/task.h"

void path_get(const struct path *p)
{
	mount_get(p->mount);
	dentry_get(p->dentry);
}

void path_put(struct path *p)
{
	struct path old = *p;

	if (!old.dentry)
		return;
	*p = (struct path){};
	dentry_put(old.dentry);
	mount_put(old.mount);
}

int pathname_get(struct pathname *n, va_t user)
{
	n->s = n->small;
	long len = copy_string_from_user(n->small, user, sizeof(n->small));

	if (len == -ENAMETOOLONG) {
		n->s = kmalloc(PATH_MAX);
		if (!n->s)
			return -ENOMEM;
		len = copy_string_from_user(n->s, user, PATH_MAX);
	}
	if (len < 0) {
		pathname_put(n);
		return (int)len;
	}
	n->len = (size_t)len;
	return 0;
}

void pathname_put(struct pathname *n)
{
	if (n->s && n->s != n->small)
		kfree(n->s);
	n->s = nullptr;
}

/* ---- contexts */

struct fs_context *fs_context_current(void)
{
	return task_current()->fs;
}

static void context_place(struct fs_context *c, const struct path *which, struct path *out)
{
	scoped_spin(&c->lock);
	*out = *which;
	path_get(out);
}

/* Kernel threads see the whole tree. */
static void global_root(struct path *out)
{
	*out = (struct path){ mount_root, mount_root->root };
	path_get(out);
	mount_descend(out);
}

void fs_root(struct path *out)
{
	struct task *t = task_current();

	if (t && t->fs)
		context_place(t->fs, &t->fs->root, out);
	else
		global_root(out);
}

void fs_cwd(struct path *out)
{
	struct task *t = task_current();

	if (t && t->fs)
		context_place(t->fs, &t->fs->cwd, out);
	else
		global_root(out);
}

struct fs_context *fs_context_new(void)
{
	struct fs_context *c = kzalloc(sizeof(*c));

	if (!c)
		return nullptr;
	c->refs = 1;
	c->umask = 022;
	global_root(&c->root);
	global_root(&c->cwd);
	return c;
}

struct fs_context *fs_context_clone(struct fs_context *from)
{
	struct fs_context *c = kmalloc(sizeof(*c));

	if (!c)
		return nullptr;
	scoped_spin(&from->lock);
	*c = (struct fs_context){ .refs = 1, .umask = load_relaxed(&from->umask), .root = from->root, .cwd = from->cwd };
	path_get(&c->root);
	path_get(&c->cwd);
	return c;
}

struct fs_context *fs_context_get(struct fs_context *c)
{
	__atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void fs_context_put(struct fs_context *c)
{
	if (!c || __atomic_fetch_sub(&c->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	path_put(&c->root);
	path_put(&c->cwd);
	kfree(c);
}

int task_path(struct task *t, bool root, struct path *out)
{
	spin_lock(&t->lock);
	struct fs_context *c = t->fs ? fs_context_get(t->fs) : nullptr;
	spin_unlock(&t->lock);

	if (!c)
		return -ESRCH;
	context_place(c, root ? &c->root : &c->cwd, out);
	fs_context_put(c);
	return 0;
}

/* ---- names of places */

/* A string that grows to the front. */
struct front {
	char *start, *low;
	bool full;
};

static void prepend(struct front *f, const char *s, size_t n)
{
	if ((size_t)(f->start - f->low) < n) {
		f->full = true;
		return;
	}
	f->start -= n;
	memcpy(f->start, s, n);
}

/* Climbs from p to the root. mount_lock and rename_lock are held, so plain pointers do. Returns
 * whether it arrived. */
static bool prepend_climb(struct front *f, const struct path *p, const struct path *root)
{
	struct mount *m = p->mount;
	struct dentry *d = p->dentry;

	for (;;) {
		if (m == root->mount && d == root->dentry)
			return true;
		if (d == m->root) {
			if (!m->parent)
				return m == mount_root;
			d = m->mountpoint;
			m = m->parent;
			continue;
		}
		if (d->parent == d)
			return false;
		prepend(f, d->name, d->len);
		prepend(f, "/", 1);
		d = d->parent;
	}
}

/* The name as `root` sees it; *reached: is it below root at all? */
static char *name_from(const struct path *p, const struct path *root, char *buf, size_t size,
		       bool *reached)
{
	static const char deleted[] = " (deleted)";
	struct front f = { .start = buf + size, .low = buf };

	prepend(&f, "", 1);
	if (p->dentry->flags & DENTRY_DELETED)
		prepend(&f, deleted, sizeof(deleted) - 1);
	if (p->mount == mount_anon) {
		prepend(&f, p->dentry->name, p->dentry->len);
		*reached = true;
		return f.start;
	}
	char *end = f.start;

	mount_tree_lock();
	spin_lock(&rename_lock);
	*reached = prepend_climb(&f, p, root);
	spin_unlock(&rename_lock);
	mount_tree_unlock();
	if (f.start == end)
		prepend(&f, "/", 1);
	return f.full ? nullptr : f.start;
}

char *path_name(const struct path *p, char *buf, size_t size)
{
	static const char unreachable[] = "(unreachable)";
	scoped_path root = {};
	bool reached;

	fs_root(&root);
	char *name = name_from(p, &root, buf, size, &reached);

	if (!name || reached)
		return name;
	struct front f = { .start = name, .low = buf };

	prepend(&f, unreachable, sizeof(unreachable) - 1);
	return f.full ? nullptr : f.start;
}

bool path_reachable(const struct path *p)
{
	scoped_path root = {};
	char name[8];
	bool reached;

	fs_root(&root);
	(void)name_from(p, &root, name, sizeof(name), &reached);
	return reached;
}
