// SPDX-License-Identifier: MIT
/*
 * procfs: /proc/PID/maps, smaps, smaps_rollup: the layout as text, region by region, and what of it
 * is resident.
 *
 * There may be 65,530 regions, so the text is made in pieces as it is read, and the address space's
 * lock is held for one region at a time: a reader sees each region whole, and the rest as it is
 * when he comes there (as on Linux).
 *
 * Rss is exact. Who else has a page is known as a count only: a page is reached by as many ways as
 * its last table has references along the path, times the references of the page itself. Where some
 * sharers come through one shared table and others through tables of their own, the product is too
 * high; Pss is then too low.
 */
#include "fs/procfs_tree.h"
#include "lib/string.h"
#include "mm/block.h"
#include "mm/kmem.h"
#include "mm/pt.h"
#include "mm/swap.h"
#include "mm/vm.h"

constexpr size_t PIECE = 16 * KiB;
constexpr size_t NAME_COLUMN = 73;
constexpr unsigned PSS_SHIFT = 12;

/* Bytes; pss in 1 / 4096 bytes. */
struct resident {
	u64 size, rss, pss, pss_dirty, shared_clean, shared_dirty, private_clean, private_dirty,
		referenced, anonymous, huge, locked, swap, swap_pss;
};

/* ---- counting */

static void count_leaf(struct resident *c, struct pte e, int level, u64 ways, u64 bytes, bool locked)
{
	const struct page *p = pa_page(pte_pa(e, level));
	u32 prot = pte_prot(e, level);
	enum page_kind kind = load_relaxed(&p->kind);

	if (kind == PAGE_ZERO || kind == PAGE_RESERVED)
		return;		/* nobody's: Linux does not count the page of zeros either */
	bool cache = kind == PAGE_CACHE;
	u64 sharers = max(page_refs(p) - (cache && load_relaxed(&p->object) ? 1 : 0), 1u) * ways;
	bool dirty = prot & P_DIRTY || (cache && load_relaxed(&p->flags) & PG_DIRTY);
	u64 share = (bytes << PSS_SHIFT) / sharers;

	c->rss += bytes;
	c->pss += share;
	c->pss_dirty += dirty ? share : 0;
	c->locked += locked ? share : 0;
	c->referenced += prot & P_ACCESSED ? bytes : 0;
	c->anonymous += cache ? 0 : bytes;
	c->huge += !cache && level ? bytes : 0;
	*(sharers > 1 ? dirty ? &c->shared_dirty : &c->shared_clean :
			dirty ? &c->private_dirty : &c->private_clean) += bytes;
}

/* vm->lock is held for writing, so what our path reaches stays: a frozen table does not change.
 * `ways`: how many come here. */
static void count_table(struct resident *c, struct page *table, u64 ways, va_t va, va_t end,
			bool locked)
{
	int level = table->level;
	u64 size = pt_slot_size(level);

	for (va_t next; va < end; va = next) {
		struct pte e = pte_load(&pt_slots(table)[pt_index(va, level)]);
		enum pte_kind kind = pte_kind(e, level);

		next = min(align_down(va, size) + size, end);
		if (kind == PTE_LEAF) {
			count_leaf(c, e, level, ways, next - va, locked);
		} else if (kind == PTE_SWAP) {
			c->swap += PAGE_SIZE;
			c->swap_pss += (PAGE_SIZE << PSS_SHIFT) / (swap_slot_refs((u32)pte_payload(e)) * ways);
		} else if (kind == PTE_TABLE) {
			struct page *child = pa_page(pte_table_pa(e));

			count_table(c, child, ways * max(page_refs(child), 1u), va, next, locked);
		}
	}
}

/* The next region that ends above va, with a reference on its object (to be put); *c gets its pages
 * added if wanted. */
static bool next_region(struct vm *vm, va_t va, struct region *r, struct resident *c)
{
	if (!c) {
		scoped_read(&vm->lock);
		bool found = layout_next(&vm->layout, va, r);

		if (found)
			object_get(r->object);
		return found;
	}
	scoped_write(&vm->lock);
	if (!layout_next(&vm->layout, va, r))
		return false;
	object_get(r->object);
	c->size += r->end - r->start;
	if (!(r->flags & R_DEVICE))
		count_table(c, vm->root, 1, r->start, r->end, r->flags & R_LOCKED);
	return true;
}

/* ---- maps */

/* A name in one line: only newlines are escaped here. */
static void text_name(struct text *t, const char *s)
{
	for (const char *end; (end = strchr(s, '\n')); s = end + 1) {
		text_write(t, s, (size_t)(end - s));
		text_puts(t, "\\012");
	}
	text_puts(t, s);
}

