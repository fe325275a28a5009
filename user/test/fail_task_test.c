// SPDX-License-Identifier: MIT
// Processes, threads, signals, futexes, timers, other processes' memory, and what /proc says of processes: each call with each of its
// allocations failing in turn (failalloc.h).

#include "user/test/failalloc.h"

#include <dirent.h>
#include <elf.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>

constexpr size_t MEMORY = 3 << 20;
static char *memory;

static void with_memory(void)
{
	memory = mmap(nullptr, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		tap_bail("mmap");
	for (size_t i = 0; i < MEMORY; i += 32 * PAGE)
		memory[i] = 7;
}

static long error_is(int err)
{
	errno = err;
	return err ? -1 : 0;
}

// ---- children: what they find no memory for kills them, which is not the call's failure

static long reap(pid_t pid)
{
	int status;

	if (pid < 0)
		return -1;
	return waitpid(pid, &status, 0) == pid && (!WIFEXITED(status) || !WEXITSTATUS(status)) ? 0 : -1;
}

static long forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(memory[0] != 7);
	return reap(pid);
}

static long vforks(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return reap(pid);
}

static long clone3s(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return reap(pid);
}

static void *nothing(void *arg) { return arg; }

static long threads(void)
{
	pthread_t t;
	int err = pthread_create(&t, nullptr, nothing, nullptr);

	return err ? error_is(err) : error_is(pthread_join(t, nullptr));
}

// A child that is there before anything fails, and then does `act`. What it exits with is an errno.
static pid_t child;
static int begin;

static void with_child(void (*act)(void)) { child = fail_child(&begin, act); }

static long let_go(void (*act)(void))
{
	int status;

	if (!child)
		with_child(act);
	pid_t pid = child;
	child = 0;
	close(begin);
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return error_is(WIFEXITED(status) ? WEXITSTATUS(status) : 0);
}

static char self[256];
static const char SCRIPT[] = "/tmp/failalloc.script", DYNAMIC[] = "/tmp/failalloc.dynamic";

static void exec_static(void) { execl(self, "x", "done", nullptr); }
static void exec_script(void) { execl(SCRIPT, "x", "done", nullptr); }
static void exec_dynamic(void) { execl(DYNAMIC, "x", "done", nullptr); }
static void exit_now(void) { _exit(0); }
static void with_exec_static(void) { with_child(exec_static); }
static void with_exec_script(void) { with_child(exec_script); }
static void with_exec_dynamic(void) { with_child(exec_dynamic); }
static long execs_static(void) { return let_go(exec_static); }
static long execs_script(void) { return let_go(exec_script); }
static long execs_dynamic(void) { return let_go(exec_dynamic); }
static long exits(void) { return let_go(exit_now); }

static void with_exit(void)
{
	with_memory();
	with_child(exit_now);
}

// Somebody else, with memory at the same address.
static void with_other(void)
{
	with_memory();
	with_child(exit_now);	// with us: then the pipe ends
}

static void write_file(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		tap_bail(path);
	close(fd);
}

// We are the interpreter, of a script and of a program that has nothing but the wish for one.
static void make_programs(void)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr parts[2];
		char loader[256];
	} elf = {
		.head = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_EXEC,
			.e_version = EV_CURRENT, .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2, .e_entry = 0x70000000,
		},
		.parts = {
			{ .p_type = PT_INTERP, .p_offset = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) },
			{ .p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0x70000000, .p_filesz = sizeof(elf), .p_memsz = sizeof(elf),
			  .p_align = 4096 },
		},
	};
	char script[300];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		tap_bail("readlink");
#ifdef __aarch64__
	elf.head.e_machine = EM_AARCH64;
#else
	elf.head.e_machine = EM_X86_64;
#endif
	strcpy(elf.loader, self);
	elf.parts[0].p_filesz = elf.parts[0].p_memsz = (size_t)n + 1;
	write_file(DYNAMIC, &elf, sizeof(elf));
	write_file(SCRIPT, script, (size_t)snprintf(script, sizeof(script), "#!%s x\n", self));
}

// ---- futexes, signals, timers

static int word;
static const struct timespec soon = { .tv_nsec = 1000000 };

static long timed_out(long result) { return result == -1 && errno == ETIMEDOUT ? 0 : result; }
static long futex_waits(void) { return timed_out(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &soon)); }

static long futex_waits_many(void)
{
	struct futex_waitv w[3];
	struct timespec now;

	for (int i = 0; i < 3; i++)
		w[i] = (struct futex_waitv){ .uaddr = (unsigned long)&word, .flags = FUTEX_32 };
	clock_gettime(CLOCK_MONOTONIC, &now);
	return timed_out(syscall(449, w, 3, 0, &now, CLOCK_MONOTONIC));
}

