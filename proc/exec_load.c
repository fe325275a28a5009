// SPDX-License-Identifier: MIT
/*
 * exec, second step: the new address space gets the program's segments from its page cache. Nothing is read that the program
 * does not touch; the one page that is written here is the last of the data segment, whose tail is .bss.
 *
 * Everything happens in an address space that no CPU uses yet, so a failure needs no undoing: the caller drops it.
 */
#include "arch/arch.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/vm.h"
#include "proc/exec.h"

/* Position-independent programs start here, far from both heap and mmap; Linux's choice. */
constexpr va_t PIE_BASE = USER_END / 3 * 2;
constexpr u64 PIE_RANDOM_PAGES = 1ul << 24;
constexpr u64 BRK_RANDOM_PAGES = 1ul << 13;
constexpr u32 R_MAX_ALL = R_PROT << 3;

static struct object *vdso;

void exec_init(void)
{
	struct page *page;

	if (!arch_vdso_page || vdso)
		return;
	vdso = object_new_shared(PAGE_SIZE);
	if (!vdso || object_page(vdso, 0, OP_CREATE | OP_WRITE, &page))
		panic("no memory for the vDSO");
	memcpy(page_address(page), arch_vdso_page, PAGE_SIZE);
	arch_vdso_attach(page_address(page));
	arch_sync_code(page_address(page), PAGE_SIZE);
	page_put(page);
}

/* ---- what the file says */

static int read_phdrs(struct elf_file *e, u64 have)
{
	size_t size = e->header.phnum * ELF_PHDR_SIZE;

	if (e->header.phoff <= have && size <= have - e->header.phoff) {
		e->phdrs = e->head + e->header.phoff;
		return 0;
	}
	void *buf = kmalloc(size);

	if (!buf)
		return -ENOMEM;
	e->phdrs = buf;
	long n = object_read(e->file->object, e->header.phoff, buf, size);

	return n == (long)size ? 0 : n < 0 && n != -EFAULT ? (int)n : -ENOEXEC;
}

int elf_file_read(struct elf_file *e, struct exec_file *file)
{
	e->file = file;
	e->phdrs = nullptr;
	long n = object_read(file->object, 0, e->head, sizeof(e->head));

	if (n < 0)
		return n == -EFAULT ? -ENOEXEC : (int)n;
	int err = elf_decode_header(e->head, (size_t)n, arch_abi.elf_machine, &e->header);

	if (!err)
		err = read_phdrs(e, (u64)n);
	return err ?: elf_decode_image(&e->header, e->phdrs, USER_END, &e->image);
}

void elf_file_close(struct elf_file *e)
{
	const u8 *p = e->phdrs;

	if (p && (p < e->head || p >= e->head + sizeof(e->head)))
		kfree((void *)p);
	e->phdrs = nullptr;
}

/* ---- segments */

static u32 segment_flags(const struct elf_segment *s)
{
	return R_MAX_ALL | (s->flags & PF_R ? R_READ : 0) | (s->flags & PF_W ? R_WRITE | R_ACCOUNT : 0) |
	       (s->flags & PF_X ? R_EXEC : 0);
}

/* The last page of a segment is the file's up to `end`, and zero behind: .bss. So it is private from the start. */
static int place_tail(struct vm *vm, const struct exec_file *f, u64 offset, va_t end)
{
	struct page *from, *p = page_alloc(0, PAGE_ANON, 0);

	if (!p)
		return -ENOMEM;
	int err = object_page(f->object, offset >> PAGE_SHIFT, OP_CREATE, &from);

	if (err) {
		page_put(p);
		return offset >= f->size ? -ENOEXEC : err;	/* cut off: there is no such page */
	}
	arch_page_clear_from(page_address(p), end & ~PAGE_MASK);
	memcpy(page_address(p), page_address(from), end & ~PAGE_MASK);
	page_put(from);
	return vm_place_page(vm, end & PAGE_MASK, p);
}

