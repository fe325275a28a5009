// SPDX-License-Identifier: MIT
/*
 * Random histories of insert, remove, update, clone and destroy over several layouts, each step
 * against the model. Now and then a preparation fails.
 */
#pragma once

#include "layout_model.h"

/* Prepares; sometimes memory runs out first, and then nothing may have changed. */
static void prepare(struct space *s, va_t start, va_t end, bool whole, struct layout_change *c)
{
	struct layout before = s->layout;
	unsigned live = nodes_live;

	if (!chance(4)) {
		nodes_fail_after = chance(6);
		int error = layout_prepare(&s->layout, start, end, whole, c);
		nodes_fail_after = ~0u;
		if (!error)
			return;
		assert_int_equal(error, -ENOMEM);
		assert_int_equal(nodes_live, live);
		assert_null(c->spare);
		before.hint = s->layout.hint;	/* where it looked */
		assert_memory_equal(&before, &s->layout, sizeof(before));
	}
	assert_int_equal(layout_prepare(&s->layout, start, end, whole, c), 0);
}

static unsigned short_length(void)
{
	static const unsigned limits[] = { 1, 1, 2, 2, 4, 4, 16, 64 };

	return 1 + chance(limits[chance(ARRAY_SIZE(limits))]);
}

/* A new region at a random free place, or in place of what is there, as MAP_FIXED has it. */
static void step_insert(struct space *s)
{
	unsigned first = chance(pages_used), last = first + short_length() - 1;
	unsigned edge = first < pages_used - FAR ? pages_used - FAR : pages_used;
	bool replace = !chance(4);
	struct layout_change c;

	last = min(last, edge - 1);
	if (!replace && s->tag[first])
		return;
	for (unsigned p = first; !replace && p <= last; p++)
		if (s->tag[p])
			last = p - 1;

	u32 tag = tag_make(chance(ARRAY_SIZE(tag_flags)), chance(OBJECTS), chance(2));
	struct region r = model_region(tag, first, last);

	prepare(s, r.start, r.end, false, &c);
	if (replace)
		layout_remove(&s->layout, r.start, r.end, &c);
	layout_insert(&s->layout, &r, &c);
	layout_done(&c);
	for (unsigned p = first; p <= last; p++)
		s->tag[p] = tag;
	assert_pages(s, first, last + 1);
}

/* A range of pages, mostly short, sometimes up to everything. */
static unsigned random_range(unsigned *first)
{
	unsigned length = chance(16) ? 2 * short_length() : 1 + chance(pages_used);

	*first = chance(pages_used);
	return min(*first + length, pages_used);
}

static void step_remove(struct space *s)
{
	unsigned first, end = random_range(&first);
	struct layout_change c;

	prepare(s, page_va(first), page_va(end - 1) + PAGE_SIZE, false, &c);
	layout_remove(&s->layout, page_va(first), page_va(end - 1) + PAGE_SIZE, &c);
	layout_done(&c);
	memset(&s->tag[first], 0, (end - first) * sizeof(s->tag[0]));
	assert_pages(s, first, end);
}

static void step_update(struct space *s)
{
	unsigned first, end = random_range(&first), new = chance(ARRAY_SIZE(tag_flags));
	va_t start_va = page_va(first), end_va = page_va(end - 1) + PAGE_SIZE;
	u32 every = R_READ | R_WRITE | R_GROWSDOWN;
	struct layout_change c;

	prepare(s, start_va, end_va, true, &c);
	layout_update(&s->layout, start_va, end_va, every & ~tag_flags[new], tag_flags[new],
		      &c);
	layout_done(&c);
	for (unsigned p = first; p < end; p++)
		if (s->tag[p])
			s->tag[p] = s->tag[p] - (s->tag[p] - 1) % 4 + new;
	assert_pages(s, first, end);
}

/* A part of a region is put into a free place, and then taken out of its old one, as mremap does it. */
static void step_move(struct space *s)
{
	unsigned from = chance(pages_used), to = chance(pages_used), n = short_length();
	u32 tag = s->tag[from];
	struct layout_change c;

	n = min(n, model_run(s, from) - from + 1);
	if (!tag || to + n > pages_used || (to < pages_used - FAR && to + n > pages_used - FAR))
		return;
	for (unsigned p = to; p < to + n; p++)
		if (s->tag[p])
			return;

	struct region r = model_region(tag, to, to + n - 1);
	va_t start = page_va(from), end = page_va(from + n - 1) + PAGE_SIZE;

	prepare(s, r.start, r.end, false, &c);
	assert_int_equal(layout_prepare_also(&s->layout, start, end, &c), 0);
	layout_insert(&s->layout, &r, &c);
	layout_remove(&s->layout, start, end, &c);
	layout_done(&c);
	for (unsigned p = 0; p < n; p++) {
		s->tag[to + p] = tag;
		s->tag[from + p] = 0;
	}
	assert_pages(s, from, from + n);
	assert_pages(s, to, to + n);
}

