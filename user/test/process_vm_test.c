// SPDX-License-Identifier: MIT
// process_vm_readv and process_vm_writev: another process's memory.

#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

constexpr size_t SIZE = 3 * 4096;
static char *area, here[SIZE];

// A call that goes on and on: each piece is large, and there are many.
static void copy_for_ever(void)
{
	static struct iovec all[1024];
	size_t n = 8 << 20;
	char *from = mmap(nullptr, 2 * n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 1024; i++)
		all[i] = (struct iovec){from + i % 2 * n, n};
	for (;;)
		process_vm_readv(getpid(), all, 1024, all, 1024, 0);
}

static void test_killed(void)
{
	int status = -1, tries = 0;
	pid_t pid = fork();

	if (pid == 0)
		copy_for_ever();
	usleep(200'000);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, WNOHANG) == 0 && tries++ < 300)
		usleep(10'000);
	ok(WIFSIGNALED(status), "SIGKILL ends a large copy");
}

int main(void)
{
	area = mmap(nullptr, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(area + SIZE, SIZE);
	int ready[2], go[2], status;
	char c;

	pipe(ready);
	pipe(go);
	pid_t pid = fork();
	if (pid == 0) {
		memset(area, 'c', SIZE);
		write(ready[1], "r", 1);
		read(go[0], &c, 1);
		_exit(area[5000] == 'w' && area[4999] == 'c' ? 0 : 1);
	}
	read(ready[0], &c, 1);

	struct iovec local[2] = {{here, 100}, {here + 100, SIZE - 100}}, remote = {area, SIZE};
	ok(process_vm_readv(pid, local, 2, &remote, 1, 0) == (ssize_t)SIZE && here[0] == 'c' && here[SIZE - 1] == 'c',
	   "a child's memory is read, in pieces");
	ok(area[0] == 0, "ours is another");
	here[0] = 'w';
	local[0].iov_len = 1;
	remote = (struct iovec){area + 5000, 1};
	ok(process_vm_writev(pid, local, 1, &remote, 1, 0) == 1, "a byte is written");
	local[0] = (struct iovec){here, SIZE};
	remote = (struct iovec){area + SIZE - 4096, 8192};
	ok(process_vm_readv(pid, local, 1, &remote, 1, 0) == 4096, "up to the first bad page");
	remote.iov_base = area + SIZE;
	ok(process_vm_readv(pid, local, 1, &remote, 1, 0) == -1 && errno == EFAULT, "from a bad page: EFAULT");
	ok(process_vm_readv(999999, local, 1, &remote, 1, 0) == -1 && errno == ESRCH, "nobody: ESRCH");
	ok(process_vm_readv(pid, local, 1, &remote, 1, 1) == -1 && errno == EINVAL, "flags: EINVAL");
	remote.iov_len = -1;
	ok(process_vm_readv(pid, local, 1, &remote, 1, 0) == -1 && errno == EINVAL, "a negative length: EINVAL");
	write(go[1], "g", 1);
	ok(waitpid(pid, &status, 0) == pid && status == 0, "the child saw the byte");
	test_killed();
	return tap_done();
}
