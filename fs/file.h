// SPDX-License-Identifier: MIT
/*
 * Open files and the tables of descriptors that name them.
 *
 * A thread whose table nobody shares uses a file without taking a reference: only the thread itself
 * could close it, and it is busy with the call. Else the lookup takes one, under the table's lock.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/lock.h"
#include "fs/io.h"
#include "fs/path.h"
#include "proc/task.h"

struct file;
struct files;
struct poll_table;
struct text;

#include <abi.h>			/* O_DIRECTORY, O_NOFOLLOW, O_DIRECT, O_LARGEFILE */
/* open(2) */
enum : u32 {
	O_RDONLY = 0,
	O_WRONLY = 1,
	O_RDWR = 2,
	O_ACCMODE = 3,
	O_CREAT = 0100,
	O_EXCL = 0200,
	O_NOCTTY = 0400,
	O_TRUNC = 01000,
	O_APPEND = 02000,
	O_NONBLOCK = 04000,
	O_DSYNC = 010000,
	O_ASYNC = 020000,
	O_NOATIME = 01000000,
	O_CLOEXEC = 02000000,
	O_SYNC = 04010000,
	O_PATH = 010000000,
	O_TMPFILE_BIT = 020000000,
	O_TMPFILE = O_TMPFILE_BIT | O_DIRECTORY,
};

enum file_mode : u32 {
	FILE_READ = 1,			/* open for reading */
	FILE_WRITE = 2,
	FILE_POS = 4,			/* has a position that read and write move (regular files,
					 * directories) */
	FILE_PATH = 8,			/* O_PATH: names a place, does nothing */
	FILE_WRITER = 16,		/* counted in inode->writers */
	FILE_STREAM = 32,		/* pread and lseek are -ESPIPE: pipes, sockets, terminals */
};

/* Who gets what iterate() finds. False: full, stop; the entry was not taken. */
struct dir_sink {
	bool (*entry)(struct dir_sink *s, const char *name, size_t len, u64 ino, u32 mode,
		      u64 next_pos);
};

/*
 * What an open file does. Anything may be missing. All may sleep. read and write: bytes or -errno;
 * *pos is moved by them; 0 bytes asked never come here. O_NONBLOCK is in f->flags.
 */
struct file_ops {
	/* After f->inode, path, flags, mode and data (devices) are set; O_NOCTTY is in f->flags
	 * during the call. May replace f->ops, f->data, f->arg, and add FILE_* to f->mode. */
	int (*open)(struct file *f);
	/* The last reference is gone. Not after a failed open. */
	void (*release)(struct file *f);
	long (*read)(struct file *f, struct io *io, u64 *pos);		/* missing: -EINVAL */
	long (*write)(struct file *f, struct io *io, u64 *pos);
	bool even_none;		/* read and write are called for 0 bytes, too, which mean something */
	s64 (*seek)(struct file *f, s64 offset, int whence);		/* missing: the usual rule
									 * over the size */
	u32 (*poll)(struct file *f, struct poll_table *pt);		/* missing: always ready */
	long (*ioctl)(struct file *f, unsigned cmd, u64 arg);		/* missing or -ENOTTY:
									 * -ENOTTY */
	/* Entries from f->pos on; moves f->pos. "." and ".." too. The inode is locked. */
	int (*iterate)(struct file *f, struct dir_sink *sink);
	/* What mmap maps: an object (no reference added), nullptr: anonymous memory. missing: -ENODEV. */
	int (*map)(struct file *f, struct object **object);
	int (*sync)(struct file *f);					/* missing: -EINVAL */
	int (*allocate)(struct file *f, int mode, u64 offset, u64 len);	/* missing: -EOPNOTSUPP */
	/* Its name in /proc/PID/fd when it has no path. */
	void (*describe)(struct file *f, char *buf, size_t size);
	/* Extra lines of /proc/PID/fdinfo/N. */
	void (*info)(struct file *f, struct text *t);
};

