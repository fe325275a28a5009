// SPDX-License-Identifier: MIT
/*
 * Futexes: a hash table of waiters by key. The word is compared under the bucket's lock, which a
 * waker takes too: so either the waker sees the waiter, or the waiter sees the new value. A user
 * word that is not present cannot be read under a spinlock (trap_fault() refuses): then it is
 * faulted in without the lock, and all starts over.
 *
 * A waiter lies on its thread's stack. The waker says `woken`, wakes, unlinks; the thread takes the
 * bucket's lock once before it goes, so that the waker is done with both by then.
 *
 * Words with owners and priority inheritance are in proc/futex_pi.c; waiters that are to be moved from a plain word to such
 * a one in proc/futex_requeue_pi.c. Here these are only found in the way: -EINVAL.
 *
 * Lock order: vm->lock (key, before all) | bucket (two: by address) < run queue.
 */
#include "proc/futex.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/futex_word.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "proc/wait.h"

constexpr unsigned BUCKET_BITS = 8;
static struct futex_bucket buckets[1 << BUCKET_BITS];

struct futex_bucket *futex_bucket_of(const struct futex_key *k)
{
	u64 h = (k->space ^ k->place >> 2) * 0x9e3779b97f4a7c15;	/* 2^64 / golden ratio */

	return &buckets[h >> (64 - BUCKET_BITS)];
}

void futex_bucket_lock(struct futex_bucket *b)
{
	spin_lock(&b->lock);
	if (unlikely(!b->waiters.next))
		list_init(&b->waiters);
}

/* Objects are told from spaces by their address; a key does not keep its object alive: a stale one
 * can only cause a wake-up too many, which callers must expect anyway. */
int futex_key_make(va_t uaddr, bool shared, struct futex_key *key)
{
	struct vm *vm = vm_current();
	struct region r;

	if (!is_aligned(uaddr, 4))
		return -EINVAL;
	if (!vm || !user_range_ok(uaddr, 4))
		return -EFAULT;
	*key = (struct futex_key){ (u64)vm, uaddr };
	if (!shared)
		return 0;
	scoped_read(&vm->lock);
	if (!layout_find(&vm->layout, uaddr, &r) || !(r.flags & (R_READ | R_WRITE)))
		return -EFAULT;
	if ((r.flags & R_SHARED) && r.object)
		*key = (struct futex_key){ (u64)r.object,
					   (r.offset << PAGE_SHIFT) + uaddr - r.start };
	return 0;
}

static int fault_in(va_t uaddr)
{
	u32 value;

	return arch_user_load32(uaddr, &value);
}

/* ---- waiting */

bool futex_leave(struct futex_waiter *w)
{
	for (;;) {
		struct futex_bucket *b = load_relaxed(&w->bucket);

		spin_lock(&b->lock);
		if (b == load_relaxed(&w->bucket)) {
			bool woken = w->woken;

			if (!woken)
				list_remove(&w->node);
			spin_unlock(&b->lock);
			return woken;
		}
		spin_unlock(&b->lock);	/* it has been requeued meanwhile */
	}
}

int futex_enter(struct futex_waiter *w, va_t uaddr, bool shared, u32 value)
{
	for (;;) {
		u32 found;
		int err = futex_key_make(uaddr, shared, &w->key);

		if (err)
			return err;
		struct futex_bucket *b = futex_bucket_of(&w->key);

		futex_bucket_lock(b);
		err = arch_user_load32(uaddr, &found);
		if (!err && found == value) {
			w->bucket = b;
			list_push_back(&b->waiters, &w->node);
			spin_unlock(&b->lock);
			return 0;
		}
		spin_unlock(&b->lock);
		if (!err)
			return -EAGAIN;
		if (fault_in(uaddr))
			return -EFAULT;
	}
}

int futex_wait(va_t uaddr, bool shared, u32 value, u32 bitset, u64 deadline_ns)
{
	struct thread *self = thread_current();
	struct futex_waiter w = { .thread = self, .bitset = bitset };

	if (!bitset)
		return -EINVAL;
	int err = futex_enter(&w, uaddr, shared, value);

	if (err)
		return err;
	do {
		store_relaxed(&self->state, THREAD_SLEEPING_INTR);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the state before `woken` */
		if (load_relaxed(&w.woken))
			break;
		err = wait_sleep(deadline_ns, true);
	} while (!err);
	store_relaxed(&self->state, THREAD_RUNNING);
	return futex_leave(&w) ? 0 : err;
}

