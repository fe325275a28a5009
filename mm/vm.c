// SPDX-License-Identifier: MIT
/*
 * Address spaces: making, sharing, forking, letting go.
 *
 * `users` are the tasks: when the last is gone the memory goes at once, without a TLB flush: no CPU has the
 * space loaded any more (a task leaves it with vm_switch before vm_put; kernel threads never borrow one) and its number is
 * not given out again before a rollover, which flushes all. `refs` keeps the struct alive for those who look.
 *
 * Locks: vm_list_lock (spin) guards the list only.
 */
#include "mm/vm.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/fault.h"
#include "mm/kmem.h"
#include "mm/map.h"
#include "mm/pt.h"
#include "mm/stats.h"
#include "lib/random.h"

static struct slab_cache *vm_cache, *image_cache;
static struct spinlock vm_list_lock;
static struct list vm_list = LIST_INIT(vm_list);
struct vm_cpu_stats vm_cpu_stats[MAX_CPUS];

constexpr u64 STACK_MAX = 1 * GiB;		/* below the top of the stack nothing else is mapped, so far */
constexpr u64 STACK_RANDOM = 16 * GiB;
constexpr u64 MMAP_RANDOM = 1ul << 40;		/* 28 bits of pages, as Linux has on 64-bit */

void mm_init(void)
{
	layout_init();
	object_cache_init();
	fault_init();
	vm_cache = slab_create("vm", sizeof(struct vm), CACHE_LINE);
	image_cache = slab_create("vm_image", sizeof(struct vm_image), 16);
	asid_init((unsigned)arch_asid_bits(), arch_cpu_count());
}

static void choose_layout(struct vm *vm, bool aslr)
{
	u64 r = 0;		/* bits 12 to 33 are for the stack, 36 to 63 for mappings */

	static_assert(STACK_RANDOM == 1ul << 34 && MMAP_RANDOM == 1ul << 40);
	if (aslr)
		random_bytes(&r, sizeof(r));
	vm->stack_top = USER_END - PAGE_SIZE - (r % STACK_RANDOM & PAGE_MASK);
	vm->mmap_top = align_down(USER_END - STACK_RANDOM - STACK_MAX - 2 * MiB, 2 * MiB) -
		       ((r >> 24) % MMAP_RANDOM & PAGE_MASK);
}

static struct vm *vm_alloc(void)
{
	struct vm *vm = slab_alloc(vm_cache);

	if (!vm)
		return nullptr;
	*vm = (struct vm){ .users = 1, .refs = 1, .rss.slack = RSS_SLACK_MIN };
	rwlock_init(&vm->lock);
	vm->root = pt_new(PT_LEVELS - 1, 0);
	if (!vm->root) {
		slab_free(vm_cache, vm);
		return nullptr;
	}
	arch_root_init(pt_slots(vm->root));
	vm->limits = (struct vm_limits){ ~0ul, ~0ul, 8 * MiB, 8 * MiB };
	return vm;
}

static void list_vm(struct vm *vm)
{
	scoped_spin(&vm_list_lock);
	list_push_back(&vm_list, &vm->all);
}

struct vm *vm_new(bool aslr)
{
	struct vm *vm = vm_alloc();

	if (!vm)
		return nullptr;
	choose_layout(vm, aslr);
	list_vm(vm);
	return vm;
}

int vm_give_image(struct vm *vm)
{
	struct vm_image *i = slab_alloc(image_cache);

	if (!i)
		return -ENOMEM;
	memset(i, 0, offsetof(struct vm_image, auxv));
	i->auxv[0] = 0;
	i->refs = 1;
	vm->image = i;
	return 0;
}

