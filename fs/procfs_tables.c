// SPDX-License-Identifier: MIT
/*
 * procfs: the page tables themselves. /proc/PID/pagetables is the tree for people: a line for each
 * table, indented by level, and below the last level the runs of pages that are alike.
 * /proc/PID/pagemap is Linux's array of one word for each page.
 *
 * "own": this process alone changes the table in place. "frozen": write-protected from above since
 * a fork, so the next change copies it, or thaws it if nobody else has it any more.
 */
#include "fs/procfs_tree.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/pt.h"
#include "mm/vm.h"

/* Pages next to each other with the same look. */
struct run {
	va_t start, end;
	u32 rights;
	enum page_kind kind;
	bool several;		/* more than one table slot has the page */
};

struct tree_view {
	struct text *t;
	struct run run;
	int level;		/* of the table whose run it is, for the indent */
};

static void indent(struct text *t, int level)
{
	text_printf(t, "%*s", 2 * (PT_LEVELS - 1 - level), "");
}

static const char *kind_name(const struct run *r)
{
	switch (r->kind) {
	case PAGE_ANON: return r->several ? "private, shared until written" : "private";
	case PAGE_CACHE: return r->several ? "page cache, mapped elsewhere too" : "page cache";
	case PAGE_ZERO: return "zero page";
	default: return "device";
	}
}

static void end_run(struct tree_view *v)
{
	struct run *r = &v->run;

	if (r->start < r->end) {
		indent(v->t, v->level - 1);
		u64 pages = (r->end - r->start) >> PAGE_SHIFT;

		text_printf(v->t, "%012lx-%012lx %c%c%c %lu page%s, %s\n", r->start, r->end,
			    r->rights & P_R ? 'r' : '-', r->rights & P_W ? 'w' : '-',
			    r->rights & P_X ? 'x' : '-', pages, pages == 1 ? "" : "s",
			    kind_name(r));
	}
	*r = (struct run){};
}

static void add_leaf(struct tree_view *v, va_t va, struct pte e, int level)
{
	struct pa pa = pte_pa(e, level);
	const struct page *p = pa_is_ram(pa) ? pa_page(pa) : nullptr;
	struct run now = {
		.start = va,
		.end = va + pt_slot_size(level),
		.rights = pte_prot(e, level) & (P_R | P_W | P_X),
		.kind = p ? load_relaxed(&p->kind) : PAGE_RESERVED,
	};

	/* The page cache has one reference itself. */
	now.several = p && page_refs(p) > (now.kind == PAGE_CACHE ? 2 : 1);
	struct run *r = &v->run;

	if (r->end != va || r->rights != now.rights || r->kind != now.kind ||
	    r->several != now.several || v->level != level) {
		end_run(v);
		v->level = level;
		*r = now;
	}
	r->end = now.end;
}

static void table_line(struct text *t, const struct page *table, va_t va, bool frozen)
{
	int level = table->level;
	u32 refs = page_refs(table);
	u64 span = level == PT_LEVELS - 1 ? USER_END : PT_SLOTS * pt_slot_size(level);

	indent(t, level);
	text_printf(t, "%012lx-%012lx level %d: %u of %u used, ", va, va + span, level, table->used,
		    PT_SLOTS);
	text_puts(t, frozen ? "frozen" : "own");
	if (refs > 1)
		text_printf(t, ", shared with %u", refs - 1);
	text_puts(t, "\n");
}

/* vm->lock is held for writing; see count_table() in procfs_maps.c for why shared tables stay as
 * well. */
static void show_table(struct tree_view *v, struct page *table, va_t va, bool frozen)
{
	int level = table->level;
	unsigned slots = level == PT_LEVELS - 1 ? USER_ROOT_SLOTS : PT_SLOTS;

	table_line(v->t, table, va, frozen);
	for (unsigned i = 0; i < slots; i++, va += pt_slot_size(level)) {
		struct pte e = pte_load(&pt_slots(table)[i]);
		enum pte_kind kind = pte_kind(e, level);

		if (kind == PTE_LEAF) {
			add_leaf(v, va, e, level);
		} else if (kind == PTE_TABLE) {
			end_run(v);
			show_table(v, pa_page(pte_table_pa(e)), va,
				   frozen || !pte_writable(e, level));
		}
	}
	end_run(v);
}

