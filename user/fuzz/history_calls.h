// SPDX-License-Identifier: MIT
// The calls: each picks its arguments, makes the call and says what came of it.
#pragma once

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "user/fuzz/history_args.h"
#include "user/fuzz/history_look.h"
#include "user/fuzz/history_stamp.h"

enum { F_HOLES, F_SMALL, F_READ_ONLY, F_SEALED, F_ZERO, FILES };

static int files[FILES];
static bool in_child, zero_mapped;
static uint64_t now; // the step's number, not 0

static long call6(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	long res = syscall(nr, a, b, c, d, e, f);

	return res == -1 ? -errno : res;
}

#define CALL5(nr, a, b, c, d, e) call6(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), 0)
#define CALL3(nr, a, b, c) CALL5(nr, a, b, c, 0, 0)

// Mappings that the kernel has put somewhere else are looked at, and go.
static const char *mapped(long res, uint64_t len)
{
	if (res < 0 && res > -4096)
		return result(res);
	if (in_arena((uint64_t)res))
		return place((uint64_t)res);
	munmap((void *)res, len);
	return "elsewhere";
}

static void step_mmap(void)
{
	uint64_t addr = some_address(), len = some_length(addr);
	int prot = some_prot(), flags, file = one_in(2) ? -1 : (int)below(FILES), fd = file < 0 ? -1 : files[file];
	uint64_t offset = below(one_in(3) ? 26 : 12) * PAGE;

	flags = (int)PICK(MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED, MAP_SHARED, MAP_SHARED_VALIDATE);
	if (file < 0 && flags == MAP_SHARED_VALIDATE && !one_in(8))
		flags = MAP_PRIVATE;
	flags |= file < 0 ? MAP_ANONYMOUS : 0;
	flags |= (int)PICK(0, MAP_FIXED, MAP_FIXED, MAP_FIXED, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE);
	if (one_in(8))
		flags |= (int)PICK(MAP_LOCKED, MAP_POPULATE, MAP_NORESERVE, MAP_STACK, MAP_POPULATE | MAP_NONBLOCK,
				   MAP_DENYWRITE, 0x80000, 0x2000000);
	if (addr >= windows[W_STACK].start && addr < windows[W_BLOCKS].start && one_in(2))
		flags = (flags & ~MAP_TYPE) | MAP_PRIVATE | MAP_GROWSDOWN;
	if (one_in(40))
		flags = (flags & ~MAP_TYPE) | (int)PICK(0, 4, 15);
	if (one_in(40))
		offset = PICK(1, ~0ul & ~(PAGE - 1), 1ul << 62, PAGE + 8);
	addr = addr == ~0ul ? 1 : addr; // Linux mistakes it for an errno
	// A fixed mapping may only hit the arena. Nothing else may be so long that memory runs out.
	uint64_t end = (addr + len + PAGE - 1) & ~(PAGE - 1);

	if (addr < USER_TOP && end > addr && len < USER_TOP && !inside(addr, end) && !(end > USER_TOP))
		len = PAGE;
	if (len > 16 * MIB && len <= USER_TOP)
		len = PAGE;
	if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && addr < USER_TOP && addr >= PAGE &&
	    !inside(addr & ~(PAGE - 1), (addr & ~(PAGE - 1)) + len))
		addr = windows[W_TABLE].start;
	long res = call6(SYS_mmap, addr, len, (uint64_t)prot, (uint64_t)flags, (uint64_t)fd, offset);

	zero_mapped |= file == F_ZERO;
	say("mmap %s %lx prot %x flags %x file %d offset %lx", place(addr), len, prot, flags, file, offset);
	say(" = %s", mapped(res, len));
	if (res > 0)
		stamp_new((uint64_t)res, len, now);
	else
		stamp_new(addr & ~(PAGE - 1), len, 0);
}

// At first there is memory, in most places.
static void step_begin(unsigned w)
{
	int prot = (int)PICK(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE);
	int flags = (int)PICK(MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED) | MAP_FIXED | MAP_ANONYMOUS;
	uint64_t len = w == W_BLOCKS ? 2 * MIB : windows[w].pages * PAGE;

	if (one_in(w == W_BLOCKS ? 2 : 5))
		return;
	stamp_new(windows[w].start, len, now);
	if (w == W_HEAP)
		say("brk = %s", place((uint64_t)CALL3(SYS_brk, windows[w].start + len, 0, 0)));
	else
		say("map %s %x %x = %s", place(windows[w].start), prot, flags,
		    place((uint64_t)call6(SYS_mmap, windows[w].start, len, (uint64_t)prot, (uint64_t)flags, ~0ul, 0)));
}

static void step_munmap(void)
{
	struct range r = some_range(true);

	if (r.len > PAGE * 40 && r.addr + r.len <= USER_TOP && r.addr + r.len > r.addr && !inside(r.addr, r.addr + r.len))
		r.len = PAGE;
	stamp_new(r.addr & ~(PAGE - 1), r.len, 0);
	say("munmap %s %lx = %s", place(r.addr), r.len, result(CALL3(SYS_munmap, r.addr, r.len, 0)));
}

