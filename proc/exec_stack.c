// SPDX-License-Identifier: MIT
/*
 * exec's arguments: copied once from the caller's memory into chunks of the kernel's, then into the new stack. Every byte is
 * read exactly once, so another thread cannot change what has been checked.
 *
 * The stack at the first instruction, from the top down (System V ABI, "Process Initialization"):
 *	8 zero bytes; the program's name; strings of the environment; of argv; platform; 16 random bytes;
 *	auxiliary vector; envp and a null; argv and a null; argc, at a multiple of 16.
 */
#include "arch/arch.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/exec.h"
#include "proc/rseq.h"

constexpr u64 ARG_MAX_LEAST = 128 * KiB, ARG_MAX_MOST = 6 * MiB;	/* Linux's bounds around a quarter of the stack */
constexpr u64 STRING_MAX = 128 * KiB;
constexpr u64 STACK_FIRST = 128 * KiB;		/* mapped below what is written; the rest grows by faults */
constexpr unsigned POINTERS = 8;			/* read at a time: all, for most programs */

struct exec_chunk {
	struct exec_chunk *next;
	size_t used;
	char bytes[];
};
constexpr size_t CHUNK_BYTES = PAGE_SIZE - sizeof(struct exec_chunk);

/* ---- in */

static int check_limit(const struct exec_args *a)
{
	return a->bytes + (a->argc + a->envc) * sizeof(u64) <= a->limit ? 0 : -E2BIG;
}

/* A chunk with room, or nullptr. */
static struct exec_chunk *chunk_room(struct exec_args *a)
{
	if (a->last && a->last->used < CHUNK_BYTES)
		return a->last;
	struct page *page = page_alloc(0, PAGE_KERNEL, 0);

	if (!page)
		return nullptr;
	struct exec_chunk *c = page_address(page);

	c->next = nullptr;
	c->used = 0;
	if (a->last)
		a->last->next = c;
	else
		a->first = c;
	a->last = c;
	return c;
}

void args_free(struct exec_args *a)
{
	for (struct exec_chunk *c = a->first, *next; c; c = next) {
		next = c->next;
		page_put(page_of(c));
	}
	a->first = a->last = nullptr;
}

static int add_kernel_string(struct exec_args *a, const char *s)
{
	size_t left = strlen(s) + 1;

	a->bytes += left;
	while (left) {
		struct exec_chunk *c = chunk_room(a);

		if (!c)
			return -ENOMEM;
		size_t n = min(left, CHUNK_BYTES - c->used);

		memcpy(c->bytes + c->used, s, n);
		c->used += n;
		s += n;
		left -= n;
	}
	return check_limit(a);
}

/* The next part of a user string: its bytes without the terminator, *end if that was reached; or -errno. */
static long add_user_part(struct exec_args *a, va_t s, bool *end)
{
	struct exec_chunk *c = chunk_room(a);

	if (!c)
		return -ENOMEM;
	if (!user_range_ok(s, 1))
		return -EFAULT;
	size_t room = min(CHUNK_BYTES - c->used, USER_END - s);
	long n = arch_strncpy_from_user(c->bytes + c->used, s, room);

	if (n < 0)
		return n;
	*end = (size_t)n < room;
	c->used += (size_t)n + *end;
	a->bytes += (size_t)n + *end;
	return n;
}

static int add_user_string(struct exec_args *a, va_t s)
{
	u64 length = 0;

	for (bool end = false; !end;) {
		long n = add_user_part(a, s + length, &end);

		if (n < 0)
			return (int)n;
		length += (u64)n;
		if (length >= STRING_MAX || check_limit(a))
			return -E2BIG;
	}
	return 0;
}

/* The strings of a user vector behind the first `skip`; counts them in *count. */
static int add_user_vector(struct exec_args *a, va_t vector, unsigned skip, unsigned *count)
{
	u64 pointers[POINTERS];

	if (!vector)
		return 0;
	for (;;) {
		/* More than the vector has may be unmapped behind it: take what there is. */
		size_t n = copy_from_user_partial(pointers, vector, sizeof(pointers)) / sizeof(u64);

		if (!n)
			return -EFAULT;
		for (size_t i = 0; i < n; i++) {
			if (!pointers[i])
				return 0;
			if (skip) {
				skip--;
				continue;
			}
			++*count;
			int err = add_user_string(a, pointers[i]);

			if (err)
				return err;
		}
		vector += n * sizeof(u64);
	}
}

