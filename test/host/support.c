// SPDX-License-Identifier: MIT
/* The machine of the host tests: see host.h. */
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include "host.h"

#include "lib/printf.h"
#include "lib/radix.h"
#include "mm/page.h"
#include "arch/arch.h"

/* ---- Panics ---- */

static _Thread_local jmp_buf *panic_wanted;
static _Thread_local char panic_text[256];

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(panic_text, sizeof(panic_text), fmt, ap);
	va_end(ap);
	if (panic_wanted)
		longjmp(*panic_wanted, 1);
	fprintf(stderr, "*** panic: %s\n", panic_text);
	abort();
}

void assert_failed(const char *expr, const char *file, int line)
{
	panic("%s:%d: assertion failed: %s", file, line, expr);
}

const char *host_panic_of(void (*fn)(void *), void *arg)
{
	jmp_buf here;

	panic_wanted = &here;
	if (setjmp(here) == 0) {
		fn(arg);
		panic_wanted = nullptr;
		fail_msg("did not panic");
	}
	panic_wanted = nullptr;
	return panic_text;
}

/* Errors and worse show; the rest would hide them. */
[[gnu::weak]] void log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > LOG_ERR)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* The one function of lib/string.c that the host does not have. */
[[gnu::weak]] void *mem_other(const void *s, int c, size_t n)
{
	for (const u8 *p = s; n; n--, p++)
		if (*p != (u8)c)
			return (void *)p;
	return nullptr;
}

/* ---- CPUs and time ---- */

static _Thread_local unsigned this_cpu;

void host_cpu_set(unsigned cpu) { this_cpu = cpu; }
unsigned cpu_id(void) { return this_cpu; }
[[gnu::weak]] void cpu_relax(void) { sched_yield(); }
[[gnu::weak]] void preempt_disable(void) {}
[[gnu::weak]] void preempt_enable(void) {}

[[gnu::weak]] unsigned arch_cpu_count(void) { return MAX_CPUS; }
[[gnu::weak]] void arch_publish(void) {}
[[gnu::weak]] void arch_tlb_kernel(va_t start, va_t end) {}

[[gnu::weak]] u64 arch_clock_ns(void)
{
	static u64 now;

	return __atomic_add_fetch(&now, 1000, __ATOMIC_RELAXED);
}

[[gnu::weak]] u64 arch_rtc_seconds(void) { return 0; }
[[gnu::weak]] size_t arch_random(void *buf, size_t n) { return 0; }

/* ---- Physical memory ---- */

static char *ram;
static u64 ram_bytes;

void host_ram_init(u64 bytes, struct boot_info *bi)
{
	if (ram)
		munmap(ram, ram_bytes);
	ram = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		panic("no %lu bytes of host memory", bytes);
	ram_bytes = bytes;
	if (bi) {
		memset(bi, 0, sizeof(*bi));
		bi->ram[bi->nram++] = (struct boot_range){ HOST_PA_BASE, HOST_PA_BASE + bytes };
		bi->cmdline = "";
	}
}

[[gnu::weak]] void page_init(const struct boot_info *bi)
{
	panic("this test does not link mm/page_boot.c");
}

void host_pages_init(u64 bytes)
{
	struct boot_info bi;

	host_ram_init(bytes, &bi);
	page_init(&bi);
}

/* For tests with a page_free of their own. */
[[gnu::weak]] void page_free(struct page *p);

[[gnu::weak]] void page_free_chain(struct page *p)
{
	for (struct page *next; p; p = next) {
		next = p->next;
		page_free(p);
	}
}

void *direct_map(struct pa pa)
{
	assert(pa.v - HOST_PA_BASE < ram_bytes);
	return ram + (pa.v - HOST_PA_BASE);
}

struct pa direct_pa(const void *p)
{
	u64 offset = (u64)((const char *)p - ram);

	assert(offset < ram_bytes);
	return (struct pa){ HOST_PA_BASE + offset };
}

/* For tests that use descriptors but not the allocator. */
[[gnu::weak]] struct page *page_array;
[[gnu::weak]] u64 page_array_frames;

struct pa page_pa(const struct page *p)
{
	return (struct pa){ (u64)(p - page_array) << PAGE_SHIFT };
}

struct page *pa_page(struct pa pa) { return page_array + (pa.v >> PAGE_SHIFT); }
void *page_address(const struct page *p) { return direct_map(page_pa(p)); }
struct page *page_of(const void *p) { return pa_page(direct_pa(p)); }

void arch_page_clear(void *page) { memset(page, 0, PAGE_SIZE); }
void arch_page_copy(void *dst, const void *src) { memcpy(dst, src, PAGE_SIZE); }

/* Reads what the thread sanitizer need not know of: volatile, or it would become a call of memcpy, which it sees. */
[[clang::disable_sanitizer_instrumentation]] static u64 read_unseen(const volatile u64 *p) { return *p; }

void page_copy_early(struct page *to, const struct page *from)
{
	const u64 *src = page_address(from);
	u64 *dst = page_address(to);

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(u64); i++)
		dst[i] = read_unseen(&src[i]);
}

/* A page of the page cache may be written at any time. */
void page_copy_used(const struct page *copy, const struct page *from)
{
	assert(from->kind != PAGE_ANON || memcmp(page_address(copy), page_address(from), PAGE_SIZE) == 0);
}

/* ---- Memory for lib/radix.c where mm/kmalloc.c is not linked ---- */

[[gnu::weak]] struct radix_node *radix_node_alloc(void)
{
	return calloc(1, sizeof(struct radix_node));
}

[[gnu::weak]] void radix_node_free(struct radix_node *n) { free(n); }

/* ---- Random numbers: xorshift64* (Vigna 2016) ---- */

static u64 random_state = 1;

void host_seed(u64 seed) { random_state = seed * 0x9e3779b97f4a7c15 | 1; }

u64 host_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1d) >> 8;
}
