// SPDX-License-Identifier: MIT
// System V shared memory: shmget, shmat, shmdt, shmctl, /proc/sysvipc/shm; and POSIX's, in /dev/shm.

#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/proc.h"

constexpr size_t PAGE = 4096;
static key_t key;

static bool is_error(long r, int err)
{
	return r == -1 && errno == err;
}

static struct shmid_ds stat_of(int id)
{
	struct shmid_ds ds = {};

	shmctl(id, IPC_STAT, &ds);
	return ds;
}

static void test_get(void)
{
	ok(is_error(shmget(key, PAGE, 0600), ENOENT), "nothing has that key: ENOENT");
	int id = shmget(key, 3 * PAGE - 7, IPC_CREAT | 0640);
	ok(id >= 0, "a segment is made");
	ok(shmget(key, 0, 0) == id && shmget(key, PAGE, IPC_CREAT | 0600) == id, "and found by its key");
	ok(is_error(shmget(key, PAGE, IPC_CREAT | IPC_EXCL | 0600), EEXIST), "IPC_EXCL: EEXIST");
	ok(is_error(shmget(key, 4 * PAGE, 0600), EINVAL), "larger than it is: EINVAL");
	ok(is_error(shmget(IPC_PRIVATE, 0, 0600), EINVAL), "no size: EINVAL");
	struct shmid_ds ds = stat_of(id);
	ok(ds.shm_segsz == 3 * PAGE - 7 && ds.shm_nattch == 0 && ds.shm_cpid == getpid() && ds.shm_lpid == 0, "size, attachments, who made it");
	ok(ds.shm_perm.mode == 0640 && ds.shm_perm.uid == geteuid() && ds.shm_perm.cuid == geteuid(), "mode and owner");
	ok(ds.shm_ctime != 0 && ds.shm_atime == 0 && ds.shm_dtime == 0, "times");
	ok(is_error(shmctl(id, 77, nullptr), EINVAL), "an unknown command: EINVAL");
	ok(is_error(shmctl(id, IPC_STAT, (void *)8), EFAULT), "a bad buffer: EFAULT");
	ok(shmctl(id, IPC_RMID, nullptr) == 0 && is_error(shmctl(id, IPC_STAT, &ds), EINVAL), "removed at once when nobody has it");
	int next = shmget(key, PAGE, IPC_CREAT | 0600);
	ok(next >= 0 && next != id, "another number for the next");
	shmctl(next, IPC_RMID, nullptr);
}