static int add_kernel_vector(struct exec_args *a, char *const *vector, unsigned skip, unsigned *count)
{
	for (; vector && *vector; vector++) {
		if (skip) {
			skip--;
			continue;
		}
		++*count;
		int err = add_kernel_string(a, *vector);

		if (err)
			return err;
	}
	return 0;
}

static u64 stack_limit(void)
{
	return load_relaxed(&task_current()->limits[RLIM_STACK].cur);
}

int args_copy(struct exec_args *a, const struct exec_vectors *v, char *const *prefix, unsigned n)
{
	*a = (struct exec_args){ .limit = max(min(stack_limit() / 4, ARG_MAX_MOST), ARG_MAX_LEAST) };
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++, a->argc++)
		err = add_kernel_string(a, prefix[i]);
	if (!err)
		err = add_user_vector(a, v->argv, n != 0, &a->argc);
	if (!err)
		err = add_kernel_vector(a, v->kernel_argv, n != 0, &a->argc);
	/* Programs count on an argv[0] (CVE-2021-4034). */
	if (!err && !a->argc) {
		a->argc = 1;
		err = add_kernel_string(a, "");
	}
	a->arg_bytes = a->bytes;
	if (!err)
		err = add_user_vector(a, v->envp, 0, &a->envc);
	if (!err)
		err = add_kernel_vector(a, v->kernel_envp, 0, &a->envc);
	return err;
}

/* ---- out */

/* Writes upwards into the new stack: pages that become the program's when they are full, or the last. */
struct writer {
	struct vm *vm;
	va_t at;			/* of the next byte */
	struct page *page;		/* where that goes; nullptr: a new one */
	int err;			/* once set, nothing is written any more */
};

static void place(struct writer *w, va_t last)
{
	int err = vm_place_page(w->vm, last & PAGE_MASK, w->page);

	w->err = w->err ?: err;
	w->page = nullptr;
}

/* Where the next bytes go, and how many there is room for; nullptr after an error. */
static void *put_room(struct writer *w, size_t *room)
{
	if (!w->page && !w->err) {
		w->page = page_alloc(0, PAGE_ANON, PA_ZERO);
		w->err = w->page ? 0 : -ENOMEM;
	}
	if (w->err)
		return nullptr;
	*room = PAGE_SIZE - (w->at & ~PAGE_MASK);
	return (u8 *)page_address(w->page) + (w->at & ~PAGE_MASK);
}

static void put_done(struct writer *w, size_t n)
{
	w->at += n;
	if (!(w->at & ~PAGE_MASK))
		place(w, w->at - 1);
}

static void put_bytes(struct writer *w, const void *p, size_t n)
{
	while (n) {
		size_t room;
		void *to = put_room(w, &room);

		if (!to)
			return;
		room = min(room, n);
		memcpy(to, p, room);
		put_done(w, room);
		p = (const u8 *)p + room;
		n -= room;
	}
}

/* Only while the position is a multiple of 8. */
static void put_word(struct writer *w, u64 v)
{
	size_t room;
	u64 *to = put_room(w, &room);

	if (!to)
		return;
	*to = v;
	put_done(w, sizeof(v));
}

/* The pages are zero already. */
static void put_zeros_until(struct writer *w, va_t end)
{
	size_t room;

	while (w->at < end && put_room(w, &room))
		put_done(w, min(room, end - w->at));
}

static void put_strings(struct writer *w, const struct exec_args *a)
{
	for (struct exec_chunk *c = a->first; c; c = c->next)
		put_bytes(w, c->bytes, c->used);
}

/* A place in the stream of strings. */
struct cursor {
	const struct exec_chunk *chunk;
	size_t offset;
	va_t address;			/* where this byte lies on the new stack */
};

static void skip_string(struct cursor *c)
{
	for (;;) {
		const char *from = c->chunk->bytes + c->offset;
		size_t left = c->chunk->used - c->offset;
		const char *end = memchr(from, 0, left);
		size_t n = end ? (size_t)(end - from) + 1 : left;

		c->address += n;
		c->offset += n;
		if (c->offset == c->chunk->used && c->chunk->next) {
			c->chunk = c->chunk->next;
			c->offset = 0;
		}
		if (end)
			return;
	}
}

static void put_pointers(struct writer *w, struct cursor *c, unsigned n)
{
	for (; n; n--) {
		put_word(w, c->address);
		skip_string(c);
	}
	put_word(w, 0);
}

enum { AT_NULL, AT_PHDR = 3, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID = 11, AT_EUID, AT_GID,
	AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK, AT_SECURE = 23, AT_RANDOM = 25, AT_HWCAP2, AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN, AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33, AT_MINSIGSTKSZ = 51 };

