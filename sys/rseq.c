// SPDX-License-Identifier: MIT
/* rseq(2) and membarrier(2): what code that runs without locks asks of the scheduler. */
#include "proc/rseq.h"
#include "arch/arch.h"
#include "mm/vm.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "sys/syscall.h"

SYSCALL(rseq)
{
	constexpr int UNREGISTER = 1;
	int flags = ARG_INT(2);

	if (flags & ~UNREGISTER)
		return -EINVAL;
	return flags ? rseq_unregister(ARG_PTR(0), ARG_UINT(1), ARG_UINT(3)) :
		       rseq_register(ARG_PTR(0), ARG_UINT(1), ARG_UINT(3));
}

/* ---- membarrier */

enum : u32 {
	GLOBAL = 1, GLOBAL_EXPEDITED = 2, REGISTER_GLOBAL = 4, PRIVATE = 8, REGISTER_PRIVATE = 16,
	SYNC_CORE = 32, REGISTER_SYNC_CORE = 64, RSEQ = 128, REGISTER_RSEQ = 256, GET_REGISTRATIONS = 512,
	ALL = 1023, REGISTERS = REGISTER_GLOBAL | REGISTER_PRIVATE | REGISTER_SYNC_CORE | REGISTER_RSEQ,
};
constexpr u32 FLAG_CPU = 1;

/* An interrupt from user mode and the return from it order memory, and what is fetched after it is new: that is all. */
static void barrier(void *arg)
{
	struct thread *self = thread_current();

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (arg && self->task && self->task->vm == arg && self->rseq_on)
		rseq_mark(self);
}

/* On every other CPU of the set that is online. rseq: sequences of this address space begin anew. */
static long everywhere(u64 cpus, bool rseq)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	preempt_disable();
	cpu_call(cpus & ~BIT(cpu_id()), barrier, rseq ? vm_current() : nullptr);
	preempt_enable();
	return 0;
}

/* What a program must have said it will use. A thread's way back by the slow path fetches anew on this CPU too. */
static long private_barrier(u32 command, u64 cpus)
{
	u32 registered = load_relaxed(&vm_current()->membarrier);

	if (!(registered & command << 1))
		return -EPERM;
	if (command == SYNC_CORE)
		__atomic_fetch_or(&thread_self()->work, THREAD_SIGNAL, __ATOMIC_RELAXED);
	return everywhere(cpus, command == RSEQ);
}

SYSCALL(membarrier)
{
	u32 command = ARG_UINT(0), flags = ARG_UINT(1), cpu = ARG_UINT(2);
	u64 cpus = sched_online_mask();

	if (command == RSEQ ? flags & ~FLAG_CPU : flags)
		return -EINVAL;
	if (flags)
		cpus = cpu < MAX_CPUS ? cpus & BIT(cpu) : 0;
	switch (command) {
	case 0:
		return ALL;
	case GLOBAL:
	case GLOBAL_EXPEDITED:
		return everywhere(cpus, false);
	case REGISTER_GLOBAL:
	case REGISTER_PRIVATE:
	case REGISTER_SYNC_CORE:
	case REGISTER_RSEQ:
		__atomic_fetch_or(&vm_current()->membarrier, command, __ATOMIC_RELAXED);
		return 0;
	case PRIVATE:
	case SYNC_CORE:
	case RSEQ:
		return private_barrier(command, cpus);
	case GET_REGISTRATIONS:
		return load_relaxed(&vm_current()->membarrier) & REGISTERS;
	default:
		return -EINVAL;
	}
}
