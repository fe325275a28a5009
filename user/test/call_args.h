// SPDX-License-Identifier: MIT
// Calls with good arguments, made from the words of sys/syscalls.h, for user/test/call_test.c to spoil one at a time.
#pragma once

#include <fcntl.h>
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
#include <unistd.h>

#include "sys/argkind.h"
#include "sys/syscalls.h"
#include "user/test/tap.h"

#ifdef __aarch64__
#define HERE(generic, x86) (generic)
#else
#define HERE(generic, x86) (x86)
#endif

constexpr long PAGE = 4096;
constexpr unsigned ARGS = 6;
constexpr long BYTES = 16; // that a buffer has

#define CALL(name, generic, x86, args) {#name, HERE(generic, x86), args},
static const struct call {
	const char *name;
	long nr;
	const char *args;
} calls[] = {SYSCALLS(CALL)};
constexpr unsigned CALLS = sizeof(calls) / sizeof(*calls);

#define TYPE(name, generic, x86, fields) {#name, HERE(generic, x86)},
static const struct {
	const char *name;
	long size;
} types[] = {SYSCALL_TYPES(TYPE)};

static long type_size(const char *name)
{
	for (unsigned i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i].name, name))
			return types[i].size;
	return 1; // a string
}

// ---- where Linux deviates

enum what { POINTER = 1, DESCRIPTOR = 2, FLAGS = 4, LAZY = 8, ALL = 15, HALF = 16 };

// arg -1: any. error: may come instead of the usual one; 0: the case is left out.
static const struct rule {
	const char *name;
	int arg;
	unsigned what;
	int error;
	const char *why;
} rules[] = {
#include "user/test/call_rules.h"
};

static const struct rule *rule_find(const struct call *c, int arg, unsigned what)
{
	for (unsigned i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (!strcmp(rules[i].name, c->name) && (rules[i].arg < 0 || rules[i].arg == arg) && (rules[i].what & what))
			return &rules[i];
	return nullptr;
}

// What reaches beyond the process: tried with pointers that are bad, not otherwise.
static bool reaches_others(const struct call *c)
{
	static const char *const names[] = {"sethostname", "setdomainname", "settimeofday", "clock_settime", "adjtimex",
		"clock_adjtime", "reboot", "swapon", "swapoff", "acct", "init_module", "delete_module", "finit_module",
		"kexec_load", "kexec_file_load", "mount", "umount2", "pivot_root", "chroot", "vhangup", "quotactl", "syslog",
		"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal", "sync", "syncfs",
		"vfork", "fork", "clone", "clone3", "ptrace", "truncate", "setns"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], c->name))
			return true;
	return false;
}

// ---- good arguments

static struct {
	const char *what;
	int fd;
} files[16];
static int peer; // of the socket
static struct sockaddr_un server_name;
static socklen_t server_name_len = sizeof(server_name);
static char *arena; // a page for each argument
static char *edge;  // the last byte that is there

static void file_is(const char *what, int fd)
{
	static unsigned n;

	files[n].what = what;
	files[n++].fd = fd;
}

static void open_files(void)
{
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	int pair[2], p[2], file = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	for (int i = 0; i < 64; i++)
		write(file, "0123456789abcdef", 16);
	file_is("", file);
	file_is("dir", open("/", O_RDONLY | O_DIRECTORY));
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	peer = pair[1];
	fcntl(peer, F_SETFL, O_NONBLOCK);
	file_is("socket", pair[0]);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bind(server, (struct sockaddr *)&any, sizeof(sa_family_t));
	listen(server, 1);
	getsockname(server, (struct sockaddr *)&server_name, &server_name_len);
	file_is("listen", server);
	pipe(p);
	write(p[1], "0123456789abcdef", 16);
	file_is("pipe", p[0]);
	int ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &(struct epoll_event){.events = EPOLLIN});
	file_is("epoll", ep);
	file_is("timer", timerfd_create(CLOCK_MONOTONIC, 0));
	file_is("inotify", syscall(SYS_inotify_init1, 0));
	file_is("pid", syscall(SYS_pidfd_open, getpid(), 0));
	file_is("path", open("/", O_PATH));
}

static int file_of(const char *what)
{
	for (unsigned i = 0; i < sizeof(files) / sizeof(*files) && files[i].what; i++)
		if (!strcmp(files[i].what, what))
			return files[i].fd;
	return files[0].fd;
}