/* Addresses of what the auxiliary vector points to. */
struct places {
	va_t strings, execfn, platform, random, sp;
};

static unsigned fill_auxv(struct vm *vm, const struct exec_start *s, const struct places *p)
{
	const struct cred *c = s->cred;
	u64 *auxv = vm->image->auxv;
	unsigned n = 0;

#define PUT(type, value) (auxv[n] = (type), auxv[n + 1] = (u64)(value), n += 2)
	PUT(AT_HWCAP, arch_abi.hwcap);
	PUT(AT_PAGESZ, PAGE_SIZE);
	PUT(AT_CLKTCK, 100);
	PUT(AT_PHDR, s->phdr);
	PUT(AT_PHENT, ELF_PHDR_SIZE);
	PUT(AT_PHNUM, s->phnum);
	PUT(AT_BASE, s->base);
	PUT(AT_FLAGS, 0);
	PUT(AT_ENTRY, s->program_entry);
	PUT(AT_UID, c->uid);
	PUT(AT_EUID, c->euid);
	PUT(AT_GID, c->gid);
	PUT(AT_EGID, c->egid);
	PUT(AT_SECURE, s->secure);
	PUT(AT_RANDOM, p->random);
	PUT(AT_HWCAP2, arch_abi.hwcap2);
	PUT(AT_EXECFN, p->execfn);
	PUT(AT_PLATFORM, p->platform);
	PUT(AT_MINSIGSTKSZ, arch_abi.min_sigstack);
	PUT(AT_RSEQ_FEATURE_SIZE, RSEQ_FEATURES);
	PUT(AT_RSEQ_ALIGN, RSEQ_ALIGN);
	if (s->vdso_elf)
		PUT(AT_SYSINFO_EHDR, vm->vdso);
	PUT(AT_NULL, 0);
#undef PUT
	debug_assert(n <= ARRAY_SIZE(vm->image->auxv));
	return n;
}

static void find_places(const struct vm *vm, const struct exec_args *a, const struct exec_start *s,
			struct places *p)
{
	/* argc, two nulls, the auxiliary vector; all at most as long as this */
	u64 words = a->argc + a->envc + 3 + ARRAY_SIZE(vm->image->auxv);

	p->execfn = vm->stack_top - sizeof(u64) - (strlen(s->path) + 1);
	p->strings = p->execfn - a->bytes;
	p->platform = p->strings - (strlen(arch_abi.machine) + 1);
	p->random = align_down(p->platform - 16, 16ul);
	p->sp = align_down(p->random - words * sizeof(u64), 16ul);
}

static int map_stack(struct vm *vm, const struct exec_start *s, va_t low)
{
	struct region r = {
		.start = align_down(low, PAGE_SIZE) - STACK_FIRST,
		.end = vm->stack_top,
		.flags = R_READ | R_WRITE | (s->exec_stack ? R_EXEC : 0) | R_PROT << 3 | R_GROWSDOWN | R_STACK |
			 R_ACCOUNT,
	};

	return vm_map_fixed(vm, &r);
}

static void write_stack(struct writer *w, const struct exec_args *a, const struct exec_start *s,
			const struct places *p, unsigned naux)
{
	struct cursor c = { a->first, 0, p->strings };
	u8 random[16];

	random_bytes(random, sizeof(random));
	put_word(w, a->argc);
	put_pointers(w, &c, a->argc);
	put_pointers(w, &c, a->envc);
	put_bytes(w, w->vm->image->auxv, naux * sizeof(u64));
	put_zeros_until(w, p->random);
	put_bytes(w, random, sizeof(random));
	put_zeros_until(w, p->platform);
	put_bytes(w, arch_abi.machine, p->strings - p->platform);
	put_strings(w, a);
	put_bytes(w, s->path, w->vm->stack_top - sizeof(u64) - p->execfn);
	if (w->page)
		place(w, w->at);
}

int exec_stack(struct vm *vm, const struct exec_args *a, struct exec_start *s)
{
	struct places p;

	find_places(vm, a, s, &p);
	struct writer w = { .vm = vm, .at = p.sp };
	int err = map_stack(vm, s, p.sp);

	if (err)
		return err;
	write_stack(&w, a, s, &p, fill_auxv(vm, s, &p));
	vm->image->arg_start = p.strings;
	vm->image->arg_end = vm->image->env_start = p.strings + a->arg_bytes;
	vm->image->env_end = p.execfn;
	s->sp = p.sp;
	return w.err;
}
