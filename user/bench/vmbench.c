// SPDX-License-Identifier: MIT
/* vmbench - microbenchmark of system calls and virtual memory operations.
 *
 * Plain Linux system calls only; static; no files needed but one scratch file.
 * Each result is one line:   name value unit n
 * value: for cheap operations, mean over n operations in one timed loop (best
 *        of 3 loops); for expensive ones, the median of n separately timed ones.
 * unit:  ns/op, ns/page, ... of CLOCK_MONOTONIC.  Under `qemu -icount shift=0`
 *        one ns is one guest instruction (check: loop_2insn must read 2.0).
 *
 * usage: vmbench [-m MAXMIB] [-d DIV] [-f FILE] [-t] [SUBSTRING...]
 *   -m  skip tests that need more than MAXMIB MiB resident (default 1024)
 *   -d  divide loop iteration counts by DIV (for slow machines)
 *   -f  scratch file (default /tmp/vmbench.dat); put it on tmpfs/ramfs
 *   -t  only list the tests
 *   SUBSTRING  run only the tests whose function name contains one of them
 *   -x  (first argument only) exit at once: this is the exec target
 *
 * build: musl-gcc -O2 -static -no-pie vmbench.c -o vmbench   (gcc -static works)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_NOHUGEPAGE
#define MADV_NOHUGEPAGE 15
#endif
#ifndef MADV_HUGEPAGE
#define MADV_HUGEPAGE 14
#endif

#define PG 4096UL
#define MiB (1UL << 20)

typedef uint64_t u64;
static const char *self, *scratch = "/tmp/vmbench.dat";
static unsigned long max_mib = 1024;
static long divn = 1;
extern char **environ;

static inline u64 now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

static void out(const char *name, double v, const char *unit, long n)
{
	printf("%s %.1f %s %ld\n", name, v, unit, n);
	fflush(stdout);
}

static void die(const char *what)
{
	printf("# FAIL %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static int cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;
	return x < y ? -1 : x > y;
}

static u64 median(u64 *a, int n)
{
	qsort(a, n, sizeof *a, cmp);
	return a[n / 2];
}

static long its(long n)
{
	n /= divn;
	return n < 3 ? 3 : n;
}

/* mean per operation, best of three loops */
#define LOOP(name, unit, n_, body) do {                                  \
	long n = (n_); double best = 1e30;                               \
	for (int r_ = 0; r_ < 3; r_++) {                                 \
		u64 t_ = now();                                          \
		for (long i = 0; i < n; i++) { body; }                   \
		double d_ = (double)(now() - t_) / (double)n;            \
		if (d_ < best) best = d_;                                \
	}                                                                \
	out(name, best, unit, n);                                        \
} while (0)

static char *map(unsigned long len, int thp)
{
	char *p = mmap(0, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) die("mmap");
	if (!thp) madvise(p, len, MADV_NOHUGEPAGE);
	return p;
}

static void unmap(char *p, unsigned long len)
{
	if (munmap(p, len)) die("munmap");
}

static void wtouch(char *p, unsigned long len)
{
	for (unsigned long o = 0; o < len; o += PG)
		*(volatile char *)(p + o) = 1;
}

static void rtouch(const char *p, unsigned long len, unsigned long step)
{
	for (unsigned long o = 0; o < len; o += step)
		(void)*(const volatile char *)(p + o);
}

/* ---- calibration ------------------------------------------------------ */