static void step_mprotect(void)
{
	struct range r = some_range(true);
	int prot = some_prot();

	if (r.addr >= windows[W_STACK].start && r.addr < windows[W_BLOCKS].start && one_in(4))
		prot |= PROT_GROWSDOWN;
	stamp_mix(r.addr, r.len, now);
	say("mprotect %s %lx %x = %s", place(r.addr), r.len, prot, result(CALL3(SYS_mprotect, r.addr, r.len, prot)));
}

// Where it went.
static void say_moved(long res, uint64_t len)
{
	if (res < 0 && res > -4096) { // Linux looks at the arguments before the mapping since 6.17, and after it before
		bool either = res == -EFAULT || res == -EINVAL || (len > USER_TOP && res == -ENOMEM);

		say(" = %s", either ? "refused" : result(res));
		return;
	}
	if (!in_arena((uint64_t)res)) { // brought back, so that its bytes are seen
		uint64_t back = page_in(W_START);
		long moved = CALL5(SYS_mremap, res, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, back);

		stamp_new(back, len, moved > 0 ? now : 0);
		say(" = elsewhere, then %s", result(moved == (long)back ? 0 : moved));
		if (moved < 0)
			munmap((void *)res, len);
		return;
	}
	say(" = %s", place((uint64_t)res));
}

static void step_mremap(void)
{
	struct range r = some_range(true);
	uint64_t len = one_in(2) ? r.len : some_length(r.addr), target = page_in(some_window());
	int flags = (int)PICK(0, MREMAP_MAYMOVE, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED,
			      MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | 4,
			      MREMAP_MAYMOVE | MREMAP_FIXED | 4, MREMAP_MAYMOVE | MREMAP_FIXED | 4);

	if (one_in(40))
		flags = (int)PICK(MREMAP_FIXED, 4, 8, ~0ul, MREMAP_FIXED | 4);
	if (one_in(60))
		target = PICK(0, 1, USER_TOP, ~0ul & ~(PAGE - 1), target + 8);
	if (len > 16 * MIB && len <= USER_TOP)
		len = r.len;
	if (r.len > 16 * MIB) // kernels look at it and at what is mapped in different orders
		r.len = len = PAGE;
	if (target < USER_TOP && !inside(target & ~(PAGE - 1), target + len) && len < USER_TOP)
		target = windows[W_START].start;
	if (r.addr < USER_TOP && !inside(r.addr & ~(PAGE - 1), r.addr + len) && len < USER_TOP)
		len = PAGE;
	if (r.len && r.len <= 16 * MIB) {
		uint64_t run = stamp_run(r.addr & ~(PAGE - 1), r.len);

		len = len == r.len ? run : len;
		r.len = run;
	}
	if (flags & 4) {
		// Linux compared them before it rounded them, until 6.17.
		r.len = (r.len + PAGE - 1) & ~(PAGE - 1);
		len = (len + PAGE - 1) & ~(PAGE - 1);
		// And with it, Linux unlocks all of the region that the pages come from.
		CALL3(SYS_munlock, r.addr & ~(PAGE - 1), r.len, 0);
	}
	long res = CALL5(SYS_mremap, r.addr, r.len, len, flags, target);

	if (!(flags & 4))
		stamp_new(r.addr & ~(PAGE - 1), r.len, 0);
	stamp_mix(r.addr & ~(PAGE - 1), r.len, now);
	if (flags & MREMAP_FIXED)
		stamp_new(target & ~(PAGE - 1), len, 0);
	// What fails may have freed the target before, or not: that depends on Linux's version.
	if ((flags & MREMAP_FIXED) && res < 0 && res > -4096 && inside(target, target + len))
		CALL3(SYS_munmap, target & ~(PAGE - 1), len, 0);
	if (res > 0)
		stamp_new((uint64_t)res, len, now);

	say("mremap %s %lx to %lx flags %x at %s", place(r.addr), r.len, len, flags, place(target));
	say_moved(res, len);
}

// Freed lazily: until somebody writes, the old bytes or zeros are there, at the kernel's will. Then they are made zeros.
static void free_lazily(struct range r)
{
	uint64_t before[16], after;
	bool had[16], wrong = false;

	for (uint64_t i = 0; i < 16 && i * PAGE < r.len; i++)
		had[i] = inside(r.addr, r.addr + r.len) && load(r.addr + i * PAGE, &before[i]);
	long res = CALL3(SYS_madvise, r.addr, r.len, MADV_FREE);

	for (uint64_t i = 0; i < 16 && i * PAGE < r.len; i++)
		wrong |= had[i] && (!load(r.addr + i * PAGE, &after) || (after && after != before[i]));
	say("madvise %s %lx FREE = %s%s", place(r.addr), r.len, result(res), wrong ? " WRONG BYTES" : "");
	say(" then DONTNEED = %s", result(CALL3(SYS_madvise, r.addr, r.len, MADV_DONTNEED)));
}

