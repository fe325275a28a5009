// SPDX-License-Identifier: MIT
/* mount, umount2, pivot_root. */
#include "sys/syscall.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/cred.h"
#include "proc/unknown.h"

/* The strings of one call. Missing ones are "". */
struct mount_args {
	struct pathname source, type, options;
};

static int get_optional(struct pathname *n, va_t user)
{
	if (user)
		return pathname_get(n, user);
	n->s = n->small;
	n->small[0] = '\0';
	n->len = 0;
	return 0;
}

static int args_get(struct mount_args *a, struct trapframe *f)
{
	int err = get_optional(&a->source, ARG_PTR(0));

	if (!err)
		err = get_optional(&a->type, ARG_PTR(2));
	if (!err)
		err = get_optional(&a->options, ARG_PTR(4));
	return err;
}

static void args_put(struct mount_args *a)
{
	pathname_put(&a->source);
	pathname_put(&a->type);
	pathname_put(&a->options);
}

static long bind_or_move(const struct mount_args *a, u32 flags, const struct path *at)
{
	scoped_path from = {};
	int err = path_lookup(AT_FDCWD, a->source.s, WALK_FOLLOW, &from);

	if (err)
		return err;
	return flags & MS_MOVE ? mount_move(&from, at) : mount_bind(&from, at, flags & MS_REC);
}

/* As mount(2) has it: relatime unless told otherwise, and a remount that does not speak of access
 * times leaves them alone. */
static u32 atime_flags(u32 flags, const struct path *at)
{
	constexpr u32 ATIME = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;

	if (flags & MS_REMOUNT && !(flags & (ATIME | MS_STRICTATIME)))
		return flags | (load_relaxed(&at->mount->flags) & ATIME);
	if (flags & MS_STRICTATIME)
		return flags & ~(MS_NOATIME | MS_RELATIME);
	return flags & MS_NOATIME ? flags & ~MS_RELATIME : flags | MS_RELATIME;
}

static long do_mount(const struct mount_args *a, u32 flags, const struct path *at)
{
	if (flags & MS_REMOUNT)
		return mount_remount(at, atime_flags(flags, at), a->options.s);
	if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		return 0;	/* there is one name space: nothing propagates */
	if (flags & (MS_BIND | MS_MOVE))
		return bind_or_move(a, flags, at);
	return mount_new(a->type.s, a->source.len ? a->source.s : "none", a->options.s,
			 atime_flags(flags, at), at, nullptr);
}

SYSCALL(mount)
{
	struct mount_args a = {};
	scoped_path at = {};
	u32 flags = ARG_UINT(3);

	if (!cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	if ((flags & 0xffff0000) == 0xc0ed0000)	/* the magic number that old programs add */
		flags &= 0xffff;
	long err = args_get(&a, f);

	if (!err)
		err = path_lookup_user(AT_FDCWD, ARG_PTR(1), WALK_FOLLOW, &at);
	if (!err)
		err = do_mount(&a, flags, &at);
	args_put(&a);
	return err;
}

SYSCALL(umount2)
{
	scoped_path at = {};
	int flags = ARG_INT(1);

	if (flags_unknown(flags, MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	if (!cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	int err = path_lookup_user(AT_FDCWD, ARG_PTR(0), flags & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW,
				   &at);

	return err ? err : mount_detach(&at, flags);
}
