// SPDX-License-Identifier: MIT
/*
 * What the layout's tests share: a heap that counts and can fail, objects that count, and a flat
 * model of several layouts with a function that demands that the layouts equal it, down to each
 * node's and each object's count.
 *
 * The model is an array of pages, each with a tag (0: free). Pages of equal tag side by side are
 * one region: the tag of a page of an object holds the difference between its offset and its
 * number, so equal tags mean adjacent offsets. The last FAR pages stand at the end of user space,
 * the others near its start.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mm/kmem.h"
#include "mm/layout_tree.h"
#include "mm/object.h"

/* ---- The machine's place-holders */

static unsigned nodes_live;
static unsigned nodes_fail_after = ~0u;	/* so many more allocations succeed */

void assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, expr);
	abort();
}

struct slab_cache *slab_create(const char *name, size_t size, size_t align)
{
	assert_true(size <= 1024);
	return (struct slab_cache *)&nodes_live;
}

void *slab_alloc(struct slab_cache *c)
{
	if (!nodes_fail_after)
		return nullptr;
	nodes_fail_after--;
	nodes_live++;
	return malloc(sizeof(struct layout_node));	/* one by one, for ASan */
}

void slab_free(struct slab_cache *c, void *obj)
{
	nodes_live--;
	free(obj);
}

constexpr unsigned OBJECTS = 3;		/* [0] stands for anonymous memory */
static struct object objects[OBJECTS];

void object_put(struct object *o)
{
	if (o)
		assert_true(o->refs-- > 0);
}

/* ---- Chance (xorshift64, Marsaglia 2003), repeatable by its seed */

static u64 chance_state = 1;

static u64 chance(u64 below)
{
	chance_state ^= chance_state << 13;
	chance_state ^= chance_state >> 7;
	chance_state ^= chance_state << 17;
	return (chance_state >> 11) % below;
}

/* ---- The model */

constexpr unsigned LAYOUTS = 6, PAGES = 4096, FAR = 64;
constexpr va_t USER_TOP = 1ul << 48;

struct space {
	struct layout layout;
	u32 tag[PAGES];			/* 0: free */
};

static struct space spaces[LAYOUTS];
static unsigned pages_used = PAGES;	/* of the model, in this history */

static const u32 tag_flags[] = { R_READ, R_READ | R_WRITE, R_READ | R_GROWSDOWN };

static u32 tag_make(unsigned flags, unsigned object, unsigned delta)
{
	return 1 + flags + 4 * (object + 4 * (object ? delta : 0));
}

static u32 tag_region_flags(u32 tag) { return tag_flags[(tag - 1) % 4]; }
static unsigned tag_object(u32 tag) { return (tag - 1) / 4 % 4; }

static va_t page_va(unsigned page)
{
	return page < pages_used - FAR ? (page + 16) * PAGE_SIZE :
					 USER_TOP - (pages_used - page) * PAGE_SIZE;
}

/* The pages [first, last], all of one tag, as a region. */
static struct region model_region(u32 tag, unsigned first, unsigned last)
{
	unsigned object = tag_object(tag);

	return (struct region){
		.start = page_va(first), .end = page_va(last) + PAGE_SIZE,
		.flags = tag_region_flags(tag),
		.object = object ? &objects[object] : nullptr,
		.offset = object ? first + (tag - 1) / 16 : 0,
	};
}

/* The last page of the run of equal tags that begins at `first`. */
static unsigned model_run(const struct space *s, unsigned first)
{
	unsigned last = first;

	while (last + 1 < pages_used && last + 1 != pages_used - FAR &&
	       s->tag[last + 1] == s->tag[first])
		last++;
	return last;
}

static void assert_same_region(const struct region *a, const struct region *b)
{
	assert_int_equal(a->start, b->start);
	assert_int_equal(a->end, b->end);
	assert_int_equal(a->flags, b->flags);
	assert_ptr_equal(a->object, b->object);
	assert_int_equal(a->offset, b->offset);
}

static void assert_lawful(const struct layout *l)
{
	const char *broken = layout_check(l);

	if (broken)
		fail_msg("broken: %s", broken);
}

