// SPDX-License-Identifier: MIT
/*
 * procfs: memory of the whole system: meminfo, vmstat, slabinfo. All numbers are counts of page
 * descriptors by kind.
 *
 * Every file system keeps its files in memory only, so the page cache is what Linux calls Shmem,
 * and what can be had without swapping is what is free. Swap is compressed memory: Zswap is what it
 * takes, Zswapped what it stands for. Left out: what nobody counts (Mapped, Mlocked).
 */
#include "arch/arch.h"
#include "fs/procfs_tree.h"
#include "mm/block.h"
#include "mm/commit.h"
#include "mm/kmap.h"
#include "mm/kmem.h"
#include "mm/page.h"
#include "mm/reclaim.h"
#include "mm/swap.h"
#include "mm/tlb.h"
#include "mm/vm.h"
#include "proc/task.h"

static void show_kib(struct text *t, const char *name, u64 pages)
{
	size_t start = t->len;

	text_printf(t, "%s:", name);
	text_printf(t, "%*lu kB\n", (int)(24 - (t->len - start)), pages * (PAGE_SIZE / KiB));
}

static void show_cache(struct text *t, const struct page_stats *s)
{
	u64 cache = s->kind[PAGE_CACHE], anon = s->kind[PAGE_ANON];
	struct swap_stats swap;

	swap_stats(&swap);
	show_kib(t, "Buffers", 0);
	show_kib(t, "Cached", cache);
	show_kib(t, "SwapCached", swap.cached);
	show_kib(t, "Active", anon + cache);
	show_kib(t, "Inactive", 0);
	show_kib(t, "Active(anon)", anon + cache);
	show_kib(t, "Inactive(anon)", 0);
	show_kib(t, "Active(file)", 0);
	show_kib(t, "Inactive(file)", 0);
	show_kib(t, "SwapTotal", swap.slots);
	show_kib(t, "SwapFree", swap.slots - swap.used);
	show_kib(t, "Zswap", swap.pool);
	show_kib(t, "Zswapped", swap.used);
	show_kib(t, "Dirty", 0);
	show_kib(t, "Writeback", 0);
	show_kib(t, "AnonPages", anon);
	show_kib(t, "Shmem", cache);
}

int proc_show_meminfo(struct inode *i, struct text *t)
{
	struct page_stats s;

	page_stats(&s);
	show_kib(t, "MemTotal", s.total);
	show_kib(t, "MemFree", s.free);
	show_kib(t, "MemAvailable", s.free);
	show_cache(t, &s);
	show_kib(t, "KReclaimable", 0);
	show_kib(t, "Slab", s.kind[PAGE_SLAB]);
	show_kib(t, "SReclaimable", 0);
	show_kib(t, "SUnreclaim", s.kind[PAGE_SLAB]);
	show_kib(t, "KernelStack", kstack_pages());
	show_kib(t, "PageTables", s.kind[PAGE_TABLE]);
	show_kib(t, "CommitLimit", commit_limit());
	show_kib(t, "Committed_AS", commit_total());
	show_kib(t, "VmallocTotal", (KMAP_END - KMAP_BASE) >> PAGE_SHIFT);
	show_kib(t, "AnonHugePages", block_count() * BLOCK_PAGES);
	text_puts(t, "HugePages_Total:       0\nHugePages_Free:        0\n");
	text_puts(t, "HugePages_Rsvd:        0\nHugePages_Surp:        0\n");
	show_kib(t, "Hugepagesize", pt_slot_size(1) >> PAGE_SHIFT);
	return 0;
}

int proc_show_vmstat(struct inode *i, struct text *t)
{
	struct page_stats s;
	struct vm_stats v;
	struct swap_stats swap;
	struct reclaim_stats r;

	page_stats(&s);
	vm_stats(&v);
	swap_stats(&swap);
	reclaim_stats(&r);
	text_printf(t, "nr_free_pages %lu\nnr_anon_pages %lu\nnr_file_pages %lu\nnr_shmem %lu\n",
		    s.free, s.kind[PAGE_ANON], s.kind[PAGE_CACHE], s.kind[PAGE_CACHE]);
	text_puts(t, "nr_dirty 0\nnr_writeback 0\nnr_slab_reclaimable 0\n");
	text_printf(t, "nr_slab_unreclaimable %lu\n", s.kind[PAGE_SLAB]);
	text_printf(t, "nr_page_table_pages %lu\n", s.kind[PAGE_TABLE]);
	text_printf(t, "nr_kernel_stack %lu\nnr_zspages %lu\nnr_swapcached %lu\n",
		    kstack_pages() * (PAGE_SIZE / KiB), swap.pool, swap.cached);
	text_printf(t, "pgpgin 0\npgpgout 0\npswpin %lu\npswpout %lu\n", swap.in, swap.out);
	text_printf(t, "pgscan_anon %lu\npgsteal_anon %lu\n", r.scanned, r.stolen);
	text_printf(t, "zswpin %lu\nzswpout %lu\noom_kill %lu\n", swap.in, swap.out, oom_kills());
	text_printf(t, "thp_fault_alloc %lu\nthp_fault_fallback %lu\nthp_split_pmd %lu\n", v.block_fill, v.block_fallback,
		    v.block_split);
	text_printf(t, "thp_collapse_alloc %lu\n", v.block_collapse);
	text_printf(t, "pgalloc_normal %lu\npgfree %lu\npgfault %lu\npgmajfault %lu\n", s.allocs,
		    s.frees, v.faults, v.major);
	return 0;
}

/* A cache knows how many pages it has, not how many of them make a slab: here each page is one. */
int proc_show_slabinfo(struct inode *i, struct text *t)
{
	struct slab_info s;

	text_puts(t, "slabinfo - version: 2.1\n"
		     "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		     "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		     "<active_slabs> <num_slabs> <sharedavail>\n");
	for (unsigned n = 0; slab_info(n, &s); n++) {
		text_printf(t, "%-17s %6lu %6lu %6lu %4lu %4u", s.name, s.in_use, s.total, s.size,
			    s.pages ? s.total / s.pages : 0, 1);
		text_printf(t, " : tunables %4u %4u %4u : slabdata %6lu %6lu %6u\n", 0, 0, 0,
			    s.pages, s.pages, 0);
	}
	return 0;
}
