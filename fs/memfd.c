// SPDX-License-Identifier: MIT
/*
 * Anonymous files: ordinary memory files that never had a name. Seals live in inode->arg[0], with a
 * bit that says that the inode has any. They change and are looked at under the inode's lock, by the
 * operations here, which the plain page cache's stand behind; by mmap in the object, where mm finds the one against writers.
 */
#include "fs/memfd.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/open.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/vm.h"

constexpr u64 SEALABLE = 1ul << 32;
constexpr u32 SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
		      F_SEAL_FUTURE_WRITE | F_SEAL_EXEC;

static bool sealed(const struct inode *i, u32 seals) { return i->arg[0] & seals; }

static long memfd_write(struct file *f, struct io *io, u64 *pos)
{
	struct inode *i = f->inode;

	scoped_mutex(&i->lock);
	u64 size = inode_size(i), at = load_relaxed(&f->flags) & O_APPEND ? size : *pos;

	if (sealed(i, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (sealed(i, F_SEAL_GROW) && at + io->left > size) {
		if (at >= size)
			return -EPERM;
		io->left = size - at;
		io->piece = min(io->piece, io->left);
	}
	return pagecache_write_locked(f, io, pos);
}

static int memfd_allocate(struct file *f, int mode, u64 offset, u64 len)
{
	struct inode *i = f->inode;

	scoped_mutex(&i->lock);
	if (sealed(i, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) && mode)
		return -EPERM;
	if (sealed(i, F_SEAL_GROW) && offset + len > inode_size(i) && !(mode & FALLOC_PUNCH_HOLE))
		return -EPERM;
	return pagecache_allocate_locked(f, mode, offset, len);
}

static int memfd_resize(struct inode *i, u64 size)
{
	if (sealed(i, size < inode_size(i) ? F_SEAL_SHRINK : F_SEAL_GROW))
		return -EPERM;
	return pagecache_resize(i, size);
}

static const struct inode_ops memfd_inode_ops = { .resize = memfd_resize };
static const struct file_ops memfd_fops = {
	.read = pagecache_read,
	.write = memfd_write,
	.seek = pagecache_seek,
	.map = pagecache_map,
	.allocate = memfd_allocate,
	.sync = pagecache_sync,
};

int memfd_new(const char *name, u32 flags, struct file **out)
{
	char full[NAME_MAX + 1];
	struct inode *i =
		inode_new(mount_anon->sb, S_IFREG | 0777, &memfd_inode_ops, &memfd_fops, nullptr);

	if (!i)
		return -ENOMEM;
	i->nlink = 0;
	i->arg[0] = SEALABLE | (flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) ? 0 : F_SEAL_SEAL);
	if (flags & MFD_NOEXEC_SEAL) {
		i->mode &= ~0111u;
		i->arg[0] |= F_SEAL_EXEC;
	}
	snprintf(full, sizeof(full), "/memfd:%s", name);
	struct dentry *d = dentry_new(mount_anon->sb, nullptr, full, strlen(full));

	if (!d) {
		inode_put(i);
		return -ENOMEM;
	}
	d->flags = DENTRY_DELETED;
	dentry_instantiate(d, i);
	mount_get(mount_anon);
	scoped_path p = { mount_anon, d };

	return file_open_path(&p, O_RDWR | O_LARGEFILE, out);
}

long memfd_add_seals(struct file *f, u32 seals)
{
	struct inode *i = f->inode;

	if (i->fops != &memfd_fops || (seals & ~SEALS))
		return -EINVAL;
	if (!(f->mode & FILE_WRITE))
		return -EPERM;
	scoped_mutex(&i->lock);
	if (sealed(i, F_SEAL_SEAL))
		return -EPERM;
	bool was = sealed(i, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
	bool more = (seals & F_SEAL_WRITE) && !sealed(i, F_SEAL_WRITE);

	/* First, so that no new mapping may write. */
	store_relaxed(&i->object.sealed, was || (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)));
	if (more && vm_object_writable(&i->object)) {
		store_relaxed(&i->object.sealed, was);
		return -EBUSY;
	}
	i->arg[0] |= seals;
	return 0;
}

long memfd_get_seals(struct file *f)
{
	return f->inode->fops == &memfd_fops ? (long)(u32)(f->inode->arg[0] & SEALS) : -EINVAL;
}
