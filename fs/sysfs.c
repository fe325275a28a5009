// SPDX-License-Identifier: MIT
/*
 * sysfs, as far as programs look: which CPUs there are (nproc, C libraries), the policy for large
 * pages (allocators). Device classes: sysfs_class.c; disks: sysfs_block.c.
 */
#include "fs/sysfs.h"
#include "arch/arch.h"
#include "fs/cpulist.h"
#include "fs/procfs_tree.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/block.h"
#include "proc/sched.h"

constexpr u64 SYSFS_MAGIC = 0x62656572;

/* ---- CPUs */

static u64 possible_mask(void)
{
	return BIT(arch_cpu_count()) - 1;
}

static int show_list(struct text *t, u64 mask)
{
	text_cpu_list(t, mask);
	text_puts(t, "\n");
	return 0;
}

static int show_online(struct inode *i, struct text *t)
{
	return show_list(t, sched_online_mask());
}

static int show_offline(struct inode *i, struct text *t)
{
	return show_list(t, possible_mask() & ~sched_online_mask());
}

static int show_possible(struct inode *i, struct text *t) { return show_list(t, possible_mask()); }

static int show_kernel_max(struct inode *i, struct text *t)
{
	text_printf(t, "%u\n", MAX_CPUS - 1);
	return 0;
}

static int show_cpu_online(struct inode *i, struct text *t)
{
	text_printf(t, "%d\n", (int)(sched_online_mask() >> i->arg[0] & 1));
	return 0;
}

/* Each CPU is a package of its own: nobody knows better. */
static int show_core_id(struct inode *i, struct text *t)
{
	text_printf(t, "%lu\n", i->arg[0]);
	return 0;
}

static int show_siblings_list(struct inode *i, struct text *t)
{
	return show_list(t, BIT(i->arg[0]));
}

static const struct pseudo_entry topology_table[] = {
	{ .name = "core_id", .mode = S_IFREG | 0444, .show = show_core_id },
	{ .name = "physical_package_id", .mode = S_IFREG | 0444, .show = show_core_id },
	{ .name = "thread_siblings_list", .mode = S_IFREG | 0444, .show = show_siblings_list },
	{ .name = "core_cpus_list", .mode = S_IFREG | 0444, .show = show_siblings_list },
	{},
};

static const struct pseudo_entry one_cpu_table[] = {
	{ .name = "online", .mode = S_IFREG | 0444, .show = show_cpu_online },
	{ .name = "topology", .mode = S_IFDIR | 0555, .children = topology_table },
	{},
};

static const struct pseudo_entry one_cpu = {
	.name = "cpuN", .mode = S_IFDIR | 0555, .children = one_cpu_table,
};

static const struct pseudo_entry cpus_table[] = {
	{ .name = "kernel_max", .mode = S_IFREG | 0444, .show = show_kernel_max },
	{ .name = "offline", .mode = S_IFREG | 0444, .show = show_offline },
	{ .name = "online", .mode = S_IFREG | 0444, .show = show_online },
	{ .name = "possible", .mode = S_IFREG | 0444, .show = show_possible },
	{ .name = "present", .mode = S_IFREG | 0444, .show = show_possible },
	{},
};

static int cpus_lookup(struct dentry *dir, struct dentry *child)
{
	int n, err = pseudo_lookup(dir, child);

	if (err != -ENOENT || child->len < 4 || __builtin_memcmp(child->name, "cpu", 3) ||
	    !proc_number(child->name + 3, child->len - 3u, &n) || (unsigned)n >= arch_cpu_count())
		return err;
	return pseudo_instantiate(child, &one_cpu, (u64)n, 0);
}

static int cpus_iterate(struct file *f, struct dir_sink *sink)
{
	if (f->pos < PSEUDO_STATIC_END && pseudo_iterate(f, sink))
		return 0;
	for (u64 n; (n = f->pos - PSEUDO_STATIC_END) < arch_cpu_count(); f->pos++) {
		char name[16];
		int len = snprintf(name, sizeof(name), "cpu%lu", n);

		if (!sink->entry(sink, name, (size_t)len, (u64)1 << 32 | n, S_IFDIR, f->pos + 1))
			return 0;
	}
	return 0;
}

