// SPDX-License-Identifier: MIT
/*
 * What fuzz targets share. A target is test/fuzz/NAME_fuzz.c: one LLVMFuzzerTestOneInput() on sources of the kernel as its
 * `uses:` lines name them (tools/hostmk); test/fuzz/corpus/NAME are its inputs, test/fuzz/NAME.dict words that it likes.
 * What must hold is said by assert(), the kernel's own, which ends the program; the sanitizers say the rest.
 */
#pragma once

#include "host.h"

/* Bytes that decide what happens, taken from the front; behind the last come zeros. */
struct input {
	const u8 *p, *end;
};

static inline bool input_left(const struct input *in) { return in->p < in->end; }

static inline u64 input_number(struct input *in, unsigned bytes)
{
	u64 v = 0;

	for (unsigned i = 0; i < bytes && input_left(in); i++)
		v |= (u64)*in->p++ << 8 * i;
	return v;
}

static inline u8 input_byte(struct input *in) { return (u8)input_number(in, 1); }

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n);
