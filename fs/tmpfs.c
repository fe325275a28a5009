// SPDX-License-Identifier: MIT
/*
 * tmpfs, and the root file system: names are the dentry tree, bytes are the page cache, and there
 * is nothing else.
 *
 * The size limit counts pages. An object makes pages by itself (a shared mapping that is written),
 * so each inode remembers how many of its pages are counted and is brought up to date before the
 * next write. The inodes are the references to the instance but one. What is not in pages must have a
 * limit too, for no program's end gives it back: another name for a file counts as an inode, the text of
 * a long symbolic link as a page. Left out: extended attributes, huge pages, swap.
 */
#include "fs/tmpfs.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/text.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/page.h"

constexpr u64 TMPFS_MAGIC = 0x01021994;
constexpr size_t SHORT_LINK = 128;	/* texts of symbolic links up to here go with the inode */
constexpr u64 ENTRY_SIZE = 20;	/* what a name adds to its directory's size: made up, as Linux's */

static const struct inode_ops file_inode_ops, dir_inode_ops, link_inode_ops;
static const struct file_ops file_fops, dir_fops;

/* ---- pages */

static void recount(struct inode *i)
{
	u64 now = load_relaxed(&i->object.npages);
	u64 before = __atomic_exchange_n(&i->charged, now, __ATOMIC_RELAXED);

	if (now != before)
		__atomic_fetch_add(&i->sb->pages, now - before, __ATOMIC_RELAXED);
}

static bool pages_full(const struct super *sb)
{
	return sb->max_pages && load_relaxed(&sb->pages) >= sb->max_pages;
}

static int tmpfs_prepare_write(struct object *o, u64 index)
{
	struct inode *i = object_inode(o);
	struct page *p;

	recount(i);
	if (likely(!pages_full(i->sb)))
		return 0;
	if (!object_pages_cached(o, index, 1, &p))
		return -ENOSPC;
	page_put(p);
	return 0;
}

static const struct object_ops tmpfs_object_ops = {
	.prepare_write = tmpfs_prepare_write,
	.release = inode_object_release,
};

static int tmpfs_resize(struct inode *i, u64 size)
{
	int err = pagecache_resize(i, size);

	recount(i);
	return err;
}

static void tmpfs_release(struct inode *i)
{
	__atomic_fetch_sub(&i->sb->pages, i->charged, __ATOMIC_RELAXED);
	if (inode_is_symlink(i))
		kfree(i->data);
}

/* ---- names */

static u64 inodes_used(struct super *sb)
{
	return load_relaxed(&sb->refs) - 1 + load_relaxed(&sb->more_names);
}

static bool inodes_full(struct super *sb)
{
	return sb->max_inodes && inodes_used(sb) >= sb->max_inodes;
}

static void entry_added(struct inode *dir)
{
	store_relaxed(&dir->object.size, dir->object.size + ENTRY_SIZE);
}

static void entry_removed(struct inode *dir)
{
	store_relaxed(&dir->object.size, dir->object.size - ENTRY_SIZE);
}

static struct inode *new_directory(struct super *sb, u32 mode)
{
	struct inode *i = inode_new(sb, mode, &dir_inode_ops, &dir_fops, nullptr);

	if (i)
		i->object.size = 2 * ENTRY_SIZE;
	return i;
}

static struct inode *new_inode(struct super *sb, u32 mode, u32 rdev)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return inode_new(sb, mode, &file_inode_ops, &file_fops, &tmpfs_object_ops);
	case S_IFDIR:
		return new_directory(sb, mode);
	case S_IFLNK:
		return inode_new(sb, mode, &link_inode_ops, nullptr, nullptr);
	default: {
		struct inode *i = inode_new(sb, mode, &file_inode_ops, nullptr, nullptr);

		if (i)
			i->rdev = rdev;
		return i;
	}
	}
}

static int set_link_text(struct inode *i, const char *target)
{
	size_t len = strlen(target);

	if (len > SHORT_LINK && pages_full(i->sb))
		return -ENOSPC;
	i->data = kstrdup(target);
	if (!i->data)
		return -ENOMEM;
	i->object.size = len;
	i->charged = len > SHORT_LINK;
	__atomic_fetch_add(&i->sb->pages, i->charged, __ATOMIC_RELAXED);
	return 0;
}

