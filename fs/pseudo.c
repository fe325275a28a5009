// SPDX-License-Identifier: MIT
/*
 * Made-up file systems: tables of entries, generated text. A text file's whole contents are made at
 * the first read (and again at position 0), so that one reader sees one moment.
 */
#include "fs/pseudo.h"
#include "fs/tmpfs.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"

static const struct pseudo_entry *entry_of(const struct inode *i) { return i->data; }

struct inode *pseudo_inode(struct super *sb, const struct pseudo_entry *e, u64 arg0, u64 arg1)
{
	const struct inode_ops *ops = e->ops;
	const struct file_ops *fops = e->fops;

	switch (e->mode & S_IFMT) {
	case S_IFDIR:
		ops = ops ? ops : &pseudo_dir_ops;
		fops = fops ? fops : &pseudo_dir_fops;
		break;
	case S_IFLNK:
		ops = ops ? ops : &pseudo_link_ops;
		break;
	default:
		ops = ops ? ops : &pseudo_file_ops;
		fops = fops ? fops : &pseudo_text_fops;
	}
	struct inode *i = inode_new(sb, e->mode, ops, fops, nullptr);

	if (!i)
		return nullptr;
	i->uid = i->gid = 0;
	i->data = (void *)e;
	i->arg[0] = arg0;
	i->arg[1] = arg1;
	i->nlink = (e->mode & S_IFMT) == S_IFDIR ? 2 : 1;
	return i;
}

int pseudo_instantiate(struct dentry *child, const struct pseudo_entry *e, u64 arg0, u64 arg1)
{
	struct inode *i = pseudo_inode(child->sb, e, arg0, arg1);

	if (!i)
		return -ENOMEM;
	dentry_instantiate(child, i);
	return 0;
}

int pseudo_lookup(struct dentry *dir, struct dentry *child)
{
	const struct inode *d = dir->inode;

	for (const struct pseudo_entry *e = entry_of(d)->children; e && e->name; e++)
		if (strlen(e->name) == child->len && !memcmp(e->name, child->name, child->len))
			return pseudo_instantiate(child, e, d->arg[0], d->arg[1]);
	return -ENOENT;
}

int pseudo_iterate(struct file *f, struct dir_sink *sink)
{
	const struct pseudo_entry *table = entry_of(f->inode)->children;

	if (!dir_emit_dots(f, sink))
		return 1;
	for (u64 n = 2; table && table->name && n < PSEUDO_STATIC_END; n++, table++) {
		if (n < f->pos)
			continue;
		/* Numbers of inodes that do not exist yet: any that is not 0. */
		if (!sink->entry(sink, table->name, strlen(table->name),
				 f->inode->ino * PSEUDO_STATIC_END + n, table->mode, n + 1))
			return 1;
		f->pos = n + 1;
	}
	f->pos = max(f->pos, PSEUDO_STATIC_END);
	return 0;
}

static int dir_iterate(struct file *f, struct dir_sink *sink)
{
	pseudo_iterate(f, sink);
	return 0;
}

static long link_readlink(struct inode *i, char *buf, size_t size)
{
	const char *text = entry_of(i)->link;
	size_t n = min(strlen(text), size);

	memcpy(buf, text, n);
	return (long)n;
}

/* "Truncating" such a file (the shell's >) is nothing. */
static int file_resize(struct inode *i, u64 size)
{
	return 0;
}

/* ---- text files: f->data is the text, made under pos_lock or by an only user */

static int generate(struct file *f)
{
	struct text *t = f->data;

	text_free(t);
	int err = entry_of(f->inode)->show(f->inode, t);

	return err ? err : t->err;
}

static int text_open(struct file *f)
{
	const struct pseudo_entry *e = entry_of(f->inode);

	if (((f->mode & FILE_READ) && !e->show) || ((f->mode & FILE_WRITE) && !e->store))
		return -EACCES;
	f->data = kzalloc(sizeof(struct text));
	return f->data ? 0 : -ENOMEM;
}

static void text_release(struct file *f)
{
	text_free(f->data);
	kfree(f->data);
}

static long text_read(struct file *f, struct io *io, u64 *pos)
{
	struct text *t = f->data;

	scoped_mutex(&f->inode->lock);	/* pread by several threads */
	if (*pos == 0 || !t->buf) {
		int err = generate(f);

		if (err) {
			text_free(t);
			return err;
		}
	}
	if (*pos >= t->len)
		return 0;
	size_t want = min(io->left, t->len - *pos), got = io_put(io, t->buf + *pos, want);

	*pos += got;
	return got ? (long)got : -EFAULT;
}

static long text_store(struct file *f, struct io *io, u64 *pos)
{
	const struct pseudo_entry *e = entry_of(f->inode);
	size_t n = min(io->left, PAGE_SIZE - 1);

	if (e->first_only && *pos)
		return (long)io->left;
	char *buf = kmalloc(n + 1);

	if (!buf)
		return -ENOMEM;
	long err = -EFAULT;

	if (io_take(io, buf, n) == n) {
		buf[n] = '\0';
		err = e->store(f->inode, buf, n);
	}
	kfree(buf);
	if (err > 0)
		*pos += (u64)err;
	return err;
}

const struct inode_ops pseudo_dir_ops = { .lookup = pseudo_lookup };
const struct inode_ops pseudo_link_ops = { .readlink = link_readlink };
const struct inode_ops pseudo_file_ops = { .resize = file_resize };
const struct file_ops pseudo_dir_fops = { .iterate = dir_iterate };
const struct file_ops pseudo_text_fops = {
	.open = text_open,
	.release = text_release,
	.read = text_read,
	.write = text_store,
};

static void pseudo_statfs(struct super *sb, struct statfs_info *out)
{
	*out = (struct statfs_info){ .type = (u64)sb->data,
				     .block_size = PAGE_SIZE,
				     .name_max = NAME_MAX };
}

static void pseudo_kill(struct super *sb)
{
	dentry_drop_tree(sb->root);	/* what mounts have pinned */
}

static const struct super_ops pseudo_super_ops = { .kill = pseudo_kill, .statfs = pseudo_statfs };

int pseudo_fill(struct super *sb, const struct pseudo_entry *root, u64 magic)
{
	if (!sb->ops)
		sb->ops = &pseudo_super_ops;
	if (!sb->data)
		sb->data = (void *)magic;
	struct inode *i = pseudo_inode(sb, root, 0, 0);

	if (!i)
		return -ENOMEM;
	sb->root = dentry_new(sb, nullptr, "/", 1);
	if (!sb->root) {
		inode_put(i);
		return -ENOMEM;
	}
	dentry_instantiate(sb->root, i);
	return 0;
}
