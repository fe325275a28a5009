// SPDX-License-Identifier: MIT
// What is written into another process's memory is there, however often that process forks and copies its pages meanwhile.

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

enum { PAGE = 4096, ROUNDS = 3000 };

// One page: the words that others write, and one of the process's own.
static atomic_ulong *words;
static int memory;
static pid_t target;
static atomic_int bad;

// Forks, and copies the page at once: both sides write to it.
static void fork_and_write(atomic_int *go_on)
{
	while (*go_on) {
		pid_t pid = fork();

		if (pid == 0) {
			words[511] = 1;
			_exit(0);
		}
		words[511]++;
		waitpid(pid, nullptr, 0);
	}
	_exit(0);
}

// The same, of a page that nobody may write but a debugger.
static void fork_and_protect(atomic_int *go_on)
{
	while (*go_on) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		mprotect(words, PAGE, PROT_READ | PROT_WRITE);
		words[511]++;
		mprotect(words, PAGE, PROT_READ);
		waitpid(pid, nullptr, 0);
	}
	_exit(0);
}

static ssize_t by_call(size_t i, unsigned long *value, bool write)
{
	struct iovec here = {value, sizeof(*value)}, there = {words + i, sizeof(*value)};

	return write ? process_vm_writev(target, &here, 1, &there, 1, 0) : process_vm_readv(target, &here, 1, &there, 1, 0);
}

static ssize_t by_file(size_t i, unsigned long *value, bool write)
{
	off_t at = (off_t)(uintptr_t)(words + i);

	return write ? pwrite(memory, value, sizeof(*value), at) : pread(memory, value, sizeof(*value), at);
}

// A word of our own in the other's page: nobody else changes it.
static void write_and_look(size_t i, ssize_t (*move)(size_t i, unsigned long *value, bool write))
{
	for (unsigned long n = 1; n <= ROUNDS; n++) {
		unsigned long value = n;
		bool lost = move(i, &value, true) != sizeof(value) || move(i, &value, false) != sizeof(value) || value != n;

		bad += lost;
	}
}

static void *writes_by_call(void *arg)
{
	write_and_look((size_t)arg, by_call);
	return nullptr;
}

static void *writes_by_file(void *arg)
{
	write_and_look((size_t)arg, by_file);
	return nullptr;
}

static void run(void (*body)(atomic_int *), void *(*writes)(void *), const char *what)
{
	atomic_int *go_on = mmap(nullptr, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[32];
	pthread_t t;
	int status;

	*go_on = 1;
	bad = 0;
	target = fork();
	if (target == 0)
		body(go_on);
	snprintf(path, sizeof(path), "/proc/%d/mem", target);
	memory = open(path, O_RDWR);
	pthread_create(&t, nullptr, writes, (void *)1);
	writes((void *)2);
	pthread_join(t, nullptr);
	*go_on = 0;
	ok(waitpid(target, &status, 0) == target && status == 0 && bad == 0, "%s: %d of %d writes are lost", what, bad, 2 * ROUNDS);
	close(memory);
}

int main(void)
{
	words = mmap(nullptr, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED)
		tap_bail("mmap");
	words[511] = 0;
	run(fork_and_write, writes_by_call, "process_vm_writev into a page that is copied");
	run(fork_and_write, writes_by_file, "/proc/PID/mem");
	mprotect(words, PAGE, PROT_READ);
	run(fork_and_protect, writes_by_file, "/proc/PID/mem where the process may not write");
	return tap_done();
}
