// SPDX-License-Identifier: MIT
// Wrong arguments, generated from THE list of system calls (sys/syscalls.h): whatever a call's argument words say it
// takes is given to it wrong in every way, the other arguments being good. A new call is covered by its line there.
//
// Each call runs in a process of its own, which may end as it likes. What this kernel lacks (ENOSYS) is passed over.
// Where Linux itself keeps to another rule, `rules` says so and why; it is the same list for both systems.

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/call_args.h"

// ---- one call in a child

struct outcome {
	bool returned;
	int error; // 0: none
	long result;
	bool hung;
};

static struct outcome *shared;

// What must be there for a call to come to its pointers, and is used up by others or not inherited.
static void prepare(const struct call *c, long a[ARGS])
{
	lseek(files[0].fd, 0, SEEK_SET);
	write(peer, "0123456789abcdef", 16);
	if (strstr(c->name, "accept"))
		connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&server_name, server_name_len);
	if (!strncmp(c->name, "wait", 4)) {
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		waitid(P_PID, child, nullptr, WEXITED | WNOWAIT);
		a[!strcmp(c->name, "waitid")] = child;
		a[0] = strcmp(c->name, "waitid") ? child : P_PID;
	}
	if (!strncmp(c->name, "timer_", 6) && strcmp(c->name, "timer_create"))
		timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_NONE}, (timer_t *)&a[0]);
	if (!strcmp(c->name, "getgroups"))
		setgroups(1, &(gid_t){0});
}

static void try(const struct call *c, const long good[ARGS])
{
	pid_t self = getpid();
	long a[ARGS];

	memcpy(a, good, sizeof(a));
	setpgid(0, 0);
	signal(SIGPIPE, SIG_IGN);
	prepare(c, a);
	alarm(5);
	long r = syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	if (syscall(SYS_getpid) == self)
		*shared = (struct outcome){true, r == -1 ? errno : 0, r, false};
	_exit(0);
}

static struct outcome run(const struct call *c, const long a[ARGS])
{
	int status = 0;

	*shared = (struct outcome){};
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0)
		tap_bail("fork");
	if (pid == 0)
		try(c, a);
	waitpid(pid, &status, 0);
	struct outcome o = *shared;
	o.hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
	return o;
}

static bool missing(const struct outcome *o)
{
	return o->returned && o->error == ENOSYS;
}

static void complain(const struct call *c, unsigned arg, const char *how, const struct outcome *o)
{
	if (o->hung)
		printf("# %s, argument %u %s: hangs\n", c->name, arg, how);
	else if (!o->returned)
		printf("# %s, argument %u %s: does not return\n", c->name, arg, how);
	else
		printf("# %s, argument %u %s: %ld (%s)\n", c->name, arg, how, o->result, o->error ? strerror(o->error) : "no error");
}

// The outcome with argument i at `value`; true if it is as it has to be.
static bool expect(const struct call *c, long a[ARGS], unsigned i, long value, unsigned what, int error, const char *how)
{
	const struct rule *rule = rule_find(c, (int)i, what);
	long saved = a[i];

	if (rule && !rule->error)
		return true;
	a[i] = value;
	struct outcome o = run(c, a);
	a[i] = saved;
	if (missing(&o) || (o.returned && (o.error == error || (rule && o.error == rule->error))))
		return true;
	complain(c, i, how, &o);
	return false;
}

// ---- pointers

static char *no_access, *unmapped;

