// SPDX-License-Identifier: MIT
/*
 * Process groups and sessions (credentials(7), setpgid(2), setsid(2)). A group is a list of tasks under a number; a session
 * is a counted record that its member tasks and its terminal share.
 *
 * A group is orphaned when no member has a parent in another group of the same session: then nobody is left who would
 * continue it, so it must not be stopped by the terminal (POSIX 3.264, "Orphaned Process Group").
 *
 * Locks: tasks_lock for everything here.
 */
#include "mm/kmem.h"
#include "proc/tree.h"

constexpr unsigned BUCKETS = 256;

static struct pgrp *groups[BUCKETS];

struct pgrp *pgrp_lookup(int id)
{
	struct pgrp *g = groups[(unsigned)id % BUCKETS];

	while (g && g->id != id)
		g = g->next;
	return g;
}

static void group_put(struct pgrp *g)
{
	if (--g->refs)
		return;
	struct pgrp **link = &groups[(unsigned)g->id % BUCKETS];

	while (*link != g)
		link = &(*link)->next;
	*link = g->next;
	kfree(g);
}

static void group_enter(struct pgrp *g, int id)
{
	struct pgrp **bucket = &groups[(unsigned)id % BUCKETS];

	*g = (struct pgrp){ .id = id, .next = *bucket };
	list_init(&g->members);
	*bucket = g;
}

static void group_join(struct task *t, struct pgrp *g)
{
	g->refs++;
	t->group = g;
	t->pgid = g->id;
	list_push_back(&g->members, &t->in_group);
}

static void group_leave(struct task *t)
{
	struct pgrp *g = t->group;

	list_remove(&t->in_group);
	t->group = nullptr;
	group_put(g);
}

static void session_put_locked(struct session *s)
{
	if (--s->refs)
		return;
	group_put(s->pin);
	if (s->old_group)
		group_put(s->old_group);
	kfree(s);
}

void pgrp_inherit(struct task *child, struct task *parent)
{
	group_join(child, parent->group);
	child->sid = parent->sid;
	child->session = parent->session;
	child->session->refs++;
	child->no_tty = parent->no_tty;
}

void pgrp_leave(struct task *t)
{
	group_leave(t);
	session_put_locked(t->session);
	t->session = nullptr;
}

/* t becomes the only member of a new session and a new group, both of its number. */
static void session_enter(struct task *t, struct session *s, struct pgrp *g)
{
	*s = (struct session){ .refs = 1, .sid = t->pid, .pin = g };
	group_enter(g, t->pid);
	g->refs++;
	group_join(t, g);
	t->sid = t->pid;
	t->session = s;
	t->no_tty = false;
}

int session_start(struct task *t)
{
	struct session *s = kmalloc_nowait(sizeof(*s));
	struct pgrp *g = kmalloc_nowait(sizeof(*g));

	if (!s || !g) {
		kfree(s);
		kfree(g);
		return -ENOMEM;
	}
	session_enter(t, s, g);
	return 0;
}

long task_setsid(void)
{
	struct task *t = task_current();
	struct session *s = kmalloc(sizeof(*s));
	struct pgrp *g = kmalloc(sizeof(*g));
	long err = s && g ? 0 : -ENOMEM;
	u64 flags = spin_lock_irq(&tasks_lock);

	/* A group of our number would end up in two sessions. */
	if (!err && pgrp_lookup(t->pid))
		err = -EPERM;
	if (!err) {
		pgrp_leave(t);
		session_enter(t, s, g);
		s = nullptr;
		g = nullptr;
	}
	spin_unlock_irq(&tasks_lock, flags);
	kfree(s);
	kfree(g);
	return err ?: t->pid;
}

/* May the current task move t into group pgid? 0, or setpgid(2)'s error. */
static int setpgid_allowed(struct task *t, int pgid)
{
	struct task *self = task_current();
	struct pgrp *g = pgrp_lookup(pgid);

	if (t != self && t->parent != self)
		return -ESRCH;
	if (t != self && t->session != self->session)
		return -EPERM;
	if (t != self && t->did_exec)
		return -EACCES;
	if (t->sid == t->pid)
		return -EPERM;
	if (pgid == t->pid)
		return 0;
	if (!g || list_empty(&g->members))
		return -EPERM;
	return list_first(&g->members, struct task, in_group)->session == self->session ? 0 : -EPERM;
}