/* (a) atomic (i) fixed after open */
struct file {
	u32 refs;			/* (a) */
	u32 flags;			/* (a) O_*: O_APPEND, O_NONBLOCK … may change (F_SETFL) */
	u32 mode;			/* (a) FILE_* */
	const struct file_ops *ops;	/* (i) */
	struct inode *inode;		/* (i) a reference; never nullptr */
	void *data;			/* what ops want */
	u64 pos;			/* (pos_lock, if FILE_POS and shared) */
	struct mutex pos_lock;
	struct path path;		/* (i) empty: pipes and such */
	u64 arg;			/* what ops want */
	void *watchers;			/* fs/epoll.c */
	int owner, owner_signal;	/* F_SETOWN, F_SETSIG */
};

void file_init(void);
static inline void file_get(struct file *f) { __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED); }
void file_put(struct file *f);		/* nullptr is fine; the last closes it and may sleep */

/* Opens the place as open(2) does after the walk: checks type, rights, truncates. 0 and *out with
 * one reference. */
[[nodiscard]] int file_open_path(const struct path *p, u32 flags, struct file **out);
/* The whole of openat2(2) but the descriptor. how: 0 or WALK_ flags of RESOLVE_*. */
[[nodiscard]] int file_open(int dirfd, const char *name, u32 flags, u32 mode, u32 resolve,
			    struct file **out);
/* A file without a name (pipes, eventfds): takes over the inode reference in any case. nullptr: no
 * memory. */
[[nodiscard]] struct file *file_new_anon(struct inode *inode, const struct file_ops *ops,
					 void *data, u32 flags);
/* The one inode of all files that need none of their own (eventfd, epoll): a reference. */
struct inode *inode_anon(void);
/* A path to the file for /proc/PID/fd/N: its own, or a made-up one for an anonymous file. */
[[nodiscard]] int file_path(struct file *f, struct path *out);
/* What readlink of /proc/PID/fd/N says: at the start of buf; its length. */
long file_name(struct file *f, char *buf, size_t size);

/* What mmap wants: checks that the file may be mapped so; *object without an own reference,
 * *max_prot R_MAX*. flags: MAP_*.
 * -EACCES, -ENODEV, -EPERM. */
[[nodiscard]] int file_map(struct file *f, int prot, int flags, struct object **object,
			   u32 *max_prot);

/* Reads and writes with kernel buffers, at *pos or (pos nullptr) at the file's own. Bytes or
 * -errno. */
long file_read_kernel(struct file *f, void *buf, size_t n, u64 *pos);
long file_write_kernel(struct file *f, const void *buf, size_t n, u64 *pos);

static inline long file_read_io(struct file *f, struct io *io, u64 *pos)
{
	if (unlikely(!(f->mode & FILE_READ)))
		return -EBADF;
	if (unlikely(!f->ops->read))
		return f->ops->iterate ? -EISDIR : -EINVAL;
	return likely(io->left) || f->ops->even_none ? f->ops->read(f, io, pos) : 0;
}

static inline long file_write_io(struct file *f, struct io *io, u64 *pos)
{
	if (unlikely(!(f->mode & FILE_WRITE)))
		return -EBADF;
	if (unlikely(!f->ops->write))
		return -EINVAL;
	return likely(io->left) || f->ops->even_none ? f->ops->write(f, io, pos) : 0;
}

s64 file_seek(struct file *f, s64 offset, int whence);
enum { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE };
/* seek over a given size, for ops->seek. */
s64 file_seek_size(struct file *f, s64 offset, int whence, u64 size);

