// SPDX-License-Identifier: MIT
/*
 * How many bytes of memory things take: what /proc/meminfo says is free, before and after there are many of them. The
 * same program runs on Linux and on Quire; lines are vmbench's. Run it alone, on a system at rest.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, PAGE = 4096, MOST = 4000 };

static pid_t pids[MOST];
static int started;

static double meminfo(const char *name)
{
	char line[128];
	unsigned long kib = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kib = strtoul(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return (double)kib * 1024;
}

/* Both systems let go of some things a little later. */
static double settled(const char *name)
{
	meminfo(name);
	sleep(2);
	return meminfo(name);
}

static void result(const char *name, double bytes, const char *unit, int n)
{
	printf("%s %.0f bytes/%s %d\n", name, bytes / n, unit, n);
	fflush(stdout);
}

static void start(int n, const char *program)
{
	while (n-- > 0) {
		pid_t pid = fork();

		if (pid < 0)
			exit(1);
		if (pid == 0 && program)
			execl(program, "sleep", "100000", (char *)0);
		while (pid == 0)
			pause();
		pids[started++] = pid;
	}
}

static void stop(void)
{
	for (int i = 0; i < started; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < started; i++)
		waitpid(pids[i], NULL, 0);
	started = 0;
}

/*
 * Some to begin with, then n more. Nobody ends meanwhile, so that nothing is there to be used again, and the first use up
 * what Linux keeps in its lists of pages for each CPU.
 */
static void processes(const char *name, int n, const char *program)
{
	start(200, program);
	double before = settled("MemFree:");

	start(n, program);
	result(name, before - settled("MemFree:"), "process", n);
}

static void tables(const char *name, const char *child, int advice)
{
	int n = 256;
	double before = settled("PageTables:");
	char *p = mmap(NULL, (size_t)(n + 2) * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p = (char *)(((unsigned long)p + 2 * MIB - 1) & ~(2ul * MIB - 1));
	madvise(p, (size_t)n * MIB, advice);
	for (size_t at = 0; at < (size_t)n * MIB; at += PAGE)
		p[at] = 1;
	double with = settled("PageTables:");

	result(name, with - before, "MiB", n);
	start(1, NULL);
	result(child, settled("PageTables:") - with, "process", 1);
	stop();
	munmap(p, (size_t)n * MIB);
}

int main(void)
{
	processes("process_exec_sleep", 600, "/bin/busybox");
	processes("process_forked", 600, NULL);
	processes("process_idle_1000", 1000, NULL);
	stop();
	tables("tables_pages", "tables_forked_pages", MADV_NOHUGEPAGE);
	tables("tables_blocks", "tables_forked_blocks", MADV_HUGEPAGE);
	return 0;
}
