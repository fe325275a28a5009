// SPDX-License-Identifier: MIT
// exec of programs whose headers have been damaged, as random: it must fail, or the program die,
// and nothing may be lost.
//
//	elf_damage_test [SEED [COUNT]]

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static uint64_t a_value(const uint8_t *at)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		0x1000,
		0xfff,
		0x1001,
		0x10000,
		0x7fffffffffff,
		0x7ffffffff000,
		0x800000000000,
		0x1000000000000,
		0xfffffffff000,
		0x7fffffffffffffff,
		0x8000000000000000,
		(uint64_t)-1,
		(uint64_t)-4096,
		0xffff800000000000,
		0x400000,
		0x40000000,
		0x4000000000,
		0x1000000000,
	};
	uint64_t old;

	memcpy(&old, at, sizeof(old));
	switch (rnd() % 4) {
	case 0:
		return rnd() >> rnd() % 64;
	case 1:
		return old + (rnd() % 3 - 1) * 0x1000;
	case 2:
		return old ^ 1ul << rnd() % 64;
	default:
		return values[rnd() % (sizeof(values) / sizeof(*values))];
	}
}

// One to three fields of the ELF header or of the program headers (8 bytes each, 64 + 56 * n).
static void damage(uint8_t *image)
{
	for (uint64_t n = 1 + rnd() % 3; n; n--) {
		uint8_t *at = image + (rnd() % 4 ? 64 + rnd() % (8 * 7) * 8 : 16 + rnd() % 6 * 8);
		uint64_t value = a_value(at);

		memcpy(at, &value, rnd() % 3 ? 8 : 4);
	}
}

static int run(const char *path)
{
	char *const argv[] = {"true", nullptr}, *const envp[] = {nullptr};
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		struct rlimit none = {};

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		setrlimit(RLIMIT_CORE, &none);
		alarm(5); // it may start somewhere, and loop
		execve(path, argv, envp);
		_exit(100);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static bool write_file(const char *path, const uint8_t *image, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	bool good = fd >= 0 && write(fd, image, n) == (ssize_t)n;

	close(fd);
	return good;
}

int main(int argc, char **argv)
{
	static uint8_t original[1 << 20], image[sizeof(original)];
	int fd = open("/proc/self/exe", O_RDONLY), refused = 0, ran = 0,
	    count = argc > 2 ? atoi(argv[2]) : 150;
	ssize_t n = read(fd, original, sizeof(original));
	bool good = n > 4096;
	char dir[] = "/tmp/elf.XXXXXX";

	if (argc == 1 && argv[0][0] == 't')
		return 0; // an undamaged copy
	if (!good || !mkdtemp(dir) || chdir(dir))
		tap_bail("set-up");
	close(fd);
	state = argc > 1 ? strtoul(argv[1], nullptr, 0) : 12345;
	ok(write_file("whole", original, (size_t)n) && run("./whole") == 0,
	   "an undamaged program runs");
	for (int i = 0; i < count && good; i++) {
		memcpy(image, original, (size_t)n);
		damage(image);
		size_t size = rnd() % 4 ? (size_t)n : rnd() % (size_t)n;

		good = write_file("bad", image, size);
		int status = good ? run("./bad") : 0;

		good = good && status != -1;
		refused += status == 100 << 8;
		ran += status != 100 << 8;
		unlink("bad");
	}
	ok(good && refused && ran, "%d damaged programs: %d refused, %d started", count, refused,
	   ran);
	ok(run("./whole") == 0, "the undamaged program still runs");
	unlink("whole");
	chdir("/");
	rmdir(dir);
	return tap_done();
}
