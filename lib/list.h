// SPDX-License-Identifier: MIT
/* Intrusive doubly linked ring. A head is a node; an empty list points at itself. */
#pragma once

#include "lib/base.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }

static inline void list_insert_between(struct list *n, struct list *prev, struct list *next)
{
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}

static inline void list_push_front(struct list *l, struct list *n)
{
	list_insert_between(n, l, l->next);
}

static inline void list_push_back(struct list *l, struct list *n)
{
	list_insert_between(n, l->prev, l);
}

/* Takes n out and leaves it an empty list, so that a second removal is harmless. */
static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

static inline struct list *list_pop_front(struct list *l)
{
	struct list *n = l->next;

	if (n == l)
		return nullptr;
	list_remove(n);
	return n;
}

/* Moves all of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_splice_back(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_first(l, type, member) container_of((l)->next, type, member)
/* The link in *pos. No -> : behind the last one pos is the head taken for an element, and may not be aligned as one. */
#define list_link(pos, type, member) ((struct list *)((char *)(pos) + offsetof(type, member)))
#define list_for_each(pos, l, type, member)                                     \
	for (type *pos = container_of((l)->next, type, member);                 \
	     list_link(pos, type, member) != (l);                               \
	     pos = container_of(pos->member.next, type, member))
/* The same, but pos may be taken out in the body. */
#define list_for_each_safe(pos, l, type, member)                                \
	for (type *pos = container_of((l)->next, type, member),                 \
		  *pos##_next = container_of((l)->next->next, type, member);    \
	     list_link(pos, type, member) != (l);                               \
	     pos = pos##_next,                                                  \
		  pos##_next = container_of(list_link(pos, type, member)->next, type, member))
