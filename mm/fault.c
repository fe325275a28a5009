// SPDX-License-Identifier: MIT
/*
 * Faults: the only place that fills tables. Read from the bottom: vm_fault() looks the address up in the layout,
 * checks the rights, makes the path to its entry our own (fault_block.c where it ends early), and calls one function per case. Each allocates first, then
 * takes the table's lock, looks again whether the entry is as it was, and fills it; if not, the fault starts over.
 *
 * Locks: vm->lock for reading throughout (for writing only to grow a stack), then one table lock.
 */
#include "mm/fault.h"
#include "arch/arch.h"
#include "mm/map.h"
#include "mm/pt.h"
#include "mm/pt_internal.h"
#include "mm/stats.h"
#include "mm/vm.h"

struct page *zero_page;

void fault_init(void)
{
	zero_page = page_alloc(0, PAGE_ZERO, PA_ZERO);
	assert(zero_page);
}

/* Fills the empty entry; the reference on p goes to it. -EAGAIN: somebody else filled it; p is still the caller's. */
static int fill_empty(struct fault_state *f, struct page *p, u32 prot)
{
	struct pte e = page_leaf(p, prot);

	scoped_spin(&f->table->lock);
	if (unlikely(f->slot->raw))
		return -EAGAIN;
	pt_slot_set(f->table, f->index, e);
	hand_out(f, p);
	return FAULT_OK;
}

/* fill_empty, and p is let go of where it failed. */
static int fill_or_put(struct fault_state *f, struct page *p, u32 prot)
{
	int res = fill_empty(f, p, prot);

	if (unlikely(res))
		page_put(p);
	return res;
}

static int fault_zero_write(struct fault_state *f)
{
	struct page *p = page_alloc(0, PAGE_ANON, PA_ZERO | PA_TRY);

	if (unlikely(!p))
		return FAULT_OOM;
	fault_does(f, zero_write);
	return fill_or_put(f, p, fault_leaf_prot(&f->region, true));
}

static int fault_zero_read(struct fault_state *f)
{
	fault_does(f, zero_read);
	return fill_empty(f, zero_page, fault_leaf_prot(&f->region, false));
}

static int object_error(int err)
{
	return err == -ENOMEM ? FAULT_OOM : err == -EAGAIN ? -EAGAIN : FAULT_BUS;
}

static inline u64 object_index(const struct fault_state *f)
{
	return f->region.offset + ((f->va - f->region.start) >> PAGE_SHIFT);
}

/* May pages of a shared region be writable at once? Not where the first write must be heard of. */
static bool writes_unwatched(const struct object *o)
{
	return !o->ops->prepare_write && !o->ops->writeback;
}

static int fault_file_around(struct fault_state *f);

/* A read of a private or shared file page. */
static int fault_file_read(struct fault_state *f)
{
	struct object *o = f->region.object;
	struct page *p;
	int res = fault_file_around(f);

	if (res != -ENOENT)
		return res;
	int err = object_page(o, object_index(f), OP_CREATE, &p);

	if (err)
		return object_error(err);
	fault_does(f, file_read);
	bool write = (f->region.flags & R_SHARED) && (f->region.flags & R_WRITE) && writes_unwatched(o);

	return fill_or_put(f, p, fault_leaf_prot(&f->region, write));
}

/* The faulting page and its cached neighbours, up to 16, in one go. -ENOENT: the page itself is not cached. */
static int fault_file_around(struct fault_state *f)
{
	struct object *o = f->region.object;
	struct page *pages[FAULT_AROUND];
	va_t start = max(f->va & ~(FAULT_AROUND * PAGE_SIZE - 1), f->region.start);
	va_t end = min((f->va & ~(FAULT_AROUND * PAGE_SIZE - 1)) + FAULT_AROUND * PAGE_SIZE,
		       f->region.end);
	unsigned n = (unsigned)((end - start) >> PAGE_SHIFT), want = (unsigned)((f->va - start) >> PAGE_SHIFT);
	bool write = (f->region.flags & R_SHARED) && (f->region.flags & R_WRITE) && writes_unwatched(o);
	u32 prot = fault_leaf_prot(&f->region, write);

	if (!object_pages_cached(o, f->region.offset + ((start - f->region.start) >> PAGE_SHIFT), n, pages))
		return -ENOENT;
	int res = pages[want] ? FAULT_OK : -ENOENT;

	if (!res) {
		for (unsigned i = 0; i < n; i++) {
			if (pages[i])
				page_sync_code(pages[i], prot);
		}
		scoped_spin(&f->table->lock);
		struct pte *slot = f->slot - want;
		unsigned index = f->index - want;

		for (unsigned i = 0; i < n; i++) {
			if (!pages[i] || slot[i].raw)
				continue;
			pt_slot_set(f->table, index + i, pte_leaf(page_pa(pages[i]), 0, prot));
			if (i == want)
				hand_out(f, pages[i]);
			pages[i] = nullptr;	/* the entry has the reference */
		}
		res = pages[want] ? -EAGAIN : FAULT_OK;
		fault_does(f, file_around);
	}
	for (unsigned i = 0; i < n; i++) {
		if (pages[i])
			page_put(pages[i]);
	}
	return res;
}

