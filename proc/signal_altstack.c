// SPDX-License-Identifier: MIT
/* Alternate signal stacks (sigaltstack(2)): a thread's own business, so no locks. */
#include "proc/tree.h"

enum : u32 { SS_ONSTACK = 1, SS_DISABLE = 2, SS_AUTODISARM = 1u << 31 };
constexpr u64 MIN_SIZE = 2048;		/* MINSIGSTKSZ of old programs; AT_MINSIGSTKSZ tells the real need */

/* With SS_AUTODISARM the stack is given up on entry, so nobody is ever on it. */
static bool is_on(const struct thread *t, va_t sp)
{
	return !(t->altstack_flags & SS_AUTODISARM) && t->altstack_size &&
	       sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size;
}

static u32 flags_now(const struct thread *t, va_t sp)
{
	if (!t->altstack_size)
		return SS_DISABLE;
	return t->altstack_flags | (is_on(t, sp) ? SS_ONSTACK : 0);
}

void signal_choose_stack(const struct thread *t, va_t sp, struct signal_delivery *d)
{
	d->altstack_sp = t->altstack_sp;
	d->altstack_size = t->altstack_size;
	d->altstack_flags = flags_now(t, sp);
	d->on_altstack = (d->flags & SA_ONSTACK) && t->altstack_size && !is_on(t, sp);
	d->stack_top = d->on_altstack ? t->altstack_sp + t->altstack_size : sp;
}

void signal_altstack_entered(struct thread *t)
{
	if (t->altstack_flags & SS_AUTODISARM)
		t->altstack_sp = t->altstack_size = t->altstack_flags = 0;
}

static int replace(struct thread *t, const struct altstack *set, va_t sp)
{
	u32 mode = set->flags & ~SS_AUTODISARM;

	if (is_on(t, sp))
		return -EPERM;
	if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
		return -EINVAL;
	if (mode != SS_DISABLE && set->size < MIN_SIZE)
		return -ENOMEM;
	t->altstack_sp = mode == SS_DISABLE ? 0 : set->sp;
	t->altstack_size = mode == SS_DISABLE ? 0 : set->size;
	t->altstack_flags = set->flags & SS_AUTODISARM;
	return 0;
}

int signal_altstack(const struct altstack *set, struct altstack *old, va_t sp)
{
	struct thread *t = thread_current();

	if (old)
		*old = (struct altstack){ t->altstack_sp, flags_now(t, sp), 0, t->altstack_size };
	return set ? replace(t, set, sp) : 0;
}
