/* SPDX-License-Identifier: MIT */
/*
 * What makes a page of functions the shared object that C libraries take a vDSO for (System V ABI,
 * ch. 5; versions: LSB core, "Symbol Versioning"). For assembly: a CPU's vdso.S defines, before it
 * includes this,
 *
 *	VDSO_MACHINE		e_machine
 *	VDSO_PREFIX		what each name begins with
 *	VDSO_VERSION		the version of all names, VDSO_VERSION_HASH its ELF hash
 *	VDSO_FUNCTIONS(X)	X(name) for each function; code from label `name` to `name_end`
 *
 * and then has the code follow. All lies in one section, so the page is an image as it stands.
 * Leaves out section headers: nobody who runs a program needs them.
 */
#pragma once

#define ET_DYN			3
#define PT_LOAD			1
#define PT_DYNAMIC		2
#define PF_RX			5
#define DT_HASH			4
#define DT_STRTAB		5
#define DT_SYMTAB		6
#define DT_STRSZ		10
#define DT_SYMENT		11
#define DT_SONAME		14
#define DT_VERSYM		0x6ffffff0
#define DT_VERDEF		0x6ffffffc
#define DT_VERDEFNUM		0x6ffffffd
#define VER_FLG_BASE		1
#define VERSION_BASE		1		/* the object itself */
#define VERSION_OURS		2
#define SONAME_HASH		0x0deebfa1	/* of "linux-vdso.so.1" */
#define GLOBAL_FUNC		0x12
#define TEXT_SECTION		1		/* any but 0, which means undefined */

#define VDSO_SYMBOL(name)					\
	.long	name_##name - names;				\
	.byte	GLOBAL_FUNC, 0;					\
	.short	TEXT_SECTION;					\
	.quad	name - arch_vdso_page, name##_end - name;
#define VDSO_SYMBOL_VERSION(name) .short VERSION_OURS;
#define VDSO_SYMBOL_NAME(name) name_##name: .ascii VDSO_PREFIX; .asciz #name;

.macro version flags, index, hash, name, next
1:	.short	1, \flags, \index, 1		/* one name each, which follows */
	.long	\hash, 2f - 1b, \next
2:	.long	\name - names, 0
.endm

	.section .rodata, "a"
	.globl	arch_vdso_page
	.balign	4096
arch_vdso_page:
	.ascii	"\177ELF"
	.byte	2, 1, 1, 0			/* 64 bits, little-endian, version 1 */
	.quad	0
	.short	ET_DYN, VDSO_MACHINE
	.long	1
	.quad	0
	.quad	segments - arch_vdso_page
	.quad	0
	.long	0
	.short	64, 56, 2, 64, 0, 0

segments:
	.long	PT_LOAD, PF_RX
	.quad	0, 0, 0, 4096, 4096, 4096
	.long	PT_DYNAMIC, PF_RX
	.quad	dynamic - arch_vdso_page, dynamic - arch_vdso_page, dynamic - arch_vdso_page
	.quad	dynamic_end - dynamic, dynamic_end - dynamic, 8

dynamic:
	.quad	DT_SONAME, name_self - names
	.quad	DT_HASH, hash - arch_vdso_page
	.quad	DT_STRTAB, names - arch_vdso_page
	.quad	DT_SYMTAB, symbols - arch_vdso_page
	.quad	DT_STRSZ, names_end - names
	.quad	DT_SYMENT, 24
	.quad	DT_VERSYM, symbol_versions - arch_vdso_page
	.quad	DT_VERDEF, versions - arch_vdso_page
	.quad	DT_VERDEFNUM, 2
	.quad	0, 0
dynamic_end:

symbols:
	.quad	0, 0, 0
	VDSO_FUNCTIONS(VDSO_SYMBOL)
symbols_end:

/* One bucket: all symbols in one chain, each followed by the next, the last by 0, which ends it. */
hash:
	.long	1, (symbols_end - symbols) / 24, 1
	.long	0
.set next, 2
.rept (symbols_end - symbols) / 24 - 2
	.long	next
	.set	next, next + 1
.endr
	.long	0

versions:
	version	VER_FLG_BASE, VERSION_BASE, SONAME_HASH, name_self, 28
	version	0, VERSION_OURS, VDSO_VERSION_HASH, name_version, 0

symbol_versions:
	.short	0
	VDSO_FUNCTIONS(VDSO_SYMBOL_VERSION)

names:
	.byte	0
name_self:	.asciz "linux-vdso.so.1"
name_version:	.asciz VDSO_VERSION
	VDSO_FUNCTIONS(VDSO_SYMBOL_NAME)
names_end:
