// SPDX-License-Identifier: MIT
/*
 * devpts: the names of pseudo-terminals' slaves, /dev/pts/N, and a ptmx of its own. Each mount is an instance by itself,
 * with numbers of its own (Linux since 4.7, where `newinstance` says nothing new). A pseudo-terminal holds its mount, so
 * an instance outlives all that it names.
 *
 * Locks: a directory's inode->lock for names; a node's inode->lock for what is behind it; devpts->lock for numbers.
 */
#include "fs/chardev.h"
#include "fs/mount.h"
#include "fs/pty.h"
#include "fs/text.h"
#include "fs/tmpfs.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/cred.h"

constexpr u64 DEVPTS_MAGIC = 0x1cd1;

struct options {
	u32 uid, gid, mode, ptmx_mode, max;
	bool set_uid, set_gid;
};

struct devpts {
	struct spinlock lock;
	struct options options;		/* (lock) */
	u64 used[PTYS_MAX / 64];	/* (lock) */
};

static struct fs_type devpts_type;

/* ---- numbers */

int devpts_number(struct mount *m, unsigned *number)
{
	struct devpts *d = m->sb->data;

	scoped_spin(&d->lock);
	for (unsigned n = 0; n < d->options.max; n++) {
		if (d->used[n / 64] & BIT(n % 64))
			continue;
		d->used[n / 64] |= BIT(n % 64);
		*number = n;
		return 0;
	}
	return -ENOSPC;
}

void devpts_number_free(struct mount *m, unsigned number)
{
	struct devpts *d = m->sb->data;

	scoped_spin(&d->lock);
	d->used[number / 64] &= ~BIT(number % 64);
}

/* ---- names */

static const struct inode_ops node_ops = {}, dir_ops = {};
static const struct file_ops dir_fops = { .iterate = dir_iterate_tree };

static struct inode *node_new(struct super *sb, u32 mode, u32 rdev)
{
	struct inode *i = inode_new(sb, mode, (mode & S_IFMT) == S_IFDIR ? &dir_ops : &node_ops,
				    (mode & S_IFMT) == S_IFDIR ? &dir_fops : nullptr, nullptr);

	if (i)
		i->rdev = rdev;
	return i;
}

/* A linked child of dir, with a reference. Consumes i in any case. */
static int enter(struct dentry *dir, const char *name, struct inode *i, struct dentry **out)
{
	struct dentry *d = dentry_new(dir->sb, dir, name, strlen(name));

	if (!d) {
		inode_put(i);
		return -ENOMEM;
	}
	dentry_instantiate(d, i);
	scoped_mutex(&dir->inode->lock);
	dentry_link(d);
	inode_touch_modified(dir->inode);
	*out = d;
	return 0;
}

int devpts_add(struct mount *m, unsigned number, struct pty *p, struct dentry **node)
{
	struct devpts *d = m->sb->data;
	struct options o;
	char name[16];

	spin_lock(&d->lock);
	o = d->options;
	spin_unlock(&d->lock);
	struct inode *i = node_new(m->sb, S_IFCHR | o.mode, dev_make(PTS_MAJOR, number));

	if (!i)
		return -ENOMEM;
	if (o.set_uid)
		i->uid = o.uid;
	if (o.set_gid)
		i->gid = o.gid;
	i->data = p;
	snprintf(name, sizeof(name), "%u", number);
	return enter(m->sb->root, name, i, node);
}

void devpts_remove(struct dentry *node)
{
	struct inode *dir = node->parent->inode, *i = node->inode;

	mutex_lock(&dir->lock);
	dentry_unlink(node);
	inode_touch_modified(dir);
	mutex_unlock(&dir->lock);
	scoped_mutex(&i->lock);
	i->data = nullptr;
	i->nlink = 0;
}

struct pty *devpts_pty(struct inode *i)
{
	if (i->sb->type != &devpts_type)
		return nullptr;
	scoped_mutex(&i->lock);
	if (i->data)
		pty_get(i->data);
	return i->data;
}

/* "pts" in the folder that the ptmx lies in, whatever is mounted there. */
static int beside(const struct path *ptmx, struct path *out)
{
	scoped_dentry *dir = dentry_parent(ptmx->dentry);
	struct dentry *pts;
	int err = dentry_lookup(dir, "pts", 3, &pts);

	if (err)
		return -ENODEV;
	mount_get(ptmx->mount);
	*out = (struct path){ ptmx->mount, pts };
	mount_descend(out);
	return 0;
}