/* *fresh is used, and set to nullptr, if the group does not exist yet. */
static void group_move(struct task *t, int pgid, struct pgrp **fresh)
{
	struct pgrp *g = pgrp_lookup(pgid);

	if (g == t->group)
		return;
	if (!g) {
		g = *fresh;
		*fresh = nullptr;
		group_enter(g, pgid);
	}
	group_leave(t);
	group_join(t, g);
}

long task_setpgid(int pid, int pgid)
{
	if (pid < 0 || pgid < 0)
		return -EINVAL;
	struct pgrp *fresh = kmalloc(sizeof(*fresh));

	if (!fresh)
		return -ENOMEM;
	u64 flags = spin_lock_irq(&tasks_lock);
	struct task *t = pid ? pid_lookup_task(pid) : task_current();
	long err = t ? setpgid_allowed(t, pgid ?: t->pid) : -ESRCH;

	if (!err)
		group_move(t, pgid ?: t->pid, &fresh);
	spin_unlock_irq(&tasks_lock, flags);
	kfree(fresh);
	return err;
}

/* `ignore` does not count: it is about to end. */
bool pgrp_is_orphaned_locked(struct pgrp *g, const struct task *ignore)
{
	list_for_each(t, &g->members, struct task, in_group) {
		if (t == ignore || t->zombie || !t->parent || t->parent->pid == 1)
			continue;
		if (t->parent->group != g && t->parent->session == t->session)
			return false;
	}
	return true;
}

/* Or one that will be, as soon as its threads have come by. */
static bool has_stopped(struct pgrp *g)
{
	list_for_each(t, &g->members, struct task, in_group)
		if (load_relaxed(&t->stopping) && !t->zombie)
			return true;
	return false;
}

void pgrp_check_orphaned(struct task *t, struct task *parent, const struct task *ignore)
{
	struct pgrp *g = t->group;

	/* Only a link from a parent outside the group, in the same session, can have kept it from being one. */
	if (!parent || parent->group == g || parent->session != t->session)
		return;
	if (!signal_stop_any() || !has_stopped(g) || !pgrp_is_orphaned_locked(g, ignore))
		return;
	list_for_each(m, &g->members, struct task, in_group) {
		signal_task(m, SIGHUP, nullptr);
		signal_task(m, SIGCONT, nullptr);
	}
}

bool pgrp_is_orphaned(int pgid)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	struct pgrp *g = pgrp_lookup(pgid);
	bool orphaned = !g || pgrp_is_orphaned_locked(g, nullptr);

	spin_unlock_irq(&tasks_lock, flags);
	return orphaned;
}

/* Zombies count: they are members until they are waited for. */
static struct pgrp *session_group(struct session *s, int pgid)
{
	struct pgrp *g = pgid ? pgrp_lookup(pgid) : nullptr;

	if (!g || list_empty(&g->members))
		return nullptr;
	return list_first(&g->members, struct task, in_group)->session == s ? g : nullptr;
}

static void signal_members(struct pgrp *g, int sig)
{
	list_for_each(t, &g->members, struct task, in_group)
		signal_task(t, sig, nullptr);
}

void session_signal_locked(struct session *s, int pgid, int sig)
{
	struct pgrp *g = session_group(s, pgid);

	if (g)
		signal_members(g, sig);
}

int session_has_group_locked(struct session *s, int pgid)
{
	if (session_group(s, pgid))
		return 0;
	return pgrp_lookup(pgid) || pid_lookup(pgid) ? -EPERM : -ESRCH;
}

void session_hangup_locked(struct session *s, int pgid)
{
	struct task *leader = pid_lookup_task(s->sid);
	struct pgrp *g = session_group(s, pgid);

	if (leader) {
		signal_task(leader, SIGHUP, nullptr);
		signal_task(leader, SIGCONT, nullptr);
	}
	if (g)
		g->refs++;
	if (s->old_group)
		group_put(s->old_group);
	s->old_group = g;
}

void session_signal_old_locked(struct session *s)
{
	if (!s->old_group)
		return;
	signal_members(s->old_group, SIGHUP);
	signal_members(s->old_group, SIGCONT);
}

int signal_group(int pgid, int sig, const struct siginfo *info)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	struct pgrp *g = pgrp_lookup(pgid);
	int err = -ESRCH;

	if (g) {
		list_for_each(t, &g->members, struct task, in_group) {
			if (sig)
				signal_task(t, sig, info);
			err = 0;
		}
	}
	spin_unlock_irq(&tasks_lock, flags);
	return err;
}