static void make_memory(void)
{
	constexpr int RW = PROT_READ | PROT_WRITE, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS;

	shared = mmap(nullptr, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	arena = mmap(nullptr, ARGS * PAGE, RW, PRIVATE, -1, 0);
	memset(arena, 0, ARGS * PAGE);
	char *two = mmap(nullptr, 3 * PAGE, PROT_NONE, PRIVATE, -1, 0);
	mprotect(two, PAGE, RW);
	memset(two, 'a', PAGE);
	edge = two + PAGE - 1;
	no_access = two + PAGE;
	unmapped = mmap(nullptr, 16 * PAGE, PROT_NONE, PRIVATE, -1, 0);
	munmap(unmapped, 16 * PAGE);
	unmapped += 8 * PAGE; // in the middle, where nothing will be put soon
}

static unsigned pointer_calls(const char *how, long place, unsigned what)
{
	unsigned wrong = 0;

	for (const struct call *c = calls; c < calls + CALLS; c++) {
		struct argkind kinds[ARGS];
		unsigned n = parse(c, kinds);
		long a[ARGS];

		for (unsigned i = 0; i < n && c->nr >= 0; i++) {
			if (!argkind_is_pointer(&kinds[i]))
				continue;
			good_arguments(c, kinds, n, a);
			if (kinds[i].count >= 0 && !a[kinds[i].count])
				a[kinds[i].count] = type_size(kinds[i].detail) == 1 ? BYTES : 1;
			if (i && !strcmp(kinds[i - 1].detail, "sockaddr") && !a[i - 1])
				a[i - 1] = (long)arena + (i - 1) * PAGE; // without it nobody asks how long it is
			wrong += !expect(c, a, i, place, what, EFAULT, how);
		}
	}
	return wrong;
}

static void test_pointers(void)
{
	const struct {
		const char *how;
		long at;
	} places[] = {{"in page 0", 8}, {"to nothing", (long)unmapped}, {"without access", (long)no_access},
		{"odd, without access", (long)no_access + 1}, {"the kernel's", (long)0xffff800000100000ul},
		{"the kernel's image", (long)0xffffffff80100000ul}, {"between user and kernel", 0x4000000000000000l},
		{"to the last bytes of all", -8}};

	for (unsigned p = 0; p < sizeof(places) / sizeof(*places); p++)
		ok(pointer_calls(places[p].how, places[p].at, POINTER) == 0, "every pointer %s: EFAULT", places[p].how);
}

// Only the first half of it is there.
static void test_halves(void)
{
	unsigned wrong = 0;

	for (const struct call *c = calls; c < calls + CALLS; c++) {
		struct argkind kinds[ARGS];
		unsigned n = parse(c, kinds);
		long a[ARGS];

		for (unsigned i = 0; i < n && c->nr >= 0; i++) {
			long size = type_size(kinds[i].detail);

			if (!argkind_is_pointer(&kinds[i]) || (size == 1 && *kinds[i].detail))
				continue;
			memset(edge + 1 - PAGE, *kinds[i].detail ? 0 : 'a', PAGE);
			good_arguments(c, kinds, n, a);
			if (kinds[i].count >= 0)
				a[kinds[i].count] = 1;
			if (i && !strcmp(kinds[i - 1].detail, "sockaddr") && !a[i - 1])
				a[i - 1] = (long)arena + (i - 1) * PAGE;
			wrong += !expect(c, a, i, (long)(edge + 1 - (size + 1) / 2), HALF, EFAULT, "that ends too early");
		}
	}
	ok(wrong == 0, "structures and strings of which half is there: EFAULT");
}

static void test_untouched(void)
{
	unsigned wrong = 0;

	for (const struct call *c = calls; c < calls + CALLS; c++) {
		struct argkind kinds[ARGS];
		unsigned n = parse(c, kinds);
		long a[ARGS];

		for (unsigned i = 0; i < n && c->nr >= 0 && !reaches_others(c); i++) {
			if (!argkind_is_result(&kinds[i]) || rule_find(c, (int)i, LAZY))
				continue;
			good_arguments(c, kinds, n, a);
			if (!strcmp(kinds[i].detail, "sockaddr"))
				a[i + 1] = (long)arena + (i + 1) * PAGE;
			a[i] = (long)arena + i * PAGE;
			struct outcome touched = run(c, a);
			char *fresh = mmap(nullptr, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			a[i] = (long)fresh;
			struct outcome o = run(c, a);
			munmap(fresh, PAGE);
			if (o.error == touched.error && o.returned == touched.returned && o.error != EFAULT)
				continue;
			wrong++;
			complain(c, i, "in memory never touched", &o);
		}
	}
	ok(wrong == 0, "results go to memory that was never touched");
}

// ---- sizes

static bool size_is_bad(const struct call *c, long a[ARGS], unsigned i, long size, const struct argkind *k)
{
	unsigned count = (unsigned)k->count;

	a[i] = (long)edge + 1 - BYTES;
	a[count] = size;
	struct outcome o = run(c, a);

	if (!o.hung && (!o.returned || o.result <= BYTES || missing(&o)))
		return false;
	complain(c, count, "of wrong size", &o);
	return true;
}

static void test_sizes(void)
{
	static const long sizes[] = {0, -1, INT64_MIN, INT64_MAX, -4096, 0x7fffffff, 0x80000000, 1l << 47};
	unsigned wrong = 0;

	memset(edge + 1 - PAGE, 0, PAGE);
	for (const struct call *c = calls; c < calls + CALLS; c++) {
		struct argkind kinds[ARGS];
		unsigned n = parse(c, kinds);
		long a[ARGS];

		for (unsigned i = 0; i < n && c->nr >= 0 && !reaches_others(c); i++) {
			if (kinds[i].count < 0 || rule_find(c, kinds[i].count, LAZY))
				continue;
			for (unsigned s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
				good_arguments(c, kinds, n, a);
				wrong += size_is_bad(c, a, i, sizes[s], &kinds[i]);
			}
		}
	}
	ok(wrong == 0, "no call with a wild size hangs or claims more than the buffer has");
}

static void test_endless_strings(void)
{
	char *text = malloc(1 << 20);
	unsigned wrong = 0;

	memset(text, 'a', 1 << 20);
	for (const struct call *c = calls; c < calls + CALLS; c++) {
		struct argkind kinds[ARGS];
		unsigned n = parse(c, kinds);
		long a[ARGS];

		for (unsigned i = 0; i < n && c->nr >= 0; i++) {
			if (strcmp(kinds[i].kind, "path"))
				continue;
			good_arguments(c, kinds, n, a);
			wrong += !expect(c, a, i, (long)text, HALF, ENAMETOOLONG, "without end");
		}
	}
	free(text);
	ok(wrong == 0, "paths without end: ENAMETOOLONG");
}

// ---- descriptors and flags

static unsigned descriptor_calls(const char *how, int fd, bool is_path)
{
	unsigned wrong = 0;

	for (const struct call *c = calls; c < calls + CALLS; c++) {
		struct argkind kinds[ARGS];
		unsigned n = parse(c, kinds);
		long a[ARGS];

		for (unsigned i = 0; i < n && c->nr >= 0; i++) {
			bool dir = !strcmp(kinds[i].kind, "dirfd");

			if ((strcmp(kinds[i].kind, "fd") && !dir) || reaches_others(c))
				continue;
			if (is_path && (dir || !strcmp(kinds[i].detail, "any") || !strcmp(kinds[i].detail, "dir")))
				continue;
			good_arguments(c, kinds, n, a);
			if (dir)
				a[i + 1] = (long)"relative";
			wrong += !expect(c, a, i, fd, is_path ? DESCRIPTOR | HALF : DESCRIPTOR, EBADF, how);
		}
	}
	return wrong;
}

static void test_descriptors(void)
{
	ok(descriptor_calls("-1", -1, false) == 0, "descriptor -1: EBADF");
	ok(descriptor_calls("closed", 777, false) == 0, "a closed descriptor: EBADF");
	ok(descriptor_calls("INT_MAX", 0x7fffffff, false) == 0, "descriptor 2^31-1: EBADF");
	ok(descriptor_calls("O_PATH", file_of("path"), true) == 0, "an O_PATH descriptor: EBADF");
}

static void test_flags(void)
{
	unsigned wrong = 0;

	for (const struct call *c = calls; c < calls + CALLS; c++) {
		struct argkind kinds[ARGS];
		unsigned n = parse(c, kinds);
		long a[ARGS];

		for (unsigned i = 0; i < n && c->nr >= 0; i++) {
			if (strcmp(kinds[i].kind, "flags") || reaches_others(c))
				continue;
			good_arguments(c, kinds, n, a);
			wrong += !expect(c, a, i, -1, FLAGS, EINVAL, "with all bits");
			wrong += !expect(c, a, i, a[i] | 0x00800000, FLAGS, EINVAL, "with a bit nobody knows");
		}
	}
	ok(wrong == 0, "unknown flags: EINVAL");
}

int main(void)
{
	chdir("/");
	make_memory();
	open_files();
	test_pointers();
	test_halves();
	test_untouched();
	test_sizes();
	test_endless_strings();
	test_descriptors();
	test_flags();
	return tap_done();
}
