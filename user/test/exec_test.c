// SPDX-License-Identifier: MIT
// execve: what the new program gets, what survives, what is refused, and that a refusal changes nothing.
// The test is its own program to run: called with a word it does what the word says.

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/child.h"
#include "user/test/tap.h"

extern char **environ;
static const char *self;
static char dir[] = "/tmp/exec_test.XXXXXX";

// Runs a program with these arguments; its exit status, 100 + errno if exec failed.
static int run(const char *path, char *const argv[], char *const envp[])
{
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, argv, envp);
		_exit(100 + errno);
	}
	return wait_for(pid);
}

#define RUN(path, ...) run(path, (char *[]){__VA_ARGS__, nullptr}, (char *[]){nullptr})

static const char *file(const char *name)
{
	static char path[2][PATH_MAX];
	static int turn;

	turn = !turn;
	snprintf(path[turn], PATH_MAX, "%s/%s", dir, name);
	return path[turn];
}

static const char *make_file(const char *name, const void *bytes, size_t n, mode_t mode)
{
	const char *path = file(name);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	write(fd, bytes, n);
	fchmod(fd, mode);
	close(fd);
	return path;
}

static const char *make_script(const char *name, const char *text)
{
	return make_file(name, text, strlen(text), 0755);
}

// ---- what the program does when it is called with a word

static int word_args(int argc, char **argv)
{
	// args N LENGTH: N arguments follow, each of that length.
	int n = atoi(argv[2]);
	size_t length = (size_t)atol(argv[3]);

	if (argc != n + 4)
		return 1;
	for (int i = 4; i < argc; i++)
		if (strlen(argv[i]) != length || (length && argv[i][length - 1] != 'x'))
			return 2;
	return 0;
}

static int word_env(void)
{
	int n = 0;

	while (environ[n])
		n++;
	return n == 2 && !strcmp(environ[0], "A=1") && !strcmp(environ[1], "EMPTY=") ? 0 : 1;
}

static int word_signals(void)
{
	struct sigaction caught, ignored;
	sigset_t blocked, pending;
	stack_t stack;

	sigaction(SIGUSR1, nullptr, &caught);
	sigaction(SIGUSR2, nullptr, &ignored);
	sigprocmask(SIG_BLOCK, nullptr, &blocked);
	sigpending(&pending);
	sigaltstack(nullptr, &stack);
	if (caught.sa_handler != SIG_DFL || ignored.sa_handler != SIG_IGN)
		return 1;
	if (!sigismember(&blocked, SIGHUP) || !sigismember(&pending, SIGHUP))
		return 2;
	return stack.ss_flags == SS_DISABLE ? 0 : 3;
}

static int do_word(int argc, char **argv)
{
	const char *word = argv[1];

	if (!strcmp(word, "args"))
		return word_args(argc, argv);
	if (!strcmp(word, "env"))
		return word_env();
	if (!strcmp(word, "signals"))
		return word_signals();
	if (!strcmp(word, "pid"))
		return getpid() == atoi(argv[2]) && syscall(SYS_gettid) == getpid() ? 0 : 1;
	if (!strcmp(word, "closed"))
		return fcntl(atoi(argv[2]), F_GETFD) == -1 && fcntl(atoi(argv[3]), F_GETFD) == 0 ? 0 : 1;
	if (!strcmp(word, "ids"))
		return (int)geteuid() == atoi(argv[2]) && getuid() == 0 && getauxval(AT_SECURE) == 1 ? 0 : 1;
	if (!strcmp(word, "name"))
		return strcmp((char *)getauxval(AT_EXECFN), argv[2]) ? 1 : 0;
	return 50 + argc;
}

// ---- arguments

