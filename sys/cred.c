// SPDX-License-Identifier: MIT
/*
 * System calls on credentials (credentials(7), setresuid(2), capabilities(7)). Each makes a copy, changes it, and commits it
 * when all is allowed.
 */
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/task.h"
#include "sys/syscall.h"

constexpr u32 KEEP = ~0u;		/* -1: leave this one alone */
constexpr u32 SECBIT_NO_SETUID_FIXUP = 4, SECBIT_KEEP_CAPS = 16;
/* What goes with the file system identity of root. */
constexpr u64 CAP_FS_SET = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) |
	BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MKNOD);

SYSCALL(getuid) { return cred_current()->uid; }
SYSCALL(geteuid) { return cred_current()->euid; }
SYSCALL(getgid) { return cred_current()->gid; }
SYSCALL(getegid) { return cred_current()->egid; }

static long put_three(struct trapframe *f, u32 a, u32 b, u32 c)
{
	return put_user(ARG_PTR(0), a) || put_user(ARG_PTR(1), b) || put_user(ARG_PTR(2), c) ? -EFAULT : 0;
}

SYSCALL(getresuid)
{
	const struct cred *c = cred_current();

	return put_three(f, c->uid, c->euid, c->suid);
}

SYSCALL(getresgid)
{
	const struct cred *c = cred_current();

	return put_three(f, c->gid, c->egid, c->sgid);
}

/* ---- changing user ids */

