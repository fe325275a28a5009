// SPDX-License-Identifier: MIT
// Bugs that other kernels had with faults that become signals, and with programs: their stacks and headers.

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/field.h"

// ---- signals of memory

static void test_end_of_file(void)
{
	const char *path = temporary_file(PAGE + 100);
	int fd = open(path, O_RDWR);
	char *p = mmap(nullptr, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ok(fault_of(p + PAGE + 200, false) == 0 && p[PAGE + 200] == 0, "behind the file's end in its last page: zeros");
	ok(fault_of(p + 2 * PAGE, false) == SIGBUS && fault_code == BUS_ADRERR, "behind that: SIGBUS, BUS_ADRERR");
	ok(fault_of(p + 3 * PAGE, true) == SIGBUS, "for writes too");
	ok(read(open("/dev/zero", O_RDONLY), p + 2 * PAGE, 10) == -1 && errno == EFAULT, "for the kernel: EFAULT");
	ftruncate(fd, 3 * PAGE);
	ok(fault_of(p + 2 * PAGE, true) == 0, "once the file has grown it is there");
	ftruncate(fd, 0);
	ok(fault_of(p, false) == SIGBUS, "cut off again it is not");
	munmap(p, 4 * PAGE);
	close(fd);
	unlink(path);
	p = map(PAGE, PROT_READ);
	ok(fault_of(p, true) == SIGSEGV && fault_code == SEGV_ACCERR, "a write to read-only memory: SEGV_ACCERR");
	munmap(p, PAGE);
	ok(fault_of(p, true) == SIGSEGV && fault_code == SEGV_MAPERR, "to none: SEGV_MAPERR");
}

static int fault_while_ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	*(volatile char *)8 = 1;
	return 0;
}

static int fault_while_blocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, nullptr);
	*(volatile char *)8 = 1;
	return 0;
}

static void fault_again(int sig)
{
	*(volatile char *)8 = 1;
}

static int fault_in_handler(void)
{
	signal(SIGSEGV, fault_again);
	*(volatile char *)8 = 1;
	return 0;
}

static int fault_without_stack(void)
{
	struct rlimit limit = {.rlim_cur = 1 * MIB, .rlim_max = RLIM_INFINITY};

	setrlimit(RLIMIT_STACK, &limit);
	signal(SIGSEGV, fault_again);
	for (volatile char *p = __builtin_frame_address(0);; p -= PAGE)
		*p = 1;
}

static char *guarded;

static void open_the_page(int sig)
{
	mprotect(guarded, PAGE, PROT_READ | PROT_WRITE);
}

static void test_handlers(void)
{
	ok(in_child(fault_while_ignored) == 256 + SIGSEGV, "SIGSEGV ignored: a fault ends the program all the same");
	ok(in_child(fault_while_blocked) == 256 + SIGSEGV, "blocked: too");
	ok(in_child(fault_in_handler) == 256 + SIGSEGV, "a fault in the handler: too");
	ok(in_child(fault_without_stack) == 256 + SIGSEGV, "no stack for the handler: too");
	guarded = map(PAGE, PROT_NONE);
	signal(SIGSEGV, open_the_page);
	*(volatile char *)guarded = 9;
	ok(guarded[0] == 9, "a handler that mends the page: the access is done again");
	catch_faults();
	munmap(guarded, PAGE);
}

// ---- stacks

[[gnu::noinline]] static size_t use_stack(size_t left)
{
	char frame[64 * 1024];

	memset(frame, 1, sizeof(frame));
	__asm__ volatile("" : : "r"(frame) : "memory"); // all of it counts
	size_t depth = left <= sizeof(frame) ? 1 : 1 + use_stack(left - sizeof(frame));
	__asm__ volatile("" : : "r"(frame) : "memory");
	return depth;
}

static int exec_with_stack(size_t limit, const char *word)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit r = {.rlim_cur = limit, .rlim_max = RLIM_INFINITY};
		setrlimit(RLIMIT_STACK, &r);
		execl(self, self, word, nullptr);
		_exit(99);
	}
	return wait_for(pid);
}

static void test_stacks(void)
{
	ok(exec_with_stack(64 * MIB, "stack-40") == 0, "a stack of 40 MiB below a limit of 64");
	ok(exec_with_stack(8 * MIB, "stack-40") == 256 + SIGSEGV, "not below one of 8");
	ok(exec_with_stack(8 * MIB, "stack-7") == 0, "but 7");
}

// ---- exec

// A copy of this program whose program header of one type gets another one.
static int run_with_header(unsigned from, unsigned to)
{
	static char path[] = "/tmp/field_test.copy";
	struct stat st;
	int in = open(self, O_RDONLY), out = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755);

	if (in < 0 || out < 0 || fstat(in, &st))
		return -1;
	char *image = map_rw((size_t)st.st_size);
	if (read(in, image, (size_t)st.st_size) != st.st_size)
		return -1;
	Elf64_Ehdr *e = (void *)image;
	Elf64_Phdr *p = (void *)(image + e->e_phoff);
	for (int i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == from)
			p[i].p_type = to;
	write(out, image, (size_t)st.st_size);
	munmap(image, (size_t)st.st_size);
	close(in);
	close(out);
	pid_t pid = fork();
	if (pid == 0) {
		execl(path, path, "nothing", nullptr);
		_exit(100 + errno);
	}
	int status = wait_for(pid);
	unlink(path);
	return status;
}

static void test_headers(void)
{
	ok(run_with_header(PT_GNU_STACK, 0x65a3dbe7) == 0, "an unknown program header is skipped");
	ok(run_with_header(PT_GNU_STACK, PT_SHLIB) == 0, "a reserved one too");
}

int main(int argc, char **argv)
{
	name_self();
	if (argc > 1 && !strncmp(argv[1], "stack-", 6))
		return use_stack((size_t)atoi(argv[1] + 6) * MIB) == 0;
	if (argc > 1)
		return 0;
	char alternate[SIGSTKSZ + 16384];
	sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof(alternate)}, nullptr);
	catch_faults();
	test_end_of_file();
	test_handlers();
	test_stacks();
	test_headers();
	return tap_done();
}
