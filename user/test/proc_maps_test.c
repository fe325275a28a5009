// SPDX-License-Identifier: MIT
// /proc/PID/maps, smaps, statm, pagemap, pagetables: what they say follows from what the test maps
// and touches.

#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "user/test/proc.h"

constexpr size_t PAGE = 4096;

static bool line_is(const char *at, size_t pages, const char *prot)
{
	struct mapping m;

	return find_mapping("/proc/self/maps", at, &m) && m.start == (uintptr_t)at &&
	       m.end == (uintptr_t)at + pages * PAGE && !strcmp(m.prot, prot);
}

// Room with nothing next to it that could be merged.
static char *island(size_t pages, int prot, int flags)
{
	char *p = mmap(nullptr, (pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mmap(p + PAGE, pages * PAGE, prot, flags | MAP_ANONYMOUS | MAP_FIXED,
				    -1, 0) == MAP_FAILED)
		tap_bail("mmap");
	return p + PAGE;
}

static void anonymous_maps(void)
{
	char *p = island(8, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	struct mapping m;

	ok(line_is(p, 8, "rw-p"), "a private mapping is one line");
	ok(find_mapping("/proc/self/maps", p, &m) && m.offset == 0 && m.ino == 0 && m.major == 0 &&
		   m.minor == 0 && !*m.name,
	   "without file: no offset, device, inode, name");
	mprotect(p + 2 * PAGE, 3 * PAGE, PROT_READ);
	ok(line_is(p, 2, "rw-p") && line_is(p + 2 * PAGE, 3, "r--p") &&
		   line_is(p + 5 * PAGE, 3, "rw-p"),
	   "mprotect in the middle makes it three");
	mprotect(p + 2 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE);
	ok(line_is(p, 8, "rw-p"), "and back to one");
	munmap(p + 4 * PAGE, PAGE);
	ok(line_is(p, 4, "rw-p") && line_is(p + 5 * PAGE, 3, "rw-p") &&
		   !find_mapping("/proc/self/maps", p + 4 * PAGE, &m),
	   "munmap leaves a hole");
	char *s = island(2, PROT_READ | PROT_EXEC, MAP_SHARED);
	ok(line_is(s, 2, "r-xs"), "a shared mapping has an s");
}

static void special_maps(void)
{
	struct mapping m;
	int local;
	uintptr_t brk = syscall(SYS_brk, 0);

	ok(find_mapping("/proc/self/maps", &local, &m) && !strcmp(m.name, "[stack]"),
	   "the stack has its name");
	syscall(SYS_brk, brk + 2 * PAGE);
	ok(find_mapping("/proc/self/maps", (void *)brk, &m) && !strcmp(m.name, "[heap]"),
	   "so has the heap");
	if (getauxval(AT_SYSINFO_EHDR))
		ok(find_mapping("/proc/self/maps", (void *)getauxval(AT_SYSINFO_EHDR), &m) &&
			   !strcmp(m.name, "[vdso]"),
		   "and the vDSO");
	else
		tap_skip("no vDSO");
	ok(find_mapping("/proc/self/maps", (void *)special_maps, &m) && m.prot[2] == 'x' &&
		   strstr(m.name, "proc_maps_test"),
	   "code is mapped from the program");
	const char *line = find_mapping("/proc/self/maps", (void *)special_maps, &m);
	ok(line && strchr(line, '/') - line == 73, "its name stands in column 73");
}

static void file_maps(void)
{
	char path[] = "/tmp/proc maps XXXXXX", moved[64], gone[64];
	int fd = mkstemp(path);
	struct stat st;
	struct mapping m;

	if (fd < 0 || ftruncate(fd, 4 * PAGE) || fstat(fd, &st))
		tap_bail(path);
	char *p = mmap(nullptr, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
	ok(find_mapping("/proc/self/maps", p, &m) && m.offset == 2 * PAGE &&
		   m.end - m.start == 2 * PAGE,
	   "a file's line has its offset");
	ok(!strcmp(m.name, path), "its name, blanks included");
	ok(m.ino == st.st_ino && m.major == major(st.st_dev) && m.minor == minor(st.st_dev),
	   "its inode and device");
	snprintf(moved, sizeof(moved), "%s.moved", path);
	snprintf(gone, sizeof(gone), "%s (deleted)", moved);
	rename(path, moved);
	ok(find_mapping("/proc/self/maps", p, &m) && !strcmp(m.name, moved),
	   "the name follows a rename");
	unlink(moved);
	ok(find_mapping("/proc/self/maps", p, &m) && !strcmp(m.name, gone),
	   "and is marked when it is gone");
	munmap(p, 2 * PAGE);
	close(fd);
}

static long smaps(const char *at, const char *name)
{
	struct mapping m;
	const char *line = find_mapping("/proc/self/smaps", at, &m);

	return line ? field_in(line, name) : -1;
}

static void touched(void)
{
	char *p = island(8, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	ok(smaps(p, "Size:") == 32 && smaps(p, "Rss:") == 0 && smaps(p, "Pss:") == 0,
	   "nothing is resident at first");
	for (int i = 0; i < 3; i++)
		p[i * PAGE] = 1;
	ok(smaps(p, "Rss:") == 12 && smaps(p, "Pss:") == 12 && smaps(p, "Anonymous:") == 12,
	   "three pages touched are 12 kB");
	ok(smaps(p, "Private_Dirty:") == 12 && smaps(p, "Shared_Dirty:") == 0, "private and dirty");
	(void)*(volatile char *)(p + 4 * PAGE);
	ok(smaps(p, "Rss:") == 12, "a page only read is the page of zeros: nobody's");

	int hold[2];
	if (pipe(hold))
		tap_bail("pipe");
	pid_t child = fork();
	if (child == 0) {
		close(hold[1]);
		_exit(read(hold[0], hold, 1) != 0);
	}
	close(hold[0]);
	ok(smaps(p, "Rss:") == 12 && smaps(p, "Pss:") == 6 && smaps(p, "Shared_Dirty:") == 12,
	   "after fork half of it is ours");
	p[0] = 2;
	ok(smaps(p, "Pss:") == 8 && smaps(p, "Private_Dirty:") == 4,
	   "a page that is written is ours alone again");
	close(hold[1]);
	waitpid(child, nullptr, 0);
	ok(smaps(p, "Pss:") == 12 && smaps(p, "Private_Dirty:") == 12,
	   "all is ours when the child has gone");
	madvise(p, 8 * PAGE, MADV_DONTNEED);
	ok(smaps(p, "Rss:") == 0, "MADV_DONTNEED drops it");
}

static long sum_of(const char *name)
{
	const char *line = read_text("/proc/self/smaps");
	long sum = 0;

	for (; line && *line; line = strchr(line, '\n'), line += line != nullptr)
		if (!strncmp(line, name, strlen(name)))
			sum += strtol(line + strlen(name), nullptr, 10);
	return sum;
}

static void sums(void)
{
	constexpr size_t pages = 1024;
	long size, rss, size2, rss2;

	memset(text, 1, sizeof(text));
	sscanf(read_text("/proc/self/statm"), "%ld %ld", &size, &rss);
	char *p = mmap(nullptr, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	memset(p, 1, pages * PAGE);
	sscanf(read_text("/proc/self/statm"), "%ld %ld", &size2, &rss2);
	ok(size2 - size == pages, "statm: the size grows by what is mapped");
	ok(labs(rss2 - rss - (long)pages) <= (on_quire() ? 2 : 128),
	   "and the resident size by what is touched");
	long all = sum_of("Rss:"), rollup = field("/proc/self/smaps_rollup", "Rss:");
	ok(labs(all - rollup) <= 16, "smaps_rollup's Rss %ld is the sum %ld", rollup, all);
	ok(sum_of("Size:") / 4 - size2 <= 2,
	   "smaps' sizes add up to statm's"); // x86-64 Linux shows [vsyscall] too
	if (!on_quire()) {
		tap_skip("Linux's statm is not exact");
	} else {
		sscanf(read_text("/proc/self/statm"), "%ld %ld", &size2, &rss2);
		ok(labs(rss2 - sum_of("Rss:") / 4) <= 4, "statm's resident size is smaps' sum");
	}
	munmap(p, pages * PAGE);
}

static void pagemap(void)
{
	char *p = island(4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	uint64_t word[4] = {};
	int fd = open("/proc/self/pagemap", O_RDONLY);
	off_t at = (uintptr_t)p / PAGE * 8;

	p[PAGE] = 1;
	ok(pread(fd, word, sizeof(word), at) == sizeof(word), "pagemap has a word for each page");
	ok(word[1] >> 63 && !(word[0] >> 63) && !(word[3] >> 63), "bit 63: the page is there");
	ok(pread(fd, word, 7, at) == -1 && errno == EINVAL, "half a word is EINVAL");
	close(fd);
}

static void many_regions(void)
{
	constexpr size_t pages = 6000;
	char *p = mmap(nullptr, pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     line[4096];
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t len = 0, found = 0;
	struct mapping m;
	bool sound = true;
	char c[100];

	for (size_t i = 0; i < pages; i += 2)
		mprotect(p + i * PAGE, PAGE, PROT_READ);
	for (ssize_t n; (n = read(fd, c, sizeof(c))) > 0;) {
		for (ssize_t i = 0; i < n; i++) {
			line[len++] = c[i];
			if (c[i] != '\n' && len < sizeof(line) - 1)
				continue;
			line[len] = '\0';
			len = 0;
			if (!parse_mapping(line, &m) || m.start < (uintptr_t)p ||
			    m.end > (uintptr_t)(p + pages * PAGE))
				continue;
			sound &=
				m.end - m.start == PAGE && m.start == (uintptr_t)(p + found * PAGE);
			found++;
		}
	}
	ok(sound && found >= pages - 1, "6000 regions, read in pieces, are 6000 lines in order");
	close(fd);
	munmap(p, pages * PAGE);
}

static void others(void)
{
	char path[64];
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/maps", child);
	char *mine = strdup(read_text("/proc/self/maps"));
	ok(*mine && !strcmp(mine, read_text(path)), "a child's maps are the parent's");
	int fd = open(path, O_RDONLY);
	kill(child, SIGKILL);
	siginfo_t info;
	waitid(P_PID, child, &info, WEXITED | WNOWAIT);
	ok(read_text(path)[0] == '\0', "a zombie has none");
	waitpid(child, nullptr, 0);
	ok(read(fd, path, 1) <= 0, "nor has one that is gone");
	close(fd);
	free(mine);
}

static void page_tables(void)
{
	if (!on_quire()) {
		tap_skip("pagetables is Quire's own");
		return;
	}
	char *p = island(3, PROT_READ | PROT_WRITE, MAP_PRIVATE), want[64];

	// A run that lies in two tables has two lines.
	while (((long)p ^ ((long)p + 2 * PAGE)) >> 21)
		p = island(3, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	memset(p, 1, 3 * PAGE);
	snprintf(want, sizeof(want), "%012lx-%012lx rw- 3 pages, private\n", (long)p,
		 (long)p + 3 * PAGE);
	ok(strstr(read_text("/proc/self/pagetables"), want), "pagetables sums up a run of pages");
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	ok(strstr(read_text("/proc/self/pagetables"), "frozen, shared with 1"),
	   "and shows what a fork shares");
	kill(child, SIGKILL);
	waitpid(child, nullptr, 0);
}

int main(void)
{
	anonymous_maps();
	special_maps();
	file_maps();
	touched();
	sums();
	pagemap();
	many_regions();
	others();
	page_tables();
	return tap_done();
}
