// SPDX-License-Identifier: MIT
/*
 * Descriptor tables. A table and its two bit maps are one allocation, behind struct files itself at
 * first, so that fork allocates once, of the size that is used.
 *
 * Locks: files->lock for every change and for everybody but an only user. Files are closed after it
 * is released.
 */
#include "fs/file.h"
#include "fs/flock.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"

constexpr u32 FIRST_CAPACITY = 32;
constexpr unsigned WORD = 64;
constexpr u32 FEW = 8;			/* descriptors: more than most programs have */

static u32 words_of(u32 capacity) { return (capacity + WORD - 1) / WORD; }

static size_t table_size(u32 capacity)
{
	return sizeof(struct fd_table) + capacity * sizeof(struct file *) +
	       2 * words_of(capacity) * sizeof(u64);
}

/* Lays the bit maps behind the pointers. All empty. */
static void table_init(struct fd_table *t, u32 capacity)
{
	memset(t, 0, table_size(capacity));
	t->capacity = capacity;
	t->open = (u64 *)&t->file[capacity];
	t->cloexec = t->open + words_of(capacity);
}

static struct fd_table *inline_table(struct files *fs) { return (struct fd_table *)(fs + 1); }

static struct files *files_new(u32 capacity)
{
	struct files *fs = kmalloc(sizeof(*fs) + table_size(capacity));

	if (!fs)
		return nullptr;
	*fs = (struct files){ .refs = 1, .table = inline_table(fs) };
	table_init(fs->table, capacity);
	return fs;
}

static bool is_open(const struct fd_table *t, unsigned n)
{
	return n < t->capacity && t->file[n];
}

static void bit_put(u64 *map, unsigned n, bool on)
{
	u64 bit = BIT(n % WORD);

	map[n / WORD] = on ? map[n / WORD] | bit : map[n / WORD] & ~bit;
}

static bool bit_get(const u64 *map, unsigned n) { return map[n / WORD] >> (n % WORD) & 1; }

/* The lowest clear bit >= from, at most capacity. */
static unsigned first_free(const struct fd_table *t, unsigned from)
{
	for (unsigned w = from / WORD; w < words_of(t->capacity); w++) {
		u64 taken = t->open[w] | (w == from / WORD ? BIT(from % WORD) - 1 : 0);

		if (~taken)
			return min(w * WORD + (unsigned)__builtin_ctzll(~taken), t->capacity);
	}
	return t->capacity;
}

/* The lowest open descriptor >= from, or capacity. */
static unsigned next_open(const struct fd_table *t, unsigned from)
{
	for (unsigned w = from / WORD; w < words_of(t->capacity); w++) {
		u64 open = t->open[w] & (w == from / WORD ? ~(BIT(from % WORD) - 1) : ~0ul);

		if (open)
			return w * WORD + (unsigned)__builtin_ctzll(open);
	}
	return t->capacity;
}

/* One more than the highest open descriptor. */
static u32 used_of(const struct fd_table *t)
{
	for (u32 w = words_of(t->capacity); w-- > 0;)
		if (t->open[w])
			return w * WORD + WORD - (u32)__builtin_clzll(t->open[w]);
	return 0;
}

static u32 round_capacity(u32 n)
{
	u32 c = FIRST_CAPACITY;

	while (c < n)
		c *= 2;
	return c;
}

/* fs->lock held; it is released while memory is allocated. 0: descriptor n has a slot now. */
static int table_grow(struct files *fs, unsigned n)
{
	while (n >= fs->table->capacity) {
		u32 capacity = round_capacity(n + 1);

		spin_unlock(&fs->lock);
		struct fd_table *t = kmalloc(table_size(capacity));

		spin_lock(&fs->lock);
		if (!t)
			return -ENOMEM;
		struct fd_table *old = fs->table;

		if (old->capacity >= capacity) {	/* another thread was faster */
			kfree(t);
			continue;
		}
		table_init(t, capacity);
		memcpy(t->file, old->file, old->capacity * sizeof(struct file *));
		memcpy(t->open, old->open, words_of(old->capacity) * sizeof(u64));
		memcpy(t->cloexec, old->cloexec, words_of(old->capacity) * sizeof(u64));
		fs->table = t;
		if (old != inline_table(fs))
			kfree(old);
	}
	return 0;
}

/* ---- whole tables */

struct files *files_get(struct files *fs)
{
	__atomic_fetch_add(&fs->refs, 1, __ATOMIC_RELAXED);
	return fs;
}