/* capabilities(7), "Effect of user ID changes on capabilities". */
static void fix_capabilities(struct cred *c, const struct cred *old)
{
	if (c->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	bool was_root = !old->uid || !old->euid || !old->suid, is_root = !c->uid || !c->euid || !c->suid;

	if (was_root && !is_root && !(c->securebits & SECBIT_KEEP_CAPS))
		c->cap_permitted = c->cap_effective = 0;
	if (!old->euid && c->euid)
		c->cap_effective = 0;
	else if (old->euid && !c->euid)
		c->cap_effective = c->cap_permitted;
	if (!old->fsuid && c->fsuid)
		c->cap_effective &= ~CAP_FS_SET;
	else if (old->fsuid && !c->fsuid)
		c->cap_effective |= c->cap_permitted & CAP_FS_SET;
}

static long commit(struct cred *c)
{
	const struct cred *old = cred_current();

	fix_capabilities(c, old);
	if (c->euid != old->euid || c->egid != old->egid || c->fsuid != old->fsuid)
		task_current()->dumpable = false;
	cred_commit(c);
	return 0;
}

static bool is_own_uid(const struct cred *c, u32 uid)
{
	return uid == KEEP || uid == c->uid || uid == c->euid || uid == c->suid;
}

static bool is_own_gid(const struct cred *c, u32 gid)
{
	return gid == KEEP || gid == c->gid || gid == c->egid || gid == c->sgid;
}

/* Any of the three may be KEEP. The caller has checked that it is allowed. */
static long set_uids(u32 uid, u32 euid, u32 suid)
{
	struct cred *c = cred_copy();
	int err = c ? 0 : -ENOMEM;

	if (!err && uid != KEEP)
		err = cred_set_uid(c, uid);
	if (err) {
		if (c)
			cred_put(c);
		return err;
	}
	if (euid != KEEP)
		c->euid = c->fsuid = euid;
	if (suid != KEEP)
		c->suid = suid;
	return commit(c);
}

static long set_gids(u32 gid, u32 egid, u32 sgid)
{
	struct cred *c = cred_copy();

	if (!c)
		return -ENOMEM;
	if (gid != KEEP)
		c->gid = gid;
	if (egid != KEEP)
		c->egid = c->fsgid = egid;
	if (sgid != KEEP)
		c->sgid = sgid;
	return commit(c);
}

SYSCALL(setuid)
{
	const struct cred *c = cred_current();
	u32 uid = ARG_UINT(0);

	if (uid == KEEP)
		return -EINVAL;
	if (cred_capable(c, CAP_SETUID))
		return set_uids(uid, uid, uid);
	return uid == c->uid || uid == c->suid ? set_uids(KEEP, uid, KEEP) : -EPERM;
}

SYSCALL(setgid)
{
	const struct cred *c = cred_current();
	u32 gid = ARG_UINT(0);

	if (gid == KEEP)
		return -EINVAL;
	if (cred_capable(c, CAP_SETGID))
		return set_gids(gid, gid, gid);
	return gid == c->gid || gid == c->sgid ? set_gids(KEEP, gid, KEEP) : -EPERM;
}

SYSCALL(setreuid)
{
	const struct cred *c = cred_current();
	u32 uid = ARG_UINT(0), euid = ARG_UINT(1);
	bool allowed = (uid == KEEP || uid == c->uid || uid == c->euid) && is_own_uid(c, euid);

	if (!allowed && !cred_capable(c, CAP_SETUID))
		return -EPERM;
	bool save = uid != KEEP || (euid != KEEP && euid != c->uid);

	return set_uids(uid, euid, save ? (euid != KEEP ? euid : c->euid) : KEEP);
}

SYSCALL(setregid)
{
	const struct cred *c = cred_current();
	u32 gid = ARG_UINT(0), egid = ARG_UINT(1);
	bool allowed = (gid == KEEP || gid == c->gid || gid == c->egid) && is_own_gid(c, egid);

	if (!allowed && !cred_capable(c, CAP_SETGID))
		return -EPERM;
	bool save = gid != KEEP || (egid != KEEP && egid != c->gid);

	return set_gids(gid, egid, save ? (egid != KEEP ? egid : c->egid) : KEEP);
}

SYSCALL(setresuid)
{
	const struct cred *c = cred_current();
	u32 uid = ARG_UINT(0), euid = ARG_UINT(1), suid = ARG_UINT(2);

	if (!(is_own_uid(c, uid) && is_own_uid(c, euid) && is_own_uid(c, suid)) && !cred_capable(c, CAP_SETUID))
		return -EPERM;
	return set_uids(uid, euid, suid);
}

SYSCALL(setresgid)
{
	const struct cred *c = cred_current();
	u32 gid = ARG_UINT(0), egid = ARG_UINT(1), sgid = ARG_UINT(2);

	if (!(is_own_gid(c, gid) && is_own_gid(c, egid) && is_own_gid(c, sgid)) && !cred_capable(c, CAP_SETGID))
		return -EPERM;
	return set_gids(gid, egid, sgid);
}

/* These two return the old value and never fail (setfsuid(2)). */
SYSCALL(setfsuid)
{
	const struct cred *old = cred_current();
	u32 uid = ARG_UINT(0), before = old->fsuid;
	bool allowed = is_own_uid(old, uid) || uid == old->fsuid || cred_capable(old, CAP_SETUID);
	struct cred *c = uid != KEEP && allowed ? cred_copy() : nullptr;

	if (c) {
		c->fsuid = uid;
		commit(c);
	}
	return before;
}

SYSCALL(setfsgid)
{
	const struct cred *old = cred_current();
	u32 gid = ARG_UINT(0), before = old->fsgid;
	bool allowed = is_own_gid(old, gid) || gid == old->fsgid || cred_capable(old, CAP_SETGID);
	struct cred *c = gid != KEEP && allowed ? cred_copy() : nullptr;

	if (c) {
		c->fsgid = gid;
		commit(c);
	}
	return before;
}

/* ---- groups */

SYSCALL(getgroups)
{
	const struct cred *c = cred_current();
	int size = ARG_INT(0);

	if (size < 0 || (size && (u32)size < c->ngroups))
		return -EINVAL;
	if (size && copy_to_user(ARG_PTR(1), c->groups, c->ngroups * sizeof(c->groups[0])))
		return -EFAULT;
	return c->ngroups;
}

SYSCALL(setgroups)
{
	u32 n = ARG_UINT(0), groups[GROUPS_MAX];

	if (!cred_capable(cred_current(), CAP_SETGID))
		return -EPERM;
	if (n > GROUPS_MAX)
		return -EINVAL;
	if (copy_from_user(groups, ARG_PTR(1), n * sizeof(groups[0])))
		return -EFAULT;
	struct cred *c = cred_copy();

	if (!c)
		return -ENOMEM;
	c->ngroups = n;
	memcpy(c->groups, groups, n * sizeof(groups[0]));
	return commit(c);
}

/* ---- capabilities */

constexpr u32 CAP_V1 = 0x19980330, CAP_V2 = 0x20071026, CAP_V3 = 0x20080522;

struct cap_header { u32 version; s32 pid; };
struct cap_data { u32 effective, permitted, inheritable; };

/* How many words of data that version has: 1 or 2; 0 for an unknown one (and tells which we like). */
static int cap_words(va_t uaddr, struct cap_header *h)
{
	u32 ours = CAP_V3;

	if (get_user(*h, uaddr))
		return -EFAULT;
	if (h->version == CAP_V1)
		return 1;
	if (h->version == CAP_V2 || h->version == CAP_V3)
		return 2;
	return put_user(uaddr, ours) ? -EFAULT : 0;
}

SYSCALL(capget)
{
	struct cap_header h;
	int words = cap_words(ARG_PTR(0), &h);

	if (words <= 0)
		return words ?: ARG_PTR(1) ? -EINVAL : 0;
	if (!ARG_PTR(1))	/* it asked for the version only */
		return 0;
	if (h.pid < 0)
		return -EINVAL;
	struct thread *t = h.pid ? thread_find(h.pid) : nullptr;

	if (h.pid && !t)
		return -ESRCH;
	const struct cred *c = cred_of(t ? t->task : task_current());
	struct cap_data data[2] = {
		{ (u32)c->cap_effective, (u32)c->cap_permitted, (u32)c->cap_inheritable },
		{ (u32)(c->cap_effective >> 32), (u32)(c->cap_permitted >> 32), (u32)(c->cap_inheritable >> 32) },
	};

	cred_put(c);
	if (t)
		thread_put(t);
	return copy_to_user(ARG_PTR(1), data, (size_t)words * sizeof(data[0]));
}

static bool cap_allowed(const struct cred *c, u64 effective, u64 permitted, u64 inheritable)
{
	u64 may_inherit = c->cap_inheritable | (cred_capable(c, CAP_SETPCAP) ? c->cap_bounding : c->cap_permitted);

	return !(permitted & ~c->cap_permitted) && !(effective & ~permitted) && !(inheritable & ~may_inherit);
}

SYSCALL(capset)
{
	struct cap_header h;
	struct cap_data d[2] = {};
	int words = cap_words(ARG_PTR(0), &h);

	if (words <= 0)
		return words ?: -EINVAL;
	if (h.pid && h.pid != thread_current()->tid)
		return -EPERM;
	if (copy_from_user(d, ARG_PTR(1), (size_t)words * sizeof(d[0])))
		return -EFAULT;
	u64 effective = (d[0].effective | (u64)d[1].effective << 32) & CAP_ALL;
	u64 permitted = (d[0].permitted | (u64)d[1].permitted << 32) & CAP_ALL;
	u64 inheritable = (d[0].inheritable | (u64)d[1].inheritable << 32) & CAP_ALL;

	if (!cap_allowed(cred_current(), effective, permitted, inheritable))
		return -EPERM;
	struct cred *c = cred_copy();

	if (!c)
		return -ENOMEM;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable;
	cred_commit(c);
	return 0;
}
