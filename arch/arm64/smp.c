// SPDX-License-Identifier: MIT
/*
 * CPUs: numbering, starting, waiting. CPU 0 is the one that booted; the others are numbered in the
 * tree's order. A started CPU runs secondary_entry (head.S), finds its record by its MPIDR and with
 * it the stack of its idle thread.
 */
#include "machine.h"

#include "boot/devtree.h"
#include "lib/string.h"
#include "mm/kmap.h"
#include "offsets.h"

constexpr u64 MPIDR_AFFINITY = 0xff'00ff'ffff;

/* head.S reads these two words. */
struct cpu_record {
	u64 mpidr;			/* (i) */
	struct thread_head *idle;	/* (a) nullptr: not started */
};

extern const char secondary_entry[];

struct cpu_record cpu_records[MAX_CPUS];
static_assert(MAX_RECORDS == MAX_CPUS && sizeof(struct cpu_record) == 16);

static struct devtree_cpu cpus[MAX_CPUS];	/* (i) */
static unsigned ncpus;				/* (i) */

void smp_init(const struct fdt *f)
{
	struct devtree_cpu found[MAX_CPUS];
	u64 me = sysreg_read(mpidr_el1) & MPIDR_AFFINITY;
	unsigned n = devtree_cpus(f, found, MAX_CPUS);

	cpus[0] = (struct devtree_cpu){ .id = me };
	ncpus = 1;
	for (unsigned i = 0; i < n && ncpus < MAX_CPUS; i++)
		if (found[i].id != me)
			cpus[ncpus++] = found[i];
	for (unsigned i = 0; i < MAX_CPUS; i++)
		cpu_records[i].mpidr = i < ncpus ? cpus[i].id : ~0ul;
}

unsigned arch_cpu_count(void)
{
	return ncpus;
}

u64 smp_mpidr(unsigned cpu)
{
	return cpus[cpu].id;
}

/* The CPU polls a word of memory with its caches off: the address must reach that memory. */
static int spin_table_start(u64 release, struct pa entry)
{
	if (release == 0 || !is_aligned(release, 8))
		return -EINVAL;
	volatile u64 *word = mmio_map((struct pa){ release }, sizeof(u64));
	u32 old;

	if (!word)
		return -ENOMEM;
	if (!arch_device_read32(word, &old))
		return -ENODEV;
	*word = entry.v;
	__asm__ volatile("dsb sy; sev" : : : "memory");
	return 0;
}

int arch_cpu_start(unsigned cpu, struct thread_head *idle)
{
	struct pa entry = image_pa(secondary_entry);

	if (cpu == 0 || cpu >= ncpus)
		return -EINVAL;
	store_release(&cpu_records[cpu].idle, idle);
	__asm__ volatile("dsb sy" : : : "memory");
	switch (cpus[cpu].method) {
	case CPU_START_PSCI:
		return psci_cpu_on(cpus[cpu].id, entry);
	case CPU_START_SPIN_TABLE:
		return spin_table_start(cpus[cpu].release, entry);
	default:
		return -ENODEV;
	}
}

void arm64_start_secondary(void)
{
	mmu_drop_identity();
	features_init_cpu();
	gic_init_cpu();
	time_init_cpu();
	cpu_main();
}

/* WFI wakes for interrupts that are masked, too: nothing is lost between the caller's check and here. */
void arch_wait_irq(void)
{
	__asm__ volatile("dsb sy; wfi" : : : "memory");
}
