// SPDX-License-Identifier: MIT
/* Between the files that walk names and change them. */
#pragma once

#include "lib/base.h"

/* "", "." or "..": nothing can be made or removed under such a name. */
bool name_is_special(const char *s, size_t len);
/* May the name `victim` be taken out of dir (both locked or dir locked)? 0, -EACCES, -EPERM
 * (sticky), -EBUSY (a mount point). */
struct dentry;
struct inode;
int name_may_remove(struct inode *dir, struct dentry *victim);
/* mount_lock, for climbing through mounts. Before rename_lock. */
void mount_tree_lock(void);
void mount_tree_unlock(void);
/* Makes m the root of everything, at start-up. */
struct mount;
void mount_set_root(struct mount *m);