/* Copies into a table that is large enough; from->lock held. */
static void table_copy(struct fd_table *dst, const struct fd_table *src, u32 used)
{
	memcpy(dst->open, src->open, words_of(used) * sizeof(u64));
	memcpy(dst->cloexec, src->cloexec, words_of(used) * sizeof(u64));
	for (u32 n = 0; n < used; n++) {
		dst->file[n] = src->file[n];
		if (src->file[n])
			file_get(src->file[n]);
		else
			bit_put(dst->open, n, false);	/* perhaps reserved for a file that is being
							 * made */
	}
}

struct files *files_clone(struct files *from)
{
	for (u32 capacity = FEW;;) {
		struct files *fs = files_new(capacity);

		if (!fs)
			return nullptr;
		spin_lock(&from->lock);
		u32 used = used_of(from->table);
		bool fits = used <= capacity;

		if (fits) {
			table_copy(fs->table, from->table, used);
			fs->next = from->next;
		}
		spin_unlock(&from->lock);
		if (fits)
			return fs;
		kfree(fs);
		capacity = align_up(used, used > WORD ? WORD : FEW);
	}
}

/* A descriptor's reference goes; fs: whose POSIX locks end with it. */
static void close_file(struct file *f, struct files *fs)
{
	if (unlikely(load_acquire(&f->inode->locks) != nullptr))	/* by whatever descriptor
									 * they were taken */
		flock_close(f, fs);
	file_put(f);
}