/* The first access to a page of a private mapping is a write: a copy at once. */
static int fault_file_private_write(struct fault_state *f)
{
	struct page *from, *p;
	int err = object_page(f->region.object, object_index(f), OP_CREATE, &from);

	if (err)
		return object_error(err);
	p = page_alloc(0, PAGE_ANON, PA_TRY);
	if (p)
		arch_page_copy(page_address(p), page_address(from));
	page_put(from);
	if (!p)
		return FAULT_OOM;
	fault_does(f, file_private);
	return fill_or_put(f, p, fault_leaf_prot(&f->region, true));
}

static int fault_file_shared_write(struct fault_state *f)
{
	struct page *p;
	int err = object_page(f->region.object, object_index(f), OP_CREATE | OP_WRITE, &p);

	if (err)
		return object_error(err);
	fault_does(f, file_shared);
	return fill_or_put(f, p, fault_leaf_prot(&f->region, true));
}

/* A frame of a device: mapped as it is, never counted. */
static int fault_device(struct fault_state *f)
{
	struct pa pa;
	u32 extra = 0;
	int err = f->region.object->ops->frame(f->region.object, object_index(f), &pa, &extra);

	if (err)
		return object_error(err);
	u32 prot = fault_leaf_prot(&f->region, f->region.flags & R_WRITE) | P_SHARED | extra;

	scoped_spin(&f->table->lock);
	if (f->slot->raw)
		return -EAGAIN;
	pt_slot_set(f->table, f->index, pte_leaf(pa, 0, prot));
	return FAULT_OK;
}

static int fault_empty(struct fault_state *f)
{
	const struct object *o = f->region.object;
	bool write = f->access == P_W;

	if (!o)
		return write ? fault_zero_write(f) : fault_zero_read(f);
	if (o->ops->frame)
		return fault_device(f);
	if (!write)
		return fault_file_read(f);
	return f->region.flags & R_SHARED ? fault_file_shared_write(f) : fault_file_private_write(f);
}

/* Under the table's lock: the entry keeps its page and gains write permission. */
static void set_writable(struct fault_state *f, struct pte e)
{
	u32 prot = pte_prot(e, 0) | P_W | P_DIRTY | P_ACCESSED;

	store_release(&f->slot->raw, pte_leaf(pte_pa(e, 0), 0, prot).raw);
}

/* A page of a shared mapping that may be written from now on. */
static int fault_shared_upgrade(struct fault_state *f, struct pte e)
{
	struct page *p = nullptr;

	if (!f->region.object->ops->frame) {
		int err = object_page(f->region.object, object_index(f), OP_CREATE | OP_WRITE, &p);

		if (err)
			return object_error(err);
	}
	spin_lock(&f->table->lock);
	int res = f->slot->raw == e.raw ? FAULT_OK : -EAGAIN;

	if (!res) {
		set_writable(f, e);
		if (p)
			hand_out(f, p);
	}
	spin_unlock(&f->table->lock);
	if (p)
		page_put(p);
	fault_does(f, file_shared);
	return res;
}

/* Neighbours that are alike and ours alone become writable too: after a child has gone, one fault does for many. Their
 * stale translations only deny, so no flush is needed. Under the table's lock. */
static void reuse_around(struct fault_state *f, struct pte e)
{
	va_t first = max(f->va & ~(REUSE_AROUND * PAGE_SIZE - 1), f->region.start);
	va_t end = min((f->va & ~(REUSE_AROUND * PAGE_SIZE - 1)) + REUSE_AROUND * PAGE_SIZE, f->region.end);
	struct pte *slot = f->slot - ((f->va - first) >> PAGE_SHIFT);
	u64 flip = e.raw ^ f->slot->raw, attributes = e.raw & ~PTE_ADDRESS;

	for (struct pte *last = slot + ((end - first) >> PAGE_SHIFT); slot < last; slot++) {
		u64 raw = slot->raw;

		if ((raw & ~PTE_ADDRESS) != attributes)
			continue;
		const struct page *p = pa_page(pte_pa((struct pte){ raw }, 0));

		if (p->kind == PAGE_ANON && page_refs(p) == 1)
			store_release(&slot->raw, raw ^ flip);
	}
}

