// SPDX-License-Identifier: MIT
/*
 * procfs: /proc/quire, what Linux has no file for. audit: everything is recounted, a line for each
 * thing that is wrong, nothing when all is well. counters: `name value` lines, for tests that
 * compare them before and after. failalloc: N written there lets the N-th allocation of pages from
 * then on fail, whoever asks for it (0: none; in DEBUG kernels objects count as well); read, how many have. trace: memory faults, a line each (proc/fault_trace.h).
 */
#include "fs/number.h"
#include "fs/procfs_tree.h"
#include "mm/kmem.h"
#include "mm/page.h"
#include "mm/tlb.h"
#include "mm/vm.h"
#include "proc/fault_trace.h"

static void report(void *arg, const char *line)
{
	text_printf(arg, "%s\n", line);
}

/* Others run meanwhile: a page between two counters looks like a finding, but not for long. */
static void audit_pages(struct text *t)
{
	constexpr int TRIES = 8;

	for (int i = 1; i < TRIES; i++) {
		if (!page_audit(nullptr, nullptr))
			return;
		vm_wait_for_memory();
	}
	page_audit(report, t);
}

static int show_audit(struct inode *i, struct text *t)
{
	audit_pages(t);
	kmem_audit(report, t);
	vm_audit(report, t);
	return 0;
}

/* ---- counters */

#define COUNT(t, prefix, s, field) text_printf(t, prefix #field " %lu\n", (s).field)

static void show_faults(struct text *t)
{
	struct vm_stats v;

	vm_stats(&v);
	COUNT(t, "vm_", v, faults);
	COUNT(t, "vm_", v, zero_write);
	COUNT(t, "vm_", v, zero_read);
	COUNT(t, "vm_", v, file_read);
	COUNT(t, "vm_", v, file_around);
	COUNT(t, "vm_", v, file_private);
	COUNT(t, "vm_", v, file_shared);
	COUNT(t, "vm_", v, cow_copy);
	COUNT(t, "vm_", v, cow_reuse);
	COUNT(t, "vm_", v, spurious);
	COUNT(t, "vm_", v, stack_growth);
	COUNT(t, "vm_", v, owns);
	COUNT(t, "vm_", v, clones);
	COUNT(t, "vm_", v, forks);
	COUNT(t, "vm_", v, block_fill);
	COUNT(t, "vm_", v, block_fallback);
	COUNT(t, "vm_", v, block_reuse);
	COUNT(t, "vm_", v, block_split);
	COUNT(t, "vm_", v, block_collapse);
}

static void show_tlb(struct text *t)
{
	struct tlb_stats s;

	tlb_stats(&s);
	COUNT(t, "tlb_", s, flush_range);
	COUNT(t, "tlb_", s, flush_asid);
	COUNT(t, "tlb_", s, flush_all);
	COUNT(t, "tlb_", s, ipis);
	COUNT(t, "tlb_", s, rollovers);
	text_printf(t, "tlb_asid_bits %u\n", asid_number_bits());
}

static void show_lock(struct text *t, const char *kind, const struct lock_count *c)
{
	text_printf(t, "lock_waits_%s %lu\nlock_ns_%s %lu\n", kind, load_relaxed(&c->waits), kind,
		    load_relaxed(&c->ns));
}

static void show_locks(struct text *t)
{
	COUNT(t, "lock_waits_", lock_waits, spin);
	show_lock(t, "mutex", &lock_waits.mutex);
	show_lock(t, "read", &lock_waits.read);
	show_lock(t, "write", &lock_waits.write);
	COUNT(t, "lock_waits_", lock_waits, slept);
}

static void show_pages(struct text *t)
{
	static const char *const kinds[PAGE_KINDS] = {
		[PAGE_FREE] = "unused", [PAGE_RESERVED] = "reserved", [PAGE_KERNEL] = "kernel",
		[PAGE_SLAB] = "slab",   [PAGE_TABLE] = "table",       [PAGE_ANON] = "anon",
		[PAGE_CACHE] = "cache", [PAGE_ZERO] = "zero",       [PAGE_SWAP] = "swap",
	};
	struct page_stats s;

	page_stats(&s);
	COUNT(t, "pages_", s, total);
	COUNT(t, "pages_", s, free);
	COUNT(t, "pages_", s, allocs);
	COUNT(t, "pages_", s, frees);
	for (unsigned k = 0; k < PAGE_KINDS; k++)
		text_printf(t, "pages_%s %lu\n", kinds[k], s.kind[k]);
}

static void show_slabs(struct text *t)
{
	struct slab_info s;

	for (unsigned n = 0; slab_info(n, &s); n++)
		text_printf(t, "slab_%s %lu\n", s.name, s.in_use);
}

static unsigned task_count(void)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	unsigned n = 0;

	list_for_each(t, &tasks, struct task, all)
		n++;
	spin_unlock_irq(&tasks_lock, flags);
	return n;
}

static int show_counters(struct inode *i, struct text *t)
{
	text_printf(t, "tasks %u\nthreads %d\n", task_count(), pid_count());
	show_pages(t);
	show_slabs(t);
	show_faults(t);
	show_tlb(t);
	show_locks(t);
	return 0;
}

/* ---- failalloc */

/* How many have failed on purpose. */
static int show_failalloc(struct inode *i, struct text *t)
{
	text_printf(t, "%lu\n", page_failed());
	return 0;
}

static long store_failalloc(struct inode *i, const char *buf, size_t n)
{
	u64 nth;
	long taken = number_first(buf, n, ~0ul, &nth);

	if (taken > 0)
		page_fail_at(nth);
	return taken;
}

/* ---- trace */

static int show_trace(struct inode *i, struct text *t)
{
	struct fault_record r;
	u64 first = fault_trace_first();

	text_printf(t, "# %lu faults are lost\n# ns cpu pid tid program access address pc what result cost_ns tables_copied\n", first);
	for (u64 n = first; fault_trace_get(n, &r); n++) {
		text_printf(t, "%lu %u %d %d ", r.time, r.cpu, r.pid, r.tid);
		text_escaped(t, r.name);
		text_printf(t, " %c %lx %lx %s %d %u %u\n", r.access == P_W ? 'w' : r.access == P_X ? 'x' : 'r', r.address,
			    r.pc, fault_deed_name(r.deed), r.result, r.cost, r.tables);
	}
	return 0;
}

/* 1: begin anew. 0: stop. */
static long store_trace(struct inode *i, const char *buf, size_t n)
{
	if ((buf[0] != '0' && buf[0] != '1') || (buf[1] && buf[1] != '\n'))
		return -EINVAL;
	int err = fault_trace_switch(buf[0] == '1');

	return err ? err : (long)n;
}

const struct pseudo_entry proc_quire_table[] = {
	{ .name = "audit", .mode = S_IFREG | 0400, .show = show_audit },
	{ .name = "counters", .mode = S_IFREG | 0444, .show = show_counters },
	{ .name = "failalloc", .mode = S_IFREG | 0600, .show = show_failalloc, .store = store_failalloc },
	{ .name = "trace", .mode = S_IFREG | 0600, .show = show_trace, .store = store_trace },
	{},
};
