// SPDX-License-Identifier: MIT
/*
 * The layout: what should be at this address? An ordered set of regions without overlap.
 *
 * It is a B+ tree whose nodes are counted and shared, copy-on-write, like page tables:
 * layout_clone() (fork) takes one reference on the root and costs the same for one region and for
 * 65,530; a change copies the nodes on its path that are shared, and no others. Each inner slot
 * bounds the gaps below it, so that a hole of a given size is found in O(log n), amortised.
 *
 * Locks: readers hold the address space's lock (vm->lock) for reading, writers for writing.
 * Nodes' counts are atomic, because several address spaces share them; a node with more than one
 * reference is frozen.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct object;

enum region_flags : u32 {
	/* The low three bits are PROT_READ, PROT_WRITE, PROT_EXEC (P_R, P_W, P_X). */
	R_READ = 1, R_WRITE = 2, R_EXEC = 4,
	R_PROT = 7,
	R_MAXREAD = 8, R_MAXWRITE = 16, R_MAXEXEC = 32,	/* what mprotect may grant; R_PROT << 3 */
	R_MAXALL = R_MAXREAD | R_MAXWRITE | R_MAXEXEC,
	R_SHARED = 64,		/* MAP_SHARED: writes are seen by others */
	R_GROWSDOWN = 128,	/* a stack: grows by faults below it */
	R_LOCKED = 256,		/* mlock */
	R_DONTFORK = 512,	/* MADV_DONTFORK */
	R_WIPEONFORK = 1024,
	R_NORESERVE = 2048,
	R_HUGE = 4096, R_NOHUGE = 8192,	/* advice */
	R_DONTDUMP = 16384,
	R_STACK = 65536,	/* the first stack: [stack] */
	R_VDSO = 131072,	/* [vdso]: never unmapped by accident of merging */
	R_DEVICE = 262144,	/* page frames of a device: no copies, no counts */
	R_ACCOUNT = 524288,	/* "ac" in smaps; what counts: mm/commit.h */
	R_RANDREAD = 1048576, R_SEQREAD = 2097152,
	R_GUARD = 4194304,	/* MADV_GUARD_INSTALL: every fault is refused */
	R_SEALED = 16777216,	/* mseal: stays as it is, for good */
	R_LOCKONFAULT = 8388608,	/* with R_LOCKED: not brought in before it is touched */
};

/* One region. The tree hands out copies, and to faults pointers that they forget before they let go of the lock. */
struct region {
	va_t start, end;	/* [start, end), page-aligned, start < end */
	u32 flags;		/* R_* */
	struct object *object;	/* nullptr: private anonymous (zero-filled). The tree holds a
				 * reference for each region (object_get / object_put) */
	u64 offset;		/* page number in the object of `start`; 0 for anonymous */
};

constexpr unsigned LAYOUT_HEIGHT_MAX = 12;	/* far above what 65,530 regions need (5) */
constexpr va_t LAYOUT_NOWHERE = ~0ul;

struct layout {
	struct layout_node *root;	/* nullptr: empty */
	const struct region *found;	/* (a) layout_at()'s next guess: what it found, or what was put in, last. nullptr after any
					 * other change but of flags in place */
	u32 regions;			/* how many */
	u32 hint;			/* slot that was sought last by a change, where the root is a leaf: the next begins there */
	u64 pages;			/* sum of their sizes, in pages; */
	u64 data_pages;			/* of those that region_is_data(), */
	u64 commit_pages;		/* commit_counts(): (a) read without the lock, */
	u64 locked_pages;		/* and R_LOCKED */
};

/* Private and writable: what RLIMIT_DATA counts. */
static inline bool region_is_data(u32 flags)
{
	return (flags & (R_WRITE | R_SHARED | R_GROWSDOWN)) == R_WRITE;
}

/* Once, before the first layout: makes the cache that nodes come from. */
void layout_init(void);

/* `to` (uninitialised) becomes an equal layout. O(1), cannot fail. */
void layout_clone(struct layout *to, const struct layout *from);
/* Empties it: drops the reference on the root; regions that nobody else shares let go of their
 * objects. */
void layout_destroy(struct layout *l);

/* The region that holds va, in the tree: until that changes, which the lock keeps it from. nullptr: there is none. */
const struct region *layout_search(struct layout *l, va_t va);
/* The same for who often asks for one region again. */
static inline const struct region *layout_at(struct layout *l, va_t va)
{
	const struct region *r = load_relaxed(&l->found);

	return likely(r && r->start <= va && va < r->end) ? r : layout_search(l, va);
}
/* The same as a copy: true and *r. */
bool layout_find(const struct layout *l, va_t va, struct region *r);
/* The first region that ends above va (it may start above va too). false: none. */
bool layout_next(const struct layout *l, va_t va, struct region *r);
/* The last region that starts below va (it may reach beyond va). */
bool layout_prev(const struct layout *l, va_t va, struct region *r);

