// SPDX-License-Identifier: MIT
/*
 * Page frames: who uses this frame? One descriptor for each frame of RAM, in one array indexed by
 * frame number (holes cost virtual space only). A buddy allocator below per-CPU lists of single
 * pages.
 *
 * Freed single pages are not merged at once: they go to the per-CPU list, in bulk to a global
 * list of single pages, and are merged only when a larger block is wanted and none is left; so
 * that alloc and free of one page are a few tens of instructions.
 */
#pragma once

#include "lib/base.h"
#include "lib/list.h"
#include "lib/lock.h"

enum page_kind : u8 {
	PAGE_FREE,		/* in the buddy or a per-CPU list */
	PAGE_RESERVED,		/* image, holes, firmware: never freed, references not counted */
	PAGE_ZERO,		/* the shared zero page(s); references are not counted */
	PAGE_KERNEL,		/* kernel data: stacks, buffers */
	PAGE_SLAB,
	PAGE_TABLE,		/* a user page table */
	PAGE_ANON,		/* private memory: refs = table slots that map it + holders */
	PAGE_CACHE,		/* an object's: refs = 1 for the object + slots + holders */
	PAGE_SWAP,		/* compressed pages, and what keeps track of them */
	PAGE_KINDS
};

/*
 * One frame. 32 bytes (static_assert in page.c). (a) atomic  (t) under the table's lock  (o)
 * under the object's lock  (b) under the allocator's locks
 */
struct page {
	union {
		struct {
			u32 refs;		/* (a) */
			enum page_kind kind;	/* (i) while allocated */
			u8 order;		/* (i) of the block, in its first page */
			u8 level;		/* (i) table: level of its slots */
			u8 flags;		/* (a) PG_* */
		};
		u64 head;		/* (a) all of these in one store, for the allocator */
	};
	union {
		struct list node;	/* (b) free blocks; owner's use otherwise */
		struct {		/* PAGE_FREE, single; PAGE_ANON that waits for its flush */
			struct page *next;	/* (b) in its batch */
			struct page *batch;	/* (b) in a batch's first page: the next batch */
		};
		struct {		/* PAGE_ANON, a block's first page (mm/block.h) */
			u64 unused;
			struct spinlock block_lock;
		};
		struct {		/* PAGE_CACHE */
			struct object *object;	/* (o) nullptr once truncated */
			u64 index;		/* (o) page number in the object */
		};
		struct {		/* PAGE_TABLE */
			u64 groups;		/* (t) bit g: slots 8g .. 8g+7 may be in use */
			struct spinlock lock;	/* taken downwards only */
			u16 used;		/* (t) slots that are not empty */
			u16 swapped;		/* (t) slots that hold swap entries */
		};
		struct {		/* PAGE_SLAB */
			struct slab_cache *cache;
			u16 free;		/* first free object: offset / 16 + 1, 0: none */
			u16 in_use;
			u32 reserved;
		};
	};
	/* slab: neighbours' frames in the list. Anonymous: swap slot (mm/swap.c). Else the owner's. */
	u32 aux;
	u32 aux2;
};

enum page_flags : u8 {
	PG_DIRTY = 1, PG_UPTODATE = 2, PG_CODE_SYNCED = 8,
	PG_REFERENCED = 4,	/* used lately, as far as is known: the reclaimer comes again */
	PG_STUBBORN = 16,	/* did not compress: the reclaimer rarely tries it again */
};

enum page_alloc_flags : u32 {
	PA_ZERO = 1,		/* cleared */
	PA_NOWAIT = 2,		/* no reclaim, no sleep: from interrupts and under spinlocks */
	PA_RESERVE = 4,		/* may use the last reserve (to free memory with); never reclaims */
	PA_PLENTY = 8,		/* only while memory is plenty; never reclaims */
	PA_TRY = 16,		/* no reclaim, no sleep, no reserve: the caller lets go of its locks and
				 * calls page_reclaim() */
};

struct boot_info;
/* Builds the descriptors from the memory map. Before anything else in mm. */
void page_init(const struct boot_info *bi);

constexpr unsigned PAGE_ORDER_MAX = 10;

/* A block of 2^order pages, order <= PAGE_ORDER_MAX, naturally aligned. Its first descriptor:
 * refs 1, that kind, all else zero; the others' are not touched. nullptr when there is no
 * memory (after reclaim has been tried, unless PA_NOWAIT, PA_RESERVE, PA_PLENTY or PA_TRY). May sleep
 * without these. */
[[nodiscard]] struct page *page_alloc(unsigned order, enum page_kind kind, u32 flags);
/* Gives back a block whose references are gone or were never shared (refs <= 1). Never sleeps. */
void page_free(struct page *p);
/* page_free of each of the pages linked by `next`, at a third of the price. */
void page_free_chain(struct page *first);
/* Makes a block of 2^order pages as many single pages of its kind with its refs and flags. */
void page_split(struct page *p);

/* Hands reserved RAM to the allocator, for good: the whole frames in [start, end), e.g. an
 * initrd after its use. */
void page_release_reserved(struct pa start, struct pa end);

/* The array of descriptors, and its conversions: a few instructions each. */
extern struct page *page_array;		/* indexed by frame number */
extern u64 page_array_frames;