/* Where the file can be seen; a mapping keeps the file, but not the name it was opened by. */
static void show_path(struct text *t, struct inode *i)
{
	struct path p = {};
	struct dentry *d = dentry_of(i);
	char *buf = kmalloc(PATH_MAX), *name = nullptr;

	if (d && d->sb == mount_anon->sb) {	/* memfd */
		p = (struct path){ mount_anon, d };
		path_get(&p);
	}
	if (buf && d && (p.dentry || mount_of(d, &p)))
		name = path_name(&p, buf, PATH_MAX);
	text_name(t, name ? name : "(deleted)");
	path_put(&p);
	dentry_put(d);
	kfree(buf);
}

static void pad_to_name(struct text *t, size_t line_start)
{
	size_t len = t->len - line_start;

	text_printf(t, "%*s", len < NAME_COLUMN ? (int)(NAME_COLUMN - len) : 1, "");
}

/* Of what is no file; nullptr: it is one, or has no name. */
static const char *special_name(const struct vm *vm, const struct region *r)
{
	if (r->flags & R_VDSO)
		return "[vdso]";
	if (r->object)
		return r->object->host || r->object->ops->describe ? nullptr : "/dev/zero (deleted)";
	if (r->start < load_relaxed(&vm->brk) && r->end > vm->brk_start)
		return "[heap]";
	return r->flags & R_STACK ? "[stack]" : nullptr;
}

static void show_line(struct text *t, const struct vm *vm, const struct region *r)
{
	struct inode *i = r->object && !(r->flags & R_VDSO) ? r->object->host : nullptr;
	u32 dev = i ? i->sb->dev : r->object && !(r->flags & R_VDSO) ? dev_make(0, 1) : 0;
	size_t start = t->len;
	u64 ino = i ? i->ino : 0;
	char told[32] = "";

	if (r->object && !i && r->object->ops->describe)
		r->object->ops->describe(r->object, told, sizeof(told), &ino);
	text_printf(t, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", r->start, r->end,
		    r->flags & R_READ ? 'r' : '-', r->flags & R_WRITE ? 'w' : '-',
		    r->flags & R_EXEC ? 'x' : '-',
		    (r->flags & (R_SHARED | R_VDSO)) == R_SHARED ? 's' : 'p',
		    r->object ? r->offset << PAGE_SHIFT : 0, dev_major(dev), dev_minor(dev),
		    ino);
	const char *name = told[0] ? told : special_name(vm, r);

	if (name || i)
		pad_to_name(t, start);
	if (name)
		text_puts(t, name);
	else if (i)
		show_path(t, i);
	text_puts(t, "\n");
}

/* ---- smaps */

static void show_kib(struct text *t, const char *name, u64 bytes)
{
	size_t start = t->len;

	text_printf(t, "%s:", name);
	text_printf(t, "%*lu kB\n", (int)(24 - (t->len - start)), bytes / KiB);
}

static void show_resident(struct text *t, const struct resident *c)
{
	show_kib(t, "Rss", c->rss);
	show_kib(t, "Pss", c->pss >> PSS_SHIFT);
	show_kib(t, "Pss_Dirty", c->pss_dirty >> PSS_SHIFT);
	show_kib(t, "Shared_Clean", c->shared_clean);
	show_kib(t, "Shared_Dirty", c->shared_dirty);
	show_kib(t, "Private_Clean", c->private_clean);
	show_kib(t, "Private_Dirty", c->private_dirty);
	show_kib(t, "Referenced", c->referenced);
	show_kib(t, "Anonymous", c->anonymous);
	show_kib(t, "LazyFree", 0);
	show_kib(t, "AnonHugePages", c->huge);
	show_kib(t, "ShmemPmdMapped", 0);
	show_kib(t, "FilePmdMapped", 0);
	show_kib(t, "Shared_Hugetlb", 0);
	show_kib(t, "Private_Hugetlb", 0);
	show_kib(t, "Swap", c->swap);
	show_kib(t, "SwapPss", c->swap_pss >> PSS_SHIFT);
	show_kib(t, "Locked", c->locked >> PSS_SHIFT);
}

