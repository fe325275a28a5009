// SPDX-License-Identifier: MIT
/*
 * The tree of names: see fs/dentry.h. Children are found in a tree ordered by (hash, length,
 * bytes), and walked in a tree ordered by cookie, which only grows: a getdents position stays good
 * whatever is removed or added meanwhile.
 */
#include "fs/dentry.h"
#include "fs/mount.h"
#include "lib/string.h"
#include "mm/kmem.h"

struct spinlock rename_lock;
struct mutex rename_mutex = MUTEX_INIT(rename_mutex);

static struct slab_cache *dentry_cache;
static struct spinlock alias_lock;	/* every inode->alias; a leaf */

void dentry_init(void)
{
	dentry_cache = slab_create("dentry", sizeof(struct dentry), 16);
}

/* FNV-1a. */
static u32 name_hash(const char *name, size_t len)
{
	u32 h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (u8)name[i]) * 16777619u;
	return h;
}

static int name_compare(const struct dentry *d, u32 hash, const char *name, size_t len)
{
	if (d->hash != hash)
		return d->hash < hash ? -1 : 1;
	if (d->len != len)
		return d->len < len ? -1 : 1;
	return memcmp(d->name, name, len);
}

static bool name_set(struct dentry *d, const char *name, size_t len)
{
	char *to = d->name_inline;

	if (len >= DENTRY_NAME_INLINE && !(to = kmalloc(len + 1)))
		return false;
	memcpy(to, name, len);
	to[len] = '\0';
	d->name = to;
	d->len = (u8)len;
	d->hash = name_hash(name, len);
	return true;
}

struct dentry *dentry_new(struct super *sb, struct dentry *parent, const char *name, size_t len)
{
	struct dentry *d = slab_zalloc(dentry_cache);

	if (!d)
		return nullptr;
	if (!name_set(d, name, len)) {
		slab_free(dentry_cache, d);
		return nullptr;
	}
	d->refs = 1;
	d->sb = sb;
	d->next_cookie = 2;	/* 0 and 1 are "." and ".." */
	d->parent = parent ? parent : d;
	if (parent)
		dentry_get(parent);
	return d;
}

void dentry_instantiate(struct dentry *d, struct inode *inode)
{
	d->inode = inode;
	scoped_spin(&alias_lock);
	store_release(&inode->alias, d);
}

/* d has no reference left. Whoever found it as an alias saw that under the lock, before another
 * took its place. */
static void alias_forget(struct dentry *d)
{
	if (!d->inode || load_acquire(&d->inode->alias) != d)
		return;
	scoped_spin(&alias_lock);
	if (d->inode->alias == d)
		d->inode->alias = nullptr;
}

struct dentry *dentry_of(struct inode *inode)
{
	scoped_spin(&alias_lock);
	struct dentry *d = inode->alias;
	u32 refs = d ? load_relaxed(&d->refs) : 0;

