// SPDX-License-Identifier: MIT
/*
 * Objects: where do the bytes come from? A file's page cache, shared anonymous memory, a device's frames. (Private
 * anonymous memory has no object: its bytes are zero until written.)
 *
 * An object is an index of pages (kind PAGE_CACHE), shared by read, write, mmap and exec. A file
 * system embeds it in its inode and gives it operations; mm knows files through these only.
 *
 * Truncation: the owner lowers `size` first, then object_truncate() takes the pages out of every address space that
 * maps them and out of the index. A fault looks at `size` with its address space's lock held, so that it is either
 * over before the pages are taken out, or sees the new size.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/lock.h"
#include "lib/radix.h"
#include "mm/page.h"

struct object;

struct object_ops {
	/* Fills n <= OBJECT_RUN new, cleared pages from `index` on (all within size) from the backing store; may sleep. 0 or
	 * -errno. nullptr: they stay zero (tmpfs, shared memory). */
	int (*fill)(struct object *o, struct page **pages, unsigned n, u64 index);
	/* Called before the first write through a shared mapping or write(2), and before a page is made at all where there is no
	 * fill(): may refuse (-ENOSPC, -EROFS). May be nullptr. */
	int (*prepare_write)(struct object *o, u64 index);
	/* Writes n <= OBJECT_RUN pages from `index` on back and waits for it; only object_writeback() calls it, which has made
	 * them clean. nullptr: memory is the only store, pages are never dropped. */
	int (*writeback)(struct object *o, struct page **pages, unsigned n, u64 index);
	/* The first page has become dirty. Under vm->lock or an inode's: must not sleep. May be nullptr. */
	void (*dirtied)(struct object *o);
	/* The last reference is gone; all pages have been put. Frees the holder. Must not sleep. */
	void (*release)(struct object *o);
	/* What /proc/PID/maps calls it, and its number, where it is no file. May be nullptr. */
	void (*describe)(const struct object *o, char *buf, size_t size, u64 *ino);
	/* Device frames: the frame for an index; then nothing is cached or counted. May be nullptr. */
	int (*frame)(struct object *o, u64 index, struct pa *pa, u32 *prot_flags);
};

/* Pages on their way from the store into the index, in a list of the object: taking pages of that range out meanwhile makes the
 * bytes stale, for they may have been changed and written in between. On the filler's stack. */
struct object_fill {
	struct object_fill *next;
	u64 first, last;
	bool stale;
};

struct object {
	const struct object_ops *ops;	/* (i) */
	u32 refs;			/* (a) regions, inodes, exec */
	bool mapped;			/* (a) some region has had it; never false again: hint for truncate */
	bool sealed;			/* (a) no new mapping may write to it: vm_object_writable() */
	struct spinlock lock;
	struct radix pages;		/* (l) index -> struct page, one reference each; or a swap slot */
	u64 npages;			/* (l) those that are swapped out too */
	u64 nswapped;			/* (l) */
	u64 hand;			/* (l) of swap's clock: where it looks next */
	struct list all;		/* in the list of those that can be swapped (mm/object_swap.c) */
	u64 ndirty;			/* (a) dirty pages, where there is writeback */
	struct object_fill *fills;	/* (l) */
	u64 size;			/* (a) bytes; lowered before truncation, raised after pages are there */
	void *host;			/* (i) for the owner: the inode */
};

void object_cache_init(void);	/* after kmem_init */
void object_init(struct object *o, const struct object_ops *ops, void *host);
static inline void object_get(struct object *o)
{
	if (o)
		__atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
}
void object_put(struct object *o);	/* nullptr is fine */
/* One more reference, unless there is none left: then false. For who finds it without having one. */
static inline bool object_try_get(struct object *o)
{
	u32 n = load_relaxed(&o->refs);

	while (n && !__atomic_compare_exchange_n(&o->refs, &n, n + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	return n != 0;
}

/* Shared anonymous memory of `size` bytes (MAP_SHARED|MAP_ANONYMOUS). refs 1. nullptr: no memory. */
[[nodiscard]] struct object *object_new_shared(u64 size);

enum object_page_flags : u32 {
	OP_CREATE = 1,		/* make the page if it is not cached (else -ENOENT); fill it unless OP_NOFILL */
	OP_WRITE = 2,		/* it will be written: prepare_write and PG_DIRTY */
	OP_NOFILL = 4,		/* the caller overwrites the whole page */
	OP_NOWAIT = 8,		/* -EAGAIN instead of sleeping */
	OP_TRY = 32,		/* -ENOMEM instead of reclaim: the caller holds a lock that reclaim may want */
	OP_BEYOND = 16,		/* allow index beyond size (write that extends the file) */
};
/* The page of that index with a reference for the caller. -EFAULT beyond size, -ENOMEM, -EIO, … */
[[nodiscard]] int object_page(struct object *o, u64 index, u32 flags, struct page **out);
/* Bytes of a page of an object have been changed: it is dirty, and must be made fetchable anew before it is run. OP_WRITE says
 * so beforehand; whoever writes says it again afterwards, for a fault may have mapped the page as code in between. */
void object_page_written(struct page *p);
/* Up to n (<= 16) cached, up-to-date neighbours from index on, below size: pages[i] or nullptr, one reference each. Returns
 * how many are not nullptr. Never sleeps. */
unsigned object_pages_cached(struct object *o, u64 index, unsigned n, struct page **pages);

/* Takes out all pages from byte `from` on (the page that holds a part keeps it; the rest of it is cleared) and unmaps
 * them everywhere. The caller has lowered `size` and holds no vm lock. May sleep. */
void object_truncate(struct object *o, u64 from);
/* Takes out pages [first, last] (hole punching). */
void object_punch(struct object *o, u64 first, u64 last);

/* ---- objects with a backing store (mm/object_io.c). A clean page that has no reference but the index's may be dropped at any
 * time; object_drop_clean() is the way to do that. */

constexpr unsigned OBJECT_RUN = 64;	/* pages that move at once */

/* Makes up to n pages from index on cached, as far as they are missing without a gap; errors are left to who needs the page.
 * May sleep. */
void object_read_ahead(struct object *o, u64 index, unsigned n);
/* Enters a page that the caller has filled, dirty if `dirty`; the caller keeps its reference. -EEXIST: there is one already. -ENOMEM,
 * -EFAULT beyond size. */
[[nodiscard]] int object_enter(struct object *o, u64 index, struct page *p, bool dirty);
/* Writes the dirty pages of [first, last] back and waits for it, and for others that do the same. Pages that could not be written
 * are clean too: the error is the only trace. The caller holds no vm lock. May sleep. */
[[nodiscard]] int object_writeback(struct object *o, u64 first, u64 last);
/* The same for who must not wait for another writer (reclaim): -EAGAIN then. The caller holds no vm lock. */
[[nodiscard]] int object_try_writeback(struct object *o, u64 first, u64 last);
/* Drops up to `want` clean pages of [first, last] that nobody maps or holds. Returns how many. Never sleeps. */
u64 object_drop_clean(struct object *o, u64 first, u64 last, u64 want);

/* Brings back pages of [first, end) that are swapped out, at most `most`, as far as memory is plenty. Where to go on; end: that was
 * all. May sleep. */
u64 object_swap_ahead(struct object *o, u64 first, u64 end, unsigned most);
/* Swaps out about `want` pages of objects that have no other store; how many came free. Under reclaim_lock. */
u64 object_swap_out(u64 want);

/* Copies bytes of the object (page cache) into kernel memory; stops at size. Bytes done, or -errno when the first byte failed. */
long object_read(struct object *o, u64 offset, void *dst, size_t n);
