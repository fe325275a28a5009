// SPDX-License-Identifier: MIT
/*
 * The end. One CPU reports, the others stop; a panic within a panic says one line and halts.
 * The lines `*** panic: ` and `*** end of panic` are what test runners look for.
 *
 * Symbols come from tables that the second link puts last in the image (tools/ksyms); they are
 * weak, so that the first link works without them.
 */
#include "lib/panic.h"
#include "lib/printf.h"
#include "arch/arch.h"

constexpr u32 NO_CPU = ~0u;
constexpr int FRAMES_MAX = 32;
constexpr u64 STACK_SPAN = 16 * KiB;	/* no call chain is longer */

extern const char _text[], _etext[];
[[gnu::weak]] extern const u32 ksym_count, ksym_addr[], ksym_name_off[];
[[gnu::weak]] extern const char ksym_names[];

void (*panic_describe)(void);

static u32 panic_cpu = NO_CPU;	/* (a) the one that reports */

const char *symbol_name(va_t addr, u64 *offset)
{
	u32 n = &ksym_count ? ksym_count : 0;

	if (addr < (va_t)_text || addr >= (va_t)_etext || n == 0 ||
	    addr - (va_t)_text < ksym_addr[0])
		return nullptr;
	u32 at = (u32)(addr - (va_t)_text), low = 0;

	while (n > 1) {		/* the last symbol at or below `at` is in [low, low + n) */
		u32 half = n / 2;

		if (ksym_addr[low + half] <= at)
			low += half, n -= half;
		else
			n = half;
	}
	*offset = at - ksym_addr[low];
	return ksym_names + ksym_name_off[low];
}

static void print_frame(va_t pc)
{
	u64 offset;
	/* A return address may be the first byte of the next function (after a call of a function
	 * that does not return). */
	const char *name = symbol_name(pc - 1, &offset);

	if (name)
		log_err("  %016lx %s+0x%lx", pc, name, offset + 1);
	else
		log_err("  %016lx", pc);
}

/* Both CPUs' frame records are {caller's frame pointer, return address}, at rising addresses. */
void backtrace(u64 fp)
{
	u64 top = (u64)thread_self()->stack_top;

	if (fp >= top || top - fp > STACK_SPAN)
		top = fp + STACK_SPAN;		/* a stack of the machine's own */
	for (int i = 0; i < FRAMES_MAX && is_aligned(fp, 8) && fp >= DIRECT_BASE; i++) {
		const u64 *record = (const u64 *)fp;

		if (top - fp < 2 * sizeof(u64) || record[1] == 0)
			break;
		print_frame(record[1]);
		if (record[0] <= fp || record[0] >= top)
			break;
		fp = record[0];
	}
}

static void stop_others(void)
{
	u64 others = (BIT(arch_cpu_count()) - 1) & ~BIT(cpu_id());

	if (others)
		arch_ipi(others, IPI_STOP);
}

/* Returns on the one CPU that is to report; true: it is reporting already. */
static bool panic_begin(void)
{
	u32 none = NO_CPU, me = cpu_id();

	irq_disable();
	if (__atomic_compare_exchange_n(&panic_cpu, &none, me, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		console_panic_mode();
		return false;
	}
	if (none != me)
		arch_halt();
	return true;
}

/* A bug in here, or in what is called from here, must not hide the first message. */
[[noreturn]] static void panic_again(const char *message)
{
	static bool third;

	if (!third) {
		third = true;
		log_at(LOG_EMERG, "and the report panics: %s", message);
		log_at(LOG_EMERG, "*** end of panic");
	}
	arch_halt();
}

void panic(const char *fmt, ...)
{
	bool again = panic_begin();
	char message[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (again)
		panic_again(message);
	log_at(LOG_EMERG, "*** panic: %s", message);
	log_at(LOG_EMERG, "CPU %u, thread %p, preempt depth %u", cpu_id(), (void *)thread_self(),
	       thread_self()->preempt);
	if (panic_describe)
		panic_describe();
	backtrace((u64)__builtin_frame_address(0));
	stop_others();
	log_at(LOG_EMERG, "*** end of panic");
	arch_halt();
}

void assert_failed(const char *expr, const char *file, int line)
{
	panic("%s:%d: assertion failed: %s", file, line, expr);
}
