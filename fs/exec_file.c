// SPDX-License-Identifier: MIT
/*
 * Programs as exec sees them. While a program runs, its file refuses to be opened for writing: the path that
 * /proc/PID/exe reads (struct vm_image) holds that.
 */
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "mm/kmem.h"
#include "proc/task.h"

static int check(const struct path *p)
{
	struct inode *i = path_inode(p);

	if (inode_is_symlink(i))
		return -ELOOP;
	if (!inode_is_regular(i) || (load_relaxed(&p->mount->flags) & MS_NOEXEC))
		return -EACCES;
	return inode_permission(i, MAY_EXEC);
}

int exec_open(int dirfd, const char *name, int flags, struct exec_file *out)
{
	scoped_path p = {};
	u32 walk = (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
		   (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
	int err = path_lookup(dirfd, name, walk, &p);

	if (!err)
		err = check(&p);
	if (!err)
		err = inode_exec_begin(path_inode(&p));
	if (err)
		return err;
	struct inode *i = path_inode(&p);
	struct path *owned = kmalloc(sizeof(*owned));

	if (!owned) {
		inode_exec_end(i);
		return -ENOMEM;
	}
	object_get(&i->object);
	*out = (struct exec_file){ .object = &i->object,
				   .path = owned,
				   .size = inode_size(i),
				   .mode = i->mode,
				   .uid = i->uid,
				   .gid = i->gid,
				   .nosuid = load_relaxed(&p.mount->flags) & MS_NOSUID,
				   .unreadable = inode_permission(i, MAY_READ) != 0 };
	*owned = p;
	p = (struct path){};
	return 0;
}

void exec_close(struct exec_file *f)
{
	object_put(f->object);
	if (f->path)
		exec_path_release(f->path);
	f->object = nullptr;
	f->path = nullptr;
}

void exec_path_release(void *path)
{
	inode_exec_end(path_inode(path));
	path_put(path);
	kfree(path);
}