int devpts_of(const struct file *ptmx, struct mount **out)
{
	scoped_path p = {};

	if (!ptmx->path.dentry)
		return -ENODEV;
	if (ptmx->inode->sb->type == &devpts_type) {
		p = ptmx->path;
		path_get(&p);
	} else if (beside(&ptmx->path, &p)) {
		return -ENODEV;
	}
	if (p.dentry->sb->type != &devpts_type)
		return -ENODEV;
	mount_get(p.mount);
	*out = p.mount;
	return 0;
}

/* ---- the file system */

static int parse_one(const char *s, struct options *o)
{
	const char *end;

	if (!strncmp(s, "mode=", 5)) {
		o->mode = option_mode(s + 5) & 0777;
	} else if (!strncmp(s, "ptmxmode=", 9)) {
		o->ptmx_mode = option_mode(s + 9) & 0777;
	} else if (!strncmp(s, "uid=", 4)) {
		o->uid = (u32)str_number(s + 4, &end);
		o->set_uid = true;
	} else if (!strncmp(s, "gid=", 4)) {
		o->gid = (u32)str_number(s + 4, &end);
		o->set_gid = true;
	} else if (!strncmp(s, "max=", 4)) {
		u64 max = str_number(s + 4, &end);

		if (end == s + 4)
			return -EINVAL;
		o->max = (u32)min(max, (u64)PTYS_MAX);
	} else if (strncmp(s, "newinstance", 11)) {
		return -EINVAL;
	}
	return 0;
}

static int parse(const char *s, struct options *o)
{
	*o = (struct options){ .mode = 0600, .max = PTYS_MAX };
	for (; s && *s; s = option_next(s)) {
		int err = parse_one(s, o);

		if (err)
			return err;
	}
	return 0;
}

static void devpts_kill(struct super *sb)
{
	if (sb->root)
		dentry_drop_tree(sb->root);
	kfree(sb->data);
}

static void devpts_statfs(struct super *sb, struct statfs_info *out)
{
	*out = (struct statfs_info){ .type = DEVPTS_MAGIC, .block_size = PAGE_SIZE, .name_max = NAME_MAX };
}

static void devpts_options(struct super *sb, struct text *t)
{
	const struct options *o = &((struct devpts *)sb->data)->options;

	if (o->set_uid)
		text_printf(t, ",uid=%u", o->uid);
	if (o->set_gid)
		text_printf(t, ",gid=%u", o->gid);
	text_printf(t, ",mode=%03o,ptmxmode=%03o", o->mode, o->ptmx_mode);
	if (o->max < PTYS_MAX)
		text_printf(t, ",max=%u", o->max);
}

static int devpts_remount(struct super *sb, const char *options)
{
	struct devpts *d = sb->data;
	struct options o;
	int err = parse(options, &o);

	if (err)
		return err;
	scoped_dentry *ptmx = dentry_find(sb->root, "ptmx", 4);

	store_relaxed(&ptmx->inode->mode, S_IFCHR | o.ptmx_mode);
	scoped_spin(&d->lock);
	d->options = o;
	return 0;
}

static const struct super_ops devpts_super_ops = {
	.kill = devpts_kill,
	.statfs = devpts_statfs,
	.options = devpts_options,
	.remount = devpts_remount,
};

static int make_root(struct super *sb)
{
	struct inode *root = node_new(sb, S_IFDIR | 0755, 0);

	if (!root)
		return -ENOMEM;
	root->uid = root->gid = 0;
	root->nlink = 2;
	sb->root = dentry_new(sb, nullptr, "/", 1);
	if (!sb->root) {
		inode_put(root);
		return -ENOMEM;
	}
	dentry_instantiate(sb->root, root);
	return 0;
}

/* After an error the caller unmounts, which undoes what there is. */
static int devpts_fill(struct super *sb, const char *source, const char *options)
{
	struct devpts *d = kzalloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	sb->ops = &devpts_super_ops;
	sb->data = d;
	int err = parse(options, &d->options);

	if (!err)
		err = make_root(sb);
	if (err)
		return err;
	struct inode *i = node_new(sb, S_IFCHR | d->options.ptmx_mode, PTMX_DEV);
	struct dentry *ptmx;

	if (!i)
		return -ENOMEM;
	err = enter(sb->root, "ptmx", i, &ptmx);
	if (!err)
		dentry_put(ptmx);
	return err;
}

static struct fs_type devpts_type = { .name = "devpts", .fill = devpts_fill };

void devpts_init(void)
{
	fs_register(&devpts_type);
}
