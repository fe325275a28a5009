// SPDX-License-Identifier: MIT
/*
 * What exec reads from a program file: ELF headers (System V ABI, "Object Files") and `#!` lines. Pure: bytes in,
 * checked numbers out; nothing is allocated, mapped or trusted. Compiled and fuzzed on the host.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

constexpr size_t ELF_HEADER_SIZE = 64;
constexpr size_t ELF_PHDR_SIZE = 56;
constexpr unsigned ELF_PHDRS_MAX = 64 * 1024 / ELF_PHDR_SIZE;	/* Linux's limit */
constexpr u64 ELF_INTERP_MAX = 4096;				/* PATH_MAX */

enum : u32 { PF_X = 1, PF_W = 2, PF_R = 4 };

/* What the ELF header says. */
struct elf_header {
	bool dynamic;			/* ET_DYN: may be put anywhere */
	u64 entry;
	u64 phoff;			/* program headers: place in the file and number */
	unsigned phnum;
};

/* What the program headers say together. */
struct elf_image {
	u64 low, high;			/* [low, high): all PT_LOAD segments, in whole pages */
	u64 end;			/* the first byte behind the last: the heap begins there */
	u64 align;			/* largest p_align of a PT_LOAD, a power of two >= PAGE_SIZE */
	u64 phdr;			/* address of the program headers, 0: not loaded */
	bool exec_stack;		/* PT_GNU_STACK asks for one */
	u64 interp_offset, interp_size;	/* PT_INTERP; size 0: none */
};

/* One PT_LOAD. */
struct elf_segment {
	u64 vaddr, offset, filesz, memsz;	/* vaddr and offset agree modulo PAGE_SIZE */
	u32 flags;				/* PF_* */
};

/* Decodes the first n bytes of a file. 0, or -ENOEXEC: not an ELF program for `machine`. */
[[nodiscard]] int elf_decode_header(const void *bytes, size_t n, u16 machine, struct elf_header *out);
/* Checks all h->phnum program headers (ELF_PHDR_SIZE bytes each, any alignment). user_end: no segment may reach it. 0, -ENOEXEC. */
[[nodiscard]] int elf_decode_image(const struct elf_header *h, const void *phdrs, u64 user_end,
				   struct elf_image *out);
/* Program header i, after elf_decode_image: true and *out if it is a PT_LOAD with memory. */
bool elf_segment(const void *phdrs, unsigned i, struct elf_segment *out);

/* A `#!` line (execve(2)): the interpreter and its one argument, or nullptr. They point into the caller's buffer. */
struct script {
	char *interpreter, *argument;
};
constexpr size_t SCRIPT_LINE = 256;
/* buf: the first n <= SCRIPT_LINE bytes of the file, and room for one byte more; is changed. 0, or -ENOEXEC: not a script, or its
 * interpreter's name is empty or does not fit. */
[[nodiscard]] int script_decode(char *buf, size_t n, struct script *out);
