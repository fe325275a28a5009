// SPDX-License-Identifier: MIT
/* What CPUs ask of each other by interrupts. */
#include "arch/arch.h"
#include "lib/lock.h"
#include "mm/tlb.h"
#include "proc/sched.h"

/* One call at a time. Waiting for the lock and for the others is with interrupts on, so that two
 * callers answer each other. */
static struct {
	struct spinlock lock;
	void (*fn)(void *arg);
	void *arg;
	u64 pending;		/* (a) CPUs that have not done it */
} call;

static void call_here(void)
{
	u64 self = BIT(cpu_id());

	if (!(load_acquire(&call.pending) & self))
		return;
	call.fn(call.arg);
	__atomic_fetch_and(&call.pending, ~self, __ATOMIC_RELEASE);
}

void cpu_call(u64 cpus, void (*fn)(void *), void *arg)
{
	debug_assert(irqs_enabled());
	spin_lock(&call.lock);
	cpus &= sched_online_mask() & ~BIT(cpu_id());
	if (cpus) {
		call.fn = fn;
		call.arg = arg;
		store_release(&call.pending, cpus);
		arch_ipi(cpus, IPI_CALL);
		while (load_acquire(&call.pending))
			cpu_relax();
	}
	spin_unlock(&call.lock);
}

void ipi_handle(enum ipi kind)
{
	switch (kind) {
	case IPI_RESCHED:
		break;		/* THREAD_RESCHED is set: the way out of the interrupt sees it */
	case IPI_TLB:
		tlb_ipi();
		break;
	case IPI_STOP:
		arch_halt();
	case IPI_CALL:
		call_here();
		break;
	case IPI_COUNT:
		break;
	}
}
