// SPDX-License-Identifier: MIT
/* What exec relies on, whatever the bytes of a program are: checked by random mutations and by the fuzzer. */
#pragma once

#include "proc/elf.h"

static inline void elf_check_promises(const u8 *bytes, size_t n, u16 machine, u64 user_end)
{
	struct elf_header h;
	struct elf_image out;
	struct elf_segment s;
	u64 end = 0;

	if (elf_decode_header(bytes, n, machine, &h) || h.phoff > n || h.phnum * ELF_PHDR_SIZE > n - h.phoff)
		return;
	if (elf_decode_image(&h, bytes + h.phoff, user_end, &out))
		return;
	assert(is_aligned(out.low, PAGE_SIZE) && is_aligned(out.high, PAGE_SIZE));
	assert(out.low < out.high && out.high <= user_end && out.end <= out.high);
	assert(out.align >= PAGE_SIZE && (out.align & (out.align - 1)) == 0);
	assert(out.interp_size <= ELF_INTERP_MAX && out.interp_offset + out.interp_size >= out.interp_offset);
	for (unsigned i = 0; i < h.phnum; i++) {
		if (!elf_segment(bytes + h.phoff, i, &s))
			continue;
		assert(s.vaddr >= end && s.vaddr >= out.low);
		end = s.vaddr + s.memsz;
		assert(end <= out.end && s.filesz <= s.memsz && s.memsz > 0);
		assert((s.vaddr ^ s.offset) % PAGE_SIZE == 0 && s.offset + s.filesz >= s.offset);
	}
	assert(end == out.end);
}
