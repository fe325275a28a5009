// SPDX-License-Identifier: MIT
/*
 * sendfile, copy_file_range, splice: from file to file through one page. tee and vmsplice are
 * missing: they only make sense where pages can change hands.
 */
#include "sys/syscall.h"
#include "fs/file.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/task.h"

constexpr size_t STEP = 64 * KiB;

/* One step. What was read but not taken is given back by moving *in_pos; pipes cannot, so they are
 * written to the end. */
static long copy_step(struct file *in, u64 *in_pos, struct file *out, u64 *out_pos, char *buf,
		      size_t n)
{
	long got = file_read_kernel(in, buf, n, in_pos);
	long done = 0;

	while (done < got) {
		long put = file_write_kernel(out, buf + done, (size_t)(got - done), out_pos);

		if (put <= 0) {
			*in_pos -= (u64)(got - done);
			return done ? done : put;
		}
		done += put;
	}
	return got;
}

static long copy_bytes(struct file *in, u64 *in_pos, struct file *out, u64 *out_pos, size_t n)
{
	char *buf = kmalloc(STEP);
	long total = 0;

	if (!buf)
		return -ENOMEM;
	while (n) {
		long got = copy_step(in, in_pos, out, out_pos, buf, min(n, STEP));

		if (got <= 0) {
			total = total ? total : got;
			break;
		}
		total += got;
		n -= (size_t)got;
		if (in->mode & FILE_STREAM)	/* what a pipe holds now is enough */
			break;
		if (signal_pending()) {
			total = total ? total : -ERESTARTSYS;
			break;
		}
	}
	kfree(buf);
	return total;
}

/* A position that the program keeps, or (user 0) the file's own. */
struct place {
	va_t user;
	u64 own, *pos;
};

static int place_get(struct place *p, struct file *f, va_t user)
{
	p->user = user;
	p->pos = user ? &p->own : &f->pos;
	if (!user)
		return 0;
	if (f->mode & FILE_STREAM)
		return -ESPIPE;
	int err = get_user(p->own, user);

	return err ? err : (s64)p->own < 0 ? -EINVAL : 0;
}

static long place_put(const struct place *p, long result)
{
	return p->user && put_user(p->user, p->own) ? -EFAULT : result;
}

static long copy_call(struct file *in, va_t in_user, struct file *out, va_t out_user, size_t n)
{
	struct place from, to;
	int err = place_get(&from, in, in_user);

	if (!err)
		err = place_get(&to, out, out_user);
	if (!err && (!(in->mode & FILE_READ) || !(out->mode & FILE_WRITE)))
		err = -EBADF;
	if (err)
		return err;
	long done = copy_bytes(in, from.pos, out, to.pos, min(n, IO_MAX));

	return place_put(&to, place_put(&from, done));
}

SYSCALL(sendfile)
{
	scoped_fd out = fd_get(ARG_INT(0));
	scoped_fd in = fd_get(ARG_INT(1));

	if (!in.file || !out.file)
		return -EBADF;
	if (in.file->mode & FILE_STREAM || (out.file->flags & O_APPEND))
		return -EINVAL;
	return copy_call(in.file, ARG_PTR(2), out.file, 0, ARG_U64(3));
}

static bool overlap(const struct place *a, const struct place *b, u64 n)
{
	return *a->pos < *b->pos + n && *b->pos < *a->pos + n;
}

SYSCALL(copy_file_range)
{
	scoped_fd in = fd_get(ARG_INT(0));
	scoped_fd out = fd_get(ARG_INT(2));
	struct place from, to;

	if (!in.file || !out.file)
		return -EBADF;
	if (ARG_UINT(5))
		return -EINVAL;
	if (inode_is_dir(in.file->inode) || inode_is_dir(out.file->inode))
		return -EISDIR;
	if (!inode_is_regular(in.file->inode) || !inode_is_regular(out.file->inode))
		return -EINVAL;
	if (out.file->flags & O_APPEND)
		return -EBADF;
	int err = place_get(&from, in.file, ARG_PTR(1));

	if (!err)
		err = place_get(&to, out.file, ARG_PTR(3));
	if (err)
		return err;
	if (in.file->inode == out.file->inode && overlap(&from, &to, min(ARG_U64(4), IO_MAX)))
		return -EINVAL;
	return copy_call(in.file, ARG_PTR(1), out.file, ARG_PTR(3), ARG_U64(4));
}

/* One side must be a pipe. */
SYSCALL(splice)
{
	scoped_fd in = fd_get(ARG_INT(0));
	scoped_fd out = fd_get(ARG_INT(2));

	if (!in.file || !out.file)
		return -EBADF;
	bool in_pipe = inode_type(in.file->inode) == S_IFIFO,
	     out_pipe = inode_type(out.file->inode) == S_IFIFO;

	if (!in_pipe && !out_pipe)
		return -EINVAL;
	if ((in_pipe && ARG_PTR(1)) || (out_pipe && ARG_PTR(3)))
		return -ESPIPE;
	return copy_call(in.file, ARG_PTR(1), out.file, ARG_PTR(3), ARG_U64(4));
}
