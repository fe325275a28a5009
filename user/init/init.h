// SPDX-License-Identifier: MIT
// The first process, as its parts see each other.
#pragma once

#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/types.h>

constexpr int CONSOLE = 0;
constexpr int INPUT_WINDOW = 2048;
constexpr int FRAME_MAX = 4096;
constexpr int STRINGS_MAX = 1024;

// Set by SIGCHLD; whoever is about to reap clears it first.
extern volatile sig_atomic_t child_changed;

// What tools/quire wants to be run.
struct job {
	char *argv[STRINGS_MAX];
	int argc;
	const char *cwd;
	bool terminal; // on the console itself rather than through frames
	bool want_log;
	bool want_trace;
	struct winsize window; // the host's terminal

	pid_t pid;
	int status; // of the shell's kind: 128 + n for signal n
	bool exited;
	int in, out, err; // our ends of the pipes, -1 when closed
	int trace; // /dev/trace, or -1

	// Input on its way from the console to the program.
	unsigned char frame[4 + FRAME_MAX]; // the frame being received
	size_t frame_len;
	unsigned char input[INPUT_WINDOW];
	size_t input_len;
	bool input_ended;
};

// ---- main.c

// The kernel writes everything back and turns the machine off, or what `command` (reboot(2)) says.
[[noreturn]] void power(int command);

// ---- program.c: a child becomes a program

// The signals as a program expects them. For a child of ours, before it executes anything.
void reset_signals(void);
// Executes argv[0], found by PATH, in the folder cwd if there is one; says what is wrong and exits as a shell
// does if that fails. trace: it and its children are traced, from its execve() on.
[[noreturn]] void exec_program(char **argv, const char *cwd, bool trace);
// The same as the leader of a session that has the console as its terminal.
[[noreturn]] void exec_on_console(char **argv, const char *cwd);

// ---- pipes.c: a program whose input and output go through frames

void send_frame(char channel, const void *data, size_t len);
void send_number(char channel, unsigned number);
// Starts the job on pipes. False, with errno: it could not be.
bool start_on_pipes(struct job *job);
// Multiplexes until the program has ended and what it wrote has been passed on. A background
// process that still holds the pipes does not keep us.
void serve_pipes(struct job *job);

// ---- job.c

// Is there something to be run, or only a terminal whose size is known? Fills *job in either case.
bool read_job(struct job *job);
// Runs it, tells the host how it ended, and turns the machine off.
[[noreturn]] void run_job(struct job *job);
// Collects children that have ended; the job, if it is among them.
void reap(struct job *job);
// A serial line does not know how large the terminal at its end is.
void set_window(const struct job *job);
