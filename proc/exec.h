// SPDX-License-Identifier: MIT
/* What the files of exec share: exec.c (decides), exec_load.c (maps), exec_stack.c (arguments). */
#pragma once

#include "proc/elf.h"
#include "proc/tree.h"

struct vm;
struct exec_chunk;

/* Arguments and environment, copied into the kernel: one stream of terminated strings, argc of them, then envc. */
struct exec_args {
	struct exec_chunk *first, *last;
	u64 bytes;			/* length of the stream */
	u64 limit;			/* that and the pointers to it may take */
	u64 arg_bytes;			/* the part of the stream that is argv's */
	unsigned argc, envc;
};

/* Where the vectors come from: user addresses, or (for the first program) the kernel. */
struct exec_vectors {
	va_t argv, envp;
	char *const *kernel_argv, *const *kernel_envp;
};

constexpr unsigned SCRIPTS_MAX = 5;	/* interpreters of interpreters, as Linux counts */

/* prefix: what takes argv[0]'s place for scripts, n strings. 0, -E2BIG, -EFAULT, -ENOMEM; args_free() in any case. */
[[nodiscard]] int args_copy(struct exec_args *a, const struct exec_vectors *v, char *const *prefix, unsigned n);
void args_free(struct exec_args *a);

/* A program or its interpreter: what the file says. */
struct elf_file {
	struct exec_file *file;
	struct elf_header header;
	struct elf_image image;
	const void *phdrs;		/* in head, or allocated */
	u64 bias;			/* added to all its addresses */
	u8 head[832];			/* with the 13 program headers that linkers make for a program with shared libraries */
};
/* 0, -ENOEXEC, -ENOMEM, -EIO. elf_file_close() in any case. */
[[nodiscard]] int elf_file_read(struct elf_file *e, struct exec_file *file);
void elf_file_close(struct elf_file *e);

/* What the new program needs to know, beside its arguments. */
struct exec_start {
	const char *path;		/* AT_EXECFN */
	const struct cred *cred;
	bool secure, exec_stack, aslr;
	bool vdso_elf;			/* the vDSO is an ELF object: tell (a C library takes AT_SYSINFO_EHDR for one) */
	va_t phdr, base, program_entry;
	unsigned phnum;
	va_t entry, sp;			/* result */
};

/* Puts a program, its interpreter (nullptr: none) and the vDSO into an empty vm. Fills s->phdr .. s->entry. 0, -ENOMEM, -ENOEXEC. */
[[nodiscard]] int exec_load(struct vm *vm, struct elf_file *program, struct elf_file *interp, struct exec_start *s);
/* Maps the stack and writes it. Sets s->sp. 0, -ENOMEM, -E2BIG. */
[[nodiscard]] int exec_stack(struct vm *vm, const struct exec_args *a, struct exec_start *s);
/* Once, before the first exec: the vDSO's object. */
void exec_init(void);
/* task_exec() with vectors from anywhere. */
long exec_run(struct exec_file *file, const char *path, const struct exec_vectors *v, struct trapframe *f);