static void t_calib(void)
{
	/* exactly 2 instructions per iteration */
	for (int r = 0; r < 2; r++) {
		unsigned long k = 10000000 / divn, n = k;
		u64 t = now();
#if defined(__aarch64__)
		__asm__ volatile("1: subs %0,%0,#1\n b.ne 1b" : "+r"(k) :: "cc");
#elif defined(__x86_64__)
		__asm__ volatile("1: dec %0\n jnz 1b" : "+r"(k) :: "cc");
#endif
		t = now() - t;
		if (r) {
			printf("loop_2insn %.4f ns/iter %lu\n", (double)t / n, n);
			fflush(stdout);
		}
	}
	LOOP("clock_gettime", "ns/op", its(100000), (void)now());

	static char page[2 * PG];
	char *pg = (char *)(((unsigned long)page + PG - 1) & ~(PG - 1));
	wtouch(pg, PG);
#if defined(__aarch64__)
	LOOP("page_clear_dczva", "ns/page", its(20000), {
		for (char *c = pg; c < pg + PG; c += 64)
			__asm__ volatile("dc zva, %0" :: "r"(c) : "memory");
	});
#elif defined(__x86_64__)
	LOOP("page_clear_rep_stosb", "ns/page", its(20000), {
		char *d = pg; unsigned long c = PG;
		__asm__ volatile("rep stosb" : "+D"(d), "+c"(c) : "a"(0) : "memory");
	});
	LOOP("page_clear_rep_stosq", "ns/page", its(20000), {
		char *d = pg; unsigned long c = PG / 8;
		__asm__ volatile("rep stosq" : "+D"(d), "+c"(c) : "a"(0) : "memory");
	});
#endif
	LOOP("page_memset_libc", "ns/page", its(20000), {
		memset(pg, 0, PG); __asm__ volatile("" ::: "memory"); });
}

/* ---- system calls ----------------------------------------------------- */

static void t_syscall(void)
{
	LOOP("null_syscall", "ns/op", its(200000), syscall(SYS_getppid));
	int fd = open("/dev/zero", O_RDONLY);
	char c;
	if (fd < 0) { printf("# skip read1_devzero: %s\n", strerror(errno)); return; }
	LOOP("read1_devzero", "ns/op", its(100000), if (read(fd, &c, 1) != 1) die("read"));
	close(fd);
}

/* ---- page faults ------------------------------------------------------ */

static u64 ts[64];

static void fault_anon(const char *name, unsigned long len, int thp, int wr)
{
	int n = 5;
	for (int r = 0; r < n; r++) {
		char *p = map(len, thp);
		if (thp == 2) madvise(p, len, MADV_HUGEPAGE);
		u64 t = now();
		if (wr) wtouch(p, len); else rtouch(p, len, PG);
		ts[r] = now() - t;
		unmap(p, len);
	}
	out(name, (double)median(ts, n) / (double)(len / PG), "ns/page", (long)(n * (len / PG)));
}

static void t_fault_anon(void)
{
	fault_anon("fault_zero_write", 64 * MiB, 0, 1);
	fault_anon("fault_zero_write_thpdef", 64 * MiB, 1, 1);
	fault_anon("fault_zero_read", 64 * MiB, 0, 0);
	/* read faults followed by write faults on the same pages */
	int n = 5; unsigned long len = 16 * MiB;
	for (int r = 0; r < n; r++) {
		char *p = map(len, 0);
		rtouch(p, len, PG);
		u64 t = now();
		wtouch(p, len);
		ts[r] = now() - t;
		unmap(p, len);
	}
	out("fault_zero_read_then_write", (double)median(ts, n) / (double)(len / PG), "ns/page", (long)(n * (len / PG)));
	/* touching resident pages: the loop itself, and the TLB */
	char *p = map(64 * MiB, 0);
	wtouch(p, 64 * MiB);
	for (int r = 0; r < n; r++) {
		u64 t = now();
		wtouch(p, 64 * MiB);
		ts[r] = now() - t;
	}
	out("touch_resident", (double)median(ts, n) / (64 * MiB / PG), "ns/page", n * (64 * MiB / PG));
	unmap(p, 64 * MiB);
}