/* ---- waiting for any of several */

struct futex_many {
	unsigned n;
	struct futex_waiter w[];
};

static bool any_woken(const struct futex_many *m)
{
	for (unsigned i = 0; i < m->n; i++)
		if (load_relaxed(&m->w[i].woken))
			return true;
	return false;
}

/* Out of all queues. One that was woken, or `err`. */
static int leave_all(struct futex_many *m, int err)
{
	for (unsigned i = 0; i < m->n; i++)
		if (futex_leave(&m->w[i]))
			err = (int)i;
	return err;
}

/* m->n counts those that stand in line already. */
static int enter_all(struct futex_many *m, const struct futex_word *words, unsigned n)
{
	for (; m->n < n; m->n++) {
		struct futex_waiter *w = &m->w[m->n];

		*w = (struct futex_waiter){ .thread = thread_current(), .bitset = FUTEX_ANY };
		int err = futex_enter(w, words[m->n].uaddr, words[m->n].shared, words[m->n].value);

		if (err)
			return err;
	}
	return 0;
}

int futex_wait_any(const struct futex_word *words, unsigned n, u64 deadline_ns)
{
	struct thread *self = thread_current();
	struct futex_many *m scoped_kfree = kzalloc(sizeof(*m) + n * sizeof(m->w[0]));

	if (!m)
		return -ENOMEM;
	int err = enter_all(m, words, n);

	while (!err) {
		store_relaxed(&self->state, THREAD_SLEEPING_INTR);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the state before `woken` */
		if (any_woken(m))
			break;
		err = wait_sleep(deadline_ns, true);
	}
	store_relaxed(&self->state, THREAD_RUNNING);
	return leave_all(m, err);
}

/* ---- waking; bucket locks are held */

static void wake_waiter(struct futex_waiter *w)
{
	store_relaxed(&w->woken, true);
	thread_wake(w->thread);
	list_remove(&w->node);
}

/* How many, or -EINVAL: one of them only wants to be moved, or waits for the word's owner. */
static int wake_key(struct futex_bucket *b, const struct futex_key *key, int n, u32 bitset)
{
	int woken = 0;

	if (unlikely(futex_pi_awaited(key)))
		return -EINVAL;
	list_for_each_safe(w, &b->waiters, struct futex_waiter, node) {
		if (woken >= n)
			break;
		if (!futex_key_equal(&w->key, key) || !(w->bitset & bitset))
			continue;
		if (unlikely(w->pi))
			return -EINVAL;
		wake_waiter(w);
		woken++;
	}
	return woken;
}

long futex_wake(va_t uaddr, bool shared, int n, u32 bitset)
{
	struct futex_key key;
	int err = !bitset ? -EINVAL : futex_key_make(uaddr, shared, &key);

	if (err)
		return err;
	struct futex_bucket *b = futex_bucket_of(&key);

	futex_bucket_lock(b);
	long woken = wake_key(b, &key, n, bitset);

	spin_unlock(&b->lock);
	return woken;
}

/* ---- two words */

struct futex_pair {
	struct futex_key key[2];
	struct futex_bucket *bucket[2];
};

static int pair_make(struct futex_pair *p, va_t first, va_t second, bool shared)
{
	int err = futex_key_make(first, shared, &p->key[0]) ?: futex_key_make(second, shared, &p->key[1]);

	if (err)
		return err;
	for (unsigned i = 0; i < 2; i++)
		p->bucket[i] = futex_bucket_of(&p->key[i]);
	return 0;
}

static void pair_lock(struct futex_pair *p)
{
	futex_bucket_lock(min(p->bucket[0], p->bucket[1]));
	if (p->bucket[0] != p->bucket[1])
		futex_bucket_lock(max(p->bucket[0], p->bucket[1]));
}

static void pair_unlock(struct futex_pair *p)
{
	spin_unlock(&p->bucket[0]->lock);
	if (p->bucket[0] != p->bucket[1])
		spin_unlock(&p->bucket[1]->lock);
}