static void test_arguments(void)
{
	char *env[] = {"A=1", "EMPTY=", nullptr};

	ok(run(self, (char *[]){"x", "env", nullptr}, env) == 0, "the environment arrives");
	ok(RUN(self, "x", "args", "3", "0", "", "", "") == 0, "empty arguments arrive");
	ok(RUN(self, "x", "name", (char *)self) == 0, "AT_EXECFN is the path");

	size_t length = 100000;
	char *big = malloc(4 << 20), number[32];
	memset(big, 'x', 4 << 20);
	big[length] = 0;
	sprintf(number, "%zu", length);
	char *argv[48] = {"x", "args", "15", number};
	for (int i = 0; i < 15; i++)
		argv[4 + i] = big;
	ok(run(self, argv, env) == 0, "1.5 MB of arguments arrive");
	argv[2] = "40";
	for (int i = 0; i < 40; i++)
		argv[4 + i] = big;
	ok(run(self, argv, env) == 100 + E2BIG, "4 MB are more than a quarter of the stack: E2BIG");
	big[length] = 'x';
	big[200000] = 0;
	ok(RUN(self, "x", "y", big) == 100 + E2BIG, "one of 200 KB: E2BIG");
	free(big);

	char **many = malloc(30004 * sizeof(char *));
	many[0] = "x";
	many[1] = "args";
	many[2] = "30000";
	many[3] = "1";
	for (int i = 4; i < 30004; i++)
		many[i] = "x";
	many = realloc(many, 30005 * sizeof(char *));
	many[30004] = nullptr;
	ok(run(self, many, env) == 0, "30000 arguments arrive");
	free(many);

	ok(run(self, (char **)16, env) == 100 + EFAULT, "a bad argv: EFAULT");
	ok(run(self, (char *[]){"x", (char *)16, nullptr}, env) == 100 + EFAULT, "a bad argument: EFAULT");
	ok(run(self, (char *[]){"x", nullptr}, (char **)16) == 100 + EFAULT, "a bad envp: EFAULT");
	ok(run((char *)16, env, env) == 100 + EFAULT, "a bad path: EFAULT");
}

// ---- files that are no programs

static void test_refused(void)
{
	Elf64_Ehdr header;
	int fd = open(self, O_RDONLY);
	char buf[8192];

	read(fd, &header, sizeof(header));
	lseek(fd, 0, SEEK_SET);
	ssize_t n = read(fd, buf, sizeof(buf));
	close(fd);
	ok(RUN(file("missing"), "x") == 100 + ENOENT, "no such file: ENOENT");
	ok(RUN(dir, "x") == 100 + EACCES, "a directory: EACCES");
	ok(RUN(make_file("plain", buf, (size_t)n, 0644), "x") == 100 + EACCES, "no x bit: EACCES");
	ok(RUN(make_file("empty", "", 0, 0755), "x") == 100 + ENOEXEC, "an empty file: ENOEXEC");
	ok(RUN(make_file("text", "hello\n", 6, 0755), "x") == 100 + ENOEXEC, "text: ENOEXEC");
	ok(RUN(make_file("cut", &header, 40, 0755), "x") == 100 + ENOEXEC, "half a header: ENOEXEC");
	header.e_machine = EM_SPARC;
	ok(RUN(make_file("sparc", &header, sizeof(header), 0755), "x") == 100 + ENOEXEC, "another CPU's: ENOEXEC");
	memcpy(&header, buf, sizeof(header));
	header.e_phoff = ~0ul;
	ok(RUN(make_file("phoff", &header, sizeof(header), 0755), "x") != 0, "program headers nowhere: refused");
	ok(RUN(file("plain/x"), "x") == 100 + ENOTDIR, "below a file: ENOTDIR");
	symlink("loop", file("loop"));
	ok(RUN(file("loop"), "x") == 100 + ELOOP, "a link to itself: ELOOP");
}

// A refusal leaves memory, descriptors and signals as they were.
static void test_untouched(void)
{
	static volatile int before = 5;
	char *page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char *argv[] = {"x", nullptr};

	page[0] = 7;
	signal(SIGUSR1, SIG_IGN);
	for (int i = 0; i < 50; i++)
		execve(file("text"), argv, argv);
	ok(before == 5 && page[0] == 7, "after 50 refusals memory is as it was");
	ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "and so are descriptors");
	ok(signal(SIGUSR1, SIG_DFL) == SIG_IGN, "and signals");
	close(fd);
	munmap(page, 4096);
}

// ---- scripts