#ifndef QUIRE_HOST
#include "arch/arch.h"
static inline struct pa page_pa(const struct page *p)
{
	return (struct pa){ (u64)(p - page_array) << PAGE_SHIFT };
}
static inline struct page *pa_page(struct pa pa) { return page_array + (pa.v >> PAGE_SHIFT); }
static inline void *page_address(const struct page *p) { return direct_map(page_pa(p)); }
/* Any address in the direct map -> its frame. */
static inline struct page *page_of(const void *p) { return pa_page(direct_pa(p)); }
/* A copy of a page that others may be writing to; once it is known that nobody was, page_copy_used() says so, before they
 * may. Host tests compare then, and show the thread sanitizer that read instead of the first. */
static inline void page_copy_early(struct page *to, const struct page *from)
{
	arch_page_copy(page_address(to), page_address(from));
}
static inline void page_copy_used(const struct page *copy, const struct page *from) {}
#else
struct pa page_pa(const struct page *p);
struct page *pa_page(struct pa pa);
void *page_address(const struct page *p);
struct page *page_of(const void *p);
void page_copy_early(struct page *to, const struct page *from);
void page_copy_used(const struct page *copy, const struct page *from);
#endif
/* Is there a descriptor, of RAM, for this physical address? */
bool pa_is_ram(struct pa pa);

static inline bool page_is_counted(const struct page *p)
{
	return p->kind > PAGE_ZERO;
}

static inline void page_get(struct page *p)
{
	if (likely(page_is_counted(p)))
		__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}
/* Of one that is known to be counted, such as an object's. */
static inline void page_get_counted(struct page *p)
{
	debug_assert(page_is_counted(p));
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}

/* Lets go of one reference; the last one frees. For PAGE_TABLE use pt_put (mm/pt.h). Never
 * sleeps. */
static inline void page_put(struct page *p)
{
	if (unlikely(!page_is_counted(p)))
		return;
	/* The only holder needs no atomic operation: nobody else can gain a reference. */
	if (load_acquire(&p->refs) == 1 || __atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL) == 1)
		page_free(p);
}

static inline u32 page_refs(const struct page *p) { return load_acquire(&p->refs); }

/* Private memory with one reference: kind and count in one load. */
static inline bool page_is_alone(const struct page *p)
{
	constexpr unsigned others = 24;		/* bits above kind and refs */

	return load_acquire(&p->head) << others == (1 | (u64)PAGE_ANON << 32) << others;
}

/* What asks others to give memory back; called when free pages run low, from the allocating
 * thread, which may hold sleeping locks: only try those. Allocates with PA_RESERVE only.
 * Returns the number of pages freed. Lower `order` first (page cache 0, slabs 1, private memory 5, OOM
 * killer 9, which background reclaim leaves out). */
struct shrinker {
	u64 (*shrink)(u64 want);
	u64 (*shrink_unlocked)(u64 want);	/* the same for who holds no lock; may be nullptr */
	int order;
	struct shrinker *next;
};
void shrinker_register(struct shrinker *s);

/* Frees memory for who has failed with PA_TRY and holds no lock now: sleeps, asks all shrinkers, the
 * OOM killer last. False: there is nothing to be had. */
[[nodiscard]] bool page_reclaim(u64 want);
/* A step of the same in the background, without the OOM killer. True: something was freed, and there
 * may still be less than the upper watermark wants. */
bool page_reclaim_background(void);
/* Free pages are below the lower watermark. */
bool page_is_low(void);
/* So many can be had just now: somebody has given back some. */
bool page_has_room(u64 want);
/* Half of what PA_RESERVE may use is gone. */
bool page_reserve_is_low(void);
/* Called when an allocation that may sleep finds memory low; may be nullptr. */
extern void (*page_low_hook)(void);
struct page_watermarks { u64 min, low, high; };	/* in pages, as above */
void page_watermarks(struct page_watermarks *out);

/* Exact numbers of pages (summed over CPUs). */
struct page_stats {
	u64 total, free, kind[PAGE_KINDS];
	u64 allocs, frees;
};
void page_stats(struct page_stats *out);
/* Frame numbers [*first, *end) have descriptors. */
void page_frames(u64 *first, u64 *end);

/* What page_init() found (page_boot.c). */
struct page_ram {
	u64 first, end;		/* frames that have descriptors */
	u64 ram;		/* of them, RAM */
	u64 managed;		/* of them, handed to the allocator */
};
extern struct page_ram page_ram;
/* Pages that can be had at all. */
static inline u64 page_total(void)
{
	return page_ram.managed;
}

/* Audit: recounts every list and descriptor; calls report for each finding. Returns findings. */
unsigned page_audit(void (*report)(void *arg, const char *line), void *arg);
/* Test hook: the n-th allocation from now on fails (0: off); one that fails counts once. In DEBUG builds those of objects,
 * and of tables and stacks that were kept for reuse, count as well. page_failed(): how many have failed so since boot. */
void page_fail_at(u64 n);
u64 page_failed(void);
/* Is this one to fail? For those who have kept some for reuse. flags: PA_*. */
bool page_fails_now(u32 flags);
