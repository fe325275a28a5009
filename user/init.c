// SPDX-License-Identifier: MIT
// The first process. It mounts what a Unix expects and then does one of two things:
//
// - With a program in /etc/quire/run (put there by tools/quire) it runs that one and
//   passes its standard input, output and error through the console as frames:
//       0x01, channel, length (16 bits, little-endian), payload
//   to the host: R ready, O stdout, E stderr, A count of input bytes consumed, L kernel log,
//   S trace of system calls, X exit status; from the host: I stdin, C end of stdin. The host never has more than
//   INPUT_WINDOW bytes of I unacknowledged, so the console's input buffer cannot overflow. If there
//   is a file /etc/quire/stdin, that is the program's standard input.
// - Otherwise it keeps a login shell running on the console. (The file may then tell the size of the
//   terminal at the other end of the line.)
//
// It is an ordinary Linux program and runs under Linux too.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

constexpr int CONSOLE = 0;
constexpr int INPUT_WINDOW = 2048;
constexpr int FRAME_MAX = 4096;
constexpr int STRINGS_MAX = 1024;

static volatile sig_atomic_t child_changed;
static volatile sig_atomic_t shutdown_signal;

static void on_child(int sig)
{
	child_changed = 1;
}

static void on_shutdown(int sig)
{
	shutdown_signal = sig;
}

// ---- What every boot needs ----

static void mount_one(const char *type, const char *path, unsigned long flags, const char *data)
{
	mkdir(path, 0755);
	// The kernel may have mounted it already, or not know it: neither is our business.
	mount(type, path, type, flags, data);
}