/* Wakes nwake and moves nmove of those that are left: how many of both. */
static long wake_and_move(struct futex_pair *p, int nwake, int nmove)
{
	long woken = wake_key(p->bucket[0], &p->key[0], nwake, FUTEX_ANY);
	int moved = 0;
	struct list moving = LIST_INIT(moving);

	if (woken < 0)
		return woken;
	list_for_each_safe(w, &p->bucket[0]->waiters, struct futex_waiter, node) {
		if (moved >= nmove)
			break;
		if (!futex_key_equal(&w->key, &p->key[0]))
			continue;
		if (w->pi) {
			woken = -EINVAL;
			break;
		}
		list_remove(&w->node);
		list_push_back(&moving, &w->node);
		w->key = p->key[1];
		store_relaxed(&w->bucket, p->bucket[1]);
		moved++;
	}
	list_splice_back(&p->bucket[1]->waiters, &moving);
	return woken < 0 ? woken : woken + moved;
}

long futex_requeue(va_t from, va_t to, bool shared, int nwake, int nmove, const u32 *expected)
{
	struct futex_pair p;

	if (nwake < 0 || nmove < 0)
		return -EINVAL;
	for (;;) {
		u32 found;
		int err = pair_make(&p, from, to, shared);

		if (err)
			return err;
		pair_lock(&p);
		err = expected ? arch_user_load32(from, &found) : 0;
		long r = err ? err : expected && found != *expected ? -EAGAIN :
				wake_and_move(&p, nwake, nmove);

		pair_unlock(&p);
		if (!err)
			return r;
		if (fault_in(from))
			return -EFAULT;
	}
}

/* ---- FUTEX_WAKE_OP (futex(2)): op << 28 | cmp << 24 | oparg << 12 | cmparg.
 * op's bit 3: oparg is a shift. */

static int sign_extend12(u32 v)
{
	return (int)(v << 20) >> 20;
}

static int op_apply(u32 code, u32 old, u32 *result)
{
	u32 arg = (u32)sign_extend12(code >> 12 & 0xfff);

	if (code >> 31)
		arg = 1u << (arg & 31);
	switch (code >> 28 & 7) {
	case 0:
		*result = arg;
		return 0;
	case 1:
		*result = old + arg;
		return 0;
	case 2:
		*result = old | arg;
		return 0;
	case 3:
		*result = old & ~arg;
		return 0;
	case 4:
		*result = old ^ arg;
		return 0;
	default:
		return -ENOSYS;
	}
}

static int op_compare(u32 code, u32 value)
{
	int old = (int)value, arg = sign_extend12(code & 0xfff);

	switch (code >> 24 & 15) {
	case 0:
		return old == arg;
	case 1:
		return old != arg;
	case 2:
		return old < arg;
	case 3:
		return old <= arg;
	case 4:
		return old > arg;
	case 5:
		return old >= arg;
	default:
		return -ENOSYS;
	}
}

/* Changes the word; *old is what it was. -EFAULT also when it is not present and the caller holds a
 * lock. */
static int op_perform(va_t uaddr, u32 code, u32 *old)
{
	u32 found, result;
	int err = arch_user_load32(uaddr, &found);

	while (!err) {
		*old = found;
		err = op_apply(code, *old, &result) ?:
		      arch_user_cmpxchg32(uaddr, *old, result, &found);
		if (!err && found == *old)
			return 0;
	}
	return err;
}

int futex_fault_in_write(va_t uaddr)
{
	u32 found;

	return arch_user_load32(uaddr, &found) ?: arch_user_cmpxchg32(uaddr, found, found, &found);
}

long futex_wake_op(va_t first, va_t second, bool shared, int n1, int n2, u32 op)
{
	struct futex_pair p;
	int wants = op_compare(op, 0);

	if (wants < 0)
		return wants;
	for (;;) {
		u32 old;
		int err = pair_make(&p, first, second, shared);

		if (err)
			return err;
		pair_lock(&p);
		err = op_perform(second, op, &old);
		long woken = 0, more = 0;

		if (!err) {
			woken = wake_key(p.bucket[0], &p.key[0], n1, FUTEX_ANY);
			if (woken >= 0 && op_compare(op, old) > 0)
				more = wake_key(p.bucket[1], &p.key[1], n2, FUTEX_ANY);
		}
		pair_unlock(&p);
		if (!err)
			return more < 0 ? more : woken + more;
		if (err != -EFAULT || futex_fault_in_write(second))
			return err;
	}
}
