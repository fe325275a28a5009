// SPDX-License-Identifier: MIT
// Dies as asked, for the tests of the runner: crash null | write | exec | abort | exit N. Or asks for what no kernel
// has: crash unknown

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (!strcmp(how, "null"))
		return *(volatile int *)nullptr;
	if (!strcmp(how, "write"))
		*(volatile char *)(unsigned long)&main = 0;
	if (!strcmp(how, "exec"))
		((void (*)(void))(unsigned long)argv)();
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "unknown")) {
		for (int i = 0; i < 3; i++) {
			syscall(999);
			pipe2((int[2]){}, 0x40);
			prctl(999);
		}
	}
	return argc > 2 ? atoi(argv[2]) : 0;
}