static void mount_all(void)
{
	mount_one("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
	mount_one("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
	mount_one("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
	mount_one("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
	mount_one("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}

// Makes the console descriptors 0, 1 and 2, whatever the kernel has or has not opened for us.
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);
	if (fd < 0)
		return;
	for (int i = 0; i <= 2; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void set_hostname(void)
{
	char name[64];
	int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, name, sizeof(name));
	close(fd);
	while (n > 0 && (name[n - 1] == '\n' || name[n - 1] == ' '))
		n--;
	if (n > 0)
		sethostname(name, n);
}

static void set_environment(void)
{
	setenv("PATH", "/usr/local/bin:/bin:/sbin:/usr/bin:/usr/sbin:/test", 1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("SHELL", "/bin/sh", 1);
	setenv("TERM", "linux", 0);
}

static void set_signals(void)
{
	struct sigaction child = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
	struct sigaction down = {.sa_handler = on_shutdown};

	sigaction(SIGCHLD, &child, nullptr);
	sigaction(SIGTERM, &down, nullptr); // busybox reboot
	sigaction(SIGUSR1, &down, nullptr); // busybox halt
	sigaction(SIGUSR2, &down, nullptr); // busybox poweroff
	signal(SIGPIPE, SIG_IGN);

	// Delivered inside ppoll() and sigsuspend() only, so that none is lost between a look at
	// the flags and the sleep.
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, nullptr);
}

// Undoes set_signals() in a child.
static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] static void power(int command)
{
	sync();
	reboot(command);
	_exit(1); // we are not process 1, or the kernel has no such call
}

[[noreturn]] static void shut_down(int sig)
{
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	for (int i = 0; i < 100 && (waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD); i++)
		nanosleep(&(struct timespec){.tv_nsec = 10'000'000}, nullptr);
	kill(-1, SIGKILL);
	power(sig == SIGTERM ? RB_AUTOBOOT : sig == SIGUSR1 ? RB_HALT_SYSTEM : RB_POWER_OFF);
}

// The file that execvp() would run, found without the failed calls that a trace would show.
static const char *find_program(const char *name)
{
	static char path[PATH_MAX];

	if (strchr(name, '/'))
		return name;
	for (int mode = X_OK; mode >= F_OK; mode -= X_OK - F_OK) {
		for (const char *dir = getenv("PATH"), *end; dir && *dir; dir = end + (*end == ':')) {
			end = strchrnul(dir, ':');
			snprintf(path, sizeof(path), "%.*s/%s", (int)(end - dir), dir, name);
			if (!access(path, mode))
				return path;
		}
	}
	return nullptr;
}

// From here on this process and its children are traced; the first call that is seen is execve().
static void trace_self(void)
{
	write(open("/dev/trace", O_WRONLY | O_CLOEXEC), "1", 1);
}

[[noreturn]] static void exec_program(char **argv, const char *cwd, bool trace)
{
	const char *path = find_program(argv[0]), *more = "";

	reset_signals();
	if (cwd && chdir(cwd)) {
		dprintf(2, "quire: %s: %s\n", cwd, strerror(errno));
		_exit(126);
	}
	if (trace)
		trace_self();
	errno = ENOENT;
	if (path)
		execv(path, argv);
	int err = errno;
	if (err == ENOENT && path && !access(path, F_OK))
		more = " (it is there, but not its loader, or the interpreter that its #! line names)";
	dprintf(2, "quire: %s: %s%s\n", argv[0], strerror(err), more);
	_exit(err == ENOENT || err == ENOTDIR ? 127 : 126);
}

// Runs argv as the leader of a session that has the console as its terminal, in a child.
[[noreturn]] static void exec_on_console(char **argv, const char *cwd)
{
	setsid();
	ioctl(CONSOLE, TIOCSCTTY, 1);
	exec_program(argv, cwd, false);
}

// ---- One program for tools/quire ----

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

static void write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return;
		} else if (n > 0) {
			at += n;
			len -= n;
		}
	}
}

static void send_frame(char channel, const void *data, size_t len)
{
	unsigned char frame[4 + FRAME_MAX] = {1, channel, len & 255, len >> 8};

	if (len)
		memcpy(frame + 4, data, len);
	write_all(CONSOLE, frame, 4 + len);
}

static void send_number(char channel, unsigned number)
{
	send_frame(channel, (unsigned char[]){number & 255, number >> 8}, 2);
}

// The job's description: strings that end in NUL, the first letter says of what kind.
static bool read_job(struct job *job)
{
	struct stat st;
	int fd = open("/etc/quire/run", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return false;
	char *text = calloc(1, st.st_size + 1);
	if (!text || read(fd, text, st.st_size) != st.st_size)
		return false;
	close(fd);
	for (char *s = text; s < text + st.st_size; s += strlen(s) + 1) {
		if (*s == 'a' && job->argc < STRINGS_MAX - 1)
			job->argv[job->argc++] = s + 1;
		else if (*s == 'e')
			putenv(s + 1);
		else if (*s == 'c')
			job->cwd = s + 1;
		else if (*s == 'l')
			job->want_log = true;
		else if (*s == 's')
			job->want_trace = true;
		else if (*s == 't')
			job->terminal = true;
		else if (*s == 'w')
			sscanf(s + 1, "%hu %hu", &job->window.ws_row, &job->window.ws_col);
	}
	return job->argc > 0;
}

[[noreturn]] static void exec_on_pipes(struct job *job, int in, int out, int err)
{
	setsid();
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	exec_program(job->argv, job->cwd, job->trace >= 0);
}

// A file in the image is the program's input; what comes over the line is then read by nobody.
static void replace_input(int *in)
{
	int fd = open("/etc/quire/stdin", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	unlink("/etc/quire/stdin");
	close(*in);
	*in = fd;
}

static bool start_on_pipes(struct job *job)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return false;
	replace_input(&in[0]);
	if (job->want_trace)
		job->trace = open("/dev/trace", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	job->pid = fork();
	if (job->pid < 0)
		return false;
	if (job->pid == 0)
		exec_on_pipes(job, in[0], out[1], err[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	job->in = in[1];
	job->out = out[0];
	job->err = err[0];
	fcntl(job->in, F_SETFL, O_NONBLOCK);
	fcntl(job->out, F_SETFL, O_NONBLOCK);
	fcntl(job->err, F_SETFL, O_NONBLOCK);
	return true;
}

static void reap(struct job *job)
{
	int status;

	child_changed = 0;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid != job->pid)
			continue;
		job->exited = true;
		job->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

// Moves what the program has written to the host. False when there is no more for now.
static bool pass_output(int *fd, char channel)
{
	char data[FRAME_MAX];

	if (*fd < 0)
		return false;
	ssize_t n = read(*fd, data, sizeof(data));
	if (n > 0) {
		send_frame(channel, data, n);
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close(*fd);
		*fd = -1;
	}
	return false;
}

// Moves waiting input to the program; what it will never read counts as consumed.
static void pass_input(struct job *job)
{
	if (job->in >= 0 && job->input_len) {
		ssize_t n = write(job->in, job->input, job->input_len);
		if (n > 0) {
			job->input_len -= n;
			memmove(job->input, job->input + n, job->input_len);
			send_number('A', n);
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			close(job->in);
			job->in = -1;
		}
	}
	if (job->in < 0 && job->input_len) {
		send_number('A', job->input_len);
		job->input_len = 0;
	}
	if (job->in >= 0 && job->input_ended && !job->input_len) {
		close(job->in);
		job->in = -1;
	}
}

static void frame_arrived(struct job *job, char channel, const void *data, size_t len)
{
	if (channel == 'C')
		job->input_ended = true;
	if (channel != 'I' || len > sizeof(job->input) - job->input_len)
		return; // the host overran its window: nothing sensible is left to do
	memcpy(job->input + job->input_len, data, len);
	job->input_len += len;
}

// Reads from the console and takes apart the frames that are complete.
static void receive(struct job *job)
{
	ssize_t n = read(CONSOLE, job->frame + job->frame_len, sizeof(job->frame) - job->frame_len);
	if (n <= 0)
		return;
	job->frame_len += n;
	for (;;) {
		size_t skip = 0;
		while (skip < job->frame_len && job->frame[skip] != 1)
			skip++;
		job->frame_len -= skip;
		memmove(job->frame, job->frame + skip, job->frame_len);
		if (job->frame_len < 4)
			return;
		size_t len = job->frame[2] | job->frame[3] << 8;
		if (len > FRAME_MAX)
			job->frame_len = 0; // no frame of ours: start over
		if (job->frame_len < 4 + len)
			return;
		frame_arrived(job, job->frame[1], job->frame + 4, len);
		job->frame_len -= 4 + len;
		memmove(job->frame, job->frame + 4 + len, job->frame_len);
	}
}

// Multiplexes until the program has ended and what it wrote has been passed on. A background
// process that still holds the pipes does not keep us.
static void serve_pipes(struct job *job)
{
	sigset_t none;

	sigemptyset(&none);
	while (!job->exited) {
		struct pollfd fds[] = {
			{.fd = CONSOLE, .events = POLLIN},
			{.fd = job->out, .events = POLLIN},
			{.fd = job->err, .events = POLLIN},
			{.fd = job->in, .events = job->input_len ? POLLOUT : 0},
			{.fd = job->trace, .events = POLLIN},
		};
		ppoll(fds, 5, nullptr, &none);
		if (child_changed)
			reap(job);
		if (fds[0].revents)
			receive(job);
		if (fds[1].revents)
			pass_output(&job->out, 'O');
		if (fds[2].revents)
			pass_output(&job->err, 'E');
		if (fds[4].revents)
			pass_output(&job->trace, 'S');
		pass_input(job);
	}
	while (pass_output(&job->out, 'O'))
		;
	while (pass_output(&job->err, 'E'))
		;
	while (pass_output(&job->trace, 'S'))
		;
}

// A serial line does not know how large the terminal at its end is.
static void set_window(const struct job *job)
{
	struct winsize now;

	if (job->window.ws_row && !ioctl(CONSOLE, TIOCGWINSZ, &now) && !now.ws_row)
		ioctl(CONSOLE, TIOCSWINSZ, &job->window);
}

static void run_on_console(struct job *job)
{
	sigset_t none;

	sigemptyset(&none);
	set_window(job);
	job->pid = fork();
	if (job->pid == 0)
		exec_on_console(job->argv, job->cwd);
	while (!job->exited) {
		if (!child_changed)
			sigsuspend(&none);
		reap(job);
	}
}

static void make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		return;
	cfmakeraw(&t);
	tcsetattr(fd, TCSADRAIN, &t); // some drivers forget what they have not sent yet
}

static void send_log(void)
{
	constexpr int ACTION_READ_ALL = 3;
	constexpr int SIZE = 1 << 20;
	char *text = malloc(SIZE);
	int len = text ? klogctl(ACTION_READ_ALL, text, SIZE) : 0;

	for (int at = 0; at < len; at += FRAME_MAX)
		send_frame('L', text + at, len - at < FRAME_MAX ? len - at : FRAME_MAX);
	free(text);
}

[[noreturn]] static void run_job(struct job *job)
{
	chdir("/root");
	if (job->terminal) {
		run_on_console(job);
		make_raw(CONSOLE);
	} else {
		make_raw(CONSOLE);
		send_frame('R', nullptr, 0);
		if (start_on_pipes(job)) {
			serve_pipes(job);
		} else {
			const char *why = strerror(errno);
			send_frame('E', why, strlen(why));
			job->status = 126;
		}
	}
	if (job->want_log)
		send_log();
	send_number('X', job->status);
	tcdrain(CONSOLE);
	power(RB_POWER_OFF);
}

// ---- A shell on the console ----

[[noreturn]] static void run_shell(const struct job *job)
{
	sigset_t none;
	pid_t shell = -1;

	set_window(job);
	sigemptyset(&none);
	for (;;) {
		if (shutdown_signal)
			shut_down(shutdown_signal);
		if (shell < 0) {
			shell = fork();
			if (shell == 0)
				exec_on_console((char *[]){"/bin/sh", "-l", nullptr}, nullptr);
			if (shell < 0)
				sleep(1);
		}
		if (!child_changed)
			sigsuspend(&none);
		child_changed = 0;
		for (pid_t pid; (pid = waitpid(-1, nullptr, WNOHANG)) > 0;)
			if (pid == shell)
				shell = -1;
	}
}

int main(void)
{
	static struct job job = {.in = -1, .out = -1, .err = -1, .trace = -1};

	umask(0);
	mount_all();
	umask(022);
	open_console();
	set_hostname();
	set_environment();
	set_signals();
	if (read_job(&job))
		run_job(&job);
	chdir("/root");
	run_shell(&job);
}
