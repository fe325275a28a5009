// SPDX-License-Identifier: MIT
/*
 * Swap slots and the swap cache: see mm/swap.h. Slots live in pages of their own, 170 in each, which come when they are
 * needed and go when they are empty. A slot that one holds a reference on needs no lock to look at, except for `page`.
 *
 * page->aux of an anonymous page: its slot, 0: none; changes together with slot->page, under swap_lock.
 */
#include "mm/swap.h"
#include "lib/lz4.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "arch/arch.h"

/* (i) while refs > 0  (s) swap_lock */
struct slot {
	u32 refs;			/* (a) entries and holders; 0: free */
	u32 page;			/* (s) frame of the page that has the same bytes, which it holds; 0: none */
	union {
		struct {
			u32 part[2];	/* (i) */
		};
		u64 word;		/* (i) size 0: the page is this word over and over */
	};
	u16 size;			/* (i) of the compressed bytes */
	u32 found;			/* by the audit, one at a time */
};

constexpr u32 CHUNK_SLOTS = PAGE_SIZE / sizeof(struct slot);
constexpr u64 DIRECTORY_MAX = 512 * KiB;	/* pages of slots: what one allocation holds */
constexpr u64 SLOTS_PER_PAGE = 4;	/* slots for each page of the store: compressed to a quarter it is full */

static_assert(CHUNK_SLOTS == 170);

static struct spinlock swap_lock;
static struct slot **directory;		/* (i) the array; (s) its elements: pages of slots or nullptr */
static u32 nchunks;			/* (i) */
static struct list partial = LIST_INIT(partial);	/* (s) pages of slots with free ones */
static u32 next_chunk;			/* (s) where to look for an unused element */
static u64 used, cached, same, refused, ins, outs, bytes;	/* (s) or only ever a statistic */
static struct lz4_table table;		/* the reclaimer's */
static u8 packed[BLOB_MAX];		/* the reclaimer's */
static u8 (*joined)[BLOB_MAX];		/* (c) for each CPU, to put two parts together */
static unsigned share_percent;		/* (i) of memory */

void swap_init(unsigned percent)
{
	u64 store = page_total() * percent / 100, slots = store * SLOTS_PER_PAGE;
	u64 n = min(slots / CHUNK_SLOTS, DIRECTORY_MAX);

	joined = kmalloc(arch_cpu_count() * sizeof(*joined));
	directory = kzalloc(max(n, 1ul) * sizeof(*directory));
	if (!joined || !directory || !blob_limit(store))
		return;
	nchunks = (u32)n;
	share_percent = percent;
}

bool swap_enabled(void) { return nchunks; }

static struct slot *slot_of(u32 id)
{
	return directory[(id - 1) / CHUNK_SLOTS] + (id - 1) % CHUNK_SLOTS;
}

bool swap_slot_valid(u32 id)
{
	u32 chunk = (id - 1) / CHUNK_SLOTS;

	return id && chunk < nchunks && directory[chunk] && load_relaxed(&slot_of(id)->refs);
}

u32 swap_slot_refs(u32 id) { return max(load_relaxed(&slot_of(id)->refs), 1u); }

/* ---- slots: page->aux counts those in use, page->aux2 is the place in the directory */

/* A page of slots more. False: as many as there may be, or no memory. */
static bool grow(void)
{
	struct page *p = page_alloc(0, PAGE_SWAP, PA_RESERVE | PA_ZERO);

	if (!p)
		return false;
	spin_lock(&swap_lock);
	for (u32 i = 0; i < nchunks; i++) {
		u32 chunk = (next_chunk + i) % nchunks;

		if (directory[chunk])
			continue;
		next_chunk = chunk + 1;
		p->aux2 = chunk;
		directory[chunk] = page_address(p);
		list_push_back(&partial, &p->node);
		spin_unlock(&swap_lock);
		return true;
	}
	spin_unlock(&swap_lock);
	page_free(p);
	return false;
}

/* A free slot, which gets one reference. */
static u32 take_slot(void)
{
	scoped_spin(&swap_lock);
	if (list_empty(&partial))
		return 0;
	struct page *p = list_first(&partial, struct page, node);
	struct slot *s = page_address(p), *first = s;

	while (load_relaxed(&s->refs))
		s++;
	if (++p->aux == CHUNK_SLOTS)
		list_remove(&p->node);
	used++;
	*s = (struct slot){ .refs = 1 };
	return p->aux2 * CHUNK_SLOTS + (u32)(s - first) + 1;
}

static u32 slot_alloc(void)
{
	u32 id;

	while (!(id = take_slot()) && grow())
		;
	return id;
}

/* Under swap_lock; returns the page of slots if it is empty now, to be freed. */
static struct page *slot_free(struct slot *s)
{
	struct page *p = page_of(s);

