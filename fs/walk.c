// SPDX-License-Identifier: MIT
/*
 * The walk: from a pathname to a place (path_resolution(7), openat2(2)).
 *
 * One loop over components, no recursion: a symbolic link's text and what was left of the name
 * become the new name. The walk stops in front of the last component; callers decide what that one
 * means.
 */
#include "fs/walk.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/string.h"
#include "mm/kmem.h"

constexpr int LINKS_MAX = 40;

static bool is_dot(const char *s, size_t len) { return len == 1 && s[0] == '.'; }
static bool is_dotdot(const char *s, size_t len) { return len == 2 && s[0] == '.' && s[1] == '.'; }

bool name_is_special(const char *s, size_t len)
{
	return len == 0 || is_dot(s, len) || is_dotdot(s, len);
}

static int start_at(int dirfd, struct path *out)
{
	if (dirfd == AT_FDCWD) {
		fs_cwd(out);
		return 0;
	}
	scoped_fd fd = fd_get_any(dirfd);

	return fd.file ? file_path(fd.file, out) : -EBADF;
}

static int walk_begin(int dirfd, const char *name, struct walk_parent *w)
{
	bool scoped = w->flags & (WALK_BENEATH | WALK_IN_ROOT);
	bool absolute = name[0] == '/';

	if (absolute && (w->flags & WALK_BENEATH))
		return -EXDEV;
	if (!absolute || scoped) {
		int err = start_at(dirfd, &w->parent);

		if (err)
			return err;
	}
	if (scoped) {
		w->root = w->parent;
		path_get(&w->root);
		return 0;
	}
	fs_root(&w->root);
	if (absolute) {
		w->parent = w->root;
		path_get(&w->parent);
	}
	return 0;
}

void walk_parent_put(struct walk_parent *w)
{
	path_put(&w->parent);
	path_put(&w->root);
	kfree(w->buffer);
	w->buffer = nullptr;
}

/* Replaces *p by `to`, whose references are taken over. */
static void path_set(struct path *p, struct path to)
{
	path_put(p);
	*p = to;
}

/* Enters what is mounted on p. */
static int cross_down(const struct walk_parent *w, struct path *p)
{
	if (likely(!load_relaxed(&p->dentry->mounted)))
		return 0;
	struct mount *before = p->mount;

	mount_descend(p);
	return p->mount != before && (w->flags & WALK_NO_XDEV) ? -EXDEV : 0;
}

static int step_up(struct walk_parent *w, struct path *p)
{
	for (;;) {
		if (path_equal(p, &w->root))
			return w->flags & WALK_BENEATH ? -EXDEV : 0;
		if (p->dentry != p->mount->root)
			break;
		if (!mount_ascend(p))
			return 0;
		if (w->flags & WALK_NO_XDEV)
			return -EXDEV;
	}
	struct dentry *up = dentry_parent(p->dentry);

	dentry_put(p->dentry);
	p->dentry = up;
	return cross_down(w, p);
}

/* Where component s leads from w->parent; links are not followed. */
static int step(struct walk_parent *w, const char *s, size_t len, struct path *out)
{
	struct path p = w->parent;
	int err;

	path_get(&p);
	if (len == 0 || is_dot(s, len)) {
		err = 0;
	} else if (is_dotdot(s, len)) {
		err = step_up(w, &p);
	} else {
		struct dentry *child;

		err = dentry_lookup(p.dentry, s, len, &child);
		if (!err) {
			dentry_put(p.dentry);
			p.dentry = child;
			err = cross_down(w, &p);
		}
	}
	if (err)
		path_put(&p);
	else
		*out = p;
	return err;
}

/* text, a slash, rest: the new name, in a buffer of its own. */
static int compose(struct walk_parent *w, struct inode *link, const char *rest)
{
	char *buf = kmalloc(PATH_MAX);

	if (!buf)
		return -ENOMEM;
	long n = link->ops->readlink ? link->ops->readlink(link, buf, PATH_MAX - 1) : -EINVAL;
	size_t more = strlen(rest);

	if (n == 0)
		n = -ENOENT;
	if (n > 0 && (size_t)n + more + 2 > PATH_MAX)
		n = -ENAMETOOLONG;
	if (n < 0) {
		kfree(buf);
		return (int)n;
	}
	buf[n] = '\0';
	if (more) {
		buf[n] = '/';
		memcpy(buf + n + 1, rest, more + 1);
	}
	kfree(w->buffer);
	w->buffer = buf;
	return 0;
}

