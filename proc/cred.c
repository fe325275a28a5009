// SPDX-License-Identifier: MIT
/*
 * Credentials: immutable once they are a task's, replaced as a whole. One set for each task, not for each thread: POSIX
 * says so, and the C libraries make Linux's per-thread calls behave that way.
 *
 * Whoever looks at the current task's set takes no reference, so a set that is replaced while the task has other threads
 * is kept until the task ends or is alone again (task->old_creds).
 *
 * Locks: users_lock (irq-safe, a leaf) for the table of users.
 */
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/vm.h"
#include "proc/ptrace.h"
#include "proc/tree.h"

constexpr unsigned USER_BUCKETS = 64;
constexpr u32 S_ISUID = 04000, S_ISGID = 02000, S_IXGRP = 010;
constexpr u32 SECBIT_NOROOT = 1;

static struct user user_root = { .refs = 1 };
struct cred cred_root = {
	.refs = 1,
	.user = &user_root,
	.cap_permitted = CAP_ALL,
	.cap_effective = CAP_ALL,
	.cap_bounding = CAP_ALL,
};
static struct user *users[USER_BUCKETS] = { &user_root };
static struct spinlock users_lock;
static struct slab_cache *cred_cache, *user_cache;

void cred_init(void)
{
	cred_cache = slab_create("cred", sizeof(struct cred), 16);
	user_cache = slab_create("user", sizeof(struct user), 16);
}

static struct user *user_find(u32 uid)
{
	struct user *u = users[uid % USER_BUCKETS];

	while (u && u->uid != uid)
		u = u->next;
	if (u)
		user_hold(u);
	return u;
}

/* The user's record, made if there is none: a reference, or nullptr without memory. */
static struct user *user_get(u32 uid)
{
	struct user *fresh = slab_zalloc(user_cache);
	u64 flags = spin_lock_irq(&users_lock);
	struct user *u = user_find(uid);

	if (!u && fresh) {
		u = fresh;
		fresh = nullptr;
		u->refs = 1;
		u->uid = uid;
		u->next = users[uid % USER_BUCKETS];
		users[uid % USER_BUCKETS] = u;
	}
	spin_unlock_irq(&users_lock, flags);
	slab_free(user_cache, fresh);
	return u;
}

struct user *user_hold(struct user *u)
{
	__atomic_fetch_add(&u->refs, 1, __ATOMIC_RELAXED);
	return u;
}

void user_put(struct user *u)
{
	/* The last reference goes under the lock, where user_find() cannot find the record. */
	u32 refs = load_relaxed(&u->refs);

	while (refs > 1)
		if (__atomic_compare_exchange_n(&u->refs, &refs, refs - 1, true, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return;
	u64 flags = spin_lock_irq(&users_lock);
	bool gone = __atomic_fetch_sub(&u->refs, 1, __ATOMIC_ACQ_REL) == 1;

	if (gone) {
		struct user **link = &users[u->uid % USER_BUCKETS];

		while (*link != u)
			link = &(*link)->next;
		*link = u->next;
	}
	spin_unlock_irq(&users_lock, flags);
	if (gone)
		slab_free(user_cache, u);
}

const struct cred *cred_current(void)
{
	struct task *t = task_current();

	return t ? load_acquire(&t->cred) : &cred_root;
}

void cred_get(const struct cred *c)
{
	__atomic_fetch_add(&((struct cred *)c)->refs, 1, __ATOMIC_RELAXED);
}

void cred_put(const struct cred *c)
{
	struct cred *mine = (struct cred *)c;

	if (__atomic_fetch_sub(&mine->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	user_put(mine->user);
	slab_free(cred_cache, mine);
}

const struct cred *cred_of(struct task *t)
{
	u64 flags = spin_lock_irq(&t->siglock);
	const struct cred *c = t->cred;

	cred_get(c);
	spin_unlock_irq(&t->siglock, flags);
	return c;
}

bool cred_in_group(const struct cred *c, u32 gid)
{
	if (c->fsgid == gid)
		return true;
	for (u32 i = 0; i < c->ngroups; i++)
		if (c->groups[i] == gid)
			return true;
	return false;
}

bool cred_capable(const struct cred *c, int cap)
{
	return c->cap_effective >> cap & 1;
}

struct cred *cred_copy(void)
{
	struct cred *c = slab_alloc(cred_cache);

	if (!c)
		return nullptr;
	*c = *cred_current();
	c->refs = 1;
	c->next_old = nullptr;
	user_hold(c->user);
	return c;
}

int cred_set_uid(struct cred *c, u32 uid)
{
	if (uid != c->user->uid) {
		struct user *u = user_get(uid);

		if (!u)
			return -ENOMEM;
		user_put(c->user);
		c->user = u;
	}
	c->uid = uid;
	return 0;
}

void cred_commit(struct cred *c)
{
	struct task *t = task_current();
	u64 flags = spin_lock_irq(&tasks_lock);
	bool alone = t->nthreads == 1;
	const struct cred *old = t->cred;

	user_count(c, (int)t->nthreads);
	user_count(old, -(int)t->nthreads);
	spin_lock(&t->siglock);
	store_release(&t->cred, c);
	if (!alone) {
		((struct cred *)old)->next_old = (struct cred *)t->old_creds;
		t->old_creds = old;
	}
	spin_unlock(&t->siglock);
	spin_unlock_irq(&tasks_lock, flags);
	if (alone)
		cred_put(old);
}

/* Nobody looks at the task's earlier credentials any more. */
void cred_forget_old(struct task *t)
{
	const struct cred *old = t->old_creds;

	t->old_creds = nullptr;
	while (old) {
		const struct cred *next = old->next_old;

		cred_put(old);
		old = next;
	}
}

/* capabilities(7), "Transformation of capabilities during execve()", without file capabilities. */
static void exec_capabilities(struct cred *c)
{
	bool root = !(c->securebits & SECBIT_NOROOT);

	if (root && (c->euid == 0 || c->uid == 0)) {
		c->cap_permitted = c->cap_inheritable | c->cap_bounding;
		c->cap_effective = c->euid == 0 ? c->cap_permitted : 0;
	} else {
		c->cap_permitted = 0;
		c->cap_effective = 0;
	}
}

struct cred *cred_exec(const struct exec_file *file, bool *secure)
{
	struct cred *c = cred_copy();
	bool allowed = !file->nosuid && !task_current()->no_new_privs && ptrace_allows_setid();

	if (!c)
		return nullptr;
	if (allowed && file->mode & S_ISUID)
		c->euid = file->uid;
	/* Without group execution the bit means mandatory locking, not set-group-id. */
	if (allowed && (file->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = file->gid;
	*secure = c->euid != c->uid || c->egid != c->gid;
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	exec_capabilities(c);
	return c;
}

bool vm_lock_unlimited(void)
{
	return cred_capable(cred_current(), CAP_IPC_LOCK);
}
