// SPDX-License-Identifier: MIT
// Numbers that are written into files of /proc: what of blanks, signs, bases and lengths is taken, and how much of it.

#include <sched.h>

#include "user/test/proc.h"

// Bytes taken, or -errno.
static long put(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	long n = fd < 0 ? -1 : write(fd, what, strlen(what));

	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

static long clear_refs(const char *what)
{
	return put("/proc/self/clear_refs", what);
}

// One decimal number from 1 to 5.
static void test_clear_refs(void)
{
	ok(clear_refs("1") == 1 && clear_refs(" 1") == 2 && clear_refs("\t2 \n") == 4 && clear_refs("1\n\n") == 3,
	   "clear_refs: blanks around it do not count");
	ok(clear_refs("+3") == 2 && clear_refs("01") == 2, "a plus, or a zero before it");
	ok(clear_refs("0x1") == -EINVAL && clear_refs("1x") == -EINVAL && clear_refs("1k") == -EINVAL, "hexadecimal, or more behind it: EINVAL");
	ok(clear_refs("1 2") == -EINVAL && clear_refs("\n") == -EINVAL, "two, or none: EINVAL");
	ok(clear_refs("0") == -EINVAL && clear_refs("6") == -EINVAL && clear_refs("-4") == -EINVAL && clear_refs("- 4") == -EINVAL,
	   "one that means nothing: EINVAL");
	ok(clear_refs("3000000000") == -ERANGE && clear_refs("99999999999999999999") == -ERANGE, "one that is no int: ERANGE");
}

static const char adj_path[] = "/proc/self/oom_score_adj";

// The value that it has then, or -errno - 10000.
static long adj(const char *what)
{
	long taken = put(adj_path, what);

	return taken == (long)strlen(what) ? strtol(read_text(adj_path), nullptr, 10) : taken - 10000;
}

// One number of any base from -1000 to 1000; to lower it needs CAP_SYS_RESOURCE.
static void test_oom_score_adj(void)
{
	ok(adj(" 100") == 100 && adj("0x65") == 101 && adj("0146\n") == 102 && adj("+103") == 103, "oom_score_adj: of any base");
	ok(adj("08") == -EINVAL - 10000 && adj("0x") == -EINVAL - 10000 && adj("104x") == -EINVAL - 10000 && adj("104 1") == -EINVAL - 10000,
	   "no number: EINVAL");
	ok(adj("1001") == -EINVAL - 10000 && adj("-1001") == -EINVAL - 10000, "beyond 1000: EINVAL");
	ok(adj("-3000000000") == -ERANGE - 10000, "no int: ERANGE");
	ok(strtol(read_text(adj_path), nullptr, 10) == 103, "it stays");
}

static const char msgmax[] = "/proc/sys/kernel/msgmax", shmmax[] = "/proc/sys/kernel/shmmax";

static unsigned long now(const char *path)
{
	return strtoul(read_text(path), nullptr, 10);
}

static bool is_set(const char *path, const char *what, unsigned long value)
{
	return put(path, what) == (long)strlen(what) && now(path) == value;
}

static void test_sysctl(void)
{
	if (!on_quire() && unshare(CLONE_NEWIPC)) {
		tap_skip("no sysctls of our own");
		return;
	}
	unsigned long messages = now(msgmax), segment = now(shmmax);
	char back[32];

	ok(is_set(msgmax, " 5000\n", 5000) && is_set(msgmax, "0x1000", 4096) && is_set(msgmax, "010", 8), "a sysctl: of any base");
	ok(put(msgmax, "8x") == -EINVAL && put(msgmax, "08") == -EINVAL && put(msgmax, "0x") == -EINVAL && put(msgmax, "8k") == -EINVAL,
	   "no number: EINVAL");
	ok(put(msgmax, "-4") == -EINVAL && put(msgmax, "+4") == -EINVAL && put(msgmax, " \n") == -EINVAL, "a sign, or nothing but blanks: EINVAL");
	ok(put(msgmax, "") == 0, "nothing at all is well");
	ok(put(msgmax, "3000000000") == -EINVAL && put(msgmax, "99999999999999999999") == -EINVAL, "beyond the largest: EINVAL");
	ok(now(msgmax) == 8, "it stays");
	ok(put(msgmax, "9 7") == 2 && now(msgmax) == 9, "of two the first is taken");
	int fd = open(msgmax, O_WRONLY);
	ok(write(fd, "11", 2) == 2 && write(fd, "22", 2) == 2 && now(msgmax) == 11, "what is written behind that is passed over");
	ok(pwrite(fd, "33", 2, 0) == 2 && now(msgmax) == 33, "unless it is at the start again");
	close(fd);
	ok(is_set(shmmax, "18446744073709551615", ~0ul) && put(shmmax, "18446744073709551616") == -EINVAL, "a long one: up to 2^64 - 1");
	snprintf(back, sizeof(back), "%lu", messages);
	put(msgmax, back);
	snprintf(back, sizeof(back), "%lu", segment);
	ok(is_set(shmmax, back, segment) && now(msgmax) == messages, "and all is as before");
}

int main(void)
{
	test_clear_refs();
	test_oom_score_adj();
	test_sysctl();
	return tap_done();
}