static int tmpfs_create(struct dentry *dir, struct dentry *child, u32 mode, u32 rdev,
			const char *target)
{
	if (inodes_full(dir->sb))
		return -ENOSPC;
	struct inode *i = new_inode(dir->sb, mode, rdev);

	if (!i)
		return -ENOMEM;
	int err = target ? set_link_text(i, target) : 0;

	if (err) {
		inode_put(i);
		return err;
	}
	inode_init_owner(i, dir->inode);
	if (inode_is_dir(i)) {
		i->nlink = 2;
		dir->inode->nlink++;
	}
	entry_added(dir->inode);
	inode_touch_modified(dir->inode);
	dentry_instantiate(child, i);
	return 0;
}

static int tmpfs_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	if (inodes_full(dir->sb))
		return -ENOSPC;
	struct inode *i = new_inode(dir->sb, mode, 0);

	if (!i)
		return -ENOMEM;
	i->nlink = 0;
	inode_init_owner(i, dir);
	*out = i;
	return 0;
}

static int tmpfs_link(struct dentry *dir, struct dentry *child, struct inode *inode)
{
	if (inode->nlink) {
		if (inodes_full(dir->sb))
			return -ENOSPC;
		__atomic_fetch_add(&dir->sb->more_names, 1, __ATOMIC_RELAXED);
	}
	inode_get(inode);
	inode->nlink++;
	inode_touch_changed(inode);
	entry_added(dir->inode);
	inode_touch_modified(dir->inode);
	dentry_instantiate(child, inode);
	return 0;
}

/* The name of an inode in dir goes. */
static void drop_link(struct inode *dir, struct inode *victim)
{
	if (inode_is_dir(victim)) {
		victim->nlink = 0;
		dir->nlink--;
	} else if (--victim->nlink) {
		__atomic_fetch_sub(&dir->sb->more_names, 1, __ATOMIC_RELAXED);
	}
	entry_removed(dir);
	inode_touch_changed(victim);
}

static int tmpfs_unlink(struct dentry *dir, struct dentry *child)
{
	drop_link(dir->inode, child->inode);
	inode_touch_modified(dir->inode);
	return 0;
}

static int tmpfs_rename(struct dentry *from_dir, struct dentry *from, struct dentry *to_dir,
			struct dentry *to, bool exchange)
{
	struct inode *old = from_dir->inode, *new = to_dir->inode;

	if (to->inode && !exchange)
		drop_link(new, to->inode);
	if (!exchange) {
		entry_removed(old);
		entry_added(new);
	}
	if (old != new) {	/* the link count of a directory counts its subdirectories' ".." */
		if (inode_is_dir(from->inode)) {
			old->nlink--;
			new->nlink++;
		}
		if (exchange && inode_is_dir(to->inode)) {
			new->nlink--;
			old->nlink++;
		}
	}
	inode_touch_modified(old);
	inode_touch_modified(new);
	inode_touch_changed(from->inode);
	return 0;
}

static long tmpfs_readlink(struct inode *i, char *buf, size_t size)
{
	size_t n = min(size, (size_t)inode_size(i));

	memcpy(buf, i->data, n);
	return (long)n;
}

bool dir_emit_dots(struct file *f, struct dir_sink *sink)
{
	if (f->pos == 0) {
		if (!sink->entry(sink, ".", 1, f->inode->ino, S_IFDIR, 1))
			return false;
		f->pos = 1;
	}
	if (f->pos == 1) {
		scoped_dentry *up = dentry_parent(f->path.dentry);

		if (!sink->entry(sink, "..", 2, up->inode->ino, S_IFDIR, 2))
			return false;
		f->pos = 2;
	}
	return true;
}

int dir_iterate_tree(struct file *f, struct dir_sink *sink)
{
	char name[NAME_MAX + 1];

	if (!dir_emit_dots(f, sink))
		return 0;
	for (u64 cookie = f->pos;; f->pos = ++cookie) {
		scoped_dentry *d = dentry_next(f->path.dentry, &cookie);

		if (!d)
			return 0;
		size_t len = dentry_name(d, name);

		if (!sink->entry(sink, name, len, d->inode->ino, d->inode->mode, cookie + 1))
			return 0;
	}
}

static const struct inode_ops file_inode_ops = {
	.resize = tmpfs_resize,
	.release = tmpfs_release,
};

static const struct inode_ops link_inode_ops = {
	.readlink = tmpfs_readlink,
	.release = tmpfs_release,
};

static const struct inode_ops dir_inode_ops = {
	.create = tmpfs_create,
	.tmpfile = tmpfs_tmpfile,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rename = tmpfs_rename,
};

static const struct file_ops file_fops = {
	.read = pagecache_read,
	.write = pagecache_write,
	.seek = pagecache_seek,
	.map = pagecache_map,
	.allocate = pagecache_allocate,
	.sync = pagecache_sync,
};

