// SPDX-License-Identifier: MIT
/* See vm_calls.h. A call that fails may have done a part where Linux's does (mprotect, madvise, mlock, mremap to a fixed place);
 * the others must have changed nothing, for want of memory least of all. */
#include "test/fuzz/vm_calls.h"
#include "mm/mman.h"

constexpr u64 POPULATE_MAX = 64 * PAGE_SIZE;	/* the machine is small, and time is short */
constexpr va_t HALF = 16 * PAGE_SIZE;

static const va_t windows[] = {
	64 * KiB, 4 * MiB - HALF, 2 * GiB - HALF, (1ul << 39) - HALF, HEAP, USER_END - 2 * HALF, (1ul << 41) - HALF,
};

void watch_windows(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(windows); i++) {
		for (unsigned k = 0; k < 32; k += 5)
			machine_watch(windows[i] + k * PAGE_SIZE);
	}
}

va_t some_address(struct input *in)
{
	static const va_t wild[] = { 0, 1, PAGE_SIZE, USER_END, USER_END - PAGE_SIZE, USER_END + PAGE_SIZE, ~0ul,
				     ~0ul & PAGE_MASK, 1ul << 63, 1ul << 47 };
	u8 how = input_byte(in);

	if (how < 0xe0)
		return windows[how % 7] + (how / 7) * PAGE_SIZE;
	if (how < 0xf0)		/* for blocks */
		return (1ul << 41) + (how & 15) * 512 * KiB;
	if (how < 0xfa)
		return wild[how - 0xf0];
	return how < 0xfd ? windows[how - 0xfa] + input_number(in, 2) : input_number(in, 8);
}

static u64 some_length(struct input *in, va_t addr)
{
	const u64 wild[] = { ~0ul, ~0ul & PAGE_MASK, USER_END, USER_END - addr, -addr, -addr - PAGE_SIZE, 1ul << 62, 1,
			     PAGE_SIZE - 1, PAGE_SIZE + 1 };
	u8 how = input_byte(in);

	if (how < 0xc0)
		return how % 48 * PAGE_SIZE;
	if (how < 0xe0)
		return (how & 31) * 512 * KiB;
	return how < 0xea ? wild[how - 0xe0] : how < 0xf8 ? (1 + how % 4) * PAGE_SIZE : input_number(in, 8);
}

static int some_prot(struct input *in)
{
	u8 how = input_byte(in);

	return how < 0xf0 ? how & 7 : (int)input_number(in, 4);
}

/* Of all that the layout says. */
static u64 fingerprint(const struct vm *vm)
{
	u64 hash = vm->layout.regions + vm->brk;
	struct region r;

	for (va_t va = 0; layout_next(&vm->layout, va, &r); va = r.end) {
		u64 words[] = { r.start, r.end, r.flags, (u64)r.object, r.offset };

		for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
			hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15 ^ hash >> 29;
	}
	return hash;
}

static u64 pages_with(const struct vm *vm, va_t start, va_t end, u32 flags)
{
	return layout_count(&vm->layout, start, end, flags);
}

static bool is_error(long res) { return res < 0 && res > -4096; }

/* ---- the calls */

static int some_flags(struct input *in)
{
	u8 how = input_byte(in), type = how & 3;
	int flags = type ? type : MAP_PRIVATE;

	flags |= (how & 4 ? MAP_FIXED : 0) | (how & 8 ? 0 : MAP_ANONYMOUS) | (how & 16 ? MAP_POPULATE : 0);
	if ((how >> 5) == 7)
		return flags | (int)input_number(in, 4);
	return flags | (int[]){ 0, 0, MAP_GROWSDOWN, MAP_LOCKED, MAP_NORESERVE, MAP_FIXED_NOREPLACE, MAP_STACK }[how >> 5];
}

void step_mmap(struct input *in, unsigned s)
{
	struct vm *vm = spaces[s];
	va_t addr = some_address(in);
	u64 len = some_length(in, addr), offset = 0;
	int prot = some_prot(in), flags = some_flags(in);
	struct object *o = nullptr;
	u32 max_prot = R_MAXREAD | R_MAXWRITE | R_MAXEXEC;
	struct region r;

	if (!(flags & MAP_ANONYMOUS)) {
		u8 how = input_byte(in);

		o = objects[how % OBJECTS];
		max_prot = how & 64 ? (u32)how & max_prot : max_prot;
		offset = how & 128 ? input_number(in, 8) : (how >> 1 & 31) * PAGE_SIZE;
	}
	if (flags & (MAP_POPULATE | MAP_LOCKED))
		len = min(len, POPULATE_MAX);
	u64 before = fingerprint(vm);
	long res = vm_mmap(vm, addr, len, prot, flags, o, max_prot, offset);

	if (is_error(res)) {
		assert(fingerprint(vm) == before);
		return;
	}
	len = align_up(len, PAGE_SIZE);
	assert(is_aligned((va_t)res, PAGE_SIZE) && (va_t)res < USER_END && len <= USER_END - (va_t)res);
	assert(!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) || (va_t)res == addr);
	assert(layout_find(&vm->layout, (va_t)res, &r) && r.end >= (va_t)res + len);
	assert((r.flags & R_PROT) == ((u32)prot & R_PROT) && !(r.flags & R_SHARED) == ((flags & MAP_TYPE) == MAP_PRIVATE));
}

