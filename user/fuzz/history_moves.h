// SPDX-License-Identifier: MIT
// What moves bytes: loads and stores, files beneath mappings, the kernel's own accesses, other processes.
#pragma once

#include <linux/falloc.h>

#include "user/fuzz/history_calls.h"

// Stores stay in the first half of a page, so that what lies behind a file's end in its last page is zeros.
static uint64_t some_word(void)
{
	uint64_t va = some_page() + PICK(0, 0, 0, 8, 2040);

	return one_in(200) ? PICK(0, 8, USER_TOP - 8, 0xffff800000000000) : va;
}

static void step_store(uint64_t value)
{
	uint64_t va = some_word();

	say("store %s: %s", place(va), store(va, value) ? "done" : fault_text());
}

// A word in each page of a window.
static void step_fill(uint64_t value)
{
	unsigned w = some_window();

	for (uint64_t i = 0; i < windows[w].pages && i < 16; i++) {
		uint64_t va = windows[w].start + i * PAGE + 8;

		if (!store(va, value + (i << 16)))
			say("fill: %s", fault_text());
	}
}

static void step_load(void)
{
	uint64_t va = one_in(10) ? some_page() + PAGE - 4 : some_word(), value;

	if (load(va, &value))
		say("load %s: %lx", place(va), value);
	else
		say("load %s: %s", place(va), fault_text());
}

static void step_run(void)
{
#ifdef __x86_64__
	constexpr uint64_t ret = 0xc3;
#else
	constexpr uint64_t ret = 0xd65f03c0;
#endif
	uint64_t va = some_page(), found;

	store(va, ret);
	if (load(va, &found) && found == ret)
		say("run %s: %s", place(va), run(va) ? "done" : fault_text());
	store(va, 1);
}

static off_t file_size(int file)
{
	return lseek(files[file], 0, SEEK_END);
}

static void step_truncate(void)
{
	int file = (int)below(F_ZERO), fd = files[file];
	uint64_t size = below(26) * PAGE + (file == F_SMALL ? 3072 : 0);
	long res = CALL3(SYS_ftruncate, fd, size, 0);

	say("ftruncate %d %lx = %s", file, size, result(res));
}

// Linux counts a page that fallocate has made as resident from the first write on. So that comes at once; behind the file's
// end the pages go.
static void write_allocated(int file, uint64_t start, uint64_t len)
{
	uint64_t size = (uint64_t)file_size(file), end = (size + PAGE - 1) & ~(PAGE - 1);
	char c;

	for (uint64_t at = start; at < start + len && at < size; at += PAGE)
		if (pread(files[file], &c, 1, (off_t)at) == 1 && pwrite(files[file], &c, 1, (off_t)at) != 1)
			say("a file cannot be written");
	end = end > start ? end : start;
	if (end < start + len)
		CALL5(SYS_fallocate, files[file], 3, end, start + len - end, 0);
}

static void step_allocate(void)
{
	int file = (int)below(F_ZERO), mode = (int)PICK(0, 1, 3, 3, 2);
	uint64_t start = below(26) * PAGE, len = (1 + below(6)) * PAGE;

	long res = CALL5(SYS_fallocate, files[file], mode, start, len, 0);

	if (!res && mode < 2)
		write_allocated(file, start, len);
	say("fallocate %d %d %lx %lx = %s", file, mode, start, len, result(res));
	say("  size %lx", (uint64_t)file_size(file));
}

// The kernel reads or writes memory for us: a bad page in the middle makes it stop there.
static void step_file_io(void)
{
	int file = (int)below(F_ZERO + 1);
	uint64_t va = some_page(), len = one_in(3) ? 1 + below(3 * PAGE) : (1 + below(4)) * PAGE, at = below(24) * PAGE;
	bool out = one_in(2);
	long res;

	len = len > 8 ? len & ~7ul : len;
	if (len % PAGE > 3072)
		len -= 2048;
	// Where a file would grow, kernels look at the memory before or after that.
	if (out && file < F_ZERO && at + len > (uint64_t)file_size(file)) {
		at = 0;
		len = len < (uint64_t)file_size(file) ? len : (uint64_t)file_size(file);
	}
	res = CALL5(out ? SYS_pwrite64 : SYS_pread64, files[file], va, len, at, 0);
	// A page that was made for bytes that then did not come stays, or not: so all are made.
	if (out && file < F_ZERO && res < (long)len && !CALL5(SYS_fallocate, files[file], 0, at, len, 0))
		write_allocated(file, at, len);
	say("%s %d %s %lx at %lx = %s", out ? "pwrite" : "pread", file, place(va), len, at, result(res));
}

// ---- Children that stay as they were at fork, until they are asked ----

enum { CHILDREN = 2 };

static struct child {
	pid_t pid;
	int go;
} children[CHILDREN];

static void release_child(unsigned i)
{
	int status;

	if (!children[i].pid)
		return;
	say("child %u", i);
	close(children[i].go);
	waitpid(children[i].pid, &status, 0);
	say("child %u ended: %x", i, status);
	children[i].pid = 0;
}

static void all_bytes(void)
{
	look_at_layout();
	look_at_bytes();
}

static void step_fork(void)
{
	unsigned i = (unsigned)below(CHILDREN);
	uint64_t va = some_page();
	int ends[2];
	char c;

	if (in_child)
		return;
	release_child(i);
	if (pipe(ends))
		return;
	pid_t pid = fork();

	if (!pid) {
		in_child = true;
		close(ends[1]);
		for (unsigned k = 0; k < CHILDREN; k++)
			if (children[k].pid)
				close(children[k].go);
		if (read(ends[0], &c, 1))
			_exit(1);
		all_bytes();
		say("store %s: %s", place(va), store(va, 0xc0ffee) ? "done" : fault_text());
		_exit(0);
	}
	close(ends[0]);
	children[i] = (struct child){ pid, ends[1] };
	say("fork %u: %s", i, pid > 0 ? "done" : result(pid));
}

static void step_other(void)
{
	unsigned i = (unsigned)below(CHILDREN);
	uint64_t mine = windows[W_START].start + below(16) * PAGE, other = windows[W_TABLE].start + below(16) * PAGE;
	uint64_t len = (1 + below(4)) * PAGE, first = one_in(4) ? PAGE : len;
	struct iovec local = { (void *)mine, len };
	struct iovec remote[2] = { { (void *)other, first }, { (void *)(other + first), len - first } };
	bool write = one_in(2);
	pid_t pid = children[i].pid && !in_child ? children[i].pid : getpid();

	long res = call6(write ? SYS_process_vm_writev : SYS_process_vm_readv, (uint64_t)pid, (uint64_t)&local, 1,
			 (uint64_t)remote, 2, one_in(40));

	say("process_vm_%sv of %s: %s %s %lx %lx = %s", write ? "write" : "read", pid == getpid() ? "self" : "child",
	    place(mine), place(other), len, first, result(res));
	// Kernels may have brought in more than they copied; of memory that a child shares with us, too.
	for (uint64_t i = 0, ignored; i < len; i += PAGE) {
		load(mine + i, &ignored);
		load(other + i, &ignored);
	}
}

// A child that makes the next calls itself, and ends.
static bool step_fork_and_go_on(void)
{
	int status;

	if (in_child)
		return false;
	pid_t pid = fork();

	if (!pid) {
		in_child = true;
		for (unsigned k = 0; k < CHILDREN; k++)
			if (children[k].pid)
				close(children[k].go);
		say("in the child");
		return true;
	}
	waitpid(pid, &status, 0);
	say("the child ended: %x", status);
	return false;
}