void files_put(struct files *fs)
{
	if (!fs || __atomic_fetch_sub(&fs->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	struct fd_table *t = fs->table;
	u32 used = used_of(t);

	for (u32 n = 0; n < used; n++)
		if (t->file[n])
			close_file(t->file[n], fs);
	if (t != inline_table(fs))
		kfree(t);
	kfree(fs);
}

struct files *files_unshare(struct files *fs)
{
	return load_acquire(&fs->refs) == 1 ? fs : files_clone(fs);
}

/* Takes descriptor n out; fs->lock held. */
static struct file *take_out(struct files *fs, unsigned n)
{
	struct fd_table *t = fs->table;

	if (!is_open(t, n))
		return nullptr;
	struct file *f = t->file[n];

	t->file[n] = nullptr;
	bit_put(t->open, n, false);
	bit_put(t->cloexec, n, false);
	fs->next = min(fs->next, n);
	return f;
}

static void put_in(struct files *fs, unsigned n, struct file *f, u32 flags)
{
	struct fd_table *t = fs->table;

	bit_put(t->open, n, true);
	bit_put(t->cloexec, n, flags & O_CLOEXEC);
	store_release(&t->file[n], f);
}

void files_close_on_exec(struct files *fs)
{
	for (u32 w = 0; w < words_of(fs->table->capacity); w++) {
		u64 set = fs->table->cloexec[w];

		for (; set; set &= set - 1) {
			unsigned n = w * WORD + (unsigned)__builtin_ctzll(set);

			spin_lock(&fs->lock);
			struct file *f = take_out(fs, n);
			spin_unlock(&fs->lock);
			if (f)
				close_file(f, fs);
		}
	}
}

struct files *files_new_console(void)
{
	struct files *fs = files_new(FIRST_CAPACITY);
	struct file *f = nullptr;

	if (!fs)
		return nullptr;
	int err = file_open(AT_FDCWD, "/dev/console", O_RDWR | O_NOCTTY, 0, 0, &f);

	if (err) {
		log_warn("no console for init: error %d", -err);
		return fs;
	}
	for (unsigned n = 0; n < 3; n++) {
		file_get(f);
		put_in(fs, n, f, 0);
	}
	fs->next = 3;
	file_put(f);
	return fs;
}

/* ---- single descriptors */

struct file *files_lookup_shared(struct files *fs, unsigned n)
{
	scoped_spin(&fs->lock);
	struct file *f = is_open(fs->table, n) ? fs->table->file[n] : nullptr;

	if (f)
		file_get(f);
	return f;
}

struct file *file_of(int n)
{
	return files_lookup_shared(files_current(), (unsigned)n);
}

static unsigned fd_limit(void)
{
	return (unsigned)min(load_relaxed(&task_current()->limits[RLIM_NOFILE].cur),
			     (u64)FILES_MAX);
}

/* fs->lock held: a free descriptor >= from with a slot, its bit set so that nobody else gets it; or
 * -errno. */
static int reserve(struct files *fs, unsigned from, unsigned limit)
{
	for (;;) {
		unsigned n = first_free(fs->table, max(from, fs->next));

		if (n >= limit)
			return -EMFILE;
		if (n < fs->table->capacity) {
			bit_put(fs->table->open, n, true);
			if (from <= fs->next)
				fs->next = n + 1;
			return (int)n;
		}
		int err = table_grow(fs, n);

		if (err)
			return err;
	}
}

static void unreserve(struct files *fs, unsigned n)
{
	bit_put(fs->table->open, n, false);
	fs->next = min(fs->next, n);
}

int fd_install(struct file *f, u32 flags, unsigned from)
{
	struct files *fs = files_current();
	unsigned limit = fd_limit();

	if (from && from >= limit)
		return -EINVAL;
	scoped_spin(&fs->lock);
	int n = reserve(fs, from, limit);

	if (n >= 0)
		put_in(fs, (unsigned)n, f, flags);
	return n;
}

int fd_install_pair(struct file *a, struct file *b, u32 flags, int fds[2])
{
	struct files *fs = files_current();
	unsigned limit = fd_limit();

	scoped_spin(&fs->lock);
	fds[0] = reserve(fs, 0, limit);
	if (fds[0] < 0)
		return fds[0];
	fds[1] = reserve(fs, 0, limit);
	if (fds[1] < 0) {
		unreserve(fs, (unsigned)fds[0]);
		return fds[1];
	}
	put_in(fs, (unsigned)fds[0], a, flags);
	put_in(fs, (unsigned)fds[1], b, flags);
	return 0;
}

int fd_replace(struct file *f, unsigned n, u32 flags)
{
	struct files *fs = files_current();

	if (n >= fd_limit())
		return -EBADF;
	spin_lock(&fs->lock);
	int err = table_grow(fs, n);

	if (err) {
		spin_unlock(&fs->lock);
		return err;
	}
	if (!is_open(fs->table, n) && bit_get(fs->table->open, n)) {
		spin_unlock(&fs->lock);
		return -EBUSY;	/* another thread's open is about to return this number (dup2(2)) */
	}
	file_get(f);
	struct file *old = take_out(fs, n);

	put_in(fs, n, f, flags);
	spin_unlock(&fs->lock);
	if (old)
		close_file(old, fs);
	return (int)n;
}

int fd_close(unsigned n)
{
	struct files *fs = files_current();

	spin_lock(&fs->lock);
	struct file *f = take_out(fs, n);
	spin_unlock(&fs->lock);
	if (!f)
		return -EBADF;
	close_file(f, fs);
	return 0;
}

void fd_close_range(unsigned first, unsigned last)
{
	struct files *fs = files_current();

	for (;;) {
		spin_lock(&fs->lock);
		first = next_open(fs->table, min(first, fs->table->capacity));
		bool more = first <= last && first < fs->table->capacity;
		struct file *f = more ? take_out(fs, first) : nullptr;
		spin_unlock(&fs->lock);
		if (!more)
			return;
		if (f)
			close_file(f, fs);
		first++;
	}
}

void fd_cloexec_range(unsigned first, unsigned last)
{
	struct files *fs = files_current();

	scoped_spin(&fs->lock);
	struct fd_table *t = fs->table;

	for (unsigned n = next_open(t, min(first, t->capacity)); n < t->capacity && n <= last;
	     n = next_open(t, n + 1))
		bit_put(t->cloexec, n, true);
}

int fd_cloexec(unsigned n)
{
	struct files *fs = files_current();

	scoped_spin(&fs->lock);
	return is_open(fs->table, n) ? bit_get(fs->table->cloexec, n) : -EBADF;
}

int fd_set_cloexec(unsigned n, bool on)
{
	struct files *fs = files_current();

	scoped_spin(&fs->lock);
	if (!is_open(fs->table, n))
		return -EBADF;
	bit_put(fs->table->cloexec, n, on);
	return 0;
}

/* ---- other tasks' */

static struct files *task_files(struct task *t)
{
	scoped_spin(&t->lock);
	return t->files ? files_get(t->files) : nullptr;
}

struct file *task_file_next(struct task *t, unsigned *n)
{
	struct files *fs = task_files(t);
	struct file *f = nullptr;

	if (!fs)
		return nullptr;
	spin_lock(&fs->lock);
	unsigned found = next_open(fs->table, min(*n, fs->table->capacity));

	while (found < fs->table->capacity && !fs->table->file[found])
		found = next_open(fs->table, found + 1);
	if (is_open(fs->table, found)) {
		f = fs->table->file[found];
		file_get(f);
		*n = found;
	}
	spin_unlock(&fs->lock);
	files_put(fs);
	return f;
}

struct file *task_file(struct task *t, unsigned n)
{
	struct files *fs = task_files(t);

	if (!fs)
		return nullptr;
	struct file *f = files_lookup_shared(fs, n);

	files_put(fs);
	return f;
}
