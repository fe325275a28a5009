// SPDX-License-Identifier: MIT
/*
 * poll, ppoll, select, pselect6: one loop over a plain array of what is asked, in both manners. The
 * files' queues are entered in the first round only, and only if the call is going to sleep.
 */
#include "sys/syscall.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/signal.h"
#include "proc/task.h"

struct pollfd {
	s32 fd;
	s16 events, revents;
};

constexpr s64 SECOND = 1000000000;
constexpr u64 FOREVER = ~0ul;

/* One descriptor: what is ready of what was asked, errors and hang-ups always. */
static u32 poll_one(struct pollfd *p, struct poll_set *set)
{
	if (p->fd < 0)
		return 0;
	scoped_fd fd = fd_get(p->fd);

	if (!fd.file)
		return POLLNVAL;
	u32 want = (u16)p->events | POLLERR | POLLHUP;

	if (set) {
		set->table.file = fd.file;
		set->table.events = want;
	}
	return file_poll(fd.file, set ? &set->table : nullptr) & want;
}

static long poll_round(struct pollfd *p, unsigned n, struct poll_set *set)
{
	long ready = 0;

	for (unsigned i = 0; i < n; i++) {
		/* Once something is ready nobody is going to sleep. */
		u32 got = poll_one(&p[i], ready ? nullptr : set);

		p[i].revents = (s16)got;
		ready += got != 0;
	}
	return ready;
}

/* Descriptors that are ready, 0 at the deadline, -errno. */
static long poll_until(struct pollfd *p, unsigned n, u64 deadline)
{
	struct poll_set set;
	int err = 0;

	if (!deadline)
		return poll_round(p, n, nullptr);
	poll_set_init(&set);
	long ready = poll_round(p, n, &set);

	if (!ready)
		err = set.table.err;
	while (!ready && !err) {
		err = poll_set_sleep(&set, deadline);
		ready = poll_round(p, n, nullptr);
	}
	poll_set_end(&set);
	return ready ? ready : err == -ETIMEDOUT ? 0 : err;
}

/* 0: do not wait. FOREVER. Else a time. */
static u64 deadline_in(s64 ns)
{
	u64 now = arch_clock_ns();

	if (ns <= 0)
		return 0;
	return (u64)ns >= FOREVER / 2 - now ? FOREVER / 2 : now + (u64)ns;
}

struct timespec {
	s64 sec, nsec;
};

/* user 0: for ever. */
static int deadline_from(va_t user, s64 unit, u64 *deadline)
{
	struct timespec ts;

	*deadline = FOREVER;
	if (!user)
		return 0;
	if (get_user(ts, user))
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || (unit == 1 && ts.nsec >= SECOND))
		return -EINVAL;
	s64 ns, part;

	if (__builtin_mul_overflow(ts.sec, SECOND, &ns) ||
	    __builtin_mul_overflow(ts.nsec, unit, &part) || __builtin_add_overflow(ns, part, &ns))
		ns = INT64_MAX;
	*deadline = deadline_in(ns);
	return 0;
}

/* Linux tells how much time is left. Failing to is no error. */
static void put_remaining(va_t user, s64 unit, u64 deadline)
{
	u64 now = arch_clock_ns();
	s64 left = deadline > now ? (s64)(deadline - now) : 0;
	struct timespec ts = { left / SECOND, left % SECOND / unit };

	if (user && deadline != FOREVER)
		(void)!put_user(user, ts);
}

/* ---- poll */

static long poll_call(va_t user, unsigned n, u64 deadline)
{
	struct pollfd small[16], *p = small;

	if (n > load_relaxed(&task_current()->limits[RLIM_NOFILE].cur))
		return -EINVAL;
	if (n > ARRAY_SIZE(small) && !(p = kmalloc(n * sizeof(*p))))
		return -ENOMEM;
	long ready = copy_from_user(p, user, n * sizeof(*p));

	if (!ready)
		ready = poll_until(p, n, deadline);
	if (ready >= 0)
		for (unsigned i = 0; i < n; i++)
			if (put_user(user + i * sizeof(*p) + offsetof(struct pollfd, revents),
				     p[i].revents))
				ready = -EFAULT;
	if (p != small)
		kfree(p);
	return ready;
}

SYSCALL(poll)
{
	s64 ms = ARG_INT(2);

	return poll_call(ARG_PTR(0), ARG_UINT(1), ms < 0 ? FOREVER : deadline_in(ms * 1000000));
}

/* A signal mask for the time of the call; user 0: none. */
static int mask_begin(va_t user, u64 size)
{
	u64 mask;

	if (!user)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, user))
		return -EFAULT;
	signal_mask_replace(mask);
	return 0;
}

static void mask_end(va_t user, long result)
{
	if (user && result != -ERESTARTNOHAND && result != -EINTR)
		signal_mask_restore();
}

