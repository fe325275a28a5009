// SPDX-License-Identifier: MIT
/*
 * Audit of the page allocator: every descriptor is looked at and counted, by kind, and compared
 * with the counters; every list is walked. Other CPUs go on meanwhile, so a difference counts
 * only if it is found again.
 */
#include "mm/page_buddy.h"
#include "lib/printf.h"

constexpr int TRIES = 4;

struct findings {
	void (*report)(void *arg, const char *line);
	void *arg;
	unsigned n;
};

[[gnu::format(printf, 2, 3)]] static void found(struct findings *f, const char *fmt, ...)
{
	char line[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	f->n++;
	if (f->report)
		f->report(f->arg, line);
}

static void count_descriptors(u64 kind[PAGE_KINDS])
{
	const struct page *end = page_array + page_ram.end;

	for (const struct page *p = page_array + page_ram.first; p < end;) {
		unsigned k = load_relaxed(&p->kind), order = load_relaxed(&p->order);
		bool block = (k > PAGE_RESERVED && k < PAGE_KINDS) ||
			     (load_relaxed(&p->flags) & PG_BUDDY);
		u64 n = block && order <= PAGE_ORDER_MAX ? 1ul << order : 1;

		kind[k < PAGE_KINDS ? k : PAGE_RESERVED] += n;
		p += n;
	}
	kind[PAGE_RESERVED] -= page_ram.end - page_ram.first - page_ram.ram;
}

static void compare(struct findings *f)
{
	u64 kind[PAGE_KINDS] = {};
	struct page_stats s;

	count_descriptors(kind);
	page_stats(&s);
	for (unsigned k = 0; k < PAGE_KINDS; k++)
		if (kind[k] != s.kind[k])
			found(f, "pages of kind %u: %lu found, %lu counted", k, kind[k], s.kind[k]);
	if (buddy_recount() < 0)
		found(f, "free lists are broken");
}

unsigned page_audit(void (*report)(void *arg, const char *line), void *arg)
{
	struct findings f = {};

	for (int i = 0; i < TRIES; i++) {
		f = (struct findings){ .report = i == TRIES - 1 ? report : nullptr, .arg = arg };
		compare(&f);
		if (f.n == 0)
			break;
	}
	return f.n;
}