/* Is [start, end) wholly covered by regions / wholly free? */
bool layout_covers(const struct layout *l, va_t start, va_t end);
bool layout_is_free(const struct layout *l, va_t start, va_t end);

/* The way from the root to a place: the nodes above the leaf, and the slot taken in each. */
struct layout_path {
	struct layout_node *leaf;	/* nullptr: an empty layout */
	unsigned slot;			/* of the first region that ends above the place; count: none */
	struct region *here;		/* that region, until the first change; nullptr: none */
	bool owned;			/* no node on the way is shared */
	bool simple;			/* the leaf is all there is, ours, and has room: any change fits, and settles nothing above */
	unsigned depth;
	struct {
		struct layout_node *node;
		unsigned slot;
	} at[LAYOUT_HEIGHT_MAX];
};

/*
 * A change: its place, looked for once, by layout_seek() or layout_gap(), and the nodes that it may take. So no operation
 * has to be undone: layout_reserve() is all that can fail; then come the changes, then layout_done(),
 * also where none was made. Reserving allocates, so it may sleep; changes do so only in object_put().
 */
struct layout_change {
	va_t va;			/* what `path` leads to; LAYOUT_NOWHERE: out of date */
	struct layout_path path;
	struct layout_node *spare;	/* chained; also nodes that changes have freed */
};
/* Leads c (uninitialised) to va. */
void layout_seek(struct layout *l, va_t va, struct layout_change *c);
/* For changes within [start, end), whose start c leads to, that add up to two regions: an insertion, a removal (which may leave
 * two pieces of one), both in this order or the other, or, if `whole`, an update. -ENOMEM: nothing
 * has changed, and there is nothing to be done. */
[[nodiscard]] int layout_reserve_nodes(const struct layout *l, va_t start, va_t end, bool whole,
				       struct layout_change *c);
[[nodiscard]] static inline int layout_reserve(const struct layout *l, va_t start, va_t end, bool whole,
					       struct layout_change *c)
{
	return likely(c->path.simple) ? 0 : layout_reserve_nodes(l, start, end, whole, c);
}
/* Both. */
[[nodiscard]] static inline int layout_prepare(struct layout *l, va_t start, va_t end, bool whole,
					       struct layout_change *c)
{
	layout_seek(l, start, c);
	return layout_reserve(l, start, end, whole, c);
}
/* For changes in a second place as well, one region more in each at the most. -ENOMEM: also what was
 * prepared before is gone. */
[[nodiscard]] int layout_prepare_also(const struct layout *l, va_t start, va_t end,
				      struct layout_change *c);
void layout_release(struct layout_change *c);
static inline void layout_done(struct layout_change *c)
{
	if (unlikely(c->spare))
		layout_release(c);
}
/* The first region that ends above the place, or nullptr. Until the first change. */
static inline const struct region *layout_here(const struct layout_change *c)
{
	return c->path.here;
}
/* Is all free from there to `end`? */
static inline bool layout_free_here(const struct layout_change *c, va_t end)
{
	const struct region *r = layout_here(c);

	return !r || r->start >= end;
}

/* Adds r (a copy; takes its own reference on r->object). [start, end) must be free. Merges with
 * equal neighbours: same flags (without R_STACK and such differences), same object, adjacent
 * offsets (or both anonymous). */
void layout_insert(struct layout *l, const struct region *r, struct layout_change *c);
/* Removes all of [start, end): regions in it go, those that reach over an edge are cut (one may
 * be split). */
void layout_remove(struct layout *l, va_t start, va_t end, struct layout_change *c);
/* For all regions in [start, end), cut at the edges: flags = (flags & ~clear) | set; merges equal
 * neighbours again. */
void layout_update(struct layout *l, va_t start, va_t end, u32 clear, u32 set,
		   struct layout_change *c);

/* A hole to look for. */
struct layout_hole {
	u64 size, align;		/* a multiple of align, a power of two >= PAGE_SIZE */
	va_t low, high;			/* inside [low, high): */
	u64 guard;			/* so much stays free below an R_GROWSDOWN region that follows */
};
/* Where the highest such is, and c (uninitialised) leads there; 0: there is none. */
va_t layout_gap(struct layout *l, const struct layout_hole *h, struct layout_change *c);

/* Sum of pages of regions in [start, end) that have all bits of `flags` (0: any). O(regions in
 * range + log n). */
u64 layout_count(const struct layout *l, va_t start, va_t end, u32 flags);

/* Nodes held by this layout that it shares with others / alone (for /proc and tests). */
void layout_nodes(const struct layout *l, unsigned *own, unsigned *shared);
/* Checks order, gaps, counts, merging; returns nullptr or the name of the law that is broken. */
const char *layout_check(const struct layout *l);
