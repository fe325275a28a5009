// SPDX-License-Identifier: MIT
/*
 * read, write and their family. The position of a file that only one descriptor of one thread knows
 * needs no lock.
 */
#include "sys/rw.h"
#include "proc/unknown.h"
#include "sys/syscall.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/task.h"

static bool pos_shared(const struct fd *fd)
{
	return (fd->file->mode & FILE_POS) && (fd->counted || load_relaxed(&fd->file->refs) > 1);
}

[[gnu::noinline]] static long locked(const struct fd *fd, struct io *io,
				     long (*op)(struct file *f, struct io *io, u64 *pos))
{
	scoped_mutex(&fd->file->pos_lock);
	return op(fd->file, io, &fd->file->pos);
}

[[gnu::always_inline]] inline long fd_read(const struct fd *fd, struct io *io)
{
	if (unlikely(pos_shared(fd)))
		return locked(fd, io, file_read_io);
	return file_read_io(fd->file, io, &fd->file->pos);
}

[[gnu::always_inline]] inline long fd_write(const struct fd *fd, struct io *io)
{
	if (unlikely(pos_shared(fd)))
		return locked(fd, io, file_write_io);
	return file_write_io(fd->file, io, &fd->file->pos);
}

/* Memory that cannot be a user's, even where it would not be reached: that is found wrong after the file. */
[[gnu::cold]] static long beyond_user(const struct file *f, u32 mode)
{
	bool can = mode == FILE_WRITE ? f->ops->write != nullptr : f->ops->read || f->ops->iterate;

	return !(f->mode & mode) ? -EBADF : can ? -EFAULT : -EINVAL;
}

/* An O_PATH descriptor is open for neither reading nor writing: fd_get_any() will do. */
SYSCALL(read)
{
	scoped_fd fd = fd_get_any(ARG_INT(0));
	struct io io;

	if (unlikely(!fd.file))
		return -EBADF;
	if (unlikely(!io_user(&io, ARG_PTR(1), ARG_U64(2))))
		return beyond_user(fd.file, FILE_READ);
	return fd_read(&fd, &io);
}

SYSCALL(write)
{
	scoped_fd fd = fd_get_any(ARG_INT(0));
	struct io io;

	if (unlikely(!fd.file))
		return -EBADF;
	if (unlikely(!io_user(&io, ARG_PTR(1), ARG_U64(2))))
		return beyond_user(fd.file, FILE_WRITE);
	return fd_write(&fd, &io);
}

/* Does the file take a position that a call names? */
static int position_check(const struct fd *fd, s64 pos)
{
	if (pos < 0)
		return -EINVAL;
	if (!fd->file)
		return -EBADF;
	return fd->file->mode & FILE_STREAM ? -ESPIPE : 0;
}

static long at_position(struct trapframe *f, u32 mode, long (*op)(struct file *f, struct io *io, u64 *pos))
{
	scoped_fd fd = fd_get(ARG_INT(0));
	u64 pos = ARG_U64(3);
	struct io io;
	int err = position_check(&fd, (s64)pos);

	if (err)
		return err;
	return !io_user(&io, ARG_PTR(1), ARG_U64(2)) ? beyond_user(fd.file, mode) : op(fd.file, &io, &pos);
}

SYSCALL(pread64) { return at_position(f, FILE_READ, file_read_io); }
SYSCALL(pwrite64) { return at_position(f, FILE_WRITE, file_write_io); }

/* ---- vectors */

int iovecs_get(struct iovecs *vs, va_t user, u64 count, struct io *io)
{
	u64 total = 0;

	vs->v = vs->small;
	if (count > IOV_MAX)
		return -EINVAL;
	if (count > ARRAY_SIZE(vs->small)) {
		vs->v = kmalloc(count * sizeof(struct iovec));
		if (!vs->v)
			return -ENOMEM;
	}
	if (copy_from_user(vs->v, user, count * sizeof(struct iovec)))
		return -EFAULT;
	for (u64 i = 0; i < count; i++)
		if ((s64)vs->v[i].len < 0)
			return -EINVAL;
	for (u64 i = 0; i < count; i++) {
		if (!user_range_ok(vs->v[i].base, vs->v[i].len))
			return -EFAULT;
		total = min(total + vs->v[i].len, IO_MAX);
	}
	*io = (struct io){ .left = total, .next = vs->v };
	return 0;
}

void iovecs_put(struct iovecs *vs)
{
	if (vs->v != vs->small)
		kfree(vs->v);
}

static long vector(struct trapframe *f, long (*op)(const struct fd *fd, struct io *io))
{
	scoped_fd fd = fd_get(ARG_INT(0));
	scoped_iovecs vs = {};
	struct io io;

	if (!fd.file)
		return -EBADF;
	int err = iovecs_get(&vs, ARG_PTR(1), ARG_U64(2), &io);

	return err ? err : op(&fd, &io);
}

static long vector_at(struct trapframe *f, s64 pos,
		      long (*op)(struct file *f, struct io *io, u64 *pos))
{
	scoped_fd fd = fd_get(ARG_INT(0));
	scoped_iovecs vs = {};
	u64 at = (u64)pos;
	struct io io;
	int err = position_check(&fd, pos) ?: iovecs_get(&vs, ARG_PTR(1), ARG_U64(2), &io);

	return err ? err : op(fd.file, &io, &at);
}

SYSCALL(readv) { return vector(f, fd_read); }
SYSCALL(writev) { return vector(f, fd_write); }
SYSCALL(preadv) { return vector_at(f, ARG_LONG(3), file_read_io); }
SYSCALL(pwritev) { return vector_at(f, ARG_LONG(3), file_write_io); }

/* Of the flags only those that ask for nothing special: RWF_HIPRI, RWF_DSYNC, RWF_SYNC. */
constexpr unsigned RWF_KNOWN = 1 | 2 | 4;

SYSCALL(preadv2)
{
	if (flags_unknown(ARG_UINT(5), RWF_KNOWN))
		return -EOPNOTSUPP;
	return ARG_LONG(3) == -1 ? vector(f, fd_read) : vector_at(f, ARG_LONG(3), file_read_io);
}

SYSCALL(pwritev2)
{
	if (flags_unknown(ARG_UINT(5), RWF_KNOWN))
		return -EOPNOTSUPP;
	return ARG_LONG(3) == -1 ? vector(f, fd_write) : vector_at(f, ARG_LONG(3), file_write_io);
}

SYSCALL(lseek)
{
	scoped_fd fd = fd_get(ARG_INT(0));

	if (!fd.file)
		return -EBADF;
	if (!pos_shared(&fd))
		return file_seek(fd.file, ARG_LONG(1), ARG_INT(2));
	scoped_mutex(&fd.file->pos_lock);
	return file_seek(fd.file, ARG_LONG(1), ARG_INT(2));
}
