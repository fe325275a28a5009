// SPDX-License-Identifier: MIT
/*
 * procfs: the system's CPUs and time: cpuinfo, stat, uptime, loadavg, interrupts.
 */
#include "arch/irq.h"
#include "fs/procfs_tree.h"
#include "mm/kmem.h"
#include "proc/sched.h"

constexpr u64 SECOND_NS = 1'000'000'000;
constexpr u64 TICK_NS = 10'000'000;	/* 1 / USER_HZ */
constexpr size_t CPUINFO_MAX = 4 * KiB;

int proc_show_cpuinfo(struct inode *i, struct text *t)
{
	u64 online = sched_online_mask();
	char *buf = kmalloc(CPUINFO_MAX);

	if (!buf)
		return -ENOMEM;
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		if (online & BIT(cpu))
			text_write(t, buf, (size_t)arch_cpuinfo(cpu, buf, CPUINFO_MAX));
	kfree(buf);
	return 0;
}

/* ---- stat */

static void show_cpu(struct text *t, const struct cpu_times *c)
{
	text_printf(t, "%lu %lu %lu %lu 0 %lu 0 0 0 0\n", c->user / TICK_NS, c->nice / TICK_NS,
		    c->system / TICK_NS, c->idle / TICK_NS, c->irq / TICK_NS);
}

static struct cpu_times sum_times(u64 online)
{
	struct cpu_times sum = {}, c;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!(online & BIT(cpu)))
			continue;
		sched_cpu_times(cpu, &c);
		sum.user += c.user;
		sum.nice += c.nice;
		sum.system += c.system;
		sum.idle += c.idle;
		sum.irq += c.irq;
		sum.switches += c.switches;
	}
	return sum;
}

static u64 irq_sum(unsigned irq)
{
	u64 n = 0;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		n += irq_count(irq, cpu);
	return n;
}

/* The total, then each line's count as far as the last that ever came. */
static void show_intr(struct text *t)
{
	u64 total = 0;
	unsigned end = 0;

	for (unsigned irq = 0; irq < IRQ_MAX; irq++) {
		u64 n = irq_sum(irq);

		total += n;
		if (n)
			end = irq + 1;
	}
	text_printf(t, "intr %lu", total);
	for (unsigned irq = 0; irq < end; irq++)
		text_printf(t, " %lu", irq_sum(irq));
	text_puts(t, "\n");
}

/* `processes` is the last number given to a thread: all there have been, until they start over. */
int proc_show_stat(struct inode *i, struct text *t)
{
	u64 online = sched_online_mask();
	struct cpu_times sum = sum_times(online), c;

	text_puts(t, "cpu  ");
	show_cpu(t, &sum);
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!(online & BIT(cpu)))
			continue;
		sched_cpu_times(cpu, &c);
		text_printf(t, "cpu%u ", cpu);
		show_cpu(t, &c);
	}
	show_intr(t);
	text_printf(t, "ctxt %lu\nbtime %lu\nprocesses %d\nprocs_running %u\nprocs_blocked 0\n",
		    sum.switches, (clock_realtime_ns() - arch_clock_ns()) / SECOND_NS, pid_last(),
		    sched_running());
	text_puts(t, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
	return 0;
}

/* ---- time and load */

int proc_show_uptime(struct inode *i, struct text *t)
{
	u64 up = arch_clock_ns(), idle = sum_times(sched_online_mask()).idle;

	text_printf(t, "%lu.%02lu %lu.%02lu\n", up / SECOND_NS, up % SECOND_NS / TICK_NS,
		    idle / SECOND_NS, idle % SECOND_NS / TICK_NS);
	return 0;
}

int proc_show_loadavg(struct inode *i, struct text *t)
{
	u32 load[3];

	sched_loadavg(load);
	for (unsigned k = 0; k < 3; k++) {
		u32 rounded = load[k] + (1u << 11) / 200;

		text_printf(t, "%u.%02u ", rounded >> 11, (rounded & 2047) * 100 >> 11);
	}
	text_printf(t, "%u/%d %d\n", sched_running(), pid_count(), pid_last());
	return 0;
}

/* ---- interrupts */

static void show_irq(struct text *t, unsigned irq, u64 online)
{
	text_printf(t, "%4u:", irq);
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		if (online & BIT(cpu))
			text_printf(t, " %10lu", irq_count(irq, cpu));
	text_printf(t, "  irq %u\n", irq);
}

int proc_show_interrupts(struct inode *i, struct text *t)
{
	u64 online = sched_online_mask();
	struct timer_stats timers;

	text_puts(t, "     ");
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		if (online & BIT(cpu))
			text_printf(t, "      %sCPU%u", cpu < 10 ? " " : "", cpu);
	text_puts(t, "\n");
	for (unsigned irq = 0; irq < IRQ_MAX; irq++)
		if (irq_sum(irq))
			show_irq(t, irq, online);
	text_puts(t, " LOC:");
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!(online & BIT(cpu)))
			continue;
		timer_stats(cpu, &timers);
		text_printf(t, " %10lu", timers.interrupts);
	}
	text_puts(t, "  Local timer interrupts\n");
	return 0;
}
