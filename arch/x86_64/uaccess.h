// SPDX-License-Identifier: MIT
/*
 * User memory word by word, for signal frames: between user_open() and user_close() goto-statements in
 * assembly load and store where the caller has checked the range. A fault that cannot be made good
 * goes to the label; whoever comes there closes as well. In between: nothing else, above all no call.
 */
#pragma once

#include "lib/base.h"

#define USER_SMAP(kind)                                                                    \
	__asm__ volatile("777: .byte 0x0f, 0x1f, 0x00\n"                                   \
			 ".pushsection .smap_sites, \"a\"\n\t.quad 777b, " kind "\n.popsection" \
			 ::: "memory")	/* SMAP_SITE of asm.h */

static inline void user_open(void) { USER_SMAP("1"); }
static inline void user_close(void) { USER_SMAP("0"); }

#define USER_EX "\n.pushsection .extable, \"a\"\n\t.quad 778b, %l[failed]\n.popsection"

/* *to = value, both of eight bytes; on a fault to the label `failed`. */
#define user_store(to, value)                                                    \
	__asm__ goto("778: movq %1, %0" USER_EX                                  \
		     :: "m"(*(u64 *)(to)), "r"((u64)(value)) : "memory" : failed)

#define user_load(value, from)                                                   \
	__asm__ goto("778: movq %1, %0" USER_EX                                  \
		     : "=r"(value) : "m"(*(const u64 *)(from)) : "memory" : failed)