/* The file's part, in whole pages: [start, file_end). */
static int map_file_part(struct vm *vm, const struct exec_file *f, const struct elf_segment *s, va_t start,
			 va_t file_end)
{
	struct region r = {
		.start = start,
		.end = file_end,
		.flags = segment_flags(s),
		.object = f->object,
		.offset = s->offset >> PAGE_SHIFT,
	};
	va_t bytes_end = s->vaddr + s->filesz;
	int err = vm_map_fixed(vm, &r);

	/* A segment that may not be written keeps what the file has behind its end. */
	if (err || s->memsz == s->filesz || !(s->flags & PF_W) || bytes_end == file_end)
		return err;
	return place_tail(vm, f, s->offset + s->filesz, bytes_end);
}

static int map_segment(struct vm *vm, const struct exec_file *f, struct elf_segment *s, u64 bias)
{
	s->vaddr += bias;
	va_t start = align_down(s->vaddr, PAGE_SIZE), zero = start;
	va_t end = align_up(s->vaddr + s->memsz, PAGE_SIZE);

	if (s->filesz) {
		zero = align_up(s->vaddr + s->filesz, PAGE_SIZE);
		int err = map_file_part(vm, f, s, start, zero);

		if (err)
			return err;
	}
	if (zero >= end)
		return 0;
	struct region r = { .start = zero, .end = end, .flags = segment_flags(s) };

	return vm_map_fixed(vm, &r);
}

static int map_image(struct vm *vm, const struct elf_file *e)
{
	struct elf_segment s;

	for (unsigned i = 0; i < e->header.phnum; i++) {
		if (!elf_segment(e->phdrs, i, &s))
			continue;
		int err = map_segment(vm, e->file, &s, e->bias);

		if (err)
			return err;
	}
	return 0;
}

/* ---- places */

static u64 random_pages(bool aslr, u64 limit)
{
	return aslr ? random_below(limit) << PAGE_SHIFT : 0;
}

/* An ET_DYN file's lowest address goes to `at` or a little below, as its alignment asks. */
static void place_at(struct elf_file *e, va_t at)
{
	e->bias = align_down(at, e->image.align) - align_down(e->image.low, e->image.align);
}

/* Right below `top`; returns where the next may end, or 0: no room. */
static va_t place_below(struct elf_file *e, va_t top)
{
	u64 size = e->image.high - align_down(e->image.low, e->image.align);

	if (size > top / 2)
		return 0;
	place_at(e, top - size);
	return e->image.low + e->bias;
}

static int map_vdso(struct vm *vm, va_t below)
{
	if (!vdso)
		return 0;
	struct region r = {
		.start = below - PAGE_SIZE,
		.end = below,
		.flags = R_READ | R_EXEC | R_MAXREAD | R_MAXEXEC | R_SHARED | R_VDSO,
		.object = vdso,
	};

	vm->vdso = r.start;
	return vm_map_fixed(vm, &r);
}

int exec_load(struct vm *vm, struct elf_file *program, struct elf_file *interp, struct exec_start *s)
{
	va_t top = vm->mmap_top;

	program->bias = 0;
	if (program->header.dynamic)
		place_at(program, PIE_BASE + random_pages(s->aslr, PIE_RANDOM_PAGES));
	if (program->image.high + program->bias > USER_END)
		return -ENOEXEC;
	int err = map_image(vm, program);

	if (!err && interp) {
		interp->bias = 0;
		if (interp->header.dynamic)
			top = place_below(interp, top);
		err = top ? map_image(vm, interp) : -ENOMEM;
	}
	if (!err)
		err = map_vdso(vm, top);
	if (err)
		return err;
	vm->brk_start = vm->brk = program->image.high + program->bias + random_pages(s->aslr, BRK_RANDOM_PAGES);
	s->vdso_elf = vdso && memcmp(arch_vdso_page, "\177ELF", 4) == 0;
	s->phdr = program->image.phdr ? program->image.phdr + program->bias : 0;
	s->phnum = program->header.phnum;
	s->program_entry = program->header.entry + program->bias;
	s->base = interp ? interp->bias : 0;
	s->entry = interp ? interp->header.entry + interp->bias : s->program_entry;
	return 0;
}