// Where 0 makes no sense for a value by name.
static const struct {
	const char *name;
	int arg;
	long value;
} sensible[] = {{"mmap", 3, MAP_PRIVATE | MAP_ANONYMOUS}, {"epoll_ctl", 1, EPOLL_CTL_ADD}, {"socket", 0, AF_UNIX},
	{"socket", 1, SOCK_STREAM}, {"socketpair", 0, AF_UNIX}, {"socketpair", 1, SOCK_STREAM}, {"getsockopt", 1, SOL_SOCKET},
	{"getsockopt", 2, SO_TYPE}, {"setsockopt", 1, SOL_SOCKET}, {"setsockopt", 2, SO_KEEPALIVE}, {"clone", 1, 0},
	{"futex", 2, 1}, {"futex_wake", 1, 1}, {"futex_wake", 3, 2}, {"futex_wait", 1, 1}, {"futex_wait", 2, 1}, {"futex_wait", 3, 2},
	{"wait4", 2, WNOHANG}, {"waitid", 3, WNOHANG | WEXITED}, {"recvfrom", 3, MSG_DONTWAIT},
	{"recvmsg", 2, MSG_DONTWAIT}, {"recvmmsg", 3, MSG_DONTWAIT}, {"sendto", 3, MSG_DONTWAIT | MSG_NOSIGNAL},
	{"sendmsg", 2, MSG_DONTWAIT | MSG_NOSIGNAL}, {"flock", 1, 8}, {"inotify_add_watch", 2, IN_ACCESS}, {"mincore", 1, PAGE},
	{"mprotect", 1, PAGE}, {"pkey_mprotect", 1, PAGE}};

static long good_value(const struct argkind *k, unsigned i)
{
	bool timeout = !strcmp(k->detail, "timespec") || !strcmp(k->detail, "timeval"); // of 0: nobody waits

	if (argkind_is_pointer(k) && k->nullable && (!timeout || !strcmp(k->kind, "out")))
		return 0;
	if (!strcmp(k->kind, "path"))
		return (long)"/proc/self/exe";
	if (!strcmp(k->kind, "str"))
		return (long)"user.x";
	if (argkind_is_pointer(k) || !strcmp(k->kind, "addr"))
		return (long)arena + i * PAGE;
	if (!strcmp(k->kind, "fd"))
		return file_of(k->detail);
	if (!strcmp(k->kind, "dirfd"))
		return AT_FDCWD;
	if (!strcmp(k->kind, "pid"))
		return *k->detail ? 1 : getpid();
	if (!strcmp(k->kind, "sig"))
		return SIGUSR1;
	return atol(k->detail);
}

static unsigned parse(const struct call *c, struct argkind kinds[ARGS])
{
	unsigned n = 0;

	for (const char *at = c->args; (at = argkind_next(at, &kinds[n]));)
		n++;
	return n;
}

static void good_arguments(const struct call *c, const struct argkind kinds[], unsigned n, long a[ARGS])
{
	memset(a, 0, ARGS * sizeof(*a));
	for (unsigned i = 0; i < n; i++)
		a[i] = good_value(&kinds[i], i);
	for (unsigned i = 0; i < n; i++) // how many there are, if the count says nothing itself
		if (kinds[i].count >= 0 && !a[kinds[i].count] && !kinds[i].nullable)
			a[kinds[i].count] = type_size(kinds[i].detail) == 1 ? BYTES : 1;
	for (unsigned i = 0; i < sizeof(sensible) / sizeof(*sensible); i++)
		if (!strcmp(sensible[i].name, c->name))
			a[sensible[i].arg] = sensible[i].value;
	memset(arena, 0, ARGS * PAGE);
	for (unsigned i = 0; i < n; i++) {
		int first = !strcmp(kinds[i].detail, "cap_header") ? 0x20080522 : !strcmp(kinds[i].detail, "int") ? 128 : 0;

		memcpy(arena + i * PAGE, &first, sizeof(first)); // its version; how long an address may be
		if (!strcmp(kinds[i].detail, "iovec"))
			*(struct iovec *)(arena + i * PAGE) = (struct iovec){arena + i * PAGE + 64, 8};
	}
}