static void test_scripts(void)
{
	char text[512];

	snprintf(text, sizeof(text), "#!%s args 0 0\n", self);
	ok(RUN(make_script("one", text), "x") != 0, "all behind the interpreter is one argument");
	snprintf(text, sizeof(text), "#! %s \t script \n rest", self);
	// argv: self, "script", the script's path, "y"; an unknown word answers with 50 + argc.
	ok(RUN(make_script("two", text), "x", "y") == 54, "interpreter, argument, script, arguments");
	snprintf(text, sizeof(text), "#!%s", self);
	ok(RUN(make_script("three", text), "x") == 52, "without argument and newline");
	snprintf(text, sizeof(text), "#!%s/two", dir);
	ok(RUN(make_script("four", text), "x") == 54, "a script as interpreter");
	snprintf(text, sizeof(text), "#!%s/self\n", dir);
	ok(RUN(make_script("self", text), "x") == 100 + ELOOP, "a script as its own: ELOOP");
	ok(RUN(make_script("none", "#!\n"), "x") == 100 + ENOEXEC, "no interpreter: ENOEXEC");
	ok(RUN(make_script("gone", "#!/nonexistent/interpreter\n"), "x") == 100 + ENOENT,
	   "an interpreter that is not there: ENOENT");
	memset(text, 'a', sizeof(text));
	memcpy(text, "#!/", 3);
	ok(RUN(make_file("long", text, sizeof(text), 0755), "x") == 100 + ENOEXEC,
	   "an interpreter's name that does not fit the line: ENOEXEC");
}

// ---- what survives

static void on_signal(int sig)
{
}

static int exec_with_signals(void)
{
	sigset_t set;
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};

	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, nullptr);
	raise(SIGHUP);
	sigaltstack(&stack, nullptr);
	execl(self, "x", "signals", nullptr);
	return 60;
}

static void *exec_in_thread(void *arg)
{
	execl(self, "x", "pid", (char *)arg, nullptr);
	_exit(60);
}

static void *loop_forever(void *arg)
{
	for (;;)
		*(volatile int *)arg += 1;
}

static int exec_with_threads(void)
{
	char number[16];
	pthread_t t;
	static int counter;

	sprintf(number, "%d", getpid());
	pthread_create(&t, nullptr, loop_forever, &counter);
	pthread_create(&t, nullptr, loop_forever, &counter);
	pthread_create(&t, nullptr, exec_in_thread, number);
	for (;;)
		pause();
}

static void test_survives(void)
{
	char closed[16], open_fd[16];
	int a = open("/dev/null", O_RDONLY | O_CLOEXEC), b = open("/dev/null", O_RDONLY);

	ok(in_child(exec_with_signals) == 0, "caught signals become default; ignored, blocked, pending ones stay");
	sprintf(closed, "%d", a);
	sprintf(open_fd, "%d", b);
	ok(RUN(self, "x", "closed", closed, open_fd) == 0, "FD_CLOEXEC closes, the others stay open");
	ok(in_child(exec_with_threads) == 0, "exec by a thread: the others end, the number stays");
	close(a);
	close(b);
}

static int exec_by_descriptor(void)
{
	int fd = open(self, O_RDONLY | O_CLOEXEC);
	char *argv[] = {"x", "args", "0", "0", nullptr};

	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return 100 + errno;
}

static void test_execveat(void)
{
	ok(in_child(exec_by_descriptor) == 0, "execveat runs a descriptor");
	char *argv[] = {"x", nullptr};
	ok(syscall(SYS_execveat, AT_FDCWD, "", argv, environ, 0) == -1 && errno == ENOENT, "an empty path: ENOENT");
	ok(syscall(SYS_execveat, AT_FDCWD, self, argv, environ, 0x4000) == -1 && errno == EINVAL,
	   "unknown flags: EINVAL");
}

// ---- set-user-id

static bool copy_self(const char *to)
{
	char buf[65536];
	int in = open(self, O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0700);
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		write(out, buf, (size_t)n);
	close(in);
	return fchown(out, 54321, 0) == 0 && fchmod(out, 04755) == 0 && close(out) == 0;
}

static void test_setuid(void)
{
	const char *path = file("setuid");
	struct statvfs fs;

	statvfs(dir, &fs);
	if (getuid() != 0 || (fs.f_flag & ST_NOSUID) || !copy_self(path))
		tap_skip("set-user-id: not root, or /tmp is mounted without");
	else
		ok(RUN(path, "x", "ids", "54321") == 0, "set-user-id sets the effective user and AT_SECURE");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return do_word(argc, argv);
	self = argv[0];
	if (!mkdtemp(dir))
		tap_bail("mkdtemp");
	signal(SIGPIPE, SIG_DFL);
	test_arguments();
	test_refused();
	test_untouched();
	test_scripts();
	test_survives();
	test_execveat();
	test_setuid();
	static const char *const names[] = {"plain", "empty", "text", "cut", "sparc", "phoff", "loop", "one", "two",
		"three", "four", "self", "none", "gone", "long", "setuid"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(file(names[i]));
	rmdir(dir);
	return tap_done();
}
