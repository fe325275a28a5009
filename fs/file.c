// SPDX-License-Identifier: MIT
/*
 * Open files: birth, death, and what read, write and seek mean for all of them.
 */
#include "fs/epoll.h"
#include "fs/file.h"
#include "fs/flock.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/open.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/layout.h"
#include "mm/mman.h"

static struct slab_cache *file_cache;

void file_init(void)
{
	file_cache = slab_create("file", sizeof(struct file), 16);
}

struct file *file_alloc(struct inode *inode, const struct file_ops *ops, u32 flags, u32 mode)
{
	struct file *f = slab_zalloc(file_cache);

	if (!f)
		return nullptr;
	f->refs = 1;
	f->inode = inode;
	f->ops = ops;
	f->flags = flags;
	f->mode = mode;
	mutex_init(&f->pos_lock);
	return f;
}

/* Lets go of what a file holds; not its ops' release. */
void file_discard(struct file *f)
{
	if (f->mode & FILE_WRITER)
		inode_write_end(f->inode);
	path_put(&f->path);
	inode_put(f->inode);
	slab_free(file_cache, f);
}

void file_put(struct file *f)
{
	if (!f || __atomic_fetch_sub(&f->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (!(f->mode & FILE_PATH))
		notify_file(f, f->mode & FILE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (unlikely(load_relaxed(&f->inode->locks) != nullptr))
		flock_release(f);
	if (unlikely(f->watchers != nullptr))
		epoll_file_closed(f);
	if (f->ops->release && !(f->mode & FILE_PATH))
		f->ops->release(f);
	file_discard(f);
}

static u32 mode_of_flags(u32 flags)
{
	static const u8 modes[] = { FILE_READ, FILE_WRITE, FILE_READ | FILE_WRITE, 0 };

	return modes[flags & O_ACCMODE];
}

struct file *file_new_anon(struct inode *inode, const struct file_ops *ops, void *data, u32 flags)
{
	struct file *f = file_alloc(inode, ops, flags & ~O_CLOEXEC, mode_of_flags(flags));

	if (f)
		f->data = data;
	else
		inode_put(inode);
	return f;
}

struct inode *inode_anon(void)
{
	struct inode *i = mount_anon->root->inode;

	inode_get(i);
	return i;
}

/* ---- reading and writing */

long file_read_kernel(struct file *f, void *buf, size_t n, u64 *pos)
{
	struct io io;

	io_kernel(&io, buf, n);
	return file_read_io(f, &io, pos ? pos : &f->pos);
}

long file_write_kernel(struct file *f, const void *buf, size_t n, u64 *pos)
{
	struct io io;

	io_kernel(&io, (void *)buf, n);
	return file_write_io(f, &io, pos ? pos : &f->pos);
}

s64 file_seek_size(struct file *f, s64 offset, int whence, u64 size)
{
	s64 base;

	switch (whence) {
	case SEEK_SET: base = 0; break;
	case SEEK_CUR: base = (s64)f->pos; break;
	case SEEK_END: base = (s64)size; break;
	case SEEK_DATA:
	case SEEK_HOLE:	/* one piece of data, and a hole at its end */
		if (offset < 0 || (u64)offset >= size)
			return -ENXIO;
		base = whence == SEEK_DATA ? 0 : (s64)size - offset;
		break;
	default: return -EINVAL;
	}
	s64 at;

	if (__builtin_add_overflow(base, offset, &at))
		return -EOVERFLOW;
	if (at < 0)
		return -EINVAL;
	f->pos = (u64)at;
	return at;
}

s64 file_seek(struct file *f, s64 offset, int whence)
{
	if (f->mode & FILE_STREAM)
		return -ESPIPE;
	return f->ops->seek ? f->ops->seek(f, offset, whence) :
			      file_seek_size(f, offset, whence, inode_size(f->inode));
}

u32 file_poll(struct file *f, struct poll_table *pt)
{
	return f->ops->poll ? f->ops->poll(f, pt) : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

/* ---- mmap */

int file_map(struct file *f, int prot, int flags, struct object **object, u32 *max_prot)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	bool noexec = f->path.mount && (f->path.mount->flags & MS_NOEXEC);
	u32 max = R_MAXREAD | R_MAXEXEC;

	if (!(f->mode & FILE_READ))
		return -EACCES;
	if (!shared || (f->mode & FILE_WRITE))
		max |= R_MAXWRITE;
	if (noexec && (prot & PROT_EXEC))
		return -EPERM;
	if (noexec)
		max &= ~(u32)R_MAXEXEC;
	if ((prot & PROT_WRITE) && !(max & R_MAXWRITE))
		return -EACCES;
	if (!f->ops->map)
		return -ENODEV;
	int err = f->ops->map(f, object);

	if (!err)
		*max_prot = max;
	return err;
}

/* ---- names in /proc/PID/fd */

static size_t describe(struct file *f, char *buf, size_t size)
{
	if (f->ops->describe)
		f->ops->describe(f, buf, size);
	else
		snprintf(buf, size, "anon_inode:[file]");
	return strlen(buf);
}

int file_path(struct file *f, struct path *out)
{
	char name[64];

	if (f->path.dentry) {
		*out = f->path;
		path_get(out);
		return 0;
	}
	size_t n = describe(f, name, sizeof(name));
	struct dentry *d = dentry_new(mount_anon->sb, nullptr, name, n);

	if (!d)
		return -ENOMEM;
	inode_get(f->inode);
	dentry_instantiate(d, f->inode);
	mount_get(mount_anon);
	*out = (struct path){ mount_anon, d };
	return 0;
}

long file_name(struct file *f, char *buf, size_t size)
{
	if (!f->path.dentry)
		return (long)describe(f, buf, size);
	char *name = path_name(&f->path, buf, size);

	if (!name)
		return -ENAMETOOLONG;
	size_t n = strlen(name);

	memmove(buf, name, n + 1);
	return (long)n;
}
