// SPDX-License-Identifier: MIT
/* The memory calls of test/fuzz/vm_fuzz.c: arguments from the input, and what each call promises. */
#pragma once

#include "test/fuzz/fuzz.h"
#include "test/host/vm_machine.h"
#include "mm/object.h"

constexpr unsigned SPACES = 4, OBJECTS = 2, OBJECT_PAGES = 32;
constexpr va_t HEAP = (1ul << 40) + 6 * MiB;

extern struct vm *spaces[SPACES];
extern struct object *objects[OBJECTS];

/* Mostly near the edge of a table of some level, where other calls are too; now and then anything. */
va_t some_address(struct input *in);
void watch_windows(void);

void step_mmap(struct input *in, unsigned s);
void step_munmap(struct input *in, unsigned s);
void step_mprotect(struct input *in, unsigned s);
void step_mremap(struct input *in, unsigned s);
void step_madvise(struct input *in, unsigned s);
void step_brk(struct input *in, unsigned s);
void step_mlock(struct input *in, unsigned s);
/* mlockall, munlockall, msync, mincore, remap_file_pages. */
void step_other(struct input *in, unsigned s);