SYSCALL(ppoll)
{
	u64 deadline;
	int err = deadline_from(ARG_PTR(2), 1, &deadline);

	if (!err)
		err = mask_begin(ARG_PTR(3), ARG_U64(4));
	if (err)
		return err;
	long ready = poll_call(ARG_PTR(0), ARG_UINT(1), deadline);

	mask_end(ARG_PTR(3), ready);
	put_remaining(ARG_PTR(2), 1, deadline);
	return ready;
}

/* ---- select: three bit maps in, three out */

constexpr u32 SELECT_IN = POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR;
constexpr u32 SELECT_OUT = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR;
constexpr u32 SELECT_EX = POLLPRI;
static const u32 select_events[3] = { SELECT_IN, SELECT_OUT, SELECT_EX };

struct fd_sets {
	unsigned n, words;		/* of each map */
	u64 *in[3], *out[3];
	u64 *memory, small[6 * 4];
	va_t user[3];
};

static bool bit(const u64 *map, unsigned i) { return map[i / 64] >> (i % 64) & 1; }

static int sets_get(struct fd_sets *s, struct trapframe *f)
{
	s->words = (s->n + 63) / 64;
	size_t size = s->words * 8, total = 6 * size;

	s->memory = s->words <= 4 ? s->small : kmalloc(total);
	if (!s->memory)
		return -ENOMEM;
	memset(s->memory, 0, total);
	for (unsigned k = 0; k < 3; k++) {
		s->in[k] = s->memory + k * s->words;
		s->out[k] = s->memory + (3 + k) * s->words;
		s->user[k] = ARG_PTR(1 + k);
		if (s->user[k] && copy_from_user(s->in[k], s->user[k], size))
			return -EFAULT;
	}
	return 0;
}

static int sets_put(struct fd_sets *s, bool copy)
{
	int err = 0;

	for (unsigned k = 0; copy && k < 3; k++)
		if (s->user[k] && copy_to_user(s->user[k], s->out[k], s->words * 8))
			err = -EFAULT;
	if (s->memory != s->small)
		kfree(s->memory);
	return err;
}

/* The descriptors asked for, as an array for poll; how many, -EBADF, -ENOMEM. */
static long sets_to_array(struct fd_sets *s, struct pollfd **out)
{
	unsigned n = 0;

	for (unsigned w = 0; w < s->words; w++)
		n += (unsigned)__builtin_popcountll(s->in[0][w] | s->in[1][w] | s->in[2][w]);
	struct pollfd *p = kmalloc(max(n, 1u) * sizeof(*p));
	unsigned at = 0;

	if (!p)
		return -ENOMEM;
	*out = p;
	/* The last word may have bits beyond s->n, which were counted but do not matter. */
	for (unsigned i = 0; i < s->n && at < n; i++) {
		u32 events = 0;

		for (unsigned k = 0; k < 3; k++)
			events |= bit(s->in[k], i) ? select_events[k] : 0;
		if (events)
			p[at++] = (struct pollfd){ .fd = (s32)i, .events = (s16)events };
	}
	return at;
}

/* How many bits are set in the results. */
static long array_to_sets(struct fd_sets *s, const struct pollfd *p, unsigned n)
{
	long bits = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned fd = (unsigned)p[i].fd;

		if (p[i].revents & POLLNVAL)
			return -EBADF;
		for (unsigned k = 0; k < 3; k++) {
			if (!bit(s->in[k], fd) || !((u16)p[i].revents & select_events[k]))
				continue;
			s->out[k][fd / 64] |= BIT(fd % 64);
			bits++;
		}
	}
	return bits;
}

static long select_call(struct trapframe *f, u64 deadline)
{
	struct fd_sets s = { .n = (unsigned)min(ARG_INT(0), 65536) };
	struct pollfd *p = nullptr;

	if (ARG_INT(0) < 0)
		return -EINVAL;
	long err = sets_get(&s, f);
	long n = err ? err : sets_to_array(&s, &p);

	if (n >= 0)
		err = poll_until(p, (unsigned)n, deadline);
	else
		err = n;
	if (err >= 0)
		err = array_to_sets(&s, p, (unsigned)n);
	kfree(p);
	int copied = sets_put(&s, err >= 0);

	return copied ? copied : err;
}

SYSCALL(select)
{
	u64 deadline;
	int err = deadline_from(ARG_PTR(4), 1000, &deadline);

	if (err)
		return err;
	long ready = select_call(f, deadline);

	put_remaining(ARG_PTR(4), 1000, deadline);
	return ready;
}

SYSCALL(pselect6)
{
	struct {
		u64 mask, size;
	} sig = {};
	u64 deadline;

	if (ARG_PTR(5) && get_user(sig, ARG_PTR(5)))
		return -EFAULT;
	int err = deadline_from(ARG_PTR(4), 1, &deadline);

	if (!err)
		err = mask_begin(sig.mask, sig.size);
	if (err)
		return err;
	long ready = select_call(f, deadline);

	mask_end(sig.mask, ready);
	put_remaining(ARG_PTR(4), 1, deadline);
	return ready;
}
