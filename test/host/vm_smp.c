// SPDX-License-Identifier: MIT
/* See vm_smp.h. The lock of a CPU stands for the time between the walk and the end of the access. */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include "vm_smp.h"
#include "mm/pt.h"
#include "mm/user.h"

static struct cpu {
	pthread_mutex_t busy;
	u64 root;			/* (busy) */
	u64 asked;			/* (a) an IPI waits */
	bool gone;			/* (a) answers at once: runs nothing any more */
} cpus[MAX_CPUS];

static unsigned ncpus;
static struct page *kernel_root;
static _Thread_local bool irqs_off;

void smp_init(unsigned n)
{
	ncpus = n;
	kernel_root = page_alloc(0, PAGE_KERNEL, PA_ZERO);
	for (unsigned i = 0; i < n; i++)
		cpus[i] = (struct cpu){ .busy = PTHREAD_MUTEX_INITIALIZER };
}

static void answer(void)
{
	if (!irqs_off && __atomic_exchange_n(&cpus[cpu_id()].asked, 0, __ATOMIC_ACQ_REL)) {
		irqs_off = true;
		tlb_ipi();
		irqs_off = false;
	}
}

void cpu_relax(void)
{
	answer();
	sched_yield();
}

void smp_begin(unsigned cpu) { host_cpu_set(cpu); }

void smp_end(void) { answer(); }

void smp_switch(struct vm *vm)
{
	irqs_off = true;
	vm_switch(vm);
	irqs_off = false;
	answer();
}

static bool walk(u64 root, va_t va, bool write, u8 **byte)
{
	struct pa table = { root };

	for (int level = PT_LEVELS - 1;; level--) {
		struct pte e = pte_load(&pt_slots(pa_page(table))[pt_index(va, level)]);
		enum pte_kind kind = pte_kind(e, level);

		if (kind == PTE_TABLE && (!write || pte_writable(e, level))) {
			table = pte_table_pa(e);
			continue;
		}
		if (kind != PTE_LEAF || !(pte_prot(e, level) & (write ? P_W : P_R)) || !(pte_prot(e, level) & P_ACCESSED))
			return false;
		*byte = (u8 *)direct_map(pte_pa(e, level)) + (va & (pt_slot_size(level) - 1));
		return true;
	}
}

bool smp_access(va_t va, bool write, u8 *value)
{
	struct cpu *c = &cpus[cpu_id()];
	u8 *byte;

	answer();
	pthread_mutex_lock(&c->busy);
	bool ok = walk(c->root, va, write, &byte);

	if (ok && write)
		*byte = *value;
	else if (ok)
		*value = *byte;
	pthread_mutex_unlock(&c->busy);
	return ok;
}

/* ---- the machine's part */

void arch_tlb_range(u64 asid, va_t start, va_t end, bool tables, bool everywhere)
{
	for (unsigned i = 0; everywhere && i < ncpus; i++) {
		pthread_mutex_lock(&cpus[i].busy);
		pthread_mutex_unlock(&cpus[i].busy);
	}
}

void arch_tlb_asid(u64 asid, bool everywhere) { arch_tlb_range(asid, 0, ~0ul, true, everywhere); }
void arch_tlb_local_page(u64 asid, va_t va) {}
void arch_tlb_local_all(void) {}

void arch_switch_root(struct pa root, u64 asid, bool flush)
{
	struct cpu *c = &cpus[cpu_id()];

	pthread_mutex_lock(&c->busy);
	c->root = root.v;
	pthread_mutex_unlock(&c->busy);
}

void arch_ipi(u64 targets, enum ipi kind)
{
	for (; targets; targets &= targets - 1)
		__atomic_store_n(&cpus[__builtin_ctzl(targets)].asked, 1, __ATOMIC_RELEASE);
}

void arch_sync_code(const void *p, size_t n) {}
int arch_asid_bits(void) { return 3; }
unsigned arch_cpu_count(void) { return ncpus; }
void arch_root_init(struct pte *root) {}
void arch_root_clear(struct pte *root) {}

struct pte *arch_kernel_root(void) { return page_address(kernel_root); }

void vm_wait_for_memory(void) { cpu_relax(); }
bool vm_lock_unlimited(void) { return false; }
bool vm_work_vain(void) { return false; }
int copy_to_user(va_t dst, const void *src, size_t n) { return -EFAULT; }
void random_bytes(void *buf, size_t n) { memset(buf, 0, n); }