/* The only user of a private page writes to it again. */
static int fault_cow_reuse(struct fault_state *f, struct pte e, struct page *p)
{
	scoped_spin(&f->table->lock);
	if (f->slot->raw != e.raw || page_refs(p) != 1)
		return -EAGAIN;
	set_writable(f, e);
	reuse_around(f, e);
	hand_out(f, p);
	fault_does(f, cow_reuse);
	return FAULT_OK;
}

/* Replaces the entry, under the table's lock, with a gap (law 11): arm64 asks for it, and anywhere else two threads
 * could see two pages at one address meanwhile. A thread that faults in the gap waits for the lock. */
static void replace_entry(struct fault_state *f, struct pte n)
{
	struct tlb_batch b;

	tlb_begin(&b, f->vm);
	tlb_add_range(&b, f->va, f->va + PAGE_SIZE);
	store_release(&f->slot->raw, 0);
	tlb_flush(&b);
	store_release(&f->slot->raw, n.raw);
}

static int fault_cow_copy(struct fault_state *f, struct pte e, struct page *old)
{
	/* The zero page needs no copy, only a zeroed page. */
	struct page *p = page_alloc(0, PAGE_ANON, PA_TRY | (old->kind == PAGE_ZERO ? PA_ZERO : 0));

	if (!p)
		return FAULT_OOM;
	/* `old` cannot go while we look: our table, which is frozen for nobody else, refers to it. Another thread of this
	 * space may replace the entry meanwhile: hold it. */
	spin_lock(&f->table->lock);
	bool same = f->slot->raw == e.raw;

	if (same)
		page_get(old);
	spin_unlock(&f->table->lock);
	if (!same) {
		page_put(p);
		return -EAGAIN;
	}
	if (old->kind != PAGE_ZERO)
		arch_page_copy(page_address(p), page_address(old));

	struct pte n = page_leaf(p, fault_leaf_prot(&f->region, f->region.flags & R_WRITE));

	spin_lock(&f->table->lock);
	same = f->slot->raw == e.raw;
	if (same) {
		replace_entry(f, n);
		hand_out(f, p);
	}
	spin_unlock(&f->table->lock);
	page_put(old);			/* our hold */
	page_put(same ? old : p);	/* the entry's reference, after the flush; or the copy nobody wants */
	fault_does(f, cow_copy);
	return same ? FAULT_OK : -EAGAIN;
}

static int fault_leaf(struct fault_state *f, struct pte e)
{
	if (unlikely(pte_kind(e, 0) == PTE_SWAP))
		return fault_swap(f, e);
	u32 prot = pte_prot(e, 0);
	struct page *p = pa_page(pte_pa(e, 0));

	if (f->access != P_W || (prot & P_W)) {
		if (unlikely(!(prot & P_ACCESSED)))
			return fault_accessed(f, e);
		/* Another thread has filled it, or the CPU kept an old translation. */
		if (!f->want_page) {
			fault_does(f, spurious);
			return FAULT_OK;
		}
		if (f->region.object && f->region.object->ops->frame)
			return FAULT_BUS;	/* a device's frame has no page to hand out */
		scoped_spin(&f->table->lock);
		if (f->slot->raw != e.raw)
			return -EAGAIN;
		hand_out(f, p);
		return FAULT_OK;
	}
	if (prot & P_SHARED)
		return fault_shared_upgrade(f, e);
	if (p->kind == PAGE_ANON && page_refs(p) == 1)
		return fault_cow_reuse(f, e, p);
	return fault_cow_copy(f, e, p);
}

static bool access_allowed(const struct region *r, u32 access)
{
	if (access == P_W)
		return (r->flags & (R_WRITE | R_GUARD)) == R_WRITE;
	if (access == P_X)
		return (r->flags & (R_EXEC | R_GUARD)) == R_EXEC;
	/* No CPU here has pages that can be written but not read. */
	return (r->flags & R_PROT) && !(r->flags & R_GUARD);
}

/* A debugger's access to what the program itself may not: private memory, if mprotect could allow it. A write goes to a page of
 * the program's own, which stays mapped with the region's rights (law 6). An empty entry first gets what a read would find. */