static const struct inode_ops cpus_ops = { .lookup = cpus_lookup };
static const struct file_ops cpus_fops = { .iterate = cpus_iterate };

/* ---- blocks of 2 MiB (mm/block.h), by Linux's names */

static int show_thp_enabled(struct inode *i, struct text *t)
{
	enum block_mode now = load_relaxed(&block_mode);

	for (int m = BLOCK_ALWAYS; m >= (int)BLOCK_NEVER; m--)
		text_printf(t, m == (int)now ? "[%s]%c" : "%s%c", block_mode_names[m], m ? ' ' : '\n');
	return 0;
}

static long store_thp_enabled(struct inode *i, const char *buf, size_t n)
{
	for (enum block_mode m = BLOCK_NEVER; m <= BLOCK_ALWAYS; m++) {
		size_t len = strlen(block_mode_names[m]);

		if (strncmp(buf, block_mode_names[m], len) == 0 && (!buf[len] || buf[len] == '\n')) {
			store_relaxed(&block_mode, m);
			return (long)n;
		}
	}
	return -EINVAL;
}

static int show_thp_size(struct inode *i, struct text *t)
{
	text_printf(t, "%lu\n", pt_slot_size(1));
	return 0;
}

static const struct pseudo_entry thp_table[] = {
	{ .name = "enabled", .mode = S_IFREG | 0644, .show = show_thp_enabled, .store = store_thp_enabled },
	{ .name = "hpage_pmd_size", .mode = S_IFREG | 0444, .show = show_thp_size },
	{},
};

/* ---- the tree */

static const struct pseudo_entry mm_table[] = {
	{ .name = "transparent_hugepage", .mode = S_IFDIR | 0555, .children = thp_table }, {},
};
static const struct pseudo_entry kernel_table[] = {
	{ .name = "mm", .mode = S_IFDIR | 0555, .children = mm_table }, {},
};
static const struct pseudo_entry system_table[] = {
	{ .name = "cpu",
	 .mode = S_IFDIR | 0555,
	 .children = cpus_table,
	 .ops = &cpus_ops,
	 .fops = &cpus_fops },
	{},
};
static const struct pseudo_entry devices_table[] = {
	{ .name = "system", .mode = S_IFDIR | 0555, .children = system_table }, {},
};
static const struct pseudo_entry empty_table[] = { {} };
static const struct pseudo_entry class_table[] = {
	{ .name = "block",
	 .mode = S_IFDIR | 0555,
	 .children = empty_table,
	 .ops = &sysfs_blockdevs_ops,
	 .fops = &sysfs_blockdevs_fops },
	{},
};
static const struct pseudo_entry dev_table[] = {
	{ .name = "block",
	 .mode = S_IFDIR | 0555,
	 .children = empty_table,
	 .ops = &sysfs_block_numbers_ops,
	 .fops = &sysfs_block_numbers_fops },
	{},
};
static const struct pseudo_entry root_table[] = {
	{ .name = "block",
	 .mode = S_IFDIR | 0555,
	 .children = empty_table,
	 .ops = &sysfs_disks_ops,
	 .fops = &sysfs_disks_fops },
	{ .name = "class",
	 .mode = S_IFDIR | 0555,
	 .children = class_table,
	 .ops = &sysfs_classes_ops,
	 .fops = &sysfs_classes_fops },
	{ .name = "dev", .mode = S_IFDIR | 0555, .children = dev_table },
	{ .name = "devices", .mode = S_IFDIR | 0555, .children = devices_table },
	{ .name = "kernel", .mode = S_IFDIR | 0555, .children = kernel_table },
	{},
};
static const struct pseudo_entry root = {
	.name = "/", .mode = S_IFDIR | 0555, .children = root_table,
};

static int fill(struct super *sb, const char *source, const char *options)
{
	return pseudo_fill(sb, &root, SYSFS_MAGIC);
}

static struct fs_type type = { .name = "sysfs", .fill = fill };

void sysfs_init(void)
{
	fs_register(&type);
}
