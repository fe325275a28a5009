// SPDX-License-Identifier: MIT
// Histories of memory calls, made from seeds, that every kernel must answer alike. The output is to be
// compared with that of the same program on Linux (tools/histories).
//
//	history [-v] [-n STEPS] SPEC...
//
// SPEC: SEED, SEED+COUNT (as many seeds from there), SEED:STEP,STEP,... (only these steps, to make a
// failing history short). Each history runs in a process of its own and prints `SEED HASH CALLS`; with -v also
// what it does and sees. A step's numbers depend on the seed and on the step's number only.
//
// What the kernels may answer differently, and is left out: where a mapping goes that has no place asked
// for; what memory freed lazily contains; how memory is made of blocks; mincore in children (fork may or
// may not copy entries); guards of madvise; moving several regions by one mremap; mlock's limits for pages that
// other limits count, too.

#include <linux/capability.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "user/fuzz/history_moves.h"

struct window windows[WINDOWS] = {
	[W_START] = { ARENA, 16 },
	[W_TABLE] = { ARENA + 2 * MIB - 8 * PAGE, 16 },
	[W_UPPER] = { ARENA + GIB - 8 * PAGE, 16 },
	[W_STACK] = { ARENA + 3 * GIB, 16 },
	[W_BLOCKS] = { ARENA + 4 * GIB, 4 * 512 },
};
struct log *seen;
bool verbose;

static unsigned steps = 100;
static uint64_t state;

// ---- Numbers: splitmix64 (Steele, Lea, Flood 2014) ----

static uint64_t next_number(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void step_numbers(uint64_t seed, unsigned step)
{
	state = seed * 0x9e3779b97f4a7c15 + step * 0xd1342543de82ef95 + 1;
	next_number();
	next_number();
}

uint64_t below(uint64_t limit) { return next_number() % limit; }
bool one_in(unsigned n) { return below(n) == 0; }

// ---- What is seen ----

void say(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(text, sizeof(text) - 1, format, ap);
	va_end(ap);
	if (n > (int)sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n++] = '\n';
	for (int i = 0; i < n; i++)
		seen->hash = (seen->hash ^ (uint8_t)text[i]) * 0x100000001b3; // FNV-1a
	if (verbose && write(1, text, (size_t)n) != n)
		_exit(3);
}

bool in_arena(uint64_t addr)
{
	return (addr >= ARENA && addr < ARENA_END) ||
	       (addr >= windows[W_HEAP].start && addr < windows[W_HEAP].start + 64 * PAGE);
}

static char *some_text(void)
{
	static char texts[8][40];
	static unsigned next;

	return texts[next++ % 8];
}

const char *place(uint64_t addr)
{
	char *text = some_text();
	uint64_t heap = windows[W_HEAP].start;

	if (addr >= heap - PAGE && addr <= heap + 64 * PAGE)
		snprintf(text, 40, "H%+ld", (long)(addr - heap));
	else if (addr >= ARENA - PAGE && addr <= ARENA_END)
		snprintf(text, 40, "A+%lx", addr - ARENA);
	else
		snprintf(text, 40, "%lx", addr);
	return text;
}

static const char *error_name(int err)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
#define ERROR(name) { name, #name },
		ERROR(EPERM) ERROR(EINTR) ERROR(EIO) ERROR(EBADF) ERROR(EAGAIN) ERROR(ENOMEM) ERROR(EACCES) ERROR(EFAULT)
		ERROR(EBUSY) ERROR(EEXIST) ERROR(ENODEV) ERROR(EINVAL) ERROR(EFBIG) ERROR(ENOSPC) ERROR(ENOSYS)
		ERROR(EOVERFLOW) ERROR(EOPNOTSUPP) ERROR(ESRCH) ERROR(ETXTBSY) ERROR(ESPIPE)
#undef ERROR
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].number == err)
			return names[i].name;
	return strerror(err);
}

const char *result(long res)
{
	char *text = some_text();

	if (res < 0 && res > -4096)
		snprintf(text, 40, "-%s", error_name((int)-res));
	else
		snprintf(text, 40, "%ld", res);
	return text;
}

// ---- A history ----

