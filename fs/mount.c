// SPDX-License-Identifier: MIT
/*
 * Mounts and file system instances. One spinlock guards the tree of mounts: it is looked at only
 * where a dentry says that something is mounted on it, and when a walk climbs out of a mount.
 *
 * Lock order: mount_lock < rename_lock. References are dropped after mount_lock, since the last may
 * sleep.
 */
#include "fs/mount.h"
#include "fs/inode.h"
#include "fs/super.h"
#include "fs/text.h"
#include "fs/walk.h"
#include "lib/string.h"
#include "mm/kmem.h"

struct mount *mount_root, *mount_anon;

static struct spinlock mount_lock;
static struct list mounts = LIST_INIT(mounts);	/* (mount_lock) attached ones */
static int last_id;
/* One mount, unmount or move at a time. */
static struct mutex mount_mutex = MUTEX_INIT(mount_mutex);

constexpr u32 MOUNT_FLAGS =
	MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME;

void mount_tree_lock(void) { spin_lock(&mount_lock); }
void mount_tree_unlock(void) { spin_unlock(&mount_lock); }

void super_sync_all(void)
{
	scoped_mutex(&mount_mutex);
	list_for_each(m, &mounts, struct mount, all)
		if (m->sb->ops->sync)
			m->sb->ops->sync(m->sb);
}

/* ---- mounts */

/* Takes over one of sb's mounts; a new reference on root. */
static struct mount *mount_alloc(struct super *sb, struct dentry *root, const char *source,
				 u32 flags)
{
	struct mount *m = kzalloc(sizeof(*m));

	if (!m || !(m->source = kstrdup(source))) {
		kfree(m);
		super_unmount(sb);
		return nullptr;
	}
	m->refs = 1;
	m->flags = flags & MOUNT_FLAGS;
	m->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	m->sb = sb;
	m->root = root;
	dentry_get(root);
	list_init(&m->all);
	return m;
}