static void show_flags(struct text *t, u32 flags)
{
	static const struct {
		u32 flag;
		const char *name;
	} names[] = {
		{ R_READ, "rd" }, { R_WRITE, "wr" }, { R_EXEC, "ex" }, { R_SHARED, "sh" },
		{ R_MAXREAD, "mr" }, { R_MAXWRITE, "mw" }, { R_MAXEXEC, "me" },
		{ R_GROWSDOWN, "gd" }, { R_LOCKED, "lo" }, { R_DEVICE, "io" }, { R_SEQREAD, "sr" },
		{ R_RANDREAD, "rr" }, { R_DONTFORK, "dc" }, { R_ACCOUNT, "ac" },
		{ R_NORESERVE, "nr" }, { R_WIPEONFORK, "wf" }, { R_DONTDUMP, "dd" },
		{ R_HUGE, "hg" }, { R_NOHUGE, "nh" }, { R_SEALED, "sl" },
	};

	text_puts(t, "VmFlags: ");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			text_printf(t, "%s ", names[i].name);
	text_puts(t, "\n");
}

static void show_smaps_entry(struct text *t, const struct vm *vm, const struct region *r, const struct resident *c)
{
	show_line(t, vm, r);
	show_kib(t, "Size", c->size);
	show_kib(t, "KernelPageSize", PAGE_SIZE);
	show_kib(t, "MMUPageSize", PAGE_SIZE);
	show_resident(t, c);
	text_printf(t, "THPeligible:    %8d\n", block_wanted(r, align_up(r->start, BLOCK_SIZE)));
	show_flags(t, r->flags);
}

int pid_show_smaps_rollup(struct inode *i, struct text *t)
{
	scoped_vm *vm = nullptr;
	struct resident c = {};
	struct region r;
	va_t start = 0, end = 0;
	int err = pid_vm(i, &vm);

	if (!vm)
		return err ? err : -ESRCH;
	for (; next_region(vm, end, &r, &c); end = r.end) {
		object_put(r.object);
		start = start ? start : r.start;
	}
	text_printf(t, "%08lx-%08lx ---p 00000000 00:00 0 ", start, end);
	pad_to_name(t, 0);
	text_puts(t, "[rollup]\n");
	show_resident(t, &c);
	return 0;
}

/* ---- reading in pieces: f->data; the inode's lock puts readers in order */

struct stream {
	struct text piece;
	u64 start;		/* its position in the whole text */
	va_t next;		/* regions that end above it come next */
	bool smaps, end;
};

static int stream_fill(struct stream *s, struct vm *vm)
{
	s->start += s->piece.len;
	s->piece.len = 0;
	while (s->piece.len < PIECE && !s->piece.err) {
		struct resident c = {};
		struct region r;

		if (!next_region(vm, s->next, &r, s->smaps ? &c : nullptr)) {
			s->end = true;
			break;
		}
		s->next = r.end;
		if (s->smaps)
			show_smaps_entry(&s->piece, vm, &r, &c);
		else
			show_line(&s->piece, vm, &r);
		object_put(r.object);
	}
	return s->piece.err;
}

/* Brings the piece that holds `pos`, or the end. */
static int stream_seek(struct file *f, struct stream *s, u64 pos)
{
	scoped_vm *vm = nullptr;
	int err = pid_private_open(f);	/* it may have become somebody else's since */

	if (!err)
		err = pid_vm(f->inode, &vm);
	if (pos == 0 || pos < s->start) {
		text_free(&s->piece);
		*s = (struct stream){ .smaps = s->smaps };
	}
	while (!err && vm && !s->end && pos >= s->start + s->piece.len)
		err = stream_fill(s, vm);
	return err;
}

static long stream_read(struct file *f, struct io *io, u64 *pos)
{
	struct stream *s = f->data;

	scoped_mutex(&f->inode->lock);
	int err = stream_seek(f, s, *pos);

	if (err || *pos >= s->start + s->piece.len)
		return err;
	u64 at = *pos - s->start;
	size_t want = min(io->left, s->piece.len - at), got = io_put(io, s->piece.buf + at, want);

	*pos += got;
	return got ? (long)got : -EFAULT;
}

static int stream_open(struct file *f, bool smaps)
{
	int err = pid_private_open(f);
	struct stream *s = err ? nullptr : kzalloc(sizeof(*s));

	if (err || !s)
		return err ? err : -ENOMEM;
	s->smaps = smaps;
	f->data = s;
	return 0;
}

static int maps_open(struct file *f) { return stream_open(f, false); }
static int smaps_open(struct file *f) { return stream_open(f, true); }

static void stream_release(struct file *f)
{
	struct stream *s = f->data;

	text_free(&s->piece);
	kfree(s);
}

const struct file_ops pid_maps_fops = {
	.open = maps_open, .release = stream_release, .read = stream_read,
};
const struct file_ops pid_smaps_fops = {
	.open = smaps_open, .release = stream_release, .read = stream_read,
};
