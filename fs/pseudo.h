// SPDX-License-Identifier: MIT
/*
 * File systems that are made up on the fly (procfs, sysfs): static tables of entries, directories
 * that answer lookup and iterate by themselves, and files whose text is generated when they are
 * first read.
 *
 * Entries are looked up anew each time, nothing is cached: an inode lives as long as somebody uses
 * it. A whole file system is: pseudo_fill(sb, ops, root_table, nullptr) called from fs_type.fill.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/text.h"

/*
 * One entry. What it is follows from mode's type:
 *   directory      children (static table), or `ops` + `fops` of its own, or both:
 * pseudo_lookup/pseudo_iterate serve the
 *                  table, own functions may call them for the static part
 *   regular file   show (read) and store (write), or fops of its own
 *   symbolic link  link (fixed text) or ops (readlink, follow)
 */
struct pseudo_entry {
	const char *name;		/* nullptr ends a table */
	u32 mode;			/* type and permissions */
	/* The whole text; called at the first read of an open file, again after a seek to 0. 0 or
	 * -errno. */
	int (*show)(struct inode *inode, struct text *t);
	/* One write: terminated copy (at most a page). Bytes consumed or -errno. */
	long (*store)(struct inode *inode, const char *buf, size_t n);
	bool first_only;		/* what is written behind the file's start is passed over (sysctls) */
	const char *link;
	const struct pseudo_entry *children;
	const struct inode_ops *ops;
	const struct file_ops *fops;
};

/* An inode for an entry: inode->data = the entry, inode->arg = arg[0..1]. Children of a table get
 * their directory's args. */
[[nodiscard]] struct inode *pseudo_inode(struct super *sb, const struct pseudo_entry *e, u64 arg0,
					 u64 arg1);
/* For own lookup functions: instantiates child with the entry. 0 or -ENOMEM. */
[[nodiscard]] int pseudo_instantiate(struct dentry *child, const struct pseudo_entry *e, u64 arg0,
				     u64 arg1);
/* inode_ops.lookup over a static table (the inode's entry's children). */
int pseudo_lookup(struct dentry *dir, struct dentry *child);
/* file_ops.iterate over ".", ".." and the table. Positions 0, 1, then 2 .. PSEUDO_STATIC_END - 1.
 * Returns 0, or 1 when the sink is full. When done, f->pos is PSEUDO_STATIC_END: own entries go on
 * from there. */
int pseudo_iterate(struct file *f, struct dir_sink *sink);
constexpr u64 PSEUDO_STATIC_END = 256;

extern const struct inode_ops pseudo_dir_ops, pseudo_link_ops, pseudo_file_ops;
extern const struct file_ops pseudo_dir_fops, pseudo_text_fops;

/* fs_type.fill's work: root directory from an entry. Sets sb->ops if it is not set. */
[[nodiscard]] int pseudo_fill(struct super *sb, const struct pseudo_entry *root, u64 magic);