void mount_put(struct mount *m)
{
	if (!m || __atomic_fetch_sub(&m->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	dentry_put(m->root);
	super_unmount(m->sb);
	kfree(m->source);
	kfree(m);
}

/* The topmost mount on a place; mount_lock held. */
static struct mount *mounted_on(const struct mount *parent, const struct dentry *d)
{
	for (struct list *l = mounts.prev; l != &mounts; l = l->prev) {
		struct mount *m = container_of(l, struct mount, all);

		if (m->parent == parent && m->mountpoint == d)
			return m;
	}
	return nullptr;
}

void mount_descend(struct path *p)
{
	while (load_relaxed(&p->dentry->mounted)) {
		spin_lock(&mount_lock);
		struct mount *m = mounted_on(p->mount, p->dentry);

		if (m) {
			mount_get(m);
			dentry_get(m->root);
		}
		spin_unlock(&mount_lock);
		if (!m)
			return;
		path_put(p);
		*p = (struct path){ m, m->root };
	}
}

bool mount_ascend(struct path *p)
{
	spin_lock(&mount_lock);
	struct path up = { p->mount->parent, p->mount->mountpoint };
	bool can = p->dentry == p->mount->root && up.mount;

	if (can)
		path_get(&up);
	spin_unlock(&mount_lock);
	if (!can)
		return false;
	path_put(p);
	*p = up;
	return true;
}

/* Names that are made up at each lookup must stay if something is mounted on them: they go into the
 * tree, with all above. */
static void pin_names(struct dentry *d)
{
	for (; d->parent != d && !(d->flags & DENTRY_LINKED); d = d->parent) {
		struct dentry *other = dentry_find(d->parent, d->name, d->len);

		if (other)
			dentry_put(other);
		else
			dentry_link(d);
	}
}

/* mount_mutex held. Gives m the place; takes references on it. */
static int attach(struct mount *m, const struct path *at)
{
	struct dentry *d = at->dentry;

	if (inode_is_dir(d->inode) != inode_is_dir(m->root->inode))
		return -ENOTDIR;
	if (d->flags & DENTRY_DELETED)
		return -ENOENT;
	pin_names(d);
	path_get(at);
	scoped_spin(&mount_lock);
	m->parent = at->mount;
	m->mountpoint = d;
	m->attached = true;
	__atomic_fetch_add(&d->mounted, 1, __ATOMIC_RELAXED);
	list_push_back(&mounts, &m->all);
	return 0;
}

/* mount_mutex and mount_lock held. The place's references go to *place, for the caller to put after
 * mount_lock. */
static void unhook(struct mount *m, struct path *place)
{
	*place = (struct path){ m->parent, m->mountpoint };
	__atomic_fetch_sub(&m->mountpoint->mounted, 1, __ATOMIC_RELAXED);
	m->parent = nullptr;
	m->mountpoint = nullptr;
	m->attached = false;
	list_remove(&m->all);
}

int mount_new(const char *type_name, const char *source, const char *options, u32 flags,
	      const struct path *at, struct mount **out)
{
	struct fs_type *type = fs_find(type_name);
	struct super *sb;

	if (!type)
		return -ENODEV;
	scoped_mutex(&mount_mutex);
	int err = super_new(type, source, options, &sb);

	if (err)
		return err;
	struct mount *m = mount_alloc(sb, sb->root, source, flags);

	if (!m)
		return -ENOMEM;
	if (out)
		*out = m;
	if (!at)
		return 0;
	err = attach(m, at);
	if (err)
		mount_put(m);
	return err;
}

static struct mount *mount_copy(struct mount *from, struct dentry *root)
{
	__atomic_fetch_add(&from->sb->mounts, 1, __ATOMIC_RELAXED);
	return mount_alloc(from->sb, root, from->source, from->flags);
}

static int bind_one(struct mount *from, struct dentry *root, const struct path *at)
{
	struct mount *m = mount_copy(from, root);

	if (!m)
		return -ENOMEM;
	int err = attach(m, at);

	if (err)
		mount_put(m);
	return err;
}

/* The n-th mount that is attached somewhere below dentry `under` of mount `parent`, with a
 * reference. */
static struct mount *nth_below(struct mount *parent, struct dentry *under, unsigned n)
{
	scoped_spin(&mount_lock);
	list_for_each(m, &mounts, struct mount, all) {
		if (m->parent == parent && dentry_is_ancestor(under, m->mountpoint) && n-- == 0) {
			mount_get(m);
			return m;
		}
	}
	return nullptr;
}

int mount_bind(const struct path *from, const struct path *at, bool recursive)
{
	scoped_mutex(&mount_mutex);
	int err = bind_one(from->mount, from->dentry, at);

	if (err || !recursive)
		return err;
	struct path top = *at;

	/* Only mounts directly on `from`'s mount: enough for /dev and its children. */
	path_get(&top);
	mount_descend(&top);
	for (unsigned n = 0; !err; n++) {
		struct mount *m = nth_below(from->mount, from->dentry, n);

		if (!m)
			break;
		if (m != top.mount)
			err = bind_one(m, m->root, &(struct path){ top.mount, m->mountpoint });
		mount_put(m);
	}
	path_put(&top);
	return err;
}

/* Is `top` at or above m? mount_lock held. */
static bool mount_is_above(const struct mount *top, const struct mount *m)
{
	for (; m; m = m->parent)
		if (m == top)
			return true;
	return false;
}

int mount_move(const struct path *from, const struct path *at)
{
	struct mount *m = from->mount;
	struct path old = {};

	scoped_mutex(&mount_mutex);
	if (from->dentry != m->root || !m->parent)
		return -EINVAL;
	if (inode_is_dir(at->dentry->inode) != inode_is_dir(m->root->inode))
		return -ENOTDIR;
	spin_lock(&mount_lock);
	bool loop = mount_is_above(m, at->mount);

	if (!loop)
		unhook(m, &old);
	spin_unlock(&mount_lock);
	if (loop)
		return -ELOOP;
	int err = attach(m, at);

	if (err) {
		int again = attach(m, &old);

		assert(!again);
	}
	path_put(&old);
	return err;
}

int mount_remount(const struct path *at, u32 flags, const char *options)
{
	struct mount *m = at->mount;
	struct super *sb = m->sb;

	if (at->dentry != m->root)
		return -EINVAL;
	scoped_mutex(&mount_mutex);
	if (!(flags & MS_BIND) && *options && sb->ops->remount) {
		int err = sb->ops->remount(sb, options);

		if (err)
			return err;
	}
	store_relaxed(&m->flags, flags & MOUNT_FLAGS);
	return 0;
}

/* Takes one mount out that is at or below `top`, the deepest last mounted first: false when none is
 * left. mount_mutex held. */
static bool detach_one(struct mount *top)
{
	struct mount *found = nullptr;
	struct path place = {};

	spin_lock(&mount_lock);
	for (struct list *l = mounts.prev; l != &mounts && !found; l = l->prev) {
		struct mount *m = container_of(l, struct mount, all);

		if (mount_is_above(top, m))
			found = m;
	}
	if (found)
		unhook(found, &place);
	spin_unlock(&mount_lock);
	if (!found)
		return false;
	path_put(&place);
	mount_put(found);
	return found != top;
}

int mount_detach(const struct path *at, int flags)
{
	struct mount *m = at->mount;

	if (at->dentry != m->root || !m->parent)
		return -EINVAL;
	scoped_mutex(&mount_mutex);
	if (!m->attached)
		return -EINVAL;
	/* Ours, the caller's path, and nobody else's: children hold their parent too. */
	if (!(flags & MNT_DETACH) && load_acquire(&m->refs) > 2)
		return -EBUSY;
	while (detach_one(m))
		;
	return 0;
}

/* ---- what /proc shows */

bool mount_of(struct dentry *d, struct path *out)
{
	scoped_spin(&mount_lock);
	list_for_each(m, &mounts, struct mount, all) {
		if (m->sb != d->sb || !dentry_is_ancestor(m->root, d))
			continue;
		*out = (struct path){ m, d };
		path_get(out);
		return true;
	}
	return false;
}

static void show_flags(const struct mount *m, struct text *t)
{
	static const struct {
		u32 flag;
		const char *name;
	} names[] = { { MS_NOSUID, ",nosuid" }, { MS_NODEV, ",nodev" }, { MS_NOEXEC, ",noexec" },
		      { MS_NOATIME, ",noatime" }, { MS_RELATIME, ",relatime" } };

	text_puts(t, (m->flags | m->sb->flags) & MS_RDONLY ? "ro" : "rw");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (m->flags & names[i].flag)
			text_puts(t, names[i].name);
}

static void show_one(struct mount *m, const char *where, struct text *t)
{
	text_escaped(t, m->source);
	text_puts(t, " ");
	text_escaped(t, where);
	text_printf(t, " %s ", m->sb->type->name);
	show_flags(m, t);
	if (m->sb->ops->options)
		m->sb->ops->options(m->sb, t);
	text_puts(t, " 0 0\n");
}

static void show_info(struct mount *m, const char *where, struct text *t)
{
	text_printf(t, "%d %d %u:%u / ", m->id, m->parent ? m->parent->id : 0,
		    dev_major(m->sb->dev), dev_minor(m->sb->dev));
	text_escaped(t, where);
	text_puts(t, " ");
	show_flags(m, t);
	text_printf(t, " - %s ", m->sb->type->name);
	text_escaped(t, m->source);
	text_puts(t, (m->sb->flags & MS_RDONLY) ? " ro" : " rw");
	if (m->sb->ops->options)
		m->sb->ops->options(m->sb, t);
	text_puts(t, "\n");
}

static void show_each(struct text *t, void (*show)(struct mount *, const char *, struct text *))
{
	char *buf = kmalloc(PATH_MAX);

	if (!buf) {
		t->err = -ENOMEM;
		return;
	}
	scoped_mutex(&mount_mutex);	/* the list stays as it is */
	list_for_each(m, &mounts, struct mount, all) {
		struct path p = { m, m->root };
		const char *where = path_name(&p, buf, PATH_MAX);

		if (where && path_reachable(&p))
			show(m, where, t);
	}
	kfree(buf);
}

void mount_show_all(struct text *t) { show_each(t, show_one); }
void mount_show_info(struct text *t) { show_each(t, show_info); }

/* The root mount has no place; it is listed all the same. */
void mount_set_root(struct mount *m)
{
	scoped_spin(&mount_lock);
	mount_root = m;
	m->attached = true;
	list_push_front(&mounts, &m->all);
}
