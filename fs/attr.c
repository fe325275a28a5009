// SPDX-License-Identifier: MIT
/* Changing attributes: who may, and what a change takes away. */
#include "fs/attr.h"
#include "fs/notify.h"
#include "proc/cred.h"

int inode_chmod(struct inode *i, u32 mode)
{
	const struct cred *c = cred_current();

	if (inode_is_symlink(i))
		return -EOPNOTSUPP;
	scoped_mutex(&i->lock);
	if (!inode_owned(i))
		return -EPERM;
	if (!cred_in_group(c, i->gid) && !cred_capable(c, CAP_FSETID))
		mode &= ~(u32)S_ISGID;
	i->mode = (i->mode & S_IFMT) | (mode & 07777);
	inode_touch_changed(i);
	notify_inode(i, IN_ATTRIB);
	return 0;
}

/* The owner may give a file to a group of his own; only CAP_CHOWN may do more. */
static bool may_chown(const struct inode *i, u32 uid, u32 gid)
{
	const struct cred *c = cred_current();

	if (cred_capable(c, CAP_CHOWN))
		return true;
	if (c->fsuid != i->uid)
		return false;
	return (uid == ~0u || uid == i->uid) &&
	       (gid == ~0u || gid == i->gid || cred_in_group(c, gid));
}

int inode_chown(struct inode *i, u32 uid, u32 gid)
{
	scoped_mutex(&i->lock);
	if (!may_chown(i, uid, gid))
		return -EPERM;
	if (uid != ~0u)
		i->uid = uid;
	if (gid != ~0u)
		i->gid = gid;
	if (!inode_is_dir(i)) {
		i->mode &= ~(u32)S_ISUID;
		if (i->mode & 0010)
			i->mode &= ~(u32)S_ISGID;
	}
	inode_touch_changed(i);
	notify_inode(i, IN_ATTRIB);
	return 0;
}

static void apply_time(s64 *time, struct time_change c)
{
	if (c.how != TIME_OMIT)
		*time = c.how == TIME_NOW ? inode_now() : c.ns;
}

int inode_set_times(struct inode *i, struct time_change a, struct time_change m)
{
	if (a.how == TIME_OMIT && m.how == TIME_OMIT)
		return 0;
	scoped_mutex(&i->lock);
	bool both_now = a.how == TIME_NOW && m.how == TIME_NOW;

	/* Setting both to now is what a write does. */
	if (!inode_owned(i) && (!both_now || inode_permission(i, MAY_WRITE)))
		return both_now ? -EACCES : -EPERM;
	apply_time(&i->atime, a);
	apply_time(&i->mtime, m);
	inode_touch_changed(i);
	/* One of the two alone is what a read or a write does. */
	notify_inode(i, a.how == TIME_OMIT ? IN_MODIFY : m.how == TIME_OMIT ? IN_ACCESS : IN_ATTRIB);
	return 0;
}