[[gnu::cold]] static int fault_forced(struct fault_state *f)
{
	u32 flags = f->region.flags, access = f->access;

	if (flags & R_GUARD)
		return FAULT_MAPERR;
	if (f->want_page != WANT_FORCED || (flags & (R_SHARED | R_DEVICE)) ||
	    !(flags & (access == P_W ? R_MAXWRITE : R_MAXREAD)))
		return FAULT_ACCERR;
	if (pt_own(f->vm, f->va, 0, &f->table))
		return FAULT_OOM;
	f->index = pt_index(f->va, 0);
	f->slot = &pt_slots(f->table)[f->index];
	struct pte e = pte_load(f->slot);

	if (!e.raw || pte_kind(e, 0) == PTE_SWAP) {
		f->access = P_R;
		f->want_page = WANT_NOTHING;
		int res = e.raw ? fault_swap(f, e) : fault_empty(f);

		f->access = access;
		f->want_page = WANT_FORCED;
		return res ?: -EAGAIN;
	}
	struct page *p = pa_page(pte_pa(e, 0));
	bool copy = access == P_W && !(p->kind == PAGE_ANON && page_refs(p) == 1);

	f->upgrade = true;
	if (copy)
		return fault_cow_copy(f, e, p);
	scoped_spin(&f->table->lock);
	if (f->slot->raw != e.raw || (access == P_W && page_refs(p) != 1))
		return -EAGAIN;
	hand_out(f, p);
	return FAULT_OK;
}

/* One try, under vm->lock for reading. A FAULT_* result, or -EAGAIN: start over. */
static int fault_once(struct fault_state *f)
{
	if (!layout_find(&f->vm->layout, f->va, &f->region))
		return FAULT_MAPERR;
	if (unlikely(!access_allowed(&f->region, f->access)))
		return fault_forced(f);
	int stopped;

	f->slot = pt_walk(f->vm->root, f->va, 0, &stopped);
	if (unlikely(stopped)) {
		int res = fault_above(f);

		if (res != FAULT_BELOW)
			return res;
	} else {
		f->table = pt_table_of(f->slot);
	}
	f->index = pt_index(f->va, 0);

	struct pte e = pte_load(f->slot);

	if (likely(!e.raw))
		return fault_empty(f);
	f->upgrade = true;
	return fault_leaf(f, e);
}

static inline enum fault_result resolve(struct fault_state *f)
{
	struct vm *vm = f->vm;
	int res;

	do {
		rwlock_read(&vm->lock);
		res = fault_once(f);
		rwlock_read_done(&vm->lock);
		if (unlikely(res == FAULT_MAPERR))
			res = stack_grow(vm, f->va);
		/* Nothing is held now that the reclaimer may want. */
		if (unlikely(res == FAULT_OOM) && page_reclaim(RECLAIM_PAGES))
			res = -EAGAIN;
	} while (unlikely(res == -EAGAIN));

	arch_publish();
	/* An empty entry is never cached; one that denies may be (law 10). */
	if (f->upgrade)
		arch_tlb_local_page(vm->asid.value, f->va);
	return (enum fault_result)res;
}

static inline enum fault_result fault(struct fault_state *f, struct vm *vm, va_t address, u32 access)
{
	if (unlikely(address >= USER_END))
		return FAULT_MAPERR;
	f->vm = vm;
	f->va = address & PAGE_MASK;
	f->access = access;
	f->want_page = WANT_NOTHING;
	f->upgrade = false;
	vm_count(faults);
	store_relaxed(&vm->min_faults, load_relaxed(&vm->min_faults) + 1);	/* may miss one: others fault too */
	return resolve(f);
}

enum fault_result vm_fault(struct vm *vm, va_t address, u32 access)
{
	struct fault_state f;

	return fault(&f, vm, address, access);
}

enum fault_result vm_fault_deed(struct vm *vm, va_t address, u32 access, enum fault_deed *deed)
{
	struct fault_state f;

	f.deed = DEED_nothing;
	enum fault_result res = fault(&f, vm, address, access);

	*deed = f.deed;
	return res;
}

enum fault_result vm_fault_page(struct vm *vm, va_t address, u32 access, bool force, struct page **page)
{
	struct fault_state f = {
		.vm = vm, .va = address & PAGE_MASK, .access = access,
		.want_page = force ? WANT_FORCED : WANT_PAGE,
	};

	if (address >= USER_END)
		return FAULT_MAPERR;
	enum fault_result res = resolve(&f);

	if (res == FAULT_OK && !f.page)
		return FAULT_BUS;	/* a device's frame has no page */
	*page = f.page;
	return res;
}
