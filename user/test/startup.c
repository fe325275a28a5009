// SPDX-License-Identifier: MIT
// What a program finds when it starts: arguments, environment and auxiliary vector, as the
// platform's ABI lays them out on the stack.

#include <elf.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/test/tap.h"

extern char **environ;

static void check_strings(int argc, char **argv)
{
	ok(argc == 1, "argc counts the arguments");
	ok(argv[0] && argv[0][0], "argv[0] is the program's name");
	ok(argv[argc] == nullptr, "argv ends with a null pointer");
	ok(environ == argv + argc + 1, "the environment follows the arguments");
	ok((uintptr_t)(argv - 1) % 16 == 0, "the stack pointer was a multiple of 16");
}

static void check_auxv(void)
{
	char **end = environ;
	while (*end)
		end++;
	unsigned long *random = (unsigned long *)getauxval(AT_RANDOM);
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)getauxval(AT_PHDR);
	bool loads = false;

	ok(getauxval(AT_PAGESZ) == 4096, "AT_PAGESZ is 4096");
	ok(getauxval(AT_PHENT) == sizeof(Elf64_Phdr), "AT_PHENT is the size of an entry");
	for (unsigned long i = 0; phdr && i < getauxval(AT_PHNUM); i++)
		loads |= phdr[i].p_type == PT_LOAD;
	ok(loads, "AT_PHDR and AT_PHNUM lead to a PT_LOAD");
	ok(getauxval(AT_ENTRY) != 0, "AT_ENTRY is set");
	ok(random && (random[0] | random[1]), "AT_RANDOM leads to random bytes");
	ok(getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid(), "AT_UID, AT_EGID");
	ok(getauxval(AT_SECURE) == 0, "AT_SECURE is 0");
	ok(getauxval(AT_CLKTCK) == 100, "AT_CLKTCK is 100");
	ok(getauxval(AT_EXECFN) != 0, "AT_EXECFN is set");
	ok(getauxval(AT_HWCAP) != 0, "AT_HWCAP is not 0");
}

static void check_limits(void)
{
	struct rlimit stack;

	ok(getrlimit(RLIMIT_STACK, &stack) == 0, "the stack has a limit");
	ok(stack.rlim_cur >= 1 << 20, "of at least 1 MiB");
	ok(getpid() > 0 && getppid() >= 0, "the process has a number");
}

int main(int argc, char **argv)
{
	check_strings(argc, argv);
	check_auxv();
	check_limits();
	return tap_done();
}