static void t_fault_file(void)
{
	unsigned long len = 16 * MiB;
	int fd = open(scratch, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0) { printf("# skip fault_file: %s: %s\n", scratch, strerror(errno)); return; }
	static char buf[65536];
	memset(buf, 7, sizeof buf);
	for (unsigned long o = 0; o < len; o += sizeof buf)
		if (write(fd, buf, sizeof buf) != (long)sizeof buf) die("write scratch");
	struct { const char *name; int prot, flags; unsigned long step; int wr; } v[] = {
		/* sequential: Linux maps 16 pages around each fault */
		{ "fault_file_read", PROT_READ, MAP_PRIVATE, PG, 0 },
		/* every 16th page: one fault per touch also with fault-around */
		{ "fault_file_read_stride64k", PROT_READ, MAP_PRIVATE, 16 * PG, 0 },
		{ "fault_file_shared_write", PROT_READ | PROT_WRITE, MAP_SHARED, PG, 1 },
		{ "fault_file_private_write", PROT_READ | PROT_WRITE, MAP_PRIVATE, PG, 1 },
	};
	for (unsigned k = 0; k < sizeof v / sizeof *v; k++) {
		int n = 5;
		for (int r = 0; r < n; r++) {
			char *p = mmap(0, len, v[k].prot, v[k].flags, fd, 0);
			if (p == MAP_FAILED) { printf("# skip %s: %s\n", v[k].name, strerror(errno)); goto next; }
			madvise(p, len, MADV_NOHUGEPAGE);
			u64 t = now();
			if (v[k].wr) wtouch(p, len); else rtouch(p, len, v[k].step);
			ts[r] = now() - t;
			unmap(p, len);
		}
		out(v[k].name, (double)median(ts, n) / (double)(len / v[k].step), "ns/page", (long)(n * (len / v[k].step)));
next:;
	}
	close(fd);
	unlink(scratch);
}

static void t_fault_cow(void)
{
	unsigned long len = 16 * MiB;
	int n = 5;
	u64 reuse[8];
	u64 *sh = mmap(0, PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED) { printf("# skip fault_cow: shared anon: %s\n", strerror(errno)); return; }
	char *p = map(len, 0);
	wtouch(p, len);
	for (int r = 0; r < n; r++) {
		pid_t c = fork();
		if (c < 0) die("fork");
		if (!c) {
			u64 t = now();
			wtouch(p, len);
			*sh = now() - t;
			_exit(0);
		}
		if (waitpid(c, 0, 0) != c) die("waitpid");
		ts[r] = *sh;
		u64 t = now();
		wtouch(p, len);            /* sole owner again: no copy needed */
		reuse[r] = now() - t;
	}
	out("fault_cow_copy", (double)median(ts, n) / (double)(len / PG), "ns/page", (long)(n * (len / PG)));
	out("fault_cow_reuse", (double)median(reuse, n) / (double)(len / PG), "ns/page", (long)(n * (len / PG)));
	unmap(p, len);
	munmap(sh, PG);
}

/* ---- address space operations ----------------------------------------- */

static void t_mmap(void)
{
	LOOP("mmap_munmap_1p", "ns/op", its(20000), {
		char *p = map(PG, 1); unmap(p, PG); });
	LOOP("mmap_touch_munmap_1p", "ns/op", its(10000), {
		char *p = map(PG, 1); *(volatile char *)p = 1; unmap(p, PG); });
	LOOP("mmap_munmap_64M", "ns/op", its(20000), {
		char *p = map(64 * MiB, 1); unmap(p, 64 * MiB); });
	int n = 5; u64 tot[8];
	for (int k = 0; k < 2; k++) {
		for (int r = 0; r < n; r++) {
			u64 t0 = now();
			char *p = map(64 * MiB, k);
			wtouch(p, 64 * MiB);
			u64 t = now();
			unmap(p, 64 * MiB);
			u64 e = now();
			ts[r] = e - t; tot[r] = e - t0;
		}
		out(k ? "munmap_64M_touched_thpdef" : "munmap_64M_touched", (double)median(ts, n), "ns/op", n);
		out(k ? "mmap_touch_munmap_64M_thpdef" : "mmap_touch_munmap_64M", (double)median(tot, n), "ns/op", n);
	}
}

