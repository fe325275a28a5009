// SPDX-License-Identifier: MIT
// A program for tools/quire whose standard input, output and error pass through the console as frames (main.c says
// which there are).

#include "user/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

void send_frame(char channel, const void *data, size_t len)
{
	unsigned char frame[4 + FRAME_MAX] = {1, channel, len & 255, len >> 8};

	if (len)
		memcpy(frame + 4, data, len);
	write_all(CONSOLE, frame, 4 + len);
}

void send_number(char channel, unsigned number)
{
	send_frame(channel, (unsigned char[]){number & 255, number >> 8}, 2);
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

bool start_on_pipes(struct job *job)
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

void serve_pipes(struct job *job)
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