	while (refs && !__atomic_compare_exchange_n(&d->refs, &refs, refs + 1, true,
						    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	return refs ? d : nullptr;
}

/* Iterates upwards instead of recursing: a chain of deleted directories may be long. */
void dentry_put(struct dentry *d)
{
	while (d && __atomic_fetch_sub(&d->refs, 1, __ATOMIC_ACQ_REL) == 1) {
		struct dentry *parent = d->parent == d ? nullptr : d->parent;

		assert(!(d->flags & DENTRY_LINKED) && !d->names.root);
		alias_forget(d);
		inode_put(d->inode);
		if (d->name != d->name_inline)
			kfree((void *)d->name);
		slab_free(dentry_cache, d);
		d = parent;
	}
}

static struct dentry *find_locked(struct dentry *dir, u32 hash, const char *name, size_t len)
{
	struct rb_node *n = dir->names.root;

	while (n) {
		struct dentry *d = container_of(n, struct dentry, by_name);
		int order = name_compare(d, hash, name, len);

		if (!order)
			return d;
		n = order < 0 ? n->right : n->left;
	}
	return nullptr;
}

struct dentry *dentry_find(struct dentry *dir, const char *name, size_t len)
{
	u32 hash = name_hash(name, len);

	scoped_spin(&dir->lock);
	struct dentry *d = find_locked(dir, hash, name, len);

	if (d)
		dentry_get(d);
	return d;
}

int dentry_lookup_locked(struct dentry *dir, const char *name, size_t len, struct dentry **out)
{
	*out = dentry_find(dir, name, len);
	if (*out)
		return 0;
	const struct inode_ops *ops = dir->inode->ops;

	if (!ops || !ops->lookup)
		return -ENOENT;
	struct dentry *d = dentry_new(dir->sb, dir, name, len);

	if (!d)
		return -ENOMEM;
	int err = ops->lookup(dir, d);

	if (err)
		dentry_put(d);
	else
		*out = d;
	return err;
}

int dentry_lookup(struct dentry *dir, const char *name, size_t len, struct dentry **out)
{
	*out = dentry_find(dir, name, len);
	if (*out)
		return 0;
	if (!dir->inode->ops || !dir->inode->ops->lookup)
		return -ENOENT;
	scoped_mutex(&dir->inode->lock);
	return dentry_lookup_locked(dir, name, len, out);
}

static void insert_by_name(struct dentry *dir, struct dentry *d)
{
	struct rb_node **link = &dir->names.root, *parent = nullptr;

	while (*link) {
		parent = *link;
		struct dentry *other = container_of(parent, struct dentry, by_name);
		int order = name_compare(other, d->hash, d->name, d->len);

		assert(order != 0);
		link = order < 0 ? &parent->right : &parent->left;
	}
	rb_insert(&dir->names, &d->by_name, parent, link);
}

/* The youngest is always the rightmost. */
static void insert_by_age(struct dentry *dir, struct dentry *d)
{
	struct rb_node *last = rb_last(&dir->ages);

	d->cookie = dir->next_cookie++;
	rb_insert(&dir->ages, &d->by_age, last, last ? &last->right : &dir->ages.root);
}

static void insert_locked(struct dentry *dir, struct dentry *d)
{
	insert_by_name(dir, d);
	insert_by_age(dir, d);
	dir->nchildren++;
	d->flags |= DENTRY_LINKED;
}

static void remove_locked(struct dentry *dir, struct dentry *d)
{
	rb_remove(&dir->names, &d->by_name);
	rb_remove(&dir->ages, &d->by_age);
	dir->nchildren--;
	d->flags = (d->flags & ~DENTRY_LINKED);
}

void dentry_link(struct dentry *d)
{
	dentry_get(d);
	scoped_spin(&d->parent->lock);
	insert_locked(d->parent, d);
}

void dentry_unlink(struct dentry *d)
{
	spin_lock(&d->parent->lock);
	bool linked = d->flags & DENTRY_LINKED;

	if (linked)
		remove_locked(d->parent, d);
	d->flags |= DENTRY_DELETED;
	spin_unlock(&d->parent->lock);
	if (linked)
		dentry_put(d);
}

struct dentry *dentry_next(struct dentry *dir, u64 *cookie)
{
	struct dentry *found = nullptr;

	scoped_spin(&dir->lock);
	for (struct rb_node *n = dir->ages.root; n;) {
		struct dentry *d = container_of(n, struct dentry, by_age);

		if (d->cookie >= *cookie)
			found = d;
		n = d->cookie >= *cookie ? n->left : n->right;
	}
	if (found) {
		dentry_get(found);
		*cookie = found->cookie;
	}
	return found;
}

struct dentry *dentry_parent(struct dentry *d)
{
	scoped_spin(&rename_lock);
	dentry_get(d->parent);
	return d->parent;
}

size_t dentry_name(struct dentry *d, char *buf)
{
	scoped_spin(&rename_lock);	/* names change under it only */
	memcpy(buf, d->name, d->len + 1u);
	return d->len;
}

bool dentry_is_ancestor(struct dentry *a, struct dentry *b)
{
	scoped_spin(&rename_lock);
	for (;; b = b->parent) {
		if (a == b)
			return true;
		if (b->parent == b)
			return false;
	}
}

static void names_swap(struct dentry *a, struct dentry *b)
{
	char small[DENTRY_NAME_INLINE];
	bool a_inline = a->name == a->name_inline, b_inline = b->name == b->name_inline;
	const char *a_name = a->name, *b_name = b->name;
	u32 hash = a->hash;
	u8 len = a->len;

	memcpy(small, a->name_inline, sizeof(small));
	memcpy(a->name_inline, b->name_inline, sizeof(small));
	memcpy(b->name_inline, small, sizeof(small));
	a->name = b_inline ? a->name_inline : b_name;
	b->name = a_inline ? b->name_inline : a_name;
	a->hash = b->hash;
	a->len = b->len;
	b->hash = hash;
	b->len = len;
}

/* Two parents' locks, or one taken once; rename_lock makes the order free. */
static void parents_lock(struct dentry *a, struct dentry *b)
{
	spin_lock(&rename_lock);
	spin_lock(&a->lock);
	if (a != b)
		spin_lock(&b->lock);
}

static void parents_unlock(struct dentry *a, struct dentry *b)
{
	if (a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
	spin_unlock(&rename_lock);
}

/* Names and parents change places, so `to`, which is dropped, carries the old name and the
 * reference on the old parent away. */
void dentry_move(struct dentry *from, struct dentry *to, bool exchange)
{
	struct dentry *from_dir = from->parent, *to_dir = to->parent;

	parents_lock(from_dir, to_dir);
	bool was_linked = from->flags & DENTRY_LINKED, replaced = to->flags & DENTRY_LINKED;

	if (was_linked)
		remove_locked(from_dir, from);
	if (replaced)
		remove_locked(to_dir, to);
	names_swap(from, to);
	from->parent = to_dir;
	to->parent = from_dir;
	if (was_linked)
		insert_locked(to_dir, from);
	if (exchange && replaced)
		insert_locked(from_dir, to);
	else
		to->flags |= DENTRY_DELETED;
	parents_unlock(from_dir, to_dir);
	if (replaced && !exchange)
		dentry_put(to);
}

/* Deepest first, without recursion: descend while there are children, unlink on the way back. */
void dentry_drop_tree(struct dentry *root)
{
	struct dentry *d = root;

	dentry_get(root);
	for (;;) {
		u64 cookie = 0;
		struct dentry *child = dentry_next(d, &cookie);

		if (child) {
			dentry_put(d);	/* the child holds its parent */
			d = child;
			continue;
		}
		if (d == root)
			break;
		struct dentry *parent = dentry_parent(d);

		dentry_unlink(d);
		dentry_put(d);
		d = parent;
	}
	dentry_put(root);
}
