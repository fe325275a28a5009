// SPDX-License-Identifier: MIT
// The memory calls and memory faults, each of whose allocations fails in turn (failalloc.h): on memory that nobody else has, and on memory
// that a child shares, table by table. Of pages in fail_map_test.c, of blocks of 2 MiB in fail_block_test.c.

#pragma once
#include "user/test/failalloc.h"

#include <sys/shm.h>
#include <sys/uio.h>

// Three tables of pages. RANGE covers the middle one wholly, the others in part.
constexpr unsigned long AREA = 1ul << 40, OTHER = 2ul << 40, SIZE = 6 << 20, STEP = 64 * 4096;
constexpr unsigned long FEW = AREA + (2 << 20) - 3 * 4096, FEW_BYTES = 6 * 4096;	// over an edge
constexpr unsigned long RANGE = AREA + (1 << 20) + 4096, LENGTH = 3 << 20;
enum { POPULATE_READ = 22, POPULATE_WRITE, DONTNEED_LOCKED, COLLAPSE, GUARD_INSTALL = 102, GUARD_REMOVE };	// newer than some headers
constexpr int ON_FAULT = 1;
constexpr int RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS, FIXED = ANON | MAP_FIXED;

static pid_t sibling;
static int file = -1, advice;		// MADV_HUGEPAGE or not

// ---- the stage

static void map_at(unsigned long at, int how)
{
	if (mmap((void *)at, SIZE, RW, how | MAP_FIXED, how & MAP_ANONYMOUS ? -1 : file, 0) != (void *)at)
		tap_bail("mmap");
}

static unsigned char value_at(unsigned long at) { return (unsigned char)(1 + at / STEP % 251); }

static void fill(void)
{
	for (unsigned long at = AREA; at < AREA + SIZE; at += STEP)
		*(unsigned char *)at = value_at(at);
}

static void stage(void)
{
	map_at(AREA, ANON);
	madvise((void *)AREA, SIZE, advice);
	fill();
}

// A child has all of it, until we end.
static void share(void)
{
	static int until;

	sibling = fail_child(&until, nullptr);
}

// The child's memory, as it was when it began: it has not written since.
static bool sibling_intact(void)
{
	static unsigned char now[SIZE / STEP];

	for (unsigned long at = AREA; at < AREA + SIZE; at += STEP) {
		unsigned char *byte = &now[(at - AREA) / STEP];

		if (process_vm_readv(sibling, &(struct iovec){ byte, 1 }, 1, &(struct iovec){ (void *)at, 1 }, 1, 0) == 1 &&
		    *byte != value_at(at) && *byte)	// a setup may have taken it out
			return false;
	}
	return true;
}

static bool area_intact(void)
{
	for (unsigned long at = AREA; at < AREA + SIZE; at += STEP)
		if (*(unsigned char *)at != value_at(at))
			return false;
	return true;
}

// ---- what some calls need

static void with_other(void) { map_at(OTHER, ANON); }
static void with_locked(void) { mlock2((void *)RANGE, LENGTH, ON_FAULT); }
static void with_blocks_allowed(void) { madvise((void *)AREA, SIZE, MADV_HUGEPAGE); }
static void with_guard(void) { madvise((void *)RANGE, LENGTH, GUARD_INSTALL); }
static void with_read_only(void) { mprotect((void *)RANGE, LENGTH, PROT_READ); }
static void with_paged_out(void) { madvise((void *)AREA, SIZE, MADV_PAGEOUT); }

static void with_file(void)
{
	file = memfd_create("failalloc", 0);
	if (file < 0 || ftruncate(file, SIZE))
		tap_bail("memfd_create");
	map_at(OTHER, MAP_SHARED);
	for (unsigned long at = OTHER; at < OTHER + SIZE; at += STEP)
		*(char *)at = 5;
}

static bool reads_zero(void) { return *(char *)(RANGE - 4096 + MIB) == 0; }
static bool moved_there(void) { return *(char *)OTHER == (char)value_at(AREA); }

static long map_and_touch(void)
{
	char *p = mmap(nullptr, 8 * PAGE, RW, ANON | MAP_POPULATE, -1, 0);

	return p == MAP_FAILED ? -1 : munmap(p, 8 * PAGE);
}

static long map_file_private(void)
{
	char *p = mmap(nullptr, 20 * PAGE, RW, MAP_PRIVATE | MAP_POPULATE, file, 0);

	return p == MAP_FAILED ? -1 : munmap(p, 20 * PAGE);
}

