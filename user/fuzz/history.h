// SPDX-License-Identifier: MIT
// What the parts of user/fuzz/history.c share: the arena, the numbers of a step, the log.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

constexpr uint64_t PAGE = 4096, MIB = 1ul << 20, GIB = 1ul << 30;

// Where the histories happen: nothing else is ever there, on any kernel.
constexpr uint64_t ARENA = 64 * GIB, ARENA_END = ARENA + 5 * GIB;
#ifdef __x86_64__
constexpr uint64_t USER_TOP = 0x7ffffffff000;
#else
constexpr uint64_t USER_TOP = 1ul << 48;
#endif

// Small windows at places where page tables begin and end, so that the calls meet.
struct window {
	uint64_t start, pages;
};

enum { W_START, W_TABLE, W_UPPER, W_STACK, W_BLOCKS, W_HEAP, WINDOWS };

extern struct window windows[WINDOWS];

// ---- Numbers: those of step i depend on the seed and on i alone, so that steps can be left out. ----

void step_numbers(uint64_t seed, unsigned step);
uint64_t below(uint64_t limit);
bool one_in(unsigned n);

// ---- What is seen: folded into the history's hash, and printed with -v. Shared with children. ----

struct log {
	uint64_t hash;
	uint64_t calls;
};

extern struct log *seen;
extern bool verbose;

[[gnu::format(printf, 1, 2)]] void say(const char *format, ...);
// An address as it is on every kernel: A+offset, H+offset, or a number.
const char *place(uint64_t addr);
const char *result(long res);
bool in_arena(uint64_t addr);

// ---- Memory, as the program sees it (history_look.h) ----

// 0: done; else the signal and its code. Faults are part of what is seen.
struct fault {
	int signal, code;
	uint64_t address;
};
