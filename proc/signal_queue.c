// SPDX-License-Identifier: MIT
/*
 * Pending signals: a set, and beside it a list of what came with them. A standard signal (1 to 31) is pending once or not
 * at all; real-time signals queue in order. A standard signal whose record could not be had is in the set alone.
 *
 * Records are counted for the receiving user (RLIMIT_SIGPENDING) and come from memory that is there: senders hold locks.
 *
 * Locks: the siglock of the task that the queue belongs to.
 */
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/tree.h"

struct record {
	struct list node;
	struct user *user;		/* counted there */
	struct siginfo info;
};

static struct slab_cache *record_cache;

void signal_queue_setup(void)
{
	record_cache = slab_create("siginfo", sizeof(struct record), 16);
}

void signal_queue_init(struct signal_queue *q)
{
	q->set = 0;
	list_init(&q->infos);
}

/* The user whose signals these count as: the receiver's. */
static struct record *record_new(struct task *to, int sig, const struct siginfo *info)
{
	struct user *user = load_acquire(&to->cred)->user;
	u64 limit = load_relaxed(&to->limits[RLIM_SIGPENDING].cur);
	/* What the kernel says with standard signals is not limited: there are 31 of them for each thread at most. */
	bool bounded = sig >= SIGRTMIN || info->code <= 0;

	if (bounded && load_relaxed(&user->sigpending) >= limit)
		return nullptr;
	struct record *r = slab_alloc_nowait(record_cache);

	if (r) {
		r->user = user_hold(user);
		__atomic_fetch_add(&user->sigpending, 1, __ATOMIC_RELAXED);
		r->info = *info;
		r->info.signo = sig;
	}
	return r;
}

bool signal_queue_add(struct signal_queue *q, struct task *to, int sig, const struct siginfo *info)
{
	if (info) {
		struct record *r = record_new(to, sig, info);

		if (r)
			list_push_back(&q->infos, &r->node);
		else if (sig >= SIGRTMIN && info->code != SI_USER)
			return false;
	}
	q->set |= sig_bit(sig);
	return true;
}

bool signal_queue_overrun(struct signal_queue *q, int timerid)
{
	list_for_each(r, &q->infos, struct record, node) {
		if (r->info.code == SI_TIMER && r->info.timer.timerid == timerid) {
			r->info.timer.overrun++;
			return true;
		}
	}
	return false;
}

static void record_free(struct record *r)
{
	list_remove(&r->node);
	__atomic_fetch_sub(&r->user->sigpending, 1, __ATOMIC_RELAXED);
	user_put(r->user);
	slab_free(record_cache, r);
}

void signal_queue_flush(struct signal_queue *q, u64 set)
{
	if (!(q->set & set))
		return;
	q->set &= ~set;
	list_for_each_safe(r, &q->infos, struct record, node)
		if (sig_bit(r->info.signo) & set)
			record_free(r);
}

void signal_queues_flush(struct task *task, u64 set)
{
	signal_queue_flush(&task->pending, set);
	list_for_each(t, &task->threads, struct thread, in_task)
		signal_queue_flush(&t->pending, set);
	timers_signals_dropped(task, set);
}

bool signal_queue_take(struct signal_queue *q, int sig, struct siginfo *info)
{
	struct record *found = nullptr;
	bool more = false;

	list_for_each(r, &q->infos, struct record, node) {
		if (r->info.signo != sig)
			continue;
		more = found;
		if (found)
			break;
		found = r;
	}
	if (!more)
		q->set &= ~sig_bit(sig);
	if (!found) {
		*info = (struct siginfo){ .signo = sig, .code = SI_USER };
		return false;
	}
	*info = found->info;
	record_free(found);
	return true;
}

bool signal_queue_peek(const struct signal_queue *q, u64 nth, struct siginfo *info)
{
	list_for_each(r, &q->infos, struct record, node) {
		if (nth--)
			continue;
		*info = r->info;
		return true;
	}
	return false;
}

/* ---- in user memory */

int siginfo_put(va_t to, const struct siginfo *info)
{
	return put_user(to, *info) ?: clear_user(to + sizeof(*info), SIGINFO_USER - sizeof(*info));
}

/* The codes of a signal whose fields are known: up to the last that the kernel itself gives it (sigaction(2), and
 * asm-generic/siginfo.h for the newest), or that senders give to any, down to SI_DETHREAD. */
static bool code_is_known(int sig, int code)
{
	enum { DETHREAD = -7, LAST = 6 };
	static const u8 last[NSIG + 1] = { [SIGILL] = 11, [SIGFPE] = 15, [SIGSEGV] = 10, [SIGBUS] = 5, [SIGSYS] = 2 };
	int most = sig > 0 && sig <= NSIG && last[sig] ? last[sig] : LAST;

	return (code >= DETHREAD && code <= most) || code == SI_KERNEL || code == SI_ASYNCNL;
}

int siginfo_get(struct siginfo *info, va_t from, int sig)
{
	u64 rest[(SIGINFO_USER - sizeof(*info)) / sizeof(u64)], some = 0;

	if (get_user(*info, from))
		return -EFAULT;
	if (sig >= 0)
		info->signo = sig;
	if (code_is_known(info->signo, info->code))
		return 0;
	if (get_user(rest, from + sizeof(*info)))
		return -EFAULT;
	for (unsigned i = 0; i < ARRAY_SIZE(rest); i++)
		some |= rest[i];
	return some ? -E2BIG : 0;
}
