// SPDX-License-Identifier: MIT
// rseq(2): registration, the CPU's number, sequences that begin anew; and membarrier(2).

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

#ifdef __x86_64__
enum { SYS_rseq_ = 334, SYS_membarrier_ = 324 };
#else
enum { SYS_rseq_ = 293, SYS_membarrier_ = 283 };
#endif
#define SIGNATURE 0x53053053

struct area {
	_Alignas(32) _Atomic uint32_t cpu_id_start;
	_Atomic uint32_t cpu_id;
	_Atomic uint64_t sequence;
	uint32_t flags, node_id, mm_cid, reserved;
};

static struct area area;
static atomic_int handled, stop;

static long rseq(void *a, unsigned size, int flags, unsigned sig)
{
	return syscall(SYS_rseq_, a, size, flags, sig);
}

static long membarrier(int command, unsigned flags, int cpu)
{
	return syscall(SYS_membarrier_, command, flags, cpu);
}

static bool is_error(long r, int err)
{
	return r == -1 && errno == err;
}

// Goes round and round in a sequence; comes back by its abort handler only.
static void spin_in_sequence(struct area *a)
{
#ifdef __x86_64__
	asm volatile(".pushsection .data.rseq, \"aw\"\n.balign 32\n"
		     "3: .long 0, 0\n.quad 1f, 2f - 1f, 4f\n.popsection\n"
		     "leaq 3b(%%rip), %%rax\n"
		     "movq %%rax, 8(%0)\n"
		     "1: pause\n"
		     "jmp 1b\n"
		     "2: jmp 5f\n"
		     ".long 0x53053053\n"
		     "4: nop\n"
		     "5:\n" : : "r"(a) : "rax", "memory");
#else
	asm volatile(".pushsection .data.rseq, \"aw\"\n.balign 32\n"
		     "3: .long 0, 0\n.quad 1f, 2f - 1f, 4f\n.popsection\n"
		     "adrp x9, 3b\n"
		     "add x9, x9, :lo12:3b\n"
		     "str x9, [%0, #8]\n"
		     "1: yield\n"
		     "b 1b\n"
		     "2: b 5f\n"
		     ".long 0x53053053\n"
		     "4: nop\n"
		     "5:\n" : : "r"(a) : "x9", "memory");
#endif
}

static void on_alarm(int sig)
{
	(void)sig;
	handled++;
}

static void test_register(void)
{
	static char raw[128];

	ok(is_error(rseq(&area, 32, 2, SIGNATURE), EINVAL), "an unknown flag: EINVAL");
	ok(is_error(rseq((char *)&area + 4, 32, 0, SIGNATURE), EINVAL), "a crooked address: EINVAL");
	ok(is_error(rseq(&area, 16, 0, SIGNATURE), EINVAL), "too small: EINVAL");
	ok(is_error(rseq((void *)-4096l, 32, 0, SIGNATURE), EFAULT), "no user memory: EFAULT");
	ok(is_error(rseq(&area, 32, 1, SIGNATURE), EINVAL), "nothing to unregister: EINVAL");
	area.cpu_id = -1u;
	ok(rseq(&area, 32, 0, SIGNATURE) == 0, "registered");
	ok(area.cpu_id == (unsigned)sched_getcpu() && area.cpu_id_start == area.cpu_id, "it knows its CPU");
	ok(is_error(rseq(&area, 32, 0, SIGNATURE), EBUSY), "once more: EBUSY");
	ok(is_error(rseq(&area, 32, 0, 1), EPERM), "with another signature: EPERM");
	ok(is_error(rseq((void *)(((uintptr_t)raw + 31) & -32ul), 32, 0, SIGNATURE), EINVAL), "elsewhere: EINVAL");
	ok(is_error(rseq(&area, 32, 1, 1), EPERM), "unregistered with another signature: EPERM");
	ok(rseq(&area, 32, 1, SIGNATURE) == 0 && area.cpu_id == -1u, "unregistered");
}

static void test_move(void)
{
	cpu_set_t set, all;
	bool good = true;

	rseq(&area, 32, 0, SIGNATURE);
	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
		good = good && area.cpu_id == (unsigned)cpu && area.cpu_id_start == (unsigned)cpu;
	}
	sched_setaffinity(0, sizeof(all), &all);
	ok(good, "it knows it on every CPU");
}

static void test_signal(void)
{
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};

	signal(SIGALRM, on_alarm);
	handled = 0;
	setitimer(ITIMER_REAL, &soon, nullptr);
	do
		spin_in_sequence(&area);
	while (!handled);
	ok(handled == 1 && area.sequence == 0, "a signal ends a sequence");
}

static void *compete(void *arg)
{
	(void)arg;
	while (!stop)
		;
	return nullptr;
}