static void image_put(struct vm_image *i)
{
	if (!i || __atomic_fetch_sub(&i->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	object_put(i->exe);
	if (i->exe_path)
		i->exe_release(i->exe_path);
	slab_free(image_cache, i);
}

void vm_get(struct vm *vm)
{
	__atomic_fetch_add(&vm->users, 1, __ATOMIC_RELAXED);
}

bool vm_try_get(struct vm *vm)
{
	u32 n = load_relaxed(&vm->users);

	while (n && !__atomic_compare_exchange_n(&vm->users, &n, n + 1, false, __ATOMIC_ACQUIRE,
						 __ATOMIC_RELAXED))
		;
	return n != 0;
}

void vm_hold(struct vm *vm)
{
	__atomic_fetch_add(&vm->refs, 1, __ATOMIC_RELAXED);
}

void vm_release(struct vm *vm)
{
	if (__atomic_fetch_sub(&vm->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	spin_lock(&vm_list_lock);
	list_remove(&vm->all);
	spin_unlock(&vm_list_lock);
	slab_free(vm_cache, vm);
}

void vm_put(struct vm *vm)
{
	if (__atomic_fetch_sub(&vm->users, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	debug_assert(TLB_BROADCAST || load_relaxed(&vm->cpus) == 0);
	rwlock_write(&vm->lock);	/* the reclaimer may be at work here */
	pt_put(vm->root);
	vm->root = nullptr;
	layout_destroy(&vm->layout);
	rwlock_write_done(&vm->lock);
	image_put(vm->image);
	vm->image = nullptr;
	vm_release(vm);
}

/* The parts of the parent that the child takes over as they are. */
static void inherit(struct vm *child, struct vm *vm)
{
	child->mmap_top = vm->mmap_top;
	child->brk_start = vm->brk_start;
	child->brk = vm->brk;
	child->stack_top = vm->stack_top;
	child->vdso = vm->vdso;
	child->image = vm->image;
	if (child->image)
		__atomic_fetch_add(&child->image->refs, 1, __ATOMIC_RELAXED);
	child->limits = vm->limits;
	child->peak_pages = vm->layout.pages;
	vm_rss_inherit(child, vm);
	child->special_regions = vm->special_regions;
	child->sealed = vm->sealed;
	child->membarrier = load_relaxed(&vm->membarrier);
	child->no_blocks = vm->no_blocks;
	child->shares_locked = vm->shares_locked || vm->layout.locked_pages;
}

[[nodiscard]] static int drop_region(struct vm *child, const struct region *r)
{
	struct layout_change c;
	struct tlb_batch b;

	tlb_begin(&b, child);
	int err = pt_unmap(&b, r->start, r->end);

	tlb_finish(&b);
	if (err)
		return err;
	if (!(r->flags & R_DONTFORK))
		return r->flags & R_GUARD ? map_update(child, r->start, r->end, R_GUARD, 0) : 0;
	err = layout_prepare(&child->layout, r->start, r->end, false, &c);
	if (err)
		return err;
	layout_remove(&child->layout, r->start, r->end, &c);
	layout_done(&c);
	return 0;
}

/* Regions that a child must not have, or must have empty, guards gone too (madvise). Rare, so looked for only when there
 * are any. */
[[nodiscard]] static int drop_special(struct vm *child)
{
	struct region r;
	int err = 0;

	for (va_t va = 0; !err && layout_next(&child->layout, va, &r); va = r.end) {
		if (r.flags & (R_DONTFORK | R_WIPEONFORK))
			err = drop_region(child, &r);
	}
	return err;
}

/* Memory locks are the parent's alone (mlock(2)). */
[[nodiscard]] static int drop_locks(struct vm *child)
{
	struct layout_change c;
	int err = layout_prepare(&child->layout, 0, USER_END, true, &c);

	if (err)
		return err;
	layout_update(&child->layout, 0, USER_END, R_LOCKED | R_LOCKONFAULT, 0, &c);
	layout_done(&c);
	return 0;
}

/* What makes a child differ from its parent; rare. */
[[nodiscard]] static int adjust_child(struct vm *child, bool locks)
{
	scoped_write(&child->lock);
	int err = child->special_regions ? drop_special(child) : 0;

	return !err && locks ? drop_locks(child) : err;
}

int vm_fork(struct vm *vm, va_t stack, struct vm **out)
{
	struct tlb_batch b;

	if (load_relaxed(&commit_policy.mode) == COMMIT_NEVER && !commit_allows(load_relaxed(&vm->layout.commit_pages)))
		return -ENOMEM;
	struct vm *child = vm_alloc();

	if (!child)
		return -ENOMEM;
	rwlock_write(&vm->lock);
	inherit(child, vm);
	layout_clone(&child->layout, &vm->layout);
	pt_clone_root(child, vm, stack);
	/* The freeze must be complete before either side runs: law 2. */
	tlb_begin(&b, vm);
	tlb_add_range(&b, 0, USER_END);
	b.tables = true;
	tlb_flush(&b);
	bool locks = vm->layout.locked_pages != 0;

	/* Listed before the parent is unlocked: who takes pages away from everybody (law 13) is done with the parent
	 * either before it was copied, or when the child can be found too. Not before the flush: then the
	 * child's tables may be edited. */
	list_vm(child);
	rwlock_write_done(&vm->lock);
	vm_count(forks);

	if (unlikely(child->special_regions || locks)) {
		int err = adjust_child(child, locks);

		if (err) {
			vm_put(child);
			return err;
		}
	}
	*out = child;
	return 0;
}

/* The next listed space behind `vm` (nullptr: the first) that still has users, with one more; lets go of vm. */
static struct vm *next_vm(struct vm *vm)
{
	struct vm *found = nullptr;

	spin_lock(&vm_list_lock);
	struct list *n = vm ? vm->all.next : vm_list.next;

	for (; n != &vm_list; n = n->next) {
		struct vm *v = container_of(n, struct vm, all);

		if (vm_try_get(v)) {
			found = v;
			break;
		}
	}
	spin_unlock(&vm_list_lock);
	if (vm)
		vm_put(vm);
	return found;
}

void vm_for_each(void (*fn)(struct vm *vm, void *arg), void *arg)
{
	for (struct vm *vm = next_vm(nullptr); vm; vm = next_vm(vm))
		fn(vm, arg);
}

u64 vm_committed(void)
{
	u64 pages = 0;

	scoped_spin(&vm_list_lock);
	list_for_each(vm, &vm_list, struct vm, all)
		pages += load_relaxed(&vm->layout.commit_pages);
	return pages;
}

/* It may be on its way out of the list. */
static bool vm_try_hold(struct vm *vm)
{
	u32 n = load_relaxed(&vm->refs);

	while (n && !__atomic_compare_exchange_n(&vm->refs, &n, n + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	return n;
}

struct vm *vm_next_held(struct vm *vm)
{
	struct vm *found = nullptr;

	spin_lock(&vm_list_lock);
	struct list *n = vm ? vm->all.next : vm_list.next;

	for (; n != &vm_list && !found; n = n->next) {
		struct vm *v = container_of(n, struct vm, all);

		if (load_relaxed(&v->users) && vm_try_hold(v))
			found = v;
	}
	spin_unlock(&vm_list_lock);
	if (vm)
		vm_release(vm);
	return found;
}

int vm_try_reclaim(struct vm *vm)
{
	if (!rwlock_write_try(&vm->lock))
		return 0;
	if (load_acquire(&vm->users) && vm->root)
		return 1;
	rwlock_write_done(&vm->lock);
	return -1;
}

/* A space that is not listed yet has never run, and finds the tables as they are now. */
void vm_flush_everywhere(va_t start, va_t end)
{
	struct tlb_batch b;

	scoped_spin(&vm_list_lock);
	list_for_each(vm, &vm_list, struct vm, all) {
		tlb_begin(&b, vm);
		tlb_add_range(&b, start, end);
		tlb_flush(&b);
	}
}

struct unmap_range {
	struct object *object;
	u64 first, last;
	bool copies;
};

/* What of a private mapping is the object's: copies stay. */
[[nodiscard]] static int unmap_cached(struct tlb_batch *b, va_t start, va_t end)
{
	int err = 0;

	for (va_t va = start; !err && va < end; va += PAGE_SIZE) {
		int level;
		struct pte e = pt_lookup(b->vm, va, &level);

		if (pte_kind(e, level) == PTE_LEAF && pa_page(pte_pa(e, level))->kind == PAGE_CACHE)
			err = pt_unmap(b, va, va + PAGE_SIZE);
	}
	return err;
}

/* 0, or -ENOMEM: the rest is still there. */
[[nodiscard]] static int unmap_object_once(struct vm *vm, const struct unmap_range *u)
{
	struct tlb_batch b;
	struct region r;
	int err = 0;

	scoped_write(&vm->lock);
	vm->unmaps_object = true;
	tlb_begin(&b, vm);
	for (va_t va = 0; !err && layout_next(&vm->layout, va, &r); va = r.end) {
		u64 pages = (r.end - r.start) >> PAGE_SHIFT;

		if (r.object != u->object || u->last < r.offset || u->first >= r.offset + pages)
			continue;
		va_t start = r.start + ((max(u->first, r.offset) - r.offset) << PAGE_SHIFT);
		va_t end = r.start + ((min(u->last - r.offset, pages - 1) + 1) << PAGE_SHIFT);

		err = u->copies || (r.flags & R_SHARED) ? pt_unmap(&b, start, end) : unmap_cached(&b, start, end);
	}
	tlb_finish(&b);
	vm->unmaps_object = false;
	return err;
}

/* It cannot fail, and what it frees may be what everybody waits for: so the tables that it must copy come from the reserve. When
 * even that is used up it waits, with no lock held; and not for a space whose users have gone, which is freed, all of it, when we
 * let go of it. */
static void unmap_object_from(struct vm *vm, void *arg)
{
	while (unmap_object_once(vm, arg) && load_acquire(&vm->users) > 1)
		vm_wait_for_memory();
}

void vm_unmap_object(struct object *o, u64 first, u64 last, bool copies)
{
	struct unmap_range u = { o, first, last, copies };

	vm_for_each(unmap_object_from, &u);
}

struct writable_search {
	const struct object *object;
	bool found;
};

static void search_writable(struct vm *vm, void *arg)
{
	constexpr u32 MAY = R_SHARED | R_MAXWRITE;
	struct writable_search *w = arg;
	struct region r;

	scoped_read(&vm->lock);
	for (va_t va = 0; !w->found && layout_next(&vm->layout, va, &r); va = r.end)
		w->found = r.object == w->object && (r.flags & MAY) == MAY;
}

bool vm_object_writable(const struct object *o)
{
	struct writable_search w = { .object = o, .found = false };

	vm_for_each(search_writable, &w);
	return w.found;
}

void vm_stats(struct vm_stats *out)
{
	u64 *sum = (u64 *)out;

	*out = (struct vm_stats){};
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		const u64 *s = (const u64 *)&vm_cpu_stats[cpu].s;

		for (unsigned i = 0; i < sizeof(*out) / sizeof(u64); i++)
			sum[i] += load_relaxed(&s[i]);
	}
	for (unsigned i = 0; i < DEEDS; i++)
		out->faults += out->deeds[i];
}