static va_t gap_of(struct layout *l, u64 size, u64 align, va_t low, va_t high, u64 guard)
{
	struct layout_hole hole = { size, align, low, high, guard };
	struct layout_change there, sought;
	va_t va = layout_gap(l, &hole, &there);

	if (!va)
		return 0;
	layout_seek(l, va, &sought);
	assert_int_equal(there.va, va);
	assert_null(there.spare);
	assert_ptr_equal(there.path.leaf, sought.path.leaf);
	assert_int_equal(there.path.slot, sought.path.slot);
	assert_ptr_equal(there.path.here, sought.path.here);
	assert_int_equal(there.path.owned, sought.path.owned);
	assert_int_equal(there.path.depth, sought.path.depth);
	for (unsigned d = 0; d < sought.path.depth; d++) {
		assert_ptr_equal(there.path.at[d].node, sought.path.at[d].node);
		assert_int_equal(there.path.at[d].slot, sought.path.at[d].slot);
	}
	return va;
}

/* The pages [from, to) and their neighbours are in the layout as in the model. */
static void assert_pages(const struct space *s, unsigned from, unsigned to)
{
	from -= from > 0;
	to += to < pages_used;
	for (unsigned p = from; p < to; p++) {
		struct region r;
		bool found = layout_find(&s->layout, page_va(p) + chance(PAGE_SIZE), &r);

		assert_int_equal(found, s->tag[p] != 0);
		if (!found)
			continue;
		assert_int_equal(r.flags, tag_region_flags(s->tag[p]));
		if (r.object)
			assert_int_equal(r.offset + ((page_va(p) - r.start) >> PAGE_SHIFT),
					 model_region(s->tag[p], p, p).offset);
	}
}

/* Region by region, forwards and backwards, the layout is the model. */
static void assert_equal_model(const struct space *s)
{
	va_t va = 0;
	struct region got, want = {}, back;

	for (unsigned p = 0; p < pages_used; p++) {
		if (!s->tag[p])
			continue;

		unsigned last = model_run(s, p);

		assert_true(layout_next(&s->layout, va, &got));
		assert_int_equal(layout_prev(&s->layout, got.start, &back), want.end != 0);
		if (want.end)
			assert_same_region(&back, &want);
		want = model_region(s->tag[p], p, last);
		assert_same_region(&got, &want);
		assert_int_equal(got.start > va, layout_is_free(&s->layout, va, va + PAGE_SIZE));
		va = got.end;
		p = last;
	}
	assert_false(layout_next(&s->layout, va, &got));
	assert_int_equal(layout_prev(&s->layout, USER_TOP, &back), want.end != 0);
}

/* ---- Exact counts: every node is visited once, and its references are counted meanwhile */

constexpr unsigned SEEN_MAX = 1 << 14;
static struct seen { struct layout_node *node; u32 refs; } seen[SEEN_MAX];
static u32 object_refs[OBJECTS];

static struct seen *seen_slot(struct layout_node *n)
{
	unsigned i = (unsigned)(((uintptr_t)n >> 4) * 2654435761u) % SEEN_MAX;

	while (seen[i].node && seen[i].node != n)
		i = (i + 1) % SEEN_MAX;
	return &seen[i];
}

static unsigned count_nodes(struct layout_node *n)
{
	struct seen *slot = seen_slot(n);
	unsigned found = 1;

	if (slot->refs++)
		return 0;
	slot->node = n;
	for (unsigned i = 0; i < n->count; i++) {
		if (n->level)
			found += count_nodes(n->child[i].node);
		else if (n->region[i].object)
			object_refs[n->region[i].object - objects]++;
	}
	return found;
}

/* Nodes, their counts and the objects' counts are exactly what the layouts in `spaces` hold. */
static void assert_exact_counts(void)
{
	unsigned found = 0;

	memset(object_refs, 0, sizeof(object_refs));
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < LAYOUTS; i++)
		if (spaces[i].layout.root)
			found += count_nodes(spaces[i].layout.root);
	assert_int_equal(found, nodes_live);
	assert_true(found < SEEN_MAX / 2);
	for (unsigned i = 1; i < OBJECTS; i++)
		assert_int_equal(objects[i].refs, object_refs[i]);
	for (unsigned i = 0; i < SEEN_MAX; i++)
		if (seen[i].node)
			assert_int_equal(seen[i].node->refs, seen[i].refs);
}