static void test_preemption(void)
{
	pthread_t t;
	cpu_set_t one, all;

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	stop = 0;
	pthread_create(&t, nullptr, compete, nullptr);
	for (int i = 0; i < 5; i++)
		spin_in_sequence(&area);
	stop = 1;
	pthread_join(t, nullptr);
	sched_setaffinity(0, sizeof(all), &all);
	ok(true, "losing the CPU ends a sequence");
}

static void *thread_has_none(void *arg)
{
	static struct area mine;

	(void)arg;
	return (void *)(rseq(&mine, 32, 0, SIGNATURE) + 1);
}

static void test_inheritance(void)
{
	pthread_t t;
	void *r;
	int status;

	pthread_create(&t, nullptr, thread_has_none, nullptr);
	pthread_join(t, &r);
	ok(r == (void *)1, "a new thread has none");
	pid_t pid = fork();
	if (pid == 0)
		_exit(is_error(rseq(&area, 32, 0, SIGNATURE), EBUSY) && area.cpu_id == (unsigned)sched_getcpu() ? 0 : 1);
	waitpid(pid, &status, 0);
	ok(status == 0, "a forked process has its parent's");
	pid = fork();
	if (pid == 0) {
		static struct { _Alignas(32) uint32_t version, flags; uint64_t start, length, abort; } bad;
		bad.length = 1;
		bad.abort = (uintptr_t)&bad;		// no signature before it
		area.sequence = (uintptr_t)&bad;
		for (;;)
			;
	}
	do {
		usleep(20000);	// it may not have come to its sequence yet: then once more
		kill(pid, SIGCONT);
		kill(pid, SIGSTOP);
	} while (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "a false sequence: SIGSEGV");
	pid = fork();
	if (pid == 0) {
		munmap((void *)((uintptr_t)&area & ~4095ul), 4096);
		for (;;)
			sched_yield();
	}
	usleep(1000);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status), "memory that goes hurts nobody else");
}

static _Atomic bool spun_out;

static void *spin_until_fence(void *arg)
{
	struct area *a = aligned_alloc(32, sizeof(*a));

	(void)arg;
	memset(a, 0, sizeof(*a));
	rseq(a, 32, 0, SIGNATURE);
	stop = 1;
	spin_in_sequence(a);
	spun_out = true;
	rseq(a, 32, 1, SIGNATURE);
	return nullptr;
}

static void test_membarrier(void)
{
	enum { GLOBAL = 1, GLOBAL_EXP = 2, REG_GLOBAL = 4, PRIVATE = 8, REG_PRIVATE = 16, SYNC = 32, REG_SYNC = 64, RSEQ = 128, REG_RSEQ = 256, GET = 512 };
	pthread_t t;

	long all = membarrier(0, 0, 0);
	ok((all & (GLOBAL | PRIVATE | SYNC | RSEQ)) == (GLOBAL | PRIVATE | SYNC | RSEQ), "membarrier has %lx", all);
	ok(is_error(membarrier(0, 1, 0), EINVAL) && is_error(membarrier(77, 0, 0), EINVAL), "flags, unknown commands: EINVAL");
	ok(is_error(membarrier(PRIVATE, 0, 0), EPERM) && is_error(membarrier(SYNC, 0, 0), EPERM) && is_error(membarrier(RSEQ, 0, 0), EPERM), "not registered: EPERM");
	ok(membarrier(REG_PRIVATE, 0, 0) == 0 && membarrier(PRIVATE, 0, 0) == 0, "private");
	ok(is_error(membarrier(SYNC, 0, 0), EPERM), "which is not for the others");
	ok(membarrier(REG_SYNC, 0, 0) == 0 && membarrier(SYNC, 0, 0) == 0, "for code too");
	ok(membarrier(REG_RSEQ, 0, 0) == 0 && membarrier(RSEQ, 0, 0) == 0, "for sequences");
	ok(membarrier(RSEQ, 1, 0) == 0 && is_error(membarrier(RSEQ, 2, 0), EINVAL), "on one CPU");
	ok(membarrier(GLOBAL, 0, 0) == 0 && membarrier(REG_GLOBAL, 0, 0) == 0 && membarrier(GLOBAL_EXP, 0, 0) == 0, "global");
	if (all & GET)
		ok((membarrier(GET, 0, 0) & (REG_PRIVATE | REG_SYNC | REG_RSEQ)) == (REG_PRIVATE | REG_SYNC | REG_RSEQ), "it remembers");
	else
		tap_skip("it does not tell");
	stop = 0;
	spun_out = false;
	pthread_create(&t, nullptr, spin_until_fence, nullptr);
	while (!stop)
		sched_yield();
	while (!spun_out) {
		membarrier(RSEQ, 0, 0);
		usleep(100);
	}
	pthread_join(t, nullptr);
	ok(true, "a barrier ends other threads' sequences");
}

int main(void)
{
	test_register();
	test_move();
	test_signal();
	test_preemption();
	test_inheritance();
	test_membarrier();
	return tap_done();
}