int pid_show_pagetables(struct inode *i, struct text *t)
{
	scoped_vm *vm = nullptr;
	int err = pid_vm(i, &vm);
	struct tree_view v = { .t = t };

	if (!vm)
		return err;
	scoped_write(&vm->lock);
	show_table(&v, vm->root, 0, false);
	return 0;
}

/* ---- pagemap (Linux: Documentation/admin-guide/mm/pagemap.rst) */

constexpr u64 PM_PRESENT = BIT(63), PM_SWAP = BIT(62), PM_FILE = BIT(61), PM_EXCLUSIVE = BIT(56);
constexpr unsigned PM_CHUNK = 512;

struct pagemap {
	va_t start, end;
	bool frames;			/* the reader may know where pages are */
	u64 word[PM_CHUNK];
};

static int pagemap_leaf(void *arg, va_t va, struct pte e, int level)
{
	struct pagemap *m = arg;
	va_t end = min(align_down(va, pt_slot_size(level)) + pt_slot_size(level), m->end);
	struct pa pa = pte_pa(e, level);

	if (pte_kind(e, level) == PTE_SWAP) {	/* type 0; the slot is the offset */
		m->word[(va - m->start) >> PAGE_SHIFT] = PM_SWAP | (m->frames ? pte_payload(e) << 5 : 0);
		return 0;
	}
	for (; va < end; va += PAGE_SIZE) {
		u64 at = pa.v + (va & (pt_slot_size(level) - 1)), word = PM_PRESENT;
		const struct page *p = pa_is_ram((struct pa){ at }) ? pa_page(pa) : nullptr;
		bool cache = p && load_relaxed(&p->kind) == PAGE_CACHE;

		word |= cache ? PM_FILE : 0;
		if (p && page_is_counted(p) && page_refs(p) == (cache ? 2 : 1))
			word |= PM_EXCLUSIVE;
		word |= m->frames ? at >> PAGE_SHIFT : 0;
		m->word[(va - m->start) >> PAGE_SHIFT] = word;
	}
	return 0;
}

static void pagemap_fill(struct pagemap *m, struct vm *vm, u64 first, u64 pages)
{
	memset(m->word, 0, pages * sizeof(u64));
	m->start = first << PAGE_SHIFT;
	m->end = m->start + (pages << PAGE_SHIFT);
	scoped_write(&vm->lock);
	pt_for_each(vm, m->start, m->end, pagemap_leaf, m);
}

static long pagemap_copy(struct pagemap *m, struct vm *vm, struct io *io, u64 *pos)
{
	constexpr u64 all = USER_END >> PAGE_SHIFT;
	long done = 0;

	while (io->left >= sizeof(u64)) {
		u64 first = *pos / sizeof(u64), pages = min(io->left / sizeof(u64), (u64)PM_CHUNK);

		if (first >= all)
			break;
		pages = min(pages, all - first);
		pagemap_fill(m, vm, first, pages);
		size_t got = io_put(io, m->word, pages * sizeof(u64));

		done += (long)got;
		*pos += got;
		if (got < pages * sizeof(u64))
			return done ? done : -EFAULT;
		if (signal_pending_fatal())
			break;
	}
	return done;
}

static long pagemap_read(struct file *f, struct io *io, u64 *pos)
{
	scoped_vm *vm = nullptr;
	int err = pid_private_open(f);

	if (!err)
		err = pid_vm(f->inode, &vm);
	if (err || !vm)
		return err;
	if (*pos % sizeof(u64) || io->left % sizeof(u64))
		return -EINVAL;
	struct pagemap *m = kmalloc(sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->frames = cred_capable(cred_current(), CAP_SYS_ADMIN);
	long n = pagemap_copy(m, vm, io, pos);

	kfree(m);
	return n;
}

static s64 pagemap_seek(struct file *f, s64 offset, int whence)
{
	return file_seek_size(f, offset, whence, 0);
}

const struct file_ops pid_pagemap_fops = {
	.open = pid_private_open, .read = pagemap_read, .seek = pagemap_seek,
};
