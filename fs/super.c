// SPDX-License-Identifier: MIT
/* File system types and instances. Types never go; instances live as long as mounts and inodes. */
#include "fs/super.h"
#include "fs/inode.h"
#include "fs/notify.h"
#include "fs/text.h"
#include "lib/string.h"
#include "mm/kmem.h"

static struct spinlock types_lock;	/* for additions; readers need none */
static struct fs_type *types;
static u32 last_dev;

void fs_register(struct fs_type *type)
{
	scoped_spin(&types_lock);
	type->next = types;
	types = type;
}

struct fs_type *fs_find(const char *name)
{
	for (struct fs_type *t = types; t; t = t->next)
		if (!strcmp(t->name, name))
			return t;
	return nullptr;
}

struct fs_type *fs_next(struct fs_type *after)
{
	return after ? after->next : types;
}

const char *option_next(const char *s)
{
	const char *comma = strchr(s, ',');

	return comma ? comma + 1 : nullptr;
}

u32 option_mode(const char *s)
{
	u32 v = 0;

	for (; *s >= '0' && *s <= '7'; s++)
		v = v * 8 + (u32)(*s - '0');
	return v & 07777;
}

void super_put(struct super *sb)
{
	if (__atomic_fetch_sub(&sb->refs, 1, __ATOMIC_ACQ_REL) == 1)
		kfree(sb);
}

void super_unmount(struct super *sb)
{
	if (__atomic_fetch_sub(&sb->mounts, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	struct dentry *root = sb->root;

	notify_unmounted(sb);
	if (sb->ops && sb->ops->kill)
		sb->ops->kill(sb);
	if (root)
		dentry_put(root);
	super_put(sb);
}

int super_new(struct fs_type *type, const char *source, const char *options,
	      struct super **out)
{
	if (type->shared) {
		__atomic_fetch_add(&type->shared->mounts, 1, __ATOMIC_RELAXED);
		*out = type->shared;
		return 0;
	}
	struct super *sb = kzalloc(sizeof(*sb));

	if (!sb)
		return -ENOMEM;
	sb->refs = sb->mounts = 1;
	sb->type = type;
	sb->dev = dev_make(0, __atomic_add_fetch(&last_dev, 1, __ATOMIC_RELAXED));
	int err = type->fill(sb, source, options);

	if (err) {
		super_unmount(sb);
		return err;
	}
	if (type->single) {
		sb->mounts++;	/* never ends */
		type->shared = sb;
	}
	*out = sb;
	return 0;
}

void fs_show_all(struct text *t)
{
	for (struct fs_type *type = types; type; type = type->next)
		text_printf(t, "%s\t%s\n", type->needs_device ? "" : "nodev", type->name);
}