static long futex_locks(void)
{
	word = 0;
	return syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, nullptr) ? -1 : syscall(SYS_futex, &word, FUTEX_UNLOCK_PI);
}

static void *lock_and_end(void *arg)
{
	long *result = arg;

	*result = syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, nullptr) ? errno : 0;
	if (!*result)
		syscall(SYS_futex, &word, FUTEX_UNLOCK_PI);
	return nullptr;
}

static pthread_t contender;
static long contender_result;

// One who waits while we have it.
static long futex_contended(void)
{
	struct timespec a_while = { .tv_nsec = 20000000 };

	word = (int)syscall(SYS_gettid);
	int err = pthread_create(&contender, nullptr, lock_and_end, &contender_result);
	if (err)
		return error_is(err);
	nanosleep(&a_while, nullptr);
	if (word & FUTEX_WAITERS ? syscall(SYS_futex, &word, FUTEX_UNLOCK_PI) : !(word = 0))
		syscall(SYS_futex, &word, FUTEX_WAKE, 1);
	pthread_join(contender, nullptr);
	return error_is((int)contender_result);
}

static long sends_itself(void)
{
	sigset_t set;
	siginfo_t si = { .si_code = SI_QUEUE };

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, nullptr);
	if (syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &si))
		return -1;
	return sigtimedwait(&set, nullptr, &soon) == SIGRTMIN ? 0 : -1;
}

static long kills_itself(void)
{
	return kill(getpid(), SIGUSR1);
}

static void with_ignored(void) { signal(SIGUSR1, SIG_IGN); }
static long handles(void) { return signal(SIGUSR2, SIG_IGN) == SIG_ERR ? -1 : 0; }

static long timers(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	int id;

	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) ? -1 : syscall(SYS_timer_delete, id);
}

// ---- descriptors

static long closes(int fd) { return fd < 0 ? -1 : close(fd); }
static long pidfds(void) { return closes((int)syscall(SYS_pidfd_open, getpid(), 0)); }
static long eventfds(void) { return closes(eventfd(0, 0)); }
static long timerfds(void) { return closes(timerfd_create(CLOCK_MONOTONIC, 0)); }
static long epolls(void) { return closes(epoll_create1(0)); }
static long dups(void) { return closes(dup2(0, 900)); }

static long signalfds(void)
{
	sigset_t set;

	sigemptyset(&set);
	return closes(signalfd(-1, &set, 0));
}

static long pairs(int err, const int *p)
{
	return err ? -1 : close(p[0]) | close(p[1]);
}

static long pipes(void)
{
	int p[2];

	return pairs(pipe(p), p);
}

static long sockets(void)
{
	int p[2];

	return pairs(socketpair(AF_UNIX, SOCK_STREAM, 0, p), p);
}

static long polls(void)
{
	static struct pollfd p[400];

	return poll(p, 400, 0) < 0 ? -1 : 0;
}

// ---- others

static long attaches(void)
{
	int status;

	if (ptrace(PTRACE_ATTACH, child, 0, 0))
		return -1;
	if (waitpid(child, &status, 0) != child)
		return -1;
	if (!WIFSTOPPED(status))
		return error_is(WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : 900);
	return ptrace(PTRACE_DETACH, child, 0, 0);
}

static long moves(long number, size_t n)
{
	static char here[4 * 4096];
	struct iovec mine[20], theirs[20];	// more than fit where the kernel needs no memory

	for (int i = 0; i < 20; i++) {
		mine[i] = (struct iovec){ here, n };
		theirs[i] = (struct iovec){ memory + (size_t)i * 32 * PAGE, n };
	}
	return syscall(number, child, mine, 20, theirs, 20, 0L) == (long)(20 * n) ? 0 : errno == EFAULT ? -1 : error_is(ENOMEM);
}

static long reads_other(void) { return moves(SYS_process_vm_readv, 4000); }
static long writes_other(void) { return moves(SYS_process_vm_writev, 4000); }

static long advises_other(void)
{
	struct iovec v = { memory, MEMORY };
	int fd = (int)syscall(SYS_pidfd_open, child, 0);

	if (fd < 0)
		return -1;
	long n = syscall(SYS_process_madvise, fd, &v, 1, MADV_PAGEOUT, 0L);
	int err = errno;

	close(fd);
	return n == (long)MEMORY ? 0 : error_is(n < 0 ? err : ENOMEM);
}

// ---- /proc/PID

static const char *proc_file;

static long reads_file(void)
{
	static char text[65536];
	int fd = open(proc_file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = read(fd, text, sizeof(text))) > 0)
		if (!strcmp(proc_file, "/proc/self/pagemap"))
			break;
	int err = errno;

	close(fd);
	return error_is(n < 0 ? err : 0);
}

