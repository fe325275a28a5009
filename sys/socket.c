// SPDX-License-Identifier: MIT
/*
 * System calls on sockets. Only Unix sockets exist; other families are -EAFNOSUPPORT.
 * Left out: socket options that change anything, urgent data.
 */
#include "fs/file.h"
#include "fs/unix.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/unknown.h"
#include "sys/rw.h"
#include "sys/syscall.h"

constexpr u32 SOCK_NONBLOCK = O_NONBLOCK, SOCK_CLOEXEC = O_CLOEXEC, SOCK_TYPE = 15;
constexpr int SOL_SOCKET = 1;
enum {
	SO_TYPE = 3,
	SO_ERROR = 4,
	SO_SNDBUF = 7,
	SO_RCVBUF = 8,
	SO_PEERCRED = 17,
	SO_ACCEPTCONN = 30,
	SO_PROTOCOL = 38,
	SO_DOMAIN = 39,
	SCM_RIGHTS = 1
};

/* ---- making them */

static int check(int family, u32 type, int protocol)
{
	u32 kind = type & SOCK_TYPE;

	if (flags_unknown(type, SOCK_NONBLOCK | SOCK_CLOEXEC | SOCK_TYPE))
		return -EINVAL;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return protocol && protocol != AF_UNIX ? -EPROTONOSUPPORT : 0;
}

static long install(struct file *file, u32 flags)
{
	int fd = fd_install(file, flags & SOCK_CLOEXEC, 0);

	if (fd < 0)
		file_put(file);
	return fd;
}

SYSCALL(socket)
{
	u32 type = ARG_UINT(1);
	struct file *file;
	int err = check(ARG_INT(0), type, ARG_INT(2));

	if (!err)
		err = unix_new((int)(type & SOCK_TYPE), type, &file);
	return err ? err : install(file, type);
}

SYSCALL(socketpair)
{
	u32 type = ARG_UINT(1);
	struct file *pair[2];
	int fds[2], err = check(ARG_INT(0), type, ARG_INT(2));

	if (!err)
		err = unix_pair((int)(type & SOCK_TYPE), type, pair);
	if (err)
		return err;
	err = fd_install_pair(pair[0], pair[1], type & SOCK_CLOEXEC, fds);
	if (err) {
		file_put(pair[0]);
		file_put(pair[1]);
		return err;
	}
	if (!put_user(ARG_PTR(3), fds))
		return 0;
	(void)!fd_close((unsigned)fds[0]);
	(void)!fd_close((unsigned)fds[1]);
	return -EFAULT;
}

/* ---- addresses */

static int address_get(struct unix_address *a, va_t user, u32 len)
{
	constexpr u32 MAX = sizeof(u16) + UNIX_PATH_MAX;

	memset(a, 0, sizeof(*a));
	if (len < sizeof(u16) || len > MAX)
		return -EINVAL;
	if (copy_from_user(&a->family, user, len))
		return -EFAULT;
	if (a->family != AF_UNIX)
		return -EINVAL;
	/* A path ends at its zero byte, whatever the length says. */
	a->len = len > sizeof(u16) && a->path[0] ? sizeof(u16) + (u32)strlen(a->path) + 1 : len;
	return 0;
}
static_assert(offsetof(struct unix_address, path) ==
	      offsetof(struct unix_address, family) + sizeof(u16));

/* As much as the program has room for; the length it would have had. */
static int address_put(const struct unix_address *a, va_t user, va_t user_len)
{
	s32 room, len = (s32)a->len;

	if (!user)
		return 0;
	if (get_user(room, user_len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(user, &a->family, (size_t)min(room, len)))
		return -EFAULT;
	return put_user(user_len, len);
}

SYSCALL(bind)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct unix_address a;

	if (!fd.file)
		return -EBADF;
	int err = address_get(&a, ARG_PTR(1), ARG_UINT(2));

	return err ? err : unix_bind(fd.file, &a);
}

SYSCALL(connect)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct unix_address a;

	if (!fd.file)
		return -EBADF;
	int err = address_get(&a, ARG_PTR(1), ARG_UINT(2));

	return err ? err : unix_connect(fd.file, &a);
}

SYSCALL(listen)
{
	scoped_fd fd = fd_get(ARG_INT(0));

	return fd.file ? unix_listen(fd.file, ARG_INT(1)) : -EBADF;
}

SYSCALL(shutdown)
{
	scoped_fd fd = fd_get(ARG_INT(0));

	return fd.file ? unix_shutdown(fd.file, ARG_INT(1)) : -EBADF;
}

