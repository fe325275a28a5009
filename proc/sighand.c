// SPDX-License-Identifier: MIT
/*
 * What tasks do about signals. Three sets say which signals are caught, which ignored, and which have an entry in the table;
 * sending asks the sets only. The table holds handlers, flags and masks; it is shared by fork and frozen while it is, so
 * that fork and exec copy nothing, and a program without handlers has none.
 *
 * Locks: sighand->lock (irq-safe, a leaf) to write the sets and to use the table.
 */
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/tree.h"

struct sigaction_table {
	u32 refs;			/* (a) sighands; above 1: frozen */
	struct sigaction action[NSIG];	/* of signal n: action[n - 1], if listed */
};

static struct slab_cache *sighand_cache, *table_cache;

void sighand_init(void)
{
	sighand_cache = slab_create("sighand", sizeof(struct sighand), 16);
	table_cache = slab_create("sigactions", sizeof(struct sigaction_table), 16);
}

struct sigaction_table *sighand_reserve(void)
{
	return slab_alloc(table_cache);
}

void sighand_release(struct sigaction_table *spare)
{
	slab_free(table_cache, spare);
}

static void table_put(struct sigaction_table *t)
{
	if (t && __atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) == 1)
		slab_free(table_cache, t);
}

struct sighand *sighand_new(void)
{
	struct sighand *s = slab_alloc(sighand_cache);

	if (s)
		*s = (struct sighand){ .refs = 1 };
	return s;
}

struct sighand *sighand_fork(struct sighand *from)
{
	struct sighand *s = sighand_new();

	if (!s)
		return nullptr;
	u64 flags = spin_lock_irq(&from->lock);

	s->caught = from->caught;
	s->ignored = from->ignored;
	s->listed = from->listed;
	s->table = from->table;
	if (s->table)
		__atomic_fetch_add(&s->table->refs, 1, __ATOMIC_RELAXED);
	spin_unlock_irq(&from->lock, flags);
	return s;
}

void sighand_put(struct sighand *s)
{
	if (__atomic_fetch_sub(&s->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	table_put(s->table);
	slab_free(sighand_cache, s);
}

struct sigaction sighand_get(struct sighand *s, int sig)
{
	u64 flags = spin_lock_irq(&s->lock), bit = sig_bit(sig);
	struct sigaction act = {};

	if (s->listed & bit)
		act = s->table->action[sig - 1];
	if (!(s->caught & bit))
		act.handler = s->ignored & bit ? SIG_IGN : SIG_DFL;
	spin_unlock_irq(&s->lock, flags);
	return act;
}

/* Replaces a missing or frozen table by a copy that is s's own. False: there is no spare. */
static bool own_table(struct sighand *s, struct sigaction_table **spare)
{
	struct sigaction_table *old = s->table, *t = *spare;

	if (old && load_acquire(&old->refs) == 1)
		return true;
	if (!t)
		return false;
	if (old)
		memcpy(t->action, old->action, sizeof(t->action));
	t->refs = 1;
	s->table = t;
	*spare = nullptr;
	table_put(old);
	return true;
}

static void set_bits(struct sighand *s, u64 bit, bool caught, bool ignored, bool listed)
{
	store_relaxed(&s->caught, caught ? s->caught | bit : s->caught & ~bit);
	store_relaxed(&s->ignored, ignored ? s->ignored | bit : s->ignored & ~bit);
	s->listed = listed ? s->listed | bit : s->listed & ~bit;
}

bool sighand_set(struct sighand *s, int sig, const struct sigaction *act, struct sigaction_table **spare)
{
	bool ignored = act->handler == SIG_IGN, caught = !ignored && act->handler != SIG_DFL;
	bool list = caught || act->flags || act->mask;
	u64 flags = spin_lock_irq(&s->lock);
	bool ok = !list || own_table(s, spare);

	if (ok) {
		if (list)
			s->table->action[sig - 1] = *act;
		set_bits(s, sig_bit(sig), caught, ignored, list);
	}
	spin_unlock_irq(&s->lock, flags);
	return ok;
}

void sighand_reset(struct sighand *s, int sig, bool keep)
{
	u64 flags = spin_lock_irq(&s->lock);

	set_bits(s, sig_bit(sig), false, false, keep && (s->listed & sig_bit(sig)));
	spin_unlock_irq(&s->lock, flags);
}

void sighand_exec(struct sighand *s)
{
	u64 flags = spin_lock_irq(&s->lock);
	struct sigaction_table *old = s->table;

	store_relaxed(&s->caught, 0);
	s->listed = 0;
	s->table = nullptr;
	spin_unlock_irq(&s->lock, flags);
	table_put(old);
}
