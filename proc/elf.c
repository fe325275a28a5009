// SPDX-License-Identifier: MIT
/*
 * Decoding of ELF headers and `#!` lines. Refused with -ENOEXEC is what no linker makes and what could only be loaded wrongly:
 * another machine, sizes that overflow, segments that overlap, are out of order, or lie in the file at another offset modulo
 * the page size than in memory. Unknown program headers are skipped.
 */
#include "proc/elf.h"

#include "lib/string.h"

enum { ET_EXEC = 2, ET_DYN = 3 };
enum : u32 { PT_LOAD = 1, PT_INTERP = 3, PT_GNU_STACK = 0x6474e551 };

struct ehdr {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
static_assert(sizeof(struct ehdr) == ELF_HEADER_SIZE);

struct phdr {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};
static_assert(sizeof(struct phdr) == ELF_PHDR_SIZE);

/* 64-bit, little-endian, version 1. */
static const u8 elf_magic[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

int elf_decode_header(const void *bytes, size_t n, u16 machine, struct elf_header *out)
{
	struct ehdr e;

	if (n < sizeof(e))
		return -ENOEXEC;
	memcpy(&e, bytes, sizeof(e));
	if (memcmp(e.ident, elf_magic, sizeof(elf_magic)) || e.machine != machine)
		return -ENOEXEC;
	if ((e.type != ET_EXEC && e.type != ET_DYN) || e.phentsize != ELF_PHDR_SIZE)
		return -ENOEXEC;
	if (e.phnum == 0 || e.phnum > ELF_PHDRS_MAX || e.phoff > INT64_MAX)
		return -ENOEXEC;
	*out = (struct elf_header){
		.dynamic = e.type == ET_DYN,
		.entry = e.entry,
		.phoff = e.phoff,
		.phnum = e.phnum,
	};
	return 0;
}

static struct phdr phdr_at(const void *phdrs, unsigned i)
{
	struct phdr p;

	memcpy(&p, (const u8 *)phdrs + (size_t)i * ELF_PHDR_SIZE, sizeof(p));
	return p;
}

static bool is_sane(const struct phdr *p, u64 user_end)
{
	if (p->filesz > p->memsz || p->memsz > user_end || p->vaddr > user_end - p->memsz)
		return false;
	if (p->offset > INT64_MAX || p->filesz > INT64_MAX - p->offset)
		return false;
	return (p->vaddr ^ p->offset) % PAGE_SIZE == 0;
}

/* Program headers lie at the start of a segment as a rule, but need not. */
static void find_phdrs(const struct elf_header *h, const struct phdr *p, struct elf_image *out)
{
	u64 size = (u64)h->phnum * ELF_PHDR_SIZE;

	if (h->phoff >= p->offset && p->filesz >= size && h->phoff - p->offset <= p->filesz - size)
		out->phdr = p->vaddr + (h->phoff - p->offset);
}

static int add_load(const struct elf_header *h, const struct phdr *p, u64 user_end, bool first,
		    struct elf_image *out)
{
	if (!is_sane(p, user_end) || (!first && p->vaddr < out->end))
		return -ENOEXEC;
	if (first)
		out->low = align_down(p->vaddr, PAGE_SIZE);
	out->end = p->vaddr + p->memsz;
	out->high = align_up(out->end, PAGE_SIZE);
	if (out->high > user_end)
		return -ENOEXEC;
	/* Odd values of p_align are not worth a refusal: Linux takes them for a page. */
	if (p->align > out->align && (p->align & (p->align - 1)) == 0 && p->align < user_end)
		out->align = p->align;
	find_phdrs(h, p, out);
	return 0;
}

static int add_interp(const struct phdr *p, struct elf_image *out)
{
	if (out->interp_size)
		return 0;	/* only the first counts */
	if (p->filesz < 2 || p->filesz > ELF_INTERP_MAX || p->offset > INT64_MAX - p->filesz)
		return -ENOEXEC;
	out->interp_offset = p->offset;
	out->interp_size = p->filesz;
	return 0;
}

int elf_decode_image(const struct elf_header *h, const void *phdrs, u64 user_end, struct elf_image *out)
{
	bool any = false;

	*out = (struct elf_image){ .align = PAGE_SIZE };
	for (unsigned i = 0; i < h->phnum; i++) {
		struct phdr p = phdr_at(phdrs, i);
		int err = 0;

		if (p.type == PT_LOAD && p.memsz) {
			err = add_load(h, &p, user_end, !any, out);
			any = true;
		} else if (p.type == PT_INTERP) {
			err = add_interp(&p, out);
		} else if (p.type == PT_GNU_STACK) {
			out->exec_stack = p.flags & PF_X;
		}
		if (err)
			return err;
	}
	return any ? 0 : -ENOEXEC;
}

bool elf_segment(const void *phdrs, unsigned i, struct elf_segment *out)
{
	struct phdr p = phdr_at(phdrs, i);

	if (p.type != PT_LOAD || !p.memsz)
		return false;
	*out = (struct elf_segment){
		.vaddr = p.vaddr, .offset = p.offset, .filesz = p.filesz, .memsz = p.memsz,
		.flags = p.flags,
	};
	return true;
}

/* ---- #! */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

int script_decode(char *buf, size_t n, struct script *out)
{
	if (n < 2 || buf[0] != '#' || buf[1] != '!')
		return -ENOEXEC;
	char *newline = memchr(buf, '\n', n), *end = newline ? newline : buf + n;

	while (end > buf + 2 && is_blank(end[-1]))
		end--;
	*end = 0;
	char *name = skip_blanks(buf + 2), *arg = name;

	while (*arg && !is_blank(*arg))
		arg++;
	/* A name that the buffer cuts off would be another file's. */
	if (!*name || (!newline && n == SCRIPT_LINE && !*arg))
		return -ENOEXEC;
	out->interpreter = name;
	out->argument = nullptr;
	if (*arg) {
		*arg = 0;
		arg = skip_blanks(arg + 1);
		out->argument = *arg ? arg : nullptr;
	}
	return 0;
}