static void t_mprotect(void)
{
	char *p = map(PG, 1);
	*p = 1;
	LOOP("mprotect_1p", "ns/call", its(40000), {
		if (mprotect(p, PG, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ)) die("mprotect"); });
	unmap(p, PG);
	p = map(64 * MiB, 0);
	wtouch(p, 64 * MiB);
	char *m = p + 32 * MiB;
	LOOP("mprotect_1p_split_merge", "ns/call", its(20000), {
		if (mprotect(m, PG, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ)) die("mprotect"); });
	int n = 10;
	for (int r = 0; r < n; r++) {
		u64 t = now();
		if (mprotect(p, 64 * MiB, r & 1 ? PROT_READ | PROT_WRITE : PROT_READ)) die("mprotect");
		ts[r] = now() - t;
	}
	double s = 0; for (int r = 0; r < n; r++) s += (double)ts[r];
	out("mprotect_64M_touched", s / n, "ns/call", n);
	for (int r = 0; r < 5; r++) {
		u64 t = now();
		if (madvise(p, 64 * MiB, MADV_DONTNEED)) { printf("# skip madv_dontneed: %s\n", strerror(errno)); goto done; }
		ts[r] = now() - t;
		wtouch(p, 64 * MiB);
	}
	out("madv_dontneed_64M_touched", (double)median(ts, 5), "ns/op", 5);
	/* mremap that moves 16 MiB of touched pages */
	char *q = map(64 * MiB, 0);
	char *from = p, *to = q;
	for (int r = 0; r < 6; r++) {
		u64 t = now();
		char *x = mremap(from, 16 * MiB, 16 * MiB, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		if (x == MAP_FAILED) { printf("# skip mremap: %s\n", strerror(errno)); break; }
		ts[r] = now() - t;
		char *y = from; from = to; to = y;
		if (r == 5) out("mremap_move_16M_touched", (double)median(ts, 6), "ns/op", 6);
	}
	munmap(q, 64 * MiB);
done:
	munmap(p, 64 * MiB);
}

static void t_brk(void)
{
	unsigned long b = (unsigned long)syscall(SYS_brk, 0);
	b = (b + PG - 1) & ~(PG - 1);
	if ((unsigned long)syscall(SYS_brk, b) != b) { printf("# skip brk\n"); return; }
	LOOP("brk_grow_shrink_1M", "ns/cycle", its(5000), {
		if ((unsigned long)syscall(SYS_brk, b + MiB) != b + MiB) die("brk");
		syscall(SYS_brk, b); });
	LOOP("brk_grow_touch_shrink_1M", "ns/cycle", its(50), {
		if ((unsigned long)syscall(SYS_brk, b + MiB) != b + MiB) die("brk");
		wtouch((char *)b, MiB);
		syscall(SYS_brk, b); });
}

static void t_munmap_1g(void)
{
	if (max_mib < 1024) return;
	int n = 1; u64 f[4];
	for (int k = 0; k < 2; k++) {
		for (int r = 0; r < n; r++) {
			char *p = map(1024 * MiB, k);
			u64 t0 = now();
			wtouch(p, 1024 * MiB);
			u64 t = now();
			unmap(p, 1024 * MiB);
			ts[r] = now() - t; f[r] = t - t0;
		}
		out(k ? "munmap_1G_touched_thpdef" : "munmap_1G_touched", (double)median(ts, n), "ns/op", n);
		out(k ? "touch_1G_thpdef" : "touch_1G", (double)median(f, n), "ns/op", n);
	}
}

/* ---- processes -------------------------------------------------------- */

static void fork_with(unsigned long mib, int n, int thp)
{
	static u64 call[256], tot[256];
	char name[64];
	const char *sfx = thp ? "_thpdef" : "";
	char *p = map(mib * MiB, thp);
	wtouch(p, mib * MiB);
	for (int r = -1; r < n; r++) {
		int k = r < 0 ? 0 : r;
		u64 t = now();
		pid_t c = fork();
		if (c == 0) _exit(0);
		call[k] = now() - t;
		if (c < 0) die("fork");
		if (waitpid(c, 0, 0) != c) die("waitpid");
		tot[k] = now() - t;
	}
	snprintf(name, sizeof name, "fork_call_%luM%s", mib, sfx);
	out(name, (double)median(call, n), "ns/op", n);
	snprintf(name, sizeof name, "fork_exit_wait_%luM%s", mib, sfx);
	out(name, (double)median(tot, n), "ns/op", n);
	unmap(p, mib * MiB);
}

static void t_fork(void)
{
	static const struct { unsigned long mib; int n; } v[] = {
		{ 1, 100 }, { 16, 50 }, { 64, 25 }, { 256, 9 }, { 1024, 3 } };
	for (unsigned k = 0; k < 5; k++)
		if (v[k].mib <= max_mib) fork_with(v[k].mib, (int)its(v[k].n), 0);
	for (unsigned k = 2; k < 5; k += 2)
		if (v[k].mib <= max_mib) fork_with(v[k].mib, (int)its(v[k].n), 1);
}

static void t_exec(void)
{
	char *av[] = { (char *)self, "-x", 0 }, *ev[] = { 0 };
	int n = (int)its(60);
	static u64 a[256];
	for (int r = -1; r < n; r++) {
		u64 t = now();
		pid_t c = fork();
		if (!c) { execve(self, av, ev); _exit(127); }
		int st;
		if (waitpid(c, &st, 0) != c || st) die("fork+exec");
		a[r < 0 ? 0 : r] = now() - t;
	}
	out("fork_exec_wait", (double)median(a, n), "ns/op", n);
	for (int r = -1; r < n; r++) {
		u64 t = now();
		pid_t c = vfork();
		if (!c) { execve(self, av, ev); _exit(127); }
		int st;
		if (waitpid(c, &st, 0) != c || st) die("vfork+exec");
		a[r < 0 ? 0 : r] = now() - t;
	}
	out("vfork_exec_wait", (double)median(a, n), "ns/op", n);
	for (int r = -1; r < n; r++) {
		u64 t = now();
		pid_t c;
		int st;
		if ((errno = posix_spawn(&c, self, 0, 0, av, ev))) die("posix_spawn");
		if (waitpid(c, &st, 0) != c || st) die("spawn wait");
		a[r < 0 ? 0 : r] = now() - t;
	}
	out("posix_spawn_wait", (double)median(a, n), "ns/op", n);
}

static void t_pipe(void)
{
	int p[2], q[2];
	char c = 0;
	if (pipe(p) || pipe(q)) die("pipe");
	LOOP("pipe_write_read_self", "ns/op", its(20000), {
		if (write(p[1], &c, 1) != 1 || read(p[0], &c, 1) != 1) die("pipe self"); });
	pid_t k = fork();
	if (k < 0) die("fork");
	if (!k) {
		close(p[1]); close(q[0]);
		while (read(p[0], &c, 1) == 1)
			if (write(q[1], &c, 1) != 1) break;
		_exit(0);
	}
	close(p[0]); close(q[1]);
	LOOP("pipe_pingpong_process", "ns/roundtrip", its(10000), {
		if (write(p[1], &c, 1) != 1 || read(q[0], &c, 1) != 1) die("pipe"); });
	close(p[1]); close(q[0]);
	waitpid(k, 0, 0);
}

static int tp[2], tq[2];
static void *thr_nop(void *a) { return a; }
static void *thr_pong(void *a)
{
	char c;
	while (read(tp[0], &c, 1) == 1)
		if (write(tq[1], &c, 1) != 1) break;
	return a;
}

static void t_thread(void)
{
	pthread_t t;
	char c = 0;
	LOOP("pthread_create_join", "ns/op", its(2000), {
		if (pthread_create(&t, 0, thr_nop, 0)) die("pthread_create");
		pthread_join(t, 0); });
	if (pipe(tp) || pipe(tq)) die("pipe");
	if (pthread_create(&t, 0, thr_pong, 0)) die("pthread_create");
	LOOP("pipe_pingpong_thread", "ns/roundtrip", its(10000), {
		if (write(tp[1], &c, 1) != 1 || read(tq[0], &c, 1) != 1) die("pipe"); });
	close(tp[1]);
	pthread_join(t, 0);
}

static volatile long nsig;
static char *volatile prot_page;
static sigjmp_buf jb;
static void on_usr1(int s) { (void)s; nsig++; }
static void on_segv_fix(int s)
{
	(void)s;
	nsig++;
	if (mprotect(prot_page, PG, PROT_READ | PROT_WRITE)) _exit(3);
}
static void on_segv_jmp(int s) { (void)s; siglongjmp(jb, 1); }
static __attribute__((noinline)) void try_store(void)
{
	if (!sigsetjmp(jb, 0)) *(volatile char *)prot_page = 1;
}

static void t_signal(void)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_usr1;
	LOOP("sigaction", "ns/op", its(50000), sigaction(SIGUSR1, &sa, 0));
	pid_t me = getpid();
	LOOP("signal_self", "ns/op", its(20000), kill(me, SIGUSR1));
	if (nsig < its(20000)) die("signals lost");
	sa.sa_handler = on_segv_fix;
	sigaction(SIGSEGV, &sa, 0);
	prot_page = map(PG, 1);
	*prot_page = 1;
	/* one cycle: mprotect(R), store -> SIGSEGV, mprotect(RW) in the handler */
	LOOP("segv_mprotect_fix", "ns/cycle", its(10000), {
		if (mprotect(prot_page, PG, PROT_READ)) die("mprotect");
		*(volatile char *)prot_page = (char)i; });
	mprotect(prot_page, PG, PROT_READ);
	sa.sa_handler = on_segv_jmp;
	sa.sa_flags = SA_NODEFER;
	sigaction(SIGSEGV, &sa, 0);
	LOOP("segv_siglongjmp", "ns/op", its(10000), try_store());
	signal(SIGSEGV, SIG_DFL);
	unmap(prot_page, PG);
}

