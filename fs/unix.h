// SPDX-License-Identifier: MIT
/*
 * Sockets between processes of this machine (unix(7)): streams, datagrams, sequenced packets; named
 * by a path, by an abstract name, or not at all. All functions take the socket's file: -ENOTSOCK if
 * it is none.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct cred;
struct file;
struct io;

enum {
	AF_UNIX = 1,
	SOCK_STREAM = 1,
	SOCK_DGRAM = 2,
	SOCK_SEQPACKET = 5,
	SHUT_RD = 0,
	SHUT_WR,
	SHUT_RDWR
};
enum : u32 {
	MSG_PEEK = 2,
	MSG_CTRUNC = 8,
	MSG_TRUNC = 0x20,
	MSG_DONTWAIT = 0x40,
	MSG_WAITALL = 0x100,
	MSG_NOSIGNAL = 0x4000,
	MSG_CMSG_CLOEXEC = 0x40000000
};

constexpr unsigned UNIX_PATH_MAX = 108, UNIX_FILES_MAX = 253;

/* struct sockaddr_un; len counts the family. A first path byte of 0: abstract. len 2: no name. */
struct unix_address {
	u32 len;
	u16 family;
	char path[UNIX_PATH_MAX + 1];	/* one more for a terminator */
};

/* What a message carries besides bytes. Files are references. */
struct unix_extra {
	const struct cred *sender;	/* while it is in flight: a reference */
	struct unix_extra *next;	/* among those that are dropped */
	unsigned nfiles;
	struct file *files[UNIX_FILES_MAX];
};

struct unix_peer {
	int pid;
	u32 uid, gid;
};

[[nodiscard]] int unix_new(int type, u32 flags, struct file **out);
[[nodiscard]] int unix_pair(int type, u32 flags, struct file *out[2]);
[[nodiscard]] int unix_bind(struct file *f, const struct unix_address *a);
[[nodiscard]] int unix_listen(struct file *f, int backlog);
/* flags: O_NONBLOCK of the new file. */
[[nodiscard]] int unix_accept(struct file *f, u32 flags, struct file **out);
[[nodiscard]] int unix_connect(struct file *f, const struct unix_address *a);
[[nodiscard]] int unix_shutdown(struct file *f, int how);
/* The own (peer: the other side's) name. */
[[nodiscard]] int unix_name(struct file *f, bool peer, struct unix_address *out);
/* to: nullptr, the connected one. extra may be nullptr; its files are taken over if it succeeds.
 * Bytes or -errno. */
long unix_send(struct file *f, struct io *io, u32 flags, const struct unix_address *to,
	       struct unix_extra *extra);
/* from, extra may be nullptr: then files are dropped. *flags: MSG_* in and out. */
long unix_receive(struct file *f, struct io *io, u32 *flags, struct unix_address *from,
		  struct unix_extra *extra);
/* Type, whether it listens, credentials of who connected: for getsockopt. */
[[nodiscard]] int unix_info(struct file *f, int *type, bool *listens, struct unix_peer *peer);