static long make_memfd(void)
{
	int fd = memfd_create("x", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	int err = ftruncate(fd, 16 * PAGE) || write(fd, fail_maps, 2 * PAGE) < 0 ? errno : 0;

	close(fd);
	errno = err;
	return err ? -1 : 0;
}

static long segment(void)
{
	int id = shmget(IPC_PRIVATE, SIZE, 0600);

	if (id < 0)
		return -1;
	void *p = shmat(id, nullptr, 0);
	int err = errno;
	shmctl(id, IPC_RMID, nullptr);
	errno = err;
	return p == (void *)-1 ? -1 : shmdt(p);
}

// ---- faults

static long write_few(void)
{
	for (unsigned long at = FEW; at < FEW + FEW_BYTES; at += PAGE)
		*(volatile char *)at = 9;
	return 0;
}

static bool few_written(void) { return *(volatile char *)FEW == 9 && *(volatile char *)(FEW + FEW_BYTES - PAGE) == 9; }

static long write_all(void)
{
	for (unsigned long at = AREA; at < AREA + SIZE; at += STEP)
		*(volatile char *)at = 9;
	return 0;
}

static long read_few(void)
{
	char sum = 0;

	for (unsigned long at = FEW; at < FEW + FEW_BYTES; at += PAGE)
		sum = (char)(sum | *(volatile char *)at);
	return sum ? -1 : 0;
}

static long touch_other(int write)
{
	for (unsigned long at = OTHER; at < OTHER + SIZE; at += STEP) {
		if (*(volatile char *)at != 5)
			return -1;
		if (write)
			*(volatile char *)at = 5;
	}
	return 0;
}

static long read_other(void) { return touch_other(0); }
static long write_other(void) { return touch_other(1); }

static void with_file_private(void)
{
	with_file();
	map_at(OTHER, MAP_PRIVATE);
}

static void with_file_shared(void)
{
	with_file();
	map_at(OTHER, MAP_SHARED);
}

static void with_stack(void) { map_at(OTHER, ANON | MAP_GROWSDOWN); }

static long grow_stack(void)
{
	*(volatile char *)(OTHER - 3 * PAGE) = 1;
	return 0;
}

static long kernel_writes(void)
{
	int fd = open("/dev/zero", O_RDONLY);

	if (fd < 0)
		return -1;
	long n = read(fd, (void *)FEW, FEW_BYTES);
	int err = errno;

	close(fd);
	errno = n < 0 ? err : EFAULT;
	return n == (long)FEW_BYTES ? 0 : -1;
}

static unsigned char page_bits[6 * 256];

static long grow_brk(void)
{
	char *old = (char *)syscall(SYS_brk, 0), *want = old + 5 * MIB;

	if ((char *)syscall(SYS_brk, want) == want)
		return 0;
	errno = ENOMEM;
	return (char *)syscall(SYS_brk, 0) == old ? -1 : -EIO;
}

static long shrink_brk(void)
{
	static char *low;
	char *now = (char *)syscall(SYS_brk, 0);

	if (!low)
		low = now - 4 * MIB - PAGE;
	if ((char *)syscall(SYS_brk, low) == low)
		return 0;
	errno = ENOMEM;
	return -1;
}

static void with_brk(void)
{
	char *old = (char *)syscall(SYS_brk, 0);

	if (grow_brk())
		tap_bail("brk");
	for (size_t i = 0; i < 5 * MIB; i += STEP)
		old[i] = 1;
}

#define ADVISE(what, ...) { FAIL_CALL("madvise " #what, madvise, RANGE, LENGTH, what), __VA_ARGS__ }

static const struct fail_case cases[] = {
	{ FAIL_CALL("mmap", mmap, OTHER, SIZE, RW, FIXED, -1, 0) },
	{ FAIL_CALL("mmap over memory", mmap, RANGE, LENGTH, PROT_READ, FIXED, -1, 0), .done = reads_zero },
	{ FAIL_CALL("mmap of a stack", mmap, OTHER, SIZE, RW, FIXED | MAP_GROWSDOWN, -1, 0) },
	{ FAIL_CALL("mmap without reserve", mmap, RANGE, LENGTH, RW, FIXED | MAP_NORESERVE, -1, 0) },
	{ FAIL_CALL("mmap, locked", mmap, FEW, FEW_BYTES, RW, FIXED | MAP_LOCKED, -1, 0) },
	{ FAIL_CALL("mmap, shared", mmap, RANGE, LENGTH, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) },
	{ .name = "mmap and populate", .call = map_and_touch },
	{ .name = "mmap of a file", .call = map_file_private, .setup = with_file },
	{ FAIL_CALL("munmap", munmap, RANGE, LENGTH) },
	{ FAIL_CALL("munmap of all", munmap, AREA, SIZE) },
	{ FAIL_CALL("munmap of a page", munmap, RANGE, 4096) },
	{ FAIL_CALL("mprotect", mprotect, RANGE, LENGTH, PROT_READ) },
	{ FAIL_CALL("mprotect of all", mprotect, AREA, SIZE, PROT_NONE) },
	{ FAIL_CALL("mprotect that allows", mprotect, RANGE, LENGTH, RW), .setup = with_read_only },
	{ FAIL_CALL("mremap, grow", mremap, AREA, SIZE, SIZE + 0x100000) },
	{ FAIL_CALL("mremap, shrink", mremap, AREA, SIZE, SIZE - 0x101000) },
	{ FAIL_CALL("mremap, move and grow", mremap, AREA, SIZE, 2 * SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, OTHER), .setup = with_other,
	  .done = moved_there, .flags = PARTLY | ONCE },
	{ FAIL_CALL("mremap, move a part", mremap, RANGE, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, OTHER + 0x3000) },
	{ FAIL_CALL("mremap, leave the old", mremap, AREA, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0) },
	{ FAIL_CALL("mremap of length 0", mremap, OTHER, 0, SIZE, MREMAP_MAYMOVE), .setup = with_file },
	ADVISE(MADV_NORMAL), ADVISE(MADV_RANDOM), ADVISE(MADV_SEQUENTIAL), ADVISE(MADV_WILLNEED, .setup = with_paged_out),
	ADVISE(MADV_DONTNEED), ADVISE(MADV_FREE), ADVISE(MADV_DONTFORK), ADVISE(MADV_WIPEONFORK), ADVISE(MADV_HUGEPAGE),
	ADVISE(MADV_NOHUGEPAGE), ADVISE(MADV_DONTDUMP), ADVISE(MADV_COLD), ADVISE(MADV_PAGEOUT),
	{ FAIL_CALL("madvise POPULATE_READ", madvise, FEW, FEW_BYTES, POPULATE_READ), .also = EFAULT, .flags = PARTLY },
	{ FAIL_CALL("madvise POPULATE_WRITE", madvise, FEW, FEW_BYTES, POPULATE_WRITE), .also = EFAULT, .flags = PARTLY },
	{ FAIL_CALL("madvise COLLAPSE", madvise, AREA, 2 << 20, COLLAPSE), .setup = with_blocks_allowed, .also = EAGAIN },
	ADVISE(DONTNEED_LOCKED, .setup = with_locked),
	{ FAIL_CALL("madvise MADV_DOFORK", madvise, RANGE, LENGTH, MADV_DOFORK) },
	ADVISE(GUARD_INSTALL, .flags = PARTLY), ADVISE(GUARD_REMOVE, .setup = with_guard, .flags = PARTLY),
	{ FAIL_CALL("madvise MADV_WILLNEED of a file", madvise, OTHER, SIZE, MADV_WILLNEED), .setup = with_file },
	{ FAIL_CALL("madvise MADV_REMOVE", madvise, OTHER, SIZE / 2 + 4096, MADV_REMOVE), .setup = with_file },
	{ FAIL_CALL("mlock", mlock, FEW, FEW_BYTES), .also = EAGAIN, .flags = PARTLY },
	{ FAIL_CALL("mlock2", mlock2, RANGE, LENGTH, ON_FAULT) },
	{ FAIL_CALL("munlock", munlock, RANGE + 4096, LENGTH - 8192), .setup = with_locked },
	{ FAIL_CALL("mlockall", mlockall, 1), .also = EAGAIN, .flags = PARTLY },
	{ FAIL_CALL("munlockall", munlockall, 0), .setup = with_locked },
	{ .name = "brk, grow", .call = grow_brk },
	{ .name = "brk, shrink", .call = shrink_brk, .setup = with_brk },
	{ .name = "memfd_create", .call = make_memfd, .also = ENOSPC },
	{ .name = "shmget and shmat", .call = segment, .also = ENOSPC },
	{ FAIL_CALL("msync", msync, OTHER, SIZE, MS_SYNC), .setup = with_file },
	{ .name = "fault, write", .call = write_few, .done = few_written, .flags = MAY_DIE },
	{ .name = "fault, write everywhere", .call = write_all, .flags = MAY_DIE },
	{ .name = "fault, read", .call = read_few, .flags = MAY_DIE },
	{ .name = "fault, swapped out", .call = write_all, .setup = with_paged_out, .flags = MAY_DIE },
	{ .name = "fault, read of a file", .call = read_other, .setup = with_file_private, .flags = MAY_DIE },
	{ .name = "fault, write to a file's copy", .call = write_other, .setup = with_file_private, .flags = MAY_DIE },
	{ .name = "fault, write to a shared file", .call = write_other, .setup = with_file_shared, .flags = MAY_DIE },
	{ .name = "fault, stack", .call = grow_stack, .setup = with_stack, .flags = MAY_DIE },
	{ .name = "fault, the kernel's", .call = kernel_writes, .also = EFAULT, .flags = PARTLY | MAY_DIE },
	{ FAIL_CALL("mincore", mincore, AREA, SIZE, (long)page_bits) },
};

// only: cases whose names contain it.
static int fail_map(int how, const char *only)
{
	if (!fail_open())
		return tap_done();
	advice = how;
	for (unsigned shared = 0; shared < 2; shared++) {
		fail_share = shared ? share : nullptr;
		fail_others = shared ? sibling_intact : nullptr;
		for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
			if (strstr(cases[i].name, only))
				fail_each(&cases[i], shared ? "shared" : "alone", stage, area_intact);
	}
	return tap_done();
}