static const struct { const char *name; void (*f)(void); } tests[] = {
	{ "calib", t_calib }, { "syscall", t_syscall }, { "fault_anon", t_fault_anon },
	{ "fault_file", t_fault_file }, { "fault_cow", t_fault_cow }, { "mmap", t_mmap },
	{ "mprotect", t_mprotect }, { "brk", t_brk }, { "pipe", t_pipe },
	{ "thread", t_thread }, { "signal", t_signal }, { "exec", t_exec },
	{ "fork", t_fork }, { "munmap_1g", t_munmap_1g },
};

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "-x")) _exit(0);
	self = argv[0];
	int o;
	while ((o = getopt(argc, argv, "m:d:f:t")) != -1) {
		if (o == 'm') max_mib = strtoul(optarg, 0, 0);
		else if (o == 'd') divn = strtol(optarg, 0, 0);
		else if (o == 'f') scratch = optarg;
		else if (o == 't') {
			for (unsigned k = 0; k < sizeof tests / sizeof *tests; k++) puts(tests[k].name);
			return 0;
		} else return 2;
	}
	if (divn < 1) divn = 1;
	int ran = 0;
	for (unsigned k = 0; k < sizeof tests / sizeof *tests; k++) {
		int want = optind >= argc;
		for (int a = optind; a < argc; a++)
			if (strstr(tests[k].name, argv[a])) want = 1;
		if (want) tests[k].f();
		ran += want;
	}
	if (!ran) {
		fprintf(stderr, "vmbench: no such group of rows; there are:");
		for (unsigned k = 0; k < sizeof tests / sizeof *tests; k++) fprintf(stderr, " %s", tests[k].name);
		fputc('\n', stderr);
		return 2;
	}
	puts("vmbench done");
	return 0;
}