static long do_accept(struct trapframe *f, u32 flags)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct unix_address a;
	struct file *file;

	if (flags_unknown(flags, SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (!fd.file)
		return -EBADF;
	int err = unix_accept(fd.file, flags & SOCK_NONBLOCK, &file);

	if (err)
		return err;
	if (ARG_PTR(1)) {
		err = unix_name(file, true, &a);
		if (err == -ENOTCONN) {	/* it has gone already */
			a = (struct unix_address){ .len = sizeof(u16), .family = AF_UNIX };
			err = 0;
		}
		if (!err)
			err = address_put(&a, ARG_PTR(1), ARG_PTR(2));
		if (err) {
			file_put(file);
			return err;
		}
	}
	return install(file, flags);
}

SYSCALL(accept) { return do_accept(f, 0); }
SYSCALL(accept4) { return do_accept(f, ARG_UINT(3)); }

static long get_name(struct trapframe *f, bool peer)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct unix_address a;

	if (!fd.file)
		return -EBADF;
	int err = unix_name(fd.file, peer, &a);

	return err ? err : address_put(&a, ARG_PTR(1), ARG_PTR(2));
}

SYSCALL(getsockname) { return get_name(f, false); }
SYSCALL(getpeername) { return get_name(f, true); }

/* ---- options */

SYSCALL(getsockopt)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct unix_peer peer;
	bool listens;
	int type, value;
	u32 room;

	if (!fd.file)
		return -EBADF;
	int err = unix_info(fd.file, &type, &listens, &peer);

	if (err)
		return err;
	if (get_user(room, ARG_PTR(4)))
		return -EFAULT;
	if (ARG_INT(1) != SOL_SOCKET)
		return -EOPNOTSUPP;
	const void *from = &value;
	u32 size = sizeof(value);

	switch (ARG_INT(2)) {
	case SO_TYPE: value = type; break;
	case SO_DOMAIN: value = AF_UNIX; break;
	case SO_ERROR:
	case SO_PROTOCOL: value = 0; break;
	case SO_ACCEPTCONN: value = listens; break;
	case SO_SNDBUF:
	case SO_RCVBUF: value = 212992; break;
	case SO_PEERCRED:
		from = &peer;
		size = sizeof(peer);
		break;
	default: return -ENOPROTOOPT;
	}
	size = min(size, room);
	return copy_to_user(ARG_PTR(3), from, size) ? -EFAULT : put_user(ARG_PTR(4), size);
}

/* Sizes and time-outs are taken note of by nobody. */
SYSCALL(setsockopt)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct unix_address a;

	if (!fd.file)
		return -EBADF;
	int err = unix_name(fd.file, false, &a);

	if (err)
		return err;
	int value;

	if (ARG_INT(1) != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (ARG_INT(4) < (int)sizeof(value))
		return -EINVAL;
	return get_user(value, ARG_PTR(3));
}

/* ---- bytes */

SYSCALL(sendto)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct unix_address a;
	struct io io;
	int err = 0;

	if (!fd.file)
		return -EBADF;
	if (ARG_PTR(4))
		err = address_get(&a, ARG_PTR(4), ARG_UINT(5));
	if (!io_user(&io, ARG_PTR(1), min(ARG_U64(2), IO_MAX)))
		return -EFAULT;
	return err ? err : unix_send(fd.file, &io, ARG_UINT(3), ARG_PTR(4) ? &a : nullptr, nullptr);
}

SYSCALL(recvfrom)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct unix_address a = { .len = sizeof(u16), .family = AF_UNIX };
	u32 flags = ARG_UINT(3);
	struct io io;

	if (!fd.file)
		return -EBADF;
	if (!io_user(&io, ARG_PTR(1), min(ARG_U64(2), IO_MAX)))
		return -EFAULT;
	long n = unix_receive(fd.file, &io, &flags, &a, nullptr);

	if (n < 0)
		return n;
	int err = address_put(&a, ARG_PTR(4), ARG_PTR(5));

	return err ? err : n;
}

/* ---- messages with files */

struct msghdr {
	u64 name;
	u32 namelen, pad;
	u64 iov, iovlen, control, controllen;
	u32 flags, pad2;
};

struct cmsghdr {
	u64 len;
	s32 level, type;
};

static void extra_drop(struct unix_extra *e)
{
	while (e->nfiles)
		file_put(e->files[--e->nfiles]);
}