static const struct file_ops dir_fops = {
	.iterate = dir_iterate_tree,
	.sync = pagecache_sync,
};

/* ---- the file system */

static void tmpfs_kill(struct super *sb)
{
	dentry_drop_tree(sb->root);
}

static void tmpfs_statfs(struct super *sb, struct statfs_info *out)
{
	struct page_stats stats;

	page_stats(&stats);
	u64 limit = sb->max_pages ? sb->max_pages : stats.total,
	    used = min(load_relaxed(&sb->pages), limit);

	*out = (struct statfs_info){ .type = TMPFS_MAGIC,
				     .block_size = PAGE_SIZE,
				     .blocks = limit,
				     .free = limit - used,
				     .available = limit - used,
				     .files = sb->max_inodes,
				     .files_free = inodes_full(sb) ? 0 : sb->max_inodes - inodes_used(sb),
				     .name_max = NAME_MAX };
}

static void tmpfs_options(struct super *sb, struct text *t)
{
	if (sb->max_pages)
		text_printf(t, ",size=%luk", sb->max_pages * (PAGE_SIZE / KiB));
	if ((sb->root->inode->mode & 07777) != 01777)
		text_printf(t, ",mode=%o", sb->root->inode->mode & 07777);
}

struct options {
	u64 max_pages, max_inodes;
	u32 mode, uid, gid;
};

/* One option, `key=value` up to the next comma. Unknown ones are ignored, as many programs pass
 * some. */
static int parse_one(const char *s, struct options *o)
{
	struct page_stats stats;
	const char *end;

	if (!strncmp(s, "size=", 5)) {
		u64 n = str_number(s + 5, &end);

		if (end == s + 5)
			return -EINVAL;
		page_stats(&stats);
		o->max_pages =
			*end == '%' ? stats.total * n / 100 : (n + PAGE_SIZE - 1) / PAGE_SIZE;
	} else if (!strncmp(s, "nr_blocks=", 10)) {
		o->max_pages = str_number(s + 10, &end);
	} else if (!strncmp(s, "nr_inodes=", 10)) {
		o->max_inodes = str_number(s + 10, &end);
	} else if (!strncmp(s, "mode=", 5)) {
		o->mode = option_mode(s + 5);
	} else if (!strncmp(s, "uid=", 4)) {
		o->uid = (u32)str_number(s + 4, &end);
	} else if (!strncmp(s, "gid=", 4)) {
		o->gid = (u32)str_number(s + 4, &end);
	}
	return 0;
}

static int parse_options(const char *s, struct options *o)
{
	for (; s && *s; s = option_next(s)) {
		int err = parse_one(s, o);

		if (err)
			return err;
	}
	return 0;
}

static int tmpfs_remount(struct super *sb, const char *options)
{
	struct options o = { .max_pages = sb->max_pages, .max_inodes = sb->max_inodes };
	int err = parse_options(options, &o);

	if (!err) {
		store_relaxed(&sb->max_pages, o.max_pages);
		store_relaxed(&sb->max_inodes, o.max_inodes);
	}
	return err;
}

static const struct super_ops tmpfs_super_ops = {
	.kill = tmpfs_kill,
	.statfs = tmpfs_statfs,
	.options = tmpfs_options,
	.remount = tmpfs_remount,
};

static int fill(struct super *sb, const struct options *o)
{
	sb->ops = &tmpfs_super_ops;
	sb->max_pages = o->max_pages;
	sb->max_inodes = o->max_inodes;
	struct inode *root = new_inode(sb, S_IFDIR | o->mode, 0);

	if (!root)
		return -ENOMEM;
	root->nlink = 2;
	root->uid = o->uid;
	root->gid = o->gid;
	sb->root = dentry_new(sb, nullptr, "/", 1);
	if (!sb->root) {
		inode_put(root);
		return -ENOMEM;
	}
	dentry_instantiate(sb->root, root);
	return 0;
}

/* Files may take half of the memory: without any limit they could take what programs need, and no
 * program's end would give it back. */
static u64 default_limit(void)
{
	struct page_stats stats;

	page_stats(&stats);
	return stats.total / 2;
}

int tmpfs_fill(struct super *sb, const char *source, const char *options)
{
	u64 limit = default_limit();
	struct options o = { .max_pages = limit, .max_inodes = limit, .mode = 01777 };
	int err = parse_options(options, &o);

	return err ? err : fill(sb, &o);
}

/* The root: an ordinary directory's mode. */
int rootfs_fill(struct super *sb, const char *source, const char *options)
{
	u64 limit = default_limit();

	return fill(sb, &(struct options){ .max_pages = limit, .max_inodes = limit, .mode = 0755 });
}