static void open_files(void)
{
	char path[64];

	files[F_HOLES] = memfd_create("holes", MFD_ALLOW_SEALING);
	files[F_SMALL] = memfd_create("small", 0);
	files[F_SEALED] = memfd_create("sealed", MFD_ALLOW_SEALING);
	for (unsigned i = 0; i < 24; i++) {
		uint64_t word = i + 0x100;

		if (ftruncate(files[F_HOLES], (i + 1) * (off_t)PAGE) || ftruncate(files[F_SEALED], 8 * PAGE) ||
		    ftruncate(files[F_SMALL], 3 * PAGE + 3072))
			_exit(3);
		if (i % 3 && pwrite(files[F_HOLES], &word, 8, i * (off_t)PAGE) != 8)
			_exit(3);
	}
	fcntl(files[F_SEALED], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", files[F_HOLES]);
	files[F_READ_ONLY] = open(path, O_RDONLY);
	files[F_ZERO] = open("/dev/zero", O_RDWR);
	if (files[F_READ_ONLY] < 0 || files[F_ZERO] < 0)
		_exit(4);
}

// Neither may it map page 0, nor lock what it likes; and every other history may lock a little only.
static void drop_rights(bool limited)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		_exit(5);
	rlim_t most = limited ? 40 * PAGE : 8 * MIB;
	struct rlimit limit = { most, most };

	setrlimit(RLIMIT_MEMLOCK, &limit);
	data[0].effective &= ~(1u << CAP_SYS_RAWIO | 1u << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &head, data))
		_exit(5);
}

static void prepare(uint64_t seed)
{
	uint64_t now = (uint64_t)syscall(SYS_brk, 0);
	uint64_t heap = (now + PAGE - 1) & ~(PAGE - 1);

	windows[W_HEAP] = (struct window){ heap, 16 };
	if ((uint64_t)syscall(SYS_brk, heap) != heap)
		_exit(6);
	open_files();
	drop_rights(seed % 2);
	catch_faults();
}

static void calls(unsigned kind, unsigned step)
{
	static void (*const table[])(void) = {
		step_mmap, step_mmap, step_mmap, step_mmap, step_munmap, step_munmap, step_mprotect, step_mprotect,
		step_mprotect, step_mremap, step_mremap, step_mremap, step_madvise, step_madvise, step_madvise,
		step_lock, step_msync, step_mincore, step_brk, step_truncate, step_allocate, step_file_io, step_file_io,
		step_other, step_fork, step_load, step_load, step_load, step_load, step_run,
	};
	constexpr unsigned n = sizeof(table) / sizeof(*table);

	if (kind < n)
		table[kind]();
	else if (kind < n + 5)
		step_store(step + 0x1000);
	else if (kind < n + 6)
		step_fill(step + 0x2000);
	else
		look_at_layout();
}

// Whether the step is one of those wanted: "" means all.
static bool wanted(const char *list, unsigned step)
{
	while (*list) {
		char *end;

		if (strtoul(list, &end, 10) == step)
			return true;
		list = *end ? end + 1 : end;
		if (!*list)
			return false;
	}
	return true;
}

static void history(uint64_t seed, const char *list)
{
	unsigned last = steps;

	prepare(seed);
	for (unsigned i = 0; i < last; i++) {
		if (!wanted(list, i))
			continue;
		step_numbers(seed, i);
		now = i + 1;
		unsigned kind = (unsigned)below(38);

		if (verbose)
			dprintf(1, "%u ", i);
		seen->calls++;
		if (i < WINDOWS) {
			step_begin(i);
			continue;
		}
		if (kind == 37) {
			unsigned n = 1 + (unsigned)below(12);

			if (step_fork_and_go_on())
				last = i + 1 + n < last ? i + 1 + n : last;
			else if (!in_child)
				i += n;
			continue;
		}
		calls(kind, i);
	}
	for (unsigned i = 0; i < CHILDREN && !in_child; i++)
		release_child(i);
	all_bytes();
	look_at_flags();
	_exit(0);
}

static int one(uint64_t seed, const char *list)
{
	int status;

	*seen = (struct log){ .hash = 0xcbf29ce484222325 };
	pid_t pid = fork();

	if (!pid)
		history(seed, list);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	printf("%lu %016lx %lu", seed, seen->hash, seen->calls);
	if (status)
		printf(" status %x", status);
	printf("\n");
	fflush(stdout);
	return status != 0;
}

int main(int argc, char **argv)
{
	int c, failed = 0;

	seen = mmap(nullptr, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while ((c = getopt(argc, argv, "vn:")) != -1) {
		if (c == 'v')
			verbose = true;
		else if (c == 'n')
			steps = (unsigned)strtoul(optarg, nullptr, 0);
		else
			return 2;
	}
	for (; optind < argc; optind++) {
		char *end;
		uint64_t seed = strtoul(argv[optind], &end, 0), count = *end == '+' ? strtoul(end + 1, nullptr, 0) : 1;

		for (uint64_t i = 0; i < count; i++)
			failed |= one(seed + i, *end == ':' ? end + 1 : "");
	}
	return failed;
}
