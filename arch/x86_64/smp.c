// SPDX-License-Identifier: MIT
/*
 * The other CPUs. Each is told to start by INIT and SIPI (Intel MultiProcessor Specification
 * B.4) and finds out by its APIC id which one it is, so all can start at once and nobody waits
 * for anybody.
 */
#include "lib/string.h"
#include "x86.h"

constexpr u32 ICR_INIT = 0x4500, ICR_STARTUP = 0x4600;

extern const u8 trampoline[], trampoline_end[], trampoline_root[];
extern const u32 trampoline_fixups[];

/* Read by trampoline.S. */
u32 x86_cpu_ids[MAX_CPUS];
void *x86_cpu_stacks[MAX_CPUS];
bool x86_ids_are_wide;

[[noreturn]] void x86_secondary_start(unsigned cpu);

static unsigned ncpus = 1;
static u64 trampoline_tables;	/* 0: none could be made, or not yet */

unsigned arch_cpu_count(void) { return ncpus; }

static void trampoline_copy(void)
{
	u8 *page = direct_map((struct pa){ x86_trampoline_pa });
	u32 root = (u32)trampoline_tables;

	memcpy(page, trampoline, (size_t)(trampoline_end - trampoline));
	memcpy(page + (trampoline_root - trampoline), &root, sizeof(root));
	for (const u32 *at = trampoline_fixups; *at; at++) {
		u32 v;

		memcpy(&v, page + *at, sizeof(v));
		v += (u32)x86_trampoline_pa;
		memcpy(page + *at, &v, sizeof(v));
	}
}

/* CPU numbers: this CPU is 0, the others follow in the firmware's order. */
void smp_init(void)
{
	u32 self = x86_cpus[0].apic_id;

	x86_cpu_ids[0] = self;
	x86_ids_are_wide = self > 0xff;
	if (x86_trampoline_pa)
		trampoline_tables = x86_trampoline_root(x86_trampoline_pa);
	if (!trampoline_tables)
		return;
	for (unsigned i = 0; i < x86_acpi.ncpus && ncpus < MAX_CPUS; i++) {
		u32 id = x86_acpi.apic_id[i];

		if (id == self)
			continue;
		x86_ids_are_wide |= id > 0xff;
		x86_cpus[ncpus].apic_id = id;
		x86_cpu_ids[ncpus++] = id;
	}
	for (unsigned i = ncpus; i < MAX_CPUS; i++)
		x86_cpu_ids[i] = ~0u;
	trampoline_copy();
}

/* Only processors of the last century need 10 ms between INIT and SIPI. The second SIPI is for
 * one that was missed; a CPU that runs ignores it. */
int arch_cpu_start(unsigned cpu, struct thread_head *idle)
{
	if (cpu == 0 || cpu >= ncpus)
		return -EINVAL;
	u32 id = x86_cpus[cpu].apic_id;
	u32 startup = ICR_STARTUP | (u32)(x86_trampoline_pa >> PAGE_SHIFT);

	x86_cpus[cpu].idle = idle;
	x86_cpu_stacks[cpu] = idle->stack_top;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	apic_send(id, ICR_INIT);
	delay_us(10);
	apic_send(id, startup);
	delay_us(10);
	apic_send(id, startup);
	return 0;
}

/* On the idle thread's stack, with the trampoline's tables. */
void x86_secondary_start(unsigned cpu)
{
	write_cr3(direct_pa(arch_kernel_root()).v);
	x86_cpu_init(cpu, x86_cpus[cpu].idle);
	apic_init_cpu();
	cpu_main();
}