	used--;
	if (p->aux-- == CHUNK_SLOTS)
		list_push_front(&partial, &p->node);
	if (p->aux)
		return nullptr;
	list_remove(&p->node);
	directory[p->aux2] = nullptr;
	return p;
}

/* Under swap_lock: the page and the slot know each other no more. The slot's reference is the caller's. */
static struct page *uncache(struct slot *s)
{
	struct page *p = s->page ? page_array + s->page : nullptr;

	if (p) {
		store_relaxed(&p->aux, 0);
		s->page = 0;
		store_relaxed(&cached, cached - 1);
	}
	return p;
}

void swap_get(u32 id)
{
	__atomic_fetch_add(&slot_of(id)->refs, 1, __ATOMIC_RELAXED);
}

void swap_put(u32 id)
{
	struct slot *s = slot_of(id);
	u32 n = load_relaxed(&s->refs);

	/* The last reference goes under the lock, so that a page of the cache is never asked for a slot that is dying. */
	while (n > 1) {
		if (__atomic_compare_exchange_n(&s->refs, &n, n - 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return;
	}
	struct blob b = {};

	spin_lock(&swap_lock);
	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL)) {
		spin_unlock(&swap_lock);
		return;
	}
	struct page *p = uncache(s);

	if (s->size)
		b = (struct blob){ { s->part[0], s->part[1] }, s->size };
	else
		same--;
	bytes -= s->size;
	struct page *empty = slot_free(s);

	spin_unlock(&swap_lock);
	blob_free(&b);
	if (p)
		page_put(p);
	if (empty)
		page_free(empty);
}

/* ---- out */

/* The slot that a page has already, with a reference more; 0: none. */
static u32 slot_of_page(const struct page *p)
{
	if (!load_relaxed(&p->aux))
		return 0;
	scoped_spin(&swap_lock);
	if (p->aux)
		swap_get(p->aux);
	return p->aux;
}

static bool is_one_word(const u64 *words)
{
	u64 first = words[0];

	for (unsigned i = 1; i < PAGE_SIZE / sizeof(u64); i++) {
		if (words[i] != first)
			return false;
	}
	return true;
}

/* What the page compresses to; false: to too much, and the page is marked, or no room. */
static bool compress(struct page *p, struct slot *out)
{
	const u64 *words = page_address(p);
	struct blob b;

	if (is_one_word(words)) {
		out->word = words[0];
		out->size = 0;
		return true;
	}
	size_t n = lz4_compress(words, PAGE_SIZE, packed, sizeof(packed), &table);

	if (!n) {
		refused++;
		__atomic_fetch_or(&p->flags, PG_STUBBORN, __ATOMIC_RELAXED);
		return false;
	}
	if (!blob_put(&b, packed, n))
		return false;
	out->part[0] = b.part[0];
	out->part[1] = b.part[1];
	out->size = b.size;
	return true;
}

u32 swap_out(struct page *p)
{
	u32 id = slot_of_page(p);
	struct slot s = {};

	if (id)
		return id;
	if (!compress(p, &s))
		return 0;
	id = slot_alloc();
	if (!id) {
		struct blob b = { { s.part[0], s.part[1] }, s.size };

		if (s.size)
			blob_free(&b);
		return 0;
	}
	struct slot *slot = slot_of(id);

	scoped_spin(&swap_lock);
	slot->word = s.word;
	slot->size = s.size;
	same += !s.size;
	bytes += s.size;
	outs++;
	if (page_refs(p) > 1) {		/* others map it */
		slot->page = (u32)(p - page_array);
		store_relaxed(&p->aux, id);
		page_get(p);
		store_relaxed(&cached, cached + 1);
	}
	return id;
}

void swap_drop_page(struct page *p)
{
	if (load_relaxed(&p->aux)) {
		spin_lock(&swap_lock);
		/* Nobody else but the cache: then its reference goes, too. */
		bool last = p->aux && page_refs(p) == 2;

		if (last)
			uncache(slot_of(p->aux));
		spin_unlock(&swap_lock);
		if (last)
			page_put(p);
	}
	page_put(p);
}

/* ---- in */

/* The cached page with a reference: a new one, or the cache's own where nobody else has the slot. */
static struct page *find_cached(struct slot *s)
{
	scoped_spin(&swap_lock);
	if (!s->page)
		return nullptr;
	if (load_relaxed(&s->refs) <= 2)	/* the entry and the caller */
		return uncache(s);
	struct page *p = page_array + s->page;

	page_get(p);
	return p;
}

