// SPDX-License-Identifier: MIT
// What a program can see of its memory: bytes and faults, and the layout in a normal form.
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include "user/fuzz/history.h"

static sigjmp_buf fault_back;
static struct fault last_fault;

static void on_fault(int signal, siginfo_t *si, void *context)
{
	last_fault = (struct fault){ signal, si->si_code, (uint64_t)si->si_addr };
	siglongjmp(fault_back, 1);
}

static void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &sa, nullptr);
	sigaction(SIGBUS, &sa, nullptr);
}

static const char *fault_text(void)
{
	static char text[80];

	snprintf(text, sizeof(text), "%s %d at %s", last_fault.signal == SIGBUS ? "SIGBUS" : "SIGSEGV",
		 last_fault.code, place(last_fault.address & ~(PAGE - 1)));
	return text;
}

static bool load(uint64_t addr, uint64_t *value)
{
	if (sigsetjmp(fault_back, 0))
		return false;
	*value = *(volatile uint64_t *)addr;
	return true;
}

static bool store(uint64_t addr, uint64_t value)
{
	if (sigsetjmp(fault_back, 0))
		return false;
	*(volatile uint64_t *)addr = value;
	return true;
}

// Calls what is there. Only where a return instruction has been written.
static bool run(uint64_t addr)
{
	if (sigsetjmp(fault_back, 0))
		return false;
	__builtin___clear_cache((char *)addr, (char *)addr + 8);
	((void (*)(void))addr)();
	return true;
}

// ---- The layout ----

struct line {
	uint64_t start, end, offset;
	char rights[8], name[64];
};

static bool parse(char *text, struct line *l)
{
	unsigned long start, end, offset;
	int at = 0;

	*l = (struct line){};
	if (sscanf(text, "%lx-%lx %7s %lx %*s %*s%n", &start, &end, l->rights, &offset, &at) < 4)
		return false;
	l->start = start;
	l->end = end;
	l->offset = offset;
	text += at;
	text += strspn(text, " ");
	snprintf(l->name, sizeof(l->name), "%s", text);
	// Private mappings of it are memory like all other.
	if (!strcmp(l->name, "/dev/zero") || !strcmp(l->name, "[heap]"))
		l->name[0] = 0;
	if (!l->name[0] || l->name[0] == '[')
		l->offset = 0;
	return true;
}

static bool continues(const struct line *a, const struct line *b)
{
	bool anonymous = !a->name[0] || a->name[0] == '[';

	return a->end == b->start && !strcmp(a->rights, b->rights) && !strcmp(a->name, b->name) &&
	       (anonymous || a->offset + (a->end - a->start) == b->offset);
}

static void say_line(const struct line *l)
{
	char start[32];

	if (l->end == l->start)
		return;
	snprintf(start, sizeof(start), "%s", place(l->start));
	say("  %s %lu pages %s %lx %s", start, (l->end - l->start) / PAGE, l->rights, l->offset / PAGE, l->name);
}

// Reads all of /proc/self/FILE, which comes in pieces.
static char *read_proc(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	close(fd);
	return text;
}

// The regions of the arena and the heap, neighbours that are the same as one.
static void look_at_layout(void)
{
	struct line last = {}, l;

	for (char *save, *t = strtok_r(read_proc("/proc/self/maps"), "\n", &save); t;
	     t = strtok_r(nullptr, "\n", &save)) {
		if (!parse(t, &l) || !in_arena(l.start))
			continue;
		if (continues(&last, &l)) {
			last.end = l.end;
			continue;
		}
		say_line(&last);
		last = l;
	}
	say_line(&last);
}

// The flags of each region that programs ask for (of those that all kernels tell): locked, not for children, ...
static void look_at_flags(void)
{
	static const char *const flags[] = { "lo", "dc", "wf", "dd", "sr", "rr", "gd" };
	struct line l = {};
	char last[64] = "";
	uint64_t last_end = 0;

	for (char *save, *t = strtok_r(read_proc("/proc/self/smaps"), "\n", &save); t;
	     t = strtok_r(nullptr, "\n", &save)) {
		char text[64] = "";

		if (strncmp(t, "VmFlags:", 8)) {
			struct line next;

			if (t[0] < 'A' && parse(t, &next))
				l = next;
			else if ((t[0] >= 'a' && t[0] <= 'f') && parse(t, &next))
				l = next;
			continue;
		}
		if (!in_arena(l.start))
			continue;
		for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
			if (strstr(t + 8, flags[i]))
				strcat(strcat(text, " "), flags[i]);
		}
		if (l.start != last_end || strcmp(text, last))
			say("  %s:%s", place(l.start), text);
		strcpy(last, text);
		last_end = l.end;
	}
}

// The words that histories write, of each page of the small windows.
static void look_at_bytes(void)
{
	for (unsigned w = 0; w < WINDOWS; w++) {
		uint64_t step = w == W_BLOCKS ? 37 : 1;

		for (uint64_t i = 0; i < windows[w].pages; i += step) {
			uint64_t va = windows[w].start + i * PAGE, a, b;

			if (!load(va, &a)) {
				if (last_fault.code != SEGV_MAPERR || last_fault.signal != SIGSEGV)
					say("  %s: %s", place(va), fault_text());
			} else if (load(va + 2040, &b) && (a || b)) {
				say("  %s: %lx %lx", place(va), a, b);
			}
		}
	}
}