static void step_clone(struct space *s)
{
	struct space *to = &spaces[chance(LAYOUTS)];
	unsigned live;

	if (to == s)
		return;
	layout_destroy(&to->layout);
	live = nodes_live;
	layout_clone(&to->layout, &s->layout);
	assert_int_equal(nodes_live, live);
	memcpy(to->tag, s->tag, pages_used * sizeof(s->tag[0]));
}

static void step_destroy(struct space *s)
{
	layout_destroy(&s->layout);
	memset(s->tag, 0, sizeof(s->tag));
	assert_null(s->layout.root);
}

/* Questions about a range, answered by the model page by page. */
static void step_ask(struct space *s)
{
	unsigned first = chance(pages_used), end, edge, used = 0, writable = 0;

	edge = first < pages_used - FAR ? pages_used - FAR : pages_used;
	end = min(first + short_length(), edge);
	for (unsigned p = first; p < end; p++) {
		used += s->tag[p] != 0;
		writable += s->tag[p] && (tag_region_flags(s->tag[p]) & R_WRITE);
	}

	va_t from = page_va(first), to = page_va(end - 1) + PAGE_SIZE;

	assert_int_equal(layout_covers(&s->layout, from, to), used == end - first);
	assert_int_equal(layout_is_free(&s->layout, from, to), used == 0);
	assert_int_equal(layout_count(&s->layout, from, to, 0), used);
	assert_int_equal(layout_count(&s->layout, from, to, R_WRITE), writable);
}

/* The best place in the hole [start, end), by division instead of masks; 0: none. */
static va_t brute_fit(va_t start, va_t end, u64 size, u64 align)
{
	va_t va = start / align * align + (start % align ? align : 0);

	if (end < start || va > end || end - va < size)
		return 0;
	return (end - size) / align * align;
}

/* Looks at every hole of the model, the last one up to `high` included. */
static va_t brute_gap(const struct space *s, u64 size, u64 align, va_t low, va_t high, u64 guard)
{
	va_t below = 0, best = 0;

	for (unsigned p = 0; p <= pages_used; p++) {
		if (p < pages_used && !s->tag[p])
			continue;

		bool stack = p < pages_used && (tag_region_flags(s->tag[p]) & R_GROWSDOWN);
		va_t end = p < pages_used ? page_va(p) : high;

		if (stack)
			end = end > guard ? end - guard : 0;

		va_t va = brute_fit(max(below, low), min(end, high), size, align);

		if (va)
			best = va;
		if (p < pages_used)
			below = page_va(p) + PAGE_SIZE;
	}
	return best;
}

static void step_gap(struct space *s)
{
	u64 size = short_length() * PAGE_SIZE, align = PAGE_SIZE << (chance(2) * chance(8));
	u64 guard = chance(2) * short_length() * PAGE_SIZE;
	va_t low = page_va(chance(pages_used)), high = page_va(chance(pages_used)) + PAGE_SIZE;

	assert_int_equal(gap_of(&s->layout, size, align, low, high, guard), brute_gap(s, size, align, low, high, guard));
	low = PAGE_SIZE;		/* then everywhere */
	high = USER_TOP;
	assert_int_equal(gap_of(&s->layout, size, align, low, high, guard), brute_gap(s, size, align, low, high, guard));
}

static void step(void)
{
	struct space *s = &spaces[chance(LAYOUTS)];
	unsigned what = chance(100);

	if (what < 45)
		step_insert(s);
	else if (what < 50)
		step_move(s);
	else if (what < 68)
		step_remove(s);
	else if (what < 86)
		step_update(s);
	else if (what < 91)
		step_clone(s);
	else if (what < 92)
		step_destroy(s);
	else if (what < 97)
		step_ask(s);
	else
		step_gap(s);
	assert_lawful(&s->layout);
}

/* One history. All layouts, not just the one that a step is about, must keep to the model. */
static void history(u64 seed, unsigned pages, unsigned steps)
{
	chance_state = seed;
	pages_used = pages;
	for (unsigned i = 1; i <= steps; i++) {
		step();
		if (i % 64 == 0)
			assert_equal_model(&spaces[chance(LAYOUTS)]);
		if (i % 256 == 0 || i == steps)
			assert_exact_counts();
	}
	for (unsigned i = 0; i < LAYOUTS; i++) {
		assert_equal_model(&spaces[i]);
		step_destroy(&spaces[i]);
	}
	assert_exact_counts();
	assert_int_equal(nodes_live, 0);
}

/* Many histories from one seed, which LAYOUT_SEED replaces. */
static void histories(unsigned count, unsigned pages, unsigned steps)
{
	const char *given = getenv("LAYOUT_SEED");
	u64 seed = given ? strtoull(given, nullptr, 0) : 20260101;

	for (unsigned i = 0; i < count; i++, seed += 0x9e3779b97f4a7c15) {
		print_message("LAYOUT_SEED=%#llx, %u pages\n", (unsigned long long)seed, pages);
		history(seed, pages, steps);
	}
}
