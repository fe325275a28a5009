// SPDX-License-Identifier: MIT
// The memory calls, with each of their allocations failing in turn, on memory of blocks of 2 MiB.

#include "user/test/fail_map.h"

int main(int argc, char **argv)
{
	return fail_map(MADV_HUGEPAGE, argc > 1 ? argv[1] : "");
}
