// SPDX-License-Identifier: MIT
/* The model's objects: two of memory, and one with a store behind it, as files have. What they hold is what `contents` says, whatever
 * is cached, written back or dropped meanwhile. Only the first byte of a page is looked at, and stored. */
#include <string.h>
#include "vm_jobs.h"
#include "mm/mman.h"
#include "mm/object.h"

static u8 store[OBJECT_PAGES];
static struct object stored;
static u64 written, dropped_clean;

static int file_fill(struct object *o, struct page **pages, unsigned n, u64 index)
{
	check(index + n <= OBJECT_PAGES, "pages %lu to %lu are read, behind the end", index, index + n - 1);
	for (unsigned i = 0; i < n; i++)
		*(u8 *)page_address(pages[i]) = store[index + i];
	preempt_enable();	/* it takes its time */
	return 0;
}

static int file_write(struct object *o, struct page **pages, unsigned n, u64 index)
{
	preempt_enable();
	for (unsigned i = 0; i < n; i++)
		store[index + i] = *(u8 *)page_address(pages[i]);
	written += n;
	return 0;
}

static int file_prepare(struct object *o, u64 index) { return 0; }
static void file_release(struct object *o) {}

void objects_begin(void)
{
	static const struct object_ops ops = {
		.fill = file_fill, .writeback = file_write, .prepare_write = file_prepare, .release = file_release,
	};

	memset(contents, 0, sizeof(contents));
	memset(store, 0, sizeof(store));
	for (unsigned i = 1; i < STORED; i++)
		objects[i] = object_new_shared(OBJECT_PAGES * PAGE_SIZE);
	object_init(&stored, &ops, nullptr);
	stored.size = OBJECT_PAGES * PAGE_SIZE;
	objects[STORED] = &stored;
}

void step_store(struct space *s)
{
	unsigned first = host_below(OBJECT_PAGES), last = first + host_below(OBJECT_PAGES - first);
	int err;

	switch (host_below(3)) {
	case 0:
		err = (host_below(2) ? object_writeback : object_try_writeback)(&stored, first, last);
		check(err == 0 || err == -EAGAIN, "writing back: %d", err);
		break;
	case 1:
		dropped_clean += object_drop_clean(&stored, first, last, 1 + host_below(OBJECT_PAGES));
		break;
	default:
		object_read_ahead(&stored, first, last - first + 1);
		break;
	}
}

void objects_report(void) { printf("%lu pages written back, %lu dropped\n", written, dropped_clean); }

/* Through a mapping of it: *o, and the one page that goes. False: there is none here. */
static bool remove_by_advice(struct space *s, unsigned *o, unsigned *index)
{
	unsigned w = host_below(SMALL_WINDOWS), i = host_below(WINDOW_PAGES);
	const struct shadow_page *p = &s->pages[w][i];
	long res = vm_madvise(s->vm, page_va(w, i), PAGE_SIZE, MADV_REMOVE);

	check(res == (!p->mapped ? -ENOMEM : !p->object || p->locked ? -EINVAL : !p->shared ? -EACCES :
		      p->object == STORED ? -EOPNOTSUPP : 0), "MADV_REMOVE: %ld", res);
	*o = p->object;
	*index = p->index;
	return !res;
}

void step_punch(struct space *s)
{
	unsigned o = 1 + host_below(OBJECTS), first = host_below(OBJECT_PAGES);
	unsigned last = first + host_below(OBJECT_PAGES - first);
	bool end = false;

	if (host_below(2)) {
		if (!remove_by_advice(s, &o, &first))
			return;
		last = first;
	} else if (o == STORED) {
		/* As a file system does it. */
		memset(&store[first], 0, last - first + 1);
		object_punch(objects[o], first, last);
	} else if (host_below(4) == 0) {
		/* Less of it, and more again: zeros. */
		objects[o]->size = first * PAGE_SIZE;
		object_truncate(objects[o], first * PAGE_SIZE);
		objects[o]->size = OBJECT_PAGES * PAGE_SIZE;
		last = OBJECT_PAGES - 1;
		end = true;
	} else {
		object_punch(objects[o], first, last);
	}
	memset(&contents[o][first], 0, last - first + 1);
	/* Private copies go as well where the object ends, and stay over a hole. */
	for (s = spaces; end && s < spaces + SPACES; s++) {
		for (unsigned k = 0; k < WINDOWS * WINDOW_PAGES; k++) {
			struct shadow_page *p = &s->pages[k / WINDOW_PAGES][k % WINDOW_PAGES];

			if (p->mapped && p->object == o && p->index >= first && p->index <= last)
				dropped(p);
		}
	}
}