static void test_attach(void)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE, 0600), status;
	char *p = shmat(id, nullptr, 0), *q = shmat(id, nullptr, SHM_RDONLY);

	ok(p != (void *)-1 && q != (void *)-1 && p != q, "attached twice");
	strcpy(p + PAGE, "shared");
	ok(!strcmp(q + PAGE, "shared") && p[0] == 0, "both show the same, zeros at first");
	ok(stat_of(id).shm_nattch == 2 && stat_of(id).shm_lpid == getpid() && stat_of(id).shm_atime, "two attachments");
	ok(is_error(mprotect(q, PAGE, PROT_READ | PROT_WRITE), EACCES), "SHM_RDONLY stays so");
	pid_t pid = fork();
	if (pid == 0) {
		bool four = stat_of(id).shm_nattch == 4;
		p[0] = 'c';
		_exit(four ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(status == 0 && p[0] == 'c', "a child has them too, and writes to the same memory");
	ok(stat_of(id).shm_nattch == 2, "its end detaches");
	ok(shmdt(q) == 0 && stat_of(id).shm_nattch == 1 && stat_of(id).shm_dtime, "shmdt");
	ok(is_error(shmdt(q), EINVAL) && is_error(shmdt(p + 1), EINVAL) && is_error(shmdt(p + PAGE), EINVAL), "nothing begins there: EINVAL");
	ok(shmctl(id, IPC_RMID, nullptr) == 0 && stat_of(id).shm_perm.mode == (01000 | 0600), "removed while attached: SHM_DEST");
	q = shmat(id, nullptr, 0);
	ok(q != (void *)-1 && q[0] == 'c', "it can still be attached by number");
	shmdt(q);
	struct mapping m;
	ok(find_mapping("/proc/self/maps", p, &m) && !strcmp(m.name, "/SYSV00000000 (deleted)") && (int)m.ino == id && m.prot[3] == 's', "maps: %s", m.name);
	ok(shmdt(p) == 0 && is_error(shmctl(id, IPC_RMID, nullptr), EINVAL), "the last detach ends it");
	ok(is_error((long)shmat(id, nullptr, 0), EINVAL) && is_error((long)shmat(-1, nullptr, 0), EINVAL), "no such segment: EINVAL");
}

static void test_address(void)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE, 0600);
	char *at = mmap(nullptr, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(at, 4 * PAGE);
	ok(is_error((long)shmat(id, at + 5, 0), EINVAL), "a crooked address: EINVAL");
	ok(shmat(id, at + 5, SHM_RND) == at, "SHM_RND rounds it down");
	ok(is_error((long)shmat(id, at + PAGE, 0), EINVAL), "something is there: EINVAL");
	ok(shmat(id, at + PAGE, SHM_REMAP) == at + PAGE, "SHM_REMAP replaces it");
	ok(is_error((long)shmat(id, nullptr, SHM_REMAP), EINVAL), "SHM_REMAP without an address: EINVAL");
	at[0] = 1;
	at[PAGE] = 2;
	ok(at[0] == 1 && at[2 * PAGE] == 0, "the first page of the first, two of the second");
	ok(shmdt(at + PAGE) == 0 && shmdt(at) == 0, "both go");
	munmap(at, 4 * PAGE);
	char *x = shmat(id, nullptr, SHM_EXEC);
	struct mapping m;
	ok(find_mapping("/proc/self/maps", x, &m) && !strcmp(m.prot, "rwxs"), "SHM_EXEC: %s", m.prot);
	mprotect(x, PAGE, PROT_READ);
	ok(shmdt(x) == 0 && !find_mapping("/proc/self/maps", x, &m), "shmdt takes all parts of a mapping that was split");
	shmctl(id, IPC_RMID, nullptr);
}

// Steps of an unprivileged process: 0, or which one failed.
static int child_rights(int mine, int closed, int readable)
{
	struct shmid_ds ds;

	if (setgid(1000) || setuid(1000))
		return 1;
	if (!is_error((long)shmat(closed, nullptr, 0), EACCES) || !is_error(shmctl(closed, IPC_STAT, &ds), EACCES))
		return 2;
	if (!is_error(shmctl(closed, IPC_RMID, nullptr), EPERM) || !is_error(shmctl(closed, IPC_SET, &ds), EPERM))
		return 3;
	if (!is_error((long)shmat(readable, nullptr, 0), EACCES) || shmat(readable, nullptr, SHM_RDONLY) == (void *)-1)
		return 4;
	if (!is_error(shmget(key, 0, 0600), EACCES) || shmget(key, 0, 0400) != readable)
		return 5;
	if (shmat(mine, nullptr, 0) == (void *)-1)
		return 6;
	return shmctl(mine, IPC_RMID, nullptr) ? 7 : 0;
}

static void test_rights(void)
{
	int mine = shmget(IPC_PRIVATE, PAGE, 0600), closed = shmget(IPC_PRIVATE, PAGE, 0600), readable = shmget(key, PAGE, IPC_CREAT | 0604), status;
	struct shmid_ds ds = stat_of(mine);

	ds.shm_perm.uid = 1000;
	ds.shm_perm.mode = 0700;
	ok(shmctl(mine, IPC_SET, &ds) == 0 && stat_of(mine).shm_perm.uid == 1000 && stat_of(mine).shm_perm.mode == 0700, "IPC_SET gives it away");
	pid_t pid = fork();
	if (pid == 0)
		_exit(child_rights(mine, closed, readable));
	waitpid(pid, &status, 0);
	ok(status == 0, "others have what the mode allows: step %d", status >> 8);
	ok(shmctl(closed, SHM_LOCK, nullptr) == 0 && stat_of(closed).shm_perm.mode & 02000, "SHM_LOCK shows");
	ok(shmctl(closed, SHM_UNLOCK, nullptr) == 0 && !(stat_of(closed).shm_perm.mode & 02000), "SHM_UNLOCK");
	shmctl(closed, IPC_RMID, nullptr);
	shmctl(readable, IPC_RMID, nullptr);
}