static long lists_folder(void)
{
	char text[1024];
	int fd = open(proc_file, O_RDONLY | O_DIRECTORY);
	long n;

	if (fd < 0)
		return -1;
	while ((n = syscall(SYS_getdents64, fd, text, sizeof(text))) > 0)
		;
	int err = errno;

	close(fd);
	return error_is(n < 0 ? err : 0);
}

static long clears_refs(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (fd < 0)
		return -1;
	long n = write(fd, "1", 1);
	int err = errno;

	close(fd);
	return error_is(n < 0 ? err : 0);
}

static struct rlimit limit = { 1000, 1000 };
static char robust[64];
static stack_t alternative;
static unsigned long cpus[16];

static const struct fail_case cases[] = {
	{ .name = "fork", .call = forks, .setup = with_memory, .also = EAGAIN, .flags = MAY_DIE },
	{ .name = "vfork", .call = vforks, .setup = with_memory, .also = EAGAIN },
	{ .name = "clone3", .call = clone3s, .setup = with_memory, .also = EAGAIN, .flags = MAY_DIE },
	{ .name = "clone of a thread", .call = threads, .also = EAGAIN, .flags = MAY_DIE | PARTLY },
	{ .name = "execve", .call = execs_static, .setup = with_exec_static },
	{ .name = "execve of a script", .call = execs_script, .setup = with_exec_script },
	{ .name = "execve of a dynamic program", .call = execs_dynamic, .setup = with_exec_dynamic },
	{ .name = "exit and wait", .call = exits, .setup = with_exit },
	{ .name = "futex, wait", .call = futex_waits },
	{ .name = "futex_waitv", .call = futex_waits_many },
	{ .name = "futex, PI", .call = futex_locks },
	{ .name = "futex, PI with a waiter", .call = futex_contended, .also = EAGAIN, .flags = MAY_DIE | PARTLY },
	{ .name = "rt_sigqueueinfo", .call = sends_itself, .also = EAGAIN },
	{ .name = "kill", .call = kills_itself, .setup = with_ignored },
	{ .name = "timer_create", .call = timers, .also = EAGAIN },
	{ .name = "pidfd_open", .call = pidfds },
	{ .name = "eventfd", .call = eventfds },
	{ .name = "timerfd_create", .call = timerfds },
	{ .name = "signalfd", .call = signalfds },
	{ .name = "epoll_create1", .call = epolls },
	{ .name = "dup2", .call = dups, .also = EMFILE },
	{ .name = "pipe", .call = pipes, .also = ENFILE },
	{ .name = "socketpair", .call = sockets },
	{ .name = "poll", .call = polls },
	{ .name = "ptrace, attach", .call = attaches, .setup = with_other },
	{ .name = "process_vm_readv", .call = reads_other, .setup = with_other, .also = EFAULT },
	{ .name = "process_vm_writev", .call = writes_other, .setup = with_other, .also = EFAULT },
	{ .name = "process_madvise", .call = advises_other, .setup = with_other },
	{ FAIL_CALL("membarrier", membarrier, 1 << 4, 0) },
	{ FAIL_CALL("set_robust_list", set_robust_list, (long)robust, 24) },
	{ FAIL_CALL("personality", personality, ADDR_NO_RANDOMIZE) },
	{ FAIL_CALL("prlimit", prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0) },
	{ FAIL_CALL("sigaltstack", sigaltstack, 0, (long)&alternative) },
	{ .name = "rt_sigaction", .call = handles },
	{ FAIL_CALL("sched_getaffinity", sched_getaffinity, 0, sizeof(cpus), (long)cpus) },
	{ FAIL_CALL("unshare", unshare, CLONE_FILES | CLONE_FS) },
	{ FAIL_CALL("getcwd", getcwd, (long)cpus, sizeof(cpus)) },
	{ .name = "/proc/self/clear_refs", .call = clears_refs, .setup = with_memory, .also = EINVAL },
};

static const char *const files[] = {
	"maps", "smaps", "smaps_rollup", "pagemap", "pagetables", "status", "statm", "stat", "cmdline", "environ", "auxv", "limits",
	"mountinfo", "mounts", "comm", "exe",
};
static const char *const folders[] = { "fd", "task", "fdinfo", "" };

static void try_proc(const char *name, long (*call)(void))
{
	char path[64];
	struct fail_case c = { .name = path, .call = call, .setup = with_memory };

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	proc_file = path;
	fail_each(&c, "read", nullptr, nullptr);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 0;
	if (!fail_open())
		return tap_done();
	make_programs();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		fail_each(&cases[i], "alone", nullptr, nullptr);
	for (unsigned i = 0; i < sizeof(files) / sizeof(*files); i++)
		try_proc(files[i], reads_file);
	for (unsigned i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		try_proc(folders[i], lists_folder);
	unlink(SCRIPT);
	unlink(DYNAMIC);
	return tap_done();
}
