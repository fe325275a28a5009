// SPDX-License-Identifier: MIT
/* The record of memory faults: a ring under a spinlock, since whoever records is not in a hurry. */
#include "proc/fault_trace.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/stats.h"
#include "proc/task.h"

static struct spinlock lock;
static struct fault_record *ring;	/* (l) nullptr: never asked for */
static u64 recorded;			/* (l) since the begin */
bool fault_trace_on;

const char *fault_deed_name(enum fault_deed deed)
{
	static const char *const names[] = {
		"nothing",
#define NAME(name) #name,
		FAULT_DEEDS(NAME)
#undef NAME
	};

	return names[deed];
}

static void record(const struct fault_record *r)
{
	scoped_spin(&lock);
	ring[recorded++ % FAULT_RECORDS] = *r;
}

/* Of this CPU; a thread that is moved meanwhile may count another's. */
static u64 tables_copied(void)
{
	return load_relaxed(&vm_cpu_stats[cpu_id()].s.clones);
}

enum fault_result fault_trace(const struct trapframe *f, const struct task *task, struct fault flt)
{
	const struct thread *self = thread_current();
	struct fault_record r = {
		.address = flt.address, .pc = frame_pc(f), .pid = task->pid, .tid = self->tid,
		.cpu = (u8)cpu_id(), .access = (u8)flt.access, .time = arch_clock_ns(),
	};
	u64 copied = tables_copied();
	enum fault_result result = vm_fault_deed(task->vm, flt.address, flt.access, &r.deed);

	r.cost = (u32)min(arch_clock_ns() - r.time, (u64)~0u);
	r.tables = (u8)(r.cpu == cpu_id() ? min(tables_copied() - copied, 255ul) : 0);
	r.result = (s8)result;
	str_copy(r.name, self->name, sizeof(r.name));
	record(&r);
	return result;
}

static unsigned ring_order(void)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < FAULT_RECORDS * sizeof(struct fault_record))
		order++;
	return order;
}

int fault_trace_switch(bool on)
{
	struct page *p = on && !load_relaxed(&ring) ? page_alloc(ring_order(), PAGE_KERNEL, 0) : nullptr;

	if (on && !p && !load_relaxed(&ring))
		return -ENOMEM;
	spin_lock(&lock);
	if (p && !ring) {
		ring = page_address(p);
		p = nullptr;
	}
	if (on)
		recorded = 0;
	store_relaxed(&fault_trace_on, on);
	spin_unlock(&lock);
	if (p)
		page_free(p);		/* somebody else was faster */
	return 0;
}

u64 fault_trace_first(void)
{
	scoped_spin(&lock);
	return recorded > FAULT_RECORDS ? recorded - FAULT_RECORDS : 0;
}

bool fault_trace_get(u64 n, struct fault_record *out)
{
	scoped_spin(&lock);
	if (n >= recorded)
		return false;
	*out = ring[n % FAULT_RECORDS];
	return true;
}