static int take_files(struct unix_extra *e, va_t user, u64 n)
{
	for (u64 i = 0; i < n; i++) {
		s32 fd;

		if (e->nfiles == UNIX_FILES_MAX)
			return -EINVAL;
		if (get_user(fd, user + i * sizeof(fd)))
			return -EFAULT;
		struct file *file = file_of(fd);

		if (!file)
			return -EBADF;
		e->files[e->nfiles++] = file;
	}
	return 0;
}

/* Of all control messages only SCM_RIGHTS counts. */
static int control_get(struct unix_extra *e, u64 at, u64 left)
{
	int err = 0;

	while (!err && left >= sizeof(struct cmsghdr)) {
		struct cmsghdr c;

		if (get_user(c, at))
			return -EFAULT;
		if (c.len < sizeof(c) || c.len > left)
			return -EINVAL;
		if (c.level == SOL_SOCKET && c.type == SCM_RIGHTS)
			err = take_files(e, at + sizeof(c), (c.len - sizeof(c)) / sizeof(s32));
		u64 step = min(align_up(c.len, 8ul), left);

		at += step;
		left -= step;
	}
	return err;
}

/* New descriptors for the files, as many as have room and can be told; the rest is closed. */
static int control_put(struct unix_extra *e, struct msghdr *h, u32 flags)
{
	u64 room = h->controllen < sizeof(struct cmsghdr) ? 0 :
		   (h->controllen - sizeof(struct cmsghdr)) / sizeof(s32);
	unsigned n = 0;

	h->controllen = 0;
	for (; n < e->nfiles && n < room; n++) {
		file_get(e->files[n]);	/* the descriptor's; extra_drop() drops the message's */
		s32 fd = fd_install(e->files[n], flags & MSG_CMSG_CLOEXEC ? O_CLOEXEC : 0, 0);

		if (fd < 0) {
			file_put(e->files[n]);
			break;
		}
		if (put_user(h->control + sizeof(struct cmsghdr) + n * sizeof(fd), fd)) {
			(void)fd_close((unsigned)fd);
			break;
		}
	}
	if (n < e->nfiles)
		h->flags |= MSG_CTRUNC;
	if (!n)
		return 0;
	struct cmsghdr c = { sizeof(c) + n * sizeof(s32), SOL_SOCKET, SCM_RIGHTS };

	h->controllen = align_up(c.len, 8ul);
	return put_user(h->control, c);
}

static long send_message(struct file *file, const struct msghdr *h, u32 flags, struct unix_extra *e)
{
	scoped_iovecs vs = {};
	struct unix_address a;
	struct io io;
	int err = iovecs_get(&vs, h->iov, h->iovlen, &io);

	if (!err && h->name)
		err = address_get(&a, h->name, h->namelen);
	if (!err && h->control)
		err = control_get(e, h->control, h->controllen);
	long n = err ? err : unix_send(file, &io, flags, h->name ? &a : nullptr, e);

	extra_drop(e);
	return n;
}

SYSCALL(sendmsg)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct msghdr h;

	if (!fd.file)
		return -EBADF;
	if (get_user(h, ARG_PTR(1)))
		return -EFAULT;
	struct unix_extra *e = kzalloc(sizeof(*e));
	long n = e ? send_message(fd.file, &h, ARG_UINT(2), e) : -ENOMEM;

	kfree(e);
	return n;
}

static long receive_message(struct file *file, struct msghdr *h, u32 flags, struct unix_extra *e)
{
	struct unix_address a = { .len = sizeof(u16), .family = AF_UNIX };
	scoped_iovecs vs = {};
	struct io io;
	u32 out = flags;
	long n = iovecs_get(&vs, h->iov, h->iovlen, &io);

	if (!n)
		n = unix_receive(file, &io, &out, &a, e);
	if (n < 0)
		return n;
	h->flags = out & MSG_TRUNC;
	if (h->name) {
		if (copy_to_user(h->name, &a.family, min(h->namelen, a.len)))
			return -EFAULT;
		h->namelen = a.len;
	}
	int err = control_put(e, h, flags);

	return err ? err : n;
}

SYSCALL(recvmsg)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct msghdr h;

	if (!fd.file)
		return -EBADF;
	if (get_user(h, ARG_PTR(1)))
		return -EFAULT;
	struct unix_extra *e = kzalloc(sizeof(*e));
	long n = e ? receive_message(fd.file, &h, ARG_UINT(2), e) : -ENOMEM;

	if (e)
		extra_drop(e);
	kfree(e);
	return n >= 0 && put_user(ARG_PTR(1), h) ? -EFAULT : n;
}