static bool has_holes(struct range r)
{
	static unsigned char v[64 * MIB / PAGE];

	return r.len <= 64 * MIB && CALL3(SYS_mincore, r.addr, r.len, v) == -ENOMEM;
}

static void step_madvise(void)
{
	struct range r = some_range(false);
	uint64_t ignored;
	int advice = (int)PICK(MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_REMOVE,
			       MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_NORMAL, MADV_RANDOM,
			       MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTDUMP, MADV_DODUMP, MADV_COLD, MADV_PAGEOUT, 22, 23,
			       24, MADV_HUGEPAGE, MADV_NOHUGEPAGE, 25);

	if (one_in(60))
		advice = (int)PICK(5, 6, 7, 99, ~0ul, 1ul << 31);
	if (advice == MADV_WIPEONFORK && zero_mapped) // for Linux that is a file, all of whose pages are anonymous
		advice = MADV_KEEPONFORK;
	if (r.len > 64 * MIB && r.addr + r.len > r.addr)
		r.len = PAGE;
	stamp_mix(r.addr, r.len, now);
	if (advice == MADV_FREE) {
		free_lazily(r);
		return;
	}
	// Where there are holes Linux went on behind them until 6.12, and stops at the first since.
	if ((advice == 22 || advice == 23) && inside(r.addr, r.addr + r.len) && has_holes(r)) {
		say("madvise %s %lx %d with holes", place(r.addr), r.len, advice);
		return;
	}
	if (advice == MADV_NOHUGEPAGE || advice == MADV_HUGEPAGE || advice == 25) { // what blocks are made of does not show
		CALL3(SYS_madvise, r.addr, r.len, advice);
		say("madvise %s %lx %d", place(r.addr), r.len, advice);
		return;
	}
	long res = CALL3(SYS_madvise, r.addr, r.len, advice);

	// Linux knows that private memory once came from /dev/zero, and refuses it for another reason.
	say("madvise %s %lx %d = %s", place(r.addr), r.len, advice,
	    advice == MADV_REMOVE && (res == -EACCES || res == -EINVAL) ? "refused" : result(res));
	// Where there is somewhere to page out to, the pages have gone: brought back for mincore's sake.
	bool all = advice == MADV_PAGEOUT && r.len <= 64 * MIB && inside(r.addr, r.addr + r.len);

	for (uint64_t i = 0; all && i < r.len; i += PAGE)
		load(r.addr + i, &ignored);
}

static void step_lock(void)
{
	struct range r = some_range(true);
	int flags;

	stamp_mix(r.addr & ~(PAGE - 1), r.len, now);
	switch (below(8)) {
	case 0:
		flags = (int)PICK(1, 2, 3, 4, 5, 6, 7, 0, 8);
		say("mlockall %d = %s", flags, result(CALL3(SYS_mlockall, flags, 0, 0)));
		break;
	case 1:
		say("munlockall = %s", result(CALL3(SYS_munlockall, 0, 0, 0)));
		break;
	case 2:
		flags = (int)PICK(0, 1, 1, 1, 1, 2);
		say("mlock2 %s %lx %d = %s", place(r.addr), r.len, flags, result(CALL3(SYS_mlock2, r.addr, r.len, flags)));
		break;
	case 3:
	case 4:
		say("mlock %s %lx = %s", place(r.addr), r.len, result(CALL3(SYS_mlock, r.addr, r.len, 0)));
		break;
	default:
		say("munlock %s %lx = %s", place(r.addr), r.len, result(CALL3(SYS_munlock, r.addr, r.len, 0)));
		break;
	}
}

static void step_msync(void)
{
	struct range r = some_range(true);
	int flags = (int)PICK(0, 1, 2, 4, 5, 6, 3, 7, 8);

	say("msync %s %lx %d = %s", place(r.addr), r.len, flags, result(CALL3(SYS_msync, r.addr, r.len, flags)));
}

// Only what cannot depend on how fork keeps page tables, nor on blocks.
static void step_mincore(void)
{
	struct range r = some_range(false);
	unsigned char v[64] = {};
	void *out = one_in(20) ? (void *)PICK(~0ul, 1ul << 63) : v;
	char text[65] = "";

	if (in_child || r.len > sizeof(v) * PAGE || (r.addr >= windows[W_BLOCKS].start && r.addr < ARENA_END))
		r.addr = 1;
	long res = CALL3(SYS_mincore, r.addr, r.len, out);

	for (uint64_t i = 0; !res && out == v && i * PAGE < r.len; i++)
		text[i] = v[i] & 1 ? '1' : '0';
	say("mincore %s %lx = %s %s", place(r.addr), r.len, result(res), text);
}

static void step_brk(void)
{
	uint64_t want = windows[W_HEAP].start + below(24) * PAGE + (one_in(3) ? below(PAGE) : 0);

	if (one_in(30))
		want = PICK(0, ~0ul, windows[W_HEAP].start - PAGE, USER_TOP, 1ul << 46);
	long res = CALL3(SYS_brk, want, 0, 0);

	stamp_new(windows[W_HEAP].start, 24 * PAGE, 0);
	say("brk %s = %s", place(want), place((uint64_t)res));
}