static void decompress(const struct slot *s, void *to)
{
	struct blob b = { { s->part[0], s->part[1] }, s->size };

	if (!s->size) {
		u64 *words = to;

		for (unsigned i = 0; i < PAGE_SIZE / sizeof(u64); i++)
			words[i] = s->word;
		return;
	}
	preempt_disable();		/* for this CPU's buffer */
	const void *from = blob_read(&b, joined[cpu_id()]);
	long n = lz4_decompress(from, s->size, to, PAGE_SIZE);

	preempt_enable();
	if (n != (long)PAGE_SIZE)
		panic("a compressed page is damaged");
}

void swap_read(u32 id, void *page)
{
	decompress(slot_of(id), page);
	__atomic_fetch_add(&ins, 1, __ATOMIC_RELAXED);
}

/* Others have entries of this slot: they shall find the page. Somebody may have been faster: then it is his. */
static struct page *share(struct slot *s, u32 id, struct page *p)
{
	struct page *other = nullptr;

	spin_lock(&swap_lock);
	if (s->page) {
		other = page_array + s->page;
		page_get(other);
	} else {
		s->page = (u32)(p - page_array);
		store_relaxed(&p->aux, id);
		page_get(p);
		store_relaxed(&cached, cached + 1);
	}
	spin_unlock(&swap_lock);
	if (other)
		page_put(p);
	return other ? other : p;
}

struct page *swap_in(u32 id, u32 pa_flags)
{
	struct slot *s = slot_of(id);
	struct page *p = find_cached(s);

	if (p)
		return p;
	p = page_alloc(0, PAGE_ANON, pa_flags);
	if (!p)
		return nullptr;
	decompress(s, page_address(p));
	__atomic_fetch_or(&p->flags, PG_REFERENCED, __ATOMIC_RELAXED);
	__atomic_fetch_add(&ins, 1, __ATOMIC_RELAXED);
	return load_relaxed(&s->refs) > 2 ? share(s, id, p) : p;
}

/* ---- giving back, reports */

/* Pages of one page of slots that nobody maps any more. Their last reference is the slot's. */
static u64 shrink_chunk(u32 chunk, u64 want)
{
	struct page *pages[CHUNK_SLOTS];
	u64 n = 0;

	spin_lock(&swap_lock);
	struct slot *s = directory[chunk];

	for (u32 i = 0; s && i < CHUNK_SLOTS && n < want; i++, s++) {
		if (s->page && page_refs(page_array + s->page) == 1)
			pages[n++] = uncache(s);
	}
	spin_unlock(&swap_lock);
	for (u64 i = 0; i < n; i++)
		page_put(pages[i]);
	return n;
}

u64 swap_shrink_cache(u64 want)
{
	u64 freed = 0;

	for (u32 i = 0; i < nchunks && freed < want && load_relaxed(&cached); i++)
		freed += shrink_chunk(i, want - freed);
	return freed;
}

void swap_stats(struct swap_stats *out)
{
	scoped_spin(&swap_lock);
	*out = (struct swap_stats){
		.slots = (u64)nchunks * CHUNK_SLOTS, .used = used, .cached = cached, .pool = blob_pages(),
		.pool_max = swap_enabled() ? page_total() * share_percent / 100 : 0, .bytes = bytes, .same = same,
		.refused = refused, .in = ins, .out = outs,
	};
}

/* ---- audit */

static void for_each_slot(void (*fn)(void *arg, u32 id, struct slot *s), void *arg)
{
	scoped_spin(&swap_lock);
	for (u32 i = 0; i < nchunks; i++) {
		for (u32 k = 0; directory[i] && k < CHUNK_SLOTS; k++)
			fn(arg, i * CHUNK_SLOTS + k + 1, directory[i] + k);
	}
}

static void forget(void *arg, u32 id, struct slot *s) { s->found = 0; }
void swap_audit_begin(void) { for_each_slot(forget, nullptr); }

void swap_audit_found(u32 id)
{
	if (swap_slot_valid(id))
		slot_of(id)->found++;
}

struct findings {
	void (*report)(void *arg, const char *line);
	void *arg;
	unsigned n;
	u64 used, chunks;
};

static void compare(void *arg, u32 id, struct slot *s)
{
	struct findings *f = arg;
	u32 refs = load_relaxed(&s->refs);
	char line[96];

	f->used += refs != 0;
	if (refs && s->size)
		f->chunks += 1 + (s->part[1] != 0);
	if (refs == s->found && (!s->page || page_array[s->page].aux == id))
		return;
	f->n++;
	if (f->report) {
		snprintf(line, sizeof(line), "swap slot %u: %u references, %u found", id, refs, s->found);
		f->report(f->arg, line);
	}
}

unsigned swap_audit_end(void (*report)(void *arg, const char *line), void *arg)
{
	struct findings f = { .report = report, .arg = arg };

	for_each_slot(compare, &f);
	if (f.used == load_relaxed(&used) && f.chunks == blob_chunks())
		return f.n;
	if (report)
		report(arg, "swap: the counts of slots or of chunks in use are wrong");
	return f.n + 1;
}
