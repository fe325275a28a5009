// SPDX-License-Identifier: MIT
/*
 * Radix tree: 64-bit index -> pointer, 64-way. For the page cache: dense runs of small indices,
 * found by neighbours too. The caller locks; an all-zero struct radix is empty; items are not
 * nullptr and stay the caller's.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

constexpr unsigned RADIX_BITS = 6;
constexpr unsigned RADIX_SLOTS = 1u << RADIX_BITS;

struct radix_node {
	u64 used;			/* bit i: slots[i] is not nullptr */
	void *slots[RADIX_SLOTS];
};

struct radix {
	void *root;			/* height 0: the item of index 0 */
	u32 height;			/* levels of nodes */
};

/* The item, or nullptr. */
void *radix_find(const struct radix *r, u64 index);
/* Where the items of *n indices from `index` on lie side by side (nullptr: there are none), for so many of them as
 * there is one answer for, at least one: *n. Until the next change. */
void *const *radix_run(const struct radix *r, u64 index, unsigned *n);
/* 0, -EEXIST, or -ENOMEM with nothing changed. Does not sleep. */
[[nodiscard]] int radix_insert(struct radix *r, u64 index, void *item);
/* Puts another item in place of one that is there; returns the old one. */
void *radix_replace(struct radix *r, u64 index, void *item);
/* Takes the item out and returns it; nullptr if there is none. Nodes that become empty are
 * freed. */
void *radix_remove(struct radix *r, u64 index);
/* The first item at or behind *index, which becomes its index; nullptr at the end. */
void *radix_next(const struct radix *r, u64 *index);

/* All items with first <= index <= last, in order; `item` is the caller's variable. The body
 * may remove the current one. Not for an item of index ~0. */
#define radix_for_each(item, index, r, first, last)                                        \
	for (u64 index = (first);                                                          \
	     index <= (last) && ((item) = radix_next((r), &index)) && index <= (last); index++)

/* Memory for nodes, zeroed; without sleeping. mm/kmalloc.c, and test/host/support.c on the host. */
struct radix_node *radix_node_alloc(void);
void radix_node_free(struct radix_node *n);
