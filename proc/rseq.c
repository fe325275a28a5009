// SPDX-License-Identifier: MIT
/*
 * Restartable sequences. A thread may lose its CPU in the middle of a sequence only where it comes from user mode by an
 * exception or interrupt: a system call ends a sequence. So what is marked at a switch is a thread outside system calls; in one
 * only a move to another CPU is (thread_migrate).
 *
 * mm_cid is the CPU's number: no two threads that run at a time have the same, and there are no more than CPUs.
 *
 * No locks: the fields are the thread's own.
 */
#include "proc/rseq.h"
#include "mm/user.h"
#include "proc/task.h"

struct rseq_area {			/* the kernel's ABI, as is the next */
	u32 cpu_id_start, cpu_id;
	u64 sequence;
	u32 flags, node_id, mm_cid, reserved;
};
static_assert(sizeof(struct rseq_area) == RSEQ_SIZE && offsetof(struct rseq_area, reserved) == RSEQ_FEATURES);

struct rseq_sequence {
	u32 version, flags;
	u64 start, length, abort;
};

constexpr u32 CPU_UNKNOWN = ~0u;

/* ---- registration */

static bool area_ok(va_t area, u32 size)
{
	return size >= RSEQ_SIZE && is_aligned(area, RSEQ_ALIGN);
}

int rseq_register(va_t area, u32 size, u32 signature)
{
	struct thread *self = thread_current();
	u64 none = 0;

	if (self->rseq_on) {
		if (self->rseq != area || self->rseq_size != size)
			return -EINVAL;
		return self->rseq_sig != signature ? -EPERM : -EBUSY;
	}
	if (!area_ok(area, size))
		return -EINVAL;
	if (!user_range_ok(area, size) || put_user(area + offsetof(struct rseq_area, sequence), none))
		return -EFAULT;
	self->rseq = area;
	self->rseq_size = size;
	self->rseq_sig = signature;
	self->rseq_cpu = CPU_UNKNOWN;
	self->rseq_on = true;
	rseq_mark(self);
	return 0;
}

int rseq_unregister(va_t area, u32 size, u32 signature)
{
	struct thread *self = thread_current();
	struct rseq_area blank = { .cpu_id = CPU_UNKNOWN };

	if (!self->rseq_on || self->rseq != area || self->rseq_size != size)
		return -EINVAL;
	if (self->rseq_sig != signature)
		return -EPERM;
	if (copy_to_user(area, &blank, offsetof(struct rseq_area, sequence)) ||
	    put_user(area + offsetof(struct rseq_area, node_id), blank.node_id) ||
	    put_user(area + offsetof(struct rseq_area, mm_cid), blank.mm_cid))
		return -EFAULT;
	rseq_clear(self);
	return 0;
}

void rseq_clear(struct thread *t)
{
	t->rseq_on = false;
	t->rseq = 0;
}

void rseq_inherit(struct thread *t)
{
	const struct thread *self = thread_current();

	if (!self->rseq_on)
		return;
	t->rseq = self->rseq;
	t->rseq_size = self->rseq_size;
	t->rseq_sig = self->rseq_sig;
	t->rseq_cpu = CPU_UNKNOWN;
	t->rseq_on = true;
	rseq_mark(t);
}

/* ---- marking */

void rseq_mark(struct thread *t)
{
	__atomic_fetch_or(&t->head.work, THREAD_RSEQ, __ATOMIC_RELAXED);
}

void rseq_switched(struct thread *self)
{
	const struct trapframe *f = (struct trapframe *)self->head.stack_top - 1;

	if (!frame_in_syscall(f))
		rseq_mark(self);
}

/* ---- on the way back */

/* Tells the CPU. A switch between the reading and the return marks the thread again. */
static int tell_cpu(struct thread *self)
{
	u32 cpu = load_relaxed(&self->head.cpu), ids[2] = { cpu, cpu }, place[2] = { 0, cpu };

	if (cpu == self->rseq_cpu)
		return 0;
	self->rseq_cpu = cpu;
	return copy_to_user(self->rseq, ids, sizeof(ids)) ?:
	       copy_to_user(self->rseq + offsetof(struct rseq_area, node_id), place, sizeof(place));
}

static bool valid(const struct rseq_sequence *s)
{
	bool inside = s->start < USER_END && s->length <= USER_END - s->start && s->abort < USER_END;

	return inside && s->version == 0 && s->abort - s->start >= s->length;
}

/* If the program is in its sequence it goes on at the abort handler, which the signature marks as one. */
static int restart_sequence(struct thread *self, struct trapframe *f)
{
	va_t field = self->rseq + offsetof(struct rseq_area, sequence), at;
	struct rseq_sequence s;
	u64 none = 0;
	u32 signature;

	if (get_user(at, field))
		return -EFAULT;
	if (!at)
		return 0;
	if (copy_from_user(&s, at, sizeof(s)) || !valid(&s) || get_user(signature, s.abort - sizeof(signature)) ||
	    signature != self->rseq_sig)
		return -EFAULT;
	if (put_user(field, none))
		return -EFAULT;
	if (frame_pc(f) - s.start < s.length) {
		if (s.flags)
			return -EFAULT;
		frame_set_pc(f, s.abort);
	}
	return 0;
}

void rseq_return(struct trapframe *f)
{
	struct thread *self = thread_current();

	/* Cleared first: what happens from here on marks it again. */
	__atomic_fetch_and(&self->head.work, ~(u64)THREAD_RSEQ, __ATOMIC_RELAXED);
	if (!self->rseq_on)
		return;
	int err = frame_in_syscall(f) ? 0 : restart_sequence(self, f);

	if (err || tell_cpu(self)) {
		rseq_clear(self);	/* the next try would fail too */
		signal_force(SIGSEGV, nullptr);
	}
}

void rseq_signal(struct trapframe *f)
{
	struct thread *self = thread_current();

	if (self->rseq_on && !frame_in_syscall(f) && restart_sequence(self, f)) {
		rseq_clear(self);
		signal_force(SIGSEGV, nullptr);
	}
}