/* The page cache's operations, for any inode whose bytes are its object's (fs/pagecache.c). */
long pagecache_read(struct file *f, struct io *io, u64 *pos);
long pagecache_write(struct file *f, struct io *io, u64 *pos);
int pagecache_map(struct file *f, struct object **object);
s64 pagecache_seek(struct file *f, s64 offset, int whence);
enum { FALLOC_KEEP_SIZE = 1, FALLOC_PUNCH_HOLE = 2, FALLOC_ZERO_RANGE = 16 };
int pagecache_allocate(struct file *f, int mode, u64 offset, u64 len);
int pagecache_sync(struct file *f);
/* The same for who has locked the inode. */
long pagecache_write_locked(struct file *f, struct io *io, u64 *pos);
int pagecache_allocate_locked(struct file *f, int mode, u64 offset, u64 len);
/* inode_ops.resize for memory file systems. */
int pagecache_resize(struct inode *inode, u64 size);

/* ---- descriptors (fs/files.c) */

struct fd_table {
	u32 capacity;			/* multiple of 8, at most 64 or a multiple of 64 */
	u64 *open, *cloexec;		/* bit maps of `capacity` bits */
	struct file *file[];
};

struct files {
	u32 refs;			/* (a) tasks (and /proc for a moment) */
	struct spinlock lock;
	struct fd_table *table;		/* (lock) read freely by an only user */
	u32 next;			/* (lock) no free descriptor below */
};

/* A looked-up descriptor. */
struct fd {
	struct file *file;		/* nullptr: -EBADF */
	bool counted;
};

static inline struct files *files_current(void) { return task_current()->files; }
struct file *files_lookup_shared(struct files *fs, unsigned n);

static inline struct fd fd_get_any(int n)
{
	struct task *task = task_current();
	struct files *fs = task->files;

	if (likely(load_relaxed(&fs->refs) == 1 && load_acquire(&task->nthreads) == 1)) {
		struct fd_table *t = fs->table;

		return (struct fd){ (unsigned)n < t->capacity ? t->file[n] : nullptr, false };
	}
	return (struct fd){ files_lookup_shared(fs, (unsigned)n), true };
}

static inline void fd_put(struct fd *fd)
{
	if (unlikely(fd->counted))
		file_put(fd->file);
}

/* Any but O_PATH descriptors. */
static inline struct fd fd_get(int n)
{
	struct fd fd = fd_get_any(n);

	if (likely(fd.file) && unlikely(load_relaxed(&fd.file->mode) & FILE_PATH)) {
		fd_put(&fd);
		return (struct fd){};
	}
	return fd;
}

#define scoped_fd [[gnu::cleanup(fd_put)]] struct fd

/* The lowest free descriptor >= min for f, within RLIMIT_NOFILE: takes over the caller's reference
 * if it succeeds. flags: O_CLOEXEC. The number, -EMFILE, -ENOMEM, (min beyond the limit)
 * -EINVAL. */
[[nodiscard]] int fd_install(struct file *f, u32 flags, unsigned min);
/* Two at once (pipe, socketpair): all or nothing; takes over both references if it succeeds. */
[[nodiscard]] int fd_install_pair(struct file *a, struct file *b, u32 flags, int fds[2]);
/* dup2: f takes the number n, whatever was there is closed. Takes its own reference. n, -EBADF,
 * -ENOMEM. */
[[nodiscard]] int fd_replace(struct file *f, unsigned n, u32 flags);
[[nodiscard]] int fd_close(unsigned n);
void fd_close_range(unsigned first, unsigned last);
void fd_cloexec_range(unsigned first, unsigned last);
/* FD_CLOEXEC: get (0, 1) or set. -EBADF. */
int fd_cloexec(unsigned n);
int fd_set_cloexec(unsigned n, bool on);
/* The file with a reference (for those that keep it), nullptr. */
struct file *file_of(int n);

/* Another task's: the next open descriptor >= *n with a reference on the file, or nullptr. For
 * /proc/PID/fd. */
struct file *task_file_next(struct task *t, unsigned *n);
/* Its descriptor n with a reference, or nullptr. */
struct file *task_file(struct task *t, unsigned n);



/* The most descriptors a task may ever have (RLIMIT_NOFILE's bound). */
constexpr unsigned FILES_MAX = 1u << 20;