static void test_info(void)
{
	int id = shmget(key, 5 * PAGE, IPC_CREAT | 0600), found = -1;
	struct shminfo limits;
	struct shm_info use;
	struct shmid_ds ds;
	char *p = shmat(id, nullptr, 0), line[64];

	p[0] = p[PAGE] = 1;
	int highest = shmctl(0, IPC_INFO, (void *)&limits);
	ok(highest >= 0 && limits.shmmin == 1 && limits.shmmni > 0 && limits.shmmax >= 5 * PAGE, "IPC_INFO");
	ok(shmctl(0, SHM_INFO, (void *)&use) == highest && use.used_ids > 0 && use.shm_tot >= 5 && use.shm_rss >= 2, "SHM_INFO");
	for (int i = 0; i <= highest; i++) {
		if (shmctl(i, SHM_STAT, &ds) == id)
			found = i;
	}
	ok(found >= 0 && shmctl(found, SHM_STAT, &ds) == id && ds.shm_segsz == 5 * PAGE, "SHM_STAT by place");
	ok(is_error(shmctl(30000, SHM_STAT, &ds), EINVAL), "an empty place: EINVAL");
	snprintf(line, sizeof(line), "%10d %10d   600 %21zu", key, id, 5 * PAGE);
	ok(strstr(read_text("/proc/sysvipc/shm"), line), "/proc/sysvipc/shm has it");
	ok(field("/proc/sys/kernel/shmmni", "") == (long)limits.shmmni, "/proc/sys/kernel/shmmni");
	shmctl(id, IPC_RMID, nullptr);
	shmdt(p);
	ok(!strstr(read_text("/proc/sysvipc/shm"), line), "and has it no more");
}

static void test_exec_and_kill(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600), status;
	char *p = shmat(id, nullptr, 0);

	shmctl(id, IPC_RMID, nullptr);
	pid_t pid = fork();
	if (pid == 0) {
		p[0] = 'k';
		raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
	ok(p[0] == 'k' && stat_of(id).shm_nattch == 1, "a killed process detaches");
	p = shmat(id, p, SHM_REMAP);
	ok(p[0] == 'k', "a mapping replaces itself");
	munmap(p, PAGE);
	ok(is_error(shmctl(id, IPC_STAT, &(struct shmid_ds){}), EINVAL), "munmap of the last ends it");
}

static void test_posix(void)
{
	int fd = shm_open("/quire_shm_test", O_RDWR | O_CREAT | O_EXCL, 0600), status;

	ok(fd >= 0 && ftruncate(fd, PAGE) == 0, "shm_open");
	char *p = mmap(nullptr, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	pid_t pid = fork();
	if (pid == 0) {
		int other = shm_open("/quire_shm_test", O_RDWR, 0);
		char *q = mmap(nullptr, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
		q[0] = 'p';
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(p[0] == 'p', "by name it is the same memory");
	ok(shm_unlink("/quire_shm_test") == 0 && shm_open("/quire_shm_test", O_RDWR, 0) == -1 && errno == ENOENT, "shm_unlink");
	ok(p[0] == 'p', "what is mapped stays");
}

int main(void)
{
	key = 0x51000000 + getpid();
	test_get();
	test_attach();
	test_address();
	test_rights();
	test_info();
	test_exec_and_kill();
	test_posix();
	return tap_done();
}
