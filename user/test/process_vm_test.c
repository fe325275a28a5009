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
	write(go[1], "g", 1);
	ok(waitpid(pid, &status, 0) == pid && status == 0, "the child saw the byte");
	return tap_done();
}