void step_munmap(struct input *in, unsigned s)
{
	struct vm *vm = spaces[s];
	va_t addr = some_address(in);
	u64 len = some_length(in, addr), before = fingerprint(vm);
	long res = vm_munmap(vm, addr, len);

	if (res)
		assert(is_error(res) && fingerprint(vm) == before);
	else
		assert(layout_is_free(&vm->layout, addr, addr + align_up(len, PAGE_SIZE)));
}

void step_mprotect(struct input *in, unsigned s)
{
	struct vm *vm = spaces[s];
	va_t addr = some_address(in), end;
	u64 len = some_length(in, addr);
	int prot = some_prot(in);
	long res = vm_mprotect(vm, addr, len, prot);
	struct region r;

	assert(!res || is_error(res));
	if (res || (prot & PROT_GROWSDOWN))
		return;
	end = addr + align_up(len, PAGE_SIZE);
	assert(addr == end || layout_covers(&vm->layout, addr, end));
	for (va_t va = addr; va < end && layout_find(&vm->layout, va, &r); va = r.end)
		assert((r.flags & R_PROT) == ((u32)prot & R_PROT));
}

void step_mremap(struct input *in, unsigned s)
{
	struct vm *vm = spaces[s];
	va_t old = some_address(in), to = some_address(in);
	u64 old_len = some_length(in, old), len = some_length(in, to);
	u8 how = input_byte(in), was, is;
	int flags = how < 0xf0 ? how & 7 : (int)input_number(in, 4);
	bool had = vm_read(vm, old, &was, 1);
	u64 before = fingerprint(vm);		/* after that: a stack may have grown */
	long res = vm_mremap(vm, old, old_len, len, flags, to);

	if (is_error(res)) {
		assert((flags & MREMAP_FIXED) || fingerprint(vm) == before);
		return;
	}
	struct region r;

	len = align_up(len, PAGE_SIZE);
	old_len = align_up(old_len, PAGE_SIZE);
	assert(layout_find(&vm->layout, (va_t)res, &r));
	if ((va_t)res == old && len <= old_len)		/* in several regions, perhaps */
		assert(len == old_len || layout_is_free(&vm->layout, old + len, old + old_len));
	else
		assert(r.end >= (va_t)res + len);
	assert(!(flags & MREMAP_FIXED) || (va_t)res == to);
	if ((va_t)res != old && old_len && !(flags & MREMAP_DONTUNMAP))
		assert(layout_is_free(&vm->layout, old, old + min(old_len, old < (va_t)res ? (va_t)res - old : ~0ul)));
	if (had && vm_read(vm, (va_t)res, &is, 1))
		assert(is == was);
}

void step_madvise(struct input *in, unsigned s)
{
	static const int all[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_REMOVE,
		MADV_DONTFORK, MADV_DOFORK, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK,
		MADV_KEEPONFORK, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTNEED_LOCKED,
		MADV_COLLAPSE, MADV_GUARD_INSTALL, MADV_GUARD_REMOVE,
	};
	va_t addr = some_address(in);
	u64 len = some_length(in, addr);
	u8 how = input_byte(in);
	int advice = how < 0xf0 ? all[how % ARRAY_SIZE(all)] : (int)input_number(in, 4);

	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		len = min(len, POPULATE_MAX);
	long res = vm_madvise(spaces[s], addr, len, advice);

	assert(!res || is_error(res));
}

void step_brk(struct input *in, unsigned s)
{
	struct vm *vm = spaces[s];
	va_t old = vm->brk, want = input_byte(in) & 1 ? some_address(in) : HEAP + input_number(in, 2) * 8;
	u64 before = fingerprint(vm);
	va_t res = (va_t)vm_brk(vm, want);

	assert(res == vm->brk && (res == want || res == old));
	if (res != want)
		assert(fingerprint(vm) == before);
}

void step_mlock(struct input *in, unsigned s)
{
	struct vm *vm = spaces[s];
	u8 how = input_byte(in);
	va_t addr = some_address(in), start = addr & PAGE_MASK, end;
	u64 len = some_length(in, addr);
	u32 lock = how % 3 == 0 ? 0 : how % 3 == 1 ? R_LOCKED : R_LOCKED | R_LOCKONFAULT;
	long res = vm_mlock(vm, addr, len, lock);

	assert(!res || is_error(res));
	end = start + align_up(len + (addr - start), PAGE_SIZE);
	if (!res && end > start)
		assert(pages_with(vm, start, end, R_LOCKED) == (lock ? (end - start) >> PAGE_SHIFT : 0));
}

void step_other(struct input *in, unsigned s)
{
	struct vm *vm = spaces[s];
	u8 how = input_byte(in);
	va_t addr = some_address(in);
	u64 len = some_length(in, addr);
	long res = 0;

	switch (how % 5) {
	case 0:
		res = vm_mlockall(vm, how >> 4);
		break;
	case 1:
		res = vm_munlockall(vm);
		assert(res || !vm->layout.locked_pages);
		break;
	case 2:
		res = vm_msync(vm, addr, len, how >> 5);
		break;
	case 3:
		res = vm_mincore(vm, addr, len, input_number(in, 8));
		break;
	default:
		len = min(len, POPULATE_MAX);
		res = vm_remap_file_pages(vm, addr, len, how & 128 ? some_prot(in) : 0, input_number(in, how & 64 ? 8 : 1),
					  how & 32 ? (int)input_number(in, 4) : 0);
		break;
	}
	assert(!res || is_error(res));
}