/* Follows a link that stands before `rest`: a new name in w->buffer, or a place for a magic
 * link. */
static int follow(struct walk_parent *w, struct inode *link, const char *rest, struct path *place)
{
	if (w->flags & WALK_NO_SYMLINKS || ++w->links > LINKS_MAX)
		return -ELOOP;
	if (link->ops->follow) {
		if (w->flags & (WALK_BENEATH | WALK_IN_ROOT))
			return -EXDEV;
		return w->flags & WALK_NO_MAGICLINKS ? -ELOOP : link->ops->follow(link, place);
	}
	int err = compose(w, link, rest);

	if (err || w->buffer[0] != '/')
		return err;
	if (w->flags & WALK_BENEATH)
		return -EXDEV;
	if (w->flags & WALK_NO_XDEV && w->parent.mount != w->root.mount)
		return -EXDEV;
	path_get(&w->root);
	path_set(&w->parent, w->root);
	return 0;
}

/* One component that is not the last: afterwards w->parent is where *rest goes on. */
static int walk_into(struct walk_parent *w, const char *s, size_t len, const char **rest)
{
	struct path p, place = {};
	int err = step(w, s, len, &p);

	if (err)
		return err;
	if (!inode_is_symlink(path_inode(&p))) {
		path_set(&w->parent, p);
		return 0;
	}
	err = follow(w, path_inode(&p), *rest, &place);
	path_put(&p);
	if (err)
		return err;
	if (place.dentry)
		path_set(&w->parent, place);
	else
		*rest = w->buffer;
	return 0;
}

static int walk(struct walk_parent *w, const char *rest)
{
	for (;;) {
		while (*rest == '/')
			rest++;
		const char *s = rest;

		while (*rest && *rest != '/')
			rest++;
		size_t len = (size_t)(rest - s);
		const char *after = rest;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		while (*rest == '/')
			rest++;
		if (len) {
			if (!inode_is_dir(path_inode(&w->parent)))
				return -ENOTDIR;
			int err = inode_permission(path_inode(&w->parent), MAY_EXEC);

			if (err)
				return err;
		}
		if (!*rest) {
			w->last = s;
			w->len = len;
			w->slash = rest != after;
			return 0;
		}
		int err = walk_into(w, s, len, &rest);

		if (err)
			return err;
	}
}

int path_parent(int dirfd, const char *name, u32 flags, struct walk_parent *w)
{
	*w = (struct walk_parent){ .flags = flags };
	if (!*name && !(flags & WALK_EMPTY))
		return -ENOENT;
	int err = walk_begin(dirfd, name, w);

	return err ? err : walk(w, name);
}

int walk_parent_follow(struct walk_parent *w, struct dentry *link, struct path *place)
{
	int err = follow(w, link->inode, w->slash ? "/" : "", place);

	return err || place->dentry ? err : walk(w, w->buffer);
}

int walk_parent_lookup(struct walk_parent *w, struct path *out)
{
	return step(w, w->last, w->len, out);
}

int path_lookup(int dirfd, const char *name, u32 flags, struct path *out)
{
	scoped_walk_parent w = {};
	struct path p = {};
	int err = path_parent(dirfd, name, flags, &w);

	while (!err) {
		err = walk_parent_lookup(&w, &p);
		if (err || !inode_is_symlink(path_inode(&p)) || !(flags & WALK_FOLLOW || w.slash))
			break;
		struct path place = {};

		err = walk_parent_follow(&w, p.dentry, &place);
		path_put(&p);
		if (!err && place.dentry) {
			p = place;
			break;
		}
	}
	if (!err && (w.slash || flags & WALK_DIRECTORY) && !inode_is_dir(path_inode(&p)))
		err = -ENOTDIR;
	if (err)
		path_put(&p);
	else
		*out = p;
	return err;
}

int path_lookup_user(int dirfd, va_t name, u32 flags, struct path *out)
{
	scoped_pathname n = {};
	int err = pathname_get(&n, name);

	return err ? err : path_lookup(dirfd, n.s, flags, out);
}
